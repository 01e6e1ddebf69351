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

#include "access/nbtree.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

extern bool es_probe_allows(Snapshot snapshot);
extern BTStack es_probe_descend(Relation table, Relation index,
								const Datum *values, int nvalues, Buffer *buffer);
extern bool es_probe(Relation table, Relation index, Snapshot snapshot,
					 Datum value, TupleTableSlot *slot);

#endif /* ES_PROBE_H */
