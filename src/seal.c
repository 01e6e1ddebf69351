/*-------------------------------------------------------------------------
 *
 * seal.c
 *	  The SQL calls that seal a store, and that check a seal.
 *
 * A seal is a hash over where all streams end at a safe position: over all
 * events up to there that have hashes, as each is over the one before it.
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
 * so it is the one that was made, or it does not.  A stream that does not go on
 * from where it was sealed is not sealed again.
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
#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "errors.h"
#include "finding.h"
#include "hash_chain.h"
#include "locks.h"
#include "moment.h"
#include "position.h"
#include "progress.h"
#include "scan.h"
#include "sealed_heads.h"
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

/* A seal that is made or checked. */
typedef struct Seal
{
	const char *call;
	int64 position; /* up to and at which */
	Relation events;
	Snapshot snapshot;
	EsProgress progress;
} Seal;

/* A root hash in the making. */
typedef struct Root
{
	EsHasher *hasher;
	int64 nstreams;
} Root;

/*
 * Heads of streams at the position, one after another: as their events say, or as
 * it was recorded.
 */
typedef struct Heads
{
	Seal *seal;
	bool recorded;
	EsSortedRows *rows;
	const Datum *row;	   /* the next one, NULL after the last */
	MemoryContext context; /* of what the head points to */
	EsSealedHead head;	   /* of stream PG_INT64_MAX after the last */
} Heads;

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

/*
 * open_seal
 *		Looks at the store by a fresh snapshot.
 */
static void
open_seal(Seal *seal, const char *call, Relation events, int64 position)
{
	memset(seal, 0, sizeof(Seal));
	seal->call = call;
	seal->position = position;
	seal->events = events;
	seal->snapshot = RegisterSnapshot(GetLatestSnapshot());
}

/*
 * close_seal
 *		Ends that.
 */
static void
close_seal(Seal *seal)
{
	UnregisterSnapshot(seal->snapshot);
}

/* Heads ------------------------------------------------------------------- */

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
sort_streams(Seal *seal)
{
	Relation rel = es_store_open(ES_STREAMS, AccessShareLock);
	EsSortedRows *rows =
		es_sort_rows(ES_STREAMS, rel, seal->snapshot, stream_columns,
					 lengthof(stream_columns), 1, note_row, NULL);

	es_progress_begin(&seal->progress, seal->call, "streams looked at",
					  es_estimate_rows(rel), true);
	table_close(rel, NoLock);
	return rows;
}

/*
 * sort_recorded
 *		Reads the record, in the same order and that of the seals.
 */
static EsSortedRows *
sort_recorded(const Seal *seal)
{
	Relation rel = es_store_open(ES_SEALED_HEADS, AccessShareLock);
	EsSortedRows *rows =
		es_sort_rows(ES_SEALED_HEADS, rel, seal->snapshot, head_columns,
					 lengthof(head_columns), 2, note_row, NULL);

	table_close(rel, NoLock);
	return rows;
}

/*
 * begin_heads
 *		Starts going through the streams.
 */
static void
begin_heads(Heads *heads, Seal *seal, bool recorded)
{
	heads->seal = seal;
	heads->recorded = recorded;
	heads->rows = recorded ? sort_recorded(seal) : sort_streams(seal);
	heads->row = es_sorted_next(heads->rows);
	heads->context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store head",
							  ALLOCSET_DEFAULT_SIZES);
}

/*
 * end_heads
 *		Ends that.
 */
static void
end_heads(Heads *heads)
{
	es_sorted_end(heads->rows);
	MemoryContextDelete(heads->context);
}

/*
 * fetch_event
 *		The event with the highest version of a range, if its position is not above
 *		the seal's; returns its version, 0 for none.
 */
static int64
fetch_event(const Seal *seal, int64 stream_id, int64 lowest, int64 highest,
			EsHash *hash)
{
	EsRange range = {lowest, highest, true};
	EsScan *scan =
		es_scan_stream(seal->events, seal->snapshot, stream_id, &range);
	TupleTableSlot *slot = es_scan_next(scan);
	int64 version = 0;

	if (slot != NULL &&
		DatumGetInt64(es_column(slot, ES_EVENTS, EV_GLOBAL_POSITION)) <=
			seal->position)
	{
		version = DatumGetInt64(es_column(slot, ES_EVENTS, EV_VERSION));
		(void) es_event_hash(slot, hash);
	}
	es_scan_end(scan);
	return version;
}

