/*-------------------------------------------------------------------------
 *
 * sequence.c
 *	  Whether the sequence of global positions is fit to draw from.
 *
 * Every position in the tables was drawn from the sequence, so its last value
 * is never below any of them: unless rows came by another way.  Logical
 * replication copies rows and not the sequence, and so does a COPY by hand.
 * Positions drawn then would collide with those of the rows, or worse, fall
 * between them, below what readers have seen.
 *
 * So each backend compares the sequence with the highest ids of the tables
 * before it draws for the first time, and again when it knows the store anew,
 * when the database's subscriptions have changed, and after a collision.  Not
 * before every draw: three more index look-ups an append, to guard against rows
 * that arrive behind the back of a running backend.  Of those, the ones of a
 * subscription are known: while one feeds the store, nothing is appended at all.
 *
 * The ids are read first and the sequence after them: a position that some
 * append has drawn and committed meanwhile is in both or in the sequence only.
 *
 * es_repair_sequence() holds the store lock, so no append draws and no event
 * arrives while it looks and sets; like everybody who takes that lock it waits
 * for the appends, prepared ones too, that have not ended.  Rows of streams that
 * a subscription still copies may come; but nothing is appended while there is
 * one, and the next look finds them.  The sequence is never set back.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/sequence.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_subscription_rel.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "errors.h"
#include "locks.h"
#include "position.h"
#include "sequence.h"

/*
 * Whether this backend has found the sequence fit to draw from, for the store
 * generation beside it; reset by a change of subscriptions and a collision,
 * which are counted, so that one in the middle of a look is not missed.
 */
static bool trusted = false;
static uint64 trusted_generation = 0;
static uint64 distrusts = 0;

/*
 * es_distrust_sequence
 *		Makes the next append look at the sequence again.
 */
void
es_distrust_sequence(void)
{
	trusted = false;
	distrusts++;
}

/*
 * forget_trust
 *		Syscache callback: the database's subscriptions have changed.
 */
static void
forget_trust(Datum arg, int cacheid, uint32 hashvalue)
{
	es_distrust_sequence();
}

/*
 * es_sequence_init
 *		Called once when the library is loaded.
 */
void
es_sequence_init(void)
{
	CacheRegisterSyscacheCallback(SUBSCRIPTIONRELMAP, forget_trust, (Datum) 0);
}

/*
 * highest_id
 *		The greatest value of an index's only column, 0 for an empty table.
 */
static int64
highest_id(EsTableId table, Relation rel, EsIndexId index, int column)
{
	Relation index_rel = es_store_open_index(index, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	IndexScanDesc scan = es_index_beginscan(rel, index_rel, SnapshotSelf, 0);
	int64 highest = 0;

	index_rescan(scan, NULL, 0, NULL, 0);
	if (index_getnext_slot(scan, BackwardScanDirection, slot))
		highest = DatumGetInt64(es_column(slot, table, column));
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index_rel, AccessShareLock);
	return highest;
}

/*
 * highest_drawn
 *		The highest global position that the tables hold, as an id or an event's.
 *
 * Ids of streams and categories are positions of events that may have come, or
 * not yet come, with a subscription's tables one by one.
 */
static int64
highest_drawn(Relation events, Relation streams, Relation categories)
{
	int64 highest =
		highest_id(ES_EVENTS, events, ES_EVENTS_BY_POSITION, EV_GLOBAL_POSITION);

	highest =
		Max(highest,
			highest_id(ES_STREAMS, streams, ES_STREAMS_BY_ID, STR_STREAM_ID));
	return Max(highest,
			   highest_id(ES_CATEGORIES, categories, ES_CATEGORIES_BY_ID,
						  CAT_CATEGORY_ID));
}

/*
 * is_subscribed
 *		Whether a subscription of this database feeds a table.
 */
