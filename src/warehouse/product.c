/*-------------------------------------------------------------------------
 *
 * product.c
 *	  A warehouse product: its stream, its state and the rules it keeps.
 *
 * The product with the sku X has the stream warehouse_product-X.  Its state
 * is the fold of that stream: each event in turn is applied to the state that
 * the events before it made, beginning with nothing on hand.
 *
 *		ProductReceived		adds its quantity, which is 1 or more
 *		ProductShipped		takes its quantity off: 1 up to what is on hand
 *		InventoryAdjusted	sets the quantity on hand, to 0 or more
 *
 * The rules stand in one place, allows().  It is asked for a command before
 * that appends, for every event that a fold meets and for every event that is
 * projected, so a product's stream can't come to hold what a command would
 * have refused, whoever appends to it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/product.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "errors.h"
#include "product.h"
#include "product_state.h"

#define PREFIX_LEN ((int) sizeof(WH_STREAM_PREFIX) - 1)

/* Bytes that a stream's name may have, and so a sku. */
#define MAX_SKU (EVENT_STORE_MAX_STREAM_BYTES - PREFIX_LEN)

/* What each event does with its quantity, for messages. */
static const char *const verbs[WH_NUM_EVENT_TYPES] = {[WH_PRODUCT_RECEIVED] =
														  "receive",
													  [WH_PRODUCT_SHIPPED] =
														  "ship",
													  [WH_INVENTORY_ADJUSTED] =
														  "set"};

/* Argument of apply_error_context. */
typedef struct ApplyContext
{
	const WhProduct *product;
	const EventStoreEvent *event;
} ApplyContext;

/*
 * wh_product_check_sku
 *		Raises WH003 unless a stream can be named after the sku, which may be
 *		NULL.
 */
void
wh_product_check_sku(const char *sku)
{
	if (sku == NULL || sku[0] == '\0')
		ereport(ERROR,
				(errcode(WH_ERR_SKU),
				 sku == NULL ? errmsg("sku must not be null")
							 : errmsg("sku must not be empty"),
				 errdetail("The events of a product are in stream \"%s\" followed by its sku.",
						   WH_STREAM_PREFIX),
				 errhint(
					 "Pass the product's sku, as in warehouse.quantity_on_hand('SKU-1').")));
	if (strlen(sku) > MAX_SKU)
		ereport(ERROR,
				(errcode(WH_ERR_SKU), errmsg("sku is too long"),
				 errdetail("It has %zu bytes; a stream's name may have %d, of which \"%s\" takes %d.",
						   strlen(sku), EVENT_STORE_MAX_STREAM_BYTES,
						   WH_STREAM_PREFIX, PREFIX_LEN),
				 errhint("Pass a sku of at most %d bytes, as in warehouse.quantity_on_hand('SKU-1').",
						 MAX_SKU)));
}

/*
 * wh_product_stream
 *		Name of a product's stream, palloc'd.
 */
char *
wh_product_stream(const char *sku)
{
	return psprintf("%s%s", WH_STREAM_PREFIX, sku);
}

/*
 * wh_product_sku
 *		The sku in a stream's name, NULL when it is no product's stream.
 *
 * "warehouse_product" and "warehouse_product-" are of the category, too, but
 * no product's.
 */
const char *
wh_product_sku(const char *stream)
{
	if (strncmp(stream, WH_STREAM_PREFIX, PREFIX_LEN) != 0 ||
		stream[PREFIX_LEN] == '\0')
		return NULL;
	return stream + PREFIX_LEN;
}

/*
 * wh_product_require_sku
 *		The sku in a stream's name; raises WH003 when it is no product's stream.
 */
