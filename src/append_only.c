/*-------------------------------------------------------------------------
 *
 * append_only.c
 *	  What keeps the store's tables append-only.
 *
 * create_store() says how these are hung on the tables, and what the switch
 * for repairs is.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/append_only.c
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
 * refuse
 *		ST007, in words that fit whatever was tried: an INSERT comes here as the
 *		DELETE that its rule makes of it.
 */
static void
refuse(const char *table)
{
	ereport(ERROR,
			(errcode(ES_ERR_APPEND_ONLY),
			 table ? errmsg("table \"%s\" of the event store is append-only", table)
				   : errmsg("a table of the event store is append-only"),
			 errdetail(
				 "Rows are added by the append calls only, and never changed or removed."),
			 errhint(
				 "Append events with event_store.append(); to correct an event, append another.")));
}

/*
 * event_store_refuse_insert
 *		refuse_insert() returns void: raises ST007.
 *
 * For the rule on INSERT, where the trigger on the DELETE that the rule makes
 * of it is disabled.
 */
Datum
event_store_refuse_insert(PG_FUNCTION_ARGS)
{
	refuse(NULL);
	PG_RETURN_VOID(); /* keep the compiler quiet */
}

/*
 * event_store_refuse_change
 *		refuse_change() returns trigger: raises ST007.
 */
Datum
event_store_refuse_change(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("refuse_change() must be called as a trigger")));
	refuse(
		RelationGetRelationName(((TriggerData *) fcinfo->context)->tg_relation));
	PG_RETURN_NULL(); /* keep the compiler quiet */
}
