/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *	  Keeping states of aggregates at versions of their streams.
 *
 * A snapshot only saves time: deleting it changes no answer.  Saving one takes
 * the stream's lock, as an append does, so that the version it claims can be
 * checked and two savers of one stream do not meet on its rows.  The rows are
 * written with a fresh snapshot, or else a transaction at REPEATABLE READ
 * would fail on what another saved after it began.
 *
 * Who may save has no rights on the table: the statements run as its owner.
 * The call pins search_path, or else what the caller has in a schema of theirs
 * would run as the owner, called by the owner's triggers and constraints.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/snapshot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "compat.h"
#include "fault.h"
#include "locks.h"
#include "privileged.h"
#include "snapshot.h"
#include "store.h"
#include "stream.h"

PG_FUNCTION_INFO_V1(event_store_save_snapshot);
PG_FUNCTION_INFO_V1(event_store_latest_snapshot);

/* Setting event_store.snapshots_kept; reset by SET and its like. */
static int snapshots_kept = 2;

/* Plans of the statements below, made at first use and kept; the plan cache
 * looks after changes of the table. */
static SPIPlanPtr save_plan = NULL;
static SPIPlanPtr old_save_plan = NULL;
static SPIPlanPtr prune_plan = NULL;

static const char *const save_statement =
	"INSERT INTO event_store.snapshots"
	" (stream_id, version, state_version, created_at, state, type_digest)"
	" VALUES ($1, $2, $3, pg_catalog.clock_timestamp(), $4, $5)"
	" ON CONFLICT (stream_id, version, state_version) DO UPDATE"
	" SET created_at = EXCLUDED.created_at, state = EXCLUDED.state,"
	" type_digest = EXCLUDED.type_digest";

/* In a store of before 0.2.0, where no category has a type. */
static const char *const old_save_statement =
	"INSERT INTO event_store.snapshots"
	" (stream_id, version, state_version, created_at, state)"
	" VALUES ($1, $2, $3, pg_catalog.clock_timestamp(), $4)"
	" ON CONFLICT (stream_id, version, state_version) DO UPDATE"
	" SET created_at = EXCLUDED.created_at, state = EXCLUDED.state";

static const char *const prune_statement =
	"DELETE FROM event_store.snapshots s"
	" WHERE s.stream_id OPERATOR(pg_catalog.=) $1"
	" AND s.state_version OPERATOR(pg_catalog.=) $2"
	" AND s.version OPERATOR(pg_catalog.<)"
	" (SELECT pg_catalog.min(n.version) FROM"
	" (SELECT k.version FROM event_store.snapshots k"
	" WHERE k.stream_id OPERATOR(pg_catalog.=) $1"
	" AND k.state_version OPERATOR(pg_catalog.=) $2"
	" ORDER BY k.version DESC LIMIT $3) n)";

/*
 * es_snapshot_init
 *		Called once when the library is loaded.
 */
void
es_snapshot_init(void)
{
	DefineCustomIntVariable("event_store.snapshots_kept",
							"How many snapshots of a stream are kept for each state version.",
							"Saving a snapshot deletes those beyond.",
							&snapshots_kept, 2, 1, INT_MAX, PGC_SUSET, 0, NULL,
							NULL, NULL);
}

/*
 * raise_beyond
 *		22023: the stream has not reached the version of a snapshot.
 */
static void
raise_beyond(const text *stream, int64 version, int64 actual)
{
	if (actual == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream \"%s\" does not exist", text_to_cstring(stream)),
				 errhint("A snapshot is of events: append some first.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("snapshot is beyond the version of stream \"%s\"",
					text_to_cstring(stream)),
			 errdetail("The snapshot is at version %lld, the stream at %lld.",
					   (long long) version, (long long) actual)));
}

/*
 * lock_and_check
 *		Takes the stream's lock and makes sure that it has reached a version;
 *		returns its id.
 */
