/*-------------------------------------------------------------------------
 *
 * product_state.c
 *	  A product's state as jsonb.
 *
 * What aggregates and snapshots hold of a product is
 *
 *		quantity_on_hand	after its last event; 0 before the first
 *
 * A fold goes from event to event.  For that the state is an expanded object,
 * which the apply function changes in place and hands on; whoever wants jsonb
 * has it made then, once.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/product_state.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "errors.h"
#include "product_state.h"

#define QUANTITY_KEY "quantity_on_hand"

/* A product's state in memory. */
typedef struct ExpandedProduct
{
	ExpandedObjectHeader header;
	WhProduct product;
	Jsonb *flat; /* made by flat_size(), used up by flatten() */
} ExpandedProduct;

/*
 * wh_state_read
 *		Sets a product's quantity from its state; raises WH010 for a state that is
 *		no product's.
 */
void
wh_state_read(Datum state, WhProduct *product)
{
	Jsonb *jb = DatumGetJsonbP(state);
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(jb) ||
		!getKeyJsonValueFromContainer(&jb->root, QUANTITY_KEY,
									  strlen(QUANTITY_KEY), &value) ||
		value.type != jbvNumeric ||
		!wh_to_quantity(value.val.numeric, &product->quantity) ||
		product->quantity < 0)
		ereport(ERROR,
				(errcode(WH_ERR_STATE), errmsg("invalid state of a product"),
				 errdetail("Key \"%s\" must be a whole number from 0 to the greatest bigint.",
						   QUANTITY_KEY),
				 errhint(
					 "Pass what event_store.load() returns; if that has it from a snapshot that a client saved, delete that from event_store.snapshots.")));
}

/*
 * make_state
 *		A product's state as jsonb.
 */
static Jsonb *
make_state(const WhProduct *product)
{
	JsonbParseState *state = NULL;
	JsonbValue key;
	JsonbValue quantity;

	key.type = jbvString;
	key.val.string.val = QUANTITY_KEY;
	key.val.string.len = strlen(QUANTITY_KEY);
	quantity.type = jbvNumeric;
	quantity.val.numeric = int64_to_numeric(product->quantity);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_VALUE, &quantity);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * flat_size
 *		ExpandedObjectMethods: how large the jsonb will be.
 */
static Size
flat_size(ExpandedObjectHeader *header)
{
	ExpandedProduct *expanded = (ExpandedProduct *) header;

	MemoryContext caller = MemoryContextSwitchTo(header->eoh_context);

	if (expanded->flat != NULL)
		pfree(expanded->flat);
	expanded->flat = make_state(&expanded->product);
	MemoryContextSwitchTo(caller);
	return VARSIZE(expanded->flat);
}

/*
 * flatten
 *		ExpandedObjectMethods: writes the jsonb.
 */
static void
flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	ExpandedProduct *expanded = (ExpandedProduct *) header;

	Assert(size == VARSIZE(expanded->flat));
	memcpy(result, expanded->flat, size);
	pfree(expanded->flat);
	expanded->flat = NULL;
}

static const ExpandedObjectMethods methods = {.get_flat_size = flat_size,
											  .flatten_into = flatten};

/*
 * expanded_product
 *		The object that a state is, NULL where it is none of ours.
 */
static ExpandedProduct *
expanded_product(Datum state)
{
	ExpandedObjectHeader *header;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(state)))
		return NULL;
	header = DatumGetEOHP(state);
	return header->eoh_methods == &methods ? (ExpandedProduct *) header : NULL;
}

/*
 * wh_state_expand
 *		The product of a state, to be changed in place: that of an object that may
 *		be changed, or of a new one under a memory context.
 */
WhProduct *
wh_state_expand(Datum state, MemoryContext parent, Datum *expanded)
{
	ExpandedProduct *given = expanded_product(state);
	ExpandedProduct *made;
	MemoryContext context;

	if (given != NULL && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(state)))
	{
		*expanded = state;
		return &given->product;
	}
	context =
		AllocSetContextCreate(parent, "warehouse product", ALLOCSET_SMALL_SIZES);
	made = MemoryContextAllocZero(context, sizeof(ExpandedProduct));
	EOH_init_header(&made->header, &methods, context);
	if (given != NULL)
		made->product = given->product;
	else
		wh_state_read(state, &made->product);
	*expanded = EOHPGetRWDatum(&made->header);
	return &made->product;
}
