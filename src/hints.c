/*-------------------------------------------------------------------------
 *
 * hints.c
 *	  Where streams' rows were last seen.
 *
 * A good part of what an append reads is the way to its stream's row, down the
 * index of names.  A hint shortens it to a look at the row.
 *
 * A hint is never believed.  Its place is in the table of streams or behind its
 * end; the row there is seen by the snapshot or not, and has the stream's name
 * or not.  So nothing has to be told to forget a hint when a transaction rolls
 * back, or the table is changed, rewritten or made anew: at worst it costs what
 * it was to save.
 *
 * Readers of many streams find names by hints, too: the same place under a key
 * of the stream's id.  The one kind may take the room of the other.
 *
 * The key's bits choose a set of a few entries, of which the last one noted comes
 * first and the first one noted is the one to go.  A set fills a cache line, so
 * an entry has the rest of the key in 32 bits: a row that is another stream's is
 * found out.
 *
 * All sessions share the hints, since a stream is mostly met again by another
 * session than the last.  They lie in dynamic shared memory, which the first one
 * makes for the life of the server and whose handle is kept in the reserve of the
 * main memory; the library need not be preloaded.  Databases share them, too:
 * the database is part of the keys.  Nobody locks anything.  Who reads an entry
 * that another session is just writing gets a hint that is wrong, such as any
 * hint may be.
 *
 * Where there is no such memory to be had, a session keeps hints of its own.
 * Their sets double as they fill, up to a size that a session can well do with.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/hints.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "fault.h"
#include "hints.h"

#define SET_SIZE	5
#define FIRST_SETS	64
#define MAX_SETS	8192  /* of a session's own: 512 kB */
#define SHARED_SETS 32768 /* 2 MB */

/* Names the handle in shared memory, and the structures behind it. */
#define SHARED_NAME "event_store hints 1"

/* What was seen of a stream, or of one that is taken for it. */
typedef struct Hint
{
	uint32 tag;			 /* of the stream's key */
	ItemPointerData row; /* the place of its row; invalid in a free entry */
	uint16 home;		 /* which sets the key chooses, of whatever many */
} Hint;

typedef struct HintSet
{
	Hint hints[SET_SIZE];
	uint32 unused;
} HintSet;

StaticAssertDecl(sizeof(HintSet) == 64, "a set of hints is to fill a cache line");

/* Where the shared sets are; zeroed when it is made. */
typedef struct SharedHints
{
	dsm_handle handle; /* DSM_HANDLE_INVALID, which is 0, for nowhere yet */
	bool unavailable;  /* and there is no memory for them */
} SharedHints;

/* Tells the keys of ids from those of names, and those of databases apart. */
#define ID_SEED		  2
#define DATABASE_SEED 3

/*
 * The sets, a power of two of them: shared ones, or in a chunk of
 * TopMemoryContext.  Nothing resets them.
 */
static HintSet *sets = NULL;
static void *sets_chunk = NULL; /* NULL for shared ones */
static uint32 nsets = 0;
static uint32 nused = 0; /* entries of the session's own */

/* Whether this session has looked for shared ones; never reset. */
static bool looked = false;

/* What makes keys of this database others than elsewhere; never reset. */
static uint64 database_key = 0;

/*
 * make_shared
 *		Makes the shared sets, for the life of the server; NULL if it may have no
 *		more segments of shared memory.
 *
 * Where that raises an error nobody tries again, and the error is told once.
 */
static dsm_segment *
make_shared(SharedHints *shared)
{
	Size size = SHARED_SETS * sizeof(HintSet) + PG_CACHE_LINE_SIZE;
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
 *		The shared sets, made if there are none; NULL where there can be none.
 *		The lock is held.
 */
static HintSet *
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
	return (HintSet *) CACHELINEALIGN(dsm_segment_address(segment));
}

/*
 * look_for_shared
 *		Uses the shared sets if they can be had.
 *
 * An append does not fail for want of memory that it can do without: the
 * subtransaction takes back what an error leaves behind, and the server's log
 * has its message.
 */
