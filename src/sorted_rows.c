/*-------------------------------------------------------------------------
 *
 * sorted_rows.c
 *	  Rows of a table of the store, sorted by some of its columns.
 *
 * For checks that must not believe an index: the table is read from its
 * beginning to its end, and what is asked of each row is sorted, within
 * work_mem and beyond it on disk.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/sorted_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#include "sorted_rows.h"

struct EsSortedRows
{
	Tuplesortstate *sort;
	TupleTableSlot *slot;
};

/*
 * make_desc
 *		Descriptor of rows that have some columns of a table.
 */
static TupleDesc
make_desc(EsTableId table, Relation rel, const EsSortColumn *columns, int ncolumns)
{
	TupleDesc desc = CreateTemplateTupleDesc(ncolumns);

	for (int i = 0; i < ncolumns; i++)
	{
		if (columns[i].digest != NULL)
			TupleDescInitEntry(desc, i + 1, NULL, BYTEAOID, -1, 0);
		else
			TupleDescCopyEntry(desc, i + 1, RelationGetDescr(rel),
							   es_store_attnum(table, columns[i].column));
	}
	return desc;
}

/* How rows are read. */
typedef struct RowReader
{
	EsTableId table;
	const EsSortColumn *columns;
	int ncolumns;
	EsHasher *hasher;
	EsHashValue *digests; /* one a column */
} RowReader;

/*
 * read_digest
 *		The digest of a column of a row.
 */
static Datum
read_digest(RowReader *reader, TupleTableSlot *read, int i)
{
	const EsSortColumn *column = &reader->columns[i];
	EsHash digest;

	column->digest(reader->hasher,
				   es_column(read, reader->table, column->column), &digest);
	return es_hash_value(&reader->digests[i], &digest);
}

/*
 * read_row
 *		What is asked of a row.
 */
static void
read_row(RowReader *reader, TupleTableSlot *read, TupleTableSlot *row)
{
	bool digested = true;

	ExecClearTuple(row);
	for (int i = 0; i < reader->ncolumns; i++)
	{
		const EsSortColumn *column = &reader->columns[i];
		bool isnull = column->digest != NULL && !digested;

		if (column->is_optional)
		{
			row->tts_values[i] =
				es_optional_column(read, reader->table, column->column, &isnull);
			digested = !isnull;
		}
		else if (column->digest == NULL)
			row->tts_values[i] = es_column(read, reader->table, column->column);
		else if (digested)
			row->tts_values[i] = read_digest(reader, read, i);
		row->tts_isnull[i] = isnull;
	}
	ExecStoreVirtualTuple(row);
}

/*
 * begin_sort
 *		A sort by the first columns, all of type bigint.
 */
static Tuplesortstate *
begin_sort(TupleDesc desc, int nkeys)
{
	AttrNumber attnums[3];
	Oid operators[3];
	Oid collations[3] = {InvalidOid, InvalidOid, InvalidOid};
	bool nulls_first[3] = {false, false, false};

	Assert(nkeys <= lengthof(attnums));
	for (int i = 0; i < nkeys; i++)
	{
		attnums[i] = i + 1;
		operators[i] = Int8LessOperator;
	}
	return tuplesort_begin_heap(desc, nkeys, attnums, operators, collations,
								nulls_first, work_mem, NULL, TUPLESORT_NONE);
}

/*
 * read_all
 *		Reads a table into a sort.
 */
static void
read_all(RowReader *reader, Relation rel, Snapshot snapshot, EsSortedRows *rows,
		 EsRowRead row_read, void *arg)
{
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *read = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, read))
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		read_row(reader, read, rows->slot);
		MemoryContextSwitchTo(caller);
		tuplesort_puttupleslot(rows->sort, rows->slot);
		MemoryContextReset(row_context);
		row_read(arg);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(read);
	MemoryContextDelete(row_context);
}

/*
 * es_sort_rows
 *		Reads a table and sorts some of its columns by the first nkeys of them,
 *		which are of type bigint.
 */
EsSortedRows *
es_sort_rows(EsTableId table, Relation rel, Snapshot snapshot,
			 const EsSortColumn *columns, int ncolumns, int nkeys,
			 EsRowRead row_read, void *arg)
{
	EsSortedRows *rows = palloc(sizeof(EsSortedRows));
	TupleDesc desc = make_desc(table, rel, columns, ncolumns);
	RowReader reader = {table, columns, ncolumns};

	rows->sort = begin_sort(desc, nkeys);
	rows->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	reader.hasher = es_hasher_begin();
	reader.digests = palloc(ncolumns * sizeof(EsHashValue));
	read_all(&reader, rel, snapshot, rows, row_read, arg);
	es_hasher_end(reader.hasher);
	pfree(reader.digests);
	ExecDropSingleTupleTableSlot(rows->slot);
	rows->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	tuplesort_performsort(rows->sort);
	return rows;
}

/*
 * es_sorted_next
 *		The columns of the next row, good until the next call; NULL after the
 *		last.
 */
const Datum *
es_sorted_next(EsSortedRows *rows)
{
	CHECK_FOR_INTERRUPTS();
	if (!tuplesort_gettupleslot(rows->sort, true, false, rows->slot, NULL))
		return NULL;
	slot_getallattrs(rows->slot);
	return rows->slot->tts_values;
}

/*
 * es_sorted_is_null
 *		Whether a column of the row is null.
 */
bool
es_sorted_is_null(const EsSortedRows *rows, int column)
{
	return rows->slot->tts_isnull[column];
}

/*
 * es_sorted_end
 *		Frees the rows.
 */
void
es_sorted_end(EsSortedRows *rows)
{
	ExecDropSingleTupleTableSlot(rows->slot);
	tuplesort_end(rows->sort);
	pfree(rows);
}