/*
 * find_head
 *		Where a stream ends at the position, as its events say; false where it has
 *		none up to there.
 */
static bool
find_head(const Seal *seal, const Datum *row, EsSealedHead *head)
{
	EsMoment moment = {ES_AT_POSITION, seal->position, 0};
	EsStream stream = {0};
	int64 version;

	stream.stream_id = DatumGetInt64(row[0]);
	stream.base_version = DatumGetInt64(row[1]);
	head->stream_id = stream.stream_id;
	head->stream = DatumGetTextPCopy(row[2]);
	if (stream.stream_id > seal->position)
		return false; /* the position of its first event */
	head->version = fetch_event(seal, head->stream_id, PG_INT64_MIN,
								PG_INT64_MAX, &head->hash);
	if (head->version != 0)
		return true;
	version = es_moment_version(seal->events, seal->snapshot, &stream, &moment);
	head->version =
		fetch_event(seal, head->stream_id, version, version, &head->hash);
	return head->version != 0;
}

/*
 * next_found
 *		Goes on to the next stream, as the events say.
 */
static bool
next_found(Heads *heads)
{
	bool found = false;

	while (!found && heads->row != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(heads->context);

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(heads->context);
		found = find_head(heads->seal, heads->row, &heads->head);
		MemoryContextSwitchTo(caller);
		es_progress_step(&heads->seal->progress);
		heads->row = es_sorted_next(heads->rows);
	}
	return found;
}

/*
 * read_recorded
 *		Where a stream ended, as a row of the record says; false where that was
 *		recorded above the position.
 */
static bool
read_recorded(const Seal *seal, const Datum *row, EsSealedHead *head)
{
	if (DatumGetInt64(row[1]) > seal->position)
		return false;
	head->stream_id = DatumGetInt64(row[0]);
	head->version = DatumGetInt64(row[2]);
	(void) es_hash_from_value(row[3], &head->hash);
	head->stream = DatumGetTextPCopy(row[4]);
	return true;
}

/*
 * next_recorded
 *		Goes on to the next stream, as it was recorded: of the rows of a stream the
 *		last one up to the position counts.
 */
static bool
next_recorded(Heads *heads)
{
	bool found = false;

	while (heads->row != NULL)
	{
		MemoryContext caller;

		if (found && DatumGetInt64(heads->row[0]) != heads->head.stream_id)
			break;
		caller = MemoryContextSwitchTo(heads->context);
		if (!found)
			MemoryContextReset(heads->context);
		found |= read_recorded(heads->seal, heads->row, &heads->head);
		MemoryContextSwitchTo(caller);
		heads->row = es_sorted_next(heads->rows);
	}
	return found;
}

/*
 * next_head
 *		Goes on to the next stream; false after the last one.
 */
