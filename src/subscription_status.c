/*-------------------------------------------------------------------------
 *
 * subscription_status.c
 *	  The SQL call behind the view subscription_status: how the subscriptions are.
 *
 * What is still to be handled is counted event by event up to some number, once for all
 * partitions of a subscription, and from there on estimated by the positions that are
 * left.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/subscription_status.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "horizon.h"
#include "lease.h"
#include "position.h"
#include "result_rows.h"
#include "set_aside_streams.h"
#include "statement.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_subscription_statuses);

/* So many events are counted one by one. */
#define COUNTED_EVENTS 10000

/* Columns of the result. */
enum
{
	ST_SUBSCRIPTION,
	ST_PARTITION,
	ST_STATE,
	ST_CONSUMER,
	ST_LEASED_UNTIL,
	ST_CHECKPOINT,
	ST_LAG_EVENTS,
	ST_LAG_SECONDS,
	ST_DELIVERIES,
	ST_DELAYED,
	ST_ATTEMPTS,
	ST_RETRY_AT,
	ST_PARKED,
	ST_FAILED_AT,
	ST_REASON,
	ST_POLLED_AT,
	ST_ACKED_AT,
	ST_COLUMNS
};

static EsStatement names_statement =
	{.text = "SELECT subscription::pg_catalog.text FROM event_store.subscriptions"
			 " ORDER BY subscription",
	 .expected = SPI_OK_SELECT,
	 .things = "subscriptions"};

/* What has failed of each partition; the casts as in checkpoint.c. */
static EsStatement failed_statement =
	{.text = "SELECT partition::pg_catalog.int4,"
			 " pg_catalog.count(retry_at),"
			 " pg_catalog.max(attempts::pg_catalog.int4)"
			 " FILTER (WHERE parked_at IS NULL),"
			 " pg_catalog.min(retry_at::pg_catalog.timestamptz)"
			 " FILTER (WHERE attempts OPERATOR(pg_catalog.>) 0),"
			 " pg_catalog.count(parked_at),"
			 " pg_catalog.max(failed_at::pg_catalog.timestamptz),"
			 " (pg_catalog.array_agg(reason::pg_catalog.text"
			 " ORDER BY failed_at DESC))[1]"
			 " FROM event_store.subscription_failed_events"
			 " WHERE subscription OPERATOR(pg_catalog.=) $1 GROUP BY 1",
	 .expected = SPI_OK_SELECT,
	 .narguments = 1,
	 .types = {TEXTOID},
	 .things = "subscriptions"};

/* How a partition is. */
typedef struct Status
{
	bool lag_known;
	int64 lag_events;
	double lag_seconds; /* age of the first of them */
	Datum values[ST_COLUMNS];
	bool missing[ST_COLUMNS];
} Status;

/*
 * count_event
 *		Counts an event that is still to be handled, if it is; returns whether.
 */
static bool
count_event(const EsSubscription *subscription, const EsPartition *partitions,
			EsSetAsideStreams *set_aside, Status *statuses, TupleTableSlot *event)
{
	int64 stream_id = es_bigint_column(event, ES_EVENTS, EV_STREAM_ID);
	int32 number = es_subscription_partition(subscription, stream_id);
	Status *status = &statuses[number];

	if (es_bigint_column(event, ES_EVENTS, EV_GLOBAL_POSITION) <=
			partitions[number].checkpoint ||
		es_is_set_aside(set_aside, stream_id))
		return false;
	if (status->lag_events++ == 0)
		status->lag_seconds =
			(GetCurrentTimestamp() -
			 DatumGetTimestampTz(es_column(event, ES_EVENTS, EV_RECORDED_AT))) /
			1e6;
	return true;
}

/*
 * estimate_rest
 *		Adds to what was counted up to a position what about there is up to another.
 */
static void
estimate_rest(const EsSubscription *subscription, Status *statuses,
			  int64 lowest, int64 reached, int64 highest)
{
	double density = (double) COUNTED_EVENTS / Max(reached - lowest, 1);
	int64 rest = (int64) ((highest - reached) * density);

	for (int32 i = 0; i < subscription->partitions; i++)
		statuses[i].lag_events += rest / subscription->partitions;
}

/*
 * measure
 *		Finds out how much is left to the partitions.
 */
