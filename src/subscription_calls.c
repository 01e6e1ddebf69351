/*-------------------------------------------------------------------------
 *
 * subscription_calls.c
 *	  The SQL calls that make and change subscriptions.
 *
 * Each takes the registry against others that change it, to the end of the transaction.
 * Those that move or drop a subscription, or change which events it has, wait for whoever
 * has a partition locked, and take its token out of date: who has it on lease is refused
 * when it answers.  So nobody acknowledges past an event that was not one of the
 * subscription when that was delivered.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/subscription_calls.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "attempts.h"
#include "check.h"
#include "failed_event.h"
#include "registration.h"
#include "rights.h"
#include "statement.h"
#include "store.h"
#include "store_read.h"

PG_FUNCTION_INFO_V1(event_store_create_subscription);
PG_FUNCTION_INFO_V1(event_store_drop_subscription);
PG_FUNCTION_INFO_V1(event_store_move_subscription);

#define THINGS "subscriptions"

/* Arguments of create_subscription(). */
enum
{
	ARG_NAME,
	ARG_CATEGORIES,
	ARG_TYPES,
	ARG_START_POSITION,
	ARG_PARTITIONS,
	ARG_MAX_ATTEMPTS,
	ARG_ON_ERROR,
	ARG_RETRY_DELAY,
	ARG_IF_NOT_EXISTS,
	ARG_REPLACE
};

#define N_STORED (ARG_RETRY_DELAY + 1)

static EsStatement lock_statement =
	{.text = "LOCK TABLE event_store.subscriptions IN SHARE ROW EXCLUSIVE MODE",
	 .expected = SPI_OK_UTILITY,
	 .things = THINGS};

/*
 * A subscription that another session has made, and that the transaction's snapshot
 * does not show, is a conflict of the two transactions: 40001.
 */
static EsStatement insert_statement =
	{.text = "INSERT INTO event_store.subscriptions"
			 " (subscription, categories, types, start_position, partitions,"
			 " max_attempts, on_error, retry_delay)"
			 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
			 " ON CONFLICT (subscription) DO NOTHING",
	 .expected = SPI_OK_INSERT,
	 .narguments = N_STORED,
	 .types = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT8OID, INT4OID, INT4OID,
			   TEXTOID, INTERVALOID},
	 .things = THINGS};

static EsStatement update_statement =
	{.text = "UPDATE event_store.subscriptions SET categories = $2, types = $3,"
			 " partitions = $5, max_attempts = $6,"
			 " on_error = $7, retry_delay = $8"
			 " WHERE subscription OPERATOR(pg_catalog.=) $1",
	 .expected = SPI_OK_UPDATE,
	 .narguments = N_STORED,
	 .types = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT8OID, INT4OID, INT4OID,
			   TEXTOID, INTERVALOID},
	 .things = THINGS};

static EsStatement delete_statement =
	{.text = "DELETE FROM event_store.subscriptions"
			 " WHERE subscription OPERATOR(pg_catalog.=) $1",
	 .expected = SPI_OK_DELETE,
	 .narguments = 1,
	 .types = {TEXTOID},
	 .things = THINGS};

/*
 * begin_call
 *		Checks who calls and what about, and takes the registry; returns the
 *		subscription's name.
 */
static char *
begin_call(FunctionCallInfo fcinfo, const char *call)
{
	es_check_not_null(fcinfo, 0, "name");
	es_check_writable(call);
	es_require_store_owner(call);
	es_require_subscriptions();
	(void) es_statement_run_as(&lock_statement,
							   es_store_owner(ES_SUBSCRIPTIONS), NULL, NULL);
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

/*
 * check_partitions
 *		Checks how many partitions there are to be.
 */
static int32
check_partitions(FunctionCallInfo fcinfo)
{
	int32 partitions;

	es_check_not_null(fcinfo, ARG_PARTITIONS, "partitions");
	partitions = PG_GETARG_INT32(ARG_PARTITIONS);
	if (partitions < 1 || partitions > ES_MAX_PARTITIONS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("partitions must be between 1 and %d", ES_MAX_PARTITIONS),
				 errdetail("It is %d.", partitions)));
	return partitions;
}

/*
 * store
 *		Writes a subscription's row.
 */
static void
store(FunctionCallInfo fcinfo, EsStatement *statement, Oid owner)
{
	Datum values[N_STORED];
	bool missing[N_STORED];

	for (int i = 0; i < N_STORED; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		missing[i] = PG_ARGISNULL(i);
	}
	(void) es_statement_run_as(statement, owner, values, missing);
}

/*
 * make
 *		Makes a subscription that is not there.
 */
static void
make(FunctionCallInfo fcinfo, const char *name)
{
	Oid owner = es_store_owner(ES_SUBSCRIPTIONS);
	int64 position =
		es_position_argument(fcinfo, ARG_START_POSITION, "start_position");
	EsSubscription *subscription;

	store(fcinfo, &insert_statement, owner);
	subscription = es_subscription_require(name);
	for (int32 i = 0; i < subscription->partitions; i++)
		es_partition_create(subscription, i, position);
}

/*
 * is_same
 *		Whether an argument, an array of texts or NULL for all, says what the registry
 *		does; n is -1 there for all.
 */
