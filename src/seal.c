/*-------------------------------------------------------------------------
 *
 * seal.c
 *	  The SQL calls that seal a store, and that check a seal.
 *
 * A seal is a hash over where all streams end at a safe position: over all
 * events up to there, since each stream's last hash is over those before it.
 * Nothing can appear at or below a safe position, so it can be computed again at
 * any time.  Its form is part of the contract, as that of an event's hash is; one
 * after the other, with whole numbers in 8 bytes, the highest first:
 *
 *	the 19 bytes "event_store seal 1\n"
 *	the position
 *	for each stream with an event at or below it, in the order of their first
 *	events:
 *		how many bytes follow, and the stream's name, in UTF-8
 *		its version at the position
 *		32 bytes: the hash of the event that has it, zeros where that has none
 *	how many streams those were
 *
 * The seal says that something is not as it was, but not what.  For that each
 * call of seal_store() also stores where the streams ended that had gone on since
 * the call before.  Nobody has to believe this record: it gives the seal, too, and
 * so it is the one that was made, or it does not.
 *
 * One session seals at a time, for SHARE ROW EXCLUSIVE on the record, which no
 * append asks for.  The safe position is taken under it, and the snapshot after
 * that.  A transaction that has appended itself may not seal: the safe position
 * passes its own events over, and they could still be rolled back.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/seal.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "finding.h"
#include "hash_chain.h"
#include "locks.h"
#include "moment.h"
#include "position.h"
#include "progress.h"
#include "scan.h"
#include "sorted_rows.h"
#include "stats.h"
#include "store.h"
#include "stream.h"
#include "write.h"

PG_FUNCTION_INFO_V1(event_store_seal_store);
PG_FUNCTION_INFO_V1(event_store_check_seal);

#define SEAL_TAG   "event_store seal 1\n"
#define SEAL_CALL  "seal_store()"
#define CHECK_CALL "check_seal()"

static const EsSortColumn stream_columns[] = {{STR_STREAM_ID},
											  {STR_BASE_VERSION},
											  {STR_STREAM}};
static const EsSortColumn head_columns[] = {{HEAD_STREAM_ID},
											{HEAD_SEALED_POSITION},
											{HEAD_VERSION},
											{HEAD_HASH},
											{HEAD_STREAM}};

/* Where a stream ends. */
typedef struct StreamEnd
{
	int64 stream_id; /* PG_INT64_MAX after the last stream */
	text *stream;
	int64 version;
	EsHash hash;
} StreamEnd;

/* What a store is looked at with. */
typedef struct Sight
{
	int64 position; /* up to and at which it is looked at */
	Relation events;
	Snapshot snapshot;
	const char *call; /* what looks */
	EsProgress progress;
} Sight;

/* A root hash in the making. */
typedef struct Root
{
	EsHasher *hasher;
	int64 nstreams;
} Root;

/*
 * Streams with where they end, one after another: as their events say, or as it
 * was recorded.
 */
typedef struct Ends
{
	Sight *sight;
	bool recorded;
	EsSortedRows *rows;
	const Datum *row; /* the next one, NULL after the last */
	MemoryContext context;
	StreamEnd end;
} Ends;

/*
 * require_chain
 *		Raises 55000 where the store has no hash chain.
 */
static void
require_chain(const char *call)
{
	if (!es_has_hash_chain())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s needs a hash chain, which the event store does not have",
						call),
				 errhint(
					 "Give it one with: SELECT event_store.enable_hash_chain();")));
}

/* Sight ------------------------------------------------------------------- */

/*
 * open_sight
 *		Looks at the store by a fresh snapshot.
 */
static void
open_sight(Sight *sight, const char *call, Relation events, int64 position)
{
	sight->call = call;
	sight->position = position;
	sight->events = events;
	sight->snapshot = RegisterSnapshot(GetLatestSnapshot());
}

/*
 * close_sight
 *		Ends that.
 */
static void
close_sight(Sight *sight)
{
	UnregisterSnapshot(sight->snapshot);
}

