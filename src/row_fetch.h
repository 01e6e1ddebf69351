/*-------------------------------------------------------------------------
 *
 * row_fetch.h
 *	  Rows by their places.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/row_fetch.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_ROW_FETCH_H
#define ES_ROW_FETCH_H

#include "access/relscan.h"
#include "executor/tuptable.h"
#include "storage/buf.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "hints.h"

/* Fetches rows of a table by places that an index gave. */
typedef struct EsRowFetch
{
	Relation table;
	bool by_page;	   /* its rows can be read from the pages */
	int stream_offset; /* where rows have a stream's id; -1: not needed */
	Buffer buffer;	   /* the page that is pinned, if one is */
	IndexFetchTableData *usual; /* the table's own way, once that is needed */
} EsRowFetch;

extern bool es_row_fetch_allows(Snapshot snapshot);
extern void es_row_fetch_begin(EsRowFetch *fetch, Relation table);
extern Buffer es_row_fetch_pin(EsRowFetch *fetch, BlockNumber block);
extern bool es_row_fetch(EsRowFetch *fetch, ItemPointer place,
						 Snapshot snapshot, TupleTableSlot *slot);
extern void es_row_fetch_ahead(const EsRowFetch *fetch,
							   const ItemPointerData *places, int nplaces,
							   int next);
extern void es_row_fetch_end(EsRowFetch *fetch);
extern bool es_fetch_seen_row(Relation table, EsSeenRow *row, Snapshot snapshot,
							  TupleTableSlot *slot);
extern Buffer es_buffer_of(TupleTableSlot *slot);

#endif /* ES_ROW_FETCH_H */
