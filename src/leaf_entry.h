/*-------------------------------------------------------------------------
 *
 * leaf_entry.h
 *	  Entries of a page of a B-tree on bigint columns.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/leaf_entry.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_LEAF_ENTRY_H
#define ES_LEAF_ENTRY_H

#include "access/nbtree.h"

/*
 * es_leaf_entry
 *		An entry of a page.
 */
static inline IndexTuple
es_leaf_entry(Page page, OffsetNumber offset)
{
	return (IndexTuple) PageGetItem(page, PageGetItemId(page, offset));
}

/*
 * es_leaf_values
 *		The columns of an entry, none of which is null; above the leaves, and in
 *		a page's high key, the last ones may have been cut off.
 */
static inline const int64 *
es_leaf_values(IndexTuple entry)
{
	return (const int64 *) ((char *) entry +
							IndexInfoFindDataOffset(entry->t_info));
}

#endif /* ES_LEAF_ENTRY_H */