static bool
is_same(FunctionCallInfo fcinfo, int arg, int n, text *const *texts)
{
	text **wanted;

	if (PG_ARGISNULL(arg) || n < 0)
		return PG_ARGISNULL(arg) && n < 0;
	if (es_distinct_texts(PG_GETARG_ARRAYTYPE_P(arg), "the array", &wanted) != n)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (es_compare_texts(&wanted[i], &texts[i]) != 0)
			return false;
	}
	return true;
}

/*
 * take_back
 *		Takes all partitions of a subscription from those who have them.
 */
static void
take_back(const EsSubscription *subscription)
{
	for (int32 i = 0; i < subscription->partitions; i++)
	{
		EsPartition partition;

		if (es_partition_lock(subscription->name, subscription->owner, i,
							  &partition))
			es_partition_settle(subscription, &partition);
	}
}

/*
 * change
 *		Changes a subscription, which goes on from where it is.
 */
static void
change(FunctionCallInfo fcinfo, const EsSubscription *subscription)
{
	int32 partitions = PG_GETARG_INT32(ARG_PARTITIONS);
	EsSubscription whole = *subscription;
	EsPartition *found;

	/* the row may be damaged, and is mended by this */
	whole.partitions = ES_MAX_PARTITIONS;
	whole.partitions = es_partitions_find(&whole, &found);
	if (partitions != whole.partitions)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot change the partitions of subscription \"%s\"",
						subscription->name),
				 errdetail("It has %d, not %d. Each stream would have to go on where it is.",
						   whole.partitions, partitions),
				 errhint(
					 "Create another subscription that starts at the lowest checkpoint in event_store.subscription_status, and drop this one.")));
	if (!is_same(fcinfo, ARG_CATEGORIES, subscription->ncategories,
				 subscription->categories) ||
		!is_same(fcinfo, ARG_TYPES, subscription->ntypes, subscription->types))
		take_back(&whole);
	store(fcinfo, &update_statement, subscription->owner);
}

/*
 * event_store_create_subscription
 *		create_subscription(name, categories, types, start_position, partitions,
 *		max_attempts, on_error, retry_delay, if_not_exists, replace) returns void
 *
 * Raises 22004, 22023, 42501 unless the caller owns the store, 42710, 0A000 for another
 * number of partitions, ST008, 40001 where a transaction at REPEATABLE READ or above does
 * not see one of the name that is there.
 */
Datum
event_store_create_subscription(PG_FUNCTION_ARGS)
{
	char *name = begin_call(fcinfo, "create_subscription()");
	EsSubscription *subscription;

	es_check_name(name, "name");
	es_check_categories(fcinfo, ARG_CATEGORIES);
	es_check_types(fcinfo, ARG_TYPES);
	(void) es_position_argument(fcinfo, ARG_START_POSITION, "start_position");
	(void) check_partitions(fcinfo);
	es_check_attempts(fcinfo, ARG_MAX_ATTEMPTS, ARG_RETRY_DELAY);
	(void) es_one_of(fcinfo, ARG_ON_ERROR, "on_error", ES_ON_ERROR_WAIT,
					 ES_ON_ERROR_PASS);
	es_check_not_null(fcinfo, ARG_IF_NOT_EXISTS, "if_not_exists");
	es_check_not_null(fcinfo, ARG_REPLACE, "replace");

	subscription = es_subscription_find(name);
	if (subscription == NULL)
		make(fcinfo, name);
	else if (!es_keeps_existing(fcinfo, ARG_IF_NOT_EXISTS, ARG_REPLACE,
								"subscription", name))
		change(fcinfo, subscription);
	PG_RETURN_VOID();
}

/*
 * event_store_drop_subscription
 *		drop_subscription(name, if_exists) returns void
 *
 * Raises 22004, 42501 unless the caller owns the store, 42704.
 */
Datum
event_store_drop_subscription(PG_FUNCTION_ARGS)
{
	char *name = begin_call(fcinfo, "drop_subscription()");
	Oid owner = es_store_owner(ES_SUBSCRIPTIONS);
	Datum arguments[] = {CStringGetTextDatum(name)};

	es_check_not_null(fcinfo, 1, "if_exists");
	es_partitions_delete(name, owner);
	es_failed_events_delete(name, owner);
	if (es_statement_run_as(&delete_statement, owner, arguments, NULL) > 0)
		PG_RETURN_VOID();
	if (!PG_GETARG_BOOL(1))
		(void) es_subscription_require(name);
	es_note_missing("subscription", name);
	PG_RETURN_VOID();
}

/*
 * event_store_move_subscription
 *		move_subscription(name, global_position) returns void
 *
 * Raises 22004, 22023, 42501 unless the caller owns the store, 42704, ST008.
 */
Datum
event_store_move_subscription(PG_FUNCTION_ARGS)
{
	char *name = begin_call(fcinfo, "move_subscription()");
	int64 position = es_position_argument(fcinfo, 1, "global_position");
	const EsSubscription *subscription = es_subscription_require(name);
	EsPartition *partitions;

	es_check_partitions(subscription,
						es_partitions_find(subscription, &partitions));
	for (int32 i = 0; i < subscription->partitions; i++)
	{
		EsPartition partition;

		if (!es_partition_lock(name, subscription->owner, i, &partition))
			continue; /* its list has just been complete */
		es_partition_reset(subscription, &partition, position);
	}
	es_failed_events_move(subscription, position);
	PG_RETURN_VOID();
}
