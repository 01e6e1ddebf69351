/*-------------------------------------------------------------------------
 *
 * registration.h
 *	  Arguments that projections and subscriptions are registered with.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/registration.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_REGISTRATION_H
#define ES_REGISTRATION_H

#include "fmgr.h"

/* The longest name of a projection or subscription, in bytes. */
#define ES_MAX_NAME_BYTES 255

extern void es_check_name(const char *value, const char *name);
extern const char *es_one_of(FunctionCallInfo fcinfo, int arg, const char *name,
							 const char *first, const char *second);
extern void es_check_categories(FunctionCallInfo fcinfo, int arg);
extern void es_check_types(FunctionCallInfo fcinfo, int arg);
extern int64 es_position_argument(FunctionCallInfo fcinfo, int arg,
								  const char *name);
extern bool es_keeps_existing(FunctionCallInfo fcinfo, int if_not_exists,
							  int replace, const char *noun, const char *name);
extern void es_note_missing(const char *noun, const char *name);

#endif /* ES_REGISTRATION_H */
