/*-------------------------------------------------------------------------
 *
 * worker_calls.c
 *	  The SQL calls that start and stop the workers of a database.
 *
 * Workers that start_worker() started are started again by the server after a
 * crash, but not when it was stopped: that takes shared_preload_libraries and
 * event_store.databases.  What stop_worker() has stopped stays so until
 * start_worker() is called or the server starts anew.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/worker_calls.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/syscache.h"

#include "check.h"
#include "children.h"
#include "compat.h"
#include "projection.h"
#include "rights.h"
#include "store.h"
#include "worker_memory.h"

PG_FUNCTION_INFO_V1(event_store_start_worker);
PG_FUNCTION_INFO_V1(event_store_stop_worker);

/* After how many seconds the server starts a coordinator again that crashed. */
#define RESTART_TIME 5

/*
 * check_owner
 *		Raises 55000 where workers could not connect as the owner of the projections.
 */
static void
check_owner(void)
{
	Oid owner = es_store_owner(ES_PROJECTIONS);
	HeapTuple tuple;
	bool may_log_in;

	if (!ES_WORKERS_LOG_IN)
		return;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(owner));
	if (!HeapTupleIsValid(tuple))
		return;
	may_log_in = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	if (!may_log_in)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("role \"%s\", the owner of the projections, may not log in",
						GetUserNameFromId(owner, false)),
				 errdetail(
					 "Workers connect as that role. From PostgreSQL 17 on they may without this right."),
				 errhint("ALTER ROLE ... LOGIN; it needs no password.")));
}

/*
 * wait_a_little
 *		Waits for another process to get on.
 */
static void
wait_a_little(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 10L, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * wait_for_start
 *		Waits until the coordinator is there; returns its pid.  Raises 55000 when it
 *		ends before.
 */
static int
wait_for_start(const EsWorkers *workers, BackgroundWorkerHandle *handle)
{
	pid_t pid;

	while (workers->coordinator_pid == 0)
	{
		if (GetBackgroundWorkerPid(handle, &pid) == BGWH_STOPPED)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the worker could not be started"),
					 errhint("The server log says why.")));
		wait_a_little();
	}
	return workers->coordinator_pid;
}

/*
 * start
 *		Starts a coordinator for this database; returns its pid.
 */
static int
start(const EsWorkers *workers)
{
	EsCoordinatorStart told = {MyDatabaseId};
	BackgroundWorkerHandle *handle;
	BackgroundWorker process;
	char name[BGW_MAXLEN];

	told.database_name = workers->database_name;
	snprintf(name, sizeof(name), "event_store coordinator for %s",
			 NameStr(workers->database_name));
	es_child_describe(&process, "event_store_coordinator_main",
					  "event_store coordinator", name, &told, sizeof(told));
	process.bgw_restart_time = RESTART_TIME;
	if (!RegisterDynamicBackgroundWorker(&process, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("all worker processes are in use"),
				 errhint("Raise max_worker_processes.")));
	return wait_for_start(workers, handle);
}

/*
 * event_store_start_worker
 *		start_worker() returns integer
 *
 * The pid of the process that keeps the workers going.  Raises 42501 unless the
 * caller owns the store, 53000 where no process is free, 53200, 55000.
 */
Datum
event_store_start_worker(PG_FUNCTION_ARGS)
{
	EsWorkers *workers;

	es_check_writable("start_worker()");
	es_require_store_owner("start_worker()");
	es_require_projections();
	check_owner();
	workers = es_workers_make();
	while (workers->stopped && workers->coordinator != NULL)
		wait_a_little(); /* it is ending */
	workers->stopped = false;
	if (workers->coordinator_pid != 0)
	{
		ereport(NOTICE,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the worker is running already")));
		PG_RETURN_INT32(workers->coordinator_pid);
	}
	PG_RETURN_INT32(start(workers));
}

/*
 * event_store_stop_worker
 *		stop_worker() returns boolean
 *
 * Whether there was one.  Raises 42501 unless the caller owns the store.
 */
Datum
event_store_stop_worker(PG_FUNCTION_ARGS)
{
	EsWorkers *workers;
	PGPROC *coordinator;

	es_check_writable("stop_worker()");
	es_require_store_owner("stop_worker()");
	workers = es_workers_make();
	workers->stopped = true;
	coordinator = workers->coordinator;
	if (coordinator == NULL)
		PG_RETURN_BOOL(false);
	SetLatch(&coordinator->procLatch);
	while (workers->stopped && workers->coordinator == coordinator)
		wait_a_little();
	PG_RETURN_BOOL(true);
}
