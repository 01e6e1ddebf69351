/*-------------------------------------------------------------------------
 *
 * stock_row.c
 *	  One row of the stock: reading it and bringing it up to date.
 *
 * Nearly every event of a product updates a row that is there and was just
 * read, so nothing is left to be found by a query.  Where the table has nothing
 * of its owner's, no trigger, rule, constraint, policy or index but B-trees on
 * columns with PostgreSQL's operators, the update is one of the row's alone: no
 * name is looked up and nothing of anybody else's runs, so no search path has to
 * be pinned for it.  Otherwise it is the business of wh_stock_write(), and also
 * where the owner, who needs no stream's lock for that, has changed the row
 * since it was read.
 *
 * The row is updated whatever the transaction's snapshot shows: see stock.c.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/stock_row.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "stock.h"
#include "stock_row.h"

/*
 * open_key
 *		Opens the index of the primary key, which must be the sku alone.
 */
static Relation
open_key(Relation rel, AttrNumber sku)
{
	Relation index = NULL;

	list_free(RelationGetIndexList(rel)); /* looks up the primary key */
	if (OidIsValid(rel->rd_pkindex))
		index = index_open(rel->rd_pkindex, AccessShareLock);
	if (index == NULL || !index->rd_index->indimmediate ||
		index->rd_index->indnkeyatts != 1 ||
		index->rd_index->indkey.values[0] != sku)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("primary key of table \"%s.%s\" is not its sku",
						WH_SCHEMA, WH_STOCK),
				 errdetail(
					 "The warehouse uses the table as create_warehouse() made it."),
				 errhint(
					 "Make it anew with warehouse.drop_warehouse() and warehouse.create_warehouse().")));
	return index;
}

/*
 * read_row
 *		Takes a product's state from its row.
 */
static void
read_row(Relation rel, TupleTableSlot *slot, WhProduct *product)
{
	bool isnull[4];

	product->quantity = DatumGetInt64(
		slot_getattr(slot, wh_column(rel, "quantity_on_hand", INT8OID),
					 &isnull[0]));
	product->version = DatumGetInt64(
		slot_getattr(slot, wh_column(rel, "version", INT8OID), &isnull[1]));
	product->global_position = DatumGetInt64(
		slot_getattr(slot, wh_column(rel, "global_position", INT8OID),
					 &isnull[2]));
	product->recorded_at = DatumGetTimestampTz(
		slot_getattr(slot, wh_column(rel, "updated_at", TIMESTAMPTZOID),
					 &isnull[3]));

	/* a row with a hole in it is as good as none: version 0 */
	if (isnull[0] || isnull[1] || isnull[2] || isnull[3])
		wh_product_init(product, product->sku);
}

/*
 * wh_stock_row_open
 *		Opens the stock and reads a product's row; returns false when it has
 *		none.
 *
 * The caller holds the product's stream.
 */
bool
wh_stock_row_open(WhStockRow *row, const char *sku, WhProduct *product)
{
	Relation rel = wh_stock_open(RowExclusiveLock);
	Relation index = open_key(rel, wh_column(rel, "sku", TEXTOID));
	IndexScanDesc scan;
	ScanKeyData key;
	bool found;

	row->rel = rel;
	row->slot = table_slot_create(rel, NULL);
	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid,
						   index->rd_indcollation[0], F_TEXTEQ,
						   CStringGetTextDatum(sku));
	scan = wh_index_beginscan(rel, index, SnapshotSelf, 1);
	index_rescan(scan, &key, 1, NULL, 0);
	wh_product_init(product, sku);
	found = index_getnext_slot(scan, ForwardScanDirection, row->slot);
	if (found)
		read_row(rel, row->slot, product);
	index_endscan(scan);
	index_close(index, NoLock);
	return found;
}

/*
 * wh_stock_row_close
 *		Closes the stock; its lock stays.
 */
void
wh_stock_row_close(WhStockRow *row)
{
	ExecDropSingleTupleTableSlot(row->slot);
	table_close(row->rel, NoLock);
}

/*
 * is_plain_index
 *		Whether an index is a B-tree on columns whose operators are PostgreSQL's.
 */
static bool
is_plain_index(Relation index, const IndexInfo *info)
{
	if (index->rd_rel->relam != BTREE_AM_OID || info->ii_Expressions != NIL ||
		info->ii_Predicate != NIL || info->ii_ExclusionOps != NULL)
		return false;
	for (int i = 0; i < info->ii_NumIndexKeyAttrs; i++)
	{
		if (index->rd_opfamily[i] >= FirstNormalObjectId)
			return false;
	}
	return true;
}

