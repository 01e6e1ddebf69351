/*-------------------------------------------------------------------------
 *
 * validate.c
 *	  Looking at the data of events before they are stored.
 *
 * A validator says whether data may be stored as a type at a schema version, or raises.
 * It is asked once the version is checked and before a position is drawn: a retry of
 * what is stored is answered, whatever a validator thinks of it today, and a refused
 * append leaves no gap.
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

#include "errors.h"
#include "event_type.h"
#include "validate.h"

/* Which event is looked at, for errors. */
typedef struct Look
{
	const EsStreamAppend *append;
	const EsEventType *type;
	int n; /* counted from 1 */
} Look;

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
 * call
 *		What a validator says.
 */
static bool
call(const EsEventTypes *types, const EsTypeFunction *validator, Datum data)
{
	LOCAL_FCINFO(fcinfo, 1);
	FmgrInfo function;
	EsActor before;
	Datum result;

	if (validator->flaw != NULL)
		es_handler_raise(&es_validator_kind, validator->signature,
						 validator->flaw);
	fmgr_info_copy(&function, unconstify(FmgrInfo *, &validator->function),
				   CurrentMemoryContext);
	InitFunctionCallInfoData(*fcinfo, &function, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = data;
	fcinfo->args[0].isnull = false;
	es_act_as(&before, types->owner, !validator->is_c);
	result = FunctionCallInvoke(fcinfo);
	es_act_as_before(&before);
	return !fcinfo->isnull && DatumGetBool(result);
}

/*
 * look_at
 *		Raises ST005 for an event that its validator refuses.
 */
static void
look_at(const EsEventTypes *types, Look *look, const EsNewEvent *event)
{
	ErrorContextCallback callback;

	callback.callback = name_event;
	callback.arg = look;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	if (!call(types, &look->type->validator, event->data))
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
 * es_validate
 *		Has the events of an append looked at by the validators of their types.
 *		Raises ST005, and what validators raise.
 */
void
es_validate(const EsStreamAppend *append)
{
	const EsEventTypes *types = es_event_types();
	Look look = {append};

	if (types == NULL || !types->has_validators)
		return;
	for (int i = 0; i < append->nevents; i++)
	{
		const EsNewEvent *event = &append->events[i];

		CHECK_FOR_INTERRUPTS();
		look.n = i + 1;
		look.type = es_event_type_find(types, event->type, event->schema_version);
		if (look.type != NULL && look.type->validator.signature != NULL)
			look_at(types, &look, event);
	}
}
