/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  One look into a unique index for one row.
 *
 * Most calls ask for a stream's row by its name.  An index scan that is begun,
 * read and ended for that costs more than the descent: it works out its keys,
 * copies all entries that match from the leaf page, and is freed again.  A probe
 * descends with a key that is known to fit the index, looks at the one entry
 * where the row should be, and goes to the table.
 *
 * A probe that does not find a row proves nothing: there may be none, or the
 * entry is that of a row that is not visible, or dead, or lies on the page
 * beside.  The caller then scans.  What a probe finds is what a scan would
 * find.
 *
 * It takes no predicate locks.  So it is for SnapshotSelf and for snapshots of
 * transactions that are not serializable; with others it finds nothing.
 *
 * Concurrency: the caller has locked the table and the index.  The leaf page is
 * read under its share lock, and stays pinned until the row has been fetched, as
 * a scan with such a snapshot does it: VACUUM waits for the pin before it removes
 * the entry, and so before the row's place is used again.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/probe.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "compat.h"
#include "probe.h"

/*
 * es_probe_allows
 *		Whether reading with a snapshot needs no predicate locks.
 */
bool
es_probe_allows(Snapshot snapshot)
{
	return snapshot == SnapshotSelf || !IsolationIsSerializable();
}

/*
 * make_key
 *		An insertion key of an index that sorts upwards: what the descent
 *		compares with.
 */
static void
make_key(BTScanInsert key, Relation index, const Datum *values, int nvalues)
{
	_bt_metaversion(index, &key->heapkeyspace, &key->allequalimage);
	key->anynullkeys = false;
	key->nextkey = false;
	es_clear_search_kind(key);
	key->scantid = NULL;
	key->keysz = nvalues;
	for (int i = 0; i < nvalues; i++)
		ScanKeyEntryInitializeWithInfo(&key->scankeys[i], 0, i + 1,
									   InvalidStrategy, InvalidOid,
									   index->rd_indcollation[i],
									   index_getprocinfo(index, i + 1,
														 BTORDER_PROC),
									   values[i]);
}

/*
 * es_probe_descend
 *		The leaf page where the first entry is that is not before a key, or the
 *		one before it, share-locked; InvalidBuffer in an empty index.  The stack
 *		is of the pages above it; the caller frees it.
 */
BTStack
es_probe_descend(Relation table, Relation index, const Datum *values,
				 int nvalues, Buffer *buffer)
{
	BTScanInsertData key;

	make_key(&key, index, values, nvalues);
	return es_bt_search(index, table, &key, buffer);
}

/*
 * pick_entry
 *		The place in the table of the entry of a key on a leaf page; false if that
 *		is not there, or dead.
 */
static bool
pick_entry(Relation index, Buffer buffer, BTScanInsert key, ItemPointer row)
{
	BTInsertStateData state = {.itup_key = key, .buf = buffer};
	Page page = BufferGetPage(buffer);
	OffsetNumber offset = _bt_binsrch_insert(index, &state);
	ItemId item;
	IndexTuple entry;

	if (offset < P_FIRSTDATAKEY(BTPageGetOpaque(page)) ||
		offset > PageGetMaxOffsetNumber(page))
		return false;
	item = PageGetItemId(page, offset);
	entry = (IndexTuple) PageGetItem(page, item);
	if (ItemIdIsDead(item) || BTreeTupleIsPosting(entry) ||
		_bt_compare(index, key, page, offset) != 0)
		return false;
	*row = entry->t_tid;
	return true;
}

/*
 * fetch
 *		The row at a place, if it is visible.
 */
static bool
fetch(Relation table, Snapshot snapshot, ItemPointer row, TupleTableSlot *slot)
{
	IndexFetchTableData *fetching = table_index_fetch_begin(table);
	bool more = false;
	bool found =
		table_index_fetch_tuple(fetching, row, snapshot, slot, &more, NULL);

	table_index_fetch_end(fetching);
	return found;
}

/*
 * es_probe
 *		Looks for the row with a key.
 *
 * The index is a B-tree that sorts upwards by its first column, as the store's
 * do.  True means that the row is in the slot; false means nothing.
 */
bool
es_probe(Relation table, Relation index, Snapshot snapshot, Datum value,
		 TupleTableSlot *slot)
{
	BTScanInsertData key;
	ItemPointerData row;
	Buffer buffer;
	bool found;

	if (!es_probe_allows(snapshot))
		return false;
	make_key(&key, index, &value, 1);
	pgstat_count_index_scan(index);
	_bt_freestack(es_bt_search(index, table, &key, &buffer));
	if (!BufferIsValid(buffer))
		return false;
	found = pick_entry(index, buffer, &key, &row);
	_bt_unlockbuf(index, buffer);
	found = found && fetch(table, snapshot, &row, slot);
	ReleaseBuffer(buffer);
	return found;
}
