/*-------------------------------------------------------------------------
 *
 * replay.c
 *	  The SQL calls about events that subscriptions have parked.
 *
 * What these change of an event goes with a change of its partition, which is locked
 * first: a consumer that polls at the same time notices, see poll.c.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/replay.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "check.h"
#include "result_rows.h"
#include "rights.h"
#include "set_aside.h"
#include "statement.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_parked_events);
PG_FUNCTION_INFO_V1(event_store_replay_parked);
PG_FUNCTION_INFO_V1(event_store_skip_parked);

/* Columns of parked_events(). */
#define PARKED_COLUMNS 11

/* The casts as in checkpoint.c. */
static EsStatement parked_statement =
	{.text = "SELECT f.subscription::pg_catalog.text,"
			 " f.partition::pg_catalog.int4, f.global_position::pg_catalog.int8,"
			 " s.stream::pg_catalog.text, f.failed_version::pg_catalog.int8,"
			 " e.type::pg_catalog.text, f.attempts::pg_catalog.int4,"
			 " f.parked_at::pg_catalog.timestamptz, f.reason::pg_catalog.text,"
			 " f.consumer::pg_catalog.text,"
			 " f.passed_version OPERATOR(pg_catalog.=) 0"
			 " FROM event_store.subscription_failed_events f"
			 " LEFT JOIN event_store.events e ON e.global_position"
			 " OPERATOR(pg_catalog.=) f.global_position"
			 " LEFT JOIN event_store.streams s"
			 " ON s.stream_id OPERATOR(pg_catalog.=) f.stream_id"
			 " WHERE f.parked_at IS NOT NULL"
			 " AND ($1 IS NULL OR f.subscription OPERATOR(pg_catalog.=) $1)"
			 " ORDER BY f.subscription, f.global_position",
	 .expected = SPI_OK_SELECT,
	 .narguments = 1,
	 .types = {TEXTOID},
	 .things = "subscriptions"};

/*
 * put_rows
 *		Adds the rows that SPI has to the result.
 */
static void
put_rows(ReturnSetInfo *result, uint64 n)
{
	for (uint64 i = 0; i < n; i++)
	{
		Datum values[PARKED_COLUMNS];
		bool nulls[PARKED_COLUMNS];

		for (int j = 0; j < PARKED_COLUMNS; j++)
			values[j] = es_statement_column(i, j + 1, &nulls[j]);
		es_put_row(result, values, nulls, PARKED_COLUMNS);
	}
}

/*
 * event_store_parked_events
 *		parked_events(subscription) returns setof record: subscription, partition,
 *		global_position, stream, version, type, attempts, parked_at, reason, consumer,
 *		stream_waits
 *
 * Of one subscription, or all.  Raises ST002, 42704.
 */
Datum
event_store_parked_events(PG_FUNCTION_ARGS)
{
	Datum arguments[] = {PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0)};
	bool missing[] = {PG_ARGISNULL(0)};
	EsActor before;

	es_require_subscriptions();
	if (!PG_ARGISNULL(0))
		(void) es_subscription_require(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	InitMaterializedSRF(fcinfo, 0);
	es_statements_begin(&before, es_store_owner(ES_SUBSCRIPTIONS));
	put_rows((ReturnSetInfo *) fcinfo->resultinfo,
			 es_statement_run(&parked_statement, arguments, missing));
	es_statements_end(&before);
	return (Datum) 0;
}

/*
 * go_on
 *		Has the stream of a parked event go on without it.  Where events before it are
 *		still to be handled, what is left of it tells that it is passed.
 */
static void
go_on(const EsSubscription *subscription, const EsFailedEvent *event,
	  EsFailedEvent *stream)
{
	EsFailedEvent mark = *event;

	*stream = *event;
	stream->failed_version = 0;
	stream->attempts = 0;
	stream->parked_at = DT_NOBEGIN;
	stream->retry_at = GetCurrentTimestamp();
	stream->ahead_position = Max(event->ahead_position, event->global_position);
	if (event->next_version == event->failed_version)
		stream->next_version++;
	else
	{
		mark.passed_version = event->failed_version;
		mark.next_version = event->failed_version;
		mark.parked_at = DT_NOBEGIN;
		es_failed_event_keep(subscription, &mark);
	}
	es_failed_event_keep(subscription, stream);
}

/*
 * skip
 *		Gives up a parked event.  Its stream is read together with the others at once, if
 *		it can be; but not while somebody has events after it on lease.
 */
static void
skip(const EsSubscription *subscription, const EsPartition *partition,
	 const EsFailedEvent *event)
{
	EsFailedEvent stream;

	if (event->passed_version > 0)
	{
		es_passed_event_handled(subscription, event);
		return;
	}
	go_on(subscription, event, &stream);
	if (partition->leased_until == DT_NOBEGIN &&
		!es_set_aside_is_behind(subscription, &stream, partition->checkpoint))
		es_failed_events_merge(subscription, stream.stream_id);
}

/*
 * release
 *		Has a parked event of a partition, which is locked, delivered again, or skipped.
 */
static void
release(const EsSubscription *subscription, EsPartition *partition,
		const EsFailedEvent *event, bool again)
{
	if (again)
		es_failed_event_release(subscription, event, true);
	else
		skip(subscription, partition, event);
}

