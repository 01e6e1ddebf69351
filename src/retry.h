/*-------------------------------------------------------------------------
 *
 * retry.h
 *	  Appends that are repeated.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/retry.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_RETRY_H
#define ES_RETRY_H

#include "utils/relcache.h"

#include "append.h"
#include "stream.h"

extern bool es_find_retry(EsStreamAppend *append, const EsStream *row,
						  Relation events, Relation index);
extern void es_raise_duplicate(const pg_uuid_t *event_id, const char *why);

#endif /* ES_RETRY_H */
