/*-------------------------------------------------------------------------
 *
 * named_columns.c
 *	  Rows about events, whose columns are found by their names.
 *
 * The result of a call has columns that are named as an event's attributes, and
 * others that the call fills in.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/named_columns.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "event_columns.h"
#include "named_columns.h"

struct EsNamedColumns
{
	TupleDesc desc;
	EsEventColumns *columns;
	Datum *values;
	bool *nulls;
	TupleTableSlot *slot; /* for a sort; made by its first row */
};

/*
 * es_named_columns
 *		For rows of a composite type; the table of events must be locked.  Events are
 *		given as the upcasting makes them.
 */
EsNamedColumns *
es_named_columns(TupleDesc desc, EsUpcasting *upcasting)
{
	EsNamedColumns *columns = palloc0(sizeof(EsNamedColumns));
	AttrNumber *wanted = palloc(desc->natts * sizeof(AttrNumber));

	for (int i = 0; i < desc->natts; i++)
		wanted[i] = i + 1;
	columns->desc = desc;
	columns->columns =
		es_event_columns(desc->tdtypeid, wanted, desc->natts, upcasting);
	columns->values = palloc(desc->natts * sizeof(Datum));
	columns->nulls = palloc(desc->natts * sizeof(bool));
	return columns;
}

/*
 * es_named_columns_event
 *		Begins a row with what is an event's; the rest is null.
 */
void
es_named_columns_event(EsNamedColumns *columns, TupleTableSlot *event,
					   text *stream)
{
	es_event_columns_fill(columns->columns, event, stream, columns->values,
						  columns->nulls);
}

/*
 * es_named_columns_set
 *		Fills in the column of a name; a value of 0 is null.
 */
void
es_named_columns_set(EsNamedColumns *columns, const char *name, Datum value)
{
	for (int i = 0; i < columns->desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(columns->desc, i)->attname), name) != 0)
			continue;
		columns->values[i] = value;
		columns->nulls[i] = DatumGetPointer(value) == NULL;
	}
}

/*
 * es_named_columns_put
 *		Adds the row to a call's result.
 */
void
es_named_columns_put(EsNamedColumns *columns, ReturnSetInfo *result)
{
	tuplestore_putvalues(result->setResult, columns->desc, columns->values,
						 columns->nulls);
}

/*
 * es_named_columns_begin_sort
 *		A sort of such rows by the column of a name, a bigint.
 */
Tuplesortstate *
es_named_columns_begin_sort(const EsNamedColumns *columns, const char *name)
{
	AttrNumber attnum = 1;
	Oid less = Int8LessOperator;
	Oid collation = InvalidOid;
	bool nulls_first = false;

	while (strcmp(NameStr(TupleDescAttr(columns->desc, attnum - 1)->attname),
				  name) != 0)
		attnum++;
	return tuplesort_begin_heap(columns->desc, 1, &attnum, &less, &collation,
								&nulls_first, work_mem, NULL,
								TUPLESORT_ALLOWBOUNDED);
}

/*
 * es_named_columns_sort
 *		Adds the row to a sort.
 */
void
es_named_columns_sort(EsNamedColumns *columns, Tuplesortstate *sort)
{
	if (columns->slot == NULL)
	{
		MemoryContext caller =
			MemoryContextSwitchTo(GetMemoryChunkContext(columns));

		columns->slot = MakeSingleTupleTableSlot(columns->desc, &TTSOpsVirtual);
		MemoryContextSwitchTo(caller);
	}
	ExecClearTuple(columns->slot);
	memcpy(columns->slot->tts_values, columns->values,
		   columns->desc->natts * sizeof(Datum));
	memcpy(columns->slot->tts_isnull, columns->nulls,
		   columns->desc->natts * sizeof(bool));
	ExecStoreVirtualTuple(columns->slot);
	tuplesort_puttupleslot(sort, columns->slot);
}
