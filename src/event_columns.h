/*-------------------------------------------------------------------------
 *
 * event_columns.h
 *	  An event's columns in results.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_columns.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_EVENT_COLUMNS_H
#define ES_EVENT_COLUMNS_H

#include "executor/tuptable.h"

#include "upcast.h"

typedef struct EsEventColumns EsEventColumns;

extern Oid es_event_type(void);
extern EsEventColumns *es_event_columns(Oid type, const AttrNumber *wanted,
										int nwanted, EsUpcasting *upcasting);
extern bool es_event_columns_want_stream(const EsEventColumns *columns);
extern void es_event_columns_fill(EsEventColumns *columns, TupleTableSlot *event,
								  text *stream, Datum *values, bool *nulls);

#endif /* ES_EVENT_COLUMNS_H */
