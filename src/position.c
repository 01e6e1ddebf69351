/*-------------------------------------------------------------------------
 *
 * position.c
 *	  Global positions: drawing them, and how far readers may go.
 *
 * Positions come from one sequence, so their order is the order of drawing,
 * which is not the order of commit: a reader that goes on after the highest
 * position it saw skips what commits later with a lower one.  Readers
 * therefore stop at the safe position, at or below which nothing can still
 * appear.
 *
 * An appender, in this order:
 *	 a1. reads the sequence's last value L, under the lock that a3 needs,
 *	 a2. takes the in-flight mark L,
 *	 a3. draws positions, all above L, and stores its events,
 *	 a4. commits, which first makes the events visible and then frees the mark.
 *
 * A reader, in this order:
 *	 r1. reads the sequence's last value S,
 *	 r2. looks at all marks that are held,
 *	 r3. takes the lowest of S and the marks: the safe position,
 *	 r4. takes a new snapshot, and reads the events up to the safe position.
 *
 * Let p <= safe be a position that some appender draws.  If the draw came
 * before r1: either a4 had freed the mark before r2, then the event is visible
 * to r4's snapshot or was rolled back; or the mark was held at r2, then safe
 * <= L < p, which it is not.  If the draw came after r1, p > S >= safe.  So
 * nothing can appear at or below the safe position after r4; it needs no
 * timeout, and transactions that do not append play no part in it.
 *
 * The reader's own mark is passed over, so that its transaction's own appends
 * hold it back no more than they must: it draws above S whatever it appends
 * later.  Another's mark may still lie below what it appended.
 *
 * Not while an append of its own is writing, though: what that has drawn is at
 * or below S and not stored yet, and whoever reads in the middle of it, such as
 * a BEFORE ROW trigger or a function of a CHECK, is told to stop below.
 *
 * Who holds the store lock need not look at the marks.  All that has been drawn is
 * visible or was rolled back, as whoever draws holds the table of events to the end
 * of its transaction, or of the subtransaction that is rolled back; and what is drawn
 * later is above.  Nor may it look: a transaction that ends frees its locks one
 * after the other, and its mark may be there for a moment when the table, which was
 * waited for, is free already.
 *
 * A crash hands positions out again whose sequence record had not reached the
 * disk, and the promotion of a standby those whose record had not reached that
 * standby.  Somebody outside could have been told of a safe position above
 * them, who would then skip what is appended there.  So between r1 and r2 the
 * log is made safe up to the sequence's page as r1 saw it: it is flushed, and
 * where there are synchronous standbys they have flushed it, too.  Commits wait
 * for them before their events can be seen, but a rolled-back append has no
 * commit, and an asynchronous one does not wait.  Nothing is lost by waiting
 * there: the marks are looked at later, and can only be fewer.
 *
 * That wait does not depend on the reader's synchronous_commit, which is about
 * what the reader itself commits.  A safe position is told to others, too.
 *
 * The sequence's page is changed in the log once in 32 draws.  A backend
 * remembers how far it knows the log to be safe, so a reader that polls a store
 * where nothing happens asks nobody.  This holds for the backend's life: the
 * log only grows, a crash ends all backends, and a backend that has seen its
 * standby promoted could not ask for a safe position before.  As for commits,
 * what was safe while no standbys, or others, were synchronous is not waited
 * for again.
 *
 * The safe position is not monotone: an appender that was preempted between a1
 * and a2 places a mark below a safe position already told, though it will draw
 * above it.  That is harmless, since whatever was told stays final, and a reader
 * goes on from the last event it got.  A backend remembers the highest that it
 * computed, until something of the store changes: what is wholly at or below it
 * can be read without looking at the locks.
 *
 * What is remembered must hold for good, so while the transaction holds a mark
 * of its own nothing above that mark is: its events may yet be prepared, and
 * then become visible at any later time.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/position.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xlog.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "storage/bufmgr.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/resowner.h"

#include "errors.h"
#include "horizon.h"
#include "locks.h"
#include "position.h"
#include "store.h"

/*
 * The highest safe position this backend has computed, good for the store
 * generation beside it: a dropped store starts again at 0.
 */
static int64 highest_safe = 0;
static uint64 highest_safe_generation = 0;

