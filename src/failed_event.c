/*-------------------------------------------------------------------------
 *
 * failed_event.c
 *	  Events that consumers failed at, and the streams behind them.
 *
 * A stream with an event that failed is set aside: it has a row in
 * subscription_failed_events, and its partition goes on without it.  When it is time the
 * stream is delivered by itself, from the event that failed on; once it has come to
 * where the partition is, the row goes, and it is read together with the others again.
 *
 * An event that has failed too often is parked.  Its stream waits, or passes it: then the
 * event gets a row of its own, and the stream goes on behind it, still by itself, as its
 * later events may have been delivered together with the one that failed and not been
 * handled.
 *
 * The rows of a partition are changed by those only who have the partition locked, and
 * with the partition's own row, so that a reader of that can tell.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/failed_event.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "failed_event.h"
#include "statement.h"

#define THINGS "subscriptions"
#define TABLE  "event_store.subscription_failed_events"

/* So much of a reason is kept, in bytes. */
#define MAX_REASON_BYTES 1000

#define THIS_EVENT                                  \
	" WHERE subscription OPERATOR(pg_catalog.=) $1" \
	" AND stream_id OPERATOR(pg_catalog.=) $2"      \
	" AND passed_version OPERATOR(pg_catalog.=) $3"

/* In the order of the enum below; the casts as in checkpoint.c. */
#define COLUMNS                                                             \
	"partition::pg_catalog.int4, stream_id::pg_catalog.int8,"               \
	" passed_version::pg_catalog.int8, next_version::pg_catalog.int8,"      \
	" ahead_position::pg_catalog.int8, failed_version::pg_catalog.int8,"    \
	" global_position::pg_catalog.int8, attempts::pg_catalog.int4,"         \
	" retry_at::pg_catalog.timestamptz, parked_at::pg_catalog.timestamptz," \
	" token::pg_catalog.int8"

enum
{
	COL_PARTITION = 1,
	COL_STREAM_ID,
	COL_PASSED_VERSION,
	COL_NEXT_VERSION,
	COL_AHEAD_POSITION,
	COL_FAILED_VERSION,
	COL_GLOBAL_POSITION,
	COL_ATTEMPTS,
	COL_RETRY_AT,
	COL_PARKED_AT,
	COL_TOKEN
};

static EsStatement find_statement = {.text = "SELECT " COLUMNS
											 " FROM " TABLE THIS_EVENT,
									 .expected = SPI_OK_SELECT,
									 .narguments = 3,
									 .types = {TEXTOID, INT8OID, INT8OID},
									 .things = THINGS,
									 .by_index = true};

/*
 * The first of each partition.  An event that its stream is to pass, but has not come to
 * yet, is not due: it would come before those before it.  Streams that wait for the
 * checkpoint are found, too; where there are more of them than that, they hold up the
 * others until it moves.
 */
static EsStatement due_statement =
	{.text = "SELECT f.* FROM"
			 " pg_catalog.generate_series(0, $2 OPERATOR(pg_catalog.-) 1) n"
			 " CROSS JOIN LATERAL (SELECT " COLUMNS " FROM " TABLE " e"
			 " WHERE subscription OPERATOR(pg_catalog.=) $1"
			 " AND partition OPERATOR(pg_catalog.=) n"
			 " AND retry_at OPERATOR(pg_catalog.<=) $3"
			 " AND (passed_version OPERATOR(pg_catalog.=) 0"
			 " OR NOT EXISTS (SELECT FROM " TABLE " stream"
			 " WHERE stream.subscription OPERATOR(pg_catalog.=) $1"
			 " AND stream.stream_id OPERATOR(pg_catalog.=) e.stream_id"
			 " AND stream.passed_version OPERATOR(pg_catalog.=) 0"
			 " AND stream.next_version OPERATOR(pg_catalog.<=) e.passed_version))"
			 " ORDER BY retry_at LIMIT 16) f",
	 .expected = SPI_OK_SELECT,
	 .narguments = 3,
	 .types = {TEXTOID, INT4OID, TIMESTAMPTZOID},
	 .things = THINGS,
	 .by_index = true};

#define OF_PARTITION                             \
	" WHERE subscription OPERATOR(pg_catalog.=)" \
	" $1 AND partition OPERATOR(pg_catalog.=) $2"

