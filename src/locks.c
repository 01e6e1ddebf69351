/*-------------------------------------------------------------------------
 *
 * locks.c
 *	  The locks of appenders: streams, the store, and the in-flight mark.
 *
 * All three are heavyweight locks to the end of the transaction.  Stream
 * locks and marks live in the key space of advisory locks, in classes of
 * our own (pg_locks.objsubid 17747 and 17748), so that they never meet those
 * of pg_advisory_lock(), which have 1 and 2, nor are freed with them.  So do
 * the locks of projections (17749), which appenders do not take.
 *
 * Stream lock: exclusive, keyed by a hash of the stream's name; streams whose
 * hashes collide merely wait for each other.  Whoever holds it is alone in
 * appending to the stream and in deciding on its version.  New categories are
 * locked in the same class by keys of their own.
 *
 * Store lock: SHARE ROW EXCLUSIVE on the table of events, where every append
 * holds ROW EXCLUSIVE.  It stands for all stream locks, and is taken where a
 * transaction would come to hold so many that the lock table might overflow:
 * more than max_locks_per_transaction / 2.
 *
 * In-flight mark: shared, keyed by the sequence's last value at the moment
 * before the transaction's first draw, which is a lower bound of everything
 * that it will draw.  See position.c for what readers make of it.
 *
 * Whose locks: a lock belongs to a resource owner, and the one that is
 * current inside of a cursor's FETCH is the cursor's.  A FETCH that fails in a
 * savepoint drops what its cursor holds although events that an earlier FETCH
 * appended live on.  So stream and store locks are always taken for the
 * current subtransaction, whose rollback takes the events away with them, and
 * the mark for the top transaction, once, and kept to its end.
 *
 * Interleavings considered:
 *
 * - Two appenders to one stream: the second waits until the first's
 *	 transaction has ended and its events are visible or gone, since locks
 *	 are dropped after the transaction left the proc array: at commit, at
 *	 COMMIT PREPARED, and at promotion.
 * - Several streams in one call: locked in the order of their keys, then the
 *	 new categories in the order of theirs, so two calls cannot deadlock.
 *	 Several calls in one transaction can, and one gets 40P01.
 * - Store lock against appender: the appender takes ROW EXCLUSIVE before any
 *	 stream lock, so while it waits for the store lock's holder, or behind
 *	 somebody who waits for the store lock, nobody waits for its streams.  A
 *	 transaction that takes the store lock after it has appended may deadlock
 *	 with another that has appended: 40P01, whose hint is lock_store().  A
 *	 call that could pass the bound by itself takes the store lock first.
 * - Store lock after appends against the first append of another, which waits
 *	 for one of these streams or for a new category: with ROW EXCLUSIVE in hand
 *	 the two would be in a deadlock.  So a transaction that holds no locks from
 *	 earlier calls lets go of its tables while it waits.  It then takes them
 *	 with the stream's lock in hand, behind somebody who waits for the store
 *	 lock, maybe, and who waits for somebody who waits for the stream; but such
 *	 a ring PostgreSQL resolves by letting it go first.
 * - Who has altered the events, or built an index on them, against that one:
 *	 it waits for the tables with the stream in hand, and must not be waited
 *	 for.  Whoever holds the events against everybody takes the store lock
 *	 instead of the stream's.
 * - Rolled-back savepoint: stream locks taken in it go; the mark stays, which
 *	 is harmless, as it only holds readers back until the end.  What is still
 *	 held is followed by subtransaction.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/locks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "compat.h"
#include "fault.h"
#include "locks.h"
#include "position.h"
#include "worker_memory.h"

/* locktag_field4 of our advisory locks; the view in_flight has the second. */
#define STREAM_LOCK_CLASS 17747
#define MARK_CLASS		  17748

/* That of the locks of projections. */
#define PROJECTION_LOCK_CLASS 17749

/*
 * Keeps categories' keys apart from streams': a call takes locks of streams
 * first, so those of the one kind must never be those of the other.
 */
#define CATEGORY_SEED 1
#define CATEGORY_BIT  UINT64CONST(1)

/*
 * What one subtransaction holds, itself or by children that committed: the
 * innermost that holds anything comes first.
 */
typedef struct SubtransactionLocks
{
	SubTransactionId owner;
	int stream_locks;
	bool store_lock;
	struct SubtransactionLocks *outer;
} SubtransactionLocks;

