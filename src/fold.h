/*-------------------------------------------------------------------------
 *
 * fold.h
 *	  Applying events to a state, one after the other.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/fold.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_FOLD_H
#define ES_FOLD_H

#include "executor/tuptable.h"

#include "aggregate_type.h"
#include "append.h"

typedef struct EsFold EsFold;

extern EsFold *es_fold_begin(EsAggregateType *type, text *stream, Datum state);
extern void es_fold_event(EsFold *fold, TupleTableSlot *event);
extern void es_fold_new_event(EsFold *fold, const EsNewEvent *new_event,
							  int64 version, Datum metadata);
extern Datum es_fold_state(const EsFold *fold);
extern Datum es_fold_end(EsFold *fold);

#endif /* ES_FOLD_H */
