/*-------------------------------------------------------------------------
 *
 * hash_chain.h
 *	  The hash chain of a store.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/hash_chain.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_HASH_CHAIN_H
#define ES_HASH_CHAIN_H

#include "executor/tuptable.h"
#include "utils/snapshot.h"

#include "event_hash.h"

/* The view all_events, whose hash is an expression over events e. */
#define ES_ALL_EVENTS(hash)                                        \
	"event_store.all_events AS"                                    \
	" SELECT e.global_position, s.stream, e.version, e.type,"      \
	" e.data, e.metadata, e.event_id, e.schema_version,"           \
	" e.recorded_at,"                                              \
	" e.metadata OPERATOR(pg_catalog.->>) '$user' AS recorded_by," \
	" " hash " AS hash"                                            \
	" FROM ONLY event_store.events e"                              \
	" JOIN ONLY event_store.streams s"                             \
	" ON s.stream_id OPERATOR(pg_catalog.=) e.stream_id"

extern bool es_has_hash_chain(void);
extern int64 es_hash_chain_start(Snapshot snapshot);
extern EsCarriedHash es_event_hash(TupleTableSlot *event, EsHash *hash);
extern void es_make_hash_chain(int64 after_position);
extern void es_make_chain_append_only(void);
extern int64 es_enable_hash_chain(void);

#endif /* ES_HASH_CHAIN_H */