/*
 * release_partition
 *		Has the parked events of a partition delivered again; returns how many.
 */
static int64
release_partition(const EsSubscription *subscription, int32 number)
{
	EsPartition partition;
	EsFailedEvents parked;

	if (!es_partition_lock(subscription->name, subscription->owner, number,
						   &partition))
		return 0;
	es_failed_events_parked(subscription, number, &parked);
	for (int64 i = 0; i < parked.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		release(subscription, &partition, &parked.events[i], true);
	}
	es_partition_move(subscription, &partition, partition.checkpoint);
	return parked.n;
}

/*
 * release_all
 *		Has all parked events delivered again; returns how many there were.  Partitions
 *		that have none are not locked.
 */
static int64
release_all(const EsSubscription *subscription)
{
	int64 n = 0;

	for (int32 i = 0; i < subscription->partitions; i++)
	{
		EsFailedEvents parked;

		es_failed_events_parked(subscription, i, &parked);
		if (parked.n > 0)
			n += release_partition(subscription, i);
	}
	return n;
}

/*
 * is_parked
 *		Whether there is a failed event of a stream that is parked, at a position.
 */
static bool
is_parked(const EsSubscription *subscription, int64 stream_id,
		  int64 passed_version, int64 position, EsFailedEvent *event)
{
	return es_failed_event_find(subscription, stream_id, passed_version, event) &&
		event->parked_at != DT_NOBEGIN && event->global_position == position;
}

/*
 * find_in_lists
 *		Finds the parked event at a position that has no event any more, which only the
 *		owner can have removed.
 */
static bool
find_in_lists(const EsSubscription *subscription, int64 position,
			  EsFailedEvent *event)
{
	for (int32 i = 0; i < subscription->partitions; i++)
	{
		EsFailedEvents parked;

		es_failed_events_parked(subscription, i, &parked);
		for (int64 j = 0; j < parked.n; j++)
		{
			CHECK_FOR_INTERRUPTS();
			*event = parked.events[j];
			if (event->global_position == position)
				return true;
		}
	}
	return false;
}

/*
 * find_parked
 *		Finds the parked event at a position; returns false where none is.
 */
static bool
find_parked(const EsSubscription *subscription, int64 position,
			EsFailedEvent *event)
{
	EsReadRequest request;
	EsUnhandled at;

	/* whatever the subscription is for by now */
	es_subscription_request(subscription, &request);
	request.all_categories = true;
	request.ntypes = -1;
	if (!es_event_at(&request, position, &at))
		return find_in_lists(subscription, position, event);
	return is_parked(subscription, at.stream_id, 0, position, event) ||
		is_parked(subscription, at.stream_id, at.version, position, event);
}

/*
 * release_one
 *		Has the parked event at a position delivered again, or skipped; returns how many
 *		there were.
 */
static int64
release_one(const EsSubscription *subscription, int64 position, bool again)
{
	EsFailedEvent event;
	EsPartition partition;

	if (!find_parked(subscription, position, &event) ||
		!es_partition_lock(subscription->name, subscription->owner,
						   event.partition, &partition) ||
		!find_parked(subscription, position, &event))
		return 0;
	release(subscription, &partition, &event, again);
	es_partition_move(subscription, &partition, partition.checkpoint);
	return 1;
}

/*
 * begin_call
 *		Checks who calls, and finds the subscription.
 */
static const EsSubscription *
begin_call(FunctionCallInfo fcinfo, const char *call)
{
	es_check_writable(call);
	es_require_store_owner(call);
	es_require_subscriptions();
	return es_subscription_require(text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

/*
 * event_store_replay_parked
 *		replay_parked(subscription, global_position) returns bigint
 *
 * How many parked events are delivered again, the one at a position or all.  Raises
 * 22004, 25006, 42501 unless the caller owns the store, 42704.
 */
Datum
event_store_replay_parked(PG_FUNCTION_ARGS)
{
	const EsSubscription *subscription;

	es_check_not_null(fcinfo, 0, "subscription");
	if (!PG_ARGISNULL(1))
		es_check_not_negative(PG_GETARG_INT64(1), "global_position");
	subscription = begin_call(fcinfo, "replay_parked()");
	PG_RETURN_INT64(PG_ARGISNULL(1)
						? release_all(subscription)
						: release_one(subscription, PG_GETARG_INT64(1), true));
}

/*
 * event_store_skip_parked
 *		skip_parked(subscription, global_position) returns bigint
 *
 * How many parked events at a position are given up: 1, or 0 where none is.  Raises
 * 22004, 25006, 42501 unless the caller owns the store, 42704.
 */
Datum
event_store_skip_parked(PG_FUNCTION_ARGS)
{
	const EsSubscription *subscription;

	es_check_not_null(fcinfo, 0, "subscription");
	es_check_not_null(fcinfo, 1, "global_position");
	es_check_not_negative(PG_GETARG_INT64(1), "global_position");
	subscription = begin_call(fcinfo, "skip_parked()");
	PG_RETURN_INT64(release_one(subscription, PG_GETARG_INT64(1), false));
}
