/*-------------------------------------------------------------------------
 *
 * attempts.h
 *	  How often, and after what time, what failed is tried again.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/attempts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_ATTEMPTS_H
#define ES_ATTEMPTS_H

#include "fmgr.h"
#include "utils/timestamp.h"

extern void es_check_attempts(FunctionCallInfo fcinfo, int max_attempts,
							  int retry_delay);
extern int64 es_interval_microseconds(const Interval *interval);
extern int64 es_delay_after(int64 retry_delay, int32 attempts);

#endif /* ES_ATTEMPTS_H */
