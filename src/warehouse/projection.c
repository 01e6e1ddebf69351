/*-------------------------------------------------------------------------
 *
 * projection.c
 *	  The trigger that keeps the stock.
 *
 * project_stock() is an AFTER INSERT row trigger on the store's events: it runs
 * in the append's transaction, while that holds the stream's lock.  A product's
 * event moves the product's row from the state before it to the state after it.
 * Where the row is not at the version before it, or the rules of product.c
 * refuse the event by what the row says, the row is not believed: the stream
 * is folded.  That applies the event to the true state by the same rules, so
 * one that breaks them is refused, and with it the append.
 *
 * An event that the row has seen already changes nothing.  Later events of the
 * same append are such when a fold took them all, and of a long run of events
 * to one product a fold does: a row that one transaction updates again and
 * again leaves a version behind each time, through which the next has to find
 * its way, so that the time would grow with the square of the run.
 *
 * The trigger runs for the events of all categories.  Those of others are told
 * apart by category_id: this backend remembers the products' one, and until it
 * has met that, some that are others'.
 *
 * Events that do not come by an append are left alone.  COPY is how a dump's
 * data are loaded into a warehouse that is there already, and the stock's rows
 * are part of the same data; nor has such a load the stream's lock, or even the
 * stream.  Whoever copies events in by hand calls rebuild_stock() after it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/projection.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"

#include "projection.h"
#include "stock.h"
#include "stock_row.h"

/* The columns of an event that are used. */
typedef enum EventColumn
{
	GLOBAL_POSITION,
	STREAM_ID,
	VERSION,
	CATEGORY_ID,
	TYPE,
	DATA,
	RECORDED_AT
} EventColumn;

#define NUM_COLUMNS (RECORDED_AT + 1)

static const struct
{
	const char *name;
	Oid type;
} event_columns[NUM_COLUMNS] = {[GLOBAL_POSITION] = {"global_position", INT8OID},
								[STREAM_ID] = {"stream_id", INT8OID},
								[VERSION] = {"version", INT8OID},
								[CATEGORY_ID] = {"category_id", INT8OID},
								[TYPE] = {"type", TEXTOID},
								[DATA] = {"data", JSONBOID},
								[RECORDED_AT] = {"recorded_at", TIMESTAMPTZOID}};

/* How many other categories are remembered; a power of two. */
#define NUM_OTHERS 64

/*
 * What this backend knows of the table of events.  Forgotten by
 * forget_events() when the table changes, and at every abort, which may take
 * back what was learned from rows of its own, or PREPARE, whose abort may come
 * in another session.
 *
 * Ids of categories are positive: 0 is for none.
 */
static struct
{
	Oid relid;
	AttrNumber columns[NUM_COLUMNS];
	int64 products;			  /* category_id of the products */
	int64 others[NUM_OTHERS]; /* of others, each in its id's place */
} events;

/* Length of a run of events to one stream at which the stream is folded. */
#define LONG_RUN 16

/*
 * The events projected last, as many as one transaction had for one stream in
 * a row.  Reset by forget_at_end() and forget_at_subabort().
 */
static struct
{
	int64 stream_id;
	int64 length;
} run;

PG_FUNCTION_INFO_V1(warehouse_project_stock);

/*
 * forget_events
 *		Relcache callback: the table of events may have changed.
 */
static void
forget_events(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == events.relid)
		events.relid = InvalidOid;
}

/*
 * forget_at_end
 *		Transaction callback.
 */
static void
forget_at_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		events.relid = InvalidOid;
	run.length = 0;
}

/*
 * forget_at_subabort
 *		Subtransaction callback.
 */
static void
forget_at_subabort(SubXactEvent event, SubTransactionId subid,
				   SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	events.relid = InvalidOid;
	run.length = 0;
}

/*
 * wh_projection_init
 *		Called once when the library is loaded.
 */
void
wh_projection_init(void)
{
	CacheRegisterRelcacheCallback(forget_events, (Datum) 0);
	RegisterXactCallback(forget_at_end, NULL);
	RegisterSubXactCallback(forget_at_subabort, NULL);
}

/*
 * learn_events
 *		Looks up the columns of the table of events; raises 55000 when one is
 *		missing.
 */
static void
learn_events(Relation rel)
{
	memset(&events, 0, sizeof(events));
	for (int i = 0; i < NUM_COLUMNS; i++)
		events.columns[i] =
			wh_column(rel, event_columns[i].name, event_columns[i].type);
	events.relid = RelationGetRelid(rel);
}

