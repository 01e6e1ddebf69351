/*-------------------------------------------------------------------------
 *
 * wait_for_projection.c
 *	  The SQL call that waits until a projection has come to a position.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/wait_for_projection.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/builtins.h"

#include "check.h"
#include "checkpoint.h"
#include "position.h"
#include "projection.h"
#include "wait.h"
#include "worker_memory.h"

PG_FUNCTION_INFO_V1(event_store_wait_for_projection);

/* Looks are at most so far apart, in milliseconds. */
#define LOOK_INTERVAL 50

/* What is waited for. */
typedef struct Goal
{
	char *name;
	int64 position;
} Goal;

/*
 * look
 *		What there is to say: reached, stopped, failed, or NULL to go on waiting.
 */
static const char *
look(void *arg)
{
	const Goal *goal = arg;
	const EsProjection *projection =
		es_projection_require(es_projections(), goal->name);
	EsCheckpointKey key = {projection->name, projection->generation};
	EsCheckpoint checkpoint;

	if (projection->is_inline && !projection->paused)
		return "reached";
	if (!es_checkpoint_look(&key, &checkpoint))
		return NULL;
	if (checkpoint.checkpoint >= goal->position)
		return "reached";
	if (projection->paused)
		return "stopped";
	return checkpoint.stopped ? "failed" : NULL;
}

/*
 * event_store_wait_for_projection
 *		wait_for_projection(projection, global_position, timeout, INOUT outcome)
 *
 * Raises 22004, 22023, 42704, 2D000 in a transaction block, ST008.
 */
Datum
event_store_wait_for_projection(PG_FUNCTION_ARGS)
{
	EsWorkers *workers = es_workers();
	Goal goal;
	EsWait wait = {look, &goal};

	es_check_can_wait(fcinfo, "a projection", "wait_for_projection()");
	es_require_projections();
	es_check_not_null(fcinfo, 0, "projection");
	es_check_not_null(fcinfo, 1, "global_position");
	goal.name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	goal.position = PG_GETARG_INT64(1);
	if (!RecoveryInProgress()) /* which may lag behind */
		es_check_within_store(goal.position);
	wait.until = es_until_argument(fcinfo, 2);
	wait.changed = workers == NULL ? NULL : &workers->moved;
	wait.look_interval = LOOK_INTERVAL;
	return es_wait(fcinfo, &wait);
}
