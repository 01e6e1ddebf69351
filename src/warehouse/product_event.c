/*-------------------------------------------------------------------------
 *
 * product_event.c
 *	  The events of warehouse products: their types and their data.
 *
 * The data of all three are a JSON object:
 *
 *		sku			the product's, as in the name of its stream
 *		quantity	how much was received or shipped, or is on hand after an
 *					adjustment
 *		reason		why it was adjusted; of InventoryAdjusted only
 *		date_time	when it happened, ISO 8601 in UTC; recorded_at of the event
 *					is when it was stored
 *
 * Reading asks for what the product's state and its rules need: sku, quantity
 * and an adjustment's reason.  date_time, and whatever else an application
 * that appends by itself adds, is for the reader of the history.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/product_event.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "errors.h"
#include "product_event.h"

static const char *const event_names[WH_NUM_EVENT_TYPES] =
	{[WH_PRODUCT_RECEIVED] = "ProductReceived",
	 [WH_PRODUCT_SHIPPED] = "ProductShipped",
	 [WH_INVENTORY_ADJUSTED] = "InventoryAdjusted"};

/*
 * wh_event_name
 *		Name of an event type, as the store holds it.
 */
const char *
wh_event_name(WhEventType type)
{
	return event_names[type];
}

/*
 * wh_event_type
 *		The type with this name; raises WH007 when products have no such event.
 */
WhEventType
wh_event_type(const char *name)
{
	for (int i = 0; i < WH_NUM_EVENT_TYPES; i++)
	{
		if (strcmp(name, event_names[i]) == 0)
			return (WhEventType) i;
	}
	ereport(ERROR,
			(errcode(WH_ERR_EVENT_TYPE),
			 errmsg("unknown event type \"%s\" in a product's stream", name),
			 errdetail("The events of a product are %s, %s and %s.",
					   event_names[WH_PRODUCT_RECEIVED],
					   event_names[WH_PRODUCT_SHIPPED],
					   event_names[WH_INVENTORY_ADJUSTED]),
			 errhint(
				 "Append events of other types to streams of another category.")));
	return WH_PRODUCT_RECEIVED; /* keep the compiler quiet */
}

/*
 * wh_is_blank
 *		Whether a string holds nothing but ASCII white space.
 */
bool
wh_is_blank(const char *string, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (strchr(" \t\n\v\f\r", string[i]) == NULL)
			return false;
	}
	return true;
}

/*
 * push_pair
 *		Adds a key with its value to the object being built.
 */
static void
push_pair(JsonbParseState **state, const char *key, JsonbValue *value)
{
	JsonbValue name;

	name.type = jbvString;
	name.val.string.val = unconstify(char *, key);
	name.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &name);
	pushJsonbValue(state, WJB_VALUE, value);
}

/*
 * push_string
 *		Adds a key with a string to the object being built.
 */
static void
push_string(JsonbParseState **state, const char *key, const char *string)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	push_pair(state, key, &value);
}

/*
 * wh_event_data
 *		The data of a new event, jsonb; reason is NULL where it has none.
 */
Datum
wh_event_data(WhEventType type, const char *sku, int64 quantity,
			  const char *reason, TimestampTz date_time)
{
	JsonbParseState *state = NULL;
	JsonbValue number;
	const int utc = 0;

	number.type = jbvNumeric;
	number.val.numeric = int64_to_numeric(quantity);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_string(&state, "sku", sku);
	push_pair(&state, "quantity", &number);
	if (type == WH_INVENTORY_ADJUSTED)
		push_string(&state, "reason", reason);
	push_string(&state, "date_time",
				JsonEncodeDateTime(NULL, TimestampTzGetDatum(date_time),
								   TIMESTAMPTZOID, &utc));
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/*
 * raise_data
 *		Raises WH008 for data that an event of this type can't have.
 */
static void
raise_data(WhEventType type, const char *detail)
{
	ereport(ERROR,
			(errcode(WH_ERR_EVENT_DATA),
			 errmsg("invalid data in event of type \"%s\"", event_names[type]),
			 errdetail_internal("%s", detail),
			 errhint(
				 "Append a product's events with warehouse.receive_product(), warehouse.ship_product() and warehouse.adjust_inventory().")));
}

/*
 * find_key
 *		Whether an object has the key with a value of this type.
 */
static bool
find_key(Jsonb *jb, const char *key, enum jbvType type, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&jb->root, key, strlen(key), value) !=
		NULL &&
		value->type == type;
}

