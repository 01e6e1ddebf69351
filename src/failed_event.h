/*-------------------------------------------------------------------------
 *
 * failed_event.h
 *	  Events that consumers failed at, and the streams behind them.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/failed_event.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_FAILED_EVENT_H
#define ES_FAILED_EVENT_H

#include "utils/timestamp.h"

#include "lease.h"

/* A failed event, and its stream if that waits for it. */
typedef struct EsFailedEvent
{
	int32 partition;
	int64 stream_id;
	int64 passed_version; /* 0: the stream waits */
	int64 next_version;	  /* from which on its events are to be handled */
	int64 ahead_position; /* it stays set aside until the checkpoint is here */
	int64 failed_version; /* 0 once it was handled */
	int64 global_position;
	int32 attempts;
	TimestampTz retry_at;  /* DT_NOEND for a parked one */
	TimestampTz parked_at; /* DT_NOBEGIN for one that is not */
	int64 token;

	/* what is written only */
	const char *reason;	  /* may be NULL */
	const char *consumer; /* may be NULL */
} EsFailedEvent;

/* A list of them. */
typedef struct EsFailedEvents
{
	int64 n;
	EsFailedEvent *events;
} EsFailedEvents;

extern bool es_failed_event_find(const EsSubscription *subscription,
								 int64 stream_id, int64 passed_version,
								 EsFailedEvent *event);
extern void es_failed_events_due(const EsSubscription *subscription,
								 TimestampTz now, EsFailedEvents *due);
extern void es_failed_events_of_lease(const EsSubscription *subscription,
									  const EsPartition *partition,
									  EsFailedEvents *failed);
extern void es_failed_events_parked(const EsSubscription *subscription,
									int32 partition, EsFailedEvents *parked);
extern void es_failed_event_keep(const EsSubscription *subscription,
								 const EsFailedEvent *event);
extern void es_failed_event_go_on(const EsSubscription *subscription,
								  const EsFailedEvent *event,
								  int64 next_version, int64 ahead_position);
extern void es_failed_event_release(const EsSubscription *subscription,
									const EsFailedEvent *event, bool again);
extern void es_failed_event_delete(const EsSubscription *subscription,
								   const EsFailedEvent *event);
extern void es_failed_events_move(const EsSubscription *subscription,
								  int64 position);
extern void es_failed_events_merge(const EsSubscription *subscription,
								   int64 stream_id);
extern void es_failed_events_delete(const char *subscription, Oid owner);

#endif /* ES_FAILED_EVENT_H */
