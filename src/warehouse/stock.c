/*-------------------------------------------------------------------------
 *
 * stock.c
 *	  The table of the stock: finding it, acting for it, making its rows.
 *
 * warehouse.stock has a row a product with the state that its stream folds to.
 * Whoever appends to that stream writes the row, in the same transaction and
 * under the stream's lock, so a row has one writer at a time and needs no lock
 * of its own.  rebuild_stock() holds the store's lock, which is all streams'.
 *
 * Appenders have no rights on the table: it is written as its owner, as the
 * triggers of foreign keys do, with the search path pinned wherever anything of
 * the owner's could run, so that nothing an appender has in a schema of theirs
 * does.
 *
 * Two things are unusual, and both for the sake of REPEATABLE READ and
 * SERIALIZABLE, where a row that was changed since the transaction's snapshot
 * can't be updated (40001).  That rule protects decisions made on an old row.
 * Here nothing is decided on one: the writer holds the stream's lock, and with
 * it sees all that was ever appended to the stream.  So
 *
 *	- the row is written under a fresh snapshot, taken after the lock, and
 *	- it is read with SnapshotSelf, under the same lock the same row, which
 *	  leaves no trace as a read: an MVCC snapshot's read at SERIALIZABLE
 *	  locks the page of the index, and two transactions with products that
 *	  have nothing to do with each other would fail one another.
 *
 * The write is one INSERT ... ON CONFLICT, which finds the row in the same
 * traceless way.  stock_row.c has a shorter way for a row that is there.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/stock.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "errors.h"
#include "stock.h"

/* Streams that a rebuild asks for at a time. */
#define PAGE_SIZE 1000

/*
 * wh_stock_find
 *		OID of the table of the stock, InvalidOid when there is none.
 */
Oid
wh_stock_find(void)
{
	Oid namespace = get_namespace_oid(WH_SCHEMA, true);

	if (!OidIsValid(namespace))
		return InvalidOid;
	return get_relname_relid(WH_STOCK, namespace);
}

/*
 * wh_stock_require
 *		OID of the table of the stock; raises WH009 when there is none.
 */
Oid
wh_stock_require(void)
{
	Oid stock = wh_stock_find();

	if (!OidIsValid(stock))
		ereport(ERROR,
				(errcode(WH_ERR_NO_WAREHOUSE),
				 errmsg("there is no warehouse in database \"%s\"",
						get_database_name(MyDatabaseId)),
				 errdetail("Table \"%s.%s\" does not exist.", WH_SCHEMA, WH_STOCK),
				 errhint("Create it with: SELECT warehouse.create_warehouse();")));
	return stock;
}

/*
 * wh_stock_open
 *		Opens the table of the stock; raises WH009 when there is none.
 *
 * Another session may drop it, and make it anew, while this one waits for its
 * lock.
 */
Relation
wh_stock_open(LOCKMODE lockmode)
{
	Relation rel;

	while ((rel = try_table_open(wh_stock_require(), lockmode)) == NULL)
		CHECK_FOR_INTERRUPTS();
	return rel;
}

/*
 * wh_column
 *		Number of a table's column; raises 55000 unless it is there and of this
 *		type.
 */
AttrNumber
wh_column(Relation rel, const char *name, Oid type)
{
	AttrNumber number = SPI_fnumber(RelationGetDescr(rel), name);

	if (number <= 0 || SPI_gettypeid(RelationGetDescr(rel), number) != type)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no column \"%s\" of type %s",
						RelationGetRelationName(rel), name, format_type_be(type)),
				 errdetail(
					 "The warehouse uses the table as create_warehouse() and create_store() made it."),
				 errhint(
					 "Restore the column; the stock can be made anew with warehouse.drop_warehouse() and warehouse.create_warehouse().")));
	return number;
}

/*
 * wh_stock_act_as_owner
 *		Acts as the table's owner until wh_stock_act_as_before(), or until the
 *		(sub)transaction aborts.
 */
