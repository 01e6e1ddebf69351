/*-------------------------------------------------------------------------
 *
 * subscription_tables.c
 *	  The tables of subscriptions.
 *
 * A row of subscription_partitions changes with every poll and every ack.  The next
 * ones take the place of the dead rows that this leaves, as its pages are mostly empty
 * and no index is on what changes.
 *
 * Not so while somebody holds an old snapshot: then dead rows stay, and a reader of the
 * row would have to go past all of them.  So one column of the index, turn, goes up once
 * in 64 changes.  The row is looked up from the highest turn downwards, and is found
 * behind no more dead ones than that, however many there are.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/subscription_tables.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "privileged.h"
#include "store.h"
#include "subscription_tables.h"

/* What makes each table, run in this order with search_path pinned. */
static const char *const subscription_statements[] = {
	"CREATE TABLE event_store.subscriptions ("
	" subscription text COLLATE pg_catalog.\"C\" NOT NULL PRIMARY KEY,"
	" categories text[],"
	" types text[],"
	" partitions integer NOT NULL,"
	" start_position bigint NOT NULL,"
	" on_error text COLLATE pg_catalog.\"C\" NOT NULL,"
	" max_attempts integer NOT NULL,"
	" retry_delay interval NOT NULL)",
	"COMMENT ON INDEX event_store.subscriptions_pkey IS 'one row a subscription'",
	"COMMENT ON TABLE event_store.subscriptions IS 'The subscriptions. Written by create_subscription() and drop_subscription().'",
	"COMMENT ON COLUMN event_store.subscriptions.subscription IS 'its name'",
	"COMMENT ON COLUMN event_store.subscriptions.categories IS 'categories of the events; NULL: all'",
	"COMMENT ON COLUMN event_store.subscriptions.types IS 'types of the events; NULL: all'",
	"COMMENT ON COLUMN event_store.subscriptions.partitions IS 'how many parts of the streams can be worked on at the same time'",
	"COMMENT ON COLUMN event_store.subscriptions.start_position IS 'global position after which it began'",
	"COMMENT ON COLUMN event_store.subscriptions.on_error IS 'what the later events of a stream do when one is parked: wait, or pass it'",
	"COMMENT ON COLUMN event_store.subscriptions.max_attempts IS 'how often an event is tried before it is parked'",
	"COMMENT ON COLUMN event_store.subscriptions.retry_delay IS 'time to the second attempt; it doubles with each'",

	"CREATE TABLE event_store.subscription_partitions ("
	" subscription text COLLATE pg_catalog.\"C\" NOT NULL,"
	" partition integer NOT NULL,"
	" turn bigint NOT NULL,"
	" changes bigint NOT NULL,"
	" checkpoint bigint NOT NULL,"
	" token bigint NOT NULL,"
	" consumer text,"
	" lease interval,"
	" leased_until timestamptz,"
	" delivered bigint NOT NULL,"
	" delivered_through bigint NOT NULL,"
	" deliveries integer NOT NULL,"
	" nacked boolean NOT NULL,"
	" retried_stream bigint,"
	" retried_version bigint,"
	" polled_at timestamptz,"
	" acked_at timestamptz,"
	" PRIMARY KEY (subscription, partition, turn))"
	" WITH (fillfactor = 10)",
	"COMMENT ON INDEX event_store.subscription_partitions_pkey IS 'one row a partition, the newest turn of it'",
	"COMMENT ON TABLE event_store.subscription_partitions IS 'How far the partitions of the subscriptions have come, and who has leased them. Written by poll(), ack() and nack().'",
	"COMMENT ON COLUMN event_store.subscription_partitions.subscription IS 'the subscription'",
	"COMMENT ON COLUMN event_store.subscription_partitions.partition IS 'which part of the streams, from 0'",
	"COMMENT ON COLUMN event_store.subscription_partitions.turn IS 'goes up once in 64 changes, so that the row is found before dead ones'",
	"COMMENT ON COLUMN event_store.subscription_partitions.changes IS 'how often the row was changed'",
	"COMMENT ON COLUMN event_store.subscription_partitions.checkpoint IS 'global position up to which all its events are handled, but for those of streams in subscription_failed_events'",
	"COMMENT ON COLUMN event_store.subscription_partitions.token IS 'fencing token of the last lease'",
	"COMMENT ON COLUMN event_store.subscription_partitions.consumer IS 'who got that'",
	"COMMENT ON COLUMN event_store.subscription_partitions.lease IS 'for how long at a time'",
	"COMMENT ON COLUMN event_store.subscription_partitions.leased_until IS 'when it ends; NULL when all that was delivered has been answered'",
	"COMMENT ON COLUMN event_store.subscription_partitions.delivered IS 'how many events were delivered and not all answered'",
	"COMMENT ON COLUMN event_store.subscription_partitions.delivered_through IS 'global position of the last event that was delivered'",
	"COMMENT ON COLUMN event_store.subscription_partitions.deliveries IS 'how often in a row that was, without an answer'",
	"COMMENT ON COLUMN event_store.subscription_partitions.nacked IS 'whether the lease had a nack'",
	"COMMENT ON COLUMN event_store.subscription_partitions.retried_stream IS 'id of the stream that was delivered by itself; NULL: events after the checkpoint'",
	"COMMENT ON COLUMN event_store.subscription_partitions.retried_version IS 'its passed_version in subscription_failed_events'",
	"COMMENT ON COLUMN event_store.subscription_partitions.polled_at IS 'when events were delivered'",
	"COMMENT ON COLUMN event_store.subscription_partitions.acked_at IS 'when some were acknowledged'",

	"CREATE TABLE event_store.subscription_failed_events ("
	" subscription text COLLATE pg_catalog.\"C\" NOT NULL,"
	" partition integer NOT NULL,"
	" stream_id bigint NOT NULL,"
	" passed_version bigint NOT NULL,"
	" next_version bigint NOT NULL,"
	" ahead_position bigint NOT NULL,"
	" failed_version bigint NOT NULL,"
	" global_position bigint NOT NULL,"
	" attempts integer NOT NULL,"
	" retry_at timestamptz,"
	" parked_at timestamptz,"
	" failed_at timestamptz NOT NULL,"
	" token bigint NOT NULL,"
	" consumer text,"
	" reason text,"
	" PRIMARY KEY (subscription, stream_id, passed_version))",
	"COMMENT ON INDEX event_store.subscription_failed_events_pkey IS 'what failed of a stream'",
	"CREATE INDEX subscription_failed_events_retry_at_idx"
	" ON event_store.subscription_failed_events"
	" (subscription, partition, retry_at)",
	"COMMENT ON INDEX event_store.subscription_failed_events_retry_at_idx IS 'what of a partition is to be delivered again'",
	"COMMENT ON TABLE event_store.subscription_failed_events IS 'Events that consumers failed at, and the streams that wait behind them. Written by nack(), and by poll() for events that were not answered.'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.subscription IS 'the subscription'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.partition IS 'the partition of the stream'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.stream_id IS 'the stream'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.passed_version IS '0: the stream waits for the event, and is delivered by itself until it has caught up; otherwise the version of an event that the stream has passed'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.next_version IS 'version from which on the stream''s events are still to be handled'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.ahead_position IS 'global position that the checkpoint of the partition has to come to, before the stream is read together with the others again'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.failed_version IS 'version of the event that failed last; 0 once it was handled'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.global_position IS 'that event''s place in the store'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.attempts IS 'how often it has failed'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.retry_at IS 'when it is delivered again; NULL for one that is parked, or handled'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.parked_at IS 'when it was parked; NULL for one that is tried again'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.failed_at IS 'when it failed last'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.token IS 'fencing token of the lease in which it did'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.consumer IS 'whose that was'",
	"COMMENT ON COLUMN event_store.subscription_failed_events.reason IS 'what the consumer said about it'",
};

