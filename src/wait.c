/*-------------------------------------------------------------------------
 *
 * wait.c
 *	  Waiting for something.
 *
 * Calls that wait long are procedures: they look, commit, and sleep, so that they
 * hold neither a snapshot nor a lock while they wait, and every look sees what is
 * committed.  Where they cannot commit they raise an error instead of waiting for
 * what they would never see.
 *
 * Workers tell those who wait when something has changed; what others do is found by
 * looking again after a while.
 *
 * A call that has a snapshot in hand may sleep for a moment: poll() does.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/wait.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "check.h"
#include "wait.h"

/*
 * es_check_can_wait
 *		Raises 2D000 in a transaction block, or a function, which cannot give up its
 *		snapshot.
 */
void
es_check_can_wait(FunctionCallInfo fcinfo, const char *what, const char *call)
{
	const CallContext *context = (const CallContext *) fcinfo->context;

	if (context != NULL && IsA(context, CallContext) && !context->atomic)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
			 errmsg("cannot wait for %s inside a transaction block", what),
			 errdetail(
				 "It would wait with a snapshot in hand that never shows what it waits for."),
			 errhint("CALL event_store.%s after the COMMIT, as a statement of its own.",
					 call)));
}

/*
 * es_until_argument
 *		When a timeout is over; raises 22004 or 22023.
 */
TimestampTz
es_until_argument(FunctionCallInfo fcinfo, int timeout)
{
	const Interval *interval;

	es_check_not_null(fcinfo, timeout, "timeout");
	interval = PG_GETARG_INTERVAL_P(timeout);
	if (!es_interval_within(interval, 365))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timeout must be between 0 and 365 days")));
	return GetCurrentTimestamp() + interval->time +
		interval->day * (int64) USECS_PER_DAY;
}

/*
 * milliseconds_left
 *		How long there still is to wait, at most until the next look.
 */
static long
milliseconds_left(const EsWait *wait)
{
	int64 left = wait->until - GetCurrentTimestamp();

	return left <= 0 ? 0 : Min(left / 1000 + 1, wait->look_interval);
}

/*
 * es_sleep
 *		Sleeps so long, or less where something happens to this session.
 */
void
es_sleep(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * sleep_a_while
 *		Sleeps until something has changed, or it is time for the next look.
 *
 * The sleeper is prepared before the look: what changes after that wakes it.
 */
static void
sleep_a_while(ConditionVariable *changed, long milliseconds)
{
	if (changed != NULL)
	{
		(void) ConditionVariableTimedSleep(changed, milliseconds,
										   PG_WAIT_EXTENSION);
		return;
	}
	es_sleep(milliseconds);
}

/*
 * wait_for
 *		Waits, and says what came of it.
 */
static const char *
wait_for(const EsWait *wait)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext look_context =
		AllocSetContextCreate(caller, "event_store look", ALLOCSET_DEFAULT_SIZES);

	if (wait->changed != NULL)
		ConditionVariablePrepareToSleep(wait->changed);
	for (;;)
	{
		const char *outcome;
		long left;

		MemoryContextSwitchTo(look_context);
		outcome = wait->look(wait->arg);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(look_context);
		left = milliseconds_left(wait);
		if (outcome != NULL || left == 0)
		{
			ConditionVariableCancelSleep();
			return outcome != NULL ? outcome : "timed out";
		}
		SPI_commit();
		sleep_a_while(wait->changed, left);
	}
}

/*
 * es_wait
 *		Waits; returns the procedure's result, whose one column says what came of it.
 */
Datum
es_wait(FunctionCallInfo fcinfo, const EsWait *wait)
{
	MemoryContext caller = CurrentMemoryContext;
	TupleDesc desc;
	Datum values[1];
	bool nulls[1] = {false};
	const char *outcome;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	outcome = wait_for(wait);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	values[0] = CStringGetTextDatum(outcome);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}
