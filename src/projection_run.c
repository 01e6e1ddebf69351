/*-------------------------------------------------------------------------
 *
 * projection_run.c
 *	  Running a projection over the next events.
 *
 * A run goes on after the checkpoint, up to the safe position, in the transaction
 * of the caller: it hands events to the handler and moves the checkpoint past them.
 * So they take effect together or not at all, and each event exactly once.
 *
 * Whoever runs a projection holds its lock to the end of the transaction.  The
 * checkpoint is read after that, with a fresh snapshot or one that must not be
 * outdated, see checkpoint.c, and the lock is given back after the commit can be
 * seen.  Interleavings considered:
 *
 * - Two who run it: the second finds the lock taken, or waits for it and then sees
 *	 where the first came to.
 * - One who pauses, drops or replaces it, or begins to rebuild it: takes the lock
 *	 as well, so no run is under way; and a run looks at the registry once it has
 *	 the lock.
 * - An append while it runs: is above the safe position, or below it and seen.
 *
 * The handler runs as the owner of the projections, with a search path that nobody
 * can put anything into; restricted, unless the session is the owner's own.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_run.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "event_rows.h"
#include "locks.h"
#include "privileged.h"
#include "projection_run.h"
#include "store.h"
#include "store_read.h"

/* How often what a handler has appended meanwhile is handled, while all wait. */
#define MAX_ROUNDS 100

/* How many events weigh as much for the rate as what it was before. */
#define RATE_EVENTS 1000

/* A run that is under way. */
typedef struct Running
{
	struct Running *outer; /* one whose handler runs this one */
	EsRun *run;
	const EsProjection *projection;
	FmgrInfo function;
	FunctionCallInfo fcinfo;
	MemoryContext call_context; /* what a call needs */
	EsStoreRead *read;
	EsEventRows *rows;
	instr_time start;
	int64 position; /* of the last event that was read */
	bool ended;		/* there were no more */

	/* the event that is handled, for errors */
	text *stream;
	int64 version;
	text *type;
} Running;

/* The innermost run of this session; set back when it ends or fails. */
static Running *innermost = NULL;

/*
 * es_refuse_running
 *		Raises 55006 while this session runs a projection: whoever asks is called by its
 *		handler.
 */
void
es_refuse_running(const char *name)
{
	for (const Running *running = innermost; running != NULL;
		 running = running->outer)
	{
		if (strcmp(running->run->key.name, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("projection \"%s\" is being run by this session", name),
					 errhint(
						 "A handler does not call what runs or changes its own projection.")));
	}
}

/*
 * name_events
 *		Says in an error what it is about.
 */
static void
name_events(void *arg)
{
	const Running *running = arg;
	const EsRun *run = running->run;

	if (run->in_call == 0)
		errcontext("projection \"%s\"", run->key.name);
	else if (running->projection->handler.takes_batch)
		errcontext("projection \"%s\", %lld events from global position %lld to %lld",
				   run->key.name, (long long) run->in_call,
				   (long long) run->position, (long long) running->position);
	else
		errcontext("projection \"%s\", event %lld of stream \"%s\", type \"%s\", global position %lld",
				   run->key.name, (long long) running->version,
				   text_to_cstring(running->stream),
				   text_to_cstring(running->type), (long long) run->position);
}

/*
 * elapsed
 *		Microseconds since the run began.
 */
static int64
elapsed(const Running *running)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, running->start);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

/*
 * read_event
 *		The next event; NULL after the last.
 */
static TupleTableSlot *
read_event(Running *running)
{
	TupleTableSlot *event = es_store_read_next(running->read);

	CHECK_FOR_INTERRUPTS();
	if (event == NULL)
	{
		running->ended = true;
		return NULL;
	}
	running->position =
		DatumGetInt64(es_column(event, ES_EVENTS, EV_GLOBAL_POSITION));
	return event;
}

/*
 * handle_event
 *		Hands one event over.
 */
static void
handle_event(Running *running, TupleTableSlot *event)
{
	EsRun *run = running->run;

	running->stream = es_store_read_stream(running->read, event);
	running->version = DatumGetInt64(es_column(event, ES_EVENTS, EV_VERSION));
	running->type = DatumGetTextPP(es_column(event, ES_EVENTS, EV_TYPE));
	run->position = running->position;
	run->in_call = 1;
	es_projection_hand_over(running->fcinfo,
							es_event_row(running->rows, event, running->stream));
	run->in_call = 0;
	run->handled++;
}

/*
 * handle_singly
 *		Hands over event after event, as many as are asked for.
 */
static void
handle_singly(Running *running)
{
	const EsRun *run = running->run;
	MemoryContext caller = MemoryContextSwitchTo(running->call_context);

	while (run->handled < run->max_events)
	{
		TupleTableSlot *event = read_event(running);

		if (event == NULL)
			break;
		handle_event(running, event);
		MemoryContextReset(running->call_context);
		if (run->max_time > 0 && elapsed(running) >= run->max_time)
			break;
	}
	MemoryContextSwitchTo(caller);
}

