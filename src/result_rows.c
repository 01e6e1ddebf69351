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
