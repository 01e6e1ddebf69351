/*-------------------------------------------------------------------------
 *
 * upcast.c
 *	  Making old events what they would be today.
 *
 * An upcaster makes the data of a type at a schema version what it is at the next,
 * and may give the type another name there.  A stored event goes from one to the
 * next, up to the newest; it is never changed itself.  A version from which
 * nothing leads on, while there is an upcaster from a later one, is an error: it
 * would mean to read an event half done.
 *
 * What a read needs it takes from what the session keeps when it begins, so that
 * all of it is of one kind; without any upcaster that is a look at two numbers.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/upcast.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "check.h"
#include "errors.h"
#include "privileged.h"
#include "store.h"
#include "upcast.h"

struct EsUpcasting
{
	const EsEventTypes *types;
	FmgrInfo *functions; /* copies for this read, made when they are needed */
	MemoryContext context;
	uint64 changes; /* of functions, when it was made */
};

/* Which step of which event is done, for errors. */
typedef struct Step
{
	const EsEventType *from;
	int64 global_position; /* 0 for an event that is not stored yet */
} Step;

/*
 * es_upcasting_by
 *		What a read needs that is to go by these types, in the current memory context;
 *		NULL where nothing is to be done.
 */
EsUpcasting *
es_upcasting_by(const EsEventTypes *types)
{
	EsUpcasting *upcasting;

	if (types == NULL || !types->has_upcasters)
		return NULL;
	upcasting = palloc(sizeof(EsUpcasting));
	upcasting->types = types;
	upcasting->functions = palloc0(types->n * sizeof(FmgrInfo));
	upcasting->context = CurrentMemoryContext;
	upcasting->changes = es_handler_changes();
	return upcasting;
}

/*
 * es_upcasting
 *		The same that goes by what is known now; NULL for events as they are stored.
 */
EsUpcasting *
es_upcasting(bool raw)
{
	return raw ? NULL : es_upcasting_by(es_event_types());
}

/*
 * name_step
 *		Says in an error which event it is about.
 */
static void
name_step(void *arg)
{
	const Step *step = arg;

	if (step->global_position > 0)
		errcontext("upcasting the event at position %lld, type \"%s\", from schema version %d",
				   (long long) step->global_position,
				   text_to_cstring(step->from->type), step->from->schema_version);
	else
		errcontext("upcasting a new event, type \"%s\", from schema version %d",
				   text_to_cstring(step->from->type), step->from->schema_version);
}

/*
 * step_at
 *		The upcaster at a place; NULL for none.  Raises ST010 where the one from a
 *		version is missing.
 */
static const EsEventType *
step_at(const EsUpcasting *upcasting, int place, const EsUpcast *upcast,
		int64 global_position)
{
	if (place >= 0)
		return &upcasting->types->types[place];
	if (place == ES_MISSING)
		ereport(ERROR,
				(errcode(ES_ERR_NO_UPCASTER),
				 errmsg("no upcaster leads on from schema version %d of type \"%s\"",
						upcast->schema_version, text_to_cstring(upcast->type)),
				 errdetail("The event at position %lld comes to that version, and there is an upcaster from a later one.",
						   (long long) global_position),
				 errhint(
					 "Create it with event_store.create_upcaster(), or read with raw => true.")));
	return NULL;
}

/*
 * function_of
 *		An upcaster's function, for this read, which may have been dropped since it
 *		began.
 */
static FmgrInfo *
function_of(EsUpcasting *upcasting, const EsEventType *step)
{
	FmgrInfo *function = &upcasting->functions[step - upcasting->types->types];

	if (step->upcaster.flaw != NULL)
		es_handler_raise(&es_upcaster_kind, step->upcaster.signature,
						 step->upcaster.flaw);
	if (unlikely(upcasting->changes != es_handler_changes()) &&
		!SearchSysCacheExists1(PROCOID,
							   ObjectIdGetDatum(step->upcaster.function.fn_oid)))
		es_handler_raise(&es_upcaster_kind, step->upcaster.signature,
						 es_handler_flaw(&es_upcaster_kind, InvalidOid,
										 upcasting->types->owner));
	if (!OidIsValid(function->fn_oid))
		fmgr_info_copy(function, unconstify(FmgrInfo *, &step->upcaster.function),
					   upcasting->context);
	return function;
}

