/*-------------------------------------------------------------------------
 *
 * verify_store.c
 *	  The SQL call that checks a store from its data alone.
 *
 * What the append calls promise is recomputed from the rows: nothing is taken
 * from an index, which could be the very thing that is wrong, nor from what a
 * backend remembers.  The tables are read with one snapshot, sorted, and merged
 * by stream.  Memory is bounded by work_mem for each of a few sorts.
 *
 * No lock holds appends off.  All that an append adds becomes visible at once,
 * so one snapshot sees a whole store; and the sequence, which no snapshot
 * covers, is read after the snapshot was taken: a position that is seen had
 * been drawn by then.  The snapshot is a fresh one, taken once the tables are
 * locked, at every isolation level: beside an old one there are own appends that
 * rest on events which it does not show, and rewritten tables whose rows it does
 * not.
 *
 * In a store with a hash chain the hashes are computed anew, and compared with
 * those that the record of seals holds.  What cannot be told from the data: that
 * events are missing at the end of a stream where the record was changed, too,
 * which is check_seal()'s to find; and, without a chain, that events were changed.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/verify_store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "check.h"
#include "finding.h"
#include "hash_chain.h"
#include "position.h"
#include "progress.h"
#include "rights.h"
#include "sequence.h"
#include "sorted_rows.h"
#include "stats.h"
#include "store.h"
#include "stream.h"
#include "stream_check.h"

PG_FUNCTION_INFO_V1(event_store_verify_store);

#define CALL "verify_store()"

/* What is read of each table, sorted by the first columns. */
static const EsSortColumn stream_columns[] = {{STR_STREAM_ID},
											  {STR_CATEGORY_ID},
											  {STR_BASE_VERSION},
											  {STR_STREAM}};
static const EsSortColumn event_columns[] = {{EV_STREAM_ID},
											 {EV_VERSION},
											 {EV_GLOBAL_POSITION},
											 {EV_CATEGORY_ID},
											 {EV_RECORDED_AT},
											 {EV_SCHEMA_VERSION},
											 {EV_EVENT_ID},
											 {EV_TYPE},
											 {EV_HASH, .is_optional = true},
											 {EV_DATA, .digest = es_hash_jsonb},
											 {EV_METADATA,
											  .digest = es_hash_metadata}};
static const EsSortColumn snapshot_columns[] = {{SNAP_STREAM_ID}, {SNAP_VERSION}};
static const EsSortColumn sealed_columns[] = {{HEAD_STREAM_ID},
											  {HEAD_VERSION},
											  {HEAD_SEALED_POSITION},
											  {HEAD_HASH},
											  {HEAD_STREAM}};
static const EsSortColumn category_columns[] = {{CAT_CATEGORY_ID},
												{CAT_CATEGORY}};
static const EsSortColumn named_columns[] = {{STR_CATEGORY_ID}, {STR_STREAM}};

/* How many of those of events are read where there is no hash chain. */
#define NUM_UNCHAINED_COLUMNS 5

/* A call on its way. */
typedef struct Verification
{
	EsFindings findings;
	Snapshot snapshot;
	Relation tables[ES_NUM_TABLES]; /* NULL for what is not verified */
	EsProgress progress;
	EsChainCheck chain; /* without a hasher where there is none */
	int64 highest_id;	/* of all positions and ids seen */
} Verification;

/* Sorted rows and the one of them that is next, NULL after the last. */
typedef struct Cursor
{
	EsSortedRows *rows;
	const Datum *row;
} Cursor;

/*
 * note_row
 *		Callback for every row that is read.
 */
static void
note_row(void *arg)
{
	es_progress_step(&((Verification *) arg)->progress);
}

/*
 * advance
 *		Goes on to a cursor's next row.
 */
static void
advance(Cursor *cursor)
{
	cursor->row = es_sorted_next(cursor->rows);
}

/*
 * open_cursor
 *		Reads and sorts some columns of a table.
 */
