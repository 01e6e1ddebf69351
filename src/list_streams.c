/*-------------------------------------------------------------------------
 *
 * list_streams.c
 *	  The SQL call that lists streams.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/list_streams.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "compat.h"
#include "result_rows.h"
#include "store.h"
#include "stream_list.h"

PG_FUNCTION_INFO_V1(event_store_list_streams);

/*
 * put_stream_row
 *		Adds a stream to the result.
 */
static void
put_stream_row(ReturnSetInfo *result, Relation events, const text *stream,
			   const EsStream *row)
{
	EsHead head;
	Datum values[3];
	bool nulls[3] = {false, false, false};

	es_stream_head(events, GetActiveSnapshot(), row, &head);
	values[0] = PointerGetDatum(stream);
	values[1] = Int64GetDatum(head.version);
	values[2] = TimestampTzGetDatum(row->created_at);
	es_put_row(result, values, nulls, lengthof(values));
}

/*
 * put_streams
 *		Puts streams into the result.
 */
static void
put_streams(ReturnSetInfo *result, text *category, text *after_stream,
			int64 max_count)
{
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	EsStreamList *list = es_stream_list_begin(category, after_stream);
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	text *stream;
	EsStream row;

	while (max_count-- > 0 && (stream = es_stream_list_next(list, &row)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);

		put_stream_row(result, events, stream, &row);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
	es_stream_list_end(list);
	table_close(events, AccessShareLock);
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
	text *category = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	text *after_stream = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	int64 max_count = es_count_argument(fcinfo, 2);

	if (category != NULL)
		es_check_category(category);
	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	put_streams((ReturnSetInfo *) fcinfo->resultinfo, category, after_stream,
				max_count);
	return (Datum) 0;
}
