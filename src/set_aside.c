/*-------------------------------------------------------------------------
 *
 * set_aside.c
 *	  Streams that are delivered by themselves, after a failure.
 *
 * A stream with a failed event has its own place up to which its events are handled,
 * which is behind the checkpoint of its partition, or ahead of it where that consumer did
 * not acknowledge the events before, or where an event is parked and passed.  While it is
 * set aside, its events are left out of what is delivered after the checkpoint; they are
 * read together with the others again when the stream is not ahead and has no event
 * between its place and the checkpoint.  All that counts there is at or below the safe
 * position, so that no append can bring another.
 *
 * The event that failed is delivered alone, so that it alone fails again.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/set_aside.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attempts.h"
#include "set_aside.h"
#include "store.h"

/*
 * read_stream
 *		Begins to read a subscription's events of a stream, from a version on, up to a
 *		position.
 */
static EsStoreRead *
read_stream(const EsSubscription *subscription, int64 stream_id,
			const EsRange *versions, int64 highest, int64 max_count)
{
	EsReadRequest request;

	es_subscription_request(subscription, &request);
	request.stream_id = stream_id;
	request.versions = *versions;
	request.range.highest = highest;
	request.max_count = max_count;
	return es_store_read_begin(&request);
}

/*
 * position_of
 *		Position of an event.
 */
static int64
position_of(TupleTableSlot *event)
{
	return es_bigint_column(event, ES_EVENTS, EV_GLOBAL_POSITION);
}

/*
 * version_of
 *		Version of an event.
 */
static int64
version_of(TupleTableSlot *event)
{
	return es_bigint_column(event, ES_EVENTS, EV_VERSION);
}

/*
 * es_event_at
 *		Says which event is at a position, of those that are asked for; returns false
 *		where none is.
 */
bool
es_event_at(EsReadRequest *request, int64 position, EsUnhandled *unhandled)
{
	EsStoreRead *read;
	TupleTableSlot *event;

	request->range.lowest = position;
	request->range.highest = position;
	read = es_store_read_begin(request);
	event = es_store_read_next(read);
	if (event != NULL)
	{
		unhandled->stream_id = es_bigint_column(event, ES_EVENTS, EV_STREAM_ID);
		unhandled->version = version_of(event);
		unhandled->global_position = position;
	}
	es_store_read_end(read);
	return event != NULL;
}

/*
 * es_set_aside_read
 *		Begins to read what is to be delivered for a failed event: up to it, or if it was
 *		handled, up to the checkpoint; of one that its stream has passed, it alone.
 */
EsStoreRead *
es_set_aside_read(const EsSubscription *subscription,
				  const EsFailedEvent *event, const EsPartition *partition)
{
	EsRange versions = {event->next_version, PG_INT64_MAX, false};

	if (event->passed_version > 0 || event->failed_version >= event->next_version)
	{
		versions.highest = Max(event->passed_version, event->failed_version);
		return read_stream(subscription, event->stream_id, &versions,
						   PG_INT64_MAX, PG_INT64_MAX);
	}
	return read_stream(subscription, event->stream_id, &versions,
					   partition->checkpoint, PG_INT64_MAX);
}

/*
 * es_set_aside_next
 *		The next event of a stream, past those that are parked and passed by it; NULL
 *		after the last.
 */
TupleTableSlot *
es_set_aside_next(EsStoreRead *read, const EsSubscription *subscription)
{
	EsFailedEvent passed;
	TupleTableSlot *event;

	while ((event = es_store_read_next(read)) != NULL &&
		   es_failed_event_find(subscription,
								es_bigint_column(event, ES_EVENTS, EV_STREAM_ID),
								version_of(event), &passed))
		;
	return event;
}

/*
 * es_set_aside_is_behind
 *		Whether a stream that is set aside has to stay so: it is ahead of a checkpoint, or
 *		has events to be handled up to it.
 */
bool
es_set_aside_is_behind(const EsSubscription *subscription,
					   const EsFailedEvent *event, int64 checkpoint)
{
	EsRange versions = {event->next_version, PG_INT64_MAX, false};
	EsStoreRead *read;
	bool behind;

	if (event->ahead_position > checkpoint ||
		event->failed_version >= event->next_version)
		return true;
	read = read_stream(subscription, event->stream_id, &versions, checkpoint,
					   PG_INT64_MAX);
	behind = es_set_aside_next(read, subscription) != NULL;
	es_store_read_end(read);
	return behind;
}

/*
 * es_set_aside_handled
 *		Notes that the events of a stream that is set aside are handled up to a position.
 */