/*
 * call
 *		Calls an upcaster; returns the new data.
 */
static Datum
call(EsUpcasting *upcasting, const EsEventType *step, Datum data)
{
	LOCAL_FCINFO(fcinfo, 1);
	EsActor before;
	Datum result;

	InitFunctionCallInfoData(*fcinfo, function_of(upcasting, step), 1,
							 InvalidOid, NULL, NULL);
	fcinfo->args[0].value = data;
	fcinfo->args[0].isnull = false;
	es_act_as(&before, upcasting->types->owner, !step->upcaster.is_c);
	result = FunctionCallInvoke(fcinfo);
	es_act_as_before(&before);
	if (fcinfo->isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("upcaster %s returned null", step->upcaster.signature)));
	return result;
}

/*
 * es_upcast
 *		Makes the type, the schema version and the data of an event what they would be
 *		today, in the current memory context; false where they are.  Raises ST010, and
 *		what upcasters raise.
 */
bool
es_upcast(EsUpcasting *upcasting, EsUpcast *upcast, int64 global_position)
{
	ErrorContextCallback callback;
	Step step = {NULL, global_position};

	step.from = step_at(upcasting,
						es_upcaster_find(upcasting->types, upcast->type,
										 upcast->schema_version),
						upcast, global_position);
	if (step.from == NULL)
		return false;
	callback.callback = name_step;
	callback.arg = &step;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	do
	{
		CHECK_FOR_INTERRUPTS();
		upcast->data = call(upcasting, step.from, upcast->data);
		upcast->type = step.from->to_type;
		upcast->schema_version++;
		step.from = step_at(upcasting, step.from->next, upcast, global_position);
	} while (step.from != NULL);
	error_context_stack = callback.previous;
	return true;
}

/*
 * es_upcast_event
 *		The same for what is stored.
 */
bool
es_upcast_event(EsUpcasting *upcasting, TupleTableSlot *event, EsUpcast *upcast)
{
	upcast->type = DatumGetTextPP(es_column(event, ES_EVENTS, EV_TYPE));
	upcast->schema_version =
		DatumGetInt32(es_column(event, ES_EVENTS, EV_SCHEMA_VERSION));
	upcast->data = es_column(event, ES_EVENTS, EV_DATA);
	return es_upcast(upcasting, upcast,
					 DatumGetInt64(
						 es_column(event, ES_EVENTS, EV_GLOBAL_POSITION)));
}

/*
 * es_upcast_name
 *		The type that an event would be of today, without calling anything.
 */
const text *
es_upcast_name(EsUpcasting *upcasting, TupleTableSlot *event)
{
	const text *type = DatumGetTextPP(es_column(event, ES_EVENTS, EV_TYPE));
	int place;

	if (upcasting == NULL)
		return type;
	place = es_upcaster_find(upcasting->types, type,
							 DatumGetInt32(es_column(event, ES_EVENTS,
													 EV_SCHEMA_VERSION)));
	while (place >= 0)
	{
		const EsEventType *step = &upcasting->types->types[place];

		type = step->to_type;
		place = step->next;
	}
	return type;
}

/*
 * contains
 *		Whether a type is among some.
 */
static bool
contains(text *const *types, int ntypes, const text *type)
{
	for (int i = 0; i < ntypes; i++)
	{
		if (es_compare_texts(&types[i], &type) == 0)
			return true;
	}
	return false;
}

/*
 * es_upcast_sources
 *		Adds to some types, each once, those that events of them may be stored as;
 *		returns how many there are then, in byte order.
 */
int
es_upcast_sources(const EsUpcasting *upcasting, text ***types, int ntypes)
{
	const EsEventTypes *known = upcasting->types;
	text **sources = palloc((ntypes + known->n) * sizeof(text *));
	bool added = true;

	memcpy(sources, *types, ntypes * sizeof(text *));
	while (added)
	{
		added = false;
		for (int i = 0; i < known->n; i++)
		{
			const EsEventType *step = &known->types[i];

			if (step->upcaster.signature == NULL ||
				!contains(sources, ntypes, step->to_type) ||
				contains(sources, ntypes, step->type))
				continue;
			sources[ntypes++] = step->type;
			added = true;
		}
	}
	qsort(sources, ntypes, sizeof(text *), es_compare_texts);
	*types = sources;
	return ntypes;
}
