/*-------------------------------------------------------------------------
 *
 * event_store.c
 *	  Loading of the library.
 *
 * The words used throughout:
 *
 *	 store			 the event tables of one database
 *	 stream			 the ordered events of one business object, named
 *					 category-id
 *	 category		 a stream's name before its first "-"
 *	 version		 an event's place in its stream: 1, 2, 3 ... without gaps
 *	 global position an event's place in the store; ascends, with gaps
 *	 safe position	 highest global position at or below which nothing can
 *					 still appear
 *	 expected version what an appender believes the stream's version to be
 *	 snapshot		 an aggregate's state at a version (PostgreSQL's snapshots
 *					 are always of type Snapshot here)
 *
 * Calls go one way: SQL functions, then concepts (append, read, snapshot),
 * then the store (tables, locks, positions), then PostgreSQL.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "event_type.h"
#include "handler.h"
#include "call_scan.h"
#include "fault.h"
#include "known_head.h"
#include "launcher.h"
#include "light_commit.h"
#include "locks.h"
#include "metadata.h"
#include "plain_table.h"
#include "progress.h"
#include "projection.h"
#include "sequence.h"
#include "snapshot_save.h"
#include "store.h"
#include "worker_memory.h"
#include "worker_settings.h"

PG_MODULE_MAGIC;

void _PG_init(void);

/*
 * _PG_init
 *		Settings and callbacks; the library need not be preloaded.
 */
void
_PG_init(void)
{
	es_store_init();
	es_plain_tables_init();
	es_light_commit_init();
	es_locks_init();
	es_known_head_init();
	es_sequence_init();
	es_metadata_init();
	es_snapshot_save_init();
	es_handlers_init();
	es_event_types_init();
	es_projections_init();
	es_progress_init();
	es_call_scan_init();
	es_faults_init();
	es_worker_memory_init();
	es_worker_settings_init();
	es_launcher_init();
	MarkGUCPrefixReserved("event_store");
}
