/*-------------------------------------------------------------------------
 *
 * set_aside_streams.h
 *	  Which streams of a subscription are set aside.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/set_aside_streams.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SET_ASIDE_STREAMS_H
#define ES_SET_ASIDE_STREAMS_H

#include "subscription.h"

/* The first of them; those after are looked up. */
typedef struct EsSetAsideStreams
{
	const EsSubscription *subscription;
	bool any_failed; /* any failed event, of these streams or others */
	int64 n;
	int64 *stream_ids; /* in their order */
	int64 last;		   /* up to here all are listed */
	int64 looked_up;   /* the one that was last; 0 for none */
	bool found;		   /* whether that is set aside */
} EsSetAsideStreams;

extern void es_set_aside_streams(const EsSubscription *subscription,
								 int64 max_count, EsSetAsideStreams *streams);
extern bool es_is_set_aside(EsSetAsideStreams *streams, int64 stream_id);

#endif /* ES_SET_ASIDE_STREAMS_H */
