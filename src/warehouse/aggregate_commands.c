/*-------------------------------------------------------------------------
 *
 * aggregate_commands.c
 *	  What the warehouse is asked to do with a product that was loaded.
 *
 * A command asks the rules and adds its event to the aggregate.  Nothing is
 * stored before event_store.save(), which raises ST001 if the product has moved
 * on since it was loaded: so several commands are one append, all or none.
 *
 * An aggregate is a value that the caller has in hand, and could have made up.
 * What it is decided on is checked again when its events are appended, by the
 * trigger that keeps the stock.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/aggregate_commands.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "arguments.h"
#include "errors.h"
#include "product_state.h"
#include "stock.h"

PG_FUNCTION_INFO_V1(warehouse_receive_aggregate);
PG_FUNCTION_INFO_V1(warehouse_ship_aggregate);
PG_FUNCTION_INFO_V1(warehouse_adjust_aggregate);
PG_FUNCTION_INFO_V1(warehouse_aggregate_quantity);

/*
 * attribute
 *		An attribute of an aggregate; raises WH010 for a null.
 */
static Datum
attribute(HeapTupleHeader aggregate, const char *name)
{
	bool isnull;
	Datum value = GetAttributeByName(aggregate, name, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(WH_ERR_STATE),
				 errmsg("%s of an aggregate must not be null", name),
				 errhint("Load the product with event_store.load().")));
	return value;
}

/*
 * product_argument
 *		The product that was passed as an aggregate; raises WH010 for a null,
 *		WH003 for an aggregate of another category.
 */
static void
product_argument(FunctionCallInfo fcinfo, WhProduct *product)
{
	HeapTupleHeader aggregate;
	char *stream;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(WH_ERR_STATE), errmsg("product must not be null"),
				 errhint("Load it with event_store.load('" WH_STREAM_PREFIX
						 "SKU-1').")));
	aggregate = PG_GETARG_HEAPTUPLEHEADER(0);
	stream = TextDatumGetCString(attribute(aggregate, "stream"));
	wh_product_init(product, wh_product_require_sku(stream));
	wh_state_read(attribute(aggregate, "state"), product);
}

/*
 * add
 *		Changes a product and adds the event of it to its aggregate; returns the
 *		aggregate.
 *
 * Raises WH009 and 55000 where there is no whole warehouse, WH001 or WH006 when
 * the rules refuse the change, and what add_event() raises.
 */
static Datum
add(FunctionCallInfo fcinfo, WhProduct *product, WhEventType type,
	int64 quantity, const char *reason, TimestampTz date_time)
{
	EventStoreNewEvent event = {0};

	wh_warehouse_require();
	wh_product_change(product, type, quantity);
	event.type = wh_event_name(type);
	event.data = wh_event_data(type, product->sku, quantity, reason, date_time);
	return event_store_api()->add_event(PG_GETARG_DATUM(0), &event);
}

/*
 * move
 *		Adds what came in or went out of a product, by the arguments product,
 *		quantity and date_time.
 */
static Datum
move(FunctionCallInfo fcinfo, WhEventType type)
{
	WhProduct product;
	int64 quantity;
	TimestampTz date_time;

	product_argument(fcinfo, &product);
	quantity = wh_quantity_argument(fcinfo, 1, type, product.sku);
	date_time = wh_date_time_argument(fcinfo, 2, product.sku);
	return add(fcinfo, &product, type, quantity, NULL, date_time);
}

/*
 * warehouse_receive_aggregate
 *		receive_product(product, quantity, date_time): aggregate.
 */
Datum
warehouse_receive_aggregate(PG_FUNCTION_ARGS)
{
	return move(fcinfo, WH_PRODUCT_RECEIVED);
}

/*
 * warehouse_ship_aggregate
 *		ship_product(product, quantity, date_time): aggregate.
 */
Datum
warehouse_ship_aggregate(PG_FUNCTION_ARGS)
{
	return move(fcinfo, WH_PRODUCT_SHIPPED);
}

/*
 * warehouse_adjust_aggregate
 *		adjust_inventory(product, quantity, reason, date_time): aggregate.
 */
Datum
warehouse_adjust_aggregate(PG_FUNCTION_ARGS)
{
	WhProduct product;
	int64 quantity;
	const char *reason;
	TimestampTz date_time;

	product_argument(fcinfo, &product);
	quantity =
		wh_quantity_argument(fcinfo, 1, WH_INVENTORY_ADJUSTED, product.sku);
	reason = wh_reason_argument(fcinfo, 2, product.sku);
	date_time = wh_date_time_argument(fcinfo, 3, product.sku);
	return add(fcinfo, &product, WH_INVENTORY_ADJUSTED, quantity, reason,
			   date_time);
}

/*
 * warehouse_aggregate_quantity
 *		quantity_on_hand(product): bigint, what its state says.
 */
Datum
warehouse_aggregate_quantity(PG_FUNCTION_ARGS)
{
	WhProduct product;

	product_argument(fcinfo, &product);
	PG_RETURN_INT64(product.quantity);
}
