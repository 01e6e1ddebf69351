/*-------------------------------------------------------------------------
 *
 * worker_memory.c
 *	  What the workers of a database share with each other and with everybody.
 *
 * Shared memory holds an entry for each database that has workers, or had some and
 * whose entry no other has needed since.  Entries are claimed, and processes come and
 * go, under AddinShmemInitLock; everything else is read without a lock.
 *
 * Waking: a transaction that held an in-flight mark wakes a worker once its locks
 * are gone, on commit and on abort, as readers may go further then.  It takes no
 * lock for that: it reads which worker is idle and sets its latch.  A worker says
 * that it is idle before it looks for work, and then sleeps if it finds none.  So
 * either the worker's look finds the events, for the mark was gone; or the mark
 * was held during the look, and whoever gives it up later sees that the worker is
 * idle.  A process that took the place of a worker may be woken in its stead,
 * which is harmless.
 *
 * The commit of a prepared transaction wakes nobody: its process held no mark.
 * While the safe position is below the last one, a worker looks again by itself.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/worker_memory.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#include "shared_memory.h"
#include "worker_memory.h"

/* How many databases can have workers. */
#define MAX_DATABASES 32

/* Name of the array in shared memory, see shared_memory.c. */
#define SHARED_NAME "event_store workers 2"

typedef struct WorkerMemory
{
	pg_atomic_uint32 claims; /* how often an entry was claimed */
	EsWorkers entries[MAX_DATABASES];
} WorkerMemory;

/* The memory once it was looked for; stays as long as the backend. */
static WorkerMemory *memory = NULL;
static bool looked = false;

/* This database's entry, as it was after so many claims; NULL for none. */
static EsWorkers *own = NULL;
static uint32 own_claims = 0;

/* What this process is in them, to be given up when it ends. */
static EsWorkers *joined = NULL;
static int joined_slot = -1;

/* Whether this transaction has held a mark; reset by wake(). */
static bool wake_at_end = false;

static shmem_request_hook_type previous_request = NULL;

/*
 * request
 *		Asks for the memory while the server starts.
 */
static void
request(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(sizeof(WorkerMemory));
}

/*
 * prepare
 *		Makes all entries free ones.
 */
static void
prepare(void *arg)
{
	WorkerMemory *all = arg;

	pg_atomic_init_u32(&all->claims, 0);
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		EsWorkers *entry = &all->entries[i];

		pg_atomic_init_u32(&entry->projections, 0);
		pg_atomic_init_u64(&entry->heartbeat, 0);
		pg_atomic_init_u64(&entry->announced, 0);
		pg_atomic_init_u64(&entry->published, 0);
		pg_atomic_init_u32(&entry->announced_store, InvalidOid);
		ConditionVariableInit(&entry->moved);
		ConditionVariableInit(&entry->arrived);
		for (int j = 0; j < ES_MAX_WORKERS; j++)
			pg_atomic_init_u32(&entry->slots[j].idle, 0);
	}
}

/*
 * attach
 *		Looks for the memory, if that was not done yet.
 */
static void
attach(void)
{
	if (likely(looked))
		return;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = es_shared_memory(SHARED_NAME, sizeof(WorkerMemory), prepare,
							  "can have no workers in this server");
	LWLockRelease(AddinShmemInitLock);
	looked = true;
}

/*
 * find_entry
 *		This database's entry, NULL where it has none.
 */
static EsWorkers *
find_entry(void)
{
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		if (memory->entries[i].database == MyDatabaseId)
			return &memory->entries[i];
	}
	return NULL;
}

/*
 * find_room
 *		An entry that can be claimed: one that is free, or else one of a database without
 *		workers, which may be long gone; NULL for none.
 */
static EsWorkers *
find_room(void)
{
	EsWorkers *room = NULL;

	for (int i = 0; i < MAX_DATABASES; i++)
	{
		EsWorkers *entry = &memory->entries[i];

		if (entry->database == InvalidOid)
			return entry;
		if (entry->coordinator == NULL && (room == NULL || room->stopped))
			room = entry;
	}
	return room;
}

/*
 * es_workers
 *		This database's entry, NULL where it has none.
 */
EsWorkers *
es_workers(void)
{
	uint32 claims;

	attach();
	if (memory == NULL)
		return NULL;
	claims = pg_atomic_read_u32(&memory->claims);
	if (likely(claims == own_claims))
		return own;
	pg_read_barrier();
	own = find_entry();
	own_claims = claims;
	return own;
}

/*
 * es_workers_forget_announced
 *		Has workers announce anew how far the store may be read.
 */
void
es_workers_forget_announced(EsWorkers *workers)
{
	pg_atomic_write_u64(&workers->announced, 0);
	pg_atomic_write_u64(&workers->published, 0);
}

/*
 * claim
 *		Makes an entry for this database; NULL when all are taken.  The lock is held.
 */
