/*-------------------------------------------------------------------------
 *
 * inline_projection.c
 *	  Projections that are kept in the transaction of the append.
 *
 * project_inline() is an AFTER INSERT row trigger on the events.  It is there while
 * there are inline projections, so that an append without them pays nothing.  It
 * runs when all rows of an append are written: the events are collected row by row,
 * and with the last one the projections run, by name, each over all events that it
 * is for, in their order.  What one of them raises refuses the append.
 *
 * The append holds the lock of its streams, so nobody else appends to them; other
 * streams' events may come to the handlers of other transactions at the same time,
 * and what these write to the same rows is ordered by those rows' locks.
 *
 * A projection becomes inline, and ceases to be, under the store lock: no append is
 * under way then, and this one sees the registry as it was when it began or later;
 * see projection_calls.c.
 *
 * Events that do not come by an append are left alone: they are a restore's, which
 * restores what the handlers wrote as well.
 *
 * The handlers run as the owner of the projections, restricted: what they leave to
 * be done at the end of the transaction would be done with the rights of whoever
 * appends.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/inline_projection.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "append.h"
#include "check.h"
#include "event_rows.h"
#include "privileged.h"
#include "projection.h"
#include "store.h"
#include "stream.h"
#include "stream_names.h"

PG_FUNCTION_INFO_V1(event_store_project_inline);

/* An event of the append. */
typedef struct InlineEvent
{
	Datum row; /* 0 where no projection is for it */
	text *stream;
	text *category;
	text *type;
	int64 version;
} InlineEvent;

/* What is collected of an append. */
typedef struct InlineEvents
{
	MemoryContext context;
	const EsProjections *projections;
	EsUpcasting *upcasting;
	EsEventRows *rows;
	int64 n;
	int64 total; /* events that the append writes */
	InlineEvent *events;

	/* what runs, for errors */
	const EsProjection *projection;
	const InlineEvent *first;
	int64 in_call;
} InlineEvents;

/*
 * begin
 *		Begins to collect the events of an append.
 */
