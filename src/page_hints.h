/*-------------------------------------------------------------------------
 *
 * page_hints.h
 *	  In which buffers pages were last seen.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/page_hints.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PAGE_HINTS_H
#define ES_PAGE_HINTS_H

#include "storage/bufmgr.h"
#include "utils/relcache.h"

extern Buffer es_read_page(Relation rel, BlockNumber block);
extern Buffer es_read_page_if_there(Relation rel, BlockNumber block);

#endif /* ES_PAGE_HINTS_H */
