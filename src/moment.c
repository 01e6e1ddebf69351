/*-------------------------------------------------------------------------
 *
 * moment.c
 *	  Moments in the history of streams.
 *
 * A moment is a version, a time or a global position.  Which version a stream had
 * at a time or at a position is found by halving, for both ascend with the version:
 * some twenty looks at the index of versions for a million events.  Where events
 * were taken out, the one before the gap stands for it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/moment.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "check.h"
#include "compat.h"
#include "moment.h"
#include "scan.h"
#include "store.h"

/*
 * raise_not_one
 *		22023: not exactly one of what may say a moment was given.
 */
static void
raise_not_one(bool may_be_version)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 may_be_version
				 ? errmsg("exactly one of version, as_of and global_position must be given")
				 : errmsg(
					   "exactly one of as_of and global_position must be given")));
}

/*
 * es_moment_argument
 *		The moment that exactly one of some arguments says; -1 is an argument that
 *		the call does not have.  Raises 22023.
 */
void
es_moment_argument(FunctionCallInfo fcinfo, int version, int as_of,
				   int global_position, EsMoment *moment)
{
	bool by_version = version >= 0 && !PG_ARGISNULL(version);
	bool by_time = !PG_ARGISNULL(as_of);
	bool by_position = !PG_ARGISNULL(global_position);

	if (by_version + by_time + by_position != 1)
		raise_not_one(version >= 0);
	if (by_version)
	{
		moment->kind = ES_AT_VERSION;
		moment->place = PG_GETARG_INT64(version);
		es_check_not_negative(moment->place, "version");
	}
	else if (by_time)
	{
		moment->kind = ES_AT_TIME;
		moment->time = PG_GETARG_TIMESTAMPTZ(as_of);
	}
	else
	{
		moment->kind = ES_AT_POSITION;
		moment->place = PG_GETARG_INT64(global_position);
		es_check_not_negative(moment->place, "global_position");
	}
}

/*
 * is_after
 *		Whether an event is later than a time or a position.
 */
static bool
is_after(TupleTableSlot *event, const EsMoment *moment)
{
	if (moment->kind == ES_AT_TIME)
		return es_recorded_after(event, moment->time);
	return DatumGetInt64(es_column(event, ES_EVENTS, EV_GLOBAL_POSITION)) >
		moment->place;
}

/* Looks at a stream's events, one here and one there. */
typedef struct Looks
{
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	int64 stream_id;
} Looks;

/*
 * begin_looks
 *		Starts to look at a stream.
 */
static void
begin_looks(Looks *looks, Relation events, Snapshot snapshot, int64 stream_id)
{
	looks->index = es_store_open_index(ES_EVENTS_BY_VERSION, AccessShareLock);
	looks->scan = es_index_beginscan(events, looks->index, snapshot, 2);
	looks->slot = table_slot_create(events, NULL);
	looks->stream_id = stream_id;
}

/*
 * look
 *		The newest event at a version, or at or below it, by the strategy.
 */
static bool
look(Looks *looks, int64 version, StrategyNumber strategy, RegProcedure comparison)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(looks->stream_id));
	ScanKeyInit(&keys[1], 2, strategy, comparison, Int64GetDatum(version));
	index_rescan(looks->scan, keys, 2, NULL, 0);
	return index_getnext_slot(looks->scan, BackwardScanDirection, looks->slot);
}

/*
 * look_below
 *		The version of the newest event at or below a version, 0 for none; and
 *		whether it is later than a moment.
 *
 * Versions have no gaps, as a rule, and an index page holds hundreds: to ask for
 * those at or below would take all that are on the page.
 */
static int64
look_below(Looks *looks, int64 version, const EsMoment *moment, bool *after)
{
	CHECK_FOR_INTERRUPTS();
	if (!look(looks, version, BTEqualStrategyNumber, F_INT8EQ) &&
		!look(looks, version, BTLessEqualStrategyNumber, F_INT8LE))
		return 0;
	*after = is_after(looks->slot, moment);
	return DatumGetInt64(es_column(looks->slot, ES_EVENTS, EV_VERSION));
}

/*
 * end_looks
 *		Ends that.
 */
static void
end_looks(Looks *looks)
{
	index_endscan(looks->scan);
	ExecDropSingleTupleTableSlot(looks->slot);
	index_close(looks->index, NoLock);
}

/*
 * halve
 *		The version of the last event that is not later than a moment, 0 for none.
 */
static int64
halve(Looks *looks, int64 head, const EsMoment *moment)
{
	int64 low = 0;	   /* the answer, or below it */
	int64 high = head; /* the answer, or above it */
	int64 middle = head;
	int64 answer = 0;

	while (low < high)
	{
		bool after = false;
		int64 found = look_below(looks, middle, moment, &after);

		if (found > 0 && after)
			high = found - 1;
		else
		{
			low = middle;
			answer = Max(answer, found);
		}
		middle = low + (high - low + 1) / 2;
	}
	return answer;
}

/*
 * es_moment_version
 *		A stream's version at a moment, as a snapshot sees it; 0 before its first
 *		event, and the version itself for one that the stream has reached, or -1.
 */
int64
es_moment_version(Relation events, Snapshot snapshot, const EsStream *stream,
				  const EsMoment *moment)
{
	EsHead head;
	Looks looks;
	int64 version;

	es_stream_head(events, snapshot, stream, &head);
	if (moment->kind == ES_AT_VERSION)
		return moment->place <= head.version ? moment->place : -1;
	begin_looks(&looks, events, snapshot, stream->stream_id);
	version = halve(&looks, head.version, moment);
	end_looks(&looks);
	return version;
}
