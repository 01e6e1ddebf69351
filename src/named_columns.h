/*-------------------------------------------------------------------------
 *
 * named_columns.h
 *	  Rows about events, whose columns are found by their names.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/named_columns.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_NAMED_COLUMNS_H
#define ES_NAMED_COLUMNS_H

#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/tuplesort.h"

#include "upcast.h"

typedef struct EsNamedColumns EsNamedColumns;

extern EsNamedColumns *es_named_columns(TupleDesc desc, EsUpcasting *upcasting);
extern void es_named_columns_event(EsNamedColumns *columns,
								   TupleTableSlot *event, text *stream);
extern void es_named_columns_set(EsNamedColumns *columns, const char *name,
								 Datum value);
extern void es_named_columns_put(EsNamedColumns *columns, ReturnSetInfo *result);
extern Tuplesortstate *es_named_columns_begin_sort(const EsNamedColumns *columns,
												   const char *name);
extern void es_named_columns_sort(EsNamedColumns *columns, Tuplesortstate *sort);

#endif /* ES_NAMED_COLUMNS_H */