static void
look_for_shared(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	HintSet *volatile shared = NULL;

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
		ereport(LOG,
				(errmsg("event_store shares no hints at streams: %s",
						error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (shared == NULL)
		return;
	sets = shared;
	nsets = SHARED_SETS;
}

/*
 * es_hints_prepare
 *		Looks for the shared hints once a session, before the first is asked for.
 *
 * Not while a query runs in parallel, when there can be no subtransaction; then a
 * later call does it, and until then nothing is noted.
 */
void
es_hints_prepare(void)
{
	if (likely(looked) || IsInParallelMode())
		return;
	looked = true;
	database_key = hash_bytes_uint32_extended(MyDatabaseId, DATABASE_SEED);
	look_for_shared();
}

/*
 * tag_of
 *		What an entry has of a key.
 */
static inline uint32
tag_of(uint64 key)
{
	return (uint32) ((key ^ database_key) >> 32);
}

/*
 * home_of
 *		The bits of a key that choose its set: others than the tag has, and
 *		without the lowest, which is the same in the keys of all names.
 */
static inline uint16
home_of(uint64 key)
{
	return (uint16) ((key ^ database_key) >> 1);
}

/*
 * set_at
 *		The set that such bits choose.
 */
static inline HintSet *
set_at(uint16 home)
{
	return &sets[home & (nsets - 1)];
}

/*
 * put_first
 *		Puts an entry before the others of its set, the last of which goes.
 */
static void
put_first(const Hint *hint)
{
	HintSet *set = set_at(hint->home);

	if (!ItemPointerIsValid(&set->hints[SET_SIZE - 1].row))
		nused++;
	memmove(&set->hints[1], &set->hints[0], (SET_SIZE - 1) * sizeof(Hint));
	set->hints[0] = *hint;
}

/*
 * enlarge
 *		Makes the session's own sets, or doubles them.
 */
static void
enlarge(void)
{
	HintSet *old = sets;
	void *old_chunk = sets_chunk;
	uint32 nold = nsets;
	uint32 size = nold == 0 ? FIRST_SETS : 2 * nold;

	sets_chunk =
		MemoryContextAllocZero(TopMemoryContext,
							   size * sizeof(HintSet) + PG_CACHE_LINE_SIZE);
	sets = (HintSet *) CACHELINEALIGN(sets_chunk);
	nsets = size;
	nused = 0;
	for (uint32 i = 0; i < nold * SET_SIZE; i++)
	{
		const Hint *hint = &old[i / SET_SIZE].hints[i % SET_SIZE];

		if (ItemPointerIsValid(&hint->row))
			put_first(hint);
	}
	if (old_chunk != NULL)
		pfree(old_chunk);
}

/*
 * find
 *		The entry of a key; NULL if there is none.
 */
static Hint *
find(uint64 key)
{
	Hint *hints;

	if (sets == NULL)
		return NULL;
	hints = set_at(home_of(key))->hints;
	for (int i = 0; i < SET_SIZE; i++)
	{
		if (hints[i].tag == tag_of(key) && hints[i].home == home_of(key) &&
			ItemPointerIsValid(&hints[i].row))
			return &hints[i];
	}
	return NULL;
}

/*
 * es_hint_key_of_id
 *		The key of a stream by its id; by its name it is that of its lock.
 */
uint64
es_hint_key_of_id(int64 stream_id)
{
	return hash_bytes_extended((const unsigned char *) &stream_id,
							   sizeof(stream_id), ID_SEED);
}

/*
 * es_hint_get
 *		Where the row of the stream with a key was seen; false when it was not.
 */
bool
es_hint_get(uint64 key, ItemPointer row)
{
	const Hint *hint = find(key);

	if (hint == NULL)
		return false;
	*row = hint->row;
	return true;
}

/*
 * es_hint_note
 *		Notes where the row of the stream with a key is.
 */
void
es_hint_note(uint64 key, const ItemPointerData *row)
{
	Hint *found = find(key);
	Hint hint = {.tag = tag_of(key), .row = *row, .home = home_of(key)};

	if (found != NULL)
	{
		found->row = *row;
		return;
	}
	if (!looked)
		return;
	if (nsets < MAX_SETS && nused >= nsets * (SET_SIZE / 2))
		enlarge();
	put_first(&hint);
}
