/*-------------------------------------------------------------------------
 *
 * leaf_map.h
 *	  Where in the index of versions a stream's events are.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/leaf_map.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_LEAF_MAP_H
#define ES_LEAF_MAP_H

#include "storage/block.h"
#include "utils/relcache.h"

extern BlockNumber es_leaf_map_find(Relation index, const int64 *key);
extern void es_leaf_map_note(Relation index, BlockNumber parent,
							 BlockNumber leaf, const int64 *first);

#endif /* ES_LEAF_MAP_H */
