/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  Applying events to a state, one after the other.
 *
 * The apply function of an aggregate type is called directly for each event,
 * without a query.  It may be in any language.
 *
 * It runs as the owner of the aggregate types, in a restricted operation and
 * with a search path that nobody else can put anything into: whoever loads an
 * aggregate neither lends it their rights nor gains the owner's.
 *
 * Memory: what a call leaves behind is freed after it.  A state that it made is
 * copied out of there first, as PostgreSQL's aggregates do.  A function in C may
 * return an expanded object instead, a state of its own kind that it goes on with
 * at the next event; it is made jsonb once, at the end.
 *
 * To make an event a row value costs more than to read it.  A function in C can
 * do without: see EVENT_STORE_APPLY.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/fold.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "event_columns.h"
#include "event_struct.h"
#include "fold.h"
#include "privileged.h"
#include "store.h"

struct EsFold
{
	text *stream;
	Datum state;
	MemoryContext states[2]; /* the state is in the first; swapped */
	MemoryContext call;		 /* what an event needs */
	EsAggregateType *type;

	/* for events as rows of the type event; NULL before the first */
	FunctionCallInfo fcinfo;
	TupleDesc desc;
	EsEventColumns *columns; /* NULL before the first stored event */
	Datum *values;
	bool *nulls;

	EsActor caller;			/* to be that again */
	EsUpcasting *upcasting; /* NULL for nothing to do */

	/* for events as structs; the name is NULL before the first */
	EsEventReader reader;
	bool reader_ready;
	char *stream_name;

	/* the event that is applied, for errors */
	int64 version;
	const char *event_type;
};

/*
 * es_fold_begin
 *		Starts with a state, of which a copy is made.
 *
 * Until es_fold_end() the current role is the owner of the types.  The type stays
 * the caller's.
 */
EsFold *
es_fold_begin(EsAggregateType *type, text *stream, Datum state)
{
	EsFold *fold = palloc0(sizeof(EsFold));
	MemoryContext caller;

	fold->stream = stream;
	fold->type = type;
	fold->upcasting = es_upcasting_by(type->event_types);
	for (int i = 0; i < lengthof(fold->states); i++)
		fold->states[i] =
			AllocSetContextCreate(CurrentMemoryContext, "event_store state",
								  ALLOCSET_START_SMALL_SIZES);
	fold->call = AllocSetContextCreate(CurrentMemoryContext, "event_store event",
									   ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(fold->states[0]);
	fold->state = datumCopy(state, false, -1);
	MemoryContextSwitchTo(caller);
	/* a sibling runs no SQL, and to pin the search path costs more than to call it */
	es_act_as(&fold->caller, type->owner, type->apply_struct == NULL);
	return fold;
}

/*
 * name_event
 *		Says in an error which event it is about.
 */
static void
name_event(void *arg)
{
	const EsFold *fold = arg;

	errcontext("applying event %lld of stream \"%s\", type \"%s\"",
			   (long long) fold->version, text_to_cstring(fold->stream),
			   fold->event_type);
}

/*
 * raise_null
 *		22004: the apply function returned no state.
 */
static void
raise_null(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("apply function returned null"),
			 errhint(
				 "Return the state as it is for an event that changes nothing.")));
}

/*
 * keep_state
 *		Keeps the state that a call returned: an expanded object that it may
 *		change is taken over, another is copied.
 *
 * The object may be the one that was passed and belong to somebody else by now,
 * as PL/pgSQL takes over what it returns.
 */
static void
keep_state(EsFold *fold, Datum state)
{
	MemoryContext kept = fold->states[1];

	if (DatumGetPointer(state) == NULL)
		raise_null();
	if (DatumGetPointer(state) == DatumGetPointer(fold->state))
	{
		if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(state)))
			fold->state = TransferExpandedObject(state, fold->states[0]);
		return;
	}
	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(state)))
		fold->state = TransferExpandedObject(state, kept);
	else
	{
		MemoryContext caller = MemoryContextSwitchTo(kept);

		fold->state = datumCopy(state, false, -1);
		MemoryContextSwitchTo(caller);
	}
	fold->states[1] = fold->states[0];
	fold->states[0] = kept;
	MemoryContextReset(fold->states[1]);
}

