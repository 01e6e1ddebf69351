/*-------------------------------------------------------------------------
 *
 * event_rows.c
 *	  Events as result rows.
 *
 * The type event grows at its end from release to release, while an old
 * library may still serve a new type and the other way round: attributes are
 * filled by name, and those that this code does not know are NULL.
 *
 * Large data is handed on as it is stored, and fetched only when the query
 * looks at it: nothing ever takes it away, since events are append-only.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_rows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "event_rows.h"
#include "store.h"

/* Where an attribute's value comes from, beside the columns of events. */
#define FROM_NOWHERE	 (-1)
#define FROM_STREAM		 (-2)
#define FROM_RECORDED_BY (-3)

struct EsEventRows
{
	Tuplestorestate *store;
	TupleDesc desc;
	int *sources; /* an EsEventsColumn or one of the above */
	Datum *values;
	bool *nulls;
};

/*
 * find_source
 *		Where the attribute of a name comes from.
 */
static int
find_source(const char *name)
{
	static const struct
	{
		const char *name;
		int source;
	} sources[] = {
		{"global_position", EV_GLOBAL_POSITION},
		{"stream", FROM_STREAM},
		{"version", EV_VERSION},
		{"type", EV_TYPE},
		{"data", EV_DATA},
		{"metadata", EV_METADATA},
		{"event_id", EV_EVENT_ID},
		{"schema_version", EV_SCHEMA_VERSION},
		{"recorded_at", EV_RECORDED_AT},
		{"recorded_by", FROM_RECORDED_BY},
	};

	for (int i = 0; i < lengthof(sources); i++)
	{
		if (strcmp(sources[i].name, name) == 0)
			return sources[i].source;
	}
	return FROM_NOWHERE;
}

/*
 * es_event_rows_begin
 *		Prepares a set-returning call to return events.
 */
EsEventRows *
es_event_rows_begin(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	EsEventRows *rows = palloc(sizeof(EsEventRows));
	int natts;

	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	rows->store = result->setResult;
	rows->desc = result->setDesc;
	natts = rows->desc->natts;
	rows->sources = palloc(natts * sizeof(int));
	rows->values = palloc0(natts * sizeof(Datum));
	rows->nulls = palloc0(natts * sizeof(bool));
	for (int i = 0; i < natts; i++)
		rows->sources[i] =
			find_source(NameStr(TupleDescAttr(rows->desc, i)->attname));
	return rows;
}

/*
 * recorded_by
 *		Metadata's $user, in the current memory context.
 */
static Datum
recorded_by(TupleTableSlot *slot, bool *isnull)
{
	Datum metadata =
		slot_getattr(slot, es_store_attnum(ES_EVENTS, EV_METADATA), isnull);
	JsonbValue value;
	Jsonb *json;

	if (*isnull)
		return (Datum) 0;
	json = DatumGetJsonbP(metadata);
	*isnull = !JB_ROOT_IS_OBJECT(json) ||
		getKeyJsonValueFromContainer(&json->root, "$user", strlen("$user"),
									 &value) == NULL ||
		value.type != jbvString;
	if (*isnull)
		return (Datum) 0;
	return PointerGetDatum(
		cstring_to_text_with_len(value.val.string.val, value.val.string.len));
}

/*
 * es_event_rows_put
 *		Adds a row of events to the result.  Leaves memory in the current
 *		context, which the caller resets.
 */
void
es_event_rows_put(EsEventRows *rows, TupleTableSlot *slot, text *stream)
{
	for (int i = 0; i < rows->desc->natts; i++)
	{
		int source = rows->sources[i];

		rows->nulls[i] = false;
		if (source == FROM_STREAM)
			rows->values[i] = PointerGetDatum(stream);
		else if (source == FROM_RECORDED_BY)
			rows->values[i] = recorded_by(slot, &rows->nulls[i]);
		else if (source == FROM_NOWHERE)
			rows->nulls[i] = true;
		else
			rows->values[i] =
				slot_getattr(slot, es_store_attnum(ES_EVENTS, source),
							 &rows->nulls[i]);
	}
	tuplestore_putvalues(rows->store, rows->desc, rows->values, rows->nulls);
}
