/*-------------------------------------------------------------------------
 *
 * projection_status.c
 *	  The SQL call behind the view projection_status: how the projections are.
 *
 * What is still to be handled is counted event by event up to some number, and
 * from there on estimated by the positions that are left, so that a projection that
 * is far behind can be watched as often as one that is not.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_status.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "check.h"
#include "errors.h"
#include "locks.h"
#include "position.h"
#include "privileged.h"
#include "projection.h"
#include "result_rows.h"
#include "store.h"
#include "store_read.h"
#include "worker_memory.h"

PG_FUNCTION_INFO_V1(event_store_projection_statuses);

/* So many events are counted one by one. */
#define COUNTED_EVENTS 10000

/* Columns of the result. */
enum
{
	ST_PROJECTION,
	ST_GENERATION,
	ST_IS_CURRENT,
	ST_MODE,
	ST_STATE,
	ST_CHECKPOINT,
	ST_LAG_EVENTS,
	ST_LAG_SECONDS,
	ST_RATE,
	ST_HANDLED,
	ST_REBUILD_TO,
	ST_REBUILD_LEFT,
	ST_REBUILD_TIME_LEFT,
	ST_ATTEMPTS,
	ST_RETRY_AT,
	ST_PARKED,
	ST_ERROR_POSITION,
	ST_ERROR_AT,
	ST_ERROR_CODE,
	ST_ERROR_MESSAGE,
	ST_MOVED_AT,
	ST_WORKER_PID,
	ST_HEARTBEAT_AT,
	ST_COLUMNS
};

/* What is read of the tables, in the order of the query. */
enum
{
	IN_PROJECTION = 1,
	IN_GENERATION,
	IN_CHECKPOINT,
	IN_RATE,
	IN_HANDLED,
	IN_REBUILD_TO,
	IN_ATTEMPTS,
	IN_RETRY_AT,
	IN_PARKED,
	IN_ERROR_POSITION,
	IN_ERROR_AT,
	IN_ERROR_CODE,
	IN_ERROR_MESSAGE,
	IN_MOVED_AT,
	IN_STOPPED
};

/* The casts make sure of the types, as the tables are the owner's. */
static const char *const query =
	"SELECT c.projection::pg_catalog.text, c.generation::pg_catalog.int4,"
	" c.checkpoint::pg_catalog.int8, c.rate::pg_catalog.float8,"
	" c.handled::pg_catalog.int8, c.rebuild_to::pg_catalog.int8,"
	" c.attempts::pg_catalog.int4, c.retry_at::pg_catalog.timestamptz,"
	" (SELECT pg_catalog.count(*)"
	" FROM event_store.projection_parked_events p"
	" WHERE p.projection OPERATOR(pg_catalog.=) c.projection"
	" AND p.generation OPERATOR(pg_catalog.=) c.generation),"
	" c.failed_position::pg_catalog.int8,"
	" c.failed_at::pg_catalog.timestamptz,"
	" c.error_code::pg_catalog.text, c.error_message::pg_catalog.text,"
	" c.moved_at::pg_catalog.timestamptz, c.stopped::pg_catalog.bool"
	" FROM event_store.projection_checkpoints c"
	" WHERE c.projection IS NOT NULL"
	" ORDER BY c.projection, c.generation";

/* How much of the store is left to a projection. */
typedef struct Lag
{
	bool known;
	int64 events;
	int64 until_goal; /* events up to the goal of a rebuild */
	double seconds;	  /* age of the first of them */
} Lag;

/*
 * estimate
 *		About how many events there are, when so many lie between two positions, up
 *		to a third.
 */
static int64
estimate(int64 counted, int64 from, int64 reached, int64 to)
{
	if (to <= reached)
		return counted;
	return (int64) ((double) counted * (to - from) / Max(reached - from, 1));
}

/*
 * begin_reading
 *		Begins to read what is left to a projection.
 */
static EsStoreRead *
begin_reading(const EsProjection *projection, int64 checkpoint)
{
	EsReadRequest request = {0};

	request.after_position = 0; /* one beyond the store is told of otherwise */
	request.range.lowest = checkpoint + 1;
	request.range.highest = PG_INT64_MAX;
	request.max_count = COUNTED_EVENTS;
	request.all_categories = projection->all_categories;
	request.ncategories = projection->ncategories;
	request.categories = projection->categories;
	request.ntypes = projection->ntypes;
	request.types = projection->types;
	return es_store_read_begin(&request);
}

/*
 * measure
 *		Finds out how much is left after a checkpoint, and up to a goal.
 */
