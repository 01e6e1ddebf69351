/*-------------------------------------------------------------------------
 *
 * event_struct.c
 *	  An event as C sees it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_struct.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "event_struct.h"

/*
 * es_event_reader_init
 *		Looks up where the columns of events are; the table must be locked.  Events are
 *		given as the upcasting makes them; NULL: as they are stored.
 */
void
es_event_reader_init(EsEventReader *reader, EsUpcasting *upcasting)
{
	for (int column = 0; column < EV_NUM_COLUMNS; column++)
		reader->numbers[column] = es_store_attnum(ES_EVENTS, column);
	reader->upcasting = upcasting;
}

/*
 * get_column
 *		A column of an event, all of whose columns are at hand; es_column() raises
 *		for a null.
 */
static inline Datum
get_column(const EsEventReader *reader, TupleTableSlot *slot,
		   EsEventsColumn column)
{
	int i = reader->numbers[column] - 1;

	if (unlikely(slot->tts_isnull[i]))
		return es_column(slot, ES_EVENTS, column);
	return slot->tts_values[i];
}

/*
 * type_name
 *		A type as a C string: in the buffer, which every type that the store takes
 *		fits into.
 */
static const char *
type_name(const text *type, char *buffer)
{
	int length = VARSIZE_ANY_EXHDR(type);

	if (unlikely(length > ES_MAX_TYPE_BYTES))
		return text_to_cstring(type);
	memcpy(buffer, VARDATA_ANY(type), length);
	buffer[length] = '\0';
	return buffer;
}

/*
 * upcast
 *		Makes an event what it would be today.
 */
static void
upcast(EsEventReader *reader, TupleTableSlot *slot, EventStoreEvent *event)
{
	EsUpcast today;

	if (!es_upcast_event(reader->upcasting, slot, &today))
		return;
	event->type = type_name(today.type, reader->type);
	event->schema_version = today.schema_version;
	event->data = today.data;
}

/*
 * es_event_read
 *		The event in a row of the table, until the next one is read.
 */
void
es_event_read(EsEventReader *reader, TupleTableSlot *slot, EventStoreEvent *event)
{
	slot_getallattrs(slot);
	event->type = type_name(DatumGetTextPP(get_column(reader, slot, EV_TYPE)),
							reader->type);
	event->global_position =
		DatumGetInt64(get_column(reader, slot, EV_GLOBAL_POSITION));
	event->version = DatumGetInt64(get_column(reader, slot, EV_VERSION));
	event->recorded_at =
		DatumGetTimestampTz(get_column(reader, slot, EV_RECORDED_AT));
	event->schema_version =
		DatumGetInt32(get_column(reader, slot, EV_SCHEMA_VERSION));
	event->data = get_column(reader, slot, EV_DATA);
	event->metadata = get_column(reader, slot, EV_METADATA);
	if (unlikely(reader->upcasting != NULL))
		upcast(reader, slot, event);
}
