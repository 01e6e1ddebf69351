/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  What keeps the store's tables append-only.
 *
 * create_store() says how these are hung on the tables, and what the switch
 * for repairs is.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/guard.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "errors.h"

PG_FUNCTION_INFO_V1(event_store_refuse_insert);
PG_FUNCTION_INFO_V1(event_store_refuse_change);

/*
 * event_store_refuse_insert
 *		refuse_insert() returns void: raises ST007.
 */
Datum
event_store_refuse_insert(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ES_ERR_APPEND_ONLY),
			 errmsg("cannot insert into a table of the event store"),
			 errhint("Append events with event_store.append().")));
	PG_RETURN_VOID(); /* keep the compiler quiet */
}

/*
 * event_store_refuse_change
 *		refuse_change() returns trigger: raises ST007.
 */
Datum
event_store_refuse_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *command;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("refuse_change() must be called as a trigger")));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		command = "update";
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		command = "delete from";
	else
		command = "truncate";
	ereport(ERROR,
			(errcode(ES_ERR_APPEND_ONLY),
			 errmsg("cannot %s table \"%s\" of the event store", command,
					RelationGetRelationName(trigger->tg_relation)),
			 errdetail("Events are never changed or removed."),
			 errhint("Append an event that corrects or reverses the other.")));
	PG_RETURN_NULL(); /* keep the compiler quiet */
}
