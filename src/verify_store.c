/*-------------------------------------------------------------------------
 *
 * verify_store.c
 *	  The SQL call that checks a store from its data alone.
 *
 * What the append calls promise is recomputed from the rows: nothing is taken
 * from an index, which could be the very thing that is wrong, nor from what a
 * backend remembers.  The tables are read with one snapshot, sorted, and merged
 * by stream.  Memory is bounded by work_mem for each of three sorts.
 *
 * No lock holds appends off.  All that an append adds becomes visible at once,
 * so one snapshot sees a whole store; and the sequence, which no snapshot
 * covers, is read after the snapshot was taken: a position that is seen had
 * been drawn by then.  The snapshot is a fresh one, taken once the tables are
 * locked, at every isolation level: beside an old one there are own appends that
 * rest on events which it does not show, and rewritten tables whose rows it does
 * not.
 *
 * What cannot be told from the data: events that are missing at the end of a
 * stream, and changed data.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/verify_store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "check.h"
#include "position.h"
#include "progress.h"
#include "result_rows.h"
#include "rights.h"
#include "sequence.h"
#include "sorted_rows.h"
#include "stats.h"
#include "store.h"
#include "stream.h"

PG_FUNCTION_INFO_V1(event_store_verify_store);

#define CALL "verify_store()"

/* The names of the checks, part of the call's contract. */
#define CHECK_STREAM	  "stream"
#define CHECK_VERSION	  "version"
#define CHECK_POSITION	  "position"
#define CHECK_RECORDED_AT "recorded_at"
#define CHECK_CATEGORY	  "category"
#define CHECK_SNAPSHOT	  "snapshot"
#define CHECK_SEQUENCE	  "sequence"

/* What is read of each table, sorted by the first columns. */
static const int stream_columns[] = {STR_STREAM_ID, STR_CATEGORY_ID,
									 STR_BASE_VERSION, STR_STREAM};
static const int event_columns[] = {EV_STREAM_ID, EV_VERSION, EV_GLOBAL_POSITION,
									EV_CATEGORY_ID, EV_RECORDED_AT};
static const int snapshot_columns[] = {SNAP_STREAM_ID, SNAP_VERSION};
static const int category_columns[] = {CAT_CATEGORY_ID, CAT_CATEGORY};
static const int named_columns[] = {STR_CATEGORY_ID, STR_STREAM};

/* A call on its way. */
typedef struct Verification
{
	ReturnSetInfo *result;
	int64 findings_left;
	Snapshot snapshot;
	Relation tables[ES_NUM_TABLES]; /* NULL for what is not verified */
	MemoryContext row_context;		/* reset after each finding */
	EsProgress progress;
	int64 highest_id; /* of all positions and ids seen */
} Verification;

/* Sorted rows and the one of them that is next, NULL after the last. */
typedef struct Cursor
{
	EsSortedRows *rows;
	const Datum *row;
} Cursor;

/* A stream whose events are being gone through. */
typedef struct StreamCheck
{
	int64 stream_id;
	text *name; /* NULL: there is no such stream */
	int64 category_id;
	int64 base_version;
	int64 nevents;
	int64 version; /* of the event before, or the base version */
	int64 global_position;
	TimestampTz recorded_at;
} StreamCheck;

static void add_finding(Verification *verification, const char *check_name,
						text *stream, int64 version, int64 global_position,
						const char *format, ...) pg_attribute_printf(6, 7);

/*
 * is_done
 *		Whether the caller wants no more findings.
 */
static bool
is_done(const Verification *verification)
{
	return verification->findings_left == 0;
}

/*
 * add_finding
 *		Adds a row to the result.  The stream may be NULL, and version and
 *		position 0 for none; the detail is made as by printf.
 */
