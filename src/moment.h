/*-------------------------------------------------------------------------
 *
 * moment.h
 *	  Moments in the history of streams.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/moment.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_MOMENT_H
#define ES_MOMENT_H

#include "fmgr.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

#include "stream.h"

typedef enum EsMomentKind
{
	ES_AT_VERSION,
	ES_AT_TIME,
	ES_AT_POSITION
} EsMomentKind;

/* After which event; all that happened up to and at the moment counts. */
typedef struct EsMoment
{
	EsMomentKind kind;
	int64 place; /* a version or a global position */
	TimestampTz time;
} EsMoment;

extern void es_moment_argument(FunctionCallInfo fcinfo, int version, int as_of,
							   int global_position, EsMoment *moment);
extern int64 es_moment_version(Relation events, Snapshot snapshot,
							   const EsStream *stream, const EsMoment *moment);

#endif /* ES_MOMENT_H */
