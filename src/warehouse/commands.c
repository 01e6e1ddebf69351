/*-------------------------------------------------------------------------
 *
 * commands.c
 *	  What the warehouse is asked to do with a product.
 *
 * A command takes the lock of the product's stream, folds the stream, asks the
 * rules, and appends its event: nobody else can append in between.  It so
 * decides on all that ever happened to the product, whatever the isolation
 * level and the snapshot of the transaction, and of two that race for the last
 * item the second waits and is refused.
 *
 * It appends at the version that it folded.  The lock alone makes that right;
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
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "product.h"
#include "stock.h"

PG_FUNCTION_INFO_V1(warehouse_receive_product);
PG_FUNCTION_INFO_V1(warehouse_ship_product);
PG_FUNCTION_INFO_V1(warehouse_adjust_inventory);
PG_FUNCTION_INFO_V1(warehouse_quantity_on_hand);

/*
 * sku_argument
 *		The sku that was passed; raises WH003 for one that can't be.
 */
static const char *
sku_argument(FunctionCallInfo fcinfo, int n)
{
	const char *sku =
		PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));

	wh_product_check_sku(sku);
	return sku;
}

/*
 * quantity_argument
 *		The quantity that was passed; raises WH002 for one that can't be.
 */
static int64
quantity_argument(FunctionCallInfo fcinfo, int n, WhEventType type,
				  const char *sku)
{
	int64 quantity = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT64(n);

	wh_product_check_quantity(sku, type, PG_ARGISNULL(n) ? NULL : &quantity);
	return quantity;
}

/*
 * reason_argument
 *		The reason that was passed; raises WH004 where there is none.
 */
static const char *
reason_argument(FunctionCallInfo fcinfo, int n, const char *sku)
{
	const char *reason =
		PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));

	if (reason == NULL || wh_is_blank(reason, strlen(reason)))
		ereport(ERROR,
				(errcode(WH_ERR_REASON),
				 errmsg("adjustment of product \"%s\" has no reason", sku),
				 reason == NULL ? errdetail("The reason is null.")
								: errdetail("The reason is blank."),
				 errhint(
					 "Pass warehouse.adjust_inventory() a reason, such as 'cycle count'.")));
	return reason;
}

/*
 * date_time_argument
 *		The time that was passed; raises WH005 for one that is none.
 */
static TimestampTz
date_time_argument(FunctionCallInfo fcinfo, int n, const char *sku)
{
	TimestampTz date_time = PG_ARGISNULL(n) ? 0 : PG_GETARG_TIMESTAMPTZ(n);

	if (PG_ARGISNULL(n) || TIMESTAMP_NOT_FINITE(date_time))
		ereport(ERROR,
				(errcode(WH_ERR_DATE_TIME),
				 errmsg("invalid date_time for product \"%s\"", sku),
				 PG_ARGISNULL(n) ? errdetail("The time is null.")
								 : errdetail("The time is infinite."),
				 errhint(
					 "Pass the time at which it happened, or leave date_time out for the current time.")));
	return date_time;
}

/*
 * execute
 *		Changes a product and appends the event of it; returns the quantity
 *		then on hand.
 *
 * Takes the stream's lock to the end of the transaction.  Raises WH009 when
 * there is no warehouse, 55000 when there is half of one, WH001 or WH006 when the rules refuse the change, and
 * what an append raises, 40001 among it.
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
	wh_product_lock_and_fold(&product, sku);
	wh_product_change(&product, type, quantity);
	event.type = wh_event_name(type);
	event.data = wh_event_data(type, sku, quantity, reason, date_time);
	store->append(stream, &event, 1, product.version, &appended);
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
	const char *sku = sku_argument(fcinfo, 0);
	int64 quantity = quantity_argument(fcinfo, 1, WH_PRODUCT_RECEIVED, sku);
	TimestampTz date_time = date_time_argument(fcinfo, 2, sku);

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
	const char *sku = sku_argument(fcinfo, 0);
	int64 quantity = quantity_argument(fcinfo, 1, WH_PRODUCT_SHIPPED, sku);
	TimestampTz date_time = date_time_argument(fcinfo, 2, sku);

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
	const char *sku = sku_argument(fcinfo, 0);
	int64 quantity = quantity_argument(fcinfo, 1, WH_INVENTORY_ADJUSTED, sku);
	const char *reason = reason_argument(fcinfo, 2, sku);
	TimestampTz date_time = date_time_argument(fcinfo, 3, sku);

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
	const char *sku = sku_argument(fcinfo, 0);
	TimestampTz as_of = PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1);
	WhProduct product;

	(void) wh_stock_require();
	wh_product_fold(&product, sku, PG_ARGISNULL(1) ? NULL : &as_of);
	PG_RETURN_INT64(product.quantity);
}