static void
measure(const EsSubscription *subscription, const EsPartition *partitions,
		EsSetAsideStreams *set_aside, Status *statuses)
{
	int64 lowest = partitions[0].checkpoint;
	int64 reached = 0;
	int64 counted = 0;
	EsReadRequest request;
	EsStoreRead *read;
	TupleTableSlot *event;

	for (int32 i = 0; i < subscription->partitions; i++)
	{
		lowest = Min(lowest, partitions[i].checkpoint);
		statuses[i].lag_known = true;
	}
	es_subscription_request(subscription, &request);
	request.range.lowest = lowest + 1;
	request.max_count = COUNTED_EVENTS;
	read = es_store_read_begin(&request);
	while ((event = es_store_read_next(read)) != NULL)
	{
		reached = es_bigint_column(event, ES_EVENTS, EV_GLOBAL_POSITION);
		(void) count_event(subscription, partitions, set_aside, statuses, event);
		counted++;
	}
	if (counted == COUNTED_EVENTS)
		estimate_rest(subscription, statuses, lowest, reached,
					  es_store_read_highest(read));
	es_store_read_end(read);
}

/*
 * state_of
 *		The state of a partition in a word.
 */
static const char *
state_of(const EsPartition *partition, const Status *status, bool beyond)
{
	bool unanswered = partition->leased_until != DT_NOBEGIN;

	if (beyond)
		return "beyond store";
	if (unanswered &&
		(partition->deliveries > 1 ||
		 partition->leased_until <= GetCurrentTimestamp()))
		return "stuck";
	if (unanswered)
		return "working";
	if (!status->lag_known)
		return "unknown";
	if (status->lag_events > 0)
		return "unclaimed";
	if (DatumGetInt64(status->values[ST_DELAYED]) > 0)
		return "delayed";
	return "up to date";
}

/*
 * put_time
 *		A time as a column; null for DT_NOBEGIN.
 */
static void
put_time(Status *status, int column, TimestampTz time)
{
	status->missing[column] = time == DT_NOBEGIN;
	status->values[column] = TimestampTzGetDatum(time);
}

/*
 * put_partition
 *		Adds a partition to the result.
 */
static void
put_partition(ReturnSetInfo *result, const EsSubscription *subscription,
			  const EsPartition *partition, Status *status, bool beyond)
{
	Datum *values = status->values;
	bool *missing = status->missing;

	missing[ST_SUBSCRIPTION] = missing[ST_PARTITION] = missing[ST_STATE] =
		missing[ST_CHECKPOINT] = missing[ST_DELIVERIES] = false;
	values[ST_SUBSCRIPTION] = CStringGetTextDatum(subscription->name);
	values[ST_PARTITION] = Int32GetDatum(partition->number);
	values[ST_STATE] = CStringGetTextDatum(state_of(partition, status, beyond));
	values[ST_CHECKPOINT] = Int64GetDatum(partition->checkpoint);
	values[ST_DELIVERIES] = Int32GetDatum(partition->deliveries);
	missing[ST_CONSUMER] = partition->consumer == NULL;
	if (partition->consumer != NULL)
		values[ST_CONSUMER] = CStringGetTextDatum(partition->consumer);
	put_time(status, ST_LEASED_UNTIL, partition->leased_until);
	put_time(status, ST_POLLED_AT, partition->polled_at);
	put_time(status, ST_ACKED_AT, partition->acked_at);
	missing[ST_LAG_EVENTS] = missing[ST_LAG_SECONDS] = !status->lag_known;
	values[ST_LAG_EVENTS] = Int64GetDatum(status->lag_events);
	values[ST_LAG_SECONDS] = Float8GetDatum(status->lag_seconds);
	es_put_row(result, values, missing, ST_COLUMNS);
}

/*
 * begin_status
 *		A status of which nothing is known yet, and nothing has failed.
 */
static void
begin_status(Status *status)
{
	memset(status, 0, sizeof(Status));
	memset(status->missing, true, sizeof(status->missing));
	status->missing[ST_DELAYED] = status->missing[ST_PARKED] = false;
	status->values[ST_DELAYED] = Int64GetDatum(0);
	status->values[ST_PARKED] = Int64GetDatum(0);
}

/*
 * take_failed
 *		Takes into the statuses what has failed.
 */