static EsStatement of_lease_statement =
	{.text = "SELECT " COLUMNS " FROM " TABLE OF_PARTITION
			 " AND token OPERATOR(pg_catalog.=) $3"
			 " AND passed_version OPERATOR(pg_catalog.=) 0",
	 .expected = SPI_OK_SELECT,
	 .narguments = 3,
	 .types = {TEXTOID, INT4OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement parked_statement = {.text = "SELECT " COLUMNS
											   " FROM " TABLE OF_PARTITION
											   " AND parked_at IS NOT NULL",
									   .expected = SPI_OK_SELECT,
									   .narguments = 2,
									   .types = {TEXTOID, INT4OID},
									   .things = THINGS,
									   .by_index = true};

/* Arguments of the next statement that may be null. */
enum
{
	KEPT_RETRY_AT = 8,
	KEPT_PARKED_AT,
	KEPT_TOKEN,
	KEPT_REASON,
	KEPT_CONSUMER
};

static EsStatement keep_statement =
	{.text = "INSERT INTO " TABLE
			 " (subscription, stream_id, passed_version, partition,"
			 " next_version, failed_version, global_position, attempts,"
			 " retry_at, parked_at, token, reason, consumer, ahead_position,"
			 " failed_at)"
			 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
			 " $14,"
			 " pg_catalog.clock_timestamp())"
			 " ON CONFLICT (subscription, stream_id, passed_version) DO UPDATE SET"
			 " next_version = $5, failed_version = $6, global_position = $7,"
			 " attempts = $8, retry_at = $9, parked_at = $10, token = $11,"
			 " reason = $12, consumer = $13, ahead_position = $14,"
			 " failed_at = pg_catalog.clock_timestamp()",
	 .expected = SPI_OK_INSERT,
	 .narguments = 14,
	 .types = {TEXTOID, INT8OID, INT8OID, INT4OID, INT8OID, INT8OID, INT8OID,
			   INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, TEXTOID,
			   TEXTOID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement go_on_statement =
	{.text = "UPDATE " TABLE " SET next_version = $4,"
			 " ahead_position = GREATEST(ahead_position, $5),"
			 " failed_version = CASE WHEN failed_version"
			 " OPERATOR(pg_catalog.>=) $4 THEN failed_version ELSE 0 END,"
			 " attempts = CASE WHEN failed_version OPERATOR(pg_catalog.>=) $4"
			 " THEN attempts ELSE 0 END" THIS_EVENT,
	 .expected = SPI_OK_UPDATE,
	 .narguments = 5,
	 .types = {TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

/* $4: whether it is delivered again; one that is not is only there to be passed. */
static EsStatement release_statement =
	{.text =
		 "UPDATE " TABLE " SET parked_at = NULL,"
		 " retry_at = CASE WHEN $4 THEN pg_catalog.clock_timestamp() END" THIS_EVENT,
	 .expected = SPI_OK_UPDATE,
	 .narguments = 4,
	 .types = {TEXTOID, INT8OID, INT8OID, BOOLOID},
	 .things = THINGS,
	 .by_index = true};

/* Of a stream, all but what is still to be dealt with. */
static EsStatement merge_statement =
	{.text = "DELETE FROM " TABLE " WHERE subscription OPERATOR(pg_catalog.=) $1"
			 " AND stream_id OPERATOR(pg_catalog.=) $2"
			 " AND (passed_version OPERATOR(pg_catalog.=) 0"
			 " OR (parked_at IS NULL AND retry_at IS NULL))",
	 .expected = SPI_OK_DELETE,
	 .narguments = 2,
	 .types = {TEXTOID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

/* $2: where the subscription goes on; what comes again, or is waited for, goes. */
static EsStatement forget_statement =
	{.text = "DELETE FROM " TABLE " WHERE subscription OPERATOR(pg_catalog.=) $1"
			 " AND (parked_at IS NULL"
			 " OR global_position OPERATOR(pg_catalog.>) $2)",
	 .expected = SPI_OK_DELETE,
	 .narguments = 2,
	 .types = {TEXTOID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement pass_all_statement =
	{.text = "UPDATE " TABLE " SET passed_version = failed_version,"
			 " next_version = failed_version"
			 " WHERE subscription OPERATOR(pg_catalog.=) $1"
			 " AND passed_version OPERATOR(pg_catalog.=) 0",
	 .expected = SPI_OK_UPDATE,
	 .narguments = 1,
	 .types = {TEXTOID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement delete_statement = {.text = "DELETE FROM " TABLE THIS_EVENT,
									   .expected = SPI_OK_DELETE,
									   .narguments = 3,
									   .types = {TEXTOID, INT8OID, INT8OID},
									   .things = THINGS,
									   .by_index = true};

static EsStatement delete_all_statement =
	{.text = "DELETE FROM " TABLE " WHERE subscription OPERATOR(pg_catalog.=) $1",
	 .expected = SPI_OK_DELETE,
	 .narguments = 1,
	 .types = {TEXTOID},
	 .things = THINGS,
	 .by_index = true};

/*
 * take_row
 *		Takes a failed event from a row that SPI has.
 */
static void
take_row(EsFailedEvent *event, uint64 row)
{
	bool isnull;

	event->partition =
		DatumGetInt32(es_statement_column(row, COL_PARTITION, &isnull));
	event->stream_id = es_statement_bigint(row, COL_STREAM_ID);
	event->passed_version = es_statement_bigint(row, COL_PASSED_VERSION);
	event->next_version = es_statement_bigint(row, COL_NEXT_VERSION);
	event->ahead_position = es_statement_bigint(row, COL_AHEAD_POSITION);
	event->failed_version = es_statement_bigint(row, COL_FAILED_VERSION);
	event->global_position = es_statement_bigint(row, COL_GLOBAL_POSITION);
	event->attempts =
		DatumGetInt32(es_statement_column(row, COL_ATTEMPTS, &isnull));
	event->retry_at = es_statement_time(row, COL_RETRY_AT, DT_NOEND);
	event->parked_at = es_statement_time(row, COL_PARKED_AT, DT_NOBEGIN);
	event->token = es_statement_bigint(row, COL_TOKEN);
	event->reason = NULL;
	event->consumer = NULL;
}

/*
 * es_failed_event_find
 *		The failed event of a stream that it waits for, or that it has passed; returns
 *		false where there is none.
 */
bool
es_failed_event_find(const EsSubscription *subscription, int64 stream_id,
					 int64 passed_version, EsFailedEvent *event)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int64GetDatum(stream_id), Int64GetDatum(passed_version)};
	EsActor before;
	bool found;

	es_statements_begin(&before, subscription->owner);
	found = es_statement_run(&find_statement, arguments, NULL) > 0;
	if (found)
		take_row(event, 0);
	es_statements_end(&before);
	pfree(DatumGetPointer(arguments[0])); /* it is called for event after event */
	return found;
}

/*
 * list
 *		Lists what a statement finds.
 */
static void
list(EsStatement *statement, const EsSubscription *subscription,
	 const Datum *arguments, EsFailedEvents *failed)
{
	MemoryContext caller = CurrentMemoryContext;
	EsActor before;

	es_statements_begin(&before, subscription->owner);
	failed->n = (int64) es_statement_run(statement, arguments, NULL);
	failed->events =
		MemoryContextAllocHuge(caller, Max(failed->n, 1) * sizeof(EsFailedEvent));
	for (int64 i = 0; i < failed->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		take_row(&failed->events[i], i);
	}
	es_statements_end(&before);
}

/*
 * es_failed_events_due
 *		Those whose time has come, the first ones of each partition.
 */
void
es_failed_events_due(const EsSubscription *subscription, TimestampTz now,
					 EsFailedEvents *due)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int32GetDatum(subscription->partitions),
						 TimestampTzGetDatum(now)};

	list(&due_statement, subscription, arguments, due);
}

/*
 * es_failed_events_of_lease
 *		Those that streams wait for since the newest lease of a partition.
 */
void
es_failed_events_of_lease(const EsSubscription *subscription,
						  const EsPartition *partition, EsFailedEvents *failed)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int32GetDatum(partition->number),
						 Int64GetDatum(partition->token)};

	list(&of_lease_statement, subscription, arguments, failed);
}

/*
 * es_failed_events_parked
 *		The parked ones of a partition.
 */
void
es_failed_events_parked(const EsSubscription *subscription, int32 partition,
						EsFailedEvents *parked)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int32GetDatum(partition)};

	list(&parked_statement, subscription, arguments, parked);
}

/*
 * kept_reason
 *		As much of a reason as is kept.
 */
static Datum
kept_reason(const char *reason)
{
	int length = strlen(reason);

	if (length > MAX_REASON_BYTES)
		length = pg_mbcliplen(reason, length, MAX_REASON_BYTES);
	return PointerGetDatum(cstring_to_text_with_len(reason, length));
}

/*
 * require_one
 *		Raises 55000 where a statement has not changed the one event that it is about.
 */
static void
require_one(uint64 rows, const EsSubscription *subscription,
			const EsFailedEvent *event)
{
	if (rows != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not change the %s", THINGS),
				 errdetail("The failed event at position %lld of \"%s\" did not change.",
						   (long long) event->global_position, subscription->name),
				 errhint("Drop the triggers on the tables of %s.", THINGS)));
}

/*
 * es_failed_event_keep
 *		Stores a failed event, or what has become of it.
 */
void
es_failed_event_keep(const EsSubscription *subscription,
					 const EsFailedEvent *event)
{
	bool parked = event->parked_at != DT_NOBEGIN;
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int64GetDatum(event->stream_id),
						 Int64GetDatum(event->passed_version),
						 Int32GetDatum(event->partition),
						 Int64GetDatum(event->next_version),
						 Int64GetDatum(event->failed_version),
						 Int64GetDatum(event->global_position),
						 Int32GetDatum(event->attempts),
						 TimestampTzGetDatum(event->retry_at),
						 TimestampTzGetDatum(event->parked_at),
						 Int64GetDatum(event->token),
						 event->reason == NULL ? (Datum) 0
											   : kept_reason(event->reason),
						 event->consumer == NULL
							 ? (Datum) 0
							 : CStringGetTextDatum(event->consumer),
						 Int64GetDatum(event->ahead_position)};
	bool missing[lengthof(arguments)] = {false};

	missing[KEPT_RETRY_AT] = event->retry_at == DT_NOEND;
	missing[KEPT_PARKED_AT] = !parked;
	missing[KEPT_REASON] = event->reason == NULL;
	missing[KEPT_CONSUMER] = event->consumer == NULL;
	require_one(es_statement_run_as(&keep_statement, subscription->owner,
									arguments, missing),
				subscription, event);
}

/*
 * run_about
 *		Runs a statement about a failed event, with more arguments.
 */
static void
run_about(EsStatement *statement, const EsSubscription *subscription,
		  const EsFailedEvent *event, int nmore, const Datum *more)
{
	Datum arguments[ES_MAX_STATEMENT_ARGUMENTS] =
		{CStringGetTextDatum(subscription->name),
		 Int64GetDatum(event->stream_id), Int64GetDatum(event->passed_version)};

	for (int i = 0; i < nmore; i++)
		arguments[3 + i] = more[i];
	require_one(es_statement_run_as(statement, subscription->owner, arguments,
									NULL),
				subscription, event);
}

/*
 * es_failed_event_go_on
 *		Has the stream of a failed event go on from a version, and stay set aside until
 *		the checkpoint is at a position.
 */
void
es_failed_event_go_on(const EsSubscription *subscription,
					  const EsFailedEvent *event, int64 next_version,
					  int64 ahead_position)
{
	Datum more[] = {Int64GetDatum(next_version), Int64GetDatum(ahead_position)};

	run_about(&go_on_statement, subscription, event, lengthof(more), more);
}

/*
 * es_failed_event_release
 *		Takes a parked event out, to be delivered again at once or not.
 */
void
es_failed_event_release(const EsSubscription *subscription,
						const EsFailedEvent *event, bool again)
{
	Datum more[] = {BoolGetDatum(again)};

	run_about(&release_statement, subscription, event, lengthof(more), more);
}

/*
 * es_failed_event_delete
 *		Forgets a failed event.
 */
void
es_failed_event_delete(const EsSubscription *subscription,
					   const EsFailedEvent *event)
{
	run_about(&delete_statement, subscription, event, 0, NULL);
}

/*
 * es_failed_events_merge
 *		Forgets that a stream was set aside; what is parked of it stays.
 */
void
es_failed_events_merge(const EsSubscription *subscription, int64 stream_id)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int64GetDatum(stream_id)};

	(void) es_statement_run_as(&merge_statement, subscription->owner, arguments,
							   NULL);
}

/*
 * es_failed_events_move
 *		Forgets the failed events of a subscription that goes on after a position, but
 *		for those that are parked and do not come again, which their streams pass.
 */
void
es_failed_events_move(const EsSubscription *subscription, int64 position)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int64GetDatum(position)};

	(void) es_statement_run_as(&forget_statement, subscription->owner,
							   arguments, NULL);
	(void) es_statement_run_as(&pass_all_statement, subscription->owner,
							   arguments, NULL);
}

/*
 * es_failed_events_delete
 *		Forgets all failed events of a subscription.
 */
void
es_failed_events_delete(const char *subscription, Oid owner)
{
	Datum arguments[] = {CStringGetTextDatum(subscription)};

	(void) es_statement_run_as(&delete_all_statement, owner, arguments, NULL);
}
