/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *	  Aggregates: loading one, deciding on it, saving what was decided.
 *
 * An aggregate is a stream, its state at a version, and the events that were
 * added since and are not stored yet.  It is a value: it holds no lock and no
 * place in the store, and whoever has it may pass it on, or forget it.
 *
 *	load	  takes the newest usable snapshot, and applies the events after it
 *	add_event applies an event, and remembers it
 *	save	  appends what was remembered, at the version that was loaded
 *
 * load() sees what the calling query sees.  With for_update it takes the
 * stream's lock first and then sees all that is committed, so that nothing can
 * come between it and save(): nobody else can append to the stream.
 *
 * What may come between, and which lock makes it right:
 *
 *	- Two load for update: the second waits for the stream's lock, to the end of
 *	  the first's transaction, and sees what that saved, or that it rolled back.
 *	- Two load otherwise: both may decide; save() appends under the lock at the
 *	  version that was loaded, and the second is refused there.
 *	- Somebody appends, or saves a snapshot, while a snapshot is taken: they wait
 *	  for the lock, or the snapshot does.
 *	- The apply function is replaced, or an upcaster: while load(for_update) waits,
 *	  both are looked up after the lock; while a snapshot is loaded, the snapshot is
 *	  loaded again.  They are looked up together, and a fold goes by what they were.
 *	- The lock is the subtransaction's: a rollback to a savepoint frees it, and the
 *	  aggregate that was loaded is refused by save() if somebody used that.
 *
 * A snapshot never decides anything: it is used if the aggregate's type would
 * make the same state now.  What save() and take_snapshot() keep is not the state
 * that the caller has, which could be anything, but loaded under the stream's
 * lock.  A state that a client has folded and saved is trusted as that client is.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/aggregate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "aggregate.h"
#include "aggregate_type.h"
#include "aggregate_value.h"
#include "append.h"
#include "check.h"
#include "compat.h"
#include "errors.h"
#include "event_input.h"
#include "fold.h"
#include "known_head.h"
#include "load.h"
#include "locks.h"
#include "metadata.h"
#include "privileged.h"
#include "result_rows.h"
#include "snapshot_save.h"
#include "store.h"
#include "stream.h"

PG_FUNCTION_INFO_V1(event_store_load);
PG_FUNCTION_INFO_V1(event_store_add_event);
PG_FUNCTION_INFO_V1(event_store_save);
PG_FUNCTION_INFO_V1(event_store_take_snapshot);

/* Attributes of the type new_event, which are add_event's arguments. */
#define NEW_EVENT_ATTRIBUTES 5

/* How often a snapshot is tried while functions change. */
#define SNAPSHOT_TRIES 10

/* Loading ----------------------------------------------------------------- */

/*
 * load_seen
 *		Loads an aggregate as the calling query sees it.
 */
static void
load_seen(bool use_snapshot, EsAggregateType *type, EsAggregate *aggregate)
{
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);
	Relation streams = es_store_open(ES_STREAMS, AccessShareLock);
	EsStream row;
	EsHead head;

	(void) es_find_and_load(events, streams, GetActiveSnapshot(), use_snapshot,
							type, aggregate, &row, &head);
	table_close(streams, NoLock);
	table_close(events, NoLock);
}

/*
 * load_locked
 *		Takes the stream's lock and loads the aggregate as it is then, and its type;
 *		returns the id of the stream, 0 for none.
 *
 * What the fold has seen last is what save() would look up.
 */
static int64
load_locked(bool use_snapshot, EsAggregateType *type, EsAggregate *aggregate)
{
	uint64 key = es_stream_key(aggregate->stream);
	Relation events;
	Relation streams;
	EsStream row;
	EsHead head;
	uint64 moment;
	bool exists;

	es_open_and_lock(&key, 1, &events, &streams);
	es_register_locked_look(events, streams, aggregate->stream);

	/* not before: its function may have been replaced meanwhile */
	es_aggregate_type_require(aggregate->stream, type);
	moment = es_known_head_moment();
	exists = es_find_and_load(events, streams, SnapshotSelf, use_snapshot, type,
							  aggregate, &row, &head);
	if (exists && head.recorded_at != DT_NOBEGIN)
		es_known_head_note(aggregate->stream, &row, &head, moment);
	table_close(streams, NoLock);
	table_close(events, NoLock);
	return exists ? row.stream_id : 0;
}

/*
 * require_writer
 *		Raises 42501 unless the current role may append: a lock keeps others from
 *		it.
 */
static void
require_writer(FunctionCallInfo fcinfo)
{
	Oid arguments[] = {es_aggregate_result_desc(fcinfo)->tdtypeid};
	Oid save =
		LookupFuncName(list_make2(makeString(ES_SCHEMA), makeString("save")),
					   lengthof(arguments), arguments, true);

	if (!OidIsValid(save) || !es_may_execute(save))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to load an aggregate for update"),
				 errhint(
					 "Writers may: event_store.grant_writer() makes a role one.")));
}