static int64
lock_and_check(text *stream, int64 version)
{
	uint64 key = es_stream_key(stream);
	Relation streams;
	Relation events;
	EsStream found;
	EsHead head = {0};

	es_open_and_lock(&key, 1, &events, &streams);
	if (es_find_stream(streams, SnapshotSelf, stream, &found))
		es_stream_head(events, SnapshotSelf, &found, &head);
	table_close(streams, NoLock);
	table_close(events, NoLock);
	ES_FAULT_POINT("snapshot: stream locked");
	if (version > head.version)
		raise_beyond(stream, version, head.version);
	return found.stream_id;
}

/*
 * prepare
 *		Prepares a statement on its first use.
 */
static void
prepare(SPIPlanPtr *plan, const char *statement, int nargs, Oid *types)
{
	SPIPlanPtr prepared;

	if (*plan != NULL)
		return;
	prepared = SPI_prepare(statement, nargs, types);
	if (prepared == NULL || SPI_keepplan(prepared) != 0)
		elog(ERROR, "could not prepare: %s: %s",
			 SPI_result_code_string(SPI_result), statement);
	*plan = prepared;
}

/*
 * execute_fresh
 *		Runs a kept plan with a fresh snapshot, at every isolation level; raises
 *		55000 where a rule of the owner's makes something else of it.
 */
static void
execute_fresh(SPIPlanPtr plan, Datum *values, const char *nulls, int expected)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	int result = SPI_execute_snapshot(plan, values, nulls, snapshot,
									  InvalidSnapshot, false, true, 0);

	UnregisterSnapshot(snapshot);
	if (result != expected)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not write a snapshot"),
				 errdetail("The statement ended as %s.",
						   SPI_result_code_string(result)),
				 errhint("Drop the rules on event_store.snapshots.")));
}

/*
 * save_row
 *		Stores a snapshot.
 */
static void
save_row(int64 stream_id, int64 version, int32 state_version,
		 const EsAggregateType *type, Datum state)
{
	Oid types[] = {INT8OID, INT8OID, INT4OID, JSONBOID, INT8OID};
	Datum values[] = {Int64GetDatum(stream_id), Int64GetDatum(version),
					  Int32GetDatum(state_version), state,
					  Int64GetDatum(type != NULL ? type->type_digest : 0)};

	if (es_store_attnum(ES_SNAPSHOTS, SNAP_TYPE_DIGEST) == InvalidAttrNumber)
	{
		prepare(&old_save_plan, old_save_statement, lengthof(types) - 1, types);
		execute_fresh(old_save_plan, values, NULL, SPI_OK_INSERT);
		return;
	}
	prepare(&save_plan, save_statement, lengthof(types), types);
	execute_fresh(save_plan, values, type != NULL ? "     " : "    n",
				  SPI_OK_INSERT);
}

/*
 * prune
 *		Deletes snapshots of a stream beyond the number to keep.
 */
static void
prune(int64 stream_id, int32 state_version)
{
	Oid types[] = {INT8OID, INT4OID, INT8OID};
	Datum values[] = {Int64GetDatum(stream_id), Int32GetDatum(state_version),
					  Int64GetDatum((int64) snapshots_kept)};

	prepare(&prune_plan, prune_statement, lengthof(types), types);
	execute_fresh(prune_plan, values, NULL, SPI_OK_DELETE);
}

/*
 * es_snapshot_save
 *		Stores a snapshot with the rights of the table's owner, and deletes those
 *		beyond the number to keep.  The type is NULL where the category has none.
 *
 * The caller holds the stream's lock, and has pinned the search path.
 */
