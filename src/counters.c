/*-------------------------------------------------------------------------
 *
 * counters.c
 *	  How often the calls of a database's store did what.
 *
 * The counters are in shared memory, where all backends add to them and no
 * table gets a dead row.  They begin at zero when the server starts, also
 * after a crash.  They count calls when they are made: one whose transaction
 * rolls back later stays counted, as a conflict has to be, which ends its
 * transaction.
 *
 * Where there is no room for them in shared memory, or more databases than there
 * are entries have stores, nothing is counted, which is told as NULL.
 *
 * An entry is a cache line of its own, claimed under AddinShmemInitLock and
 * added to without a lock.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/counters.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

#include "counters.h"
#include "shared_memory.h"

/* How many databases can have counters. */
#define MAX_DATABASES 64

/* Name of the array in shared memory, see shared_memory.c. */
#define SHARED_NAME "event_store counters 1"

/* The counters of one database; it is InvalidOid while the entry is free. */
typedef struct DatabaseCounters
{
	Oid database;
	TimestampTz since;
	pg_atomic_uint64 values[ES_NUM_COUNTERS];
} DatabaseCounters;

typedef union PaddedCounters
{
	DatabaseCounters counters;
	char padding[PG_CACHE_LINE_SIZE];
} PaddedCounters;

/* This database's entry once it was looked for; stays as long as the backend. */
static DatabaseCounters *own = NULL;
static bool looked = false;

/*
 * prepare
 *		Nothing: a free entry is all zeros, and whoever claims one prepares it.
 */
static void
prepare(void *memory)
{
}

/*
 * claim
 *		This database's entry among all, a free one if it has none; NULL when
 *		all are taken.
 */
static DatabaseCounters *
claim(PaddedCounters *entries)
{
	for (int i = 0; i < MAX_DATABASES; i++)
	{
		DatabaseCounters *entry = &entries[i].counters;

		if (entry->database == MyDatabaseId)
			return entry;
		if (entry->database != InvalidOid)
			continue;
		for (int j = 0; j < ES_NUM_COUNTERS; j++)
			pg_atomic_init_u64(&entry->values[j], 0);
		entry->since = GetCurrentTimestamp();
		entry->database = MyDatabaseId;
		return entry;
	}
	ereport(LOG,
			(errmsg("event_store counts nothing in this database: %d others have been counted since the server started",
					MAX_DATABASES)));
	return NULL;
}

/*
 * own_counters
 *		This database's entry, NULL where it can have none.
 */
static DatabaseCounters *
own_counters(void)
{
	PaddedCounters *entries;

	if (likely(looked))
		return own;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	entries =
		es_shared_memory(SHARED_NAME, sizeof(PaddedCounters) * MAX_DATABASES,
						 prepare, "counts nothing in this server");
	if (entries != NULL)
		own = claim(entries);
	LWLockRelease(AddinShmemInitLock);
	looked = true;
	return own;
}

/*
 * es_count
 *		Adds one to a counter.
 */
void
es_count(EsCounter counter)
{
	DatabaseCounters *counters = own_counters();

	if (counters != NULL)
		pg_atomic_fetch_add_u64(&counters->values[counter], 1);
}

/*
 * es_read_counters
 *		The counters and when they began; false where there are none.
 */
bool
es_read_counters(uint64 *values, TimestampTz *since)
{
	DatabaseCounters *counters = own_counters();

	if (counters == NULL)
		return false;
	for (int i = 0; i < ES_NUM_COUNTERS; i++)
		values[i] = pg_atomic_read_u64(&counters->values[i]);
	*since = counters->since;
	return true;
}