static void
add_finding(Verification *verification, const char *check_name, text *stream,
			int64 version, int64 global_position, const char *format, ...)
{
	MemoryContext caller;
	Datum values[5];
	bool nulls[5] = {false, stream == NULL, version == 0, global_position == 0,
					 false};
	StringInfoData detail;
	int more;

	if (is_done(verification))
		return;
	caller = MemoryContextSwitchTo(verification->row_context);
	initStringInfo(&detail);
	do
	{
		va_list args;

		va_start(args, format);
		more = appendStringInfoVA(&detail, format, args);
		va_end(args);
		enlargeStringInfo(&detail, more);
	} while (more > 0);

	values[0] = CStringGetTextDatum(check_name);
	values[1] = PointerGetDatum(stream);
	values[2] = Int64GetDatum(version);
	values[3] = Int64GetDatum(global_position);
	values[4] = CStringGetTextDatum(detail.data);
	es_put_row(verification->result, values, nulls, lengthof(values));
	MemoryContextSwitchTo(caller);
	MemoryContextReset(verification->row_context);
	verification->findings_left--;
}

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
			const int *columns, int ncolumns, int nkeys)
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
begin_stream(Verification *verification, StreamCheck *check, int64 stream_id,
			 const Cursor *streams)
{
	memset(check, 0, sizeof(StreamCheck));
	check->stream_id = stream_id;
	check->recorded_at = DT_NOBEGIN;
	if (streams->row == NULL || key_of(streams) != stream_id)
		return;
	check->category_id = DatumGetInt64(streams->row[1]);
	check->base_version = DatumGetInt64(streams->row[2]);
	check->name = DatumGetTextPP(streams->row[3]);
	check->version = check->base_version;
	note_id(verification, stream_id);
	if (check->base_version < 0)
		add_finding(verification, CHECK_VERSION, check->name, 0, 0,
					"The base version is %lld.", (long long) check->base_version);
}

/*
 * check_version
 *		An event's version is the one after the version before.
 */
static void
check_version(Verification *verification, const StreamCheck *check,
			  int64 version, int64 position)
{
	int64 expected;

	if (version <= check->version)
	{
		if (check->nevents > 0)
			add_finding(verification, CHECK_VERSION, check->name, version,
						position, "It is there twice.");
		else
			add_finding(verification, CHECK_VERSION, check->name, version,
						position, "It is not above the base version %lld.",
						(long long) check->base_version);
		return;
	}
	expected = check->version + 1;
	if (version == expected)
		return;
	if (version == expected + 1)
		add_finding(verification, CHECK_VERSION, check->name, version, position,
					"Version %lld before it is missing.", (long long) expected);
	else
		add_finding(verification, CHECK_VERSION, check->name, version, position,
					"Versions %lld to %lld before it are missing.",
					(long long) expected, (long long) version - 1);
}

/*
 * check_event
 *		Compares an event with its stream and with the event before it.
 */
static void
check_event(Verification *verification, StreamCheck *check, const Datum *row)
{
	int64 version = DatumGetInt64(row[1]);
	int64 position = DatumGetInt64(row[2]);
	int64 category_id = DatumGetInt64(row[3]);
	TimestampTz recorded_at = DatumGetTimestampTz(row[4]);

	note_id(verification, position);
	if (check->name == NULL)
	{
		if (check->nevents == 0)
			add_finding(verification, CHECK_STREAM, NULL, version, position,
						"It belongs to stream %lld, which does not exist.",
						(long long) check->stream_id);
		check->nevents++;
		return;
	}

	check_version(verification, check, version, position);
	if (position <= check->global_position)
		add_finding(verification, CHECK_POSITION, check->name, version, position,
					"It is not above %lld, where the event before it is.",
					(long long) check->global_position);
	if (recorded_at < check->recorded_at)
		add_finding(verification, CHECK_RECORDED_AT, check->name, version,
					position,
					"It was recorded at %s, before the event before it.",
					timestamptz_to_str(recorded_at));
	if (category_id != check->category_id)
		add_finding(verification, CHECK_CATEGORY, check->name, version, position,
					"It is of category %lld, its stream of category %lld.",
					(long long) category_id, (long long) check->category_id);
	check->nevents++;
	check->version = version;
	check->global_position = position;
	check->recorded_at = recorded_at;
}

/*
 * check_snapshot
 *		A snapshot is of a version that its stream has come to.
 */
static void
check_snapshot(Verification *verification, const StreamCheck *check,
			   const Datum *row)
{
	int64 version = DatumGetInt64(row[1]);

	if (check->name == NULL)
		add_finding(verification, CHECK_SNAPSHOT, NULL, version, 0,
					"It is of stream %lld, which does not exist.",
					(long long) check->stream_id);
	else if (version < 1 || version > check->version)
		add_finding(verification, CHECK_SNAPSHOT, check->name, version, 0,
					"The stream's version is %lld.", (long long) check->version);
}

