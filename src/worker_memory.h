/*-------------------------------------------------------------------------
 *
 * worker_memory.h
 *	  What the workers of a database share with each other and with everybody.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/worker_memory.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_WORKER_MEMORY_H
#define ES_WORKER_MEMORY_H

#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

/* The most workers that a database can have. */
#define ES_MAX_WORKERS 8

/* A worker; proc is NULL while there is none. */
typedef struct EsWorkerSlot
{
	PGPROC *volatile proc;
	pg_atomic_uint32 idle; /* waits, or is about to, and is to be woken */
} EsWorkerSlot;

/* The workers of a database, and who started them: its coordinator. */
typedef struct EsWorkers
{
	Oid database; /* InvalidOid while the entry is free */
	NameData database_name;
	PGPROC *volatile coordinator; /* NULL while none runs */
	volatile int coordinator_pid;
	volatile bool stopped;		  /* by stop_worker(), until start_worker() */
	pg_atomic_uint32 projections; /* how many a worker has found to run */
	pg_atomic_uint64 heartbeat;	  /* when one last looked, a TimestampTz */
	pg_atomic_uint64 announced; /* safe position that listeners were told of */
	pg_atomic_uint64 published; /* and the one that standbys were */
	pg_atomic_uint32 announced_store; /* the table of events that they are of */
	ConditionVariable moved;   /* broadcast when a checkpoint has moved */
	ConditionVariable arrived; /* and when listeners were told of events */
	EsWorkerSlot slots[ES_MAX_WORKERS];
} EsWorkers;

extern void es_worker_memory_init(void);
extern EsWorkers *es_workers(void);
extern EsWorkers *es_workers_make(void);
extern void es_workers_forget(EsWorkers *workers);
extern void es_workers_forget_announced(EsWorkers *workers);
extern bool es_workers_are_stopped(const char *database_name, bool *running);
extern bool es_workers_take_charge(EsWorkers *workers);
extern bool es_workers_join(EsWorkers *workers, int slot);
extern void es_workers_wake(const EsWorkers *workers);
extern void es_wake_at_end(void);

#endif /* ES_WORKER_MEMORY_H */
