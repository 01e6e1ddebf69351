/*-------------------------------------------------------------------------
 *
 * worker_look.h
 *	  What there is to do for a worker.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/worker_look.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_WORKER_LOOK_H
#define ES_WORKER_LOOK_H

#include "projection.h"
#include "registration.h"
#include "utils/timestamp.h"

/* A generation of a projection that has events to handle. */
typedef struct EsTask
{
	char name[ES_MAX_NAME_BYTES + 1];
	int32 generation;
	bool takes_batch;
	bool is_next; /* it is built beside the one that counts */
} EsTask;

/* What a look has found; its memory lives until the next look. */
typedef struct EsLook
{
	int ntasks;
	EsTask *tasks;
	int projections;	   /* generations that are to be run now and then */
	TimestampTz next_time; /* when one is to be tried again; DT_NOEND: none */
	int64 safe_position;   /* -1: there is no store */
	int64 last_position;   /* that was drawn */
	Oid events;			   /* the table that they are of */
	bool others;		   /* something is left to others, or for later */
} EsLook;

extern void es_worker_look(MemoryContext context, EsLook *look);

#endif /* ES_WORKER_LOOK_H */
