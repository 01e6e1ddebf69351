/*-------------------------------------------------------------------------
 *
 * set_aside.h
 *	  Streams that are delivered by themselves, after a failure.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/set_aside.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SET_ASIDE_H
#define ES_SET_ASIDE_H

#include "failed_event.h"

/* An event that was not handled. */
typedef struct EsUnhandled
{
	int64 stream_id;
	int64 version;
	int64 global_position;
	int64 first_version; /* of its stream that is not acknowledged */
	const char *consumer;
	const char *reason; /* may be NULL */
	int64 delay;		/* to the next attempt, microseconds; -1: as usual */
} EsUnhandled;

extern bool es_event_at(EsReadRequest *request, int64 position,
						EsUnhandled *unhandled);
extern EsStoreRead *es_set_aside_read(const EsSubscription *subscription,
									  const EsFailedEvent *event,
									  const EsPartition *partition);
extern TupleTableSlot *es_set_aside_next(EsStoreRead *read,
										 const EsSubscription *subscription);
extern bool es_set_aside_is_behind(const EsSubscription *subscription,
								   const EsFailedEvent *event, int64 checkpoint);
extern void es_set_aside_handled(const EsSubscription *subscription,
								 const EsFailedEvent *event, int64 position);
extern void es_passed_event_handled(const EsSubscription *subscription,
									const EsFailedEvent *event);
extern int64 es_set_aside_first(const EsSubscription *subscription,
								int64 stream_id, int64 version, int64 checkpoint);
extern void es_set_aside_fail(const EsSubscription *subscription,
							  const EsPartition *partition,
							  const EsUnhandled *unhandled);

#endif /* ES_SET_ASIDE_H */
