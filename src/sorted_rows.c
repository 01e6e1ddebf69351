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
#include "executor/tuptable.h"
#include "miscadmin.h"
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
make_desc(EsTableId table, Relation rel, const int *columns, int ncolumns)
{
	TupleDesc desc = CreateTemplateTupleDesc(ncolumns);

	for (int i = 0; i < ncolumns; i++)
		TupleDescCopyEntry(desc, i + 1, RelationGetDescr(rel),
						   es_store_attnum(table, columns[i]));
	return desc;
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
 * es_sort_rows
 *		Reads a table and sorts some of its columns by the first nkeys of them,
 *		which are of type bigint.
 */
EsSortedRows *
es_sort_rows(EsTableId table, Relation rel, Snapshot snapshot, const int *columns,
			 int ncolumns, int nkeys, EsRowRead row_read, void *arg)
{
	EsSortedRows *rows = palloc(sizeof(EsSortedRows));
	TupleDesc desc = make_desc(table, rel, columns, ncolumns);
	TupleTableSlot *read = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

	rows->sort = begin_sort(desc, nkeys);
	rows->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	while (table_scan_getnextslot(scan, ForwardScanDirection, read))
	{
		CHECK_FOR_INTERRUPTS();
		ExecClearTuple(rows->slot);
		for (int i = 0; i < ncolumns; i++)
		{
			rows->slot->tts_values[i] = es_column(read, table, columns[i]);
			rows->slot->tts_isnull[i] = false;
		}
		ExecStoreVirtualTuple(rows->slot);
		tuplesort_puttupleslot(rows->sort, rows->slot);
		row_read(arg);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(read);
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
