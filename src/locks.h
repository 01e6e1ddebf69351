/*-------------------------------------------------------------------------
 *
 * locks.h
 *	  The locks of appenders: streams, the store, and the in-flight mark.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/locks.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_LOCKS_H
#define ES_LOCKS_H

#include "store.h"

extern void es_locks_init(void);
extern Relation es_open_for_append(EsTableId table);
extern void es_close_for_append(Relation rel);
extern bool es_holds_locks(void);
extern bool es_lock_own_store(Relation events);
extern bool es_lock_streams(const uint64 *keys, int nkeys, bool wait);
extern void es_open_and_lock(const uint64 *keys, int nkeys, Relation *events,
							 Relation *streams);
extern void es_lock_store(void);
extern bool es_holds_store_lock(void);
extern uint64 es_stream_key(const text *stream);
extern uint64 es_category_key(const text *category);
extern bool es_lock_projection(const char *name, int32 generation, bool wait);
extern int es_projection_holder(const char *name, int32 generation);
extern void es_place_mark(void);
extern bool es_holds_mark(int64 *position);
extern int64 es_lowest_mark(int64 ceiling);

#endif /* ES_LOCKS_H */