/*
 * event_value
 *		A column of the event that the trigger is for; the store's columns
 *		that are used are never null.
 */
static Datum
event_value(TriggerData *trigger, EventColumn column)
{
	bool isnull;
	Datum value =
		slot_getattr(trigger->tg_trigslot, events.columns[column], &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("column \"%s\" of an event must not be null",
						event_columns[column].name)));
	return value;
}

/*
 * is_products
 *		Whether a stream is of the products' category.
 */
static bool
is_products(const char *stream)
{
	size_t len = strlen(WH_CATEGORY);

	return strncmp(stream, WH_CATEGORY, len) == 0 &&
		(stream[len] == '\0' || stream[len] == '-');
}

/*
 * event_sku
 *		The sku of the product whose event this is, palloc'd; NULL when it is
 *		no product's.
 */
static const char *
event_sku(TriggerData *trigger)
{
	int64 category_id = DatumGetInt64(event_value(trigger, CATEGORY_ID));
	int64 *other = &events.others[category_id & (NUM_OTHERS - 1)];
	char *stream;

	if (events.products != 0 ? category_id != events.products
							 : category_id == *other)
		return NULL;
	if (!event_store_api()->is_appending())
		return NULL;

	stream = event_store_api()->stream_name(
		DatumGetInt64(event_value(trigger, STREAM_ID)));
	if (!is_products(stream))
	{
		*other = category_id;
		return NULL;
	}
	events.products = category_id;
	return wh_product_sku(stream);
}

/*
 * is_long_run
 *		Counts another event of a stream; whether the stream is to be folded.
 *
 * That it is at 16, 32, 64 ... and not at each event after the 16th keeps the
 * cost in proportion where the events come one append at a time, and a fold
 * does not spare the next one its write.
 */
static bool
is_long_run(int64 stream_id)
{
	if (run.stream_id != stream_id)
		run.length = 0;
	run.stream_id = stream_id;
	run.length++;
	return run.length >= LONG_RUN && (run.length & (run.length - 1)) == 0;
}

/*
 * next_state
 *		The state of the product after the event, or after later ones, from the
 *		state that the row has, if it was found; returns false when the row of
 *		the stock has it already.
 */
static bool
next_state(const EventStoreEvent *event, const char *sku, bool fold, bool found,
		   WhProduct *product)
{
	if (found && product->version >= event->version)
		return false;
	if (fold || product->version != event->version - 1 ||
		!wh_product_try_apply(product, event))
		wh_product_fold_locked(product, sku);
	return true;
}

/*
 * write_as_owner
 *		Makes a product's row, or brings it up to the state given, by a query
 *		of the table's owner.
 */
static void
write_as_owner(const WhProduct *product)
{
	WhActor before;

	wh_spi_connect();
	wh_stock_act_as_owner(&before);
	wh_stock_write(product);
	wh_stock_act_as_before(&before);
	SPI_finish();
}

/*
 * project
 *		Brings the stock up to an event of a product, by a fold if told so.
 */
static void
project(const EventStoreEvent *event, const char *sku, bool fold)
{
	WhStockRow row;
	WhProduct product;
	bool found = wh_stock_row_open(&row, sku, &product);

	if (next_state(event, sku, fold, found, &product) &&
		!wh_stock_row_update(&row, &product))
		write_as_owner(&product);
	wh_stock_row_close(&row);
}

/*
 * warehouse_project_stock
 *		project_stock(): AFTER INSERT row trigger on the store's events.
 *
 * Raises, and so refuses the append, WH001, WH002, WH006, WH007 or WH008 for
 * an event that its product can't have, and WH009 when there is no stock.
 */
Datum
warehouse_project_stock(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	EventStoreEvent event;
	const char *sku;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired after insert for each row",
						"project_stock"),
				 errhint("warehouse.create_warehouse() makes its trigger.")));

	if (events.relid != RelationGetRelid(trigger->tg_relation))
		learn_events(trigger->tg_relation);
	sku = event_sku(trigger);
	if (sku != NULL)
	{
		memset(&event, 0, sizeof(event));
		event.global_position =
			DatumGetInt64(event_value(trigger, GLOBAL_POSITION));
		event.version = DatumGetInt64(event_value(trigger, VERSION));
		event.recorded_at =
			DatumGetTimestampTz(event_value(trigger, RECORDED_AT));
		event.type = TextDatumGetCString(event_value(trigger, TYPE));
		event.data = event_value(trigger, DATA);
		project(&event, sku,
				is_long_run(DatumGetInt64(event_value(trigger, STREAM_ID))));
	}
	return PointerGetDatum(NULL);
}
