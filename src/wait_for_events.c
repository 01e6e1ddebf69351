/*-------------------------------------------------------------------------
 *
 * wait_for_events.c
 *	  The SQL call that waits until there are events after a position.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/wait_for_events.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "utils/builtins.h"

#include "check.h"
#include "position.h"
#include "store_read.h"
#include "wait.h"
#include "worker_memory.h"

PG_FUNCTION_INFO_V1(event_store_wait_for_events);

/* Looks are at most so far apart, in milliseconds: with a worker that tells, without. */
#define TOLD_INTERVAL	1000
#define UNTOLD_INTERVAL 50

/*
 * look
 *		Whether there are events after a position that a reader could have: arrived, or
 *		NULL to go on waiting.
 */
static const char *
look(void *arg)
{
	const int64 *after_position = arg;
	EsReadRequest request = {0};
	EsStoreRead *read;
	bool arrived;

	request.range.lowest = *after_position + 1;
	request.range.highest = PG_INT64_MAX;
	request.max_count = 1;
	request.all_categories = true;
	request.ntypes = -1;
	read = es_store_read_begin(&request);
	arrived = es_store_read_next(read) != NULL;
	es_store_read_end(read);
	return arrived ? "arrived" : NULL;
}

/*
 * are_told
 *		Whether a worker tells when there are new events; says so if none does.
 */
static bool
are_told(const EsWorkers *workers)
{
	if (workers != NULL && workers->coordinator != NULL && !workers->stopped)
		return true;
	ereport(NOTICE,
			(errmsg("no worker runs in this database: looking every %d milliseconds",
					UNTOLD_INTERVAL),
			 RecoveryInProgress()
				 ? 0
				 : errhint("Start one with event_store.start_worker().")));
	return false;
}

/*
 * event_store_wait_for_events
 *		wait_for_events(after_position, timeout, INOUT outcome)
 *
 * Raises 22004, 22023, 2D000 in a transaction block, ST002, ST008, and 0A000 on a
 * standby that does not know how far events may be read.
 */
Datum
event_store_wait_for_events(PG_FUNCTION_ARGS)
{
	EsWorkers *workers = es_workers();
	int64 after_position;
	EsWait wait = {look, &after_position};

	es_check_can_wait(fcinfo, "events", "wait_for_events()");
	es_check_not_null(fcinfo, 0, "after_position");
	after_position = PG_GETARG_INT64(0);
	es_check_not_negative(after_position, "after_position");
	if (!RecoveryInProgress())
		es_check_within_store(after_position);
	after_position = Min(after_position, PG_INT64_MAX - 1);
	wait.until = es_until_argument(fcinfo, 1);
	wait.look_interval = are_told(workers) ? TOLD_INTERVAL : UNTOLD_INTERVAL;
	wait.changed = workers == NULL ? NULL : &workers->arrived;
	return es_wait(fcinfo, &wait);
}
