/*-------------------------------------------------------------------------
 *
 * snapshot_save.c
 *	  Storing a snapshot, and deleting those that it makes superfluous.
 *
 * Who saves a snapshot holds the stream's lock, so two savers of one stream do not
 * meet on its rows.  The rows are written with a fresh snapshot, or else a
 * transaction at REPEATABLE READ would fail on what another saved after it began.
 *
 * As long as the table is just as it was made, the rows are written directly.  What
 * else the owner of the table does to them at the same moment, without the lock,
 * costs at most a snapshot that is kept for longer, or a unique violation where
 * the owner inserts the very same one.
 *
 * Otherwise statements do it, with triggers, rules and constraints.  Who may save
 * has no rights on the table: they run as its owner, with a search path that is
 * pinned, or else what the caller has in a schema of theirs would run as the owner,
 * called by the owner's triggers and constraints.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/snapshot_save.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "fault.h"
#include "locks.h"
#include "plain_table.h"
#include "privileged.h"
#include "snapshot_save.h"
#include "snapshot_walk.h"
#include "store.h"

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
 * es_snapshot_save_init
 *		Called once when the library is loaded.
 */
void
es_snapshot_save_init(void)
{
	DefineCustomIntVariable("event_store.snapshots_kept",
							"How many snapshots of a stream are kept for each state version.",
							"Saving a snapshot deletes those beyond.",
							&snapshots_kept, 2, 1, INT_MAX, PGC_SUSET, 0, NULL,
							NULL, NULL);
}

/* By statements ----------------------------------------------------------- */

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
 * save_by_statements
 *		Stores a snapshot and deletes those beyond the number to keep, as the
 *		table's owner.
 */
