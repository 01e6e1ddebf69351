/*-------------------------------------------------------------------------
 *
 * verify_stream.c
 *	  The SQL call that checks one stream.
 *
 * It checks of the stream what verify_store() checks of all of them, but reads it
 * by the index of versions, as the calling query sees it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/verify_stream.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "finding.h"
#include "hash_chain.h"
#include "scan.h"
#include "snapshot_walk.h"
#include "store.h"
#include "stream.h"
#include "stream_check.h"

PG_FUNCTION_INFO_V1(event_store_verify_stream);

/*
 * read_hashed
 *		What the hash of an event is over, and the hash.
 */
static void
read_hashed(EsHasher *hasher, TupleTableSlot *slot, EsCheckedEvent *event)
{
	event->carried = es_event_hash(slot, &event->hash);
	if (event->carried == ES_HASH_MISSING)
		return;
	event->schema_version =
		DatumGetInt32(es_column(slot, ES_EVENTS, EV_SCHEMA_VERSION));
	event->event_id = DatumGetUUIDP(es_column(slot, ES_EVENTS, EV_EVENT_ID));
	event->type = DatumGetTextPP(es_column(slot, ES_EVENTS, EV_TYPE));
	es_hash_jsonb(hasher, es_column(slot, ES_EVENTS, EV_DATA), &event->data);
	es_hash_metadata(hasher, es_column(slot, ES_EVENTS, EV_METADATA),
					 &event->metadata);
}

/*
 * check_event
 *		Checks an event.
 */
static void
check_event(EsStreamCheck *check, TupleTableSlot *slot)
{
	EsCheckedEvent event = {0};

	event.version = DatumGetInt64(es_column(slot, ES_EVENTS, EV_VERSION));
	event.global_position =
		DatumGetInt64(es_column(slot, ES_EVENTS, EV_GLOBAL_POSITION));
	event.category_id = DatumGetInt64(es_column(slot, ES_EVENTS, EV_CATEGORY_ID));
	event.recorded_at =
		DatumGetTimestampTz(es_column(slot, ES_EVENTS, EV_RECORDED_AT));
	if (check->chain != NULL)
		read_hashed(check->chain->hasher, slot, &event);
	es_stream_check_event(check, &event);
}

/* The record of seals, of which the next row is at hand. */
typedef struct Sealed
{
	EsSealedWalk walk;
	const EsSealedHead *next; /* NULL after the last */
} Sealed;

/*
 * check_sealed_up_to
 *		Checks what the record says of the stream up to a version.
 */
static void
check_sealed_up_to(const EsStreamCheck *check, int64 version, Sealed *sealed)
{
	while (sealed->next != NULL && sealed->next->version <= version)
	{
		es_stream_check_sealed(check, sealed->next);
		sealed->next = es_sealed_walk_next(&sealed->walk);
	}
}

/*
 * check_events
 *		Checks the events of a stream, and what the record of seals says of them.
 */
static void
check_events(EsStreamCheck *check, Relation events, Sealed *sealed)
{
	EsRange range = {PG_INT64_MIN, PG_INT64_MAX, false};
	EsScan *scan =
		es_scan_stream(events, GetActiveSnapshot(), check->stream_id, &range);
	MemoryContext event_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store event",
							  ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot;

	while (!es_findings_done(check->findings) &&
		   (slot = es_scan_next(scan)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(event_context);

		CHECK_FOR_INTERRUPTS();
		check_event(check, slot);
		MemoryContextSwitchTo(caller);
		check_sealed_up_to(check, check->version, sealed);
		MemoryContextReset(event_context);
	}
	check_sealed_up_to(check, PG_INT64_MAX, sealed);
	MemoryContextDelete(event_context);
	es_scan_end(scan);
	es_stream_check_end(check);
}

/*
 * check_snapshots
 *		Checks the snapshots of a stream.
 */
static void
check_snapshots(const EsStreamCheck *check)
{
	EsSnapshotWalk walk;
	TupleTableSlot *slot;

	es_snapshot_walk_begin(&walk, check->stream_id, GetActiveSnapshot(),
						   PG_INT64_MAX);
	while ((slot = es_snapshot_walk_next(&walk)) != NULL)
		es_stream_check_snapshot(check,
								 DatumGetInt64(es_column(slot, ES_SNAPSHOTS,
														 SNAP_VERSION)));
	es_snapshot_walk_end(&walk);
}

/*
 * begin_chain
 *		Prepares for checking hashes and seals.
 *
 * That the store has a chain is known as it is now; so its start is not asked for
 * with the query's snapshot, which may be older.
 */
static void
begin_chain(EsChainCheck *chain, Sealed *sealed, int64 stream_id)
{
	Snapshot now = RegisterSnapshot(GetLatestSnapshot());

	chain->start = es_hash_chain_start(now);
	UnregisterSnapshot(now);
	chain->hasher = es_hasher_begin();
	es_sealed_walk_begin(&sealed->walk, stream_id, GetActiveSnapshot());
	sealed->next = es_sealed_walk_next(&sealed->walk);
}

/*
 * verify
 *		Checks a stream that exists.
 */
static void
verify(EsFindings *findings, Relation events, text *stream, const EsStream *row)
{
	bool has_chain = es_has_hash_chain();
	EsChainCheck chain;
	Sealed sealed = {0};
	EsStreamCheck check;

	if (has_chain)
		begin_chain(&chain, &sealed, row->stream_id);
	es_stream_check_begin(&check, findings, has_chain ? &chain : NULL,
						  row->stream_id);
	es_stream_check_exists(&check, stream, row->category_id, row->base_version);
	check_events(&check, events, &sealed);
	check_snapshots(&check);
	if (!has_chain)
		return;
	es_sealed_walk_end(&sealed.walk);
	es_hasher_end(chain.hasher);
}

/*
 * event_store_verify_stream
 *		verify_stream(stream, max_findings) returns setof finding
 *
 * A row for each finding, none for a sound stream; that there is no such stream
 * is one.  Raises 22023 for a name that cannot be one and for a negative
 * max_findings, ST002.
 */
Datum
event_store_verify_stream(PG_FUNCTION_ARGS)
{
	text *stream = es_stream_argument(fcinfo, 0);
	EsFindings findings;
	Relation events;
	Relation streams;
	EsStream row;

	es_findings_begin(&findings, fcinfo,
					  es_bigint_argument(fcinfo, 1, PG_INT64_MAX));
	events = es_store_open(ES_EVENTS, AccessShareLock);
	streams = es_store_open(ES_STREAMS, AccessShareLock);
	if (es_find_stream(streams, GetActiveSnapshot(), stream, &row))
		verify(&findings, events, stream, &row);
	else
		es_finding_add(&findings, ES_CHECK_STREAM, stream, 0, 0,
					   "There is no such stream.");
	table_close(streams, NoLock);
	table_close(events, NoLock);
	return (Datum) 0;
}
