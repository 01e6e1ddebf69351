/*-------------------------------------------------------------------------
 *
 * projection.h
 *	  The projections, as the registry has them.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PROJECTION_H
#define ES_PROJECTION_H

#include "fmgr.h"

#include "handler.h"

/* A function of a projection; signature is NULL where there is none. */
typedef struct EsProjectionFunction
{
	char *signature;
	char *flaw; /* why it cannot be used; NULL for nothing */
	bool takes_batch;
	bool takes_generation;
	FmgrInfo function;
} EsProjectionFunction;

typedef struct EsProjection
{
	char *name;
	bool is_inline;
	bool paused;
	bool parks; /* what fails again and again, instead of stopping at it */
	EsProjectionFunction handler;
	EsProjectionFunction reset;
	bool all_categories;
	int ncategories;
	text **categories; /* sorted */
	int ntypes;		   /* -1: all */
	text **types;	   /* sorted */
	int32 max_attempts;
	int64 retry_delay; /* microseconds */
	int64 start_position;
	int32 generation; /* that counts */
} EsProjection;

/* All of them, by name. */
typedef struct EsProjections
{
	Oid owner; /* whom their functions run as */
	int n;
	EsProjection *projections;
} EsProjections;

/* Names of modes and of what is done on an error, as the registry has them. */
#define ES_MODE_INLINE	 "inline"
#define ES_MODE_ASYNC	 "async"
#define ES_ON_ERROR_STOP "stop"
#define ES_ON_ERROR_PARK "park"

extern const EsHandlerKind es_projection_kind;
extern const EsHandlerKind es_reset_kind;

extern void es_projections_init(void);
extern const EsProjections *es_projections(void);
extern const EsProjection *es_projection_find(const EsProjections *all,
											  const char *name);
extern const EsProjection *es_projection_require(const EsProjections *all,
												 const char *name);
extern void es_require_projections(void);
extern void es_projection_prepare(const EsProjection *projection,
								  int32 generation, FmgrInfo *function,
								  FunctionCallInfo fcinfo);
extern void es_projection_hand_over(FunctionCallInfo fcinfo, Datum events);

#endif /* ES_PROJECTION_H */