static void
measure(const EsProjection *projection, int64 checkpoint, int64 goal, Lag *lag)
{
	EsStoreRead *read = begin_reading(projection, checkpoint);
	int64 reached = checkpoint;
	int64 until_goal = 0;
	TupleTableSlot *event;

	lag->known = true;
	lag->events = 0;
	while ((event = es_store_read_next(read)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (lag->events == 0)
			lag->seconds = (GetCurrentTimestamp() -
							DatumGetTimestampTz(
								es_column(event, ES_EVENTS, EV_RECORDED_AT))) /
				1e6;
		reached = DatumGetInt64(es_column(event, ES_EVENTS, EV_GLOBAL_POSITION));
		lag->events++;
		until_goal += reached <= goal;
	}
	lag->until_goal = until_goal;
	if (lag->events == COUNTED_EVENTS)
	{
		lag->events = estimate(lag->events, checkpoint, reached,
							   es_store_read_highest(read));
		lag->until_goal = estimate(until_goal, checkpoint, reached, goal);
	}
	es_store_read_end(read);
}

/*
 * state_of
 *		The state of a generation of a projection in a word.
 */
static const char *
state_of(const EsProjection *projection, const Datum *row, const bool *nulls,
		 bool current, bool beyond)
{
	if (projection->paused)
		return "paused";
	if (projection->handler.flaw != NULL)
		return "unusable";
	if (beyond)
		return "beyond store";
	if (DatumGetBool(row[IN_STOPPED]))
		return "stopped";
	if (DatumGetInt32(row[IN_ATTEMPTS]) > 0)
		return "retrying";
	if (!nulls[IN_REBUILD_TO])
		return "rebuilding";
	return current ? "active" : "switching";
}

/*
 * copy_column
 *		Puts a column that was read into the result.
 */
static void
copy_column(Datum *values, bool *missing, int to, const Datum *row,
			const bool *nulls, int from)
{
	values[to] = row[from];
	missing[to] = nulls[from];
}

/*
 * copy_columns
 *		Puts all columns into the result that are shown as they are.
 */
static void
copy_columns(Datum *values, bool *missing, const Datum *row, const bool *nulls)
{
	static const int columns[][2] = {{ST_PROJECTION, IN_PROJECTION},
									 {ST_GENERATION, IN_GENERATION},
									 {ST_CHECKPOINT, IN_CHECKPOINT},
									 {ST_RATE, IN_RATE},
									 {ST_HANDLED, IN_HANDLED},
									 {ST_REBUILD_TO, IN_REBUILD_TO},
									 {ST_ATTEMPTS, IN_ATTEMPTS},
									 {ST_RETRY_AT, IN_RETRY_AT},
									 {ST_PARKED, IN_PARKED},
									 {ST_ERROR_POSITION, IN_ERROR_POSITION},
									 {ST_ERROR_AT, IN_ERROR_AT},
									 {ST_ERROR_CODE, IN_ERROR_CODE},
									 {ST_ERROR_MESSAGE, IN_ERROR_MESSAGE},
									 {ST_MOVED_AT, IN_MOVED_AT}};

	for (int i = 0; i < lengthof(columns); i++)
		copy_column(values, missing, columns[i][0], row, nulls, columns[i][1]);
}

/*
 * put_lag
 *		Puts into the result how much is left.
 */
static void
put_lag(Datum *values, bool *missing, const Lag *lag, double rate)
{
	Interval *left;

	if (!lag->known)
		return;
	missing[ST_LAG_EVENTS] = missing[ST_LAG_SECONDS] = false;
	values[ST_LAG_EVENTS] = Int64GetDatum(lag->events);
	values[ST_LAG_SECONDS] = Float8GetDatum(lag->events > 0 ? lag->seconds : 0);
	if (missing[ST_REBUILD_TO])
		return;
	missing[ST_REBUILD_LEFT] = false;
	values[ST_REBUILD_LEFT] = Int64GetDatum(lag->until_goal);
	if (rate <= 0)
		return;
	missing[ST_REBUILD_TIME_LEFT] = false;
	left = palloc0(sizeof(Interval));
	left->time = (TimeOffset) (lag->until_goal / rate * USECS_PER_SEC);
	values[ST_REBUILD_TIME_LEFT] = IntervalPGetDatum(left);
}

/*
 * put_error
 *		Puts into the result what is wrong with a projection itself, if something is.
 */
static void
put_error(Datum *values, bool *missing, const EsProjection *projection,
		  bool beyond)
{
	const char *message = beyond ? "the checkpoint is beyond the event store"
								 : projection->handler.flaw;

	if (message == NULL)
		return;
	missing[ST_ERROR_POSITION] = missing[ST_ERROR_AT] = true;
	missing[ST_ERROR_CODE] = missing[ST_ERROR_MESSAGE] = false;
	values[ST_ERROR_CODE] = CStringGetTextDatum(unpack_sql_state(
		beyond ? ES_ERR_BEYOND_STORE : ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE));
	values[ST_ERROR_MESSAGE] = CStringGetTextDatum(message);
}

/*
 * put_worker
 *		Puts into the result who is running a projection, and when a worker last looked
 *		after any.
 */
static void
put_worker(Datum *values, bool *missing, const char *name, int32 generation)
{
	int pid = es_projection_holder(name, generation);
	EsWorkers *workers = es_workers();
	uint64 heartbeat =
		workers == NULL ? 0 : pg_atomic_read_u64(&workers->heartbeat);

	missing[ST_WORKER_PID] = pid == 0;
	values[ST_WORKER_PID] = Int32GetDatum(pid);
	missing[ST_HEARTBEAT_AT] = heartbeat == 0;
	values[ST_HEARTBEAT_AT] = TimestampTzGetDatum((TimestampTz) heartbeat);
}

/*
 * put_projection
 *		Adds a generation of a projection to the result.
 */
static void
put_projection(ReturnSetInfo *result, const EsProjection *projection,
			   const Datum *row, const bool *nulls)
{
	int32 generation = DatumGetInt32(row[IN_GENERATION]);
	bool current = generation == projection->generation;
	bool kept_inline = projection->is_inline && current && !projection->paused;
	int64 checkpoint = DatumGetInt64(row[IN_CHECKPOINT]);
	bool beyond = !kept_inline && checkpoint > es_last_position();
	Datum values[ST_COLUMNS] = {0};
	bool missing[ST_COLUMNS];
	Lag lag = {0};

	memset(missing, true, sizeof(missing));
	copy_columns(values, missing, row, nulls);
	missing[ST_IS_CURRENT] = missing[ST_MODE] = missing[ST_STATE] = false;
	values[ST_IS_CURRENT] = BoolGetDatum(current);
	values[ST_MODE] = CStringGetTextDatum(projection->is_inline ? ES_MODE_INLINE
																: ES_MODE_ASYNC);
	values[ST_STATE] =
		CStringGetTextDatum(state_of(projection, row, nulls, current, beyond));
	if (kept_inline)
	{
		lag.known = true;
		missing[ST_CHECKPOINT] = missing[ST_MOVED_AT] = true;
	}
	else if (!RecoveryInProgress() && !beyond)
		measure(projection, checkpoint,
				nulls[IN_REBUILD_TO] ? 0 : DatumGetInt64(row[IN_REBUILD_TO]),
				&lag);
	put_lag(values, missing, &lag,
			nulls[IN_RATE] ? 0 : DatumGetFloat8(row[IN_RATE]));
	put_error(values, missing, projection, beyond);
	put_worker(values, missing, projection->name, generation);
	es_put_row(result, values, missing, ST_COLUMNS);
}

/*
 * read_rows
 *		Reads the tables as their owner; the rows stay with SPI.
 */
static SPITupleTable *
read_rows(Oid owner)
{
	EsActor before;

	es_act_as(&before, owner, true);
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the checkpoints");
	es_act_as_before(&before);
	return SPI_tuptable;
}

/*
 * put_all
 *		Adds all projections to the result.
 */
static void
put_all(ReturnSetInfo *result)
{
	const EsProjections *all = es_projections();
	SPITupleTable *rows;

	es_spi_connect();
	rows = read_rows(all->owner);
	for (uint64 i = 0; i < rows->numvals; i++)
	{
		Datum row[IN_STOPPED + 1];
		bool nulls[IN_STOPPED + 1];
		const EsProjection *projection;

		for (int j = 1; j <= IN_STOPPED; j++)
			row[j] = SPI_getbinval(rows->vals[i], rows->tupdesc, j, &nulls[j]);
		projection =
			es_projection_find(all, TextDatumGetCString(row[IN_PROJECTION]));
		if (projection != NULL)
			put_projection(result, projection, row, nulls);
	}
	SPI_finish();
}

/*
 * event_store_projection_statuses
 *		projection_statuses() returns a row for each generation of a projection
 *
 * Raises ST002.
 */
Datum
event_store_projection_statuses(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	if (es_store_has(ES_PROJECTIONS))
		put_all((ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
