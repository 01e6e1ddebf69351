/*-------------------------------------------------------------------------
 *
 * hint_memory.h
 *	  Shared memory for hints.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/hint_memory.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_HINT_MEMORY_H
#define ES_HINT_MEMORY_H

#include "storage/buf.h"

/* For hints at streams; see hints.c. */
#define ES_STREAM_HINT_BYTES (4 * 1024 * 1024)

extern bool es_hint_memory_look(void);
extern void *es_stream_hint_memory(void);
extern Buffer *es_page_hint_memory(uint32 *npages);

#endif /* ES_HINT_MEMORY_H */
