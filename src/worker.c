/*-------------------------------------------------------------------------
 *
 * worker.c
 *	  The processes that run the projections of a database.
 *
 * A worker is connected as the owner of the projections: a handler, and whatever it
 * leaves to be done at the end of its transaction, can do what that role can, and
 * become nobody else.
 *
 * It goes round: it looks for projections that have events to handle, and runs each
 * that no other worker is running for one batch, a transaction of its own.  If there
 * are several it wakes another idle worker first.  So a projection that is slow
 * keeps one worker, and the others go on.  When there is nothing to do it sleeps
 * until an append wakes it, or for event_store.poll_interval; while positions are in
 * flight, which a prepared transaction may give up without waking anybody, for a
 * moment only.
 *
 * Batches grow and shrink so that each takes about event_store.batch_time.  Under a
 * steady stream of small appends a worker that keeps up rests between its rounds, so
 * that it takes no more than a tenth of a processor from those who append, and no
 * transaction is spent on every event.
 *
 * A transaction of a worker commits without waiting for the disk, unless its handler
 * has appended: a crash takes back what the handlers wrote together with the
 * checkpoint.
 *
 * After an error the worker goes on; projection_failure.c says with what.  Where no
 * event is to blame it leaves the projection alone for a while.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/worker.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/xact.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "children.h"
#include "compat.h"
#include "horizon.h"
#include "locks.h"
#include "projection_failure.h"
#include "projection_run.h"
#include "rebuild.h"
#include "worker_look.h"
#include "worker_memory.h"
#include "worker_settings.h"

extern PGDLLEXPORT void event_store_worker_main(Datum arg);

/* The channel on which listeners are told of new events. */
#define CHANNEL "event_store"

/*
 * After a round that left nothing to do a worker rests so many times as long as that
 * took, at least and at most so long, in microseconds.
 */
#define BREATH_FACTOR 9
#define LEAST_BREATH  10000
#define MOST_BREATH	  100000

/* How long a worker sleeps while positions are in flight, in milliseconds. */
#define UNSAFE_INTERVAL 20

/* How long it does while another one is busy with what there is to do. */
#define BUSY_INTERVAL 50

/* Events of a batch: the first time, and at most; and how fast it grows. */
#define FIRST_BATCH	 100
#define LAST_BATCH	 100000
#define BATCH_GROWTH 4

/* How long a projection is left alone after an error of its own, in microseconds. */
#define FIRST_REST (1 * USECS_PER_SEC)
#define LAST_REST  (60 * USECS_PER_SEC)

/* What a worker has for work_mem, in kilobytes, unless its role has more. */
#define LEAST_WORK_MEM 12288

/* About how much memory a worker keeps from batch to batch. */
#define KEPT_BYTES (32 * 1024 * 1024)

/* What this worker remembers of a generation of a projection. */
typedef struct Remembered
{
	char key[ES_MAX_NAME_BYTES + 1 + 12];
	int64 batch;		   /* events of the next one */
	int64 limit;		   /* after a failure; 0 for none */
	int64 rest;			   /* after an error that is not an event's */
	TimestampTz rest_ends; /* DT_NOBEGIN when it does not rest */
} Remembered;

/* After looks that failed, one after the other, so much longer, in milliseconds. */
#define FAILED_LOOK_INTERVAL 1000L
#define LAST_FAILED_INTERVAL 60000L

static EsWorkerStart start;
static EsWorkers *workers;
static long failed_looks = 0; /* in a row */
static HTAB *remembered;
static MemoryContext round_context;

/*
 * remember
 *		What is remembered of a task's projection.
 */
static Remembered *
remember(const EsTask *task)
{
	char key[sizeof(((Remembered *) NULL)->key)] = {0};
	Remembered *entry;
	bool found;

	snprintf(key, sizeof(key), "%s/%d", task->name, task->generation);
	entry = hash_search(remembered, key, HASH_ENTER, &found);
	if (!found)
	{
		entry->batch = FIRST_BATCH;
		entry->limit = 0;
		entry->rest = 0;
		entry->rest_ends = DT_NOBEGIN;
	}
	return entry;
}

