/*-------------------------------------------------------------------------
 *
 * run_projections.c
 *	  Running projections by hand.
 *
 * A client, a job or a test does what a worker does, in a transaction of its own.
 * An event that fails is rolled back to a savepoint and recorded, so that the call
 * itself does not fail and what it did before stays: one call is one attempt.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/run_projections.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "check.h"
#include "checkpoint.h"
#include "projection_calls.h"
#include "projection_failure.h"
#include "rebuild.h"

PG_FUNCTION_INFO_V1(event_store_run_projections);

/*
 * So many events are handled between savepoints: at first, and at most.  Many small
 * savepoints would cost more than the events, where a handler writes the same rows
 * again and again.
 */
#define FIRST_EVENTS 1000
#define LAST_EVENTS	 100000

/*
 * report
 *		Tells the caller that an event failed.
 */
static void
report(const EsRun *run, const ErrorData *error)
{
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("projection \"%s\" failed at global position %lld: %s",
					run->key.name, (long long) run->position, error->message),
			 error->detail != NULL ? errdetail_internal("%s", error->detail) : 0,
			 errhint(
				 "The view event_store.projection_status shows what is done about it.")));
}

/*
 * try_run
 *		Runs a projection over some events, down to the one that fails; returns
 *		whether to go on.
 */
static bool
try_run(EsRun *run, int64 max_events)
{
	ErrorData *error;

	run->max_events = max_events;
	while (!es_run_in_subtransaction(run, &error))
	{
		if (es_run_is_of_one_event(run))
		{
			if (!es_is_passing(error))
				es_run_record_failure(run, error);
			report(run, error);
			return false;
		}
		run->max_events = es_run_smaller(run);
		FreeErrorData(error);
	}
	return run->outcome == ES_RUN_MORE;
}

/*
 * tell_why_not
 *		Tells the caller why a projection was not run.
 */
static void
tell_why_not(const EsRun *run)
{
	if (run->outcome == ES_RUN_PAUSED || run->outcome == ES_RUN_STOPPED)
		ereport(NOTICE,
				(errmsg(run->outcome == ES_RUN_PAUSED
							? "projection \"%s\" is paused, skipping"
							: "projection \"%s\" has stopped, skipping",
						run->key.name),
				 errhint("Let it go on with event_store.resume_projection().")));
}

/*
 * run_generation
 *		Runs a generation of a projection; returns how many events it handled, at most
 *		as many as asked for.
 */
static int64
run_generation(const char *name, int32 generation, int64 max_events,
			   bool *caught_up)
{
	EsRun run = {{name, generation}};
	int64 piece = FIRST_EVENTS;
	int64 handled = 0;
	bool more = true;

	run.wait = true;
	run.at_once = true;
	while (more && handled < max_events)
	{
		CHECK_FOR_INTERRUPTS();
		more = try_run(&run, Min(piece, max_events - handled));
		piece = Min(run.max_events * 2, LAST_EVENTS);
		handled += run.handled;
		tell_why_not(&run);
	}
	*caught_up = run.outcome == ES_RUN_CAUGHT_UP;
	return handled;
}

/*
 * run_projection
 *		Runs a projection, and the next generation if one is being built, which takes
 *		its place when it has caught up, but at an isolation level at which it need not
 *		be seen; returns how many events were handled.
 */
static int64
run_projection(const EsProjection *projection, int64 max_events)
{
	int32 newest = es_checkpoint_newest(projection->name);
	int64 handled = 0;
	bool caught_up = true;

	if (!projection->is_inline || projection->paused)
		handled = run_generation(projection->name, projection->generation,
								 max_events, &caught_up);
	if (newest > projection->generation && !projection->paused &&
		!IsolationUsesXactSnapshot() && handled < max_events)
	{
		handled += run_generation(projection->name, newest,
								  max_events - handled, &caught_up);
		if (caught_up)
			(void) es_switch_generation(projection->name, true);
	}
	return handled;
}

/*
 * take_registry
 *		Takes the registry if one of some projections has a next generation: to switch
 *		to that changes it, and it is taken before any projection is.
 */
static void
take_registry(const EsProjection *projections, int n)
{
	if (IsolationUsesXactSnapshot())
		return;
	for (int i = 0; i < n; i++)
	{
		if (es_checkpoint_newest(projections[i].name) <= projections[i].generation)
			continue;
		es_lock_projections();
		return;
	}
}

/*
 * event_store_run_projections
 *		run_projections(name, max_events) returns bigint
 *
 * How many events were handled.  Raises 42704 when there is no such projection.
 */
Datum
event_store_run_projections(PG_FUNCTION_ARGS)
{
	int64 max_events = es_bigint_argument(fcinfo, 1, PG_INT64_MAX);
	int64 handled = 0;
	const EsProjections *all;

	es_check_not_negative(max_events, "max_events");
	es_check_writable("run_projections()");
	es_require_projections();
	all = es_projections();
	if (!PG_ARGISNULL(0))
	{
		const EsProjection *projection =
			es_projection_require(all, text_to_cstring(PG_GETARG_TEXT_PP(0)));

		take_registry(projection, 1);
		PG_RETURN_INT64(run_projection(projection, max_events));
	}
	take_registry(all->projections, all->n);
	for (int i = 0; i < all->n && handled < max_events; i++)
		handled += run_projection(&all->projections[i], max_events - handled);
	PG_RETURN_INT64(handled);
}
