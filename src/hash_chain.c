/*-------------------------------------------------------------------------
 *
 * hash_chain.c
 *	  The hash chain of a store.
 *
 * With a hash chain every event carries a hash over itself and over the hash of
 * the event before it in its stream; event_hash.c says which.  Whoever changes,
 * removes or inserts an event has to change the hashes of all that follow it in
 * the stream, up to its head, which seals remember; see seal.c.
 *
 * The hash before is read with the stream's head, under the stream's lock, and
 * the new ones are computed while it is held: chains of two appends cannot fork.
 * No two streams share anything, so no append waits for another's.
 *
 * A store that exists may be given a chain.  Its events so far stay without
 * hashes, and the position after which all have one is remembered, so that it
 * can be told whether a hash is missing.  ACCESS EXCLUSIVE on events, held while
 * the column is added, waits for every append that has drawn a position and holds
 * off those that have not; so whatever has been drawn by then is without a hash,
 * this transaction's own included, and whatever is drawn later has one.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/hash_chain.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "append_only.h"
#include "check.h"
#include "hash_chain.h"
#include "position.h"
#include "privileged.h"
#include "rights.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_enable_hash_chain);

#define CALL "enable_hash_chain()"

/* What makes a chain, run in this order with search_path pinned. */
static const char *const statements[] = {
	"ALTER TABLE event_store.events ADD COLUMN hash bytea",
	"COMMENT ON COLUMN event_store.events.hash IS 'SHA-256 over the event and the hash of the one before it in its stream; NULL for events from before the chain'",
	"CREATE OR REPLACE VIEW " ES_ALL_EVENTS("e.hash"),
	"COMMENT ON COLUMN event_store.all_events.hash IS 'SHA-256 over the event and the hash of the one before it in its stream; NULL where it has none'",

	"CREATE TABLE event_store.hash_chain ("
	" after_position bigint NOT NULL)",
	"COMMENT ON TABLE event_store.hash_chain IS 'That the store has a hash chain; a row where not all of its events have hashes.'",
	"COMMENT ON COLUMN event_store.hash_chain.after_position IS 'global position after which every event has a hash'",

	"CREATE TABLE event_store.sealed_heads ("
	" stream_id bigint NOT NULL,"
	" sealed_position bigint NOT NULL,"
	" version bigint NOT NULL,"
	" hash bytea NOT NULL,"
	" stream text COLLATE pg_catalog.\"C\" NOT NULL,"
	" PRIMARY KEY (stream_id, sealed_position))",
	"COMMENT ON INDEX event_store.sealed_heads_pkey IS 'one row a stream and seal'",
	"COMMENT ON TABLE event_store.sealed_heads IS 'Where streams ended when seal_store() was called, those that had gone on since the call before. They tell which stream is not as it was sealed.'",
	"COMMENT ON COLUMN event_store.sealed_heads.stream_id IS 'the stream'",
	"COMMENT ON COLUMN event_store.sealed_heads.sealed_position IS 'global position up to which was sealed'",
	"COMMENT ON COLUMN event_store.sealed_heads.version IS 'the stream''s version there'",
	"COMMENT ON COLUMN event_store.sealed_heads.hash IS 'hash of that event; zeros for one without'",
	"COMMENT ON COLUMN event_store.sealed_heads.stream IS 'the stream''s name then'",
};

/*
 * es_has_hash_chain
 *		Whether the store has a hash chain.
 */
bool
es_has_hash_chain(void)
{
	return es_store_has(ES_HASH_CHAIN);
}

/*
 * es_hash_chain_start
 *		The position after which every event has a hash; the table of events is
 *		locked, and the store has a chain.
 *
 * A chain from the first event on has no row that says so: the data of another
 * store, which may have one, can be restored into a new one.
 */
