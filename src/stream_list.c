/*-------------------------------------------------------------------------
 *
 * stream_list.c
 *	  Going through streams by their names.
 *
 * Streams are listed in the byte order of their names, by the index on them.
 * The streams of a category are the one that is named like it and those whose
 * names begin with it and a "-", which stand together but for names in which
 * another character below "-" follows; those are of other categories and are
 * passed over.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream_list.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "store.h"
#include "stream_list.h"

struct EsStreamList
{
	text *category; /* NULL: all */
	Relation streams;
	Relation index;
	TupleTableSlot *slot;
	IndexScanDesc scan;
	int nkeys;
	ScanKeyData keys[3];
};

/*
 * add_bound
 *		Adds a bound to a list's range of names.
 */
static void
add_bound(EsStreamList *list, StrategyNumber strategy, RegProcedure function,
		  text *bound)
{
	ScanKeyEntryInitialize(&list->keys[list->nkeys++], 0, 1, strategy,
						   InvalidOid, list->index->rd_indcollation[0],
						   function, PointerGetDatum(bound));
}

/*
 * set_bounds
 *		The scan keys of a list: from the category's name to just before the
 *		name followed by the byte after "-".
 */
static void
set_bounds(EsStreamList *list, text *after_stream)
{
	if (after_stream != NULL)
		add_bound(list, BTGreaterStrategyNumber, F_TEXT_GT, after_stream);
	if (list->category != NULL)
	{
		char *end = psprintf("%s%c", text_to_cstring(list->category), '-' + 1);

		add_bound(list, BTGreaterEqualStrategyNumber, F_TEXT_GE, list->category);
		add_bound(list, BTLessStrategyNumber, F_TEXT_LT, cstring_to_text(end));
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
 * es_stream_list_begin
 *		Starts with the first stream, or the first of a category, after another, as
 *		the active snapshot sees them.
 */
EsStreamList *
es_stream_list_begin(text *category, text *after_stream)
{
	EsStreamList *list = palloc0(sizeof(EsStreamList));

	list->category = category;
	list->streams = es_store_open(ES_STREAMS, AccessShareLock);
	list->index = es_store_open_index(ES_STREAMS_BY_NAME, AccessShareLock);
	list->slot = table_slot_create(list->streams, NULL);
	set_bounds(list, after_stream);
	list->scan = es_index_beginscan(list->streams, list->index,
									GetActiveSnapshot(), list->nkeys);
	index_rescan(list->scan, list->keys, list->nkeys, NULL, 0);
	return list;
}

/*
 * es_stream_list_next
 *		The name of the next stream, good until the call after it, and its row; NULL
 *		after the last.
 */
text *
es_stream_list_next(EsStreamList *list, EsStream *row)
{
	while (index_getnext_slot(list->scan, ForwardScanDirection, list->slot))
	{
		text *stream =
			DatumGetTextPP(es_column(list->slot, ES_STREAMS, STR_STREAM));

		CHECK_FOR_INTERRUPTS();
		if (list->category != NULL && !is_of_category(stream, list->category))
			continue;
		row->stream_id =
			DatumGetInt64(es_column(list->slot, ES_STREAMS, STR_STREAM_ID));
		row->category_id =
			DatumGetInt64(es_column(list->slot, ES_STREAMS, STR_CATEGORY_ID));
		row->base_version =
			DatumGetInt64(es_column(list->slot, ES_STREAMS, STR_BASE_VERSION));
		row->created_at = DatumGetTimestampTz(
			es_column(list->slot, ES_STREAMS, STR_CREATED_AT));
		return stream;
	}
	return NULL;
}

/*
 * es_stream_list_end
 *		Ends the list.
 */
void
es_stream_list_end(EsStreamList *list)
{
	index_endscan(list->scan);
	ExecDropSingleTupleTableSlot(list->slot);
	index_close(list->index, AccessShareLock);
	table_close(list->streams, AccessShareLock);
	pfree(list);
}