static EsWorkers *
claim(const char *name)
{
	EsWorkers *entry = find_entry();

	if (entry != NULL)
	{
		namestrcpy(&entry->database_name, name); /* it may have got another */
		return entry;
	}
	entry = find_room();
	if (entry == NULL)
		return NULL;
	entry->database = MyDatabaseId;
	entry->stopped = false;
	namestrcpy(&entry->database_name, name);
	pg_atomic_write_u32(&entry->projections, 0);
	pg_atomic_write_u64(&entry->heartbeat, 0);
	es_workers_forget_announced(entry);
	pg_write_barrier();
	pg_atomic_fetch_add_u32(&memory->claims, 1);
	return entry;
}

/*
 * es_workers_make
 *		This database's entry, made if there is none; raises 53200 where it can have
 *		none.
 */
EsWorkers *
es_workers_make(void)
{
	EsWorkers *entry = NULL;
	const char *name = get_database_name(MyDatabaseId);

	attach();
	if (memory != NULL && name != NULL)
	{
		LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
		entry = claim(name);
		LWLockRelease(AddinShmemInitLock);
	}
	if (entry == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("no shared memory is left for the workers of database \"%s\"",
						name != NULL ? name : ""),
				 errhint("Add event_store to shared_preload_libraries.")));
	return entry;
}

/*
 * es_workers_forget
 *		Gives this database's entry up, as the database is going.
 */
void
es_workers_forget(EsWorkers *workers)
{
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	workers->database = InvalidOid;
	namestrcpy(&workers->database_name, "");
	workers->stopped = false;
	pg_atomic_fetch_add_u32(&memory->claims, 1);
	LWLockRelease(AddinShmemInitLock);
}

/*
 * es_workers_are_stopped
 *		Whether stop_worker() was called in a database, and whether it has workers.
 */
bool
es_workers_are_stopped(const char *database_name, bool *running)
{
	*running = false;
	attach();
	for (int i = 0; i < MAX_DATABASES && memory != NULL; i++)
	{
		const EsWorkers *entry = &memory->entries[i];

		if (strcmp(NameStr(entry->database_name), database_name) != 0)
			continue;
		*running = entry->coordinator != NULL;
		if (*running || entry->stopped)
			return entry->stopped;
	}
	return false;
}

/*
 * leave
 *		Exit callback: this process is no worker any more, nor coordinator.
 *
 * It may have been about to announce something, which others do then.
 */
static void
leave(int code, Datum arg)
{
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	if (joined_slot >= 0)
	{
		EsWorkerSlot *slot = &joined->slots[joined_slot];

		pg_atomic_write_u32(&slot->idle, 0);
		slot->proc = NULL;
	}
	else
	{
		joined->coordinator = NULL;
		joined->coordinator_pid = 0;
	}
	LWLockRelease(AddinShmemInitLock);
	es_workers_forget_announced(joined);
	ConditionVariableBroadcast(&joined->moved);
	ConditionVariableBroadcast(&joined->arrived);
}

/*
 * es_workers_take_charge
 *		Makes this process the coordinator of a database; returns false when there is
 *		another.
 */
bool
es_workers_take_charge(EsWorkers *workers)
{
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	if (workers->coordinator == NULL)
	{
		workers->coordinator_pid = MyProcPid;
		workers->coordinator = MyProc;
		joined = workers;
	}
	LWLockRelease(AddinShmemInitLock);
	if (joined == NULL)
		return false;
	before_shmem_exit(leave, (Datum) 0);
	return true;
}

/*
 * es_workers_join
 *		Makes this process a worker; returns false when its place is taken.
 */
bool
es_workers_join(EsWorkers *workers, int slot)
{
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	if (workers->slots[slot].proc == NULL)
	{
		workers->slots[slot].proc = MyProc;
		joined = workers;
		joined_slot = slot;
	}
	LWLockRelease(AddinShmemInitLock);
	if (joined == NULL)
		return false;
	before_shmem_exit(leave, (Datum) 0);
	return true;
}

/*
 * es_workers_wake
 *		Wakes a worker that is idle, if one is.
 */
void
es_workers_wake(const EsWorkers *workers)
{
	pg_memory_barrier();
	for (int i = 0; i < ES_MAX_WORKERS; i++)
	{
		EsWorkerSlot *slot = unconstify(EsWorkerSlot *, &workers->slots[i]);
		PGPROC *proc = slot->proc;

		if (proc != NULL && pg_atomic_read_u32(&slot->idle) != 0)
		{
			SetLatch(&proc->procLatch);
			return;
		}
	}
}

/*
 * es_wake_at_end
 *		Has the end of the transaction wake a worker.
 */
void
es_wake_at_end(void)
{
	attach();
	wake_at_end = true;
}

/*
 * wake
 *		Resource release callback: readers may go further once the locks are gone.
 */
static void
wake(ResourceReleasePhase phase, bool isCommit, bool isTopLevel, void *arg)
{
	const EsWorkers *workers;

	if (likely(!wake_at_end) || !isTopLevel ||
		phase != RESOURCE_RELEASE_AFTER_LOCKS)
		return;
	wake_at_end = false;
	workers = memory == NULL ? NULL : es_workers();
	if (workers != NULL)
		es_workers_wake(workers);
}

/*
 * es_worker_memory_init
 *		Called once when the library is loaded.
 */
void
es_worker_memory_init(void)
{
	RegisterResourceReleaseCallback(wake, NULL);
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_request = shmem_request_hook;
	shmem_request_hook = request;
}
