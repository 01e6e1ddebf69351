/*-------------------------------------------------------------------------
 *
 * probe.h
 *	  One look into a unique index for one row.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/probe.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PROBE_H
#define ES_PROBE_H

#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* Which entry a probe looks at. */
typedef enum EsProbeSide
{
	ES_PROBE_FIRST, /* the first that is not before the key */
	ES_PROBE_LAST,	/* the last that is not after it */
} EsProbeSide;

extern bool es_probe(Relation table, Relation index, Snapshot snapshot,
					 const Datum *values, int nvalues, EsProbeSide side,
					 int nequal, TupleTableSlot *slot);

#endif /* ES_PROBE_H */
