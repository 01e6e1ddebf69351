/*-------------------------------------------------------------------------
 *
 * jsonb_push.h
 *	  Adding to a jsonb object under construction.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/jsonb_push.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_JSONB_PUSH_H
#define ES_JSONB_PUSH_H

#include "utils/jsonb.h"

/*
 * es_push_key
 *		Adds a key, whose value is to follow.
 */
static inline void
es_push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

#endif /* ES_JSONB_PUSH_H */
