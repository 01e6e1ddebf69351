/*-------------------------------------------------------------------------
 *
 * hints.h
 *	  Where this backend last saw a stream's row and its head.
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

/* What was seen of a stream, or of another whose key is the same. */
typedef struct EsHint
{
	uint64 key;
	int64 version;		 /* of its last event; 0 where that was not seen */
	ItemPointerData row; /* the place of its row; invalid in a free entry */
} EsHint;

extern bool es_hint_get(uint64 key, EsHint *hint);
extern void es_hint_note_row(uint64 key, ItemPointer row);
extern void es_hint_note_version(uint64 key, int64 version);

#endif /* ES_HINTS_H */
