/*-------------------------------------------------------------------------
 *
 * event_rows.c
 *	  Stored events as values of the type event.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "event_columns.h"
#include "event_rows.h"

struct EsEventRows
{
	TupleDesc desc;
	EsEventColumns *columns;
	Datum *values;
	bool *nulls;
};

/*
 * es_event_rows_begin
 *		Gets ready to make stored events values; the table of events must be locked.
 *		Events are given as the upcasting makes them; NULL: as they are stored.
 */
EsEventRows *
es_event_rows_begin(EsUpcasting *upcasting)
{
	EsEventRows *rows = palloc(sizeof(EsEventRows));
	AttrNumber *wanted;
	int natts;

	rows->desc = lookup_rowtype_tupdesc_copy(es_event_type(), -1);
	BlessTupleDesc(rows->desc);
	natts = rows->desc->natts;
	wanted = palloc(natts * sizeof(AttrNumber));
	for (int i = 0; i < natts; i++)
		wanted[i] = i + 1;
	rows->columns =
		es_event_columns(rows->desc->tdtypeid, wanted, natts, upcasting);
	rows->values = palloc(natts * sizeof(Datum));
	rows->nulls = palloc(natts * sizeof(bool));
	return rows;
}

/*
 * es_event_row
 *		A stored event as a value, in the current memory context.
 */
Datum
es_event_row(EsEventRows *rows, TupleTableSlot *event, text *stream)
{
	es_event_columns_fill(rows->columns, event, stream, rows->values,
						  rows->nulls);
	return HeapTupleGetDatum(
		heap_form_tuple(rows->desc, rows->values, rows->nulls));
}

/*
 * es_event_array_begin
 *		Begins an array of events in the current memory context.
 */
void
es_event_array_begin(EsEventArray *array)
{
	array->element_type = es_event_type();
	array->n = 0;
	array->size = 64;
	array->items = palloc(array->size * sizeof(Datum));
	array->bytes = 0;
}

/*
 * es_event_array_add
 *		Adds an event, which must live as long as the array.
 */
void
es_event_array_add(EsEventArray *array, Datum event)
{
	if (array->n == array->size)
	{
		array->size *= 2;
		array->items = repalloc_huge(array->items, array->size * sizeof(Datum));
	}
	array->items[array->n++] = event;
	array->bytes +=
		MAXALIGN(HeapTupleHeaderGetDatumLength(DatumGetHeapTupleHeader(event)));
}

/*
 * es_event_array_value
 *		The array as a value, in the current memory context.
 */
Datum
es_event_array_value(const EsEventArray *array)
{
	Size size = ARR_OVERHEAD_NONULLS(1) + array->bytes;
	ArrayType *result;
	char *to;

	if (array->n == 0)
		return PointerGetDatum(construct_empty_array(array->element_type));
	result = palloc(size);
	SET_VARSIZE(result, size);
	result->ndim = 1;
	result->dataoffset = 0;
	result->elemtype = array->element_type;
	ARR_DIMS(result)[0] = array->n;
	ARR_LBOUND(result)[0] = 1;
	to = ARR_DATA_PTR(result);
	for (int i = 0; i < array->n; i++)
	{
		HeapTupleHeader event = DatumGetHeapTupleHeader(array->items[i]);
		Size length = HeapTupleHeaderGetDatumLength(event);

		memcpy(to, event, length);
		memset(to + length, 0, MAXALIGN(length) - length);
		to += MAXALIGN(length);
	}
	return PointerGetDatum(result);
}