/*
 * call_apply
 *		Applies an event of the type event, in the context of the call.
 */
static void
call_apply(EsFold *fold, HeapTuple event)
{
	FunctionCallInfo fcinfo = fold->fcinfo;
	Datum state;

	fcinfo->args[0].value = fold->state;
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = HeapTupleGetDatum(event);
	fcinfo->args[1].isnull = false;
	fcinfo->isnull = false;
	state = FunctionCallInvoke(fcinfo);
	if (fcinfo->isnull)
		raise_null();
	keep_state(fold, state);
}

/*
 * apply
 *		Applies the event whose attributes have been filled in.
 */
static void
apply(EsFold *fold)
{
	ErrorContextCallback callback;

	callback.callback = name_event;
	callback.arg = fold;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	call_apply(fold, heap_form_tuple(fold->desc, fold->values, fold->nulls));
	error_context_stack = callback.previous;
	MemoryContextReset(fold->call);
}

/*
 * apply_struct
 *		Applies an event as a struct, in the context of the call.
 */
static void
apply_struct(EsFold *fold, const EventStoreEvent *event)
{
	ErrorContextCallback callback;

	if (fold->stream_name == NULL)
		fold->stream_name = MemoryContextStrdup(GetMemoryChunkContext(fold),
												text_to_cstring(fold->stream));
	fold->version = event->version;
	fold->event_type = event->type;
	callback.callback = name_event;
	callback.arg = fold;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	keep_state(fold,
			   fold->type->apply_struct(fold->state, fold->stream_name, event));
	error_context_stack = callback.previous;
	MemoryContextReset(fold->call);
}

/*
 * find_columns
 *		Where the attributes of an event are in the table, which must be locked.
 */
static EsEventColumns *
find_columns(const EsFold *fold)
{
	int natts = fold->desc->natts;
	AttrNumber *wanted = palloc(natts * sizeof(AttrNumber));

	for (int i = 0; i < natts; i++)
		wanted[i] = i + 1;
	return es_event_columns(fold->desc->tdtypeid, wanted, natts, fold->upcasting);
}

/*
 * prepare_rows
 *		Gets ready for events as row values.
 */
static void
prepare_rows(EsFold *fold)
{
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(fold));

	fold->desc = lookup_rowtype_tupdesc_copy(es_event_type(), -1);
	BlessTupleDesc(fold->desc);
	fold->values = palloc(fold->desc->natts * sizeof(Datum));
	fold->nulls = palloc(fold->desc->natts * sizeof(bool));
	fold->fcinfo = palloc0(SizeForFunctionCallInfo(2));
	InitFunctionCallInfoData(*fold->fcinfo, &fold->type->apply, 2, InvalidOid,
							 NULL, NULL);
	MemoryContextSwitchTo(caller);
}

/*
 * prepare_columns
 *		Gets ready for stored events as row values.
 */
static void
prepare_columns(EsFold *fold)
{
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(fold));

	fold->columns = find_columns(fold);
	MemoryContextSwitchTo(caller);
}

/*
 * apply_row
 *		Applies a stored event as a row value, in the context of the call.
 */
static void
apply_row(EsFold *fold, TupleTableSlot *event)
{
	if (fold->desc == NULL)
		prepare_rows(fold);
	if (fold->columns == NULL)
		prepare_columns(fold);
	es_event_columns_fill(fold->columns, event, fold->stream, fold->values,
						  fold->nulls);
	fold->version = DatumGetInt64(es_column(event, ES_EVENTS, EV_VERSION));
	fold->event_type = TextDatumGetCString(es_column(event, ES_EVENTS, EV_TYPE));
	apply(fold);
}

/*
 * prepare_reader
 *		Gets ready for stored events as structs.
 */
static void
prepare_reader(EsFold *fold)
{
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(fold));

	es_event_reader_init(&fold->reader, fold->upcasting);
	fold->reader_ready = true;
	MemoryContextSwitchTo(caller);
}

