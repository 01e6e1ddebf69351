/*-------------------------------------------------------------------------
 *
 * hints.h
 *	  Where streams' rows were last seen.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/hints.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_HINTS_H
#define ES_HINTS_H

#include "storage/buf.h"
#include "storage/itemptr.h"

/* Where a row was seen: its place, and the buffer of its page. */
typedef struct EsSeenRow
{
	ItemPointerData place;
	Buffer buffer; /* InvalidBuffer for unknown */
} EsSeenRow;

extern void es_hints_prepare(void);
extern uint64 es_hint_key_of_id(int64 stream_id);
extern bool es_hint_get(uint64 key, EsSeenRow *row);
extern void es_hint_note(uint64 key, const EsSeenRow *row);
extern void es_hint_prefetch(uint64 key);
extern void es_hint_prefetch_page(uint64 key);
extern void es_hint_prefetch_row(uint64 key);

#endif /* ES_HINTS_H */
