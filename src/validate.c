/*-------------------------------------------------------------------------
 *
 * validate.c
 *	  Looking at the data of events before they are stored.
 *
 * A validator says whether data may be stored as a type at a schema version, or
 * raises.  It is asked once the version is checked and before a position is drawn:
 * a retry of what is stored is answered, whatever a validator thinks of it today,
 * and a refused append leaves no gap.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/validate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "errors.h"
#include "event_type.h"
#include "privileged.h"
#include "validate.h"

/* Looking at the events of an append, and which one it is about, for errors. */
typedef struct Look
{
	const EsStreamAppend *append;
	const EsEventTypes *types;
	FmgrInfo *functions; /* copies for this append, made when they are needed */
	MemoryContext context;
	const EsEventType *type;
	int n; /* counted from 1 */
} Look;

/* Whether a validator runs at the moment; reset when it ends, by an error, too. */
static bool validating = false;

/*
 * es_refuse_while_validating
 *		Raises 55000 in a validator: what it appended would come between an append's
 *		look at the stream and its events.
 */
void
es_refuse_while_validating(void)
{
	if (validating)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot append while a validator runs"),
				 errhint(
					 "A validator looks at the data that it is given, and at nothing else.")));
}

/*
 * name_event
 *		Says in an error which event it is about.
 */
static void
name_event(void *arg)
{
	const Look *look = arg;

	errcontext("validating event %d of %d for stream \"%s\", type \"%s\", schema version %d",
			   look->n, look->append->nevents,
			   text_to_cstring(look->append->stream),
			   text_to_cstring(look->type->type), look->type->schema_version);
}

/*
 * function_of
 *		A validator's function, for this append.
 */
static FmgrInfo *
function_of(Look *look)
{
	const EsTypeFunction *validator = &look->type->validator;
	FmgrInfo *function = &look->functions[look->type - look->types->types];

	if (validator->flaw != NULL)
		es_handler_raise(&es_validator_kind, validator->signature,
						 validator->flaw);
	if (!OidIsValid(function->fn_oid))
		fmgr_info_copy(function, unconstify(FmgrInfo *, &validator->function),
					   look->context);
	return function;
}

/*
 * call
 *		What a validator says.
 */
static bool
call(Look *look, Datum data)
{
	LOCAL_FCINFO(fcinfo, 1);
	EsActor before;
	Datum result = (Datum) 0;

	InitFunctionCallInfoData(*fcinfo, function_of(look), 1, InvalidOid, NULL,
							 NULL);
	fcinfo->args[0].value = data;
	fcinfo->args[0].isnull = false;
	es_act_as(&before, look->types->owner, !look->type->validator.is_c);
	PG_TRY();
	{
		validating = true;
		result = FunctionCallInvoke(fcinfo);
	}
	PG_FINALLY();
	{
		validating = false;
	}
	PG_END_TRY();
	es_act_as_before(&before);
	return !fcinfo->isnull && DatumGetBool(result);
}

/*
 * look_at
 *		Raises ST005 for an event that its validator refuses.
 */
static void
look_at(Look *look, const EsNewEvent *event)
{
	ErrorContextCallback callback;

	callback.callback = name_event;
	callback.arg = look;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (!call(look, event->data))
		ereport(ERROR,
				(errcode(ES_ERR_REFUSED),
				 errmsg("data of type \"%s\" is refused by its validator",
						text_to_cstring(event->type)),
				 errdetail("%s did not return true.",
						   look->type->validator.signature),
				 errhint(
					 "The table event_store.event_types names the validators.")));
	error_context_stack = callback.previous;
}

/*
 * require_link
 *		Raises ST010 for an event of a version that no upcaster leads on from while one
 *		does from a later version: nobody could read it, nor past it.
 */
static void
require_link(const EsEventTypes *types, const EsNewEvent *event)
{
	if (!types->has_upcasters ||
		es_upcaster_find(types, event->type, event->schema_version) != ES_MISSING)
		return;
	ereport(ERROR,
			(errcode(ES_ERR_NO_UPCASTER),
			 errmsg("no upcaster leads on from schema version %d of type \"%s\"",
					event->schema_version, text_to_cstring(event->type)),
			 errdetail(
				 "There is one from a later version, so the event could not be read."),
			 errhint("Append events of the newest schema version.")));
}

/*
 * validate
 *		Looks at all events of an append; their own memory is freed after each.
 */
static void
validate(Look *look)
{
	MemoryContext event_context =
		AllocSetContextCreate(look->context, "event_store event",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(event_context);

	for (int i = 0; i < look->append->nevents; i++)
	{
		const EsNewEvent *event = &look->append->events[i];

		CHECK_FOR_INTERRUPTS();
		require_link(look->types, event);
		look->n = i + 1;
		look->type =
			es_event_type_find(look->types, event->type, event->schema_version);
		if (look->type != NULL && look->type->validator.signature != NULL)
			look_at(look, event);
		MemoryContextReset(event_context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(event_context);
}

/*
 * es_validate
 *		Has the events of an append looked at by the validators of their types.
 *		Raises ST005, ST010, and what validators raise.
 */
void
es_validate(const EsStreamAppend *append)
{
	Look look = {append, es_event_types()};

	if (look.types == NULL)
		return;
	look.functions = palloc0(look.types->n * sizeof(FmgrInfo));
	look.context = CurrentMemoryContext;
	validate(&look);
	pfree(look.functions);
}