static void
take_failed(const EsSubscription *subscription, Status *statuses)
{
	static const int columns[] = {ST_DELAYED, ST_ATTEMPTS,	ST_RETRY_AT,
								  ST_PARKED,  ST_FAILED_AT, ST_REASON};
	Datum arguments[] = {CStringGetTextDatum(subscription->name)};
	EsActor before;
	uint64 n;

	es_statements_begin(&before, subscription->owner);
	n = es_statement_run(&failed_statement, arguments, NULL);
	for (uint64 i = 0; i < n; i++)
	{
		bool isnull;
		int32 number = DatumGetInt32(es_statement_column(i, 1, &isnull));
		Status *status;

		if (isnull || number < 0 || number >= subscription->partitions)
			continue;
		status = &statuses[number];
		for (int j = 0; j < lengthof(columns); j++)
		{
			Datum value =
				es_statement_column(i, j + 2, &status->missing[columns[j]]);

			if (columns[j] == ST_REASON && !status->missing[ST_REASON])
				value = SPI_datumTransfer(value, false, -1);
			status->values[columns[j]] = value;
		}
	}
	es_statements_end(&before);
}

/*
 * put_unusable
 *		Adds a subscription to the result that cannot be used.
 */
static void
put_unusable(ReturnSetInfo *result, const char *name, const char *flaw)
{
	Status status;

	begin_status(&status);
	status.missing[ST_DELAYED] = status.missing[ST_PARKED] = true;
	status.missing[ST_SUBSCRIPTION] = status.missing[ST_STATE] =
		status.missing[ST_REASON] = false;
	status.values[ST_SUBSCRIPTION] = CStringGetTextDatum(name);
	status.values[ST_STATE] = CStringGetTextDatum("unusable");
	status.values[ST_REASON] = CStringGetTextDatum(flaw);
	es_put_row(result, status.values, status.missing, ST_COLUMNS);
}

/*
 * put_subscription
 *		Adds the partitions of a subscription to the result.
 */
static void
put_subscription(ReturnSetInfo *result, const char *name)
{
	const EsSubscription *subscription = es_subscription_find(name);
	EsPartition *partitions;
	EsSetAsideStreams set_aside;
	Status *statuses;
	int64 last;
	int64 horizon;
	bool beyond = false;
	const char *flaw;

	if (subscription == NULL)
		return; /* somebody has just dropped it */
	if (subscription->flaw == NULL &&
		es_partitions_find(subscription, &partitions) != subscription->partitions)
		flaw = "It lacks partitions.";
	else
		flaw = subscription->flaw;
	if (flaw != NULL)
	{
		put_unusable(result, name, flaw);
		return;
	}

	/* after the partitions, which may have gone on meanwhile */
	last = es_last_position();
	es_set_aside_streams(subscription, PG_INT64_MAX, &set_aside);
	statuses = palloc(subscription->partitions * sizeof(Status));
	for (int32 i = 0; i < subscription->partitions; i++)
	{
		begin_status(&statuses[i]);
		beyond |= partitions[i].checkpoint > last;
	}
	take_failed(subscription, statuses);
	if (!beyond && (!RecoveryInProgress() || es_horizon_find(&horizon)))
		measure(subscription, partitions, &set_aside, statuses);
	for (int32 i = 0; i < subscription->partitions; i++)
		put_partition(result, subscription, &partitions[i], &statuses[i],
					  partitions[i].checkpoint > last);
}

/*
 * list_names
 *		The names of all subscriptions.
 */
static char **
list_names(uint64 *n)
{
	MemoryContext caller = CurrentMemoryContext;
	EsActor before;
	char **names;
	bool isnull;

	es_statements_begin(&before, es_store_owner(ES_SUBSCRIPTIONS));
	*n = es_statement_run(&names_statement, NULL, NULL);
	names = MemoryContextAllocHuge(caller, Max(*n, 1) * sizeof(char *));
	for (uint64 i = 0; i < *n; i++)
		names[i] = MemoryContextStrdup(caller,
									   TextDatumGetCString(
										   es_statement_column(i, 1, &isnull)));
	es_statements_end(&before);
	return names;
}

/*
 * event_store_subscription_statuses
 *		subscription_statuses() returns a row for each partition of a subscription
 *
 * Raises ST002.
 */
Datum
event_store_subscription_statuses(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	char **names;
	uint64 n;

	InitMaterializedSRF(fcinfo, 0);
	if (!es_store_has(ES_SUBSCRIPTIONS))
		return (Datum) 0;
	names = list_names(&n);
	context = AllocSetContextCreate(CurrentMemoryContext, "event_store status",
									ALLOCSET_DEFAULT_SIZES);
	for (uint64 i = 0; i < n; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		put_subscription((ReturnSetInfo *) fcinfo->resultinfo, names[i]);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	return (Datum) 0;
}