/* Ends of streams --------------------------------------------------------- */

/*
 * note_row
 *		Callback for every row that is read to be sorted.
 */
static void
note_row(void *arg)
{
}

/*
 * sort_streams
 *		Reads the streams, in the order of their first events.
 */
static EsSortedRows *
sort_streams(Sight *sight)
{
	Relation rel = es_store_open(ES_STREAMS, AccessShareLock);
	EsSortedRows *rows =
		es_sort_rows(ES_STREAMS, rel, sight->snapshot, stream_columns,
					 lengthof(stream_columns), 1, note_row, NULL);

	es_progress_begin(&sight->progress, sight->call, "streams looked at",
					  es_estimate_rows(rel), true);
	table_close(rel, NoLock);
	return rows;
}

/*
 * sort_recorded
 *		Reads the record, in the same order and that of the seals.
 */
static EsSortedRows *
sort_recorded(const Sight *sight)
{
	Relation rel = es_store_open(ES_SEALED_HEADS, AccessShareLock);
	EsSortedRows *rows =
		es_sort_rows(ES_SEALED_HEADS, rel, sight->snapshot, head_columns,
					 lengthof(head_columns), 2, note_row, NULL);

	table_close(rel, NoLock);
	return rows;
}

/*
 * begin_ends
 *		Starts going through the streams.
 */
static void
begin_ends(Ends *ends, Sight *sight, bool recorded)
{
	ends->sight = sight;
	ends->recorded = recorded;
	ends->rows = recorded ? sort_recorded(sight) : sort_streams(sight);
	ends->row = es_sorted_next(ends->rows);
	ends->context = AllocSetContextCreate(CurrentMemoryContext, "event_store end",
										  ALLOCSET_DEFAULT_SIZES);
}

/*
 * close_ends
 *		Ends that.
 */
static void
close_ends(Ends *ends)
{
	es_sorted_end(ends->rows);
	MemoryContextDelete(ends->context);
}

/*
 * fetch_event
 *		The event with the highest version of a range, if its position is not above
 *		the one that is looked at; returns its version, 0 for none.
 */
static int64
fetch_event(const Sight *sight, int64 stream_id, int64 lowest, int64 highest,
			EsHash *hash)
{
	EsRange range = {lowest, highest, true};
	EsScan *scan =
		es_scan_stream(sight->events, sight->snapshot, stream_id, &range);
	TupleTableSlot *slot = es_scan_next(scan);
	int64 version = 0;

	if (slot != NULL &&
		DatumGetInt64(es_column(slot, ES_EVENTS, EV_GLOBAL_POSITION)) <=
			sight->position)
	{
		version = DatumGetInt64(es_column(slot, ES_EVENTS, EV_VERSION));
		(void) es_event_hash(slot, hash);
	}
	es_scan_end(scan);
	return version;
}

/*
 * find_end
 *		Where a stream ends at the position, as its events say; false where it has
 *		none up to there.
 */
static bool
find_end(const Sight *sight, const Datum *row, StreamEnd *end)
{
	EsMoment moment = {ES_AT_POSITION, sight->position, 0};
	EsStream stream = {0};
	int64 version;

	stream.stream_id = DatumGetInt64(row[0]);
	stream.base_version = DatumGetInt64(row[1]);
	end->stream_id = stream.stream_id;
	end->stream = DatumGetTextPCopy(row[2]);
	end->version = fetch_event(sight, end->stream_id, PG_INT64_MIN,
							   PG_INT64_MAX, &end->hash);
	if (end->version != 0)
		return true;
	version = es_moment_version(sight->events, sight->snapshot, &stream, &moment);
	end->version =
		fetch_event(sight, end->stream_id, version, version, &end->hash);
	return end->version != 0;
}

/*
 * next_found
 *		Goes on to the next stream, as the events say.
 */
