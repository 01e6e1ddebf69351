/*-------------------------------------------------------------------------
 *
 * result_rows.c
 *	  Rows of the store's composite types.
 *
 * The types grow at their end from release to release, while an old library
 * may still serve a new type: attributes beyond those it knows are NULL.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/result_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "result_rows.h"

/*
 * es_form_row
 *		A row whose first n attributes are given, and NULL from there on.
 */
HeapTuple
es_form_row(TupleDesc desc, const Datum *values, const bool *nulls, int n)
{
	Datum *all_values = palloc0(desc->natts * sizeof(Datum));
	bool *all_nulls = palloc(desc->natts * sizeof(bool));
	HeapTuple row;

	for (int i = 0; i < desc->natts; i++)
	{
		all_nulls[i] = i >= n || nulls[i];
		if (!all_nulls[i])
			all_values[i] = values[i];
	}
	row = heap_form_tuple(desc, all_values, all_nulls);
	pfree(all_values);
	pfree(all_nulls);
	return row;
}

/*
 * es_put_row
 *		Adds such a row to a call's result.
 */
void
es_put_row(ReturnSetInfo *result, const Datum *values, const bool *nulls, int n)
{
	HeapTuple row = es_form_row(result->setDesc, values, nulls, n);

	tuplestore_puttuple(result->setResult, row);
	heap_freetuple(row);
}

/*
 * es_put_rows
 *		Runs a call to its end and puts all of its rows into a set-returning
 *		function's result.
 */
Datum
es_put_rows(FunctionCallInfo fcinfo, const EsCallMethods *methods)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	int natts;
	AttrNumber *wanted;
	Datum *values;
	bool *nulls;
	void *call;

	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	natts = result->setDesc->natts;
	wanted = palloc(natts * sizeof(AttrNumber));
	for (int i = 0; i < natts; i++)
		wanted[i] = i + 1;
	values = palloc(natts * sizeof(Datum));
	nulls = palloc(natts * sizeof(bool));

	call = methods->begin(fcinfo, result->setDesc->tdtypeid, wanted, natts);
	MemoryContextSwitchTo(row_context);
	while (methods->next(call, values, nulls))
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(caller);
	methods->end(call);
	MemoryContextDelete(row_context);
	return (Datum) 0;
}