void
es_snapshot_save(int64 stream_id, int64 version, int32 state_version,
				 const EsAggregateType *type, Datum state)
{
	Relation snapshots = es_open_for_append(ES_SNAPSHOTS);
	Oid owner = snapshots->rd_rel->relowner;
	Oid save_userid;
	int save_sec_context;

	table_close(snapshots, NoLock);
	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(owner,
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	es_spi_connect();
	ES_FAULT_POINT("snapshot: role set");
	save_row(stream_id, version, state_version, type, state);
	ES_FAULT_POINT("snapshot: saved");
	prune(stream_id, state_version);
	ES_FAULT_POINT("snapshot: pruned");
	SPI_finish();
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

/*
 * event_store_save_snapshot
 *		save_snapshot(stream, version, state, state_version) returns void
 *
 * Raises 22004 and 22023 for arguments that cannot be, 25006, ST002.
 */
Datum
event_store_save_snapshot(PG_FUNCTION_ARGS)
{
	text *stream = es_stream_argument(fcinfo, 0);
	int64 version;
	int32 state_version;
	int64 stream_id;
	EsAggregateType type;
	bool has_type;

	es_check_not_null(fcinfo, 1, "version");
	version = PG_GETARG_INT64(1);
	if (version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version of a snapshot must be at least 1"),
				 errdetail("It is %lld.", (long long) version)));
	if (PG_ARGISNULL(2))
		es_refuse_null("state", NULL);
	es_check_data(PG_GETARG_DATUM(2), "state", NULL);
	es_check_not_null(fcinfo, 3, "state_version");
	state_version = PG_GETARG_INT32(3);
	if (state_version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("state_version must be at least 1"),
				 errdetail("It is %d.", state_version)));

	es_check_writable("save_snapshot()");
	stream_id = lock_and_check(stream, version);
	has_type = es_aggregate_type_get(stream, &type);
	es_snapshot_save(stream_id, version, state_version, has_type ? &type : NULL,
					 PG_GETARG_DATUM(2));
	PG_RETURN_VOID();
}

/*
 * put_snapshot
 *		Adds a snapshot to the result, its attributes found by name.
 */
static void
put_snapshot(ReturnSetInfo *result, TupleTableSlot *slot, text *stream)
{
	TupleDesc desc = result->setDesc;
	Datum *values = palloc0(desc->natts * sizeof(Datum));
	bool *nulls = palloc0(desc->natts * sizeof(bool));

	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (strcmp(name, "stream") == 0)
			values[i] = PointerGetDatum(stream);
		else if (strcmp(name, "version") == 0)
			values[i] = es_column(slot, ES_SNAPSHOTS, SNAP_VERSION);
		else if (strcmp(name, "state") == 0)
			values[i] = PointerGetDatum(
				PG_DETOAST_DATUM(es_column(slot, ES_SNAPSHOTS, SNAP_STATE)));
		else if (strcmp(name, "state_version") == 0)
			values[i] = es_column(slot, ES_SNAPSHOTS, SNAP_STATE_VERSION);
		else if (strcmp(name, "created_at") == 0)
			values[i] = es_column(slot, ES_SNAPSHOTS, SNAP_CREATED_AT);
		else
			nulls[i] = true;
	}
	tuplestore_putvalues(result->setResult, desc, values, nulls);
}

/* A walk over the snapshots of a stream, from the newest on. */
typedef struct SnapshotWalk
{
	Relation snapshots;
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
} SnapshotWalk;

/*
 * begin_walk
 *		Starts with the newest snapshot of a stream at or below a version.
 */
static void
begin_walk(SnapshotWalk *walk, int64 stream_id, Snapshot snapshot,
		   int64 max_version)
{
	ScanKeyData keys[2];

	walk->snapshots = es_store_open(ES_SNAPSHOTS, AccessShareLock);
	walk->index = es_store_open_index(ES_SNAPSHOTS_BY_VERSION, AccessShareLock);
	walk->slot = table_slot_create(walk->snapshots, NULL);
	walk->scan = es_index_beginscan(walk->snapshots, walk->index, snapshot, 2);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(stream_id));
	ScanKeyInit(&keys[1], 2, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(max_version));
	index_rescan(walk->scan, keys, 2, NULL, 0);
}

