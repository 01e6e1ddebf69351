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
 * It takes no predicate locks, so with snapshots that need them it finds nothing; see
 * es_row_fetch_allows().
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
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "compat.h"
#include "descent.h"
#include "probe.h"
#include "row_fetch.h"

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
 * descend
 *		The leaf page where the first entry is that is not before a key, or the one
 *		before it, share-locked; InvalidBuffer in an empty index.
 */
static Buffer
descend(Relation table, Relation index, BTScanInsert key)
{
	Buffer buffer = es_descend(index, key);

	if (!BufferIsValid(buffer))
		_bt_freestack(es_bt_search(index, table, key, &buffer));
	return buffer;
}

/*
 * es_probe_descend
 *		The same for some values.
 */
Buffer
es_probe_descend(Relation table, Relation index, const Datum *values, int nvalues)
{
	BTScanInsertData key;

	make_key(&key, index, values, nvalues);
	return descend(table, index, &key);
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

	if (!es_row_fetch_allows(snapshot))
		return false;
	make_key(&key, index, &value, 1);
	pgstat_count_index_scan(index);
	buffer = descend(table, index, &key);
	if (!BufferIsValid(buffer))
		return false;
	found = pick_entry(index, buffer, &key, &row);
	_bt_unlockbuf(index, buffer);
	if (found)
	{
		EsRowFetch fetch;

		es_row_fetch_begin(&fetch, table);
		found = es_row_fetch(&fetch, &row, snapshot, slot);
		es_row_fetch_end(&fetch);
	}
	ReleaseBuffer(buffer);
	return found;
}
