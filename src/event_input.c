/*-------------------------------------------------------------------------
 *
 * event_input.c
 *	  Events to append, as callers give them: JSON and arrays of new_event.
 *
 * JSON is taken strictly: a key that is missing, unknown or of the wrong type
 * is an error that names the element, so that a misspelt "expectedVersion" is
 * found at the first try and not when the check it was to make is missed.
 * Elements are counted from 1, as versions are.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_input.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "check.h"
#include "errors.h"
#include "event_input.h"
#include "metadata.h"

/* The parts of an event, in JSON keys and in attributes of new_event. */
typedef enum EventPart
{
	PART_TYPE,
	PART_DATA,
	PART_METADATA,
	PART_EVENT_ID,
	PART_SCHEMA_VERSION,
	NUM_PARTS
} EventPart;

static const char *const part_names[NUM_PARTS] = {"type", "data", "metadata",
												  "event_id", "schema_version"};

/* Types of those attributes. */
static const Oid part_types[NUM_PARTS] = {TEXTOID, JSONBOID, JSONBOID, UUIDOID,
										  INT4OID};

/* The parts of an element of append_streams. */
typedef enum AppendPart
{
	PART_STREAM,
	PART_EXPECTED_VERSION,
	PART_EVENTS,
	NUM_APPEND_PARTS
} AppendPart;

static const char *const append_part_names[NUM_APPEND_PARTS] = {"stream",
																"expected_version",
																"events"};

/*
 * allocate_events
 *		Room for the events of a batch, of which there must be some.
 */
static void
allocate_events(EsStreamAppend *append, int nevents, const char *where)
{
	if (nevents == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("events must not be empty"), es_errwhere(where)));
	append->nevents = nevents;
	append->events = palloc_extended(nevents * sizeof(EsNewEvent),
									 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/*
 * check_event
 *		What holds for every event, however it was given.
 */
static void
check_event(EsNewEvent *event, const char *where)
{
	es_check_type(event->type, where);
	es_check_data(event->data, "event data", where);
	es_check_metadata(event->metadata, where);
	es_check_schema_version(event->schema_version, where);
}

/*
 * es_check_distinct_ids
 *		Raises ST003 when two events of one call have one id.
 */
void
es_check_distinct_ids(const EsStreamAppend *appends, int nappends)
{
	HASHCTL control = {.keysize = sizeof(pg_uuid_t),
					   .entrysize = sizeof(pg_uuid_t),
					   .hcxt = CurrentMemoryContext};
	HTAB *seen = NULL;

	for (int i = 0; i < nappends; i++)
	{
		for (int j = 0; j < appends[i].nevents; j++)
		{
			const EsNewEvent *event = &appends[i].events[j];
			bool found;

			if (!event->has_id)
				continue;
			if (seen == NULL)
				seen = hash_create("event ids of a call", 64, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
			(void) hash_search(seen, &event->event_id, HASH_ENTER, &found);
			if (found)
				ereport(ERROR,
						(errcode(ES_ERR_DUPLICATE_EVENT),
						 errmsg("event id %s is given twice",
								DatumGetCString(
									DirectFunctionCall1(uuid_out,
														UUIDPGetDatum(
															&event->event_id)))),
						 errhint(
							 "Each event of a call needs an id of its own, or none.")));
		}
	}
	if (seen != NULL)
		hash_destroy(seen);
}

/* Arrays of new_event ----------------------------------------------------- */

/*
 * es_event_from_composite
 *		A new_event, checked, its attributes found by name.
 */
void
es_event_from_composite(HeapTupleHeader header, EsNewEvent *event,
						const char *where)
{
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;
	Datum values[NUM_PARTS] = {0};
	bool isnull[NUM_PARTS];

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;

	memset(isnull, true, sizeof(isnull));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		for (int part = 0; part < NUM_PARTS; part++)
		{
			if (!att->attisdropped && att->atttypid == part_types[part] &&
				strcmp(NameStr(att->attname), part_names[part]) == 0)
				values[part] = heap_getattr(&tuple, i + 1, desc, &isnull[part]);
		}
	}
	ReleaseTupleDesc(desc);

	if (isnull[PART_DATA])
		es_refuse_null("event data", where);
	event->type = isnull[PART_TYPE] ? NULL : DatumGetTextPP(values[PART_TYPE]);
	event->data = values[PART_DATA];
	event->metadata =
		isnull[PART_METADATA] ? NULL : DatumGetJsonbP(values[PART_METADATA]);
	event->has_id = !isnull[PART_EVENT_ID];
	if (event->has_id)
	{
		Assert(DatumGetPointer(values[PART_EVENT_ID]) != NULL);
		event->event_id = *DatumGetUUIDP(values[PART_EVENT_ID]);
	}
	event->schema_version = isnull[PART_SCHEMA_VERSION]
		? 1
		: DatumGetInt32(values[PART_SCHEMA_VERSION]);
	check_event(event, where);
}

/*
 * es_events_from_array
 *		The events of a new_event[].
 */
void
es_events_from_array(ArrayType *array, EsStreamAppend *append)
{
	int16 typlen;
	bool typbyval;
	char typalign;
	Datum *elements;
	bool *nulls;
	int nevents;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &typlen, &typbyval, &typalign);
	deconstruct_array(array, ARR_ELEMTYPE(array), typlen, typbyval, typalign,
					  &elements, &nulls, &nevents);
	allocate_events(append, nevents, NULL);
	for (int i = 0; i < nevents; i++)
	{
		char where[32];

		CHECK_FOR_INTERRUPTS();
		snprintf(where, sizeof(where), "event %d", i + 1);
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("event must not be null"), es_errwhere(where)));
		es_event_from_composite(DatumGetHeapTupleHeader(elements[i]),
								&append->events[i], where);
	}
	es_check_distinct_ids(append, 1);
}

