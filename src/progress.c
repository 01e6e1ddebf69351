/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  How far a call that takes long has come.
 *
 * It is told to the caller, as notices at intervals.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/progress.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "progress.h"

/* How many steps pass before the clock is looked at. */
#define STEPS_BETWEEN_LOOKS 1000

/* Setting event_store.progress_interval, in milliseconds; reset by SET. */
static int progress_interval = 10000;

/*
 * es_progress_init
 *		Called once when the library is loaded.
 */
void
es_progress_init(void)
{
	DefineCustomIntVariable("event_store.progress_interval",
							"How often a call that takes long tells how far it has come.",
							"0 tells it as often as the call looks at the clock, -1 never.",
							&progress_interval, 10000, -1, INT_MAX, PGC_USERSET,
							GUC_UNIT_MS, NULL, NULL, NULL);
}

/*
 * es_progress_begin
 *		Starts a step of a call.
 */
void
es_progress_begin(EsProgress *progress, const char *call, const char *things,
				  int64 total, bool estimated)
{
	progress->call = call;
	progress->things = things;
	progress->estimated = estimated;
	progress->done = 0;
	progress->total = total;
	progress->reported_at = GetCurrentTimestamp();
}

/*
 * report
 *		Tells how far the call has come, if it is time to.
 */
static void
report(EsProgress *progress)
{
	TimestampTz now;

	if (progress_interval < 0)
		return;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(progress->reported_at, now, progress_interval))
		return;
	progress->reported_at = now;
	ereport(NOTICE,
			(errmsg("%s: %lld of %s%lld %s", progress->call,
					(long long) progress->done, progress->estimated ? "about " : "",
					(long long) Max(progress->total, progress->done),
					progress->things)));
}

/*
 * es_progress_step
 *		Counts one thing more.
 */
void
es_progress_step(EsProgress *progress)
{
	progress->done++;
	if (progress->done % STEPS_BETWEEN_LOOKS == 0)
		report(progress);
}