static void
save_by_statements(Oid owner, int64 stream_id, int64 version,
				   int32 state_version, const EsAggregateType *type, Datum state)
{
	int level = es_pin_search_path();
	Oid save_userid;
	int save_sec_context;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(owner,
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	es_spi_connect();
	ES_FAULT_POINT("snapshot: role set");
	save_row(stream_id, version, state_version, type, state);
	ES_FAULT_POINT("snapshot: stored by a statement");
	prune(stream_id, state_version);
	ES_FAULT_POINT("snapshot: others deleted by a statement");
	SPI_finish();
	SetUserIdAndSecContext(save_userid, save_sec_context);
	AtEOXact_GUC(false, level);
}

/* Directly ---------------------------------------------------------------- */

/*
 * is_as_made
 *		Whether a delete from the table runs nothing but itself; about inserts
 *		es_plain_open() knows.
 */
static bool
is_as_made(Relation snapshots)
{
	return snapshots->trigdesc == NULL && snapshots->rd_rules == NULL &&
		snapshots->rd_rel->relreplident == REPLICA_IDENTITY_DEFAULT &&
		OidIsValid(RelationGetReplicaIndex(snapshots)) &&
		es_store_attnum(ES_SNAPSHOTS, SNAP_TYPE_DIGEST) != InvalidAttrNumber;
}

/*
 * delete_row
 *		Deletes a snapshot.  One that its owner deletes or changes at the same
 *		moment is left alone.
 */
static void
delete_row(Relation snapshots, ItemPointer tid)
{
	TM_FailureData failure;

	(void) table_tuple_delete(snapshots, tid, GetCurrentCommandId(true),
							  InvalidSnapshot, InvalidSnapshot, true, &failure,
							  false);
}

/*
 * make_room
 *		Deletes the snapshots that a new one replaces, and those beyond the number
 *		to keep; returns whether the new one is none of these itself.
 */
static bool
make_room(Relation snapshots, int64 stream_id, int64 version, int32 state_version)
{
	EsSnapshotWalk walk;
	TupleTableSlot *slot;
	bool passed = false; /* the new one's place */
	bool wanted = true;
	int nkept = 0;

	es_snapshot_walk_begin(&walk, stream_id, SnapshotSelf, PG_INT64_MAX);
	while ((slot = es_snapshot_walk_next(&walk)) != NULL)
	{
		int64 found = DatumGetInt64(es_column(slot, ES_SNAPSHOTS, SNAP_VERSION));

		if (DatumGetInt32(es_column(slot, ES_SNAPSHOTS, SNAP_STATE_VERSION)) !=
			state_version)
			continue;
		if (!passed && found <= version)
		{
			passed = true;
			wanted = nkept++ < snapshots_kept;
		}
		if (found == version || nkept >= snapshots_kept)
			delete_row(snapshots, &slot->tts_tid);
		else
			nkept++;
	}
	if (!passed)
		wanted = nkept < snapshots_kept;
	es_snapshot_walk_end(&walk);
	ES_FAULT_POINT("snapshot: others deleted");
	return wanted;
}

/*
 * fill_slot
 *		A snapshot as a row of the table.
 */
static TupleTableSlot *
fill_slot(EsPlainTable *plain, int64 stream_id, int64 version,
		  int32 state_version, const EsAggregateType *type, Datum state)
{
	Datum values[] = {[SNAP_STREAM_ID] = Int64GetDatum(stream_id),
					  [SNAP_VERSION] = Int64GetDatum(version),
					  [SNAP_STATE_VERSION] = Int32GetDatum(state_version),
					  [SNAP_CREATED_AT] =
						  TimestampTzGetDatum(GetCurrentTimestamp()),
					  [SNAP_STATE] = state,
					  [SNAP_TYPE_DIGEST] =
						  Int64GetDatum(type != NULL ? type->type_digest : 0)};
	TupleTableSlot *slot;

	es_plain_need_slot(plain, 0);
	slot = ExecClearTuple(es_plain_slots(plain)[0]);
	for (int col = 0; col < lengthof(values); col++)
	{
		int i = es_store_attnum(ES_SNAPSHOTS, col) - 1;

		slot->tts_values[i] = values[col];
		slot->tts_isnull[i] = col == SNAP_TYPE_DIGEST && type == NULL;
	}
	return ExecStoreVirtualTuple(slot);
}

/*
 * insert_row
 *		Stores a row with its index entries.
 */
static void
insert_row(Relation snapshots, EsPlainTable *plain, TupleTableSlot *slot)
{
	EState *estate = es_plain_state(plain);
	MemoryContext caller =
		MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));

	estate->es_output_cid = GetCurrentCommandId(true);
	slot->tts_tableOid = RelationGetRelid(snapshots);
	table_tuple_insert(snapshots, slot, estate->es_output_cid, 0, NULL);
	(void) es_insert_index_tuples(es_plain_target(plain), slot, estate);
	ES_FAULT_POINT("snapshot: stored");
	MemoryContextSwitchTo(caller);
	ExecClearTuple(slot);
	ResetPerTupleExprContext(estate);
}

/*
 * save_directly
 *		Stores a snapshot and deletes those beyond the number to keep, if the table
 *		is just as it was made.
 */
static bool
save_directly(Relation snapshots, int64 stream_id, int64 version,
			  int32 state_version, const EsAggregateType *type, Datum state)
{
	EsPlainTable *plain;

	if (!is_as_made(snapshots))
		return false;
	plain = es_plain_open(ES_SNAPSHOTS, snapshots);
	if (plain == NULL)
		return false;

	/* what the calling command has saved can be deleted only after it */
	CommandCounterIncrement();
	if (make_room(snapshots, stream_id, version, state_version))
		insert_row(snapshots, plain,
				   fill_slot(plain, stream_id, version, state_version, type,
							 state));
	es_plain_close(plain);
	return true;
}

/* Either way -------------------------------------------------------------- */

/*
 * es_snapshot_save
 *		Stores a snapshot with the rights of the table's owner, and deletes those
 *		beyond the number to keep.  The type is NULL where the category has none.
 *
 * The caller holds the stream's lock.
 */
void
es_snapshot_save(int64 stream_id, int64 version, int32 state_version,
				 const EsAggregateType *type, Datum state)
{
	Relation snapshots = es_open_for_append(ES_SNAPSHOTS);
	Oid owner = snapshots->rd_rel->relowner;
	bool saved =
		save_directly(snapshots, stream_id, version, state_version, type, state);

	table_close(snapshots, NoLock);
	if (!saved)
		save_by_statements(owner, stream_id, version, state_version, type, state);
}
