/*-------------------------------------------------------------------------
 *
 * descent.h
 *	  The way down a B-tree.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/descent.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_DESCENT_H
#define ES_DESCENT_H

#include "access/nbtree.h"

extern Buffer es_read_index_page(Relation index, BlockNumber block);
extern Buffer es_descend(Relation index, BTScanInsert key);
extern Buffer es_descend_to_numbers(Relation index, const int64 *values,
									int nvalues);

#endif /* ES_DESCENT_H */
