/*-------------------------------------------------------------------------
 *
 * lease.c
 *	  The partitions of subscriptions: how far each is, and who has it.
 *
 * A consumer that polls gets a partition on lease: its row says whose it is, until when,
 * and up to where events were delivered.  With each lease goes a token that is greater
 * than all before it; who answers names it, and is refused when there is a newer one.
 * So nothing depends on a session: a lease outlives the connection that took it, and is
 * answered by any other.
 *
 * Whoever changes a partition's row, or a failed event of the partition, locks the row
 * first, and keeps it locked to the end of its transaction.  Interleavings considered:
 *
 * - Two who poll: both look at the same partition; the second finds the row locked and
 *   takes another, or finds it changed.
 * - One who polls and has another partition locked, too, to move its checkpoint, until
 *   its result is sent: who finds all locked waits a moment and looks again, unless it
 *   has one locked itself, or would not see what has changed; see may_wait() in poll.c.
 *   Nobody waits for a lock here, so there is no deadlock.
 * - One who polls in a transaction that goes on, to write something and acknowledge in
 *   it: the row stays locked, and others pass it by, as if it were leased.
 * - An acknowledgement while another consumer takes the lease that has run out: the one
 *   waits for the other.  Then either the acknowledgement was first, and the other goes
 *   on after it; or the token is not the newest any more, and it is refused.
 * - The same where the acknowledgement is rolled back: the lease is as it was.
 *
 * A transaction at REPEATABLE READ or above sees the rows as of its snapshot; locking
 * one that was changed since raises 40001.
 *
 * A token says which partition it is of, and when it was made, in tenths of milliseconds:
 * who leases faster waits for the clock.  So tokens are not ahead of it, and those of a
 * subscription that was dropped and made anew, of a database that was restored as it was
 * before, and of leases that a crash has undone are not given a second time, as long as
 * the clock goes on.  They stay below 2^53 until 2111, for those who read JSON.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/lease.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "lease.h"
#include "statement.h"

#define THINGS "subscriptions"

/* Of a partition, in the order of the enum below; the casts as in checkpoint.c. */
#define COLUMNS                                                               \
	"partition::pg_catalog.int4, turn::pg_catalog.int8,"                      \
	" changes::pg_catalog.int8, checkpoint::pg_catalog.int8,"                 \
	" token::pg_catalog.int8, consumer::pg_catalog.text,"                     \
	" leased_until::pg_catalog.timestamptz, delivered::pg_catalog.int8,"      \
	" delivered_through::pg_catalog.int8, deliveries::pg_catalog.int4,"       \
	" nacked::pg_catalog.bool, COALESCE(retried_stream, 0)::pg_catalog.int8," \
	" COALESCE(retried_version, 0)::pg_catalog.int8,"                         \
	" polled_at::pg_catalog.timestamptz, acked_at::pg_catalog.timestamptz"

enum
{
	COL_NUMBER = 1,
	COL_TURN,
	COL_CHANGES,
	COL_CHECKPOINT,
	COL_TOKEN,
	COL_CONSUMER,
	COL_LEASED_UNTIL,
	COL_DELIVERED,
	COL_DELIVERED_THROUGH,
	COL_DELIVERIES,
	COL_NACKED,
	COL_RETRIED_STREAM,
	COL_RETRIED_VERSION,
	COL_POLLED_AT,
	COL_ACKED_AT
};

#define TABLE "event_store.subscription_partitions"

#define THIS_PARTITION                           \
	" WHERE subscription OPERATOR(pg_catalog.=)" \
	" $1 AND partition OPERATOR(pg_catalog.=) $2"

#define THIS_TURN THIS_PARTITION " AND turn OPERATOR(pg_catalog.=) $3"

#define NEWEST " ORDER BY turn DESC LIMIT 1"

static EsStatement list_statement =
	{.text = "SELECT p.* FROM"
			 " pg_catalog.generate_series(0, $2 OPERATOR(pg_catalog.-) 1) n"
			 " CROSS JOIN LATERAL (SELECT " COLUMNS " FROM " TABLE
			 " WHERE subscription OPERATOR(pg_catalog.=) $1"
			 " AND partition OPERATOR(pg_catalog.=) n" NEWEST ") p",
	 .expected = SPI_OK_SELECT,
	 .narguments = 2,
	 .types = {TEXTOID, INT4OID},
	 .things = THINGS,
	 .by_index = true};