/*
 * next_snapshot
 *		The next older snapshot; NULL after the last.
 */
static TupleTableSlot *
next_snapshot(SnapshotWalk *walk)
{
	CHECK_FOR_INTERRUPTS();
	return index_getnext_slot(walk->scan, BackwardScanDirection, walk->slot)
		? walk->slot
		: NULL;
}

/*
 * end_walk
 *		Ends a walk.
 */
static void
end_walk(SnapshotWalk *walk)
{
	index_endscan(walk->scan);
	ExecDropSingleTupleTableSlot(walk->slot);
	index_close(walk->index, NoLock);
	table_close(walk->snapshots, NoLock);
}

/*
 * is_usable
 *		Whether a snapshot was made as a type makes states now.
 */
static bool
is_usable(TupleTableSlot *slot, const EsAggregateType *type)
{
	bool isnull;
	Datum digest =
		es_optional_column(slot, ES_SNAPSHOTS, SNAP_TYPE_DIGEST, &isnull);

	return !isnull && DatumGetInt64(digest) == type->type_digest &&
		DatumGetInt32(es_column(slot, ES_SNAPSHOTS, SNAP_STATE_VERSION)) ==
		type->state_version;
}

/*
 * es_snapshot_find
 *		The newest usable snapshot of an aggregate at or below a version; its
 *		state is in the current memory context.  False when there is none.
 */
bool
es_snapshot_find(int64 stream_id, Snapshot snapshot, const EsAggregateType *type,
				 int64 max_version, int64 *version, Datum *state)
{
	SnapshotWalk walk;
	TupleTableSlot *slot;

	begin_walk(&walk, stream_id, snapshot, max_version);
	while ((slot = next_snapshot(&walk)) != NULL && !is_usable(slot, type))
		;
	if (slot != NULL)
	{
		*version = DatumGetInt64(es_column(slot, ES_SNAPSHOTS, SNAP_VERSION));
		*state = PointerGetDatum(
			PG_DETOAST_DATUM_COPY(es_column(slot, ES_SNAPSHOTS, SNAP_STATE)));
	}
	end_walk(&walk);
	return slot != NULL;
}

/*
 * put_latest
 *		Adds the newest snapshot of a stream at or below a version, or the one
 *		of a state version, to the result.
 */
static void
put_latest(ReturnSetInfo *result, text *stream, int64 stream_id,
		   const int32 *state_version, int64 max_version)
{
	SnapshotWalk walk;
	TupleTableSlot *slot;

	begin_walk(&walk, stream_id, GetActiveSnapshot(), max_version);
	while ((slot = next_snapshot(&walk)) != NULL && state_version != NULL &&
		   DatumGetInt32(es_column(slot, ES_SNAPSHOTS, SNAP_STATE_VERSION)) !=
			   *state_version)
		;
	if (slot != NULL)
		put_snapshot(result, slot, stream);
	end_walk(&walk);
}

/*
 * event_store_latest_snapshot
 *		latest_snapshot(stream, state_version, max_version) returns setof
 *		snapshot
 */
Datum
event_store_latest_snapshot(PG_FUNCTION_ARGS)
{
	text *stream = es_stream_argument(fcinfo, 0);
	int32 state_version = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	int64 max_version = es_bigint_argument(fcinfo, 2, PG_INT64_MAX);
	Relation streams;
	EsStream found;
	bool exists;

	es_check_not_negative(max_version, "max_version");
	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	streams = es_store_open(ES_STREAMS, AccessShareLock);
	exists = es_find_stream(streams, GetActiveSnapshot(), stream, &found);
	table_close(streams, AccessShareLock);
	if (exists)
		put_latest((ReturnSetInfo *) fcinfo->resultinfo, stream, found.stream_id,
				   PG_ARGISNULL(1) ? NULL : &state_version, max_version);
	return (Datum) 0;
}