const char *
wh_product_require_sku(const char *stream)
{
	const char *sku = wh_product_sku(stream);

	if (sku == NULL)
		ereport(ERROR,
				(errcode(WH_ERR_SKU),
				 errmsg("stream \"%s\" is not a product's", stream),
				 errdetail("The events of a product are in stream \"%s\" followed by its sku.",
						   WH_STREAM_PREFIX),
				 errhint("Load a product with event_store.load('" WH_STREAM_PREFIX
						 "SKU-1').")));
	wh_product_check_sku(sku);
	return sku;
}

/*
 * wh_product_init
 *		The state of a product before its first event.
 */
void
wh_product_init(WhProduct *product, const char *sku)
{
	memset(product, 0, sizeof(WhProduct));
	product->sku = sku;
}

/*
 * wh_product_check_quantity
 *		Raises WH002 for a quantity that this type of event can't have,
 *		whatever is on hand; NULL is one.
 */
void
wh_product_check_quantity(const char *sku, WhEventType type, const int64 *quantity)
{
	int least = (type == WH_INVENTORY_ADJUSTED) ? 0 : 1;

	if (quantity != NULL && *quantity >= least)
		return;
	ereport(ERROR,
			(errcode(WH_ERR_QUANTITY),
			 errmsg("invalid quantity for product \"%s\"", sku),
			 quantity == NULL
				 ? errdetail("Quantity to %s is null, but must be %d or more.",
							 verbs[type], least)
				 : errdetail("Quantity to %s is %lld, but must be %d or more.",
							 verbs[type], (long long) *quantity, least),
			 type == WH_INVENTORY_ADJUSTED
				 ? errhint("Pass warehouse.adjust_inventory() the quantity that is on hand, 0 for none.")
				 : errhint(
					   "To set the quantity on hand, call warehouse.adjust_inventory().")));
}

/*
 * allows
 *		Whether the rules let a product's quantity change like this.
 */
static bool
allows(const WhProduct *product, WhEventType type, int64 quantity)
{
	switch (type)
	{
		case WH_PRODUCT_RECEIVED:
			return quantity >= 1 && product->quantity <= PG_INT64_MAX - quantity;
		case WH_PRODUCT_SHIPPED:
			return quantity >= 1 && quantity <= product->quantity;
		case WH_INVENTORY_ADJUSTED:
			return quantity >= 0;
	}
	return false;
}

/*
 * refuse
 *		Raises WH001, WH002 or WH006 for a change that is not allowed.
 */
static void
refuse(const WhProduct *product, WhEventType type, int64 quantity)
{
	wh_product_check_quantity(product->sku, type, &quantity);
	if (type == WH_PRODUCT_SHIPPED)
		ereport(ERROR,
				(errcode(WH_ERR_NOT_ENOUGH),
				 errmsg("not enough of product \"%s\" on hand", product->sku),
				 errdetail("Quantity on hand is %lld, quantity to ship is %lld.",
						   (long long) product->quantity, (long long) quantity),
				 errhint(
					 "Receive more with warehouse.receive_product(), or set the quantity on hand with warehouse.adjust_inventory().")));
	ereport(ERROR,
			(errcode(WH_ERR_OVERFLOW),
			 errmsg("too much of product \"%s\" to count", product->sku),
			 errdetail("Quantity on hand is %lld, quantity to receive is %lld, and at most %lld can be on hand.",
					   (long long) product->quantity, (long long) quantity,
					   (long long) PG_INT64_MAX),
			 errhint(
				 "To set the quantity on hand, call warehouse.adjust_inventory().")));
}

/*
 * change
 *		Changes a product's quantity as an allowed event says.
 */
static void
change(WhProduct *product, WhEventType type, int64 quantity)
{
	switch (type)
	{
		case WH_PRODUCT_RECEIVED:
			product->quantity += quantity;
			break;
		case WH_PRODUCT_SHIPPED:
			product->quantity -= quantity;
			break;
		case WH_INVENTORY_ADJUSTED:
			product->quantity = quantity;
			break;
	}
}

/*
 * wh_product_change
 *		Changes a product's quantity, or raises WH001, WH002 or WH006 where
 *		the rules refuse that.
 */