static bool
is_subscribed(Relation table)
{
	Relation rel = table_open(SubscriptionRelRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool found;

	ScanKeyInit(&key, Anum_pg_subscription_rel_srrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationGetRelid(table)));
	scan = systable_beginscan(rel, SubscriptionRelSrrelidSrsubidIndexId, true,
							  NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * es_raise_sequence_behind
 *		ST009: positions drawn now would be those of events that are there.  The
 *		detail may be NULL.
 */
void
es_raise_sequence_behind(const char *detail)
{
	ereport(ERROR,
			(errcode(ES_ERR_SEQUENCE_BEHIND),
			 errmsg("the sequence of global positions is behind the events"),
			 detail ? errdetail_internal("%s", detail) : 0,
			 errhint(
				 "Rows came by another way than the calls. When no more come, let the store's owner call event_store.repair_sequence().")));
}

/*
 * refuse_subscribed
 *		ST009: what is appended beside a subscription ends in a collision.
 */
static void
refuse_subscribed(Relation table)
{
	if (is_subscribed(table))
		ereport(ERROR,
				(errcode(ES_ERR_SEQUENCE_BEHIND),
				 errmsg("cannot append to an event store that a subscription feeds"),
				 errdetail("Table \"%s.%s\" is a copy of the publisher's, whose next positions would be drawn here, too.",
						   ES_SCHEMA, RelationGetRelationName(table)),
				 errhint(
					 "Append on the publisher; or drop the subscription and call event_store.repair_sequence().")));
}

/*
 * es_require_sequence
 *		Raises ST009 when positions drawn from the sequence could collide with
 *		what the tables hold, or a subscription feeds them.
 */
void
es_require_sequence(Relation events, Relation streams)
{
	uint64 generation = es_store_generation();
	uint64 distrusts_before = distrusts;
	Relation categories;
	int64 highest;
	int64 last;

	if (likely(trusted && trusted_generation == generation))
		return;

	categories = es_store_open(ES_CATEGORIES, AccessShareLock);
	refuse_subscribed(events);
	refuse_subscribed(streams);
	refuse_subscribed(categories);
	highest = highest_drawn(events, streams, categories);
	last = es_last_position();
	if (last < highest)
		es_raise_sequence_behind(
			psprintf("Its last value is %lld, the highest global position is %lld.",
					 (long long) last, (long long) highest));
	table_close(categories, NoLock);
	trusted = (distrusts == distrusts_before);
	trusted_generation = generation;
}

/*
 * es_sequence_flaw
 *		What is wrong with the sequence's settings, a sentence; NULL for
 *		nothing.
 */
const char *
es_sequence_flaw(void)
{
	HeapTuple tuple =
		SearchSysCache1(SEQRELID, ObjectIdGetDatum(es_store_sequence()));
	Form_pg_sequence form;
	const char *flaw = NULL;

	if (!HeapTupleIsValid(tuple))
		return "Its settings are missing.";
	form = (Form_pg_sequence) GETSTRUCT(tuple);
	if (form->seqincrement != 1)
		flaw = psprintf("It increments by %lld and not by 1.",
						(long long) form->seqincrement);
	else if (form->seqcache != 1)
		flaw = psprintf("It has a cache of %lld and not of 1.",
						(long long) form->seqcache);
	else if (form->seqcycle)
		flaw = "It cycles.";
	else if (form->seqmin != 1)
		flaw = psprintf("Its least value is %lld and not 1.",
						(long long) form->seqmin);
	ReleaseSysCache(tuple);
	return flaw;
}

/*
 * es_repair_sequence
 *		Sets the sequence to the highest position of the tables where it is
 *		below; returns its last value.  Takes the store lock.
 */
int64
es_repair_sequence(void)
{
	Relation events;
	Relation streams;
	Relation categories;
	int64 highest;
	int64 last;

	es_lock_store();
	events = es_store_open(ES_EVENTS, AccessShareLock);
	streams = es_store_open(ES_STREAMS, AccessShareLock);
	categories = es_store_open(ES_CATEGORIES, AccessShareLock);
	highest = highest_drawn(events, streams, categories);
	last = es_last_position();
	if (last < highest)
	{
		(void) DirectFunctionCall2(setval_oid,
								   ObjectIdGetDatum(es_store_sequence()),
								   Int64GetDatum(highest));
		last = highest;
	}
	table_close(categories, NoLock);
	table_close(streams, NoLock);
	table_close(events, NoLock);
	es_distrust_sequence();
	return last;
}