/*
 * What the current top-level transaction holds; reset at its end by
 * forget_transaction().
 */
static struct
{
	bool mark_held;
	int64 mark;		   /* lower bound of the positions it draws */
	Oid mark_sequence; /* from this sequence */
	bool store_locked;
	int stream_locks;
	SubtransactionLocks *innermost; /* in TopTransactionContext */
} held;

/*
 * forget_transaction
 *		Transaction callback: its locks are gone or belong to a prepared one.
 */
static void
forget_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			memset(&held, 0, sizeof(held));
			break;
		default:
			break;
	}
}

/*
 * own_locks
 *		The entry of the current subtransaction, made if there is none.
 */
static SubtransactionLocks *
own_locks(void)
{
	SubTransactionId current = GetCurrentSubTransactionId();
	SubtransactionLocks *locks = held.innermost;

	if (locks == NULL || locks->owner != current)
	{
		locks = MemoryContextAllocZero(TopTransactionContext,
									   sizeof(SubtransactionLocks));
		locks->owner = current;
		locks->outer = held.innermost;
		held.innermost = locks;
	}
	return locks;
}

/*
 * pass_to_parent
 *		A subtransaction committed: what it holds is its parent's.
 */
static void
pass_to_parent(SubtransactionLocks *locks, SubTransactionId parent)
{
	SubtransactionLocks *outer = locks->outer;

	if (outer == NULL || outer->owner != parent)
	{
		locks->owner = parent;
		return;
	}
	outer->stream_locks += locks->stream_locks;
	outer->store_lock |= locks->store_lock;
	held.innermost = outer;
	pfree(locks);
}

/*
 * drop_locks
 *		A subtransaction rolled back: what it held is free.
 */
static void
drop_locks(SubtransactionLocks *locks)
{
	held.stream_locks -= locks->stream_locks;
	if (locks->store_lock)
		held.store_locked = false;
	held.innermost = locks->outer;
	pfree(locks);
}

/*
 * follow_subtransaction
 *		Subtransaction callback: locks pass to the parent, or go.
 */
static void
follow_subtransaction(SubXactEvent event, SubTransactionId subid,
					  SubTransactionId parent, void *arg)
{
	SubtransactionLocks *locks = held.innermost;

	if (locks == NULL || locks->owner != subid)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		pass_to_parent(locks, parent);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		drop_locks(locks);
}

/*
 * es_locks_init
 *		Called once when the library is loaded.
 */
void
es_locks_init(void)
{
	RegisterXactCallback(forget_transaction, NULL);
	RegisterSubXactCallback(follow_subtransaction, NULL);
}

/*
 * lock_for
 *		Takes an advisory lock of ours on behalf of a resource owner.
 *
 * An error leaves the current owner changed, as it may: abort sets it anew.
 */
static LockAcquireResult
lock_for(ResourceOwner owner, uint64 key, uint16 class, LOCKMODE mode, bool wait)
{
	ResourceOwner current = CurrentResourceOwner;
	LockAcquireResult result;
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key,
						 class);
	CurrentResourceOwner = owner;
	result = LockAcquire(&tag, mode, false, !wait);
	CurrentResourceOwner = current;
	return result;
}

/*
 * es_open_for_append
 *		Opens a table to be written to, locked in ROW EXCLUSIVE mode to the
 *		end of the current subtransaction.
 */
Relation
es_open_for_append(EsTableId table)
{
	/* the reference is the caller's, the lock the subtransaction's */
	return es_store_open_locked(
		es_store_lock(table, RowExclusiveLock, CurTransactionResourceOwner));
}

/*
 * es_close_for_append
 *		Closes a table that es_open_for_append() has opened and gives its lock
 *		back.
 */
void
es_close_for_append(Relation rel)
{
	ResourceOwner current = CurrentResourceOwner;
	LockRelId id = rel->rd_lockInfo.lockRelId;

	table_close(rel, NoLock);
	CurrentResourceOwner = CurTransactionResourceOwner;
	UnlockRelationId(&id, RowExclusiveLock);
	CurrentResourceOwner = current;
}

/*
 * hint_at_lock_store
 *		Error context callback: a deadlock while escalating has a remedy.
 */
static void
hint_at_lock_store(void *arg)
{
	if (geterrcode() == ERRCODE_T_R_DEADLOCK_DETECTED)
		errhint(
			"A transaction that appends to many streams calls event_store.lock_store() before its first append.");
}

