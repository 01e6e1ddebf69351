/*-------------------------------------------------------------------------
 *
 * metadata.h
 *	  An event's metadata: the store's, the session's and the caller's.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/metadata.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_METADATA_H
#define ES_METADATA_H

#include "utils/jsonb.h"

extern void es_metadata_init(void);
extern void es_check_metadata(const Jsonb *metadata, const char *where);
extern Jsonb *es_session_metadata(void);
extern Datum es_build_metadata(Jsonb *session, Jsonb *own);

#endif /* ES_METADATA_H */