/*
 * begin_transaction
 *		Begins a transaction with a snapshot; says what for.
 */
static void
begin_transaction(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
	if (StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
}

/*
 * end_transaction
 *		Commits it; without waiting for the disk, unless it has appended, as such events
 *		may be seen by those who act on them.
 */
static void
end_transaction(void)
{
	int64 mark;

	PopActiveSnapshot();
	if (!es_holds_mark(&mark))
		(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	CommitTransactionCommand();
	disable_timeout(STATEMENT_TIMEOUT, false);
	pgstat_report_stat(true);
}

/*
 * catch_error
 *		In a PG_CATCH: rolls back, and returns the error, which is logged if it is
 *		to be.
 */
static ErrorData *
catch_error(bool log)
{
	ErrorData *error;

	HOLD_INTERRUPTS();
	disable_timeout(STATEMENT_TIMEOUT, false);
	QueryCancelPending = false;
	if (log)
		EmitErrorReport();
	MemoryContextSwitchTo(round_context);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(round_context);
	RESUME_INTERRUPTS();
	return error;
}

/*
 * rest
 *		Leaves a projection alone for a while.
 */
static void
rest(Remembered *entry)
{
	entry->rest = entry->rest == 0 ? FIRST_REST : Min(entry->rest * 2, LAST_REST);
	entry->rest_ends = GetCurrentTimestamp() + entry->rest;
}

/*
 * try_run
 *		Runs a projection in a transaction; returns the error if it failed.
 */
static ErrorData *
try_run(EsRun *run)
{
	char activity[ES_MAX_NAME_BYTES + 32];
	ErrorData *volatile error = NULL;

	snprintf(activity, sizeof(activity), "projection %s", run->key.name);
	PG_TRY();
	{
		begin_transaction(activity);
		es_projection_run(run);

		/* what fails at the end is of all events that were handled */
		run->in_call = run->handled;
		run->handled = 0;
		end_transaction();
		run->handled = run->in_call;
		run->in_call = 0;
	}
	PG_CATCH();
	{
		error = catch_error(run->in_call == 0 || es_run_is_of_one_event(run));
	}
	PG_END_TRY();
	return error;
}

/*
 * try_record
 *		Records that an event failed; returns false if even that did.
 */
static bool
try_record(const EsRun *run, const ErrorData *failure)
{
	volatile bool recorded = false;

	PG_TRY();
	{
		begin_transaction("recording a failure");
		es_run_record_failure(run, failure);
		end_transaction();
		recorded = true;
	}
	PG_CATCH();
	{
		FreeErrorData(catch_error(true));
	}
	PG_END_TRY();
	return recorded;
}

/*
 * after_failure
 *		Decides how to go on after a run that failed.
 */
static void
after_failure(const EsRun *run, const ErrorData *error, Remembered *entry)
{
	if (run->in_call == 0 || es_is_passing(error))
		rest(entry);
	else if (!es_run_is_of_one_event(run))
	{
		entry->limit = es_run_smaller(run);
		entry->batch = entry->limit;
	}
	else
	{
		entry->limit = 0;
		if (!try_record(run, error))
			rest(entry);
	}
}

/*
 * adapt
 *		Decides after a run how large the next batch is to be.
 */
static void
adapt(const EsRun *run, Remembered *entry)
{
	int64 time = es_batch_time * INT64CONST(1000);

	entry->limit = 0;
	if (run->elapsed > time)
		entry->batch = Max(entry->batch / 2, 1);
	else if (run->handled == entry->batch && run->elapsed < time / BATCH_GROWTH)
		entry->batch = Min(entry->batch * BATCH_GROWTH, LAST_BATCH);
}

/*
 * try_switch
 *		Has the next generation of a projection take the place of the one before;
 *		returns whether it has.
 */
static bool
try_switch(const EsTask *task)
{
	volatile bool succeeded = false;

	PG_TRY();
	{
		begin_transaction("switching a projection's generation");
		succeeded = es_switch_generation(task->name, false);
		end_transaction();
	}
	PG_CATCH();
	{
		succeeded = false;
		FreeErrorData(catch_error(true));
	}
	PG_END_TRY();
	return succeeded;
}

/*
 * is_resting
 *		Whether a projection is left alone; a clock that is set back does not prolong
 *		that.
 */
static bool
is_resting(const Remembered *entry)
{
	int64 left = entry->rest_ends - GetCurrentTimestamp();

	return entry->rest_ends != DT_NOBEGIN && left > 0 && left <= LAST_REST;
}

/* What became of a task. */
typedef enum TaskResult
{
	TASK_LEFT, /* to somebody else, or for later */
	TASK_DONE,
	TASK_HAS_MORE
} TaskResult;

/*
 * run_task
 *		Runs a projection for one batch, up to a position that is known to be safe.
 */
static TaskResult
run_task(const EsTask *task, int64 up_to)
{
	Remembered *entry = remember(task);
	EsRun run = {{task->name, task->generation}};
	ErrorData *error;

	run.up_to = up_to;
	run.max_events = task->takes_batch ? entry->batch : PG_INT64_MAX;
	if (entry->limit > 0)
		run.max_events = entry->limit;
	run.max_time = es_batch_time * INT64CONST(1000);
	error = try_run(&run);
	if (error != NULL)
	{
		after_failure(&run, error, entry);
		FreeErrorData(error);
		return run.in_call == 0 ? TASK_LEFT : TASK_HAS_MORE;
	}
	if (run.outcome != ES_RUN_MORE && run.outcome != ES_RUN_CAUGHT_UP)
		return TASK_LEFT;
	adapt(&run, entry);
	ConditionVariableBroadcast(&workers->moved);
	if (task->is_next && run.outcome == ES_RUN_CAUGHT_UP && !try_switch(task))
	{
		rest(entry);
		return TASK_LEFT;
	}
	entry->rest = 0;
	entry->rest_ends = DT_NOBEGIN;
	return run.outcome == ES_RUN_MORE ? TASK_HAS_MORE : TASK_DONE;
}

/*
 * try_look
 *		Looks for work; returns false if that failed.
 */
static bool
try_look(EsLook *look)
{
	volatile bool looked = false;

	PG_TRY();
	{
		begin_transaction("looking for events");
		es_worker_look(round_context, look);
		end_transaction();
		looked = true;
	}
	PG_CATCH();
	{
		FreeErrorData(catch_error(true));
	}
	PG_END_TRY();
	return looked;
}

/*
 * notify
 *		Tells those who listen how far the store may be read.
 */
static bool
notify(int64 safe_position)
{
	char payload[32];

	snprintf(payload, sizeof(payload), INT64_FORMAT, safe_position);
	Async_Notify(CHANNEL, payload);
	return true;
}

/*
 * try_tell
 *		Tells somebody how far the store may be read, in a transaction of its own;
 *		returns whether that was done.
 */
static bool
try_tell(bool (*tell)(int64), int64 safe_position, const char *activity)
{
	volatile bool told = false;

	PG_TRY();
	{
		bool done;

		begin_transaction(activity);
		done = tell(safe_position);
		end_transaction();
		told = done;
	}
	PG_CATCH();
	{
		FreeErrorData(catch_error(true));
	}
	PG_END_TRY();
	return told;
}

/*
 * tell_once
 *		Does that unless another worker has, or is about to; returns whether it was done.
 *		If it was not, or this worker ends before that is known, see worker_memory.c, it
 *		is done again.
 */
static bool
tell_once(pg_atomic_uint64 *told, bool (*tell)(int64), int64 safe_position,
		  const char *activity)
{
	uint64 before = pg_atomic_read_u64(told);
	uint64 now = (uint64) safe_position;

	if (now <= before || !pg_atomic_compare_exchange_u64(told, &before, now))
		return false;
	if (try_tell(tell, safe_position, activity))
		return true;
	(void) pg_atomic_compare_exchange_u64(told, &now, before);
	return false;
}

/*
 * announce
 *		Tells listeners, and standbys, once that there are new events, by whichever
 *		worker sees them first; positions of a store that was made anew begin anew.
 *
 * Listeners first: what the other transaction writes waits for the disk.
 */
static void
announce(const EsLook *look)
{
	if (pg_atomic_exchange_u32(&workers->announced_store, look->events) !=
		look->events)
		es_workers_forget_announced(workers);
	if (tell_once(&workers->announced, notify, look->safe_position,
				  "telling listeners"))
		ConditionVariableBroadcast(&workers->arrived);
	(void) tell_once(&workers->published, es_horizon_publish,
					 look->safe_position, "telling standbys");
}

/*
 * set_idle
 *		Says whether this worker is to be woken.
 */
static void
set_idle(bool idle)
{
	pg_atomic_write_u32(&workers->slots[start.slot].idle, idle ? 1 : 0);
	pg_memory_barrier();
}

/*
 * leave_resting
 *		Takes those tasks off a look whose projections are left alone.
 */
static void
leave_resting(EsLook *look)
{
	int n = 0;

	for (int i = 0; i < look->ntasks; i++)
	{
		if (!is_resting(remember(&look->tasks[i])))
			look->tasks[n++] = look->tasks[i];
		else
			look->others = true;
	}
	look->ntasks = n;
}

/*
 * breathe
 *		Rests after some work, in proportion to the time that it took, in microseconds;
 *		whoever wakes this worker meanwhile is seen by the next look.
 */
static void
breathe(int64 worked, int64 at_least)
{
	int64 breath = Min(Max(worked * BREATH_FACTOR, at_least), MOST_BREATH);
	instr_time start_time;
	instr_time now;

	INSTR_TIME_SET_CURRENT(start_time);
	for (;;)
	{
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, start_time);
		if ((int64) INSTR_TIME_GET_MICROSEC(now) >= breath)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (breath - (int64) INSTR_TIME_GET_MICROSEC(now)) / 1000 +
							 1,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * run_tasks
 *		Does what there is to do, each task for one batch.  Workers begin at different
 *		ones.  Under a steady load small ones are kept apart, so that those who append
 *		find a processor.  Returns the most that became of any.
 */
static TaskResult
run_tasks(const EsLook *look, bool steady)
{
	TaskResult most = TASK_LEFT;

	for (int i = 0; i < look->ntasks; i++)
	{
		instr_time before;
		instr_time after;
		TaskResult result;

		CHECK_FOR_INTERRUPTS();
		INSTR_TIME_SET_CURRENT(before);
		result = run_task(&look->tasks[(i + start.slot) % look->ntasks],
						  look->safe_position);
		INSTR_TIME_SET_CURRENT(after);
		INSTR_TIME_SUBTRACT(after, before);
		if (steady && result == TASK_DONE && i + 1 < look->ntasks)
			breathe((int64) INSTR_TIME_GET_MICROSEC(after), 0);
		most = Max(most, result);
	}
	return most;
}

/*
 * time_to_sleep
 *		For how long there is nothing to do, in milliseconds.
 */
static long
time_to_sleep(const EsLook *look)
{
	long sleep = es_poll_interval;

	if (look->last_position > look->safe_position)
		sleep = Min(sleep, UNSAFE_INTERVAL);
	if (look->ntasks > 0 || look->others)
		sleep = Min(sleep, BUSY_INTERVAL);
	if (look->next_time != DT_NOEND)
		sleep = Min(sleep,
					TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													look->next_time) +
						1);
	return sleep;
}

/*
 * do_round
 *		Looks for work and does it; returns what became of that, and how long to sleep
 *		if nothing was done.
 */
static TaskResult
do_round(bool steady, long *sleep)
{
	EsLook look;
	TaskResult result;

	MemoryContextReset(round_context);
	set_idle(true);
	pg_atomic_write_u64(&workers->heartbeat, (uint64) GetCurrentTimestamp());
	if (!try_look(&look))
	{
		failed_looks++;
		*sleep =
			Max(es_poll_interval,
				Min(failed_looks * FAILED_LOOK_INTERVAL, LAST_FAILED_INTERVAL));
		return TASK_LEFT;
	}
	failed_looks = 0;
	leave_resting(&look);
	pg_atomic_write_u32(&workers->projections, look.projections);
	if (look.safe_position > 0)
		announce(&look);
	if (look.ntasks > 0)
		set_idle(false);
	if (look.ntasks > 1)
		es_workers_wake(workers);
	result = run_tasks(&look, steady);
	*sleep = time_to_sleep(&look);
	if (result == TASK_LEFT)
		set_idle(true);
	return result;
}

/*
 * pin_settings
 *		Sets what a handler, and what it leaves to the end of its transaction, counts on,
 *		whatever the settings of the role and the database are.
 */
static void
pin_settings(void)
{
	static const char *const settings[][2] =
		{{"search_path", "pg_catalog, pg_temp"},
		 {"default_transaction_isolation", "read committed"},
		 {"default_transaction_read_only", "off"},
		 {"default_transaction_deferrable", "off"}};

	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_USERSET,
						PGC_S_SESSION);
}

/*
 * raise_work_mem
 *		Lets queries over a batch have at least so much memory: a larger batch writes
 *		fewer rows of a read model again.
 */
static void
raise_work_mem(void)
{
	char value[32];

	if (work_mem >= LEAST_WORK_MEM)
		return;
	snprintf(value, sizeof(value), "%d", LEAST_WORK_MEM);
	SetConfigOption("work_mem", value, PGC_USERSET, PGC_S_SESSION);
}

/*
 * keep_memory
 *		Has the C library keep what a batch has freed for the next one: to get it anew
 *		from the kernel would cost a sixth of the time.
 */
static void
keep_memory(void)
{
#ifdef M_MMAP_THRESHOLD
	(void) mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	(void) mallopt(M_TRIM_THRESHOLD, 2 * KEPT_BYTES);
#endif
}

/*
 * begin_worker
 *		Connects, and joins the others.
 */
static void
begin_worker(void)
{
	HASHCTL control = {0};

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(start.database, start.owner,
											  ES_WORKER_FLAGS);
	pin_settings();
	StartTransactionCommand();
	workers = es_workers_make();
	CommitTransactionCommand();
	if (!es_workers_join(workers, start.slot))
		proc_exit(0);
	raise_work_mem();
	keep_memory();
	control.keysize = sizeof(((Remembered *) NULL)->key);
	control.entrysize = sizeof(Remembered);
	remembered = hash_create("event_store projections", 16, &control,
							 HASH_ELEM | HASH_STRINGS);
	round_context = AllocSetContextCreate(TopMemoryContext, "event_store round",
										  ALLOCSET_DEFAULT_SIZES);
}

/*
 * event_store_worker_main
 *		Where the process begins.
 */
void
event_store_worker_main(Datum arg)
{
	bool steady = false;

	begin_worker();
	while (workers->coordinator_pid == start.coordinator_pid)
	{
		instr_time before;
		instr_time after;
		TaskResult result;
		long sleep;

		ResetLatch(MyLatch);
		QueryCancelPending = false; /* it was for a batch that has ended */
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		INSTR_TIME_SET_CURRENT(before);
		result = do_round(steady, &sleep);
		INSTR_TIME_SET_CURRENT(after);
		INSTR_TIME_SUBTRACT(after, before);
		pgstat_report_activity(STATE_IDLE, NULL);
		if (result == TASK_LEFT)
			(void) WaitLatch(MyLatch,
							 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 sleep, PG_WAIT_EXTENSION);
		else if (result == TASK_DONE)
			breathe(steady ? 0 : (int64) INSTR_TIME_GET_MICROSEC(after),
					LEAST_BREATH);
		steady = result != TASK_LEFT;
	}
	proc_exit(0);
}