/* JSON -------------------------------------------------------------------- */

/*
 * type_name
 *		What a JSON value is, in words for an error.
 */
static const char *
type_name(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return "null";
		case jbvString:
			return "a string";
		case jbvNumeric:
			return "a number";
		case jbvBool:
			return "a boolean";
		case jbvBinary:
			return JsonContainerIsArray(value->val.binary.data) ? "an array"
																: "an object";
		default:
			return "something else";
	}
}

/*
 * raise_wrong_type
 *		22023: a key's value is of the wrong type.
 */
static void
raise_wrong_type(const char *key, const char *wanted, const JsonbValue *value,
				 const char *where)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key \"%s\" must be %s", key, wanted),
			 errdetail("It is %s.", type_name(value)), es_errwhere(where)));
}

/*
 * read_object
 *		The values of an object that has no other keys than those named; a
 *		value whose key is missing has type jbvNull and present false.
 */
static void
read_object(const JsonbValue *object, const char *const *keys, int nkeys,
			JsonbValue *values, bool *present, const char *where)
{
	JsonbIterator *iterator;
	JsonbValue key;
	int k;

	if (object->type != jbvBinary ||
		!JsonContainerIsObject(object->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("element must be a JSON object"),
				 errdetail("It is %s.", type_name(object)), es_errwhere(where)));

	memset(present, false, nkeys * sizeof(bool));
	iterator = JsonbIteratorInit(object->val.binary.data);
	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		for (k = 0; k < nkeys; k++)
		{
			if (key.val.string.len == strlen(keys[k]) &&
				memcmp(key.val.string.val, keys[k], key.val.string.len) == 0)
				break;
		}
		if (k == nkeys)
		{
			StringInfoData known;

			initStringInfo(&known);
			for (k = 0; k < nkeys; k++)
				appendStringInfo(&known, "%s\"%s\"", k > 0 ? ", " : "", keys[k]);
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown key \"%.*s\"", key.val.string.len,
							key.val.string.val),
					 errhint("The keys are %s.", known.data), es_errwhere(where)));
		}
		(void) JsonbIteratorNext(&iterator, &values[k], true);
		present[k] = true;
	}
}

/*
 * require_key
 *		Raises 22023 when a key is missing.
 */
static void
require_key(bool present, const char *key, const char *where)
{
	if (!present)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" is missing", key), es_errwhere(where)));
}

/*
 * string_value
 *		A JSON string as text.
 */
static text *
string_value(const JsonbValue *value, const char *key, const char *where)
{
	if (value->type != jbvString)
		raise_wrong_type(key, "a string", value, where);
	return cstring_to_text_with_len(value->val.string.val, value->val.string.len);
}

/*
 * is_integer
 *		Whether a JSON string is an integer in digits, not too many for bigint.
 */
