/*-------------------------------------------------------------------------
 *
 * subscription.c
 *	  The subscriptions, as the registry has them.
 *
 * A subscription is a named reader of the store, or of some categories and types, with
 * any number of consumers.  Its streams are divided into partitions, of which each is
 * read by one consumer at a time, in order.
 *
 * Which partition a stream belongs to is told by its id, which a dump keeps.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/subscription.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "attempts.h"
#include "bits.h"
#include "statement.h"
#include "store.h"
#include "subscription.h"

/* The casts make sure of the types, as the table is the owner's. */
static EsStatement find_statement =
	{.text = "SELECT categories::pg_catalog.text[], types::pg_catalog.text[],"
			 " partitions::pg_catalog.int4, on_error::pg_catalog.text,"
			 " max_attempts::pg_catalog.int4, retry_delay::pg_catalog.interval"
			 " FROM event_store.subscriptions"
			 " WHERE subscription OPERATOR(pg_catalog.=) $1",
	 .expected = SPI_OK_SELECT,
	 .narguments = 1,
	 .types = {TEXTOID},
	 .things = "subscriptions",
	 .by_index = true};

/*
 * es_require_subscriptions
 *		Raises ST002 without a store, 55000 for one of before 0.2.0.
 */
void
es_require_subscriptions(void)
{
	if (!es_store_has(ES_SUBSCRIPTIONS))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the event store has no subscriptions"),
				 errdetail("An older release made it."),
				 errhint("Upgrade it with: SELECT event_store.upgrade_store();")));
}

/*
 * take_texts
 *		The elements of a text[] of the row that was read, sorted, in a context; -1 for
 *		all, where it is null.
 */
static int
take_texts(int column, MemoryContext context, text ***texts)
{
	bool isnull;
	Datum value = es_statement_column(0, column, &isnull);
	MemoryContext spi;
	int n;

	*texts = NULL;
	if (isnull)
		return -1;
	spi = MemoryContextSwitchTo(context);
	n = es_distinct_texts(DatumGetArrayTypePCopy(value), "the array", texts);
	MemoryContextSwitchTo(spi);
	return n;
}

/*
 * flaw_of
 *		What only an UPDATE of the owner's can have made of a row; NULL for nothing.
 */
static const char *
flaw_of(const EsSubscription *subscription, const char *on_error)
{
	if (subscription->partitions < 1 ||
		subscription->partitions > ES_MAX_PARTITIONS)
		return "Its partitions are not between 1 and 256.";
	if (subscription->max_attempts < 1)
		return "Its max_attempts are less than 1.";
	if (subscription->retry_delay < 0 || subscription->retry_delay > USECS_PER_DAY)
		return "Its retry_delay is not between 0 and 1 day.";
	if (!subscription->passes && strcmp(on_error, ES_ON_ERROR_WAIT) != 0)
		return "Its on_error is neither wait nor pass.";
	return NULL;
}

/*
 * take_row
 *		Takes what was read into a context.
 */
static EsSubscription *
take_row(const char *name, MemoryContext context)
{
	EsSubscription *subscription =
		MemoryContextAllocZero(context, sizeof(EsSubscription));
	bool isnull[7];
	const char *on_error;

	subscription->name = MemoryContextStrdup(context, name);
	subscription->ncategories = take_texts(1, context, &subscription->categories);
	subscription->all_categories = subscription->ncategories < 0;
	subscription->ntypes = take_texts(2, context, &subscription->types);
	subscription->partitions =
		DatumGetInt32(es_statement_column(0, 3, &isnull[3]));
	on_error = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4);
	subscription->passes =
		on_error != NULL && strcmp(on_error, ES_ON_ERROR_PASS) == 0;
	subscription->max_attempts =
		DatumGetInt32(es_statement_column(0, 5, &isnull[5]));
	(void) es_statement_column(0, 6, &isnull[6]);
	subscription->retry_delay = isnull[6]
		? -1
		: es_interval_microseconds(
			  DatumGetIntervalP(es_statement_column(0, 6, &isnull[6])));
	subscription->flaw = flaw_of(subscription, on_error == NULL ? "" : on_error);
	return subscription;
}

/*
 * es_subscription_find
 *		A subscription by its name, in the current memory context; NULL for none.
 */
EsSubscription *
es_subscription_find(const char *name)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid owner = es_store_owner(ES_SUBSCRIPTIONS);
	Datum arguments[] = {CStringGetTextDatum(name)};
	EsSubscription *subscription = NULL;
	EsActor before;

	es_statements_begin(&before, owner);
	if (es_statement_run(&find_statement, arguments, NULL) > 0)
		subscription = take_row(name, caller);
	es_statements_end(&before);
	if (subscription != NULL)
		subscription->owner = owner;
	return subscription;
}

/*
 * es_subscription_require
 *		A subscription by its name; raises 42704 when there is none, 55000 when it
 *		cannot be used.
 */
EsSubscription *
es_subscription_require(const char *name)
{
	EsSubscription *subscription = es_subscription_find(name);

	if (subscription == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("subscription \"%s\" does not exist", name),
				 errhint("The view event_store.subscription_status lists them.")));
	if (subscription->flaw != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subscription \"%s\" is not as create_subscription() made it",
						name),
				 errdetail_internal("%s", subscription->flaw),
				 errhint(
					 "Mend it with event_store.create_subscription(replace => true).")));
	return subscription;
}

/*
 * es_subscription_partition
 *		The partition that a stream belongs to.
 */
int32
es_subscription_partition(const EsSubscription *subscription, int64 stream_id)
{
	return (int32) (es_mix_bits((uint64) stream_id) %
					(uint32) subscription->partitions);
}

/*
 * es_subscription_request
 *		A request for a subscription's events, all there are.
 */
void
es_subscription_request(const EsSubscription *subscription, EsReadRequest *request)
{
	memset(request, 0, sizeof(EsReadRequest));
	request->range.lowest = 1;
	request->range.highest = PG_INT64_MAX;
	request->max_count = PG_INT64_MAX;
	request->all_categories = subscription->all_categories;
	request->ncategories = subscription->ncategories;
	request->categories = subscription->categories;
	request->ntypes = subscription->ntypes;
	request->types = subscription->types;
}
