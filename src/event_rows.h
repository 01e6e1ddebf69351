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

/* An array of them that grows. */
typedef struct EsEventArray
{
	Oid element_type;
	int n;
	Size bytes; /* of it so far */
	Size size;	/* that are allocated for it */
	char *array;
} EsEventArray;

extern EsEventRows *es_event_rows_begin(EsUpcasting *upcasting);
extern Datum es_event_row(EsEventRows *rows, TupleTableSlot *event, text *stream);
extern void es_event_array_begin(EsEventArray *array);
extern void es_event_array_add(EsEventArray *array, Datum event);
extern void es_event_array_add_row(EsEventArray *array, EsEventRows *rows,
								   TupleTableSlot *event, text *stream);
extern Datum es_event_array_value(EsEventArray *array);

#endif /* ES_EVENT_ROWS_H */