/*
 * quantity_bounds
 *		The least and the greatest bigint as numerics, made once a backend.
 */
static void
quantity_bounds(Datum *least, Datum *most)
{
	static Numeric bounds[2] = {NULL, NULL};

	if (bounds[1] == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

		if (bounds[0] == NULL)
			bounds[0] = int64_to_numeric(PG_INT64_MIN);
		bounds[1] = int64_to_numeric(PG_INT64_MAX);
		MemoryContextSwitchTo(caller);
	}
	*least = NumericGetDatum(bounds[0]);
	*most = NumericGetDatum(bounds[1]);
}

/*
 * large_to_quantity
 *		A numeric as a bigint; false when it has a fraction or does not fit.
 */
static bool
large_to_quantity(Numeric number, int64 *quantity)
{
	Datum value = NumericGetDatum(number);
	Datum least;
	Datum most;

	/* compare first: a cast would overflow, and it rounds */
	quantity_bounds(&least, &most);
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, value, least)) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, value, most)))
		return false;
	*quantity = DatumGetInt64(DirectFunctionCall1(numeric_int8, value));
	return DatumGetBool(
		DirectFunctionCall2(numeric_eq, value,
							NumericGetDatum(int64_to_numeric(*quantity))));
}

/*
 * small_to_quantity
 *		The same for a whole number from 0 to 99,999,999, false for any other.
 *		Most quantities are one, and a product's fold reads one an event.
 *
 * On disk such a number has up to two digits to the base 10,000, without zeros
 * at the end.  The word before them says in its upper bits that it is short and
 * not negative, and in its lower seven by which power of the base to multiply
 * the first digit.  numeric.c keeps all of that to itself, but pg_upgrade to
 * what it is.
 */
static bool
small_to_quantity(Numeric number, int64 *quantity)
{
	const uint16 *words = (const uint16 *) VARDATA_ANY(number);
	int ndigits = VARSIZE_ANY_EXHDR(number) / (int) sizeof(uint16) - 1;
	int power;

	if (!VARATT_IS_4B_U(number) || ndigits < 0 || (words[0] & 0xE000) != 0x8000)
		return false;
	power = words[0] & 0x007F;
	if (power > 1 || ndigits > power + 1)
		return false;
	*quantity = (ndigits > 0) ? words[1] : 0;
	if (power == 1)
		*quantity = *quantity * 10000 + (ndigits > 1 ? words[2] : 0);
	return true;
}

/*
 * wh_to_quantity
 *		A numeric as a bigint; false when it has a fraction or does not fit.
 *
 * Most that are not small are written without a fraction and fit into 32 bits,
 * which is found out in one step.
 *
 * How the number is written does not matter: 5, 5.0 and 5e0 are the same.
 */
bool
wh_to_quantity(Numeric number, int64 *quantity)
{
	Datum value = NumericGetDatum(number);
	bool failed = false;

	if (small_to_quantity(number, quantity))
		return true;
	if (DatumGetInt32(DirectFunctionCall1(numeric_scale, value)) == 0)
	{
		*quantity = numeric_int4_opt_error(number, &failed);
		if (!failed)
			return true;
	}
	return large_to_quantity(number, quantity);
}

/*
 * wh_event_quantity
 *		The quantity in an event's data; raises WH008 for data that an event
 *		of this type and product can't have.
 *
 * Leaves memory behind in the current context.
 */
int64
wh_event_quantity(WhEventType type, const char *sku, Datum data)
{
	Jsonb *jb = DatumGetJsonbP(data);
	JsonbValue value;
	int64 quantity;

	if (!JB_ROOT_IS_OBJECT(jb))
		raise_data(type,
				   "They must be an object with the keys \"sku\" and \"quantity\".");
	if (!find_key(jb, "sku", jbvString, &value) ||
		value.val.string.len != strlen(sku) ||
		memcmp(value.val.string.val, sku, strlen(sku)) != 0)
		raise_data(type,
				   psprintf("Key \"sku\" must be \"%s\", as in the stream's name.",
							sku));
	if (!find_key(jb, "quantity", jbvNumeric, &value) ||
		!wh_to_quantity(value.val.numeric, &quantity))
		raise_data(type,
				   "Key \"quantity\" must be a whole number in the range of bigint.");
	if (type == WH_INVENTORY_ADJUSTED &&
		(!find_key(jb, "reason", jbvString, &value) ||
		 wh_is_blank(value.val.string.val, value.val.string.len)))
		raise_data(type, "Key \"reason\" must be a string that is not blank.");
	return quantity;
}