static bool
is_integer(const JsonbValue *value)
{
	int i = 0;

	if (value->val.string.len > 0 && value->val.string.val[0] == '-')
		i++;
	if (i == value->val.string.len || value->val.string.len - i > 19)
		return false;
	for (; i < value->val.string.len; i++)
	{
		if (!isdigit((unsigned char) value->val.string.val[i]))
			return false;
	}
	return true;
}

/*
 * number_value
 *		A JSON number, or a string of digits: as such drivers hand out a bigint
 *		that their language has no number for, and so they hand it back.
 */
static Numeric
number_value(const JsonbValue *value, const char *key, const char *where)
{
	if (value->type == jbvNumeric)
		return value->val.numeric;
	if (value->type != jbvString || !is_integer(value))
		raise_wrong_type(key, "an integer", value, where);
	return DatumGetNumeric(
		DirectFunctionCall3(numeric_in,
							CStringGetDatum(pnstrdup(value->val.string.val,
													 value->val.string.len)),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/*
 * compare_number
 *		Compares a number with an integer: -1, 0 or 1.
 */
static int
compare_number(Numeric number, int64 integer)
{
	return DatumGetInt32(
		DirectFunctionCall2(numeric_cmp, NumericGetDatum(number),
							NumericGetDatum(int64_to_numeric(integer))));
}

/*
 * integer_value
 *		A JSON integer between two bounds.
 */
static int64
integer_value(const JsonbValue *value, const char *key, int64 lowest,
			  int64 highest, const char *where)
{
	Numeric number = number_value(value, key, where);
	int64 result = 0;
	bool fits;

	/* compare first: a cast would overflow, and it rounds */
	fits = compare_number(number, lowest) >= 0 &&
		compare_number(number, highest) <= 0;
	if (fits)
	{
		result = DatumGetInt64(
			DirectFunctionCall1(numeric_int8, NumericGetDatum(number)));
		fits = compare_number(number, result) == 0;
	}
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" must be an integer from %lld to %lld", key,
						(long long) lowest, (long long) highest),
				 errdetail("It is %s.",
						   DatumGetCString(
							   DirectFunctionCall1(numeric_out,
												   NumericGetDatum(number)))),
				 es_errwhere(where)));
	return result;
}

/*
 * is_uuid
 *		Whether text is a UUID in one of the forms that type uuid reads: hex
 *		digits with hyphens after groups of four, perhaps in braces.
 */
static bool
is_uuid(const char *string)
{
	bool braces = string[0] == '{';
	int digits = 0;

	if (braces)
		string++;
	for (; digits < 32; digits++)
	{
		if (!isxdigit((unsigned char) *string))
			return false;
		string++;
		if (*string == '-' && digits % 4 == 3 && digits < 31)
			string++;
	}
	if (braces && *string++ != '}')
		return false;
	return *string == '\0';
}

/*
 * uuid_value
 *		A JSON string that is a UUID.
 */
static pg_uuid_t
uuid_value(const JsonbValue *value, const char *key, const char *where)
{
	char *string = text_to_cstring(string_value(value, key, where));

	if (!is_uuid(string))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" must be a UUID", key),
				 errdetail("It is \"%s\".", string), es_errwhere(where)));
	return *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(string)));
}

/*
 * event_from_json
 *		One event; a null stands for a key that is not there, but for data and
 *		type, which must be.
 */
static void
event_from_json(const JsonbValue *element, EsNewEvent *event, const char *where)
{
	JsonbValue values[NUM_PARTS];
	bool present[NUM_PARTS];

	read_object(element, part_names, NUM_PARTS, values, present, where);
	require_key(present[PART_TYPE], part_names[PART_TYPE], where);
	require_key(present[PART_DATA], part_names[PART_DATA], where);
	for (int part = PART_METADATA; part < NUM_PARTS; part++)
		present[part] = present[part] && values[part].type != jbvNull;

	event->type = string_value(&values[PART_TYPE], part_names[PART_TYPE], where);
	event->data = JsonbPGetDatum(JsonbValueToJsonb(&values[PART_DATA]));
	event->metadata = present[PART_METADATA]
		? JsonbValueToJsonb(&values[PART_METADATA])
		: NULL;
	event->has_id = present[PART_EVENT_ID];
	if (event->has_id)
		event->event_id =
			uuid_value(&values[PART_EVENT_ID], part_names[PART_EVENT_ID], where);
	event->schema_version = !present[PART_SCHEMA_VERSION]
		? 1
		: (int32) integer_value(&values[PART_SCHEMA_VERSION],
								part_names[PART_SCHEMA_VERSION], 1,
								PG_INT32_MAX, where);
	check_event(event, where);
}