/*
 * gather
 *		Reads events for one call: as many as a query over them keeps in memory,
 *		which work_mem is the measure of.
 */
static void
gather(Running *running, EsEventArray *array, int64 max_events)
{
	EsRun *run = running->run;
	Size max_bytes = Min(work_mem * (Size) 1024 / 4 * 3, MaxAllocSize / 4);

	es_event_array_begin(array);
	while (array->n < max_events && array->bytes < max_bytes)
	{
		TupleTableSlot *event = read_event(running);

		if (event == NULL)
			break;
		if (array->n == 0)
			run->position = running->position;
		run->in_call = array->n + 1;
		es_event_array_add_row(array, running->rows, event,
							   es_store_read_stream(running->read, event));
	}
}

/*
 * handle_together
 *		Hands over as many events as are asked for, in as few calls as fit; in one where
 *		time counts: rows that one transaction changes again and again leave dead ones
 *		behind that only a later one can take the place of.
 */
static void
handle_together(Running *running)
{
	EsRun *run = running->run;
	MemoryContext caller = MemoryContextSwitchTo(running->call_context);

	while (run->handled < run->max_events && !running->ended)
	{
		EsEventArray array;

		gather(running, &array, run->max_events - run->handled);
		if (array.n > 0)
			es_projection_hand_over(running->fcinfo,
									es_event_array_value(&array));
		run->in_call = 0;
		run->handled += array.n;
		MemoryContextReset(running->call_context);
		if (run->max_time > 0)
			break;
	}
	MemoryContextSwitchTo(caller);
}

/*
 * begin_reading
 *		Begins to read the projection's events after a position.
 */
static void
begin_reading(Running *running, int64 after_position)
{
	const EsProjection *projection = running->projection;
	EsReadRequest request = {0};
	int64 only = running->run->only;
	int64 up_to = running->run->up_to;

	request.after_position = after_position;
	request.range.lowest = only > 0 ? only : after_position + 1;
	request.range.highest = only > 0 ? only : up_to > 0 ? up_to : PG_INT64_MAX;
	request.max_count = PG_INT64_MAX;
	request.all_categories = projection->all_categories;
	request.ncategories = projection->ncategories;
	request.categories = projection->categories;
	request.ntypes = projection->ntypes;
	request.types = projection->types;
	running->read = es_store_read_begin(&request);
	es_store_read_with_streams(running->read);
	running->rows = es_event_rows_begin(es_upcasting(false));
}

/*
 * prepare_call
 *		Gets ready to call the handler; raises 55000 when it cannot be used.
 */
static void
prepare_call(Running *running)
{
	running->fcinfo = palloc0(SizeForFunctionCallInfo(2));
	es_projection_prepare(running->projection, running->run->key.generation,
						  &running->function, running->fcinfo);
	running->call_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store handler",
							  ALLOCSET_DEFAULT_SIZES);
}

/*
 * handle
 *		Hands over events after a position, as the owner.
 */
static void
handle(Running *running, int64 after_position)
{
	EsActor before;

	prepare_call(running);
	begin_reading(running, after_position);
	es_act_for(&before, es_projections()->owner);
	PushCopiedSnapshot(GetTransactionSnapshot());
	if (running->projection->handler.takes_batch)
		handle_together(running);
	else
		handle_singly(running);
	PopActiveSnapshot();
	es_act_as_before(&before);
	CommandCounterIncrement();
}

/*
 * new_rate
 *		The rate after a run.
 */
static double
new_rate(const EsRun *run, double rate)
{
	double weight = (double) run->handled / (run->handled + RATE_EVENTS);
	double seen;

	if (run->handled == 0 || run->elapsed <= 0)
		return rate;
	seen = run->handled * 1e6 / run->elapsed;
	return rate <= 0 ? seen : rate + (seen - rate) * weight;
}

/*
 * run_from
 *		Runs from a checkpoint on, and moves it.
 */
static void
run_from(Running *running, const EsCheckpoint *checkpoint)
{
	EsRun *run = running->run;
	int64 reached;

	INSTR_TIME_SET_CURRENT(running->start);
	handle(running, checkpoint->checkpoint);
	reached = running->ended ? es_store_read_highest(running->read)
							 : running->position;
	es_store_read_end(running->read);
	run->elapsed = elapsed(running);
	if (reached > checkpoint->checkpoint && run->only == 0)
		es_checkpoint_move(&run->key, reached, run->handled,
						   new_rate(run, checkpoint->rate));
	run->outcome = running->ended ? ES_RUN_CAUGHT_UP : ES_RUN_MORE;
}

/*
 * run_alone
 *		The same, while this session does not run it otherwise.
 */