void
wh_product_change(WhProduct *product, WhEventType type, int64 quantity)
{
	if (!allows(product, type, quantity))
		refuse(product, type, quantity);
	change(product, type, quantity);
}

/*
 * apply_error_context
 *		Says in an error which event it is about.
 */
static void
apply_error_context(void *arg)
{
	const ApplyContext *context = arg;

	errcontext("event %lld of stream \"%s%s\"",
			   (long long) context->event->version, WH_STREAM_PREFIX,
			   context->product->sku);
}

/*
 * apply
 *		Applies the product's next event to its state.  Where the rules refuse
 *		it, raises as wh_product_change() does, or if told so returns false.
 *
 * Raises WH007 or WH008 for an event that products don't have.
 */
static bool
apply(WhProduct *product, const EventStoreEvent *event, bool raise)
{
	ApplyContext context = {product, event};
	ErrorContextCallback callback;
	WhEventType type;
	int64 quantity;
	bool allowed;

	callback.callback = apply_error_context;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	type = wh_event_type(event->type);
	quantity = wh_event_quantity(type, product->sku, event->data);
	allowed = allows(product, type, quantity);
	if (!allowed && raise)
		refuse(product, type, quantity);

	error_context_stack = callback.previous;

	if (!allowed)
		return false;
	change(product, type, quantity);
	product->version = event->version;
	product->global_position = event->global_position;
	product->recorded_at = event->recorded_at;
	return true;
}

/*
 * wh_product_try_apply
 *		Applies the product's next event to its state; returns false where the
 *		rules refuse it.  Raises WH007 or WH008 for an event that products
 *		don't have.
 */
bool
wh_product_try_apply(WhProduct *product, const EventStoreEvent *event)
{
	return apply(product, event, false);
}

/*
 * wh_product_apply
 *		Applies the product's next event to its state; raises as
 *		wh_product_change() does, and WH007 or WH008 for an event that products
 *		don't have.
 */
void
wh_product_apply(WhProduct *product, const EventStoreEvent *event)
{
	(void) apply(product, event, true);
}

/*
 * apply_visit
 *		EventStoreVisit that folds; arg is the product.
 */
static void
apply_visit(const EventStoreEvent *event, void *arg)
{
	wh_product_apply(arg, event);
}

/*
 * restore
 *		EventStoreRestore that begins with a snapshot; arg is the product.
 */
static void
restore(int64 version, Datum state, void *arg)
{
	WhProduct *product = arg;

	wh_product_init(product, product->sku);
	wh_state_read(state, product);
	product->version = version;
}

/*
 * wh_product_fold_locked
 *		The state of a product whose stream this transaction holds, its own
 *		events included.
 */
void
wh_product_fold_locked(WhProduct *product, const char *sku)
{
	char *stream = wh_product_stream(sku);

	wh_product_init(product, sku);
	event_store_api()->fold_locked(stream, apply_visit, product);
	pfree(stream);
}

/*
 * wh_product_load
 *		The state of a product as the active snapshot shows it, by a snapshot of
 *		it and the events since, where that is less than all events.  for_update
 *		takes the lock of its stream before, and shows all that has happened
 *		then.  Position and time of its last event may be left out.
 */
void
wh_product_load(WhProduct *product, const char *sku, bool for_update)
{
	char *stream = wh_product_stream(sku);

	wh_product_init(product, sku);
	event_store_api()->load(stream, for_update, restore, apply_visit, product);
	pfree(stream);
}

/*
 * wh_product_fold
 *		The state of a product as the active snapshot shows it, by the events
 *		recorded up to as_of; NULL for all.
 */
void
wh_product_fold(WhProduct *product, const char *sku, const TimestampTz *as_of)
{
	char *stream = wh_product_stream(sku);

	wh_product_init(product, sku);
	event_store_api()->fold(stream, as_of, apply_visit, product);
	pfree(stream);
}