/*
 * events_from_container
 *		The events of a JSON array, which is that of an element of
 *		append_streams unless that is NULL.
 */
static void
events_from_container(JsonbContainer *array, EsStreamAppend *append,
					  const char *element_name)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbValue element;
	int i = 0;

	allocate_events(append, JsonContainerSize(array), element_name);
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
	{
		char where[64];

		CHECK_FOR_INTERRUPTS();
		snprintf(where, sizeof(where), "%s%sevent %d",
				 element_name ? element_name : "", element_name ? ", " : "",
				 i + 1);
		event_from_json(&element, &append->events[i++], where);
	}
}

/*
 * require_array
 *		Raises 22023 for JSON that is no array or an empty one.
 */
static void
require_array(Jsonb *json, const char *name)
{
	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a JSON array", name),
				 errhint(
					 "A driver that sends arrays as PostgreSQL arrays needs the JSON as text.")));
	if (JB_ROOT_COUNT(json) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", name)));
}

/*
 * es_events_from_json
 *		The events of append_json.
 */
void
es_events_from_json(Jsonb *json, EsStreamAppend *append)
{
	require_array(json, "events");
	events_from_container(&json->root, append, NULL);
	es_check_distinct_ids(append, 1);
}

/*
 * append_from_json
 *		One element of append_streams.
 */
static void
append_from_json(const JsonbValue *element, EsStreamAppend *append,
				 const char *where)
{
	JsonbValue values[NUM_APPEND_PARTS];
	bool present[NUM_APPEND_PARTS];

	read_object(element, append_part_names, NUM_APPEND_PARTS, values, present,
				where);
	require_key(present[PART_STREAM], append_part_names[PART_STREAM], where);
	append->stream = string_value(&values[PART_STREAM],
								  append_part_names[PART_STREAM], where);
	es_check_stream(append->stream, where);

	/* required: a client that loses the value must not lose the check */
	require_key(present[PART_EXPECTED_VERSION],
				append_part_names[PART_EXPECTED_VERSION], where);
	append->expected_version =
		integer_value(&values[PART_EXPECTED_VERSION],
					  append_part_names[PART_EXPECTED_VERSION],
					  ES_STREAM_EXISTS, PG_INT64_MAX, where);
	es_check_expected_version(append->expected_version, where);

	if (!present[PART_EVENTS])
		return;
	if (values[PART_EVENTS].type != jbvBinary ||
		!JsonContainerIsArray(values[PART_EVENTS].val.binary.data))
		raise_wrong_type(append_part_names[PART_EVENTS], "an array",
						 &values[PART_EVENTS], where);
	events_from_container(values[PART_EVENTS].val.binary.data, append, where);
}

/*
 * check_distinct_streams
 *		Raises 22023 when a call has one stream twice: its second version
 *		would be expected of what its first part makes.
 */
static void
check_distinct_streams(const EsStreamAppend *appends, int nappends)
{
	text **streams = palloc_extended(nappends * sizeof(text *), MCXT_ALLOC_HUGE);

	for (int i = 0; i < nappends; i++)
		streams[i] = appends[i].stream;
	qsort(streams, nappends, sizeof(text *), es_compare_texts);
	for (int i = 1; i < nappends; i++)
	{
		if (es_compare_texts(&streams[i - 1], &streams[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("stream \"%s\" is given twice",
							text_to_cstring(streams[i])),
					 errhint("Give all events of a stream in one element.")));
	}
	pfree(streams);
}

/*
 * es_appends_from_json
 *		The elements of append_streams.
 */
EsStreamAppend *
es_appends_from_json(Jsonb *json, int *nappends)
{
	JsonbIterator *iterator;
	JsonbValue element;
	EsStreamAppend *appends;
	int i = 0;

	require_array(json, "streams");
	*nappends = JB_ROOT_COUNT(json);
	appends = palloc_extended(*nappends * sizeof(EsStreamAppend),
							  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	iterator = JsonbIteratorInit(&json->root);
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
	{
		char where[32];

		CHECK_FOR_INTERRUPTS();
		snprintf(where, sizeof(where), "element %d", i + 1);
		append_from_json(&element, &appends[i++], where);
	}
	check_distinct_streams(appends, *nappends);
	es_check_distinct_ids(appends, *nappends);
	return appends;
}
