/*-------------------------------------------------------------------------
 *
 * children.h
 *	  Processes that are started, and started again when they end.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/children.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_CHILDREN_H
#define ES_CHILDREN_H

#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

/* One of them; all zeros before it is started for the first time. */
typedef struct EsChild
{
	BackgroundWorkerHandle *handle; /* NULL while it does not run */
	TimestampTz started_at;
	TimestampTz start_again_at;
	int64 delay; /* microseconds that it waits after it has ended */
} EsChild;

/* What a coordinator is told. */
typedef struct EsCoordinatorStart
{
	Oid database; /* InvalidOid: the one of the name */
	NameData database_name;
} EsCoordinatorStart;

/* What a worker is told. */
typedef struct EsWorkerStart
{
	Oid database;
	Oid owner;
	int slot;
	int coordinator_pid;
} EsWorkerStart;

extern void es_child_describe(BackgroundWorker *process, const char *function,
							  const char *type, const char *name,
							  const void *start, Size size);
extern void es_child_look(EsChild *child);
extern void es_child_start(EsChild *child, BackgroundWorker *process);
extern void es_child_stop(EsChild *child);

#endif /* ES_CHILDREN_H */