/*
 * The first position drawn by the outermost append that has not stored all of
 * its events yet, 0 for none; reset by that append, whether it ends or fails.
 */
static int64 unwritten = 0;

/*
 * Up to here this backend knows the log to be safe from a crash, and from the
 * promotion of a synchronous standby; never reset.
 */
static XLogRecPtr safe_lsn = InvalidXLogRecPtr;

/*
 * last_drawn
 *		The last position that was drawn, 0 before the first draw, and how far
 *		the log must be kept so that it is not drawn again.
 */
static int64
last_drawn(Relation sequence, XLogRecPtr *lsn)
{
	Buffer buffer = ReadBuffer(sequence, 0);
	Page page;
	HeapTupleData tuple;
	Form_pg_sequence_data data;
	int64 last;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	tuple.t_data =
		(HeapTupleHeader) PageGetItem(page,
									  PageGetItemId(page, FirstOffsetNumber));
	data = (Form_pg_sequence_data) GETSTRUCT(&tuple);
	last = data->is_called ? data->last_value : data->last_value - 1;
	*lsn = BufferGetLSNAtomic(buffer);
	UnlockReleaseBuffer(buffer);
	return last;
}

/*
 * es_last_position
 *		The last position that was drawn, 0 before the first draw.
 */
int64
es_last_position(void)
{
	Relation sequence = es_store_open_sequence(AccessShareLock);
	XLogRecPtr lsn;
	int64 last = last_drawn(sequence, &lsn);

	relation_close(sequence, AccessShareLock);
	return last;
}

/*
 * es_check_within_store
 *		Raises ST008 for a position that the store has not come to: a reader's
 *		from another store, or from before a restore to the past.
 */
void
es_check_within_store(int64 position)
{
	int64 last = es_last_position();

	if (position <= last)
		return;
	ereport(ERROR,
			(errcode(ES_ERR_BEYOND_STORE),
			 errmsg("position %lld is beyond the event store",
					(long long) position),
			 errdetail("The last position drawn is %lld.", (long long) last),
			 errhint(
				 "It is a position of another store, or of a later state of this one: decide where to go on.")));
}

/*
 * es_last_position_to_draw
 *		The same for somebody who is going to draw: takes the lock that the draw
 *		takes, and leaves it to the end of the transaction, as that does.
 */
int64
es_last_position_to_draw(void)
{
	Oid relid =
		es_store_lock_sequence(RowExclusiveLock, TopTransactionResourceOwner);
	Relation sequence = relation_open(relid, NoLock);
	XLogRecPtr lsn;
	int64 last = last_drawn(sequence, &lsn);

	relation_close(sequence, NoLock);
	return last;
}

/*
 * es_draw_position
 *		The next global position.  The transaction's mark must be placed.
 *
 * Who may append may draw: the sequence's own privileges are not asked.
 * Raises 55000 where somebody gave the sequence a cache, from which values
 * below the mark would come.
 */
int64
es_draw_position(void)
{
	int64 position = nextval_internal(es_store_sequence(), false);
	int64 mark;

	if (unlikely(!es_holds_mark(&mark) || position <= mark))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("global position %lld is not above the in-flight mark %lld",
						(long long) position, (long long) mark),
				 errhint(
					 "The sequence event_store.events_global_position_seq must ascend by 1 with CACHE 1; mend it, and let sessions that drew from it reconnect.")));
	return position;
}

/*
 * es_begin_writing
 *		Holds this backend's own reads below a position that is about to be
 *		written; returns what es_end_writing() wants.
 */
int64
es_begin_writing(int64 position)
{
	int64 outer = unwritten;

	if (outer == 0)
		unwritten = position;
	return outer;
}

/*
 * es_end_writing
 *		All that was drawn since es_begin_writing() is stored, or never will be.
 */
void
es_end_writing(int64 outer)
{
	unwritten = outer;
}

/*
 * note_cancelled_wait
 *		Error context callback: the wait for standbys was given up.
 *
 * PostgreSQL takes that wait for a commit's, which cannot be undone: it warns
 * and returns.  Here nothing was committed, so the warning, which only the
 * server's log gets, says what is the case.  When the postmaster has died it
 * does not even warn; the session is to end then.
 */
