/*-------------------------------------------------------------------------
 *
 * aggregate_value.h
 *	  Aggregates as values of the type aggregate.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/aggregate_value.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_AGGREGATE_VALUE_H
#define ES_AGGREGATE_VALUE_H

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/array.h"

typedef struct EsAggregate
{
	text *stream;
	Datum state;
	int64 version;			/* of the last event that is stored */
	ArrayType *uncommitted; /* NULL for none */
} EsAggregate;

extern TupleDesc es_aggregate_result_desc(FunctionCallInfo fcinfo);
extern Oid es_new_event_type(TupleDesc desc);
extern HeapTuple es_aggregate_tuple(TupleDesc desc, const EsAggregate *aggregate);
extern Datum es_aggregate_datum(TupleDesc desc, const EsAggregate *aggregate);
extern TupleDesc es_aggregate_read(HeapTupleHeader header,
								   EsAggregate *aggregate);
extern HeapTupleHeader es_aggregate_argument(FunctionCallInfo fcinfo);
extern int es_aggregate_uncommitted(const EsAggregate *aggregate);

#endif /* ES_AGGREGATE_VALUE_H */
