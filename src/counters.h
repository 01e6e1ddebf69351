/*-------------------------------------------------------------------------
 *
 * counters.h
 *	  How often the calls of a database's store did what.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/counters.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_COUNTERS_H
#define ES_COUNTERS_H

#include "utils/timestamp.h"

typedef enum EsCounter
{
	ES_COUNT_APPENDS,
	ES_COUNT_CONFLICTS,
	ES_COUNT_RETRIES
} EsCounter;

#define ES_NUM_COUNTERS (ES_COUNT_RETRIES + 1)

extern void es_count(EsCounter counter);
extern bool es_read_counters(uint64 *values, TimestampTz *since);

#endif /* ES_COUNTERS_H */
