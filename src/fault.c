/*-------------------------------------------------------------------------
 *
 * fault.c
 *	  Places in the code that a test can make fail.
 *
 * The setting event_store.fault, which only a build with fault points has, says
 * where and how: 'point, kind', such as 'locks: mark locked, cancel'.  The
 * next time that point is passed, it
 *
 *	 memory		raises what a failed allocation raises
 *	 cancel		handles a cancel request
 *	 terminate	handles a request to end the session
 *	 wait		waits for the advisory lock 1, which the test holds, until
 *				lock_timeout or statement_timeout ends that, or the lock is free
 *	 crash		kills the process
 *
 * The setting event_store.faults_done counts how often one has failed, and
 * event_store.fault_points_passed names the points that the session has passed,
 * so that a test can try them all.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/fault.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef ES_FAULT_POINTS

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "fault.h"

/* Setting event_store.fault, 'point, kind' or empty; reset by SET. */
static char *fault;

/* Whether it has failed since it was set. */
static bool spent = false;

/* Setting event_store.faults_done: how many have happened. */
static int faults_done = 0;

/* Setting event_store.fault_points_passed: names, one a line. */
static char *points_passed;

/* The names, kept for the session; each once. */
static StringInfoData passed;

/*
 * show_passed
 *		Show hook: the points that were passed since the library was loaded.
 */
static const char *
show_passed(void)
{
	return passed.data;
}

/*
 * renew
 *		Assign hook: a fault that is set is to happen.
 */
static void
renew(const char *newval, void *extra)
{
	spent = false;
}

/*
 * es_faults_init
 *		Called once when the library is loaded.
 */
void
es_faults_init(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

	initStringInfo(&passed);
	MemoryContextSwitchTo(caller);
	DefineCustomStringVariable("event_store.fault",
							   "Makes a place in the code fail once: 'point, kind'.",
							   NULL, &fault, "", PGC_SUSET, 0, NULL, renew, NULL);
	DefineCustomIntVariable("event_store.faults_done",
							"How many faults have happened in the session.",
							NULL, &faults_done, 0, 0, INT_MAX, PGC_INTERNAL, 0,
							NULL, NULL, NULL);
	DefineCustomStringVariable("event_store.fault_points_passed",
							   "The fault points that the session has passed.",
							   NULL, &points_passed, "", PGC_SUSET, 0, NULL,
							   NULL, show_passed);
}

/*
 * remember
 *		Notes that a point was passed.
 */
static void
remember(const char *name)
{
	const char *found = strstr(passed.data, name);

	/* no name is the end of another, and each has a line of its own */
	if (found == NULL || found[strlen(name)] != '\n')
		appendStringInfo(&passed, "%s\n", name);
}

/*
 * fail
 *		Does what the kind of fault says.
 */
static void
fail(const char *kind)
{
	if (strcmp(kind, "memory") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				 errdetail("Failed at a fault point.")));
	else if (strcmp(kind, "cancel") == 0)
	{
		InterruptPending = true;
		QueryCancelPending = true;
	}
	else if (strcmp(kind, "terminate") == 0)
	{
		InterruptPending = true;
		ProcDiePending = true;
	}
	else if (strcmp(kind, "wait") == 0)
		(void) DirectFunctionCall1(pg_advisory_xact_lock_int8, Int64GetDatum(1));
	else if (strcmp(kind, "crash") == 0)
		(void) kill(getpid(), SIGKILL);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of fault: \"%s\"", kind)));
	CHECK_FOR_INTERRUPTS();
}

/*
 * es_fault_point
 *		Fails, if the setting says so: once, so that what handles the failure may
 *		pass the same point.
 */
void
es_fault_point(const char *name)
{
	char kind[16];
	size_t len = strlen(name);

	remember(name);
	if (spent || strncmp(fault, name, len) != 0 || fault[len] != ',' ||
		fault[len + 1] != ' ')
		return;
	strlcpy(kind, fault + len + 2, sizeof(kind));
	spent = true;
	faults_done++;
	fail(kind);
}

/*
 * es_fault_point_of
 *		A point that is passed for several tables, each with a name of its own.
 */
void
es_fault_point_of(const char *table, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "%s: %s", table, what);
	es_fault_point(name);
}

#endif /* ES_FAULT_POINTS */
