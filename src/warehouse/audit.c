/*-------------------------------------------------------------------------
 *
 * audit.c
 *	  Making the stock anew, and comparing it with the events.
 *
 * rebuild_stock() holds off every append while it works, and readers go on
 * seeing the old rows until it commits.
 *
 * check_stock() holds off nobody.  It reads the stock and the events with one
 * snapshot, the calling query's, in which they agree, because one transaction
 * writes both.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/audit.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "stock.h"

/* Rows that check_stock() fetches at a time. */
#define BATCH_SIZE 1000

/*
 * Each product's stream beside its row of the stock, either of which may be
 * missing.  The casts hold even where somebody changed the table's types.
 */
#define STREAMS_AND_STOCK                                                       \
	"SELECT l.stream, s.sku::pg_catalog.text,"                                  \
	" s.quantity_on_hand::pg_catalog.int8, s.version::pg_catalog.int8,"         \
	" s.global_position::pg_catalog.int8, s.updated_at::pg_catalog.timestamptz" \
	" FROM event_store.list_streams($1, $2, $3) AS l"                           \
	" FULL JOIN (SELECT t.*, ($4 OPERATOR(pg_catalog.||) t.sku) AS stream"      \
	" FROM warehouse.stock AS t) AS s"                                          \
	" ON l.stream OPERATOR(pg_catalog.=) s.stream"                              \
	" ORDER BY coalesce(l.stream, s.stream) COLLATE pg_catalog.\"C\""

/* Columns of that query. */
enum
{
	STREAM = 1,
	SKU,
	QUANTITY,
	VERSION,
	POSITION,
	UPDATED_AT
};

/* Columns of check_stock(). */
#define NUM_RESULTS 9

PG_FUNCTION_INFO_V1(warehouse_rebuild_stock);
PG_FUNCTION_INFO_V1(warehouse_check_stock);

/*
 * warehouse_rebuild_stock
 *		rebuild_stock(): bigint, the number of rows.
 *
 * For the owner of the stock.  Takes the store's lock.  Raises 42501 and
 * WH009, and what folding a product's stream raises.
 */
Datum
warehouse_rebuild_stock(PG_FUNCTION_ARGS)
{
	Oid stock = wh_stock_require();
	int64 nrows;

	if (!wh_owns_relation(stock, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s.%s", WH_SCHEMA, WH_STOCK),
				 errdetail("rebuild_stock() writes the table anew."),
				 errhint(
					 "Let its owner call warehouse.rebuild_stock(); warehouse.check_stock() only reads.")));
	event_store_api()->lock_store();
	wh_spi_connect();
	nrows = wh_stock_rebuild();
	SPI_finish();
	PG_RETURN_INT64(nrows);
}

/*
 * projected_state
 *		Takes a product's state from its row of the stock; false for no row.
 */
static bool
projected_state(HeapTuple tuple, TupleDesc desc, WhProduct *product)
{
	bool no_row;
	bool isnull;

	(void) SPI_getbinval(tuple, desc, SKU, &no_row);
	product->quantity =
		DatumGetInt64(SPI_getbinval(tuple, desc, QUANTITY, &isnull));
	product->version =
		DatumGetInt64(SPI_getbinval(tuple, desc, VERSION, &isnull));
	product->global_position =
		DatumGetInt64(SPI_getbinval(tuple, desc, POSITION, &isnull));
	product->recorded_at =
		DatumGetTimestampTz(SPI_getbinval(tuple, desc, UPDATED_AT, &isnull));
	return !no_row;
}

/*
 * put_state
 *		Writes a product's state into four columns; nulls for none.
 */
static void
put_state(const WhProduct *product, bool exists, Datum *values, bool *nulls)
{
	values[0] = Int64GetDatum(product->quantity);
	values[1] = Int64GetDatum(product->version);
	values[2] = Int64GetDatum(product->global_position);
	values[3] = TimestampTzGetDatum(product->recorded_at);
	memset(nulls, !exists, 4 * sizeof(bool));
}