static void
open_cursor(Cursor *cursor, Verification *verification, EsTableId table,
			const EsSortColumn *columns, int ncolumns, int nkeys)
{
	cursor->rows =
		es_sort_rows(table, verification->tables[table], verification->snapshot,
					 columns, ncolumns, nkeys, note_row, verification);
	advance(cursor);
}

/*
 * key_of
 *		What the next row is sorted by; the greatest value after the last.
 */
static int64
key_of(const Cursor *cursor)
{
	return cursor->row != NULL ? DatumGetInt64(cursor->row[0]) : PG_INT64_MAX;
}

/*
 * note_id
 *		Remembers the highest of all ids and positions.
 */
static void
note_id(Verification *verification, int64 id)
{
	verification->highest_id = Max(verification->highest_id, id);
}

/*
 * begin_stream
 *		Starts going through the events that have a stream's id; the cursor is
 *		at that stream, or beyond it if there is none.
 */
static void
begin_stream(Verification *verification, EsStreamCheck *check, int64 stream_id,
			 const Cursor *streams)
{
	es_stream_check_begin(check, &verification->findings,
						  verification->chain.hasher ? &verification->chain : NULL,
						  stream_id);
	if (streams->row == NULL || key_of(streams) != stream_id)
		return;
	note_id(verification, stream_id);
	es_stream_check_exists(check, DatumGetTextPP(streams->row[3]),
						   DatumGetInt64(streams->row[1]),
						   DatumGetInt64(streams->row[2]));
}

/*
 * read_hashed
 *		What the hash of a row of events is over, and the hash.
 */
static void
read_hashed(const Cursor *events, EsCheckedEvent *event)
{
	const Datum *row = events->row;

	event->schema_version = DatumGetInt32(row[5]);
	event->event_id = DatumGetUUIDP(row[6]);
	event->type = DatumGetTextPP(row[7]);
	event->carried = es_carried_hash(row[8], es_sorted_is_null(events->rows, 8),
									 &event->hash);
	if (event->carried == ES_HASH_MISSING)
		return;
	(void) es_hash_from_value(row[9], &event->data);
	(void) es_hash_from_value(row[10], &event->metadata);
}

/*
 * check_event
 *		Checks a row of events.
 */
static void
check_event(Verification *verification, EsStreamCheck *check, const Cursor *events)
{
	const Datum *row = events->row;
	EsCheckedEvent event = {0};

	event.version = DatumGetInt64(row[1]);
	event.global_position = DatumGetInt64(row[2]);
	event.category_id = DatumGetInt64(row[3]);
	event.recorded_at = DatumGetTimestampTz(row[4]);
	if (verification->chain.hasher != NULL)
		read_hashed(events, &event);
	note_id(verification, event.global_position);
	es_stream_check_event(check, &event);
}

/*
 * check_sealed
 *		Checks a row of the record of seals, once its stream has been gone through
 *		up to its version.
 */
static void
check_sealed(const EsStreamCheck *check, const Datum *row)
{
	EsSealedHead head;

	head.stream_id = DatumGetInt64(row[0]);
	head.version = DatumGetInt64(row[1]);
	(void) es_hash_from_value(row[3], &head.hash);
	head.stream = DatumGetTextPP(row[4]);
	es_stream_check_sealed(check, &head);
}

/*
 * check_sealed_up_to
 *		Checks the rows of a stream up to a version.
 */
static void
check_sealed_up_to(const EsStreamCheck *check, int64 version, Cursor *sealed)
{
	for (; sealed->row != NULL && key_of(sealed) == check->stream_id &&
		 DatumGetInt64(sealed->row[1]) <= version;
		 advance(sealed))
		check_sealed(check, sealed->row);
}

/*
 * verify_one
 *		Goes through all that has the lowest stream id of the cursors.
 */