int64
es_hash_chain_start(Snapshot snapshot)
{
	Relation rel = es_store_open(ES_HASH_CHAIN, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	int64 start = PG_INT64_MAX;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		int64 after =
			DatumGetInt64(es_column(slot, ES_HASH_CHAIN, CHAIN_AFTER_POSITION));

		CHECK_FOR_INTERRUPTS();
		start = Min(start, after);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return start == PG_INT64_MAX ? 0 : start;
}

/*
 * es_event_hash
 *		The hash that an event carries; none for an event that carries none, or
 *		something else.
 */
EsCarriedHash
es_event_hash(TupleTableSlot *event, EsHash *hash)
{
	bool isnull;
	Datum value = es_optional_column(event, ES_EVENTS, EV_HASH, &isnull);

	return es_carried_hash(value, isnull, hash);
}

/*
 * es_make_chain_append_only
 *		Hangs the append-only rules and triggers on the chain's tables.  SPI is
 *		connected.
 */
void
es_make_chain_append_only(void)
{
	es_make_append_only("hash_chain", "enable_hash_chain()");
	es_make_append_only("sealed_heads", "seal_store()");
}

/*
 * es_make_hash_chain
 *		Gives the store a chain for events above a position.  SPI is connected,
 *		and nobody else may append.
 */
void
es_make_hash_chain(int64 after_position)
{
	es_require_utf8();
	for (int i = 0; i < lengthof(statements); i++)
		es_execute(statements[i]);
	if (after_position > 0)
		es_execute(psprintf("INSERT INTO event_store.hash_chain VALUES (%lld)",
							(long long) after_position));
	es_make_chain_append_only();
}

/*
 * refuse_own_column
 *		Raises 42701 where the owner has a column of the chain's name.
 */
static void
refuse_own_column(void)
{
	if (get_attnum(es_store_events(), "hash") == InvalidAttrNumber)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_COLUMN),
			 errmsg("table \"event_store.events\" has a column \"hash\" already"),
			 errdetail("The hash chain needs a column of that name."),
			 errhint(
				 "Rename yours: ALTER TABLE event_store.events RENAME COLUMN hash TO ...;")));
}

/*
 * add_hash_chain
 *		Gives a store that exists a chain, as its owner; returns the position after
 *		which events have hashes.
 *
 * The view is locked first, with the tables that it reads, as its readers do.
 */
static int64
add_hash_chain(void)
{
	Oid owner = es_store_owner(ES_EVENTS);
	EsActor before;
	int64 after;

	es_grant_to_owner(owner);
	es_spi_connect();
	es_act_as(&before, owner, false);
	es_execute("LOCK TABLE event_store.all_events IN ACCESS EXCLUSIVE MODE");
	es_execute("LOCK TABLE event_store.events IN ACCESS EXCLUSIVE MODE");
	refuse_own_column();
	after = es_last_position();
	es_make_hash_chain(after);
	es_act_as_before(&before);
	SPI_finish();
	return after;
}

/*
 * es_enable_hash_chain
 *		Gives the store a chain unless it has one; returns the position after which
 *		events have hashes.  The schema is locked, and the caller owns the store.
 */
int64
es_enable_hash_chain(void)
{
	Relation events;
	Snapshot snapshot;
	int64 after;

	if (!es_has_hash_chain())
		return add_hash_chain();
	events = es_store_open(ES_EVENTS, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	after = es_hash_chain_start(snapshot);
	UnregisterSnapshot(snapshot);
	table_close(events, NoLock);
	return after;
}

/*
 * event_store_enable_hash_chain
 *		enable_hash_chain() returns bigint
 *
 * The global position after which events have hashes; of a store that has a
 * chain, just that.  Raises 42501 unless the caller owns the store, ST002.
 */
Datum
event_store_enable_hash_chain(PG_FUNCTION_ARGS)
{
	es_check_writable(CALL);
	es_lock_schema();
	es_require_store_owner(CALL);
	PG_RETURN_INT64(es_enable_hash_chain());
}