/*
 * check_product
 *		Compares a product's row with its events; returns a difference.
 */
static void
check_product(HeapTuple tuple, TupleDesc desc, ReturnSetInfo *result)
{
	char *stream = SPI_getvalue(tuple, desc, STREAM);
	const char *sku = stream ? wh_product_sku(stream) : NULL;
	bool has_stream = (sku != NULL);
	bool has_row;
	WhProduct projected;
	WhProduct folded;
	Datum values[NUM_RESULTS];
	bool nulls[NUM_RESULTS];

	if (!has_stream)
		sku = SPI_getvalue(tuple, desc, SKU);
	if (sku == NULL)
		return; /* a stream that is no product's */
	has_row = projected_state(tuple, desc, &projected);
	wh_product_init(&folded, sku);
	if (has_stream)
		wh_product_fold(&folded, sku, NULL);

	if (has_row == (folded.version > 0) &&
		(!has_row ||
		 (projected.quantity == folded.quantity &&
		  projected.version == folded.version &&
		  projected.global_position == folded.global_position &&
		  projected.recorded_at == folded.recorded_at)))
		return;
	values[0] = CStringGetTextDatum(sku);
	nulls[0] = false;
	put_state(&projected, has_row, &values[1], &nulls[1]);
	put_state(&folded, folded.version > 0, &values[5], &nulls[5]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * check_batch
 *		Compares the products of one batch of rows.
 */
static void
check_batch(SPITupleTable *rows, uint64 nrows, MemoryContext per_product,
			ReturnSetInfo *result)
{
	for (uint64 i = 0; i < nrows; i++)
	{
		MemoryContext context = MemoryContextSwitchTo(per_product);

		CHECK_FOR_INTERRUPTS();
		check_product(rows->vals[i], rows->tupdesc, result);
		MemoryContextSwitchTo(context);
		MemoryContextReset(per_product);
	}
}

/*
 * open_rows
 *		Opens a cursor on STREAMS_AND_STOCK with the active snapshot.
 */
static Portal
open_rows(void)
{
	Oid types[4] = {TEXTOID, TEXTOID, INT8OID, TEXTOID};
	Datum values[4];
	const char nulls[4] = {' ', 'n', 'n', ' '};

	values[0] = CStringGetTextDatum(WH_CATEGORY);
	values[1] = (Datum) 0;
	values[2] = (Datum) 0;
	values[3] = CStringGetTextDatum(WH_STREAM_PREFIX);
	return SPI_cursor_open_with_args(NULL, STREAMS_AND_STOCK, 4, types, values,
									 nulls, true, 0);
}

/*
 * warehouse_check_stock
 *		check_stock(): a row a product whose row of the stock is not what its
 *		events fold to.
 *
 * Reads as the stock's owner, so that EXECUTE on it is enough.  Raises WH009,
 * and what folding a product's stream raises.
 */
Datum
warehouse_check_stock(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext per_product;
	WhActor before;
	Portal rows;
	uint64 nrows;

	InitMaterializedSRF(fcinfo, 0);
	wh_spi_connect();
	per_product =
		AllocSetContextCreate(CurrentMemoryContext, "warehouse stock check",
							  ALLOCSET_DEFAULT_SIZES);
	wh_stock_act_as_owner(&before);
	rows = open_rows();
	do
	{
		SPITupleTable *batch;

		SPI_cursor_fetch(rows, true, BATCH_SIZE);
		batch = SPI_tuptable;
		nrows = SPI_processed;
		check_batch(batch, nrows, per_product, result);
		SPI_freetuptable(batch);
	} while (nrows == BATCH_SIZE);
	SPI_cursor_close(rows);
	wh_stock_act_as_before(&before);
	SPI_finish();
	return (Datum) 0;
}
