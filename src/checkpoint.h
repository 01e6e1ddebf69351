/*-------------------------------------------------------------------------
 *
 * checkpoint.h
 *	  How far projections have come.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/checkpoint.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_CHECKPOINT_H
#define ES_CHECKPOINT_H

#include "utils/timestamp.h"

#include "projection.h"

/* Which one: a generation of a projection. */
typedef struct EsCheckpointKey
{
	const char *name;
	int32 generation;
} EsCheckpointKey;

typedef struct EsCheckpoint
{
	int64 checkpoint;
	double rate;	  /* events a second; 0 when it is not known */
	int64 rebuild_to; /* -1 when no rebuild is under way */
	bool stopped;
	int32 attempts;
	int64 failed_position; /* of the event that they are of; 0 for none */
	TimestampTz retry_at;  /* DT_NOBEGIN: at once */
} EsCheckpoint;

/* A failure of an event. */
typedef struct EsFailure
{
	int64 global_position;
	int32 attempts; /* with this one */
	int sqlerrcode;
	const char *message;
} EsFailure;

extern bool es_checkpoint_read(const EsCheckpointKey *key,
							   EsCheckpoint *checkpoint);
extern bool es_checkpoint_look(const EsCheckpointKey *key,
							   EsCheckpoint *checkpoint);
extern int32 es_checkpoint_newest(const char *name);
extern void es_checkpoint_create(const EsCheckpointKey *key, int64 position,
								 int64 rebuild_to);
extern void es_checkpoint_move(const EsCheckpointKey *key, int64 position,
							   int64 handled, double rate);
extern void es_checkpoint_delete(const EsCheckpointKey *key);
extern void es_checkpoint_restart(const EsCheckpointKey *key);
extern void es_checkpoint_fail(const EsCheckpointKey *key,
							   const EsFailure *failure, bool stop,
							   TimestampTz retry_at);
extern void es_checkpoint_park(const EsCheckpointKey *key,
							   const EsFailure *failure);

#endif /* ES_CHECKPOINT_H */