/*
 * es_lock_store
 *		Takes the store lock for the current subtransaction.
 */
void
es_lock_store(void)
{
	ErrorContextCallback context;
	Oid relid;

	if (held.store_locked)
		return;

	context.callback = hint_at_lock_store;
	context.arg = NULL;
	context.previous = error_context_stack;
	error_context_stack = &context;
	relid = es_store_lock(ES_EVENTS, ShareRowExclusiveLock,
						  CurTransactionResourceOwner);
	table_close(es_store_open_locked(relid), NoLock);
	error_context_stack = context.previous;
	ES_FAULT_POINT("locks: store locked");
	own_locks()->store_lock = true;
	held.store_locked = true;
}

/*
 * es_holds_store_lock
 *		Whether the transaction holds the store lock.
 */
bool
es_holds_store_lock(void)
{
	return held.store_locked;
}

/*
 * compare_keys
 *		qsort comparator of lock keys.
 */
static int
compare_keys(const void *a, const void *b)
{
	uint64 left = *(const uint64 *) a;
	uint64 right = *(const uint64 *) b;

	return (left > right) - (left < right);
}

/*
 * prepare_stream_locks
 *		Takes the store lock if the locks of some more streams, and of as many
 *		new categories, could pass the bound.
 */
static void
prepare_stream_locks(int nstreams)
{
	if (held.stream_locks + 2 * (int64) nstreams > max_locks_per_xact / 2)
		es_lock_store();
}

/*
 * es_holds_locks
 *		Whether the transaction holds locks of earlier calls.
 */
bool
es_holds_locks(void)
{
	return held.innermost != NULL;
}

/*
 * es_lock_streams
 *		Takes the locks of some streams or categories in the order of their
 *		keys, unless the store lock stands for them.
 *
 * Without wait it stops at the first that somebody else holds; returns whether
 * all are held.  What it got stays.
 */
bool
es_lock_streams(const uint64 *keys, int nkeys, bool wait)
{
	SubtransactionLocks *locks;
	uint64 *sorted;
	bool all = true;

	if (held.store_locked)
		return true;

	sorted = palloc(nkeys * sizeof(uint64));
	memcpy(sorted, keys, nkeys * sizeof(uint64));
	qsort(sorted, nkeys, sizeof(uint64), compare_keys);
	locks = own_locks();
	for (int i = 0; i < nkeys && all; i++)
	{
		LockAcquireResult result =
			lock_for(CurTransactionResourceOwner, sorted[i], STREAM_LOCK_CLASS,
					 ExclusiveLock, wait);

		ES_FAULT_POINT("locks: stream locked");
		switch (result)
		{
			case LOCKACQUIRE_OK:
				locks->stream_locks++;
				held.stream_locks++;
				break;
			case LOCKACQUIRE_NOT_AVAIL:
				all = false;
				break;
			default:
				break;
		}
	}
	pfree(sorted);
	return all;
}

/*
 * es_lock_own_store
 *		Takes the store lock if the transaction keeps all others from appending
 *		anyway, by a lock of its own on the events; returns whether it does.
 *
 * Who altered the events or built an index on them must not wait for a stream
 * then: its holder may be waiting for the tables.
 */
bool
es_lock_own_store(Relation events)
{
	if (!CheckRelationLockedByMe(events, ShareLock, true))
		return false;
	es_lock_store();
	return true;
}

/*
 * es_open_and_lock
 *		Opens the tables of events and streams to be written to, and takes the
 *		locks of some streams.
 *
 * A transaction that holds no locks of earlier calls waits for streams without
 * the tables' locks, so that somebody who holds the streams can take the store
 * lock meanwhile.
 */
void
es_open_and_lock(const uint64 *keys, int nkeys, Relation *events,
				 Relation *streams)
{
	bool wait = es_holds_locks();

	prepare_stream_locks(nkeys);
	*events = es_open_for_append(ES_EVENTS);
	*streams = es_open_for_append(ES_STREAMS);
	ES_FAULT_POINT("locks: tables opened");
	if (es_lock_streams(keys, nkeys, false) || es_lock_own_store(*events) ||
		(wait && es_lock_streams(keys, nkeys, true)))
		return;

	es_close_for_append(*streams);
	es_close_for_append(*events);
	(void) es_lock_streams(keys, nkeys, true);
	*events = es_open_for_append(ES_EVENTS);
	*streams = es_open_for_append(ES_STREAMS);
}