static bool
next_head(Heads *heads)
{
	bool found = heads->recorded ? next_recorded(heads) : next_found(heads);

	if (!found)
		heads->head.stream_id = PG_INT64_MAX;
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
add_to_root(Root *root, const EsSealedHead *head)
{
	es_hash_add_text(root->hasher, head->stream);
	es_hash_add_int64(root->hasher, head->version);
	es_hash_add(root->hasher, head->hash.bytes, ES_HASH_BYTES);
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
 * give_root
 *		Whether the heads, as the events say or as they were recorded, give a root
 *		hash.
 */
static bool
give_root(Seal *seal, bool recorded, const EsHash *sealed)
{
	Heads heads;
	Root root;
	EsHash hash;

	begin_heads(&heads, seal, recorded);
	begin_root(&root, seal->position);
	while (next_head(&heads))
		add_to_root(&root, &heads.head);
	end_root(&root, &hash);
	end_heads(&heads);
	return es_hash_equal(&hash, sealed);
}

/* Sealing ----------------------------------------------------------------- */

/*
 * record
 *		Stores where a stream ends.
 */
static void
record(EsWriter *writer, int64 position, const EsSealedHead *head)
{
	EsHashValue hash;
	Datum values[HEAD_NUM_COLUMNS];

	values[HEAD_STREAM_ID] = Int64GetDatum(head->stream_id);
	values[HEAD_SEALED_POSITION] = Int64GetDatum(position);
	values[HEAD_VERSION] = Int64GetDatum(head->version);
	values[HEAD_HASH] = es_hash_value(&hash, &head->hash);
	values[HEAD_STREAM] = PointerGetDatum(head->stream);
	es_write_row(writer, values);
}

/*
 * raise_not_as_sealed
 *		ST011: a stream does not go on from where it was sealed.
 */
static void
raise_not_as_sealed(const EsSealedHead *recorded)
{
	ereport(ERROR,
			(errcode(ES_ERR_NOT_AS_SEALED),
			 errmsg("stream \"%s\" is not as it was sealed",
					text_to_cstring(recorded->stream)),
			 errdetail("Its version %lld, which was sealed, is missing or has another hash or name.",
					   (long long) recorded->version),
			 errhint(
				 "See what else is wrong with: SELECT * FROM event_store.verify_store();")));
}

/*
 * goes_on
 *		Whether a stream goes on from where it was sealed.
 */
static bool
goes_on(const Seal *seal, const EsSealedHead *found, const EsSealedHead *recorded)
{
	EsHash hash = found->hash;

	if (es_compare_texts(&found->stream, &recorded->stream) != 0 ||
		found->version < recorded->version)
		return false;
	return (found->version == recorded->version ||
			fetch_event(seal, recorded->stream_id, recorded->version,
						recorded->version, &hash) == recorded->version) &&
		es_hash_equal(&hash, &recorded->hash);
}

/*
 * seal_stream
 *		Takes a stream into the seal; records its head unless that is known.
 */
static void
seal_stream(const Seal *seal, const EsSealedHead *found,
			const EsSealedHead *recorded, EsWriter *writer, Root *root)
{
	bool is_known = recorded->stream_id == found->stream_id;

	if (is_known && !goes_on(seal, found, recorded))
		raise_not_as_sealed(recorded);
	if (!is_known || found->version != recorded->version)
		record(writer, seal->position, found);
	add_to_root(root, found);
}

/*
 * seal_streams
 *		Computes the root hash, and records the streams that have gone on.
 */
static void
seal_streams(Seal *seal, Relation sealed_heads, Root *root)
{
	EsWriter *writer = es_write_begin(ES_SEALED_HEADS, sealed_heads);
	Heads found;
	Heads recorded;

	begin_heads(&recorded, seal, true);
	(void) next_head(&recorded);
	begin_heads(&found, seal, false);
	while (next_head(&found))
	{
		if (recorded.head.stream_id < found.head.stream_id)
			break;
		seal_stream(seal, &found.head, &recorded.head, writer, root);
		if (recorded.head.stream_id == found.head.stream_id)
			(void) next_head(&recorded);
	}
	if (recorded.head.stream_id != PG_INT64_MAX)
		raise_not_as_sealed(&recorded.head);
	end_heads(&found);
	end_heads(&recorded);
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
 * has appended, ST011 when a stream is not as it was sealed, 25006, ST002.
 */
Datum
event_store_seal_store(PG_FUNCTION_ARGS)
{
	Relation events;
	Relation sealed_heads;
	Seal seal;
	Root root;
	EsHash hash;

	es_check_writable(SEAL_CALL);
	events = es_store_open(ES_EVENTS, AccessShareLock);
	require_chain(SEAL_CALL);
	refuse_after_append();
	sealed_heads = es_store_open(ES_SEALED_HEADS, ShareRowExclusiveLock);

	/* rows are written under the lock of an INSERT, which that is not */
	LockRelationOid(RelationGetRelid(sealed_heads), RowExclusiveLock);

	/* what the calling command has recorded counts, too */
	CommandCounterIncrement();
	open_seal(&seal, SEAL_CALL, events, es_safe_position(PG_INT64_MAX));
	begin_root(&root, seal.position);
	seal_streams(&seal, sealed_heads, &root);
	end_root(&root, &hash);
	close_seal(&seal);
	table_close(sealed_heads, NoLock);
	table_close(events, NoLock);
	return form_seal(fcinfo, seal.position, root.nstreams, &hash);
}

/* Checking a seal --------------------------------------------------------- */

/*
 * compare_heads
 *		Tells what is different about a stream that is found and was recorded.
 */
static void
compare_heads(EsFindings *findings, const EsSealedHead *found,
			  const EsSealedHead *recorded, int64 position)
{
	if (es_compare_texts(&found->stream, &recorded->stream) != 0)
		es_finding_add(findings, ES_CHECK_SEAL, found->stream, 0, 0,
					   "It was sealed as \"%s\".",
					   text_to_cstring(recorded->stream));
	if (found->version != recorded->version)
		es_finding_add(findings, ES_CHECK_SEAL, found->stream, found->version, 0,
					   "At global position %lld this is its last event; it was sealed at version %lld.",
					   (long long) position, (long long) recorded->version);
	else if (!es_hash_equal(&found->hash, &recorded->hash))
		es_finding_add(findings, ES_CHECK_SEAL, found->stream, found->version,
					   0, "Its hash is not the one that was sealed.");
}

/*
 * compare_next
 *		Compares the heads of the stream that comes next, and goes on after it.
 */
static void
compare_next(EsFindings *findings, Heads *found, Heads *recorded, int64 position)
{
	int64 id = Min(found->head.stream_id, recorded->head.stream_id);

	if (found->head.stream_id > id)
		es_finding_add(findings, ES_CHECK_SEAL, recorded->head.stream,
					   recorded->head.version, 0,
					   "It was sealed at this version and has no events up to global position %lld.",
					   (long long) position);
	else if (recorded->head.stream_id > id)
		es_finding_add(findings, ES_CHECK_SEAL, found->head.stream,
					   found->head.version, 0,
					   "It has this version at global position %lld and was not there when that was sealed.",
					   (long long) position);
	else
		compare_heads(findings, &found->head, &recorded->head, position);
	if (found->head.stream_id == id)
		(void) next_head(found);
	if (recorded->head.stream_id == id)
		(void) next_head(recorded);
}

/*
 * compare_all
 *		Tells which streams are not as it was recorded.
 */
static void
compare_all(EsFindings *findings, Seal *seal)
{
	Heads found;
	Heads recorded;

	begin_heads(&found, seal, false);
	begin_heads(&recorded, seal, true);
	(void) next_head(&found);
	(void) next_head(&recorded);
	while (!es_findings_done(findings) &&
		   (found.head.stream_id != PG_INT64_MAX ||
			recorded.head.stream_id != PG_INT64_MAX))
		compare_next(findings, &found, &recorded, seal->position);
	end_heads(&found);
	end_heads(&recorded);
}

/*
 * check_seal
 *		Adds what is not as it was sealed.
 */
static void
check_seal(EsFindings *findings, Seal *seal, const EsHash *sealed)
{
	if (give_root(seal, false, sealed))
		return;
	if (give_root(seal, true, sealed))
		compare_all(findings, seal);
	else
		es_finding_add(findings, ES_CHECK_SEAL, NULL, 0, 0,
					   "Neither the events up to global position %lld nor the record of seals give this root hash: the seal was not of this position, or not committed, or both were changed.",
					   (long long) seal->position);
}

/*
 * refuse_on_standby
 *		Raises 0A000 during recovery: what was sealed may not have arrived.
 */
static void
refuse_on_standby(void)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot check a seal during recovery"),
				 errdetail("A standby may not have all events that were sealed."),
				 errhint("Check it on the primary.")));
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
	Seal seal;
	EsHash sealed;
	int64 position;

	es_check_not_null(fcinfo, 0, "global_position");
	position = PG_GETARG_INT64(0);
	es_check_not_negative(position, "global_position");
	hash_argument(fcinfo, 1, &sealed);
	es_findings_begin(&findings, fcinfo,
					  es_bigint_argument(fcinfo, 2, PG_INT64_MAX));

	refuse_on_standby();
	events = es_store_open(ES_EVENTS, AccessShareLock);
	require_chain(CHECK_CALL);
	es_check_within_store(position);
	open_seal(&seal, CHECK_CALL, events, position);
	check_seal(&findings, &seal, &sealed);
	close_seal(&seal);
	table_close(events, NoLock);
	return (Datum) 0;
}