/*
 * event_store_load
 *		load(stream, for_update, use_snapshot) returns aggregate
 *
 * A stream that does not exist is an aggregate at version 0 with the initial
 * state.  Raises 22004, 22023, ST002, ST004, 25006 and 42501 with for_update,
 * and what the apply function raises.
 */
Datum
event_store_load(PG_FUNCTION_ARGS)
{
	EsAggregate aggregate;
	EsAggregateType type;
	bool for_update = es_boolean_argument(fcinfo, 1);
	bool use_snapshot = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);

	aggregate.stream = es_stream_argument(fcinfo, 0);
	(void) es_aggregate_result_desc(fcinfo);
	if (for_update)
	{
		es_check_writable("load(for_update => true)");
		require_writer(fcinfo);
		(void) load_locked(use_snapshot, &type, &aggregate);
	}
	else
	{
		es_aggregate_type_require(aggregate.stream, &type);
		load_seen(use_snapshot, &type, &aggregate);
	}
	return es_aggregate_datum(es_aggregate_result_desc(fcinfo), &aggregate);
}

/* Deciding ---------------------------------------------------------------- */

/*
 * form_new_event
 *		A row of the type new_event.
 */
static HeapTuple
form_new_event(Oid type, const Datum *values, const bool *nulls)
{
	TupleDesc desc = lookup_rowtype_tupdesc(type, -1);
	HeapTuple tuple = es_form_row(desc, values, nulls, NEW_EVENT_ATTRIBUTES);

	ReleaseTupleDesc(desc);
	return tuple;
}

/*
 * event_arguments
 *		The event that was passed, checked; and as a new_event, whose type is given.
 */
static Datum
event_arguments(FunctionCallInfo fcinfo, Oid type, EsNewEvent *event)
{
	Datum values[NEW_EVENT_ATTRIBUTES];
	bool nulls[NEW_EVENT_ATTRIBUTES];
	HeapTuple tuple;

	for (int i = 0; i < NEW_EVENT_ATTRIBUTES; i++)
	{
		nulls[i] = PG_ARGISNULL(i + 1);
		values[i] = PG_GETARG_DATUM(i + 1);
	}
	tuple = form_new_event(type, values, nulls);
	es_event_from_composite(tuple->t_data, event, NULL);
	return HeapTupleGetDatum(tuple);
}

/*
 * event_datum
 *		An event as a new_event.
 */
static Datum
event_datum(Oid type, const EsNewEvent *event)
{
	Datum values[NEW_EVENT_ATTRIBUTES] = {PointerGetDatum(event->type),
										  event->data,
										  PointerGetDatum(event->metadata),
										  UUIDPGetDatum(&event->event_id),
										  Int32GetDatum(event->schema_version)};
	bool nulls[NEW_EVENT_ATTRIBUTES] = {false, false, event->metadata == NULL,
										!event->has_id, false};

	return HeapTupleGetDatum(form_new_event(type, values, nulls));
}

/*
 * remember
 *		Adds an event to those that are not saved.
 */
static void
remember(EsAggregate *aggregate, Datum event)
{
	Oid type = ARR_ELEMTYPE(aggregate->uncommitted);
	int n = es_aggregate_uncommitted(aggregate);
	int16 typlen;
	bool typbyval;
	char typalign;
	Datum *elements;
	Datum *more;

	if (array_contains_nulls(aggregate->uncommitted))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an event of an aggregate must not be null"),
				 errhint(
					 "Pass what event_store.load() or event_store.add_event() returned.")));
	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(aggregate->uncommitted, type, typlen, typbyval, typalign,
					  &elements, NULL, &n);
	more = palloc_extended((n + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	if (n > 0)
		memcpy(more, elements, n * sizeof(Datum));
	more[n] = event;
	aggregate->uncommitted =
		construct_array(more, n + 1, type, typlen, typbyval, typalign);
}

/*
 * add_event
 *		Applies an event to an aggregate and remembers it.
 */
static void
add_event(EsAggregate *aggregate, const EsNewEvent *event, Datum new_event)
{
	Datum metadata = es_build_metadata(es_session_metadata(), event->metadata);
	EsAggregateType type;
	EsFold *fold;

	es_aggregate_type_require(aggregate->stream, &type);
	fold = es_fold_begin(&type, aggregate->stream, aggregate->state);
	es_fold_new_event(fold, event,
					  aggregate->version + es_aggregate_uncommitted(aggregate) + 1,
					  metadata);
	aggregate->state = es_fold_end(fold);
	remember(aggregate, new_event);
}

/*
 * es_add_event
 *		Applies an event to an aggregate and remembers it; both are values of the
 *		type aggregate.
 */
Datum
es_add_event(HeapTupleHeader header, const EsNewEvent *event)
{
	EsAggregate aggregate;
	TupleDesc desc = es_aggregate_read(header, &aggregate);
	Datum result;

	add_event(&aggregate, event, event_datum(es_new_event_type(desc), event));
	result = es_aggregate_datum(desc, &aggregate);
	ReleaseTupleDesc(desc);
	return result;
}

/*
 * event_store_add_event
 *		add_event(aggregate, type, data, metadata, event_id, schema_version)
 *		returns aggregate
 *
 * Raises 22004, 22023, ST004 and what the apply function raises.
 */
Datum
event_store_add_event(PG_FUNCTION_ARGS)
{
	EsNewEvent event = {0};
	EsAggregate aggregate;
	TupleDesc desc = es_aggregate_read(es_aggregate_argument(fcinfo), &aggregate);
	Datum new_event = event_arguments(fcinfo, es_new_event_type(desc), &event);
	Datum result;

	add_event(&aggregate, &event, new_event);
	result = es_aggregate_datum(desc, &aggregate);
	ReleaseTupleDesc(desc);
	return result;
}

/* Saving ------------------------------------------------------------------ */

/*
 * load_for_snapshot
 *		Loads an aggregate under its stream's lock, all of it by one apply function;
 *		returns the id of the stream, 0 for none.
 */
static int64
load_for_snapshot(EsAggregateType *type, EsAggregate *aggregate)
{
	for (int i = 0; i < SNAPSHOT_TRIES; i++)
	{
		int64 stream_id = load_locked(true, type, aggregate);

		if (es_aggregate_type_is_current(type))
			return stream_id;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("functions change faster than a snapshot of stream \"%s\" is made",
					text_to_cstring(aggregate->stream)),
			 errhint("Take the snapshot later.")));
	return 0; /* keep the compiler quiet */
}