/*
 * es_stream_key
 *		Lock key of a stream.
 */
uint64
es_stream_key(const text *stream)
{
	return hash_bytes_extended((const unsigned char *) VARDATA_ANY(stream),
							   VARSIZE_ANY_EXHDR(stream), 0) &
		~CATEGORY_BIT;
}

/*
 * es_category_key
 *		Lock key of a category that is about to be made.
 */
uint64
es_category_key(const text *category)
{
	return hash_bytes_extended((const unsigned char *) VARDATA_ANY(category),
							   VARSIZE_ANY_EXHDR(category), CATEGORY_SEED) |
		CATEGORY_BIT;
}

/*
 * projection_key
 *		Lock key of a generation of a projection.
 */
static uint64
projection_key(const char *name, int32 generation)
{
	return hash_bytes_extended((const unsigned char *) name, strlen(name),
							   (uint32) generation);
}

/*
 * es_lock_projection
 *		Takes the lock of a generation of a projection, to the end of the current
 *		subtransaction: whoever holds it is alone in running it.  Without wait it
 *		returns false when somebody else does.
 */
bool
es_lock_projection(const char *name, int32 generation, bool wait)
{
	return lock_for(CurTransactionResourceOwner,
					projection_key(name, generation), PROJECTION_LOCK_CLASS,
					ExclusiveLock, wait) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * es_projection_holder
 *		Who holds that lock: a pid, 0 for nobody.
 */
int
es_projection_holder(const char *name, int32 generation)
{
	uint64 key = projection_key(name, generation);
	LockData *locks = GetLockStatusData();
	int pid = 0;

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (lock->locktag.locktag_type == LOCKTAG_ADVISORY &&
			lock->locktag.locktag_field4 == PROJECTION_LOCK_CLASS &&
			lock->locktag.locktag_field1 == MyDatabaseId &&
			lock->locktag.locktag_field2 == (uint32) (key >> 32) &&
			lock->locktag.locktag_field3 == (uint32) key && lock->holdMask != 0)
			pid = lock->pid;
	}
	pfree(locks->locks);
	pfree(locks);
	return pid;
}

/*
 * es_place_mark
 *		Places the transaction's in-flight mark, if it has none: before its
 *		first draw.
 *
 * A transaction that makes the store anew draws from another sequence, and has
 * a mark for each.
 */
void
es_place_mark(void)
{
	int64 last;

	if (held.mark_held && held.mark_sequence == es_store_sequence())
		return;
	last = es_last_position_to_draw();
	ES_FAULT_POINT("locks: mark chosen");
	(void) lock_for(TopTransactionResourceOwner, (uint64) last, MARK_CLASS,
					ShareLock, true);
	ES_FAULT_POINT("locks: mark locked");
	es_wake_at_end();
	held.mark = last;
	held.mark_sequence = es_store_sequence();
	held.mark_held = true;
}

/*
 * es_holds_mark
 *		Whether the current transaction has a mark, and where.
 */
bool
es_holds_mark(int64 *position)
{
	*position = held.mark;
	return held.mark_held;
}

/*
 * is_foreign_mark
 *		Whether a lock is an in-flight mark of this store that another
 *		transaction holds, prepared ones included.
 */
static bool
is_foreign_mark(const LockInstanceData *lock)
{
	return lock->locktag.locktag_type == LOCKTAG_ADVISORY &&
		lock->locktag.locktag_field4 == MARK_CLASS &&
		lock->locktag.locktag_field1 == MyDatabaseId && lock->holdMask != 0 &&
		lock->pid != MyProcPid;
}

/*
 * es_lowest_mark
 *		The lowest mark that another transaction holds, if below the ceiling;
 *		else the ceiling.
 *
 * The lock manager's status is taken with all its partitions locked, so it is
 * of one moment.
 */
int64
es_lowest_mark(int64 ceiling)
{
	LockData *locks = GetLockStatusData();
	int64 lowest = ceiling;

	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];

		if (is_foreign_mark(lock))
		{
			int64 mark = (int64) (((uint64) lock->locktag.locktag_field2 << 32) |
								  lock->locktag.locktag_field3);

			lowest = Min(lowest, mark);
		}
	}
	pfree(locks->locks);
	pfree(locks);
	return lowest;
}
