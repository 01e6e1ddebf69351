/*-------------------------------------------------------------------------
 *
 * rebuild.c
 *	  Building what a projection's handler writes anew.
 *
 * In place: reset and the checkpoint's return to the start are one transaction.
 * From there on the projection is run as always, by a worker or by hand, batch by
 * batch, each of which lasts; so a crash costs no more than the batch under way,
 * and the checkpoint tells how far it is.  An inline projection cannot lag behind,
 * so the call replays all of it, with appends held off.
 *
 * Blue and green: the next generation is built beside the one that counts, which
 * goes on.  Handler and reset are told which one they are for.  It has a checkpoint
 * and a lock of its own, so both are run at the same time.  When it has caught up,
 * one transaction makes it the one that counts and resets the one before.
 *
 * That transaction takes the registry first, as every call does that changes it,
 * and then both locks; of an inline projection the store lock as well.  So nobody
 * runs either generation, and nobody changes the projection, while the last events
 * are handled and the switch is made.  Who reads projection_generation() sees the
 * new one together with its rows.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/rebuild.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "checkpoint.h"
#include "locks.h"
#include "position.h"
#include "projection_calls.h"
#include "projection_run.h"
#include "rebuild.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_rebuild_projection);
PG_FUNCTION_INFO_V1(event_store_projection_generation);

/*
 * restart
 *		Empties a generation and sends its checkpoint to the start; returns the
 *		position up to which it is to be rebuilt.
 */
static int64
restart(const EsProjection *projection, int32 generation)
{
	EsCheckpointKey key = {projection->name, generation};
	int64 goal = es_safe_position(PG_INT64_MAX);

	es_projection_reset(projection->name, generation);
	es_checkpoint_delete(&key);
	es_checkpoint_create(&key, projection->start_position,
						 Max(goal, projection->start_position));
	return goal;
}

/*
 * rebuild_in_place
 *		Sends a projection back to its start; returns the position up to which it is
 *		to be rebuilt.
 */
static int64
rebuild_in_place(const EsProjection *projection)
{
	int64 goal;

	(void) es_lock_projection(projection->name, projection->generation, true);
	if (!projection->is_inline)
		return restart(projection, projection->generation);
	es_lock_store();
	if (projection->paused)
		return restart(projection, projection->generation);
	es_pause_inline(projection);
	goal = restart(projection, projection->generation);
	es_go_inline(projection->name, projection->generation);
	return goal;
}

/*
 * es_require_generations
 *		Raises 55000 unless handler and reset are told the generation.
 */
void
es_require_generations(const EsProjection *projection)
{
	if (projection->handler.takes_generation && projection->reset.takes_generation)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("projection \"%s\" has no generations", projection->name),
			 errdetail(
				 "Its handler and its reset must take the generation, an integer, as their last argument."),
			 errhint(
				 "Give it others with event_store.create_projection(replace => true), or rebuild it in place.")));
}

/*
 * build_next
 *		Begins to build a projection's next generation, or begins anew; returns the
 *		position up to which it is to be rebuilt.
 */
static int64
build_next(const EsProjection *projection)
{
	int32 newest = es_checkpoint_newest(projection->name);
	int32 next =
		newest > projection->generation ? newest : projection->generation + 1;

	es_require_generations(projection);
	(void) es_lock_projection(projection->name, next, true);
	return restart(projection, next);
}

/*
 * refuse_beside_next
 *		Raises 55006 while the next generation is built.
 */
static void
refuse_beside_next(const EsProjection *projection)
{
	if (es_checkpoint_newest(projection->name) > projection->generation)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("generation %d of projection \"%s\" is being built",
						projection->generation + 1, projection->name),
				 errhint(
					 "Wait for it, or begin it anew with blue_green => true.")));
}

/*
 * event_store_rebuild_projection
 *		rebuild_projection(name, blue_green) returns bigint
 *
 * The global position up to which it is rebuilt.  Raises 22004, 42501 unless the
 * caller owns the store, 42704, 55000 for a projection without reset, or without
 * generations, 55006, and what the reset raises.
 */
Datum
event_store_rebuild_projection(PG_FUNCTION_ARGS)
{
	char *name = es_begin_projection_call(fcinfo, "rebuild_projection()");
	EsProjection projection = *es_projection_require(es_projections(), name);

	es_check_not_null(fcinfo, 1, "blue_green");
	if (PG_GETARG_BOOL(1))
		PG_RETURN_INT64(build_next(&projection));
	refuse_beside_next(&projection);
	PG_RETURN_INT64(rebuild_in_place(&projection));
}

/*
 * set_generation
 *		Makes a generation the one that counts.
 */
static void
set_generation(const char *name, int32 generation)
{
	Oid types[] = {TEXTOID, INT4OID};
	Datum values[] = {CStringGetTextDatum(name), Int32GetDatum(generation)};

	(void) es_change_projections("UPDATE event_store.projections"
								 " SET generation = $2 WHERE projection"
								 " OPERATOR(pg_catalog.=) $1",
								 lengthof(types), types, values, NULL,
								 SPI_OK_UPDATE);
}

/*
 * es_switch_generation
 *		Makes the generation of a projection that is being built, and has caught up,
 *		the one that counts; returns false where there is none, or it is paused, or
 *		somebody else has what is needed and is not to be waited for.  There is an
 *		active snapshot.
 */
bool
es_switch_generation(const char *name, bool wait)
{
	const EsProjection *found;
	EsProjection old;
	EsCheckpointKey next = {name};
	EsCheckpointKey before = {name};

	if (wait)
		es_lock_projections();
	else if (!es_try_lock_projections())
		return false;
	found = es_projection_find(es_projections(), name);
	if (found == NULL || found->paused)
		return false;
	old = *found;
	before.generation = old.generation;
	next.generation = es_checkpoint_newest(name);
	if (next.generation <= old.generation)
		return false;
	if (!es_lock_projection(name, next.generation, wait) ||
		!es_lock_projection(name, old.generation, wait))
		return false;
	if (old.is_inline)
	{
		es_lock_store();
	}
	es_projection_catch_up(name, next.generation);
	set_generation(name, next.generation);
	es_projection_reset(name, old.generation);
	es_checkpoint_delete(&before);
	return true;
}

/*
 * find_generation
 *		The generation of a projection that a snapshot sees, 0 for none.
 */
static int32
find_generation(Relation rel, const text *name, Snapshot snapshot)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	int32 generation = 0;

	while (generation == 0 &&
		   table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		const text *other =
			DatumGetTextPP(es_column(slot, ES_PROJECTIONS, PROJ_PROJECTION));

		if (es_compare_texts(&other, &name) == 0)
			generation =
				DatumGetInt32(es_column(slot, ES_PROJECTIONS, PROJ_GENERATION));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return generation;
}

/*
 * event_store_projection_generation
 *		projection_generation(name) returns integer
 *
 * As the calling query sees it.  Raises 42704 when there is no such projection.
 */
Datum
event_store_projection_generation(PG_FUNCTION_ARGS)
{
	const text *name;
	Relation rel;
	int32 generation;

	es_check_not_null(fcinfo, 0, "name");
	name = PG_GETARG_TEXT_PP(0);
	es_require_projections();
	rel = es_store_open(ES_PROJECTIONS, AccessShareLock);
	generation = find_generation(rel, name, GetActiveSnapshot());
	table_close(rel, NoLock);
	if (generation == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("projection \"%s\" does not exist", text_to_cstring(name)),
				 errhint("The view event_store.projection_status lists them.")));
	PG_RETURN_INT32(generation);
}
