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
#include "storage/buf.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

extern Buffer es_probe_descend(Relation table, Relation index,
							   const Datum *values, int nvalues);
extern bool es_probe(Relation table, Relation index, Snapshot snapshot,
					 Datum value, TupleTableSlot *slot);

#endif /* ES_PROBE_H */
