/*-------------------------------------------------------------------------
 *
 * stats.h
 *	  How large the store is.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stats.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_STATS_H
#define ES_STATS_H

#include "utils/relcache.h"

extern int64 es_estimate_rows(Relation rel);

#endif /* ES_STATS_H */