/*
 * es_fold_event
 *		Applies a stored event.
 */
void
es_fold_event(EsFold *fold, TupleTableSlot *event)
{
	MemoryContext caller = MemoryContextSwitchTo(fold->call);

	CHECK_FOR_INTERRUPTS();
	if (fold->type->apply_struct != NULL)
	{
		EventStoreEvent read;

		if (!fold->reader_ready)
			prepare_reader(fold);
		es_event_read(&fold->reader, event, &read);
		apply_struct(fold, &read);
	}
	else
		apply_row(fold, event);
	MemoryContextSwitchTo(caller);
}

/*
 * set_attribute
 *		Fills in an attribute of an event by its name, if the type has it.
 */
static void
set_attribute(EsFold *fold, const char *name, Datum value)
{
	for (int i = 0; i < fold->desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(fold->desc, i)->attname), name) != 0)
			continue;
		fold->values[i] = value;
		fold->nulls[i] = false;
	}
}

/*
 * apply_new_row
 *		Applies an event that is not stored yet as a row value, in the context of
 *		the call.
 */
static void
apply_new_row(EsFold *fold, const EsNewEvent *event, Datum metadata)
{
	if (fold->desc == NULL)
		prepare_rows(fold);
	memset(fold->nulls, true, fold->desc->natts * sizeof(bool));
	set_attribute(fold, "stream", PointerGetDatum(fold->stream));
	set_attribute(fold, "version", Int64GetDatum(fold->version));
	set_attribute(fold, "type", PointerGetDatum(event->type));
	set_attribute(fold, "data", event->data);
	set_attribute(fold, "metadata", metadata);
	set_attribute(fold, "schema_version", Int32GetDatum(event->schema_version));
	if (event->has_id)
		set_attribute(fold, "event_id", UUIDPGetDatum(&event->event_id));
	apply(fold);
}

/*
 * upcast_new
 *		Makes an event that is not stored yet what a read will make it.
 */
static void
upcast_new(EsFold *fold, EsNewEvent *event)
{
	EsUpcast upcast = {event->type, event->schema_version, event->data};

	if (fold->upcasting == NULL || !es_upcast(fold->upcasting, &upcast, 0))
		return;
	event->type = upcast.type;
	event->schema_version = upcast.schema_version;
	event->data = upcast.data;
}

/*
 * es_fold_new_event
 *		Applies an event that is not stored yet, as it will be: its position, its
 *		time and, unless one was given, its id are null, or 0 in a struct.
 */
void
es_fold_new_event(EsFold *fold, const EsNewEvent *new_event, int64 version,
				  Datum metadata)
{
	MemoryContext caller = MemoryContextSwitchTo(fold->call);
	EsNewEvent today = *new_event;
	EsNewEvent *event = &today;

	upcast_new(fold, event);
	fold->version = version;
	fold->event_type = text_to_cstring(event->type);
	if (fold->type->apply_struct != NULL)
	{
		EventStoreEvent made = {0};

		made.version = version;
		made.schema_version = event->schema_version;
		made.type = fold->event_type;
		made.data = event->data;
		made.metadata = metadata;
		apply_struct(fold, &made);
	}
	else
		apply_new_row(fold, event, metadata);
	MemoryContextSwitchTo(caller);
}

/*
 * es_fold_state
 *		The state after the last event, a plain jsonb in the current memory context.
 */
Datum
es_fold_state(const EsFold *fold)
{
	return PointerGetDatum(PG_DETOAST_DATUM_COPY(fold->state));
}

/*
 * es_fold_end
 *		The state, a plain jsonb in the current memory context.
 */
Datum
es_fold_end(EsFold *fold)
{
	Datum state;

	es_act_as_before(&fold->caller);
	state = es_fold_state(fold);
	for (int i = 0; i < lengthof(fold->states); i++)
		MemoryContextDelete(fold->states[i]);
	MemoryContextDelete(fold->call);
	pfree(fold);
	return state;
}