static bool
next_found(Ends *ends)
{
	bool found = false;

	while (!found && ends->row != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(ends->context);

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(ends->context);
		found = find_end(ends->sight, ends->row, &ends->end);
		MemoryContextSwitchTo(caller);
		es_progress_step(&ends->sight->progress);
		ends->row = es_sorted_next(ends->rows);
	}
	return found;
}

/*
 * read_recorded
 *		Where a stream ended, as a row of the record says; false where that was
 *		recorded above the position.
 */
static bool
read_recorded(const Sight *sight, const Datum *row, StreamEnd *end)
{
	if (DatumGetInt64(row[1]) > sight->position)
		return false;
	end->stream_id = DatumGetInt64(row[0]);
	end->version = DatumGetInt64(row[2]);
	if (!es_hash_from_value(row[3], &end->hash))
		memset(&end->hash, 0, sizeof(EsHash));
	end->stream = DatumGetTextPCopy(row[4]);
	return true;
}

/*
 * next_recorded
 *		Goes on to the next stream, as it was recorded: of the rows of a stream the
 *		last one up to the position counts.
 */
static bool
next_recorded(Ends *ends)
{
	bool found = false;

	while (ends->row != NULL)
	{
		MemoryContext caller;

		if (found && DatumGetInt64(ends->row[0]) != ends->end.stream_id)
			break;
		caller = MemoryContextSwitchTo(ends->context);
		if (!found)
			MemoryContextReset(ends->context);
		found |= read_recorded(ends->sight, ends->row, &ends->end);
		MemoryContextSwitchTo(caller);
		ends->row = es_sorted_next(ends->rows);
	}
	return found;
}

/*
 * next_end
 *		Goes on to the next stream; after the last one ends.end has the greatest
 *		stream_id.
 */
static bool
next_end(Ends *ends)
{
	bool found = ends->recorded ? next_recorded(ends) : next_found(ends);

	if (!found)
		ends->end.stream_id = PG_INT64_MAX;
	return found;
}

/* Root hashes ------------------------------------------------------------- */

/*
 * begin_root
 *		Begins with the root hash at a position.
 */
static void
begin_root(Root *root, int64 position)
{
	root->hasher = es_hasher_begin();
	root->nstreams = 0;
	es_hash_reset(root->hasher);
	es_hash_add(root->hasher, SEAL_TAG, strlen(SEAL_TAG));
	es_hash_add_int64(root->hasher, position);
}

/*
 * add_to_root
 *		Takes a stream in.
 */
static void
add_to_root(Root *root, const StreamEnd *end)
{
	es_hash_add_text(root->hasher, end->stream);
	es_hash_add_int64(root->hasher, end->version);
	es_hash_add(root->hasher, end->hash.bytes, ES_HASH_BYTES);
	root->nstreams++;
}

/*
 * end_root
 *		The root hash.
 */
static void
end_root(Root *root, EsHash *hash)
{
	es_hash_add_int64(root->hasher, root->nstreams);
	es_hash_get(root->hasher, hash);
	es_hasher_end(root->hasher);
}

/*
 * is_sealed
 *		Whether the ends of the streams, as their events say or as they were
 *		recorded, give a root hash.
 */
static bool
is_sealed(Sight *sight, bool recorded, const EsHash *sealed)
{
	Ends ends;
	Root root;
	EsHash hash;

	begin_ends(&ends, sight, recorded);
	begin_root(&root, sight->position);
	while (next_end(&ends))
		add_to_root(&root, &ends.end);
	end_root(&root, &hash);
	close_ends(&ends);
	return es_hash_equal(&hash, sealed);
}

/* Sealing ----------------------------------------------------------------- */

/*
 * is_same
 *		Whether a stream still ends where it did.
 */
static bool
is_same(const StreamEnd *a, const StreamEnd *b)
{
	return a->stream_id == b->stream_id && a->version == b->version &&
		es_hash_equal(&a->hash, &b->hash) &&
		es_compare_texts(&a->stream, &b->stream) == 0;
}

/*
 * record
 *		Stores where a stream ends.
 */
