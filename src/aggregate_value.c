/*-------------------------------------------------------------------------
 *
 * aggregate_value.c
 *	  Aggregates as values of the type aggregate.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/aggregate_value.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "aggregate_value.h"
#include "check.h"
#include "result_rows.h"

/* Attributes of the type aggregate. */
typedef enum AggregateAttribute
{
	AGGREGATE_STREAM,
	AGGREGATE_STATE,
	AGGREGATE_VERSION,
	AGGREGATE_UNCOMMITTED,
	NUM_ATTRIBUTES
} AggregateAttribute;

static const char *const attribute_names[NUM_ATTRIBUTES] = {"stream", "state",
															"version",
															"uncommitted"};

/*
 * es_aggregate_result_desc
 *		The type aggregate, as the function returns it; looked up once.
 */
TupleDesc
es_aggregate_result_desc(FunctionCallInfo fcinfo)
{
	TupleDesc desc;
	MemoryContext caller;

	if (fcinfo->flinfo->fn_extra != NULL)
		return fcinfo->flinfo->fn_extra;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts < NUM_ATTRIBUTES)
		elog(ERROR, "return type must be a row type");
	fcinfo->flinfo->fn_extra = BlessTupleDesc(desc);
	MemoryContextSwitchTo(caller);
	return fcinfo->flinfo->fn_extra;
}

/*
 * es_new_event_type
 *		OID of the type new_event, whose array uncommitted is.
 */
Oid
es_new_event_type(TupleDesc desc)
{
	return get_element_type(TupleDescAttr(desc, AGGREGATE_UNCOMMITTED)->atttypid);
}

/*
 * es_aggregate_tuple
 *		An aggregate as a row of its type.
 */
HeapTuple
es_aggregate_tuple(TupleDesc desc, const EsAggregate *aggregate)
{
	Datum values[NUM_ATTRIBUTES];
	bool nulls[NUM_ATTRIBUTES] = {false};
	ArrayType *uncommitted = aggregate->uncommitted;

	if (uncommitted == NULL)
		uncommitted = construct_empty_array(es_new_event_type(desc));
	values[AGGREGATE_STREAM] = PointerGetDatum(aggregate->stream);
	values[AGGREGATE_STATE] = aggregate->state;
	values[AGGREGATE_VERSION] = Int64GetDatum(aggregate->version);
	values[AGGREGATE_UNCOMMITTED] = PointerGetDatum(uncommitted);
	return es_form_row(desc, values, nulls, lengthof(values));
}

/*
 * es_aggregate_datum
 *		An aggregate as a value of its type.
 */
Datum
es_aggregate_datum(TupleDesc desc, const EsAggregate *aggregate)
{
	return HeapTupleGetDatum(es_aggregate_tuple(desc, aggregate));
}

/*
 * raise_null
 *		22004: an attribute of an aggregate that was passed is null.
 */
static void
raise_null(AggregateAttribute number)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s of an aggregate must not be null",
					attribute_names[number]),
			 errhint("Pass what event_store.load() returned.")));
}

/*
 * es_aggregate_read
 *		Takes an aggregate that was passed apart; returns its type, to be released.
 */
TupleDesc
es_aggregate_read(HeapTupleHeader header, EsAggregate *aggregate)
{
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),
						   .t_data = header};
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *nulls = palloc(desc->natts * sizeof(bool));

	if (desc->natts < NUM_ATTRIBUTES)
		elog(ERROR, "an aggregate has %d attributes", desc->natts);
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (AggregateAttribute i = 0; i < NUM_ATTRIBUTES; i++)
	{
		if (nulls[i])
			raise_null(i);
	}
	aggregate->stream = DatumGetTextPP(values[AGGREGATE_STREAM]);
	es_check_stream(aggregate->stream, "aggregate");
	aggregate->state = values[AGGREGATE_STATE];
	aggregate->version = DatumGetInt64(values[AGGREGATE_VERSION]);
	es_check_not_negative(aggregate->version, "version");
	aggregate->uncommitted = DatumGetArrayTypeP(values[AGGREGATE_UNCOMMITTED]);
	pfree(values);
	pfree(nulls);
	return desc;
}

/*
 * es_aggregate_argument
 *		The aggregate that was passed; raises 22004 for a null.
 */
HeapTupleHeader
es_aggregate_argument(FunctionCallInfo fcinfo)
{
	es_check_not_null(fcinfo, 0, "aggregate");
	return PG_GETARG_HEAPTUPLEHEADER(0);
}

/*
 * es_aggregate_uncommitted
 *		How many events were added and not saved.
 */
int
es_aggregate_uncommitted(const EsAggregate *aggregate)
{
	return ArrayGetNItems(ARR_NDIM(aggregate->uncommitted),
						  ARR_DIMS(aggregate->uncommitted));
}
