/*-------------------------------------------------------------------------
 *
 * progress.h
 *	  How far a call that takes long has come.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/progress.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PROGRESS_H
#define ES_PROGRESS_H

#include "utils/timestamp.h"

/* One step of a call; what is done is counted in things, such as "rows read". */
typedef struct EsProgress
{
	const char *call;
	const char *things;
	bool estimated; /* the total is */
	int64 done;
	int64 total;
	TimestampTz reported_at;
} EsProgress;

extern void es_progress_init(void);
extern void es_progress_begin(EsProgress *progress, const char *call,
							  const char *things, int64 total, bool estimated);
extern void es_progress_step(EsProgress *progress);

#endif /* ES_PROGRESS_H */
