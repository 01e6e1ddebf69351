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

/* How large an array is at first, if the last one was not larger, and at most. */
#define FIRST_BYTES			  ((Size) 16 * 1024)
#define MOST_REMEMBERED_BYTES ((Size) 32 * 1024 * 1024)

/* How large the last array of this session became, as the next one may, too. */
static Size last_bytes = 0;

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
	array->bytes = ARR_OVERHEAD_NONULLS(1);
	array->size = Max(last_bytes, FIRST_BYTES);
	array->array = palloc(array->size);
}

/*
 * room_for
 *		Room for an event of so many bytes at the array's end; raises 54000 where an
 *		array cannot be so large.
 */
static char *
room_for(EsEventArray *array, Size bytes)
{
	Size needed = array->bytes + MAXALIGN(bytes);

	if (needed > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the events are too large for one array"),
				 errhint(
					 "Let the handler take them one at a time: (e event_store.event).")));
	while (array->size < needed)
	{
		array->size = Min(array->size * 2, MaxAllocSize);
		array->array = repalloc(array->array, array->size);
	}
	return array->array + array->bytes;
}

/*
 * take_in
 *		Counts an event that was put at the array's end.
 */
static void
take_in(EsEventArray *array, Size bytes)
{
	memset(array->array + array->bytes + bytes, 0, MAXALIGN(bytes) - bytes);
	array->bytes += MAXALIGN(bytes);
	array->n++;
}

/*
 * es_event_array_add
 *		Adds an event that is a value already.
 */
void
es_event_array_add(EsEventArray *array, Datum event)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(event);
	Size bytes = HeapTupleHeaderGetDatumLength(header);

	memcpy(room_for(array, bytes), header, bytes);
	take_in(array, bytes);
}

/*
 * es_event_array_add_row
 *		Adds a stored event.
 *
 * PostgreSQL makes the value: what the header of one has to hold changes in its minor
 * releases, too.
 */
void
es_event_array_add_row(EsEventArray *array, EsEventRows *rows,
					   TupleTableSlot *event, text *stream)
{
	HeapTuple tuple;

	es_event_columns_fill(rows->columns, event, stream, rows->values,
						  rows->nulls);
	tuple = heap_form_tuple(rows->desc, rows->values, rows->nulls);
	es_event_array_add(array, HeapTupleGetDatum(tuple));
	heap_freetuple(tuple);
}

/*
 * es_event_array_value
 *		The array as a value; it is complete.
 */
Datum
es_event_array_value(EsEventArray *array)
{
	ArrayType *result = (ArrayType *) array->array;

	if (array->n == 0)
		return PointerGetDatum(construct_empty_array(array->element_type));
	SET_VARSIZE(result, array->bytes);
	result->ndim = 1;
	result->dataoffset = 0;
	result->elemtype = array->element_type;
	ARR_DIMS(result)[0] = array->n;
	ARR_LBOUND(result)[0] = 1;
	last_bytes = Min(array->bytes, MOST_REMEMBERED_BYTES);
	return PointerGetDatum(result);
}
