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
 *	 a1. reads the sequence's last value L,
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
 * A crash hands positions out again whose sequence record had not reached the
 * disk.  Somebody outside could have been told of a safe position above them,
 * so before a safe position leaves the server the log is flushed up to the
 * sequence's page.
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
#include "storage/bufmgr.h"

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
 * last_drawn
 *		The last position that was drawn, 0 before the first draw.
 *
 * With flush, the log is on disk up to that draw when this returns.
 */
static int64
last_drawn(Relation sequence, bool flush)
{
	Buffer buffer = ReadBuffer(sequence, 0);
	Page page;
	HeapTupleData tuple;
	Form_pg_sequence_data data;
	int64 last;
	XLogRecPtr lsn;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	tuple.t_data =
		(HeapTupleHeader) PageGetItem(page,
									  PageGetItemId(page, FirstOffsetNumber));
	data = (Form_pg_sequence_data) GETSTRUCT(&tuple);
	last = data->is_called ? data->last_value : data->last_value - 1;
	lsn = BufferGetLSNAtomic(buffer);
	UnlockReleaseBuffer(buffer);

	if (flush)
		XLogFlush(lsn);
	return last;
}

/*
 * es_last_position
 *		The last position that was drawn, 0 before the first draw: for the
 *		in-flight mark.
 */
int64
es_last_position(void)
{
	Relation sequence = es_store_open_sequence(AccessShareLock);
	int64 last = last_drawn(sequence, false);

	relation_close(sequence, AccessShareLock);
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
 * reads with afterwards.  Raises 0A000 during recovery, where there are no
 * marks to go by.
 */
int64
es_safe_position(int64 wanted)
{
	Relation sequence;
	int64 safe;
	int64 own_mark;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot read the event store in global order during recovery"),
				 errdetail(
					 "A standby does not know which appends of its primary are in flight."),
				 errhint(
					 "Read single streams here with event_store.read_stream(), or read on the primary.")));

	PreventCommandIfParallelMode("a read of the event store in global order");

	/* under its lock it is this store that the memory is compared with */
	sequence = es_store_open_sequence(AccessShareLock);
	if (wanted <= remembered_safe())
	{
		relation_close(sequence, AccessShareLock);
		return highest_safe;
	}
	safe = es_lowest_mark(last_drawn(sequence, true));
	safe = Max(safe, highest_safe);
	highest_safe =
		es_holds_mark(&own_mark) ? Max(highest_safe, Min(safe, own_mark)) : safe;
	relation_close(sequence, AccessShareLock);
	return safe;
}