void
wh_stock_act_as_owner(WhActor *before)
{
	Relation rel = wh_stock_open(AccessShareLock);
	Oid owner = rel->rd_rel->relowner;

	table_close(rel, NoLock);
	GetUserIdAndSecContext(&before->userid, &before->sec_context);
	SetUserIdAndSecContext(owner,
						   before->sec_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	before->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * wh_stock_act_as_before
 *		Acts as whoever called wh_stock_act_as_owner() again.
 */
void
wh_stock_act_as_before(const WhActor *before)
{
	AtEOXact_GUC(false, before->guc_level);
	SetUserIdAndSecContext(before->userid, before->sec_context);
}

/*
 * wh_spi_connect
 *		SPI_connect, whose failure cannot be handled.
 */
void
wh_spi_connect(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

/*
 * execute_fresh
 *		Runs a plan with a snapshot taken now, at every isolation level.
 *		SPI is connected.
 */
static void
execute_fresh(SPIPlanPtr plan, Datum *values, const char *nulls)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	int result = SPI_execute_snapshot(plan, values, nulls, snapshot,
									  InvalidSnapshot, false, true, 0);

	UnregisterSnapshot(snapshot);
	if (result < 0)
		elog(ERROR, "could not execute a query on the stock: %s",
			 SPI_result_code_string(result));
}

/*
 * prepare
 *		Prepares a constant query; SPI is connected.
 */
static SPIPlanPtr
prepare(const char *query, int nargs, Oid *types)
{
	SPIPlanPtr plan = SPI_prepare(query, nargs, types);

	if (plan == NULL)
		elog(ERROR, "could not prepare a query on the stock: %s",
			 SPI_result_code_string(SPI_result));
	return plan;
}

/*
 * wh_stock_write
 *		Makes a product's row, or brings it up to the state given.
 *
 * The caller holds the product's stream, acts as the table's owner and is
 * connected to SPI.
 */
void
wh_stock_write(const WhProduct *product)
{
	/* kept for the backend's life: planned again when the table changes */
	static SPIPlanPtr plan = NULL;

	Datum values[5];

	if (plan == NULL)
	{
		Oid types[5] = {TEXTOID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID};
		SPIPlanPtr made =
			prepare("INSERT INTO warehouse.stock AS s"
					" (sku, quantity_on_hand, version, global_position, updated_at)"
					" VALUES ($1, $2, $3, $4, $5)"
					" ON CONFLICT (sku) DO UPDATE"
					" SET quantity_on_hand = excluded.quantity_on_hand,"
					" version = excluded.version,"
					" global_position = excluded.global_position,"
					" updated_at = excluded.updated_at",
					5, types);

		if (SPI_keepplan(made) != 0)
			elog(ERROR, "could not keep a plan");
		plan = made;
	}
	values[0] = CStringGetTextDatum(product->sku);
	values[1] = Int64GetDatum(product->quantity);
	values[2] = Int64GetDatum(product->version);
	values[3] = Int64GetDatum(product->global_position);
	values[4] = TimestampTzGetDatum(product->recorded_at);
	execute_fresh(plan, values, NULL);
	pfree(DatumGetPointer(values[0]));
}

/*
 * delete_rows
 *		Deletes all rows, which goes on showing them to readers until commit.
 */
static void
delete_rows(void)
{
	SPIPlanPtr plan = prepare("DELETE FROM warehouse.stock", 0, NULL);

	execute_fresh(plan, NULL, NULL);
	SPI_freeplan(plan);
}

/*
 * rebuild_product
 *		Writes the row of the product that has this stream; returns false when
 *		no product has.
 */
static bool
rebuild_product(const char *stream)
{
	const char *sku = wh_product_sku(stream);
	WhProduct product;

	if (sku == NULL)
		return false;
	wh_product_fold_locked(&product, sku);
	if (product.version == 0)
		return false;
	wh_stock_write(&product);
	return true;
}

/*
 * rebuild_page
 *		Writes the rows of one page of streams; adds to the number of rows and
 *		returns the last stream's name, NULL when that was the last page.
 */
static text *
rebuild_page(SPITupleTable *streams, uint64 nstreams, MemoryContext per_stream,
			 int64 *nrows)
{
	MemoryContext context = CurrentMemoryContext;
	text *last = NULL;

	for (uint64 i = 0; i < nstreams; i++)
	{
		char *stream;

		CHECK_FOR_INTERRUPTS();
		/* each time, for SPI leaves its own context behind */
		MemoryContextSwitchTo(per_stream);
		MemoryContextReset(per_stream);
		stream = SPI_getvalue(streams->vals[i], streams->tupdesc, 1);
		if (rebuild_product(stream))
			(*nrows)++;
		MemoryContextSwitchTo(context);
		if (i == PAGE_SIZE - 1)
			last = cstring_to_text(stream);
	}
	return last;
}

/*
 * wh_stock_rebuild
 *		Makes all rows anew from the events; returns how many there are.
 *
 * The caller holds the store's lock and is connected to SPI.  What is read of
 * the store is read as the stock's owner.
 */
int64
wh_stock_rebuild(void)
{
	Oid types[3] = {TEXTOID, TEXTOID, INT8OID};
	Datum values[3];
	char nulls[3] = {' ', 'n', ' '};
	MemoryContext per_stream =
		AllocSetContextCreate(CurrentMemoryContext, "warehouse stock rebuild",
							  ALLOCSET_DEFAULT_SIZES);
	WhActor before;
	SPIPlanPtr plan;
	text *last;
	int64 nrows = 0;

	wh_stock_act_as_owner(&before);
	delete_rows();
	plan =
		prepare("SELECT l.stream FROM event_store.list_streams($1, $2, $3) AS l",
				3, types);
	values[0] = CStringGetTextDatum(WH_CATEGORY);
	values[1] = (Datum) 0;
	values[2] = Int64GetDatum(PAGE_SIZE);
	do
	{
		SPITupleTable *streams;

		execute_fresh(plan, values, nulls);
		streams = SPI_tuptable;
		last = rebuild_page(streams, SPI_processed, per_stream, &nrows);
		SPI_freetuptable(streams);
		if (nulls[1] == ' ')
			pfree(DatumGetPointer(values[1]));
		values[1] = PointerGetDatum(last);
		nulls[1] = ' ';
	} while (last != NULL);
	SPI_freeplan(plan);
	wh_stock_act_as_before(&before);
	MemoryContextDelete(per_stream);
	return nrows;
}
