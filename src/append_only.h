/*-------------------------------------------------------------------------
 *
 * append_only.h
 *	  What keeps the store's tables append-only.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/append_only.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_APPEND_ONLY_H
#define ES_APPEND_ONLY_H

extern void es_make_append_only(const char *table, const char *adder);

#endif /* ES_APPEND_ONLY_H */
