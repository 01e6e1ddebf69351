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
#define FROM_NOWHERE	 0
#define FROM_STREAM		 (-1)
#define FROM_RECORDED_BY (-2)

struct EsEventRows
{
	Tuplestorestate *store;
	TupleDesc desc;
	int *sources; /* an attribute number of events or one of the above */
	int last;	  /* the highest of those; 0 before the first row */
	Datum *values;
	bool *nulls;
};

/*
 * find_source
 *		Where the attribute of a name comes from; the table of events must be
 *		locked.
 */
static int
find_source(const char *name)
{
	static const struct
	{
		const char *name;
		EsEventsColumn column;
	} columns[] = {
		{"global_position", EV_GLOBAL_POSITION},
		{"version", EV_VERSION},
		{"type", EV_TYPE},
		{"data", EV_DATA},
		{"metadata", EV_METADATA},
		{"event_id", EV_EVENT_ID},
		{"schema_version", EV_SCHEMA_VERSION},
		{"recorded_at", EV_RECORDED_AT},
	};

	if (strcmp(name, "stream") == 0)
		return FROM_STREAM;
	if (strcmp(name, "recorded_by") == 0)
		return FROM_RECORDED_BY;
	for (int i = 0; i < lengthof(columns); i++)
	{
		if (strcmp(columns[i].name, name) == 0)
			return es_store_attnum(ES_EVENTS, columns[i].column);
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
	rows->last = 0;
	rows->values = palloc0(natts * sizeof(Datum));
	rows->nulls = palloc0(natts * sizeof(bool));
	return rows;
}

/*
 * find_sources
 *		Where all attributes come from, once the table of events is locked.
 */
static void
find_sources(EsEventRows *rows)
{
	rows->last = es_store_attnum(ES_EVENTS, EV_METADATA);
	for (int i = 0; i < rows->desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(rows->desc, i)->attname);

		rows->sources[i] = find_source(name);
		rows->last = Max(rows->last, rows->sources[i]);
	}
}

/*
 * recorded_by
 *		Metadata's $user, in the current memory context.
 */
static Datum
recorded_by(TupleTableSlot *slot, bool *isnull)
{
	Jsonb *json = DatumGetJsonbP(es_column(slot, ES_EVENTS, EV_METADATA));
	JsonbValue value;

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
	if (rows->last == 0)
		find_sources(rows);
	slot_getsomeattrs(slot, rows->last);
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
		{
			rows->values[i] = slot->tts_values[source - 1];
			rows->nulls[i] = slot->tts_isnull[source - 1];
		}
	}
	tuplestore_putvalues(rows->store, rows->desc, rows->values, rows->nulls);
}
