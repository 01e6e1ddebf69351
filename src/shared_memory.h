/*-------------------------------------------------------------------------
 *
 * shared_memory.h
 *	  Shared memory for a library that need not be preloaded.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/shared_memory.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SHARED_MEMORY_H
#define ES_SHARED_MEMORY_H

#include "c.h"

extern void *es_shared_memory(const char *name, Size size,
							  void (*prepare)(void *memory), const char *lost);

#endif /* ES_SHARED_MEMORY_H */