/*
 * es_make_subscription_tables
 *		Adds the tables where they are missing; under the SQL of a release before 0.2.0
 *		there is nothing that would use them.  SPI is connected.
 */
void
es_make_subscription_tables(void)
{
	if (es_lacks("SELECT FROM pg_catalog.pg_type"
				 " WHERE oid OPERATOR(pg_catalog.=)"
				 " pg_catalog.to_regtype('event_store.polled_event')") ||
		!es_lacks("SELECT FROM pg_catalog.pg_class"
				  " WHERE oid OPERATOR(pg_catalog.=)"
				  " pg_catalog.to_regclass('event_store.subscriptions')"))
		return;
	for (int i = 0; i < lengthof(subscription_statements); i++)
		es_execute(subscription_statements[i]);
}

/*
 * has_triggers
 *		Whether a table of subscriptions has triggers, or had some.
 */
static bool
has_triggers(const char *table)
{
	Oid relation = get_relname_relid(table, get_namespace_oid(ES_SCHEMA, false));
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool has;

	if (!HeapTupleIsValid(tuple))
		return false;
	has = ((Form_pg_class) GETSTRUCT(tuple))->relhastriggers;
	ReleaseSysCache(tuple);
	return has;
}

/*
 * es_subscription_tables_have_triggers
 *		Whether functions of the owner's may run when a lease is written.
 */
bool
es_subscription_tables_have_triggers(void)
{
	return has_triggers("subscription_partitions") ||
		has_triggers("subscription_failed_events");
}
