/*-------------------------------------------------------------------------
 *
 * event_columns.c
 *	  An event's columns in results.
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
 * src/event_columns.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "event_columns.h"
#include "store.h"
#include "upcast.h"

/* Where an attribute's value comes from, beside the columns of events. */
#define FROM_NOWHERE	 0
#define FROM_STREAM		 (-1)
#define FROM_RECORDED_BY (-2)

/* Metadata that is longer is looked at each time. */
#define MAX_REMEMBERED_BYTES 256

struct EsEventColumns
{
	int ncolumns;
	bool wants_stream; /* the stream's name is among them */
	int last; /* the highest attribute number of events that is needed */
	EsUpcasting *upcasting; /* NULL where none of the following is wanted */
	int type;				/* which column that is, -1 for none */
	int schema_version;
	int data;

	/*
	 * The metadata that was looked at last, as it is stored, and the $user in it: most
	 * events have the same as the one before.  0 bytes for none.
	 */
	Size metadata_bytes;
	char metadata[MAX_REMEMBERED_BYTES];
	union
	{
		text header;
		char bytes[VARHDRSZ + NAMEDATALEN];
	} user;

	int sources[FLEXIBLE_ARRAY_MEMBER]; /* an attribute number of events or one
										 * of the above */
};

/*
 * es_event_type
 *		OID of the type event.
 */
Oid
es_event_type(void)
{
	Oid type =
		GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("event"),
						ObjectIdGetDatum(get_namespace_oid(ES_SCHEMA, false)));

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension event_store has been dropped")));
	return type;
}

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
		{"hash", EV_HASH},
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
 * column_from
 *		The column that comes from one of events, -1 for none.
 */
static int
column_from(const EsEventColumns *columns, EsEventsColumn column)
{
	for (int i = 0; i < columns->ncolumns; i++)
	{
		if (columns->sources[i] == es_store_attnum(ES_EVENTS, column))
			return i;
	}
	return -1;
}

/*
 * find_upcast
 *		Finds the columns that upcasters change; returns whether there are any.
 */
static bool
find_upcast(EsEventColumns *columns)
{
	columns->upcasting = NULL;
	columns->type = column_from(columns, EV_TYPE);
	columns->schema_version = column_from(columns, EV_SCHEMA_VERSION);
	columns->data = column_from(columns, EV_DATA);
	return columns->type >= 0 || columns->schema_version >= 0 ||
		columns->data >= 0;
}

/*
 * es_event_columns
 *		Where the wanted attributes of the type event come from; the table of
 *		events must be locked.  Events are given as the upcasting makes them;
 *		NULL: as they are stored.
 */
EsEventColumns *
es_event_columns(Oid type, const AttrNumber *wanted, int nwanted,
				 EsUpcasting *upcasting)
{
	EsEventColumns *columns =
		palloc(offsetof(EsEventColumns, sources) + nwanted * sizeof(int));
	TupleDesc desc = lookup_rowtype_tupdesc(type, -1);

	columns->ncolumns = nwanted;
	columns->last = 0;
	columns->wants_stream = false;
	columns->metadata_bytes = 0;
	for (int i = 0; i < nwanted; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, wanted[i] - 1);
		int source = find_source(NameStr(att->attname));

		columns->sources[i] = source;
		columns->last = Max(columns->last, source);
		columns->wants_stream |= source == FROM_STREAM;
	}
	ReleaseTupleDesc(desc);
	if (find_upcast(columns))
		columns->upcasting = upcasting;
	return columns;
}

/*
 * es_event_columns_want_stream
 *		Whether the stream's name is among the wanted attributes.
 */
bool
es_event_columns_want_stream(const EsEventColumns *columns)
{
	return columns->wants_stream;
}

/*
 * remember
 *		Remembers the metadata of an event and the $user in it.
 */
static void
remember(EsEventColumns *columns, const struct varlena *metadata,
		 const JsonbValue *user)
{
	Size bytes = VARSIZE_ANY(metadata);

	if (bytes > MAX_REMEMBERED_BYTES || VARATT_IS_EXTERNAL(metadata) ||
		user->val.string.len > NAMEDATALEN)
		return;
	memcpy(columns->metadata, metadata, bytes);
	columns->metadata_bytes = bytes;
	SET_VARSIZE(&columns->user, VARHDRSZ + user->val.string.len);
	memcpy(VARDATA(&columns->user), user->val.string.val, user->val.string.len);
}

/*
 * is_remembered
 *		Whether the metadata of an event is that of the one before.
 */
static inline bool
is_remembered(const EsEventColumns *columns, const struct varlena *metadata)
{
	return columns->metadata_bytes > 0 &&
		VARSIZE_ANY(metadata) == columns->metadata_bytes &&
		memcmp(columns->metadata, metadata, columns->metadata_bytes) == 0;
}

/*
 * recorded_by
 *		Metadata's $user, good until the next event, or in the current memory context.
 */
static Datum
recorded_by(EsEventColumns *columns, TupleTableSlot *slot, bool *isnull)
{
	Datum metadata = es_column(slot, ES_EVENTS, EV_METADATA);
	Jsonb *json;
	JsonbValue value;

	*isnull = false;
	if (is_remembered(columns, (struct varlena *) DatumGetPointer(metadata)))
		return PointerGetDatum(&columns->user);
	json = DatumGetJsonbP(metadata);

	*isnull = !JB_ROOT_IS_OBJECT(json) ||
		getKeyJsonValueFromContainer(&json->root, "$user", strlen("$user"),
									 &value) == NULL ||
		value.type != jbvString;
	if (*isnull)
		return (Datum) 0;
	remember(columns, (struct varlena *) DatumGetPointer(metadata), &value);
	return PointerGetDatum(
		cstring_to_text_with_len(value.val.string.val, value.val.string.len));
}

/*
 * upcast
 *		Puts what an event would be today in place of what is stored.
 */
static void
upcast(const EsEventColumns *columns, TupleTableSlot *event, Datum *values)
{
	EsUpcast today;

	if (!es_upcast_event(columns->upcasting, event, &today))
		return;
	if (columns->type >= 0)
		values[columns->type] = PointerGetDatum(today.type);
	if (columns->schema_version >= 0)
		values[columns->schema_version] = Int32GetDatum(today.schema_version);
	if (columns->data >= 0)
		values[columns->data] = today.data;
}

/*
 * es_event_columns_fill
 *		The columns of an event, good as long as its slot; what has to be made
 *		for them is in the current memory context.  Without the stream's name
 *		among them it is not looked at.
 */
void
es_event_columns_fill(EsEventColumns *columns, TupleTableSlot *event,
					  text *stream, Datum *values, bool *nulls)
{
	slot_getsomeattrs(event, columns->last);
	for (int i = 0; i < columns->ncolumns; i++)
	{
		int source = columns->sources[i];

		nulls[i] = false;
		if (source == FROM_STREAM)
			values[i] = PointerGetDatum(stream);
		else if (source == FROM_RECORDED_BY)
			values[i] = recorded_by(columns, event, &nulls[i]);
		else if (source == FROM_NOWHERE)
			nulls[i] = true;
		else
		{
			values[i] = event->tts_values[source - 1];
			nulls[i] = event->tts_isnull[source - 1];
		}
	}
	if (columns->upcasting != NULL)
		upcast(columns, event, values);
}