/*
 * take
 *		Takes a snapshot of an aggregate as it is now; returns its version, 0 for
 *		a stream that does not exist.
 */
static int64
take(text *stream)
{
	EsAggregate aggregate = {.stream = stream};
	EsAggregateType type;
	int64 stream_id = load_for_snapshot(&type, &aggregate);

	if (aggregate.version == 0)
		return 0;
	es_snapshot_save(stream_id, aggregate.version, type.state_version, &type,
					 aggregate.state);
	return aggregate.version;
}

/*
 * is_due
 *		Whether a snapshot is due after events were saved: every so many versions.
 */
static bool
is_due(const EsAggregateType *type, int64 before, int64 after)
{
	return type->snapshot_every > 0 &&
		before / type->snapshot_every != after / type->snapshot_every;
}

/*
 * es_take_snapshot_if_due
 *		Takes the snapshot that is due after events were saved, if one is.
 */
void
es_take_snapshot_if_due(text *stream, int64 before, int64 after)
{
	EsAggregateType type;

	if (es_aggregate_type_get(stream, &type) && is_due(&type, before, after))
		(void) take(stream);
}

/*
 * refuse_retry
 *		ST003: events with ids were stored before, and not as a save of this very
 *		aggregate: so they are in its state already, or others are not.
 */
static void
refuse_retry(const EsAggregate *aggregate, const EsStreamAppend *append)
{
	if (append->version == aggregate->version + append->nevents)
		return;
	ereport(ERROR,
			(errcode(ES_ERR_DUPLICATE_EVENT),
			 errmsg("events of aggregate \"%s\" are stored already",
					text_to_cstring(aggregate->stream)),
			 errdetail("They end at version %lld; the aggregate was loaded at version %lld.",
					   (long long) append->version,
					   (long long) aggregate->version),
			 errhint("Load it again, and decide on what is there.")));
}

/*
 * event_store_save
 *		save(aggregate) returns aggregate
 *
 * Raises what append_events() raises: ST001 for an aggregate that is out of date.
 */
Datum
event_store_save(PG_FUNCTION_ARGS)
{
	EsAggregate aggregate;
	TupleDesc desc = es_aggregate_read(es_aggregate_argument(fcinfo), &aggregate);
	EsStreamAppend append = {0};
	Datum result;

	if (es_aggregate_uncommitted(&aggregate) > 0)
	{
		es_check_writable("save()");
		append.stream = aggregate.stream;
		append.expected_version = aggregate.version;
		es_events_from_array(aggregate.uncommitted, &append);
		es_append(&append, 1);
		refuse_retry(&aggregate, &append);
		es_take_snapshot_if_due(aggregate.stream, aggregate.version,
								append.version);
		aggregate.version = append.version;
		aggregate.uncommitted = NULL;
	}
	result = es_aggregate_datum(desc, &aggregate);
	ReleaseTupleDesc(desc);
	return result;
}

/*
 * event_store_take_snapshot
 *		take_snapshot(stream) returns bigint
 *
 * Raises 22004, 22023, 25006, ST002, ST004, and what the apply function raises.
 */
Datum
event_store_take_snapshot(PG_FUNCTION_ARGS)
{
	text *stream = es_stream_argument(fcinfo, 0);
	int64 version;

	es_check_writable("take_snapshot()");
	version = take(stream);
	if (version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream \"%s\" does not exist", text_to_cstring(stream)),
				 errhint("A snapshot is of events: append some first.")));
	PG_RETURN_INT64(version);
}
