/*-------------------------------------------------------------------------
 *
 * attempts.c
 *	  How often, and after what time, what failed is tried again.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/attempts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attempts.h"
#include "check.h"

/* The longest time to the next attempt, unless the first is longer. */
#define MAX_DELAY (5 * 60 * USECS_PER_SEC)

/*
 * es_check_attempts
 *		Checks the arguments max_attempts and retry_delay, whose numbers are given;
 *		raises 22004 or 22023.
 */
void
es_check_attempts(FunctionCallInfo fcinfo, int max_attempts, int retry_delay)
{
	es_check_not_null(fcinfo, max_attempts, "max_attempts");
	if (PG_GETARG_INT32(max_attempts) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_attempts must be at least 1"),
				 errdetail("It is %d.", PG_GETARG_INT32(max_attempts))));
	es_check_not_null(fcinfo, retry_delay, "retry_delay");
	if (!es_interval_within(PG_GETARG_INTERVAL_P(retry_delay), 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("retry_delay must be between 0 and 1 day"),
				 errhint("It doubles with each attempt.")));
}

/*
 * es_interval_microseconds
 *		About how long an interval is.
 */
int64
es_interval_microseconds(const Interval *interval)
{
	return interval->time +
		(interval->day + (int64) interval->month * DAYS_PER_MONTH) *
		USECS_PER_DAY;
}

/*
 * es_delay_after
 *		How long after so many attempts the next one is, in microseconds; retry_delay is
 *		the time after the first.
 */
int64
es_delay_after(int64 retry_delay, int32 attempts)
{
	int64 most = Max(MAX_DELAY, retry_delay);
	int64 result = retry_delay;

	for (int32 i = 1; i < attempts && result < most; i++)
		result *= 2;
	return Min(result, most);
}
