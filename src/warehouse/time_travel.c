/*-------------------------------------------------------------------------
 *
 * time_travel.c
 *	  The stock at a time, and what moved between two.
 *
 * Both are made from the products' events by the calls of the store, as the
 * stock's owner, so that EXECUTE on them is enough, and see what the calling
 * query sees.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/time_travel.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "arguments.h"
#include "compat.h"
#include "stock.h"

/* Rows that are fetched at a time. */
#define BATCH_SIZE 1000

#define QUANTITY(state) \
	"(" state " OPERATOR(pg_catalog.->>) 'quantity_on_hand')::pg_catalog.int8"

/* A stream that is named as the category comes first, and is no product's. */
#define STOCK_AT                                                            \
	"SELECT pg_catalog.substr(s.stream, pg_catalog.length($5)"              \
	" OPERATOR(pg_catalog.+) 1), " QUANTITY(                                \
		"s.state") ", s.version"                                            \
				   " FROM event_store.states_at('" WH_CATEGORY "', $1, $2," \
				   " $5 OPERATOR(pg_catalog.||) coalesce($3, ''), $4) AS s"

#define MOVEMENTS                                                                                                        \
	"SELECT a.version, a.recorded_at, a.type, " QUANTITY("a.state_after") " OPERATOR(pg_catalog.-) " QUANTITY(           \
		"a.state_before") ", " QUANTITY("a.state_after") ", coalesce(a.data"                                             \
														 " OPERATOR(pg_catalog.->>) 'reason', a.reason), a.recorded_by," \
														 " a.application FROM event_store.audit_trail($1, NULL, $2, $3," \
														 " NULL, $4) AS a"

PG_FUNCTION_INFO_V1(warehouse_stock_at);
PG_FUNCTION_INFO_V1(warehouse_movements);

/*
 * fetch_all
 *		Puts the rows of a query into the result, a batch at a time.
 */
static void
fetch_all(Portal rows, ReturnSetInfo *result)
{
	uint64 nrows;

	do
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(rows, true, BATCH_SIZE);
		nrows = SPI_processed;
		for (uint64 i = 0; i < nrows; i++)
			tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
		SPI_freetuptable(SPI_tuptable);
	} while (nrows == BATCH_SIZE);
	SPI_cursor_close(rows);
}

/*
 * put_rows
 *		Runs a query as the stock's owner and puts its rows into the result.
 */
static void
put_rows(FunctionCallInfo fcinfo, const char *query, int nargs, Oid *types,
		 Datum *values, const char *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WhActor before;

	InitMaterializedSRF(fcinfo, 0);
	wh_spi_connect();
	wh_stock_act_as_owner(&before);
	fetch_all(SPI_cursor_open_with_args(NULL, query, nargs, types, values,
										nulls, true, 0),
			  result);
	wh_stock_act_as_before(&before);
	SPI_finish();
}

/*
 * null_of
 *		SPI's letter for whether an argument is null.
 */
static char
null_of(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? 'n' : ' ';
}

/*
 * warehouse_stock_at
 *		stock_at(as_of, global_position, after_sku, max_count): sku,
 *		quantity_on_hand, version, a row a product that had events by then.
 *
 * Raises 22023 and ST004 as states_at() does, WH009, and what folding a product's
 * stream raises.
 */
Datum
warehouse_stock_at(PG_FUNCTION_ARGS)
{
	Oid types[] = {TIMESTAMPTZOID, INT8OID, TEXTOID, INT8OID, TEXTOID};
	Datum values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2),
					  PG_GETARG_DATUM(3), CStringGetTextDatum(WH_STREAM_PREFIX)};
	char nulls[] = {null_of(fcinfo, 0), null_of(fcinfo, 1), null_of(fcinfo, 2),
					null_of(fcinfo, 3), ' '};

	put_rows(fcinfo, STOCK_AT, lengthof(types), types, values, nulls);
	return (Datum) 0;
}

/*
 * warehouse_movements
 *		movements(sku, since, until, max_count): version, recorded_at, type,
 *		quantity_change, quantity_on_hand, reason, recorded_by, application, a row
 *		an event of the product.
 *
 * Raises WH003 for a sku that cannot be, WH009, and what folding the product's
 * stream raises.
 */
Datum
warehouse_movements(PG_FUNCTION_ARGS)
{
	char *stream = wh_product_stream(wh_sku_argument(fcinfo, 0));
	Oid types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID};
	Datum values[] = {CStringGetTextDatum(stream), PG_GETARG_DATUM(1),
					  PG_GETARG_DATUM(2), PG_GETARG_DATUM(3)};
	char nulls[] = {' ', null_of(fcinfo, 1), null_of(fcinfo, 2),
					null_of(fcinfo, 3)};

	put_rows(fcinfo, MOVEMENTS, lengthof(types), types, values, nulls);
	return (Datum) 0;
}