/*
 * end_stream
 *		A stream has events, or had some once.
 */
static void
end_stream(Verification *verification, const StreamCheck *check)
{
	if (check->name != NULL && check->nevents == 0 && check->base_version == 0)
		add_finding(verification, CHECK_STREAM, check->name, 0, 0,
					"It has no events.");
}

/*
 * verify_one
 *		Goes through all that has the lowest stream id of the three cursors.
 */
static void
verify_one(Verification *verification, EsProgress *progress, Cursor *streams,
		   Cursor *events, Cursor *snapshots)
{
	int64 id = Min(Min(key_of(streams), key_of(events)), key_of(snapshots));
	StreamCheck check;

	begin_stream(verification, &check, id, streams);
	for (; events->row != NULL && key_of(events) == id; advance(events))
	{
		check_event(verification, &check, events->row);
		es_progress_step(progress);
	}
	for (; snapshots->row != NULL && key_of(snapshots) == id; advance(snapshots))
		check_snapshot(verification, &check, snapshots->row);
	end_stream(verification, &check);
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

	open_cursor(&events, verification, ES_EVENTS, event_columns,
				lengthof(event_columns), 3);
	es_progress_begin(&progress, CALL, "events checked",
					  verification->progress.done, false);
	open_cursor(&streams, verification, ES_STREAMS, stream_columns,
				lengthof(stream_columns), 1);
	open_cursor(&snapshots, verification, ES_SNAPSHOTS, snapshot_columns,
				lengthof(snapshot_columns), 2);

	while (!is_done(verification) &&
		   (streams.row != NULL || events.row != NULL || snapshots.row != NULL))
	{
		MemoryContext caller = MemoryContextSwitchTo(stream_context);

		verify_one(verification, &progress, &streams, &events, &snapshots);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(stream_context);
	}
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
		add_finding(verification, CHECK_CATEGORY, stream, 0, 0,
					"It is of category %lld, which does not exist.",
					(long long) category_id);
		return;
	}
	actual = DatumGetTextPP(categories->row[1]);
	if (es_compare_texts(&actual, &expected) != 0)
		add_finding(verification, CHECK_CATEGORY, stream, 0, 0,
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
	for (; streams.row != NULL && !is_done(verification); advance(&streams))
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
		add_finding(verification, CHECK_SEQUENCE, NULL, 0, 0,
					"Its last value is %lld, the highest global position is %lld.",
					(long long) last, (long long) verification->highest_id);
	if (flaw != NULL)
		add_finding(verification, CHECK_SEQUENCE, NULL, 0, 0, "%s", flaw);
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
									  ES_SNAPSHOTS};
	int64 nrows = 0;

	for (int i = 0; i < lengthof(order); i++)
	{
		Relation rel = es_store_open(order[i], AccessShareLock);

		verification->tables[order[i]] = rel;
		nrows += es_estimate_rows(rel) * (order[i] == ES_STREAMS ? 2 : 1);
	}
	es_progress_begin(&verification->progress, CALL, "rows read", nrows, true);
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

	verification.findings_left = es_bigint_argument(fcinfo, 0, PG_INT64_MAX);
	es_check_not_negative(verification.findings_left, "max_findings");
	es_require_store_owner(CALL);
	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	verification.result = (ReturnSetInfo *) fcinfo->resultinfo;

	open_tables(&verification);
	verification.row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store finding",
							  ALLOCSET_DEFAULT_SIZES);
	verification.snapshot = RegisterSnapshot(GetLatestSnapshot());

	/* what the running command itself has appended is in this copy, too */
	verification.snapshot->curcid++;
	if (!is_done(&verification))
		verify_streams(&verification);
	if (!is_done(&verification))
		verify_categories(&verification);
	if (!is_done(&verification))
		verify_sequence(&verification);
	UnregisterSnapshot(verification.snapshot);
	for (int i = 0; i < ES_NUM_TABLES; i++)
	{
		if (verification.tables[i] != NULL)
			table_close(verification.tables[i], AccessShareLock);
	}
	return (Datum) 0;
}