/*
 * One that was changed meanwhile is not locked, as whoever has it is to answer; nor one
 * that was made meanwhile under the same name, which has another token.
 */
static EsStatement try_lock_statement =
	{.text = "SELECT " COLUMNS " FROM " TABLE THIS_TURN
			 " AND changes OPERATOR(pg_catalog.=) $4"
			 " AND token OPERATOR(pg_catalog.=) $5"
			 " FOR NO KEY UPDATE SKIP LOCKED",
	 .expected = SPI_OK_SELECT,
	 .narguments = 5,
	 .types = {TEXTOID, INT4OID, INT8OID, INT8OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement lock_statement = {.text = "SELECT " COLUMNS
											 " FROM " TABLE THIS_PARTITION NEWEST
											 " FOR NO KEY UPDATE",
									 .expected = SPI_OK_SELECT,
									 .narguments = 2,
									 .types = {TEXTOID, INT4OID},
									 .things = THINGS,
									 .by_index = true};

static EsStatement create_statement =
	{.text = "INSERT INTO " TABLE
			 " (subscription, partition, turn, changes, checkpoint, token,"
			 " delivered, delivered_through, deliveries, nacked)"
			 " VALUES ($1, $2, 0, 0, $3, $4, 0, $3, 0, false)",
	 .expected = SPI_OK_INSERT,
	 .narguments = 4,
	 .types = {TEXTOID, INT4OID, INT8OID, INT8OID},
	 .things = THINGS};

static EsStatement lease_statement =
	{.text = "UPDATE " TABLE " SET token = $4, consumer = $5, lease = $6,"
			 " leased_until = pg_catalog.clock_timestamp()"
			 " OPERATOR(pg_catalog.+) $6, delivered = $7,"
			 " delivered_through = $8, deliveries = $9, nacked = false,"
			 " retried_stream = $10, retried_version = $11,"
			 " polled_at = pg_catalog.clock_timestamp()," ES_CHANGED THIS_TURN,
	 .expected = SPI_OK_UPDATE,
	 .narguments = 11,
	 .types = {TEXTOID, INT4OID, INT8OID, INT8OID, TEXTOID, INTERVALOID,
			   INT8OID, INT8OID, INT4OID, INT8OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement move_statement =
	{.text = "UPDATE " TABLE " SET checkpoint = $4," ES_CHANGED THIS_TURN,
	 .expected = SPI_OK_UPDATE,
	 .narguments = 4,
	 .types = {TEXTOID, INT4OID, INT8OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

/* What an acknowledgement through $4 changes, beside the checkpoint. */
#define ANSWERED                                                            \
	" delivered = CASE WHEN delivered_through OPERATOR(pg_catalog.<=) $4"   \
	" THEN 0 ELSE delivered END,"                                           \
	" leased_until = CASE WHEN delivered_through OPERATOR(pg_catalog.>) $4" \
	" AND leased_until IS NOT NULL"                                         \
	" THEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) lease END,"  \
	" deliveries = 0, acked_at = pg_catalog.clock_timestamp()," ES_CHANGED

/*
 * The usual case at once: $3 is the token, and nothing has failed.  Where somebody
 * else has just begun the next turn it does nothing.
 */
static EsStatement ack_all_statement =
	{.text = "UPDATE " TABLE " SET checkpoint = $4," ANSWERED THIS_PARTITION
			 " AND turn OPERATOR(pg_catalog.=)"
			 " (SELECT turn FROM " TABLE THIS_PARTITION NEWEST ")"
			 " AND token OPERATOR(pg_catalog.=) $3"
			 " AND leased_until IS NOT NULL AND NOT nacked"
			 " AND retried_stream IS NULL"
			 " AND checkpoint OPERATOR(pg_catalog.<=) $4"
			 " AND delivered_through OPERATOR(pg_catalog.>=) $4",
	 .expected = SPI_OK_UPDATE,
	 .narguments = 4,
	 .types = {TEXTOID, INT4OID, INT8OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement ack_statement =
	{.text = "UPDATE " TABLE " SET checkpoint = $5," ANSWERED THIS_TURN,
	 .expected = SPI_OK_UPDATE,
	 .narguments = 5,
	 .types = {TEXTOID, INT4OID, INT8OID, INT8OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

/* A stream that was delivered by itself comes again as a whole. */
static EsStatement nack_statement =
	{.text = "UPDATE " TABLE " SET nacked = true, deliveries = 0,"
			 " leased_until = CASE WHEN retried_stream IS NULL AND"
			 " leased_until IS NOT NULL THEN pg_catalog.clock_timestamp()"
			 " OPERATOR(pg_catalog.+) lease END," ES_CHANGED THIS_TURN,
	 .expected = SPI_OK_UPDATE,
	 .narguments = 3,
	 .types = {TEXTOID, INT4OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement settle_statement =
	{.text = "UPDATE " TABLE " SET token = $4, leased_until = NULL, delivered = 0,"
			 " deliveries = 0," ES_CHANGED THIS_TURN,
	 .expected = SPI_OK_UPDATE,
	 .narguments = 4,
	 .types = {TEXTOID, INT4OID, INT8OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement reset_statement =
	{.text =
		 "UPDATE " TABLE " SET checkpoint = $4, token = $5, consumer = NULL,"
		 " lease = NULL, leased_until = NULL, delivered = 0,"
		 " delivered_through = $4, deliveries = 0, nacked = false,"
		 " retried_stream = NULL, retried_version = NULL," ES_CHANGED THIS_TURN,
	 .expected = SPI_OK_UPDATE,
	 .narguments = 5,
	 .types = {TEXTOID, INT4OID, INT8OID, INT8OID, INT8OID},
	 .things = THINGS,
	 .by_index = true};

static EsStatement delete_statement =
	{.text = "DELETE FROM " TABLE " WHERE subscription OPERATOR(pg_catalog.=) $1",
	 .expected = SPI_OK_DELETE,
	 .narguments = 1,
	 .types = {TEXTOID},
	 .things = THINGS,
	 .by_index = true};

/* A token has the partition in so many bits; the rest is a time. */
#define PARTITION_BITS 8

/* That goes on after so many microseconds. */
#define TICK 100

/* By so many the last token can be ahead of the clock, and be waited for. */
#define MAX_TICKS_AHEAD 100

StaticAssertDecl(ES_MAX_PARTITIONS <= 1 << PARTITION_BITS,
				 "a token must have room for the partition");

/*
 * take_row
 *		Takes a partition from a row that SPI has; what it points to is in a context.
 */
static void
take_row(EsPartition *partition, uint64 row, MemoryContext context)
{
	bool isnull;
	Datum value;

	partition->number =
		DatumGetInt32(es_statement_column(row, COL_NUMBER, &isnull));
	partition->turn = es_statement_bigint(row, COL_TURN);
	partition->changes = es_statement_bigint(row, COL_CHANGES);
	partition->checkpoint = es_statement_bigint(row, COL_CHECKPOINT);
	partition->token = es_statement_bigint(row, COL_TOKEN);
	partition->delivered = es_statement_bigint(row, COL_DELIVERED);
	partition->delivered_through =
		es_statement_bigint(row, COL_DELIVERED_THROUGH);
	partition->deliveries =
		DatumGetInt32(es_statement_column(row, COL_DELIVERIES, &isnull));
	partition->nacked =
		DatumGetBool(es_statement_column(row, COL_NACKED, &isnull));
	partition->retried_stream = es_statement_bigint(row, COL_RETRIED_STREAM);
	partition->retried_version = es_statement_bigint(row, COL_RETRIED_VERSION);
	partition->leased_until =
		es_statement_time(row, COL_LEASED_UNTIL, DT_NOBEGIN);
	partition->polled_at = es_statement_time(row, COL_POLLED_AT, DT_NOBEGIN);
	partition->acked_at = es_statement_time(row, COL_ACKED_AT, DT_NOBEGIN);
	value = es_statement_column(row, COL_CONSUMER, &isnull);
	partition->consumer =
		isnull ? NULL : MemoryContextStrdup(context, TextDatumGetCString(value));
}

/*
 * es_partitions_find
 *		The partitions of a subscription that there are, in their order; returns how many.
 */
int32
es_partitions_find(const EsSubscription *subscription, EsPartition **partitions)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int32GetDatum(subscription->partitions)};
	MemoryContext caller = CurrentMemoryContext;
	EsActor before;
	uint64 n;

	es_statements_begin(&before, subscription->owner);
	n = es_statement_run(&list_statement, arguments, NULL);
	*partitions = MemoryContextAllocZero(caller, Max(n, 1) * sizeof(EsPartition));
	for (uint64 i = 0; i < n; i++)
		take_row(&(*partitions)[i], i, caller);
	es_statements_end(&before);
	return (int32) n;
}

/*
 * es_check_partitions
 *		Raises 55000 where a subscription has another number of partitions than it was
 *		made with, since the owner has removed some.
 */
void
es_check_partitions(const EsSubscription *subscription, int32 n)
{
	if (n != subscription->partitions)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subscription \"%s\" lacks partitions", subscription->name),
				 errdetail("It has %d of %d.", n, subscription->partitions),
				 errhint(
					 "Restore its rows of event_store.subscription_partitions, or drop the subscription.")));
}

/*
 * lock_by
 *		Locks a partition by a statement; returns whether there was one to be locked.
 */
static bool
lock_by(EsStatement *statement, Oid owner, const Datum *arguments,
		EsPartition *partition)
{
	MemoryContext caller = CurrentMemoryContext;
	EsActor before;
	bool locked;

	es_statements_begin(&before, owner);
	locked = es_statement_run(statement, arguments, NULL) > 0;
	if (locked)
		take_row(partition, 0, caller);
	es_statements_end(&before);
	return locked;
}

/*
 * es_partition_try_lock
 *		Locks a partition, unless somebody else has it locked or has changed it since it
 *		was listed.
 */
bool
es_partition_try_lock(const EsSubscription *subscription, EsPartition *partition)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int32GetDatum(partition->number),
						 Int64GetDatum(partition->turn),
						 Int64GetDatum(partition->changes),
						 Int64GetDatum(partition->token)};

	return lock_by(&try_lock_statement, subscription->owner, arguments,
				   partition);
}

/*
 * es_partition_lock
 *		Locks a partition, once nobody else has it locked; returns false when there is
 *		none.
 */
bool
es_partition_lock(const char *subscription, Oid owner, int32 number,
				  EsPartition *partition)
{
	Datum arguments[] = {CStringGetTextDatum(subscription),
						 Int32GetDatum(number)};

	return lock_by(&lock_statement, owner, arguments, partition);
}

/*
 * ticks
 *		The time, as tokens have it.
 */
static int64
ticks(void)
{
	return Max(GetCurrentTimestamp() / TICK, 0);
}

/*
 * es_next_token
 *		The token of the next lease of a partition.
 */
int64
es_next_token(const EsPartition *partition)
{
	int64 last = partition->token >> PARTITION_BITS;
	int64 time = ticks();

	/* where the clock was set back nobody waits until it is there again */
	while (time <= last && last - time < MAX_TICKS_AHEAD)
	{
		CHECK_FOR_INTERRUPTS();
		pg_usleep(TICK);
		time = ticks();
	}
	return (Max(last + 1, time) << PARTITION_BITS) | partition->number;
}

/*
 * es_token_partition
 *		The partition that a token is of.
 */
int32
es_token_partition(int64 token)
{
	return (int32) (token & ((1 << PARTITION_BITS) - 1));
}

/*
 * change
 *		Changes the row of a partition that is locked.
 */
static void
change(EsStatement *statement, const char *subscription, Oid owner,
	   EsPartition *partition, int nmore, const Datum *more, const bool *missing)
{
	Datum arguments[ES_MAX_STATEMENT_ARGUMENTS] =
		{CStringGetTextDatum(subscription), Int32GetDatum(partition->number),
		 Int64GetDatum(partition->turn)};
	bool nulls[ES_MAX_STATEMENT_ARGUMENTS] = {false};

	for (int i = 0; i < nmore; i++)
	{
		arguments[3 + i] = more[i];
		nulls[3 + i] = missing != NULL && missing[i];
	}
	if (es_statement_run_as(statement, owner, arguments, nulls) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not change the %s", THINGS),
				 errdetail("Partition %d of \"%s\" did not change.",
						   partition->number, subscription),
				 errhint("Drop the triggers on the tables of %s.", THINGS)));
	partition->changes++;
	partition->turn = partition->changes / ES_CHANGES_OF_TURN;
}

/*
 * es_partition_create
 *		Makes a partition of a new subscription.
 */
void
es_partition_create(const EsSubscription *subscription, int32 number,
					int64 checkpoint)
{
	EsPartition none = {.number = number};
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int32GetDatum(number), Int64GetDatum(checkpoint),
						 Int64GetDatum(es_next_token(&none))};

	(void) es_statement_run_as(&create_statement, subscription->owner,
							   arguments, NULL);
}

/*
 * es_partition_lease
 *		Leases a partition that is locked.
 */
void
es_partition_lease(const EsSubscription *subscription, EsPartition *partition,
				   const EsDelivery *delivery)
{
	Datum more[] = {Int64GetDatum(delivery->token),
					CStringGetTextDatum(delivery->consumer),
					IntervalPGetDatum(delivery->lease),
					Int64GetDatum(delivery->delivered),
					Int64GetDatum(delivery->delivered_through),
					Int32GetDatum(delivery->deliveries),
					Int64GetDatum(delivery->retried_stream),
					Int64GetDatum(delivery->retried_version)};
	bool alone = delivery->retried_stream != 0;
	bool missing[] = {false, false, false, false, false, false, !alone, !alone};

	change(&lease_statement, subscription->name, subscription->owner, partition,
		   lengthof(more), more, missing);
}

/*
 * es_partition_move
 *		Moves the checkpoint of a partition that is locked past what is not its.
 */
void
es_partition_move(const EsSubscription *subscription, EsPartition *partition,
				  int64 checkpoint)
{
	Datum more[] = {Int64GetDatum(checkpoint)};

	change(&move_statement, subscription->name, subscription->owner, partition,
		   lengthof(more), more, NULL);
}

/*
 * es_partition_settle
 *		Ends the lease of a partition that is locked: what was delivered under it counts
 *		as answered, and another answer comes too late.
 */
void
es_partition_settle(const EsSubscription *subscription, EsPartition *partition)
{
	int64 token = es_next_token(partition);
	Datum more[] = {Int64GetDatum(token)};

	change(&settle_statement, subscription->name, subscription->owner,
		   partition, lengthof(more), more, NULL);
	partition->token = token;
	partition->leased_until = DT_NOBEGIN;
	partition->delivered = 0;
	partition->deliveries = 0;
}

/*
 * es_partition_ack_all
 *		Acknowledges events where that changes nothing but the partition; returns false
 *		where nothing was done.
 */
bool
es_partition_ack_all(const char *subscription, Oid owner, int64 token,
					 int64 through_position)
{
	Datum arguments[] = {CStringGetTextDatum(subscription),
						 Int32GetDatum(es_token_partition(token)),
						 Int64GetDatum(token), Int64GetDatum(through_position)};

	return es_statement_run_as(&ack_all_statement, owner, arguments, NULL) > 0;
}

/*
 * es_partition_ack
 *		Notes that what was delivered through a position is answered, and where the
 *		checkpoint is then.
 */
void
es_partition_ack(const char *subscription, Oid owner, EsPartition *partition,
				 int64 checkpoint, int64 through_position)
{
	Datum more[] = {Int64GetDatum(through_position), Int64GetDatum(checkpoint)};

	change(&ack_statement, subscription, owner, partition, lengthof(more), more,
		   NULL);
}

/*
 * es_partition_nack
 *		Notes that an event has failed under the lease of a partition.
 */
void
es_partition_nack(const char *subscription, Oid owner, EsPartition *partition)
{
	change(&nack_statement, subscription, owner, partition, 0, NULL, NULL);
}

/*
 * es_partition_reset
 *		Takes a partition from whoever has it, and has it go on after a position.
 */
void
es_partition_reset(const EsSubscription *subscription, EsPartition *partition,
				   int64 checkpoint)
{
	Datum more[] = {Int64GetDatum(checkpoint),
					Int64GetDatum(es_next_token(partition))};

	change(&reset_statement, subscription->name, subscription->owner, partition,
		   lengthof(more), more, NULL);
}

/*
 * es_partitions_delete
 *		Removes all partitions of a subscription.
 */
void
es_partitions_delete(const char *subscription, Oid owner)
{
	Datum arguments[] = {CStringGetTextDatum(subscription)};

	(void) es_statement_run_as(&delete_statement, owner, arguments, NULL);
}
