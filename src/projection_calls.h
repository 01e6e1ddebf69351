/*-------------------------------------------------------------------------
 *
 * projection_calls.h
 *	  What the SQL calls about projections have in common.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_calls.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PROJECTION_CALLS_H
#define ES_PROJECTION_CALLS_H

#include "projection.h"

extern char *es_begin_projection_call(FunctionCallInfo fcinfo, const char *call);
extern void es_lock_projections(void);
extern bool es_try_lock_projections(void);
extern void es_pause_inline(const EsProjection *projection);
extern void es_go_inline(const char *name, int32 generation);
extern uint64 es_change_projections(const char *statement, int nargs,
									Oid *types, Datum *values,
									const char *nulls, int expected);

#endif /* ES_PROJECTION_CALLS_H */