static InlineEvents *
begin(int64 total)
{
	MemoryContext context =
		AllocSetContextCreate(CurTransactionContext,
							  "event_store inline projections",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	InlineEvents *all = palloc0(sizeof(InlineEvents));

	all->context = context;
	all->projections = es_projections();
	all->upcasting = es_upcasting(false);
	all->rows = es_event_rows_begin(all->upcasting);
	all->total = total;
	all->events = palloc_extended(total * sizeof(InlineEvent), MCXT_ALLOC_HUGE);
	MemoryContextSwitchTo(caller);
	return all;
}

/*
 * is_among
 *		Whether a text is one of some that are sorted.
 */
static bool
is_among(text *const *texts, int n, text *const *wanted)
{
	return n > 0 &&
		bsearch(wanted, texts, n, sizeof(text *), es_compare_texts) != NULL;
}

/*
 * is_for
 *		Whether an inline projection is for an event.
 */
static bool
is_for(const EsProjection *projection, const InlineEvent *event)
{
	return projection->is_inline && !projection->paused &&
		(projection->all_categories ||
		 is_among(projection->categories, projection->ncategories,
				  &event->category)) &&
		(projection->ntypes < 0 ||
		 is_among(projection->types, projection->ntypes, &event->type));
}

/*
 * is_for_any
 *		Whether any is.
 */
static bool
is_for_any(const EsProjections *all, const InlineEvent *event)
{
	for (int i = 0; i < all->n; i++)
	{
		if (is_for(&all->projections[i], event))
			return true;
	}
	return false;
}

/*
 * stream_of
 *		Name of an event's stream, in the current memory context.
 */
static text *
stream_of(TupleTableSlot *slot)
{
	int64 stream_id = DatumGetInt64(es_column(slot, ES_EVENTS, EV_STREAM_ID));
	const text *stream = es_appended_stream(stream_id);
	Relation streams;
	text *name;

	if (stream != NULL)
		return DatumGetTextPCopy(PointerGetDatum(stream));
	streams = es_store_open(ES_STREAMS, AccessShareLock);
	name = es_stream_name(streams, SnapshotSelf, stream_id);
	table_close(streams, AccessShareLock);
	return name;
}

/*
 * collect
 *		Collects an event.
 */
static void
collect(InlineEvents *all, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(all->context);
	InlineEvent *event = &all->events[all->n++];

	event->stream = stream_of(slot);
	event->category = es_stream_category(event->stream);
	event->type =
		DatumGetTextPCopy(PointerGetDatum(es_upcast_name(all->upcasting, slot)));
	event->version = DatumGetInt64(es_column(slot, ES_EVENTS, EV_VERSION));
	event->row = is_for_any(all->projections, event)
		? es_event_row(all->rows, slot, event->stream)
		: (Datum) 0;
	MemoryContextSwitchTo(caller);
}

/*
 * name_events
 *		Says in an error what it is about.
 */
static void
name_events(void *arg)
{
	const InlineEvents *all = arg;
	const InlineEvent *event = all->first;

	if (event == NULL)
		errcontext("inline projection \"%s\"", all->projection->name);
	else if (all->in_call == 1)
		errcontext("inline projection \"%s\", event %lld of stream \"%s\", type \"%s\"",
				   all->projection->name, (long long) event->version,
				   text_to_cstring(event->stream), text_to_cstring(event->type));
	else
		errcontext("inline projection \"%s\", %lld events from event %lld of stream \"%s\", type \"%s\" on",
				   all->projection->name, (long long) all->in_call,
				   (long long) event->version, text_to_cstring(event->stream),
				   text_to_cstring(event->type));
}

/*
 * run_singly
 *		Hands over event after event.
 */
static void
run_singly(InlineEvents *all, FunctionCallInfo fcinfo)
{
	all->in_call = 1;
	for (int64 i = 0; i < all->n; i++)
	{
		if (!is_for(all->projection, &all->events[i]))
			continue;
		CHECK_FOR_INTERRUPTS();
		all->first = &all->events[i];
		es_projection_hand_over(fcinfo, all->events[i].row);
	}
}

/*
 * run_together
 *		Hands over all events at once.
 */
static void
run_together(InlineEvents *all, FunctionCallInfo fcinfo)
{
	EsEventArray array;

	es_event_array_begin(&array);
	for (int64 i = 0; i < all->n; i++)
	{
		if (!is_for(all->projection, &all->events[i]))
			continue;
		if (array.n == 0)
			all->first = &all->events[i];
		es_event_array_add(&array, all->events[i].row);
	}
	all->in_call = array.n;
	if (array.n > 0)
		es_projection_hand_over(fcinfo, es_event_array_value(&array));
}

/*
 * run
 *		Runs a projection over the events of the append; raises 55000 when its
 *		handler cannot be used.
 */
static void
run(InlineEvents *all, const EsProjection *projection)
{
	LOCAL_FCINFO(fcinfo, 2);
	FmgrInfo function;

	es_projection_prepare(projection, projection->generation, &function, fcinfo);
	if (projection->handler.takes_batch)
		run_together(all, fcinfo);
	else
		run_singly(all, fcinfo);
}

/*
 * run_all
 *		Runs all inline projections that are for any of the events, as the owner.
 */
static void
run_all(InlineEvents *all)
{
	MemoryContext caller = MemoryContextSwitchTo(all->context);
	ErrorContextCallback callback;
	EsActor before;

	callback.callback = name_events;
	callback.arg = all;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	es_act_as(&before, all->projections->owner, true);
	PushCopiedSnapshot(GetActiveSnapshot());
	for (int i = 0; i < all->projections->n; i++)
	{
		all->projection = &all->projections->projections[i];
		all->first = NULL;
		if (all->projection->is_inline && !all->projection->paused)
			run(all, all->projection);
	}
	PopActiveSnapshot();
	es_act_as_before(&before);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(caller);
}

/*
 * event_store_project_inline
 *		project_inline(): AFTER INSERT row trigger on the events.
 *
 * Raises what the handlers raise, and 55000 when one cannot be used.
 */
Datum
event_store_project_inline(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	InlineEvents *all;
	void **own;
	int64 total;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired after insert for each row",
						"project_inline"),
				 errhint("event_store.create_projection() makes its trigger.")));
	total = es_appending_events(&own);
	if (total == 0 || RelationGetRelid(trigger->tg_relation) != es_store_events())
		return PointerGetDatum(NULL);
	if (*own == NULL)
		*own = begin(total);
	all = *own;
	collect(all, trigger->tg_trigslot);
	if (all->n == total)
	{
		run_all(all);
		MemoryContextDelete(all->context);
		*own = NULL;
	}
	return PointerGetDatum(NULL);
}
