/*-------------------------------------------------------------------------
 *
 * children.c
 *	  Processes that are started, and started again when they end.
 *
 * The launcher starts a coordinator for each database, and that its workers.  A
 * process that ends is started again after a second; if it lives for less than a
 * minute then, after twice the time, up to a minute.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/children.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"

#include "children.h"

#define FIRST_DELAY (1 * USECS_PER_SEC)
#define LAST_DELAY	(60 * USECS_PER_SEC)

/*
 * es_child_describe
 *		Describes a process of ours that runs a function and is told something.
 */
void
es_child_describe(BackgroundWorker *process, const char *function,
				  const char *type, const char *name, const void *start,
				  Size size)
{
	memset(process, 0, sizeof(BackgroundWorker));
	process->bgw_flags =
		BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	process->bgw_start_time = BgWorkerStart_RecoveryFinished;
	process->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(process->bgw_library_name, "event_store", BGW_MAXLEN);
	strlcpy(process->bgw_function_name, function, BGW_MAXLEN);
	strlcpy(process->bgw_name, name, BGW_MAXLEN);
	strlcpy(process->bgw_type, type, BGW_MAXLEN);
	Assert(size <= BGW_EXTRALEN);
	memcpy(process->bgw_extra, start, size);
	process->bgw_notify_pid = MyProcPid;
}

/*
 * wait_to_start
 *		Has a child wait before it is started again.
 */
static void
wait_to_start(EsChild *child, TimestampTz now)
{
	if (child->delay == 0 || now - child->started_at > LAST_DELAY)
		child->delay = FIRST_DELAY;
	else
		child->delay = Min(child->delay * 2, LAST_DELAY);
	child->start_again_at = now + child->delay;
}

/*
 * es_child_look
 *		Notices when a child has ended.
 */
void
es_child_look(EsChild *child)
{
	pid_t pid;

	if (child->handle == NULL ||
		GetBackgroundWorkerPid(child->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(child->handle);
	child->handle = NULL;
	wait_to_start(child, GetCurrentTimestamp());
}

/*
 * es_child_start
 *		Starts a child that does not run, if it is time to.
 */
void
es_child_start(EsChild *child, BackgroundWorker *process)
{
	TimestampTz now = GetCurrentTimestamp();

	if (child->handle != NULL || now < child->start_again_at)
		return;
	child->started_at = now;
	if (RegisterDynamicBackgroundWorker(process, &child->handle))
		return;
	child->handle = NULL;
	wait_to_start(child, now);
	ereport(LOG,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("could not start process \"%s\": all worker processes are in use",
					process->bgw_name),
			 errhint("Raise max_worker_processes.")));
}

/*
 * es_child_stop
 *		Ends a child.
 */
void
es_child_stop(EsChild *child)
{
	if (child->handle != NULL)
		TerminateBackgroundWorker(child->handle);
}