static void
run_alone(Running *running, const EsCheckpoint *checkpoint)
{
	running->outer = innermost;
	PG_TRY();
	{
		innermost = running;
		run_from(running, checkpoint);
	}
	PG_FINALLY();
	{
		innermost = running->outer;
	}
	PG_END_TRY();
}

/*
 * is_to_run
 *		Whether there is something to run; otherwise the outcome says why not.
 */
static bool
is_to_run(EsRun *run, const EsProjection *projection, EsCheckpoint *checkpoint)
{
	if (projection == NULL || !es_checkpoint_read(&run->key, checkpoint))
	{
		run->outcome = ES_RUN_GONE;
		return false;
	}
	if (run->to_the_end || run->only > 0)
		return true;
	if (projection->paused)
		run->outcome = ES_RUN_PAUSED;
	else if (projection->is_inline &&
			 run->key.generation == projection->generation)
		run->outcome = ES_RUN_CAUGHT_UP;
	else if (checkpoint->stopped)
		run->outcome = ES_RUN_STOPPED;
	else if (!run->at_once && checkpoint->retry_at > GetCurrentTimestamp())
		run->outcome = ES_RUN_WAITS;
	else
		return true;
	return false;
}

/*
 * es_projection_run
 *		Runs a generation of a projection over the events after its checkpoint, as
 *		many and as long as is asked for.  Raises what the handler raises, and ST008
 *		for a checkpoint that is beyond the store.
 *
 * There is an active snapshot.  The memory is freed with the subtransaction, if the
 * run fails.
 */
void
es_projection_run(EsRun *run)
{
	MemoryContext context =
		AllocSetContextCreate(CurTransactionContext, "event_store projection",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ErrorContextCallback callback;
	Running running = {0};
	EsCheckpoint checkpoint;

	run->outcome = ES_RUN_MORE;
	run->handled = 0;
	run->in_call = 0;
	running.run = run;
	callback.callback = name_events;
	callback.arg = &running;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	es_refuse_running(run->key.name);
	if (!es_lock_projection(run->key.name, run->key.generation, run->wait))
		run->outcome = ES_RUN_BUSY;
	else
	{
		running.projection = es_projection_find(es_projections(), run->key.name);
		if (is_to_run(run, running.projection, &checkpoint))
		{
			run->from = checkpoint.checkpoint;
			run->definition = es_store_generation();
			run_alone(&running, &checkpoint);
		}
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/*
 * es_projection_catch_up
 *		Runs a generation to the end, whatever state the projection is in, and over
 *		what its handler appends.  Raises 54000 where that has no end.
 */
void
es_projection_catch_up(const char *name, int32 generation)
{
	EsRun run = {{name, generation}};
	int rounds = 0;

	run.max_events = PG_INT64_MAX;
	run.wait = true;
	run.to_the_end = true;
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (++rounds > MAX_ROUNDS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("projection \"%s\" does not catch up", name),
					 errdetail(
						 "Its handler appends events that it is for, again and again.")));
		es_projection_run(&run);
	} while (run.handled > 0);
}

/*
 * call_reset
 *		Calls a projection's reset for a generation, as the owner.
 */
static void
call_reset(const EsProjectionFunction *reset, int32 generation, Oid owner)
{
	LOCAL_FCINFO(fcinfo, 1);
	FmgrInfo function;
	EsActor before;

	fmgr_info_copy(&function, unconstify(FmgrInfo *, &reset->function),
				   CurrentMemoryContext);
	InitFunctionCallInfoData(*fcinfo, &function, reset->takes_generation ? 1 : 0,
							 InvalidOid, NULL, NULL);
	fcinfo->args[0].value = Int32GetDatum(generation);
	fcinfo->args[0].isnull = false;
	CommandCounterIncrement();
	PushCopiedSnapshot(GetTransactionSnapshot());
	es_act_for(&before, owner);
	(void) FunctionCallInvoke(fcinfo);
	es_act_as_before(&before);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

/*
 * name_reset
 *		Says in an error what it is about.
 */
static void
name_reset(void *arg)
{
	errcontext("resetting projection \"%s\"", (const char *) arg);
}

/*
 * es_projection_reset
 *		Has a projection's reset empty what the handler wrote of a generation.  Raises
 *		55000 for one without, or whose reset cannot be used, and what that raises.
 */
void
es_projection_reset(const char *name, int32 generation)
{
	const EsProjections *all = es_projections();
	const EsProjection *projection = es_projection_require(all, name);
	ErrorContextCallback callback;

	if (projection->reset.signature == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("projection \"%s\" has no reset", name),
				 errdetail("Nothing says how to empty what its handler wrote."),
				 errhint(
					 "Give it one with event_store.create_projection(replace => true, reset => ...).")));
	if (projection->reset.flaw != NULL)
		es_handler_raise(&es_reset_kind, projection->reset.signature,
						 projection->reset.flaw);
	callback.callback = name_reset;
	callback.arg = unconstify(char *, name);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	call_reset(&projection->reset, generation, all->owner);
	error_context_stack = callback.previous;
}