static void
note_cancelled_wait(void *arg)
{
	int sqlstate = geterrcode();

	if (sqlstate != ERRCODE_WARNING && sqlstate != ERRCODE_ADMIN_SHUTDOWN)
		return;
	*(bool *) arg = true;
	errmsg("canceling the wait for synchronous replication");
	errdetail("No safe position of the event store was returned.");
}

/*
 * raise_cancelled
 *		Raises what made PostgreSQL give up the wait for standbys: 57014, or
 *		57P01 when the session is to end.
 *
 * Its cancel was taken from the queue of interrupts and is put back, so that
 * the error names the reason, such as a timeout.
 */
static void
raise_cancelled(void)
{
	QueryCancelPending = !ProcDiePending;
	InterruptPending = true;
	CHECK_FOR_INTERRUPTS();

	/* interrupts are held off */
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("canceling statement due to user request")));
}

/*
 * wait_for_standbys
 *		Waits until the synchronous standbys, if any, have flushed the log up
 *		to a place; returns false when it was told not to wait any longer.
 *
 * Wherever the session's settings would let the wait be skipped, or hide that
 * it was given up, they do not hold in it.  The output to the client, which a
 * session that is to end has lost by then, is given back for the error.
 */
static bool
wait_for_standbys(XLogRecPtr lsn)
{
	CommandDest destination = whereToSendOutput;
	int guc_level = NewGUCNestLevel();
	bool cancelled = false;
	ErrorContextCallback context;

	(void) set_config_option("synchronous_commit", "on", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("client_min_messages", "error", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("log_min_messages", "warning", PGC_SUSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	context.callback = note_cancelled_wait;
	context.arg = &cancelled;
	context.previous = error_context_stack;
	error_context_stack = &context;

	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(lsn, false);
	whereToSendOutput = destination;
	RESUME_INTERRUPTS();

	error_context_stack = context.previous;
	AtEOXact_GUC(true, guc_level);
	return !cancelled && !ProcDiePending;
}

/*
 * make_log_safe
 *		Returns once neither a crash nor the promotion of a synchronous standby
 *		can lose the log up to a place.  Raises 57014 when the wait for the
 *		standbys is cancelled.
 */
static void
make_log_safe(XLogRecPtr lsn)
{
	if (lsn <= safe_lsn)
		return;
	XLogFlush(lsn);
	if (!wait_for_standbys(lsn))
		raise_cancelled();
	safe_lsn = lsn;
}

/*
 * remembered_safe
 *		The highest safe position computed so far for this store.
 */
static int64
remembered_safe(void)
{
	if (highest_safe_generation != es_store_generation())
	{
		highest_safe = 0;
		highest_safe_generation = es_store_generation();
	}
	return highest_safe;
}

/*
 * es_safe_position
 *		A safe position: the highest there is, or any that is not below the
 *		one wanted.
 *
 * The caller must have locked the table of events, if it is going to read, so
 * that it reads the store that this is about; and take the snapshot that it
 * reads with afterwards.  May wait for synchronous standbys, as a commit does.
 * During recovery there are no marks to go by: then it is what a worker of the primary
 * has published, and 0A000 is raised where none has.  Raises 57014 when the wait is
 * cancelled.
 */
int64
es_safe_position(int64 wanted)
{
	Relation sequence;
	XLogRecPtr lsn;
	int64 last;
	int64 safe;
	int64 own_mark;

	PreventCommandIfParallelMode("a read of the event store in global order");
	if (RecoveryInProgress())
		return es_horizon();

	/* under its lock it is this store that the memory is compared with */
	sequence = es_store_open_sequence(AccessShareLock);
	if (wanted <= remembered_safe())
	{
		relation_close(sequence, AccessShareLock);
		return highest_safe;
	}
	last = last_drawn(sequence, &lsn);
	make_log_safe(lsn);
	safe = es_holds_store_lock() ? last : es_lowest_mark(last);
	if (unwritten != 0)
		safe = Min(safe, unwritten - 1);
	safe = Max(safe, highest_safe);
	highest_safe =
		es_holds_mark(&own_mark) ? Max(highest_safe, Min(safe, own_mark)) : safe;
	relation_close(sequence, AccessShareLock);
	return safe;
}