static void
verify_one(Verification *verification, EsProgress *progress, Cursor *streams,
		   Cursor *events, Cursor *snapshots, Cursor *sealed)
{
	int64 id = Min(Min(key_of(streams), key_of(events)),
				   Min(key_of(snapshots), key_of(sealed)));
	EsStreamCheck check;

	begin_stream(verification, &check, id, streams);
	for (; events->row != NULL && key_of(events) == id; advance(events))
	{
		check_event(verification, &check, events);
		check_sealed_up_to(&check, check.version, sealed);
		es_progress_step(progress);
	}
	check_sealed_up_to(&check, PG_INT64_MAX, sealed);
	for (; snapshots->row != NULL && key_of(snapshots) == id; advance(snapshots))
		es_stream_check_snapshot(&check, DatumGetInt64(snapshots->row[1]));
	es_stream_check_end(&check);
	if (streams->row != NULL && key_of(streams) == id)
		advance(streams);
}

/*
 * verify_streams
 *		Checks all streams with their events and snapshots.
 */
static void
verify_streams(Verification *verification)
{
	MemoryContext stream_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store stream",
							  ALLOCSET_DEFAULT_SIZES);
	EsProgress progress;
	Cursor events;
	Cursor streams;
	Cursor snapshots;
	Cursor sealed = {NULL, NULL};

	open_cursor(&events, verification, ES_EVENTS, event_columns,
				verification->chain.hasher ? lengthof(event_columns)
										   : NUM_UNCHAINED_COLUMNS,
				3);
	es_progress_begin(&progress, CALL, "events checked",
					  verification->progress.done, false);
	open_cursor(&streams, verification, ES_STREAMS, stream_columns,
				lengthof(stream_columns), 1);
	open_cursor(&snapshots, verification, ES_SNAPSHOTS, snapshot_columns,
				lengthof(snapshot_columns), 2);

	if (verification->tables[ES_SEALED_HEADS] != NULL)
		open_cursor(&sealed, verification, ES_SEALED_HEADS, sealed_columns,
					lengthof(sealed_columns), 3);

	while (!es_findings_done(&verification->findings) &&
		   (streams.row != NULL || events.row != NULL ||
			snapshots.row != NULL || sealed.row != NULL))
	{
		MemoryContext caller = MemoryContextSwitchTo(stream_context);

		verify_one(verification, &progress, &streams, &events, &snapshots,
				   &sealed);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(stream_context);
	}
	if (sealed.rows != NULL)
		es_sorted_end(sealed.rows);
	es_sorted_end(snapshots.rows);
	es_sorted_end(streams.rows);
	es_sorted_end(events.rows);
	MemoryContextDelete(stream_context);
}

/*
 * check_named
 *		A stream's category exists, and has the name that the stream's begins
 *		with; the cursor is at that category or beyond it.
 */
static void
check_named(Verification *verification, const Cursor *categories, const Datum *row)
{
	int64 category_id = DatumGetInt64(row[0]);
	text *stream = DatumGetTextPP(row[1]);
	text *expected = es_stream_category(stream);
	text *actual;

	if (categories->row == NULL || key_of(categories) != category_id)
	{
		es_finding_add(&verification->findings, ES_CHECK_CATEGORY, stream, 0, 0,
					   "It is of category %lld, which does not exist.",
					   (long long) category_id);
		return;
	}
	actual = DatumGetTextPP(categories->row[1]);
	if (es_compare_texts(&actual, &expected) != 0)
		es_finding_add(&verification->findings, ES_CHECK_CATEGORY, stream, 0, 0,
					   "It is of category \"%s\".", text_to_cstring(actual));
}

/*
 * verify_categories
 *		Checks the categories of all streams.
 */
