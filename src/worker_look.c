/*-------------------------------------------------------------------------
 *
 * worker_look.c
 *	  What there is to do for a worker.
 *
 * A look compares the checkpoints of all projections with the safe position, in a
 * transaction of its own that changes nothing.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/worker_look.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "locks.h"
#include "position.h"
#include "privileged.h"
#include "projection.h"
#include "store.h"
#include "worker_look.h"

/* Kept for the session; NULL before the first use. */
static SPIPlanPtr plan = NULL;

/*
 * read_checkpoints
 *		Reads all checkpoints, which stay with SPI.  The casts make sure of the types,
 *		as the table is the owner's.
 */
static SPITupleTable *
read_checkpoints(void)
{
	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT projection::pg_catalog.text,"
						   " generation::pg_catalog.int4,"
						   " checkpoint::pg_catalog.int8,"
						   " stopped::pg_catalog.bool,"
						   " retry_at::pg_catalog.timestamptz"
						   " FROM event_store.projection_checkpoints"
						   " WHERE projection IS NOT NULL",
						   0, NULL);
		if (plan == NULL)
			elog(ERROR, "could not plan the look at the checkpoints");
		SPI_keepplan(plan);
	}
	if (SPI_execute_plan(plan, NULL, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the checkpoints");
	return SPI_tuptable;
}

/*
 * value
 *		A column of a row of the checkpoints; 0 for null.
 */
static Datum
value(SPITupleTable *rows, uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(rows->vals[row], rows->tupdesc, column, isnull);
}

/*
 * is_to_run
 *		Whether a generation of a projection is run by workers at all.
 */
static bool
is_to_run(const EsProjection *projection, int32 generation)
{
	return projection != NULL && !projection->paused &&
		projection->handler.flaw == NULL &&
		(generation > projection->generation ||
		 (generation == projection->generation && !projection->is_inline));
}

/*
 * add_task
 *		Adds a task for a row of the checkpoints, if there is one.
 */
static void
add_task(EsLook *look, const EsProjections *all, SPITupleTable *rows, uint64 row)
{
	bool isnull;
	const char *name = TextDatumGetCString(value(rows, row, 1, &isnull));
	int32 generation = DatumGetInt32(value(rows, row, 2, &isnull));
	int64 checkpoint = DatumGetInt64(value(rows, row, 3, &isnull));
	bool stopped = DatumGetBool(value(rows, row, 4, &isnull));
	TimestampTz retry_at = DatumGetTimestampTz(value(rows, row, 5, &isnull));
	const EsProjection *projection = es_projection_find(all, name);
	EsTask *task;

	if (!is_to_run(projection, generation))
		return;
	look->projections++;
	if (stopped)
		return;
	if (!isnull && retry_at > GetCurrentTimestamp())
	{
		look->next_time = Min(look->next_time, retry_at);
		return;
	}
	/* one that is beyond the store is to be run, which raises that */
	if (checkpoint >= look->safe_position && checkpoint <= look->last_position &&
		generation == projection->generation)
		return;
	if (es_projection_holder(name, generation) != 0)
	{
		look->others = true;
		return;
	}
	task = &look->tasks[look->ntasks++];
	strlcpy(task->name, name, sizeof(task->name));
	task->generation = generation;
	task->takes_batch = projection->handler.takes_batch;
	task->is_next = generation > projection->generation;
}

/*
 * find_tasks
 *		Finds what there is to do in a store.
 */
static void
find_tasks(EsLook *look)
{
	const EsProjections *all = es_projections();
	SPITupleTable *rows;

	if (all->n == 0)
		return;
	es_spi_connect();
	rows = read_checkpoints();
	look->tasks = SPI_palloc(Max(rows->numvals, 1) * sizeof(EsTask));
	for (uint64 i = 0; i < rows->numvals; i++)
		add_task(look, all, rows, i);
	SPI_finish();
}

/*
 * es_worker_look
 *		Finds out what there is to do; the tasks are allocated in a context.  There
 *		are a transaction and an active snapshot.
 */
void
es_worker_look(MemoryContext context, EsLook *look)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	Relation events;

	memset(look, 0, sizeof(EsLook));
	look->next_time = DT_NOEND;
	look->safe_position = -1;
	if (es_store_exists() && es_store_has(ES_PROJECTIONS))
	{
		events = es_store_open(ES_EVENTS, AccessShareLock);
		look->safe_position = es_safe_position(PG_INT64_MAX);
		look->last_position = es_last_position();
		look->events = RelationGetRelid(events);
		find_tasks(look);
		table_close(events, AccessShareLock);
	}
	MemoryContextSwitchTo(caller);
}
