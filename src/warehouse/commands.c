/*-------------------------------------------------------------------------
 *
 * commands.c
 *	  What the warehouse is asked to do with a product.
 *
 * A command loads the product for update, which takes the lock of its stream,
 * asks the rules, and saves its event: nobody else can append in between.  It so
 * decides on all that ever happened to the product, whatever the isolation
 * level and the snapshot of the transaction, and of two that race for the last
 * item the second waits and is refused.
 *
 * It saves at the version that it loaded.  The lock alone makes that right;
 * but what the caller asked for may rest on what the transaction read before.
 * At REPEATABLE READ and above, where such reads keep to an old snapshot, the
 * expected version makes the append raise 40001 for a product that moved past
 * it, as an UPDATE of a row would.  A refusal by the rules comes first.
 *
 * The functions are not strict: a null argument is an error, never a null
 * result that looks like success.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/commands.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "arguments.h"
#include "product.h"
#include "stock.h"

PG_FUNCTION_INFO_V1(warehouse_receive_product);
PG_FUNCTION_INFO_V1(warehouse_ship_product);
PG_FUNCTION_INFO_V1(warehouse_adjust_inventory);
PG_FUNCTION_INFO_V1(warehouse_quantity_on_hand);

/*
 * execute
 *		Changes a product and saves the event of it; returns the quantity then on
 *		hand.
 *
 * Takes the stream's lock to the end of the transaction.  Raises WH009 when
 * there is no warehouse, 55000 when there is half of one, WH001 or WH006 when
 * the rules refuse the change, and what an append raises, 40001 among it.
 */
static int64
execute(WhEventType type, const char *sku, int64 quantity, const char *reason,
		TimestampTz date_time)
{
	const EventStoreApi *store = event_store_api();
	char *stream = wh_product_stream(sku);
	WhProduct product;
	EventStoreNewEvent event = {0};
	EventStoreAppended appended;

	wh_warehouse_require();
	wh_product_load(&product, sku, true);
	wh_product_change(&product, type, quantity);
	event.type = wh_event_name(type);
	event.data = wh_event_data(type, sku, quantity, reason, date_time);
	store->save(stream, &event, 1, product.version, &appended);
	return product.quantity;
}

/*
 * warehouse_receive_product
 *		receive_product(sku, quantity, date_time): bigint, the quantity then
 *		on hand.
 */
Datum
warehouse_receive_product(PG_FUNCTION_ARGS)
{
	const char *sku = wh_sku_argument(fcinfo, 0);
	int64 quantity = wh_quantity_argument(fcinfo, 1, WH_PRODUCT_RECEIVED, sku);
	TimestampTz date_time = wh_date_time_argument(fcinfo, 2, sku);

	PG_RETURN_INT64(execute(WH_PRODUCT_RECEIVED, sku, quantity, NULL, date_time));
}

/*
 * warehouse_ship_product
 *		ship_product(sku, quantity, date_time): bigint, the quantity then on
 *		hand.
 */
Datum
warehouse_ship_product(PG_FUNCTION_ARGS)
{
	const char *sku = wh_sku_argument(fcinfo, 0);
	int64 quantity = wh_quantity_argument(fcinfo, 1, WH_PRODUCT_SHIPPED, sku);
	TimestampTz date_time = wh_date_time_argument(fcinfo, 2, sku);

	PG_RETURN_INT64(execute(WH_PRODUCT_SHIPPED, sku, quantity, NULL, date_time));
}

/*
 * warehouse_adjust_inventory
 *		adjust_inventory(sku, quantity, reason, date_time): bigint, the
 *		quantity then on hand, which is the one passed.
 */
Datum
warehouse_adjust_inventory(PG_FUNCTION_ARGS)
{
	const char *sku = wh_sku_argument(fcinfo, 0);
	int64 quantity = wh_quantity_argument(fcinfo, 1, WH_INVENTORY_ADJUSTED, sku);
	const char *reason = wh_reason_argument(fcinfo, 2, sku);
	TimestampTz date_time = wh_date_time_argument(fcinfo, 3, sku);

	PG_RETURN_INT64(
		execute(WH_INVENTORY_ADJUSTED, sku, quantity, reason, date_time));
}

/*
 * warehouse_quantity_on_hand
 *		quantity_on_hand(sku, as_of): bigint, what is on hand as the calling
 *		query sees it, or what was by the events recorded up to as_of.
 *
 * Raises WH003 and WH009.
 */
Datum
warehouse_quantity_on_hand(PG_FUNCTION_ARGS)
{
	const char *sku = wh_sku_argument(fcinfo, 0);
	WhProduct product;

	(void) wh_stock_require();
	if (PG_ARGISNULL(1))
		wh_product_load(&product, sku, false);
	else
	{
		TimestampTz as_of = PG_GETARG_TIMESTAMPTZ(1);

		wh_product_fold(&product, sku, &as_of);
	}
	PG_RETURN_INT64(product.quantity);
}
