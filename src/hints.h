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

#include "storage/itemptr.h"

extern void es_hints_prepare(void);
extern uint64 es_hint_key_of_id(int64 stream_id);
extern bool es_hint_get(uint64 key, ItemPointer row);
extern void es_hint_note(uint64 key, const ItemPointerData *row);

#endif /* ES_HINTS_H */
