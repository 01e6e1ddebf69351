/*-------------------------------------------------------------------------
 *
 * event_rows.h
 *	  Stored events as values of the type event.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_rows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_EVENT_ROWS_H
#define ES_EVENT_ROWS_H

#include "executor/tuptable.h"

#include "upcast.h"

typedef struct EsEventRows EsEventRows;

/* Many of them, to be made an array. */
typedef struct EsEventArray
{
	Oid element_type;
	int n;
	int size;	  /* of the following */
	Datum *items; /* in the memory context of the array */
	Size bytes;
} EsEventArray;

extern EsEventRows *es_event_rows_begin(EsUpcasting *upcasting);
extern Datum es_event_row(EsEventRows *rows, TupleTableSlot *event, text *stream);
extern void es_event_array_begin(EsEventArray *array);
extern void es_event_array_add(EsEventArray *array, Datum event);
extern Datum es_event_array_value(const EsEventArray *array);

#endif /* ES_EVENT_ROWS_H */
