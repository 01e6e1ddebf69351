/*-------------------------------------------------------------------------
 *
 * projection_failure.c
 *	  What is done about events that a projection fails at.
 *
 * A run that fails is rolled back, with what it did for the events before the one
 * that failed.  It is tried again with those alone, or with half of them where
 * they were handed over together, until it is down to the event that fails by
 * itself.  That one is tried again after a while, which doubles with each attempt,
 * and after the last one the projection stops at it, or parks it and goes on.
 *
 * A failure is recorded in a transaction after the one that failed, or a
 * subtransaction, so somebody else may have had the projection's lock meanwhile, to
 * run it with more luck, or to change or rebuild it.  Nothing is recorded then: the
 * event need not be the next one any more, and if it is, it will fail again.
 *
 * Some failures are not the event's: a deadlock, a lock that was not to be had, a
 * disk that is full.  Those are not counted.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_failure.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "attempts.h"
#include "locks.h"
#include "projection_failure.h"
#include "store.h"

/*
 * es_run_is_of_one_event
 *		Whether a run that failed had come to one event only, which is to blame.
 */
bool
es_run_is_of_one_event(const EsRun *run)
{
	return run->handled == 0 && run->in_call == 1;
}

/*
 * es_run_smaller
 *		How many events a run that failed is to be tried with again.
 */
int64
es_run_smaller(const EsRun *run)
{
	int64 fewer = run->handled > 0 ? run->handled : run->in_call / 2;

	return Max(fewer, 1);
}

/*
 * es_run_record_failure
 *		Records that a run's one event failed.
 */
void
es_run_record_failure(const EsRun *run, const ErrorData *error)
{
	const EsProjection *projection;
	EsCheckpoint checkpoint;
	EsFailure failure;

	if (!es_lock_projection(run->key.name, run->key.generation, run->wait))
		return;
	projection = es_projection_find(es_projections(), run->key.name);
	if (projection == NULL || !es_checkpoint_read(&run->key, &checkpoint) ||
		checkpoint.checkpoint != run->from || checkpoint.stopped ||
		run->definition != es_store_generation())
		return;
	failure.global_position = run->position;
	failure.attempts = checkpoint.failed_position == run->position
		? checkpoint.attempts + 1
		: 1;
	failure.sqlerrcode = error->sqlerrcode;
	failure.message = error->message;
	if (failure.attempts < projection->max_attempts)
		es_checkpoint_fail(&run->key, &failure, false,
						   GetCurrentTimestamp() +
							   es_delay_after(projection->retry_delay,
											  failure.attempts));
	else if (projection->parks)
		es_checkpoint_park(&run->key, &failure);
	else
		es_checkpoint_fail(&run->key, &failure, true, DT_NOBEGIN);
}

/*
 * es_is_passing
 *		Whether an error is not the event's, and may be gone the next time.
 */
bool
es_is_passing(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES;
}

/*
 * is_for_caller
 *		Whether an error ends the caller's transaction, too: it was cancelled, or has
 *		to be begun anew.
 */
static bool
is_for_caller(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		(IsolationUsesXactSnapshot() &&
		 error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE);
}

/*
 * es_run_in_subtransaction
 *		Runs a projection in a subtransaction, which is rolled back when an event
 *		fails; returns false then, and the error.  Other errors are raised.
 */
bool
es_run_in_subtransaction(EsRun *run, ErrorData **error)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool succeeded = false;

	*error = NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		es_projection_run(run);
		ReleaseCurrentSubTransaction();
		succeeded = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		*error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (!succeeded && (run->in_call == 0 || is_for_caller(*error)))
		ReThrowError(*error);
	return succeeded;
}