static void
record(EsWriter *writer, int64 position, const StreamEnd *end)
{
	EsHashValue hash;
	Datum values[HEAD_NUM_COLUMNS];

	values[HEAD_STREAM_ID] = Int64GetDatum(end->stream_id);
	values[HEAD_SEALED_POSITION] = Int64GetDatum(position);
	values[HEAD_VERSION] = Int64GetDatum(end->version);
	values[HEAD_HASH] = es_hash_value(&hash, &end->hash);
	values[HEAD_STREAM] = PointerGetDatum(end->stream);
	es_write_row(writer, values);
}

/*
 * seal
 *		Computes the root hash of the store as it is seen, and records the streams
 *		that do not end where they did.
 */
static void
seal(Sight *sight, Relation sealed_heads, Root *root)
{
	EsWriter *writer = es_write_begin(ES_SEALED_HEADS, sealed_heads);
	Ends found;
	Ends recorded;

	begin_ends(&recorded, sight, true);
	(void) next_end(&recorded);
	begin_ends(&found, sight, false);
	while (next_end(&found))
	{
		while (recorded.end.stream_id < found.end.stream_id)
			(void) next_end(&recorded);
		if (!is_same(&found.end, &recorded.end))
			record(writer, sight->position, &found.end);
		add_to_root(root, &found.end);
	}
	close_ends(&found);
	close_ends(&recorded);
	es_write_end(writer);
}

/*
 * refuse_after_append
 *		Raises 25001 in a transaction that has appended.
 */
static void
refuse_after_append(void)
{
	int64 mark;

	if (es_holds_mark(&mark))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot seal the event store in a transaction that has appended to it"),
				 errhint("Commit first.")));
}

/*
 * form_seal
 *		A seal as the call's result.
 */