void
es_set_aside_handled(const EsSubscription *subscription,
					 const EsFailedEvent *event, int64 position)
{
	EsRange versions = {event->next_version, PG_INT64_MAX, false};
	EsStoreRead *read = read_stream(subscription, event->stream_id, &versions,
									position, PG_INT64_MAX);
	int64 version = 0;
	int64 ahead_position = 0;
	TupleTableSlot *slot;

	while ((slot = es_store_read_next(read)) != NULL)
	{
		version = version_of(slot);
		ahead_position = position_of(slot);
	}
	es_store_read_end(read);
	if (version > 0)
		es_failed_event_go_on(subscription, event, version + 1, ahead_position);
}

/*
 * es_passed_event_handled
 *		Forgets an event that its stream has passed; but as long as the stream has still
 *		to come past it, it is kept for that.
 */
void
es_passed_event_handled(const EsSubscription *subscription,
						const EsFailedEvent *event)
{
	EsFailedEvent stream;

	if (es_failed_event_find(subscription, event->stream_id, 0, &stream) &&
		stream.next_version <= event->passed_version)
		es_failed_event_release(subscription, event, false);
	else
		es_failed_event_delete(subscription, event);
}

/*
 * es_set_aside_first
 *		The first version of a stream after a checkpoint, up to a version that is.
 */
int64
es_set_aside_first(const EsSubscription *subscription, int64 stream_id,
				   int64 version, int64 checkpoint)
{
	EsRange versions = {1, version, true};
	EsStoreRead *read = read_stream(subscription, stream_id, &versions,
									PG_INT64_MAX, PG_INT64_MAX);
	int64 first = version;
	TupleTableSlot *slot;

	while ((slot = es_store_read_next(read)) != NULL &&
		   position_of(slot) > checkpoint)
		first = version_of(slot);
	es_store_read_end(read);
	return first;
}

/*
 * next_attempt
 *		When an event that has failed so often is delivered again.
 */
static TimestampTz
next_attempt(const EsSubscription *subscription, const EsUnhandled *unhandled,
			 int32 attempts)
{
	int64 delay = unhandled->delay >= 0
		? unhandled->delay
		: es_delay_after(subscription->retry_delay, attempts);

	return GetCurrentTimestamp() + delay;
}

/*
 * pass
 *		Parks an event by itself, and has its stream go on after it.
 */
static void
pass(const EsSubscription *subscription, EsFailedEvent *event)
{
	EsFailedEvent stream = *event;

	event->passed_version = event->failed_version;
	event->next_version = event->failed_version;
	es_failed_event_keep(subscription, event);

	if (stream.next_version == event->failed_version)
		stream.next_version++;
	stream.ahead_position = Max(stream.ahead_position, event->global_position);
	stream.failed_version = 0;
	stream.attempts = 0;
	stream.parked_at = DT_NOBEGIN;
	stream.retry_at = GetCurrentTimestamp();
	es_failed_event_keep(subscription, &stream);
}

/*
 * es_set_aside_fail
 *		Notes that an event was not handled: sets its stream aside until the next
 *		attempt, or parks it after the last.  The partition is locked, and is changed by
 *		the caller.
 */
void
es_set_aside_fail(const EsSubscription *subscription,
				  const EsPartition *partition, const EsUnhandled *unhandled)
{
	bool passed = partition->retried_stream == unhandled->stream_id &&
		partition->retried_version > 0;
	EsFailedEvent old;
	bool known =
		es_failed_event_find(subscription, unhandled->stream_id,
							 passed ? partition->retried_version : 0, &old);
	bool again = known && old.failed_version == unhandled->version;
	EsFailedEvent event = {0};

	event.partition = partition->number;
	event.stream_id = unhandled->stream_id;
	event.passed_version = passed ? unhandled->version : 0;
	event.next_version = known ? old.next_version : unhandled->first_version;
	event.ahead_position = known ? old.ahead_position : partition->checkpoint;
	event.failed_version = unhandled->version;
	event.global_position = unhandled->global_position;
	event.attempts = again ? old.attempts + 1 : 1;
	event.token = partition->token;
	event.reason = unhandled->reason;
	event.consumer = unhandled->consumer;
	event.retry_at = DT_NOEND;
	event.parked_at = GetCurrentTimestamp();
	if (event.attempts < subscription->max_attempts)
	{
		event.parked_at = DT_NOBEGIN;
		event.retry_at = next_attempt(subscription, unhandled, event.attempts);
	}
	else if (subscription->passes && !passed)
	{
		pass(subscription, &event);
		return;
	}
	es_failed_event_keep(subscription, &event);
}
