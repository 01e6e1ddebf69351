/*-------------------------------------------------------------------------
 *
 * read_store.c
 *	  The SQL calls that read categories and the whole store in global order.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/read_store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "call_scan.h"
#include "check.h"
#include "event_columns.h"
#include "position.h"
#include "store_read.h"
#include "upcast.h"

PG_FUNCTION_INFO_V1(event_store_read_category);
PG_FUNCTION_INFO_V1(event_store_read_all);
PG_FUNCTION_INFO_V1(event_store_safe_position);

/* A read as a call, see call_scan.h. */
typedef struct StoreCall
{
	EsStoreRead *read;
	EsEventColumns *columns;
} StoreCall;

/*
 * begin_call
 *		Begins to read what a call asks for.
 */
static void *
begin_call(const EsReadRequest *request, Oid type, const AttrNumber *wanted,
		   int nwanted)
{
	StoreCall *call = palloc(sizeof(StoreCall));

	call->read = es_store_read_begin(request);
	call->columns =
		es_event_columns(type, wanted, nwanted, es_upcasting(request->raw));
	if (es_event_columns_want_stream(call->columns))
		es_store_read_with_streams(call->read);
	return call;
}

/*
 * next_row
 *		The columns of the next event.
 */
static bool
next_row(void *arg, Datum *values, bool *nulls)
{
	StoreCall *call = arg;
	TupleTableSlot *slot = es_store_read_next(call->read);
	text *stream = NULL;

	if (slot == NULL)
		return false;
	if (es_event_columns_want_stream(call->columns))
		stream = es_store_read_stream(call->read, slot);
	es_event_columns_fill(call->columns, slot, stream, values, nulls);
	return true;
}

/*
 * rewind_call
 *		Starts over.
 */
static void
rewind_call(void *arg)
{
	es_store_read_rewind(((StoreCall *) arg)->read);
}

/*
 * end_call
 *		Frees what a read holds.
 */
static void
end_call(void *arg)
{
	es_store_read_end(((StoreCall *) arg)->read);
}

/*
 * set_window
 *		A read's bounds, given as exclusive ones, and its order and limit.
 */
static void
set_window(EsReadRequest *request, FunctionCallInfo fcinfo, int after,
		   int before, int max_count, int backwards)
{
	int64 after_position = es_bigint_argument(fcinfo, after, 0);
	int64 before_position = es_bigint_argument(fcinfo, before, PG_INT64_MAX);

	es_check_not_negative(after_position, "after_position");
	es_check_not_negative(before_position, "before_position");
	request->after_position = after_position;
	request->range.lowest =
		after_position < PG_INT64_MAX ? after_position + 1 : PG_INT64_MAX;
	request->range.highest = before_position > 0 ? before_position - 1 : 0;
	request->range.backwards = es_boolean_argument(fcinfo, backwards);
	request->max_count = es_count_argument(fcinfo, max_count);
}

/*
 * begin_read_category
 *		read_category(category, after_position, max_count, before_position,
 *		types, backwards, raw)
 */
static void *
begin_read_category(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
					int nwanted)
{
	EsReadRequest request = {0};

	es_check_not_null(fcinfo, 0, "category");
	request.ncategories = 1;
	request.categories = palloc(sizeof(text *));
	request.categories[0] = PG_GETARG_TEXT_PP(0);
	es_check_category(request.categories[0]);
	request.ntypes = PG_ARGISNULL(4)
		? -1
		: es_distinct_texts(PG_GETARG_ARRAYTYPE_P(4), "types", &request.types);
	set_window(&request, fcinfo, 1, 3, 2, 5);
	request.raw = es_boolean_argument(fcinfo, 6);
	return begin_call(&request, type, wanted, nwanted);
}

/*
 * begin_read_all
 *		read_all(after_position, max_count, categories, types, backwards,
 *		before_position, raw)
 */
static void *
begin_read_all(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
			   int nwanted)
{
	EsReadRequest request = {0};

	request.all_categories = PG_ARGISNULL(2);
	if (!request.all_categories)
		request.ncategories =
			es_distinct_texts(PG_GETARG_ARRAYTYPE_P(2), "categories",
							  &request.categories);
	for (int i = 0; i < request.ncategories; i++)
		es_check_category(request.categories[i]);
	request.ntypes = PG_ARGISNULL(3)
		? -1
		: es_distinct_texts(PG_GETARG_ARRAYTYPE_P(3), "types", &request.types);
	set_window(&request, fcinfo, 0, 5, 1, 4);
	request.raw = es_boolean_argument(fcinfo, 6);
	return begin_call(&request, type, wanted, nwanted);
}

const EsCallMethods es_read_category_call = {event_store_read_category,
											 "event_store_read_category",
											 begin_read_category,
											 next_row,
											 rewind_call,
											 end_call};
const EsCallMethods es_read_all_call = {event_store_read_all,
										"event_store_read_all",
										begin_read_all,
										next_row,
										rewind_call,
										end_call};

/*
 * event_store_read_category
 *		See begin_read_category(); returns setof event.
 */
Datum
event_store_read_category(PG_FUNCTION_ARGS)
{
	return es_put_rows(fcinfo, &es_read_category_call);
}

/*
 * event_store_read_all
 *		See begin_read_all(); returns setof event.
 */
Datum
event_store_read_all(PG_FUNCTION_ARGS)
{
	return es_put_rows(fcinfo, &es_read_all_call);
}

/*
 * event_store_safe_position
 *		safe_position() returns bigint
 */
Datum
event_store_safe_position(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(es_safe_position(PG_INT64_MAX));
}
