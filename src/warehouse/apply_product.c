/*-------------------------------------------------------------------------
 *
 * apply_product.c
 *	  Applying a product's event to its state, for its aggregate type.
 *
 * This is the fold of product.c, an event at a time and in SQL: it works in a
 * plain CREATE AGGREGATE as it does for event_store.load().
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/apply_product.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "errors.h"
#include "product_state.h"

PG_FUNCTION_INFO_V1(warehouse_apply_product);
EVENT_STORE_APPLY(warehouse_apply_product);

/* What a product's fold needs of an event. */
typedef enum EventAttribute
{
	EVENT_STREAM,
	EVENT_VERSION,
	EVENT_TYPE,
	EVENT_DATA,
	NUM_EVENT_ATTRIBUTES
} EventAttribute;

static const char *const attribute_names[NUM_EVENT_ATTRIBUTES] =
	{[EVENT_STREAM] = "stream", [EVENT_VERSION] = "version", [EVENT_TYPE] = "type", [EVENT_DATA] = "data"};

/* Where that is in the type event, for as long as the type has this id. */
typedef struct EventShape
{
	uint64 identifier;
	AttrNumber numbers[NUM_EVENT_ATTRIBUTES];
} EventShape;

/*
 * find_attribute
 *		Number of an attribute of the type event.
 */
static AttrNumber
find_attribute(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped &&
			strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->attnum;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("an event has no attribute \"%s\"", name),
			 errhint("Pass what event_store.read_stream() returns.")));
	return InvalidAttrNumber; /* keep the compiler quiet */
}

/*
 * event_shape
 *		Where the attributes of an event are, and its row type; looked up once a
 *		query, and again when the type changes.
 */
static const EventShape *
event_shape(FunctionCallInfo fcinfo, HeapTupleHeader event, TupleDesc *desc)
{
	TypeCacheEntry *type =
		lookup_type_cache(HeapTupleHeaderGetTypeId(event), TYPECACHE_TUPDESC);
	EventShape *shape = fcinfo->flinfo->fn_extra;

	if (type->tupDesc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("an event must be of the type event_store.event")));
	*desc = type->tupDesc;
	if (shape != NULL && shape->identifier == type->tupDesc_identifier)
		return shape;
	if (shape == NULL)
		shape =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(EventShape));
	shape->identifier = 0; /* while it is being filled in */
	for (int i = 0; i < NUM_EVENT_ATTRIBUTES; i++)
		shape->numbers[i] = find_attribute(*desc, attribute_names[i]);
	shape->identifier = type->tupDesc_identifier;
	fcinfo->flinfo->fn_extra = shape;
	return shape;
}

/*
 * get_attributes
 *		What is needed of an event; raises 22004 for a null.
 */
static void
get_attributes(FunctionCallInfo fcinfo, HeapTupleHeader event, Datum *values)
{
	TupleDesc desc;
	const EventShape *shape = event_shape(fcinfo, event, &desc);
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(event);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = event;
	for (int i = 0; i < NUM_EVENT_ATTRIBUTES; i++)
	{
		bool isnull;

		values[i] = heap_getattr(&tuple, shape->numbers[i], desc, &isnull);
		if (isnull)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s of an event must not be null",
							attribute_names[i])));
	}
}

/*
 * refuse_null
 *		Raises 22004 for an argument that is null.
 */
static void
refuse_null(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 errhint("A product begins with the state %s.",
						 WH_INITIAL_STATE)));
}

/*
 * apply_event
 *		A product's state after an event; an object for it is made under a memory
 *		context.
 */
static Datum
apply_event(Datum state, MemoryContext parent, const char *stream,
			const EventStoreEvent *event)
{
	Datum result;
	WhProduct *product = wh_state_expand(state, parent, &result);

	product->sku = wh_product_require_sku(stream);
	wh_product_apply(product, event);
	return result;
}

/*
 * warehouse_apply_product
 *		apply_product(state jsonb, e event_store.event): jsonb, the state after
 *		the event.
 *
 * Raises 22004, WH003 for an event that is in no product's stream, WH010 for a state
 * that is no product's, WH007 and WH008 for an event that products don't have,
 * and WH001, WH002 and WH006 where the rules refuse it.
 */
Datum
warehouse_apply_product(PG_FUNCTION_ARGS)
{
	Datum values[NUM_EVENT_ATTRIBUTES];
	EventStoreEvent event = {0};
	MemoryContext parent;

	refuse_null(fcinfo, 0, "state");
	refuse_null(fcinfo, 1, "e");
	if (!AggCheckCallContext(fcinfo, &parent))
		parent = CurrentMemoryContext;
	get_attributes(fcinfo, PG_GETARG_HEAPTUPLEHEADER(1), values);
	event.version = DatumGetInt64(values[EVENT_VERSION]);
	event.type = TextDatumGetCString(values[EVENT_TYPE]);
	event.data = values[EVENT_DATA];
	return apply_event(PG_GETARG_DATUM(0), parent,
					   TextDatumGetCString(values[EVENT_STREAM]), &event);
}

/*
 * event_store_apply_warehouse_apply_product
 *		The same for an event as a struct: see EVENT_STORE_APPLY.
 */
Datum
event_store_apply_warehouse_apply_product(Datum state, const char *stream,
										  const EventStoreEvent *event)
{
	return apply_event(state, CurrentMemoryContext, stream, event);
}
