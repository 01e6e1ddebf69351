/*-------------------------------------------------------------------------
 *
 * hint_memory.c
 *	  Shared memory for hints.
 *
 * All sessions share what they have seen where: hints at streams (hints.c) and at
 * pages (page_hints.c).  They lie in dynamic shared memory, which the first session
 * makes for the life of the server and whose handle is kept in the reserve of the
 * main memory; the library need not be preloaded.  Databases share it, too.
 *
 * Nobody locks what is in there.  Who reads a hint that another session is just
 * writing gets one that is wrong, such as any hint may be: a row's place can be
 * any, a buffer's number is always that of some buffer.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/hint_memory.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/dsm.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/resowner.h"

#include "fault.h"
#include "hint_memory.h"

/* Hints at pages: at least two for each buffer, as far as that goes. */
#define MIN_PAGE_HINTS (16 * 1024)
#define MAX_PAGE_HINTS (1024 * 1024)

/* Names the handle in shared memory, and the structures behind it. */
#define SHARED_NAME "event_store hints 2"

/* Where the shared hints are; zeroed when it is made. */
typedef struct SharedHints
{
	dsm_handle handle; /* DSM_HANDLE_INVALID, which is 0, for nowhere yet */
	bool unavailable;  /* and there is no memory for them */
} SharedHints;

/* Whether this session has looked for them, and what it found; never reset. */
static bool looked = false;
static char *memory = NULL;

/*
 * count_page_hints
 *		How many hints at pages there are, a power of two.
 */
static uint32
count_page_hints(void)
{
	uint32 wanted =
		Min(Max(2 * (uint32) NBuffers, MIN_PAGE_HINTS), MAX_PAGE_HINTS);

	return pg_nextpower2_32(wanted);
}

/*
 * make_shared
 *		Makes the memory, for the life of the server; NULL if that may have no more
 *		segments of it.
 *
 * Where that raises an error nobody tries again, and the error is told once.
 */
static dsm_segment *
make_shared(SharedHints *shared)
{
	Size size = PG_CACHE_LINE_SIZE + ES_STREAM_HINT_BYTES +
		count_page_hints() * sizeof(Buffer);
	dsm_segment *segment;

	shared->unavailable = true;
	segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	shared->unavailable = false;
	if (segment == NULL)
		return NULL;
	memset(dsm_segment_address(segment), 0, size);
	dsm_pin_segment(segment);
	shared->handle = dsm_segment_handle(segment);
	return segment;
}

/*
 * map_shared
 *		The memory, made if there is none; NULL where there can be none.  The lock is
 *		held.
 */
static char *
map_shared(void)
{
	bool found;
	SharedHints *shared =
		ShmemInitStruct(SHARED_NAME, sizeof(SharedHints), &found);
	dsm_segment *segment;

	if (!found)
		memset(shared, 0, sizeof(SharedHints));
	if (shared->unavailable)
		return NULL;
	segment = shared->handle != DSM_HANDLE_INVALID ? dsm_attach(shared->handle)
												   : make_shared(shared);
	if (segment == NULL)
		return NULL;
	dsm_pin_mapping(segment);
	return (char *) CACHELINEALIGN(dsm_segment_address(segment));
}

/*
 * look_for_shared
 *		The memory if it can be had, otherwise NULL.
 *
 * An append does not fail for want of memory that it can do without: the
 * subtransaction takes back what an error leaves behind, and the server's log
 * has its message.
 */
static char *
look_for_shared(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char *volatile shared = NULL;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		ES_FAULT_POINT("hints: looked for");
		LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
		shared = map_shared();
		LWLockRelease(AddinShmemInitLock);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ereport(LOG, (errmsg("event_store shares no hints: %s", error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return shared;
}

/*
 * es_hint_memory_look
 *		Looks for the memory once a session; returns whether that has been done.
 *
 * Not while a query runs in parallel, when there can be no subtransaction; a later
 * call does it then.
 */
bool
es_hint_memory_look(void)
{
	if (likely(looked))
		return true;
	if (IsInParallelMode())
		return false;
	looked = true;
	memory = look_for_shared();
	return true;
}

/*
 * es_stream_hint_memory
 *		That for hints at streams, aligned to cache lines; NULL where there is none, or
 *		nobody has looked yet.
 */
void *
es_stream_hint_memory(void)
{
	return memory;
}

/*
 * es_page_hint_memory
 *		That for hints at pages, and how many there are, a power of two; NULL where
 *		there is none, or nobody has looked yet.
 */
Buffer *
es_page_hint_memory(uint32 *npages)
{
	if (memory == NULL)
		return NULL;
	*npages = count_page_hints();
	return (Buffer *) (memory + ES_STREAM_HINT_BYTES);
}
