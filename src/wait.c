/*-------------------------------------------------------------------------
 *
 * wait.c
 *	  Waiting until a projection has come to a position.
 *
 * wait_for_projection() is a procedure: it looks at the checkpoint, commits, and
 * sleeps, so that it holds neither a snapshot nor a lock while it waits, and every
 * look sees what is committed.  Where it cannot commit it raises an error instead of
 * waiting for what it would never see.
 *
 * A worker tells those who wait when it has moved a checkpoint; what others do is
 * found by looking again after a while.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/wait.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "check.h"
#include "checkpoint.h"
#include "position.h"
#include "projection.h"
#include "worker_memory.h"

PG_FUNCTION_INFO_V1(event_store_wait_for_projection);

/* Looks are at most so far apart, in milliseconds. */
#define LOOK_INTERVAL 50

/* What is waited for. */
typedef struct Wait
{
	char *name;
	int64 position;
	TimestampTz until;
} Wait;

/*
 * check_can_wait
 *		Raises 2D000 in a transaction block, or a function, which cannot give up its
 *		snapshot.
 */
static void
check_can_wait(FunctionCallInfo fcinfo)
{
	const CallContext *context = (const CallContext *) fcinfo->context;

	if (context != NULL && IsA(context, CallContext) && !context->atomic)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
			 errmsg("cannot wait for a projection inside a transaction block"),
			 errdetail(
				 "It would wait with a snapshot in hand that never shows what it waits for."),
			 errhint(
				 "CALL event_store.wait_for_projection() after the COMMIT, as a statement of its own.")));
}

/*
 * look
 *		What there is to say: reached, stopped, failed, or NULL to go on waiting.
 */
static const char *
look(const Wait *wait)
{
	const EsProjection *projection =
		es_projection_require(es_projections(), wait->name);
	EsCheckpointKey key = {projection->name, projection->generation};
	EsCheckpoint checkpoint;

	if (projection->is_inline && !projection->paused)
		return "reached";
	if (!es_checkpoint_look(&key, &checkpoint))
		return NULL;
	if (checkpoint.checkpoint >= wait->position)
		return "reached";
	if (projection->paused)
		return "stopped";
	return checkpoint.stopped ? "failed" : NULL;
}

/*
 * milliseconds_left
 *		How long there still is to wait, at most until the next look.
 */
static long
milliseconds_left(const Wait *wait)
{
	int64 left = wait->until - GetCurrentTimestamp();

	return left <= 0 ? 0 : Min(left / 1000 + 1, LOOK_INTERVAL);
}

/*
 * sleep_a_while
 *		Sleeps until a checkpoint has moved, or it is time for the next look.
 *
 * The sleeper is prepared before the look: what moves after that wakes it.
 */
static void
sleep_a_while(EsWorkers *workers, long milliseconds)
{
	if (workers != NULL)
	{
		(void) ConditionVariableTimedSleep(&workers->moved, milliseconds,
										   PG_WAIT_EXTENSION);
		return;
	}
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * wait_for
 *		Waits, and says what came of it.
 */
static const char *
wait_for(const Wait *wait)
{
	EsWorkers *workers = es_workers();

	if (workers != NULL)
		ConditionVariablePrepareToSleep(&workers->moved);
	for (;;)
	{
		const char *outcome;
		long left;

		outcome = look(wait);
		left = milliseconds_left(wait);
		if (outcome != NULL || left == 0)
		{
			ConditionVariableCancelSleep();
			return outcome != NULL ? outcome : "timed out";
		}
		SPI_commit();
		sleep_a_while(workers, left);
	}
}

/*
 * read_arguments
 *		Checks what is to be waited for, and for how long.
 */
static void
read_arguments(FunctionCallInfo fcinfo, Wait *wait)
{
	const Interval *timeout;

	es_check_not_null(fcinfo, 0, "projection");
	es_check_not_null(fcinfo, 1, "global_position");
	es_check_not_null(fcinfo, 2, "timeout");
	wait->name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	wait->position = PG_GETARG_INT64(1);
	if (!RecoveryInProgress()) /* which may lag behind */
		es_check_within_store(wait->position);
	timeout = PG_GETARG_INTERVAL_P(2);
	if (!es_interval_within(timeout, 365))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timeout must be between 0 and 365 days")));
	wait->until = GetCurrentTimestamp() + timeout->time +
		timeout->day * (int64) USECS_PER_DAY;
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
	MemoryContext caller = CurrentMemoryContext;
	TupleDesc desc;
	Datum values[1];
	bool nulls[1] = {false};
	Wait wait;
	const char *outcome;

	check_can_wait(fcinfo);
	es_require_projections();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	read_arguments(fcinfo, &wait);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	outcome = wait_for(&wait);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	values[0] = CStringGetTextDatum(outcome);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}
