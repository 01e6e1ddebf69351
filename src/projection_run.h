/*-------------------------------------------------------------------------
 *
 * projection_run.h
 *	  Running a projection over the next events.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_run.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PROJECTION_RUN_H
#define ES_PROJECTION_RUN_H

#include "checkpoint.h"

typedef enum EsRunOutcome
{
	ES_RUN_CAUGHT_UP, /* nothing is left, for the moment */
	ES_RUN_MORE,	  /* something is */
	ES_RUN_BUSY,	  /* somebody else is running it */
	ES_RUN_WAITS,	  /* for the time of the next attempt */
	ES_RUN_PAUSED,
	ES_RUN_STOPPED, /* at an event that failed */
	ES_RUN_GONE		/* there is no such projection, or generation of it */
} EsRunOutcome;

typedef struct EsRun
{
	/* what is asked for */
	EsCheckpointKey key;
	int64 max_events;
	int64 up_to;	 /* this position; 0 for the safe one */
	int64 max_time;	 /* microseconds, looked at between events; 0 for any */
	bool wait;		 /* for somebody else who runs it */
	bool at_once;	 /* does not wait for the time of the next attempt */
	bool to_the_end; /* whatever mode the projection is in, paused or not */
	int64 only;		 /* this event, of which the checkpoint knows; 0 for none */

	/* what came of it, also when it failed */
	EsRunOutcome outcome;
	int64 from;		   /* the checkpoint that it began at */
	uint64 definition; /* tells the registry from what it was before */
	int64 handled;	   /* so many events, before the call that failed */
	int64 in_call;	   /* how many are handed over now; 0 for none */
	int64 position;	   /* of the first of those */

	int64 elapsed; /* microseconds */
} EsRun;

extern void es_refuse_running(const char *name);
extern void es_projection_run(EsRun *run);
extern void es_projection_catch_up(const char *name, int32 generation);
extern void es_projection_reset(const char *name, int32 generation);

#endif /* ES_PROJECTION_RUN_H */
