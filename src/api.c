/*-------------------------------------------------------------------------
 *
 * api.c
 *	  The calls for other extensions' C code: see event_store_api.h.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/api.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "aggregate.h"
#include "append.h"
#include "check.h"
#include "event_input.h"
#include "event_store_api.h"
#include "locks.h"
#include "metadata.h"
#include "store.h"
#include "stream.h"
#include "stream_names.h"
#include "visit.h"

extern PGDLLEXPORT const EventStoreApi *event_store_get_api(void);

/*
 * stream_text
 *		A stream's name, checked.
 */
static text *
stream_text(const char *stream)
{
	text *result = cstring_to_text(stream);

	es_check_stream(result, NULL);
	return result;
}

/*
 * api_lock_stream
 *		See EventStoreApi.
 */
static int64
api_lock_stream(const char *stream)
{
	text *name = stream_text(stream);
	uint64 key = es_stream_key(name);
	Relation events;
	Relation streams;
	EsStream found;
	EsHead head = {0};

	es_check_writable("append()");
	es_open_and_lock(&key, 1, &events, &streams);
	es_register_locked_look(events, streams, name);
	if (es_find_stream(streams, SnapshotSelf, name, &found))
		es_stream_head(events, SnapshotSelf, &found, &head);
	table_close(streams, NoLock);
	table_close(events, NoLock);
	return head.version;
}

/*
 * api_fold_locked
 *		See EventStoreApi.
 */
static void
api_fold_locked(const char *stream, EventStoreVisit visit, void *arg)
{
	es_visit_stream(stream_text(stream), SnapshotSelf, NULL, visit, arg);
}

/*
 * api_load
 *		See EventStoreApi.
 */
static void
api_load(const char *stream, bool for_update, EventStoreRestore restore,
		 EventStoreVisit visit, void *arg)
{
	text *name = stream_text(stream);
	uint64 key = es_stream_key(name);
	Relation events;
	Relation streams;

	if (!for_update)
	{
		es_visit_aggregate(name, GetActiveSnapshot(), restore, visit, arg);
		return;
	}
	es_check_writable("load(for_update => true)");
	es_open_and_lock(&key, 1, &events, &streams);
	es_visit_locked_aggregate(events, streams, name, restore, visit, arg);
	table_close(streams, NoLock);
	table_close(events, NoLock);
}

/*
 * api_fold
 *		See EventStoreApi.
 */
static void
api_fold(const char *stream, const TimestampTz *as_of, EventStoreVisit visit,
		 void *arg)
{
	es_visit_stream(stream_text(stream), GetActiveSnapshot(), as_of, visit, arg);
}

/*
 * checked_event
 *		An event that a caller gives, checked.
 */
static EsNewEvent
checked_event(const EventStoreNewEvent *given)
{
	EsNewEvent event = {0};

	event.type = cstring_to_text(given->type);
	es_check_type(event.type, NULL);
	event.data = given->data;
	es_check_data(event.data, "event data", NULL);
	if (given->metadata != (Datum) 0)
		event.metadata = DatumGetJsonbP(given->metadata);
	es_check_metadata(event.metadata, NULL);
	event.has_id = given->event_id != NULL;
	if (event.has_id)
		memcpy(&event.event_id, given->event_id, sizeof(pg_uuid_t));
	event.schema_version = given->schema_version == 0 ? 1 : given->schema_version;
	es_check_schema_version(event.schema_version, NULL);
	return event;
}

/*
 * append_checked
 *		Appends what a caller gives; returns the stream's name.
 */
static text *
append_checked(const char *stream, const EventStoreNewEvent *new_events,
			   int nevents, int64 expected_version, EventStoreAppended *appended)
{
	EsStreamAppend append = {0};

	es_check_writable("append()");
	append.stream = stream_text(stream);
	append.expected_version = expected_version;
	es_check_expected_version(expected_version, NULL);
	append.nevents = nevents;
	append.events = palloc(nevents * sizeof(EsNewEvent));
	for (int i = 0; i < nevents; i++)
		append.events[i] = checked_event(&new_events[i]);
	es_check_distinct_ids(&append, 1);
	es_append(&append, 1);
	appended->version = append.version;
	appended->global_position = append.global_position;
	return append.stream;
}

/*
 * api_append
 *		See EventStoreApi.
 */
static void
api_append(const char *stream, const EventStoreNewEvent *new_events,
		   int nevents, int64 expected_version, EventStoreAppended *appended)
{
	(void) append_checked(stream, new_events, nevents, expected_version,
						  appended);
}

/*
 * api_save
 *		See EventStoreApi.
 */
static void
api_save(const char *stream, const EventStoreNewEvent *new_events, int nevents,
		 int64 expected_version, EventStoreAppended *appended)
{
	text *name =
		append_checked(stream, new_events, nevents, expected_version, appended);

	if (appended->version > ES_FEW_EVENTS)
		es_take_snapshot_if_due(name, appended->version - nevents,
								appended->version);
}

/*
 * api_add_event
 *		See EventStoreApi.
 */
static Datum
api_add_event(Datum aggregate, const EventStoreNewEvent *new_event)
{
	EsNewEvent event = checked_event(new_event);

	return es_add_event(DatumGetHeapTupleHeader(aggregate), &event);
}

/*
 * api_stream_name
 *		See EventStoreApi.
 */
static char *
api_stream_name(int64 stream_id)
{
	const text *name = es_appended_stream(stream_id);

	if (name == NULL)
	{
		Relation streams = es_store_open(ES_STREAMS, AccessShareLock);

		name = es_stream_name(streams, SnapshotSelf, stream_id);
		table_close(streams, AccessShareLock);
	}
	return text_to_cstring(name);
}

/*
 * api_lock_store
 *		See EventStoreApi.
 */
static void
api_lock_store(void)
{
	es_check_writable("lock_store()");
	es_lock_store();
}

static const EventStoreApi api = {
	.api_version = EVENT_STORE_API_VERSION,
	.size = sizeof(EventStoreApi),
	.lock_stream = api_lock_stream,
	.fold_locked = api_fold_locked,
	.fold = api_fold,
	.append = api_append,
	.stream_name = api_stream_name,
	.is_appending = es_is_appending,
	.lock_store = api_lock_store,
	.load = api_load,
	.save = api_save,
	.add_event = api_add_event,
};

/*
 * event_store_get_api
 *		What event_store_api() finds by its name.
 */
const EventStoreApi *
event_store_get_api(void)
{
	return &api;
}
