/*-------------------------------------------------------------------------
 *
 * page_hints.h
 *	  In which buffers pages were last seen.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/page_hints.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PAGE_HINTS_H
#define ES_PAGE_HINTS_H

#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

/* Has the processor fetch what is at an address, which need not be a good one. */
#if defined(__GNUC__) || defined(__clang__)
#define es_prefetch(address) __builtin_prefetch(address)
#else
#define es_prefetch(address) ((void) (address))
#endif

extern Buffer es_read_page(Relation rel, BlockNumber block);
extern Buffer es_read_page_if_there(Relation rel, BlockNumber block, Buffer seen);
extern void es_prefetch_hint(Relation rel, BlockNumber block);
extern Buffer es_hinted_buffer(Relation rel, BlockNumber block);
extern void es_prefetch_page(Buffer buffer, const ItemPointerData *place);
extern void es_prefetch_row(Buffer buffer, const ItemPointerData *place);
extern bool es_peek_bigint(Buffer buffer, const ItemPointerData *place,
						   int offset, int64 *value);

#endif /* ES_PAGE_HINTS_H */