static void
verify_categories(Verification *verification)
{
	MemoryContext stream_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store stream",
							  ALLOCSET_DEFAULT_SIZES);
	Cursor categories;
	Cursor streams;

	open_cursor(&categories, verification, ES_CATEGORIES, category_columns,
				lengthof(category_columns), 1);
	open_cursor(&streams, verification, ES_STREAMS, named_columns,
				lengthof(named_columns), 1);
	for (; streams.row != NULL && !es_findings_done(&verification->findings);
		 advance(&streams))
	{
		MemoryContext caller;

		while (categories.row != NULL && key_of(&categories) < key_of(&streams))
		{
			note_id(verification, key_of(&categories));
			advance(&categories);
		}
		caller = MemoryContextSwitchTo(stream_context);
		check_named(verification, &categories, streams.row);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(stream_context);
	}
	for (; categories.row != NULL; advance(&categories))
		note_id(verification, key_of(&categories));
	es_sorted_end(streams.rows);
	es_sorted_end(categories.rows);
	MemoryContextDelete(stream_context);
}

/*
 * verify_sequence
 *		Checks that the sequence is not below anything that was seen, and is set
 *		as the order of positions needs it.
 */
static void
verify_sequence(Verification *verification)
{
	int64 last = es_last_position();
	const char *flaw = es_sequence_flaw();

	if (last < verification->highest_id)
		es_finding_add(&verification->findings, ES_CHECK_SEQUENCE, NULL, 0, 0,
					   "Its last value is %lld, the highest global position is %lld.",
					   (long long) last, (long long) verification->highest_id);
	if (flaw != NULL)
		es_finding_add(&verification->findings, ES_CHECK_SEQUENCE, NULL, 0, 0,
					   "%s", flaw);
}

/*
 * open_tables
 *		Opens all tables, events first, and counts what there is to read: the
 *		streams are read twice.
 */
static void
open_tables(Verification *verification)
{
	static const EsTableId order[] = {ES_EVENTS, ES_STREAMS, ES_CATEGORIES,
									  ES_SNAPSHOTS, ES_SEALED_HEADS};
	int64 nrows = 0;

	for (int i = 0; i < lengthof(order); i++)
	{
		Relation rel;

		if (order[i] == ES_SEALED_HEADS && !es_has_hash_chain())
			break;
		rel = es_store_open(order[i], AccessShareLock);
		verification->tables[order[i]] = rel;
		nrows += es_estimate_rows(rel) * (order[i] == ES_STREAMS ? 2 : 1);
	}
	es_progress_begin(&verification->progress, CALL, "rows read", nrows, true);
}

/*
 * begin_chain
 *		Prepares for checking hashes, if there are any.
 */
static void
begin_chain(Verification *verification)
{
	if (!es_has_hash_chain())
		return;
	verification->chain.start = es_hash_chain_start(verification->snapshot);
	verification->chain.hasher = es_hasher_begin();
}

/*
 * event_store_verify_store
 *		verify_store(max_findings) returns setof finding
 *
 * A row for each finding, none for a sound store.  Raises 42501 unless the
 * caller owns the store, 22023 for a negative max_findings, ST002.
 */
Datum
event_store_verify_store(PG_FUNCTION_ARGS)
{
	Verification verification = {0};

	es_require_store_owner(CALL);
	es_findings_begin(&verification.findings, fcinfo,
					  es_bigint_argument(fcinfo, 0, PG_INT64_MAX));

	open_tables(&verification);
	verification.snapshot = RegisterSnapshot(GetLatestSnapshot());

	/* what the running command itself has appended is in this copy, too */
	verification.snapshot->curcid++;
	begin_chain(&verification);
	if (!es_findings_done(&verification.findings))
		verify_streams(&verification);
	if (!es_findings_done(&verification.findings))
		verify_categories(&verification);
	if (!es_findings_done(&verification.findings))
		verify_sequence(&verification);
	if (verification.chain.hasher != NULL)
		es_hasher_end(verification.chain.hasher);
	UnregisterSnapshot(verification.snapshot);
	for (int i = 0; i < ES_NUM_TABLES; i++)
	{
		if (verification.tables[i] != NULL)
			table_close(verification.tables[i], AccessShareLock);
	}
	return (Datum) 0;
}