/*
 * is_plain
 *		Whether an update of the table by its owner, who may have lost the right
 *		to it, runs and checks nothing but unique indexes on columns.
 */
static bool
is_plain(Relation rel, const ResultRelInfo *target)
{
	const TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (rel->trigdesc != NULL || rel->rd_rules != NULL ||
		rel->rd_rel->relrowsecurity ||
		(constr != NULL &&
		 (constr->num_check > 0 || constr->has_generated_stored)) ||
		pg_class_aclcheck(RelationGetRelid(rel), rel->rd_rel->relowner,
						  ACL_UPDATE) != ACLCHECK_OK)
		return false;
	for (int i = 0; i < target->ri_NumIndices; i++)
	{
		if (!is_plain_index(target->ri_IndexRelationDescs[i],
							target->ri_IndexRelationInfo[i]))
			return false;
	}
	return true;
}

/*
 * set_column
 *		Puts a value into a row's new version.
 */
static void
set_column(Relation rel, TupleTableSlot *slot, const char *name, Oid type,
		   Datum value)
{
	AttrNumber number = wh_column(rel, name, type);

	slot->tts_values[number - 1] = value;
	slot->tts_isnull[number - 1] = false;
}

/*
 * fill_slot
 *		The row's next version.
 */
static void
fill_slot(const WhStockRow *row, TupleTableSlot *slot, const WhProduct *product)
{
	int natts = RelationGetDescr(row->rel)->natts;

	slot_getallattrs(row->slot);
	memcpy(slot->tts_values, row->slot->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, row->slot->tts_isnull, natts * sizeof(bool));
	set_column(row->rel, slot, "quantity_on_hand", INT8OID,
			   Int64GetDatum(product->quantity));
	set_column(row->rel, slot, "version", INT8OID,
			   Int64GetDatum(product->version));
	set_column(row->rel, slot, "global_position", INT8OID,
			   Int64GetDatum(product->global_position));
	set_column(row->rel, slot, "updated_at", TIMESTAMPTZOID,
			   TimestampTzGetDatum(product->recorded_at));
	ExecStoreVirtualTuple(slot);
}

/*
 * update_as_owner
 *		Updates the row as the table's owner; returns false when somebody else
 *		has updated or deleted it meanwhile, which is waited for.
 *
 * The command counter moves on before and after that, so that what the same
 * statement has written of the row can be updated, and this as well.
 */
static bool
update_as_owner(WhStockRow *row, EState *estate, ResultRelInfo *target,
				const WhProduct *product)
{
	TupleTableSlot *slot = table_slot_create(row->rel, &estate->es_tupleTable);
	Oid userid;
	int sec_context;
	bool updated;

	fill_slot(row, slot, product);
	CommandCounterIncrement();
	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(row->rel->rd_rel->relowner,
						   sec_context | SECURITY_LOCAL_USERID_CHANGE);
	CheckCmdReplicaIdentity(row->rel, CMD_UPDATE);
	estate->es_snapshot = RegisterSnapshot(GetLatestSnapshot());
	updated = wh_tuple_update(target, &row->slot->tts_tid, slot, estate);
	UnregisterSnapshot(estate->es_snapshot);
	SetUserIdAndSecContext(userid, sec_context);
	CommandCounterIncrement();
	return updated;
}

/*
 * wh_stock_row_update
 *		Brings the row up to the state given; returns false, with nothing done,
 *		where there is no row, the table is not plain, or somebody changed the
 *		row without its stream's lock.
 */
bool
wh_stock_row_update(WhStockRow *row, const WhProduct *product)
{
	EState *estate;
	MemoryContext caller;
	ResultRelInfo *target;
	bool updated;

	if (TTS_EMPTY(row->slot))
		return false;
	estate = CreateExecutorState();
	caller = MemoryContextSwitchTo(estate->es_query_cxt);
	target = makeNode(ResultRelInfo);
	InitResultRelInfo(target, row->rel, 0, NULL, 0);
	ExecOpenIndices(target, false);
	updated = is_plain(row->rel, target) &&
		update_as_owner(row, estate, target, product);
	ExecCloseIndices(target);
	ExecResetTupleTable(estate->es_tupleTable, false);
	MemoryContextSwitchTo(caller);
	FreeExecutorState(estate);
	return updated;
}
