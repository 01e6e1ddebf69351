/*-------------------------------------------------------------------------
 *
 * list_streams.c
 *	  The SQL call that lists streams.
 *
 * Streams are listed in the byte order of their names, by the index on them.
 * The streams of a category are the one that is named like it and those whose
 * names begin with it and a "-", which stand together but for names in which
 * another character below "-" follows; those are of other categories and are
 * passed over.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/list_streams.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "compat.h"
#include "result_rows.h"
#include "store.h"
#include "stream.h"

PG_FUNCTION_INFO_V1(event_store_list_streams);

/* Where a listing starts and ends, by name. */
typedef struct NameRange
{
	text *category;		/* NULL: all */
	text *after_stream; /* NULL: from the start */
	int nkeys;
	ScanKeyData keys[3];
} NameRange;

/*
 * add_bound
 *		Adds a bound to a range of names.
 */
static void
add_bound(NameRange *range, Relation index, StrategyNumber strategy,
		  RegProcedure function, text *bound)
{
	ScanKeyEntryInitialize(&range->keys[range->nkeys++], 0, 1, strategy,
						   InvalidOid, index->rd_indcollation[0], function,
						   PointerGetDatum(bound));
}

/*
 * set_bounds
 *		The range's scan keys: from the category's name to just before the
 *		name followed by the byte after "-".
 */
static void
set_bounds(NameRange *range, Relation index)
{
	if (range->after_stream != NULL)
		add_bound(range, index, BTGreaterStrategyNumber, F_TEXT_GT,
				  range->after_stream);
	if (range->category != NULL)
	{
		char *end = psprintf("%s%c", text_to_cstring(range->category), '-' + 1);

		add_bound(range, index, BTGreaterEqualStrategyNumber, F_TEXT_GE,
				  range->category);
		add_bound(range, index, BTLessStrategyNumber, F_TEXT_LT,
				  cstring_to_text(end));
	}
}

/*
 * is_of_category
 *		Whether a stream belongs to a category.
 */
static bool
is_of_category(const text *stream, const text *category)
{
	int len = VARSIZE_ANY_EXHDR(category);

	return es_category_length(VARDATA_ANY(stream), VARSIZE_ANY_EXHDR(stream)) ==
		len &&
		memcmp(VARDATA_ANY(stream), VARDATA_ANY(category), len) == 0;
}

/*
 * put_stream_row
 *		Adds a stream to the result.
 */
static void
put_stream_row(ReturnSetInfo *result, Relation events, TupleTableSlot *slot)
{
	EsStream stream = {0};
	EsHead head;
	Datum values[3];
	bool nulls[3] = {false, false, false};

	stream.stream_id = DatumGetInt64(es_column(slot, ES_STREAMS, STR_STREAM_ID));
	stream.base_version =
		DatumGetInt64(es_column(slot, ES_STREAMS, STR_BASE_VERSION));
	es_stream_head(events, GetActiveSnapshot(), &stream, &head);

	values[0] = es_column(slot, ES_STREAMS, STR_STREAM);
	values[1] = Int64GetDatum(head.version);
	values[2] = es_column(slot, ES_STREAMS, STR_CREATED_AT);
	es_put_row(result, values, nulls, lengthof(values));
}

/*
 * put_streams
 *		Puts the streams of a range into the result.
 */
static void
put_streams(ReturnSetInfo *result, NameRange *range, int64 max_count)
{
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	Relation index = es_store_open_index(ES_STREAMS_BY_NAME, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(streams, NULL);
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	IndexScanDesc scan;

	set_bounds(range, index);
	scan = es_index_beginscan(streams, index, GetActiveSnapshot(), range->nkeys);
	index_rescan(scan, range->keys, range->nkeys, NULL, 0);
	while (max_count > 0 && index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);
		text *stream = DatumGetTextPP(es_column(slot, ES_STREAMS, STR_STREAM));

		CHECK_FOR_INTERRUPTS();
		if (range->category == NULL || is_of_category(stream, range->category))
		{
			put_stream_row(result, events, slot);
			max_count--;
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(events, AccessShareLock);
	table_close(streams, AccessShareLock);
}

/*
 * event_store_list_streams
 *		list_streams(category, after_stream, max_count) returns setof
 *		stream_info
 *
 * As the calling query sees them, in the byte order of their names.
 */
Datum
event_store_list_streams(PG_FUNCTION_ARGS)
{
	NameRange range = {0};
	int64 max_count = es_count_argument(fcinfo, 2);

	if (!PG_ARGISNULL(0))
		range.category = PG_GETARG_TEXT_PP(0);
	if (!PG_ARGISNULL(1))
		range.after_stream = PG_GETARG_TEXT_PP(1);
	if (range.category != NULL)
		es_check_category(range.category);

	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	put_streams((ReturnSetInfo *) fcinfo->resultinfo, &range, max_count);
	return (Datum) 0;
}