static Datum
form_seal(FunctionCallInfo fcinfo, int64 position, int64 nstreams,
		  const EsHash *root)
{
	TupleDesc desc;
	EsHashValue hash;
	Datum values[3] = {Int64GetDatum(position), Int64GetDatum(nstreams),
					   es_hash_value(&hash, root)};
	bool nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/*
 * event_store_seal_store
 *		seal_store() returns (global_position, streams, root_hash)
 *
 * Takes SHARE ROW EXCLUSIVE on the record of seals, to the end of the
 * transaction.  Raises 55000 without a hash chain, 25001 in a transaction that
 * has appended, 25006, ST002.
 */
Datum
event_store_seal_store(PG_FUNCTION_ARGS)
{
	Relation events;
	Relation sealed_heads;
	Sight sight = {0};
	Root root;
	EsHash hash;

	es_check_writable(SEAL_CALL);
	events = es_store_open(ES_EVENTS, AccessShareLock);
	require_chain(SEAL_CALL);
	refuse_after_append();
	sealed_heads = es_store_open(ES_SEALED_HEADS, ShareRowExclusiveLock);

	/* what the calling command has recorded counts, too */
	CommandCounterIncrement();
	open_sight(&sight, SEAL_CALL, events, es_safe_position(PG_INT64_MAX));
	begin_root(&root, sight.position);
	seal(&sight, sealed_heads, &root);
	end_root(&root, &hash);
	close_sight(&sight);
	table_close(sealed_heads, NoLock);
	table_close(events, NoLock);
	return form_seal(fcinfo, sight.position, root.nstreams, &hash);
}

/* Checking a seal --------------------------------------------------------- */

/*
 * compare_ends
 *		Tells what is different about a stream that is found and was recorded.
 */
static void
compare_ends(EsFindings *findings, const Sight *sight, const StreamEnd *found,
			 const StreamEnd *recorded)
{
	if (es_compare_texts(&found->stream, &recorded->stream) != 0)
		es_finding_add(findings, ES_CHECK_SEAL, found->stream, 0, 0,
					   "It was sealed as \"%s\".",
					   text_to_cstring(recorded->stream));
	if (found->version != recorded->version)
		es_finding_add(findings, ES_CHECK_SEAL, found->stream, found->version, 0,
					   "At global position %lld this is its last event; it was sealed at version %lld.",
					   (long long) sight->position,
					   (long long) recorded->version);
	else if (!es_hash_equal(&found->hash, &recorded->hash))
		es_finding_add(findings, ES_CHECK_SEAL, found->stream, found->version,
					   0, "Its hash is not the one that was sealed.");
}

/*
 * compare_all
 *		Tells which streams are not as it was recorded.
 */
static void
compare_all(EsFindings *findings, Sight *sight)
{
	Ends found;
	Ends recorded;

	begin_ends(&found, sight, false);
	begin_ends(&recorded, sight, true);
	(void) next_end(&found);
	(void) next_end(&recorded);
	while (!es_findings_done(findings))
	{
		int64 id = Min(found.end.stream_id, recorded.end.stream_id);

		if (id == PG_INT64_MAX)
			break;
		if (found.end.stream_id > id)
			es_finding_add(findings, ES_CHECK_SEAL, recorded.end.stream,
						   recorded.end.version, 0,
						   "It was sealed at this version and has no events up to global position %lld.",
						   (long long) sight->position);
		else if (recorded.end.stream_id > id)
			es_finding_add(findings, ES_CHECK_SEAL, found.end.stream,
						   found.end.version, 0,
						   "It has this version at global position %lld and was not there when that was sealed.",
						   (long long) sight->position);
		else
			compare_ends(findings, sight, &found.end, &recorded.end);
		if (found.end.stream_id == id)
			(void) next_end(&found);
		if (recorded.end.stream_id == id)
			(void) next_end(&recorded);
	}
	close_ends(&found);
	close_ends(&recorded);
}

/*
 * check_seal
 *		Adds what is not as it was sealed.
 */
static void
check_seal(EsFindings *findings, Sight *sight, const EsHash *sealed)
{
	if (is_sealed(sight, false, sealed))
		return;
	if (!is_sealed(sight, true, sealed))
		es_finding_add(findings, ES_CHECK_SEAL, NULL, 0, sight->position,
					   "Neither the events nor the record of seals give this root hash: it is not of a seal at this position, or both were changed. What else is found compares the two.");
	compare_all(findings, sight);
}

/*
 * hash_argument
 *		The root hash that is to be checked; raises 22004 and 22023.
 */
static void
hash_argument(FunctionCallInfo fcinfo, int arg, EsHash *hash)
{
	es_check_not_null(fcinfo, arg, "root_hash");
	if (!es_hash_from_value(PG_GETARG_DATUM(arg), hash))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("root_hash must have %d bytes", ES_HASH_BYTES),
				 errhint("Pass the root_hash that seal_store() returned.")));
}

/*
 * event_store_check_seal
 *		check_seal(global_position, root_hash, max_findings) returns setof finding
 *
 * A row for each finding, none where the streams end up to that position as they
 * did when it was sealed.  Raises 22004, 22023, 55000 without a hash chain, ST008
 * for a position beyond the store, 0A000 on a standby, ST002.
 */
Datum
event_store_check_seal(PG_FUNCTION_ARGS)
{
	EsFindings findings;
	Relation events;
	Sight sight = {0};
	EsHash sealed;
	int64 position;

	es_check_not_null(fcinfo, 0, "global_position");
	position = PG_GETARG_INT64(0);
	es_check_not_negative(position, "global_position");
	hash_argument(fcinfo, 1, &sealed);
	es_findings_begin(&findings, fcinfo,
					  es_bigint_argument(fcinfo, 2, PG_INT64_MAX));

	events = es_store_open(ES_EVENTS, AccessShareLock);
	require_chain(CHECK_CALL);
	(void) es_safe_position(position);
	es_check_within_store(position);
	open_sight(&sight, CHECK_CALL, events, position);
	check_seal(&findings, &sight, &sealed);
	close_sight(&sight);
	table_close(events, NoLock);
	return (Datum) 0;
}
