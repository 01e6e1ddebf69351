/*-------------------------------------------------------------------------
 *
 * result_rows.h
 *	  Rows of the store's composite types.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/result_rows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_RESULT_ROWS_H
#define ES_RESULT_ROWS_H

#include "access/htup_details.h"
#include "nodes/execnodes.h"

extern HeapTuple es_form_row(TupleDesc desc, const Datum *values,
							 const bool *nulls, int n);
extern void es_put_row(ReturnSetInfo *result, const Datum *values,
					   const bool *nulls, int n);

#endif /* ES_RESULT_ROWS_H */
