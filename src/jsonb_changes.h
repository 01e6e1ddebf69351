/*-------------------------------------------------------------------------
 *
 * jsonb_changes.h
 *	  What is different between two values of jsonb.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/jsonb_changes.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_JSONB_CHANGES_H
#define ES_JSONB_CHANGES_H

#include "utils/jsonb.h"

extern Jsonb *es_jsonb_changes(Jsonb *before, Jsonb *after);

#endif /* ES_JSONB_CHANGES_H */
