/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *	  Keeping states of aggregates at versions of their streams.
 *
 * A snapshot only saves time: deleting it changes no answer.  Saving one takes
 * the stream's lock, as an append does, so that the version it claims can be
 * checked; how it is stored is in snapshot_save.c.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/snapshot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "fault.h"
#include "locks.h"
#include "snapshot.h"
#include "snapshot_save.h"
#include "snapshot_walk.h"
#include "store.h"
#include "stream.h"

PG_FUNCTION_INFO_V1(event_store_save_snapshot);
PG_FUNCTION_INFO_V1(event_store_latest_snapshot);

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
	es_register_locked_look(events, streams, stream);
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
	EsSnapshotWalk walk;
	TupleTableSlot *slot;

	es_snapshot_walk_begin(&walk, stream_id, snapshot, max_version);
	while ((slot = es_snapshot_walk_next(&walk)) != NULL && !is_usable(slot, type))
		;
	if (slot != NULL)
	{
		*version = DatumGetInt64(es_column(slot, ES_SNAPSHOTS, SNAP_VERSION));
		*state = PointerGetDatum(
			PG_DETOAST_DATUM_COPY(es_column(slot, ES_SNAPSHOTS, SNAP_STATE)));
	}
	es_snapshot_walk_end(&walk);
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
	EsSnapshotWalk walk;
	TupleTableSlot *slot;

	es_snapshot_walk_begin(&walk, stream_id, GetActiveSnapshot(), max_version);
	while ((slot = es_snapshot_walk_next(&walk)) != NULL &&
		   state_version != NULL &&
		   DatumGetInt32(es_column(slot, ES_SNAPSHOTS, SNAP_STATE_VERSION)) !=
			   *state_version)
		;
	if (slot != NULL)
		put_snapshot(result, slot, stream);
	es_snapshot_walk_end(&walk);
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
