/*-------------------------------------------------------------------------
 *
 * descent.c
 *	  The way down a B-tree.
 *
 * Every append and every fold goes down the index of versions, and that of names
 * where no hint leads to the stream's row.  PostgreSQL's descent finds the buffer of
 * each page in a table that all sessions share; this one finds all but the root, which
 * every session reads all the time, by hints.  Whole numbers it compares itself, without
 * calls of a function.
 *
 * Concurrency: it is nbtree's for readers (see its README).  One page at a time is
 * locked.  A page may have been split since its parent was read, and then the key's
 * place is to the right, as the page's high key tells; one that was deleted is passed
 * by in the same way.  The root is where the session's copy of the meta page says, if
 * it is one still.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/descent.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "descent.h"
#include "leaf_entry.h"
#include "page_hints.h"

/*
 * es_read_index_page
 *		A page of an index, share-locked.
 */
Buffer
es_read_index_page(Relation index, BlockNumber block)
{
	Buffer buffer = es_read_page(index, block);

	_bt_lockbuf(index, buffer, BT_READ);
	_bt_checkpage(index, buffer);
	return buffer;
}

/*
 * read_root
 *		The page where a descent begins, share-locked; InvalidBuffer if the session does
 *		not know it, or not any more.
 */
static Buffer
read_root(Relation index)
{
	const BTMetaPageData *meta = index->rd_amcache;
	BTPageOpaque opaque;
	uint32 level;
	Buffer buffer;

	/* the keys of older ones don't tell rows' places */
	if (meta == NULL || meta->btm_version <= BTREE_NOVAC_VERSION)
		return InvalidBuffer;
	level = meta->btm_fastlevel;
	buffer = _bt_getbuf(index, meta->btm_fastroot, BT_READ);
	opaque = BTPageGetOpaque(BufferGetPage(buffer));
	if (!P_IGNORE(opaque) && opaque->btpo_level == level &&
		P_LEFTMOST(opaque) && P_RIGHTMOST(opaque))
		return buffer;
	_bt_relbuf(index, buffer);
	return InvalidBuffer;
}

/* The key of a descent: PostgreSQL's, or if that is NULL whole numbers. */
typedef struct DescentKey
{
	BTScanInsert key;
	const int64 *values;
	int nvalues;
} DescentKey;

/*
 * is_below_numbers
 *		Whether an entry above the leaves, or a high key, is below some numbers.  A
 *		column that was cut off is below all numbers.  One that is equal is below, since
 *		all that is before it is less, unless it tells a row's place: then there are
 *		others that are equal.
 */
static inline bool
is_below_numbers(Relation index, IndexTuple entry, const int64 *values,
				 int nvalues)
{
	const int64 *columns = es_leaf_values(entry);
	int ncolumns = BTreeTupleGetNAtts(entry, index);

	for (int i = 0; i < nvalues; i++)
	{
		if (i >= ncolumns)
			return true;
		if (columns[i] != values[i])
			return columns[i] < values[i];
	}
	return BTreeTupleGetHeapTID(entry) == NULL;
}

/*
 * is_below
 *		Whether an entry above the leaves, or a high key, is below a key.
 */
static inline bool
is_below(Relation index, Page page, OffsetNumber offset, const DescentKey *key)
{
	return key->key != NULL
		? _bt_compare(index, key->key, page, offset) > 0
		: is_below_numbers(index, es_leaf_entry(page, offset), key->values,
						   key->nvalues);
}

/*
 * child_of
 *		The page under an inner page where a key has its place: that of the last entry
 *		that is below it.  The first is below all keys.
 */
static inline BlockNumber
child_of(Relation index, Page page, const DescentKey *key)
{
	OffsetNumber low = P_FIRSTDATAKEY(BTPageGetOpaque(page));
	OffsetNumber high = OffsetNumberNext(PageGetMaxOffsetNumber(page));

	while (high - low > 1)
	{
		OffsetNumber middle = (low + high) / 2;

		if (is_below(index, page, middle, key))
			low = middle;
		else
			high = middle;
	}
	return BTreeTupleGetDownLink(es_leaf_entry(page, low));
}

/*
 * descend
 *		See es_descend().
 */
static inline Buffer
descend(Relation index, const DescentKey *key)
{
	Buffer buffer = read_root(index);

	while (BufferIsValid(buffer))
	{
		Page page = BufferGetPage(buffer);
		BTPageOpaque opaque = BTPageGetOpaque(page);
		BlockNumber next;

		if (P_IGNORE(opaque) ||
			(!P_RIGHTMOST(opaque) && is_below(index, page, P_HIKEY, key)))
			next = opaque->btpo_next;
		else if (P_ISLEAF(opaque))
			return buffer;
		else
			next = child_of(index, page, key);
		_bt_relbuf(index, buffer);
		buffer = next != P_NONE ? es_read_index_page(index, next) : InvalidBuffer;
	}
	return InvalidBuffer;
}

/*
 * es_descend
 *		The leaf page where the first entry is that is not before a key, or the one
 *		before it, share-locked.  The key is one without nextkey and scantid.
 *
 * InvalidBuffer means nothing: the session does not know the root, or there is none.
 */
Buffer
es_descend(Relation index, BTScanInsert key)
{
	DescentKey wanted = {key, NULL, 0};

	return descend(index, &wanted);
}

/*
 * es_descend_to_numbers
 *		The same of an index whose first columns are bigint, never null, sorted upwards,
 *		with a value for each of its columns.
 */
Buffer
es_descend_to_numbers(Relation index, const int64 *values, int nvalues)
{
	DescentKey wanted = {NULL, values, nvalues};

	return descend(index, &wanted);
}
