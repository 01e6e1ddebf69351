/*-------------------------------------------------------------------------
 *
 * append_only.c
 *	  What keeps the store's tables append-only.
 *
 * Insertion, change and removal by anything but the calls is refused by rules
 * and triggers, all of the ordinary kind that fires in sessions whose
 * session_replication_role is not replica: that setting, a superuser's, is
 * the switch for repairs.  The rule turns an INSERT into a DELETE, which the
 * trigger refuses, because a SELECT in its place would not be run where the
 * INSERT stands in a WITH; and it refuses by itself, because a DELETE that
 * merely did nothing would lose rows silently where triggers are disabled.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/append_only.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "append_only.h"
#include "errors.h"
#include "privileged.h"

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
	bool is_chain = table != NULL &&
		(strcmp(table, "hash_chain") == 0 || strcmp(table, "sealed_heads") == 0);

	ereport(ERROR,
			(errcode(ES_ERR_APPEND_ONLY),
			 table ? errmsg("table \"%s\" of the event store is append-only", table)
				   : errmsg("a table of the event store is append-only"),
			 errdetail("Rows are added by the %s calls only, and never changed or removed.",
					   is_chain ? "hash chain's" : "append"),
			 is_chain
				 ? errhint("Seal the store with event_store.seal_store().")
				 : errhint(
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

/*
 * make_rule
 *		Hangs the rule that refuses INSERT on a table, where it is missing or
 *		disabled.
 */
static void
make_rule(const char *table, const char *adder)
{
	if (!es_lacks(psprintf("SELECT FROM pg_catalog.pg_rewrite"
						   " WHERE rulename OPERATOR(pg_catalog.=) 'append_only'"
						   " AND ev_enabled OPERATOR(pg_catalog.=) 'O'"
						   " AND ev_class OPERATOR(pg_catalog.=)"
						   " 'event_store.%s'::pg_catalog.regclass",
						   table)))
		return;
	es_execute(psprintf("CREATE OR REPLACE RULE append_only"
						" AS ON INSERT TO event_store.%s"
						" DO INSTEAD DELETE FROM event_store.%s"
						" WHERE (SELECT event_store.refuse_insert()) IS NULL",
						table, table));
	es_execute(
		psprintf("ALTER TABLE event_store.%s ENABLE RULE append_only", table));
	es_execute(psprintf("COMMENT ON RULE append_only ON event_store.%s IS"
						" 'Rows are added by %s only.'",
						table, adder));
}

/*
 * make_trigger
 *		Hangs a refusing trigger on a table, where it is missing or disabled.
 */
static void
make_trigger(const char *table, const char *name, const char *events,
			 const char *level)
{
	if (!es_lacks(psprintf("SELECT FROM pg_catalog.pg_trigger"
						   " WHERE tgname OPERATOR(pg_catalog.=) '%s'"
						   " AND tgenabled OPERATOR(pg_catalog.=) 'O'"
						   " AND tgrelid OPERATOR(pg_catalog.=)"
						   " 'event_store.%s'::pg_catalog.regclass",
						   name, table)))
		return;
	es_execute(psprintf("CREATE OR REPLACE TRIGGER %s BEFORE %s"
						" ON event_store.%s FOR EACH %s"
						" EXECUTE FUNCTION event_store.refuse_change()",
						name, events, table, level));
	es_execute(
		psprintf("ALTER TABLE event_store.%s ENABLE TRIGGER %s", table, name));
	es_execute(psprintf("COMMENT ON TRIGGER %s ON event_store.%s IS"
						" 'Rows are never changed or removed.'",
						name, table));
}

/*
 * es_make_append_only
 *		Hangs the rule and the triggers on a table.  The trigger on rows is for
 *		changes that come through a table that somebody makes its parent.  The
 *		adder is whose calls add rows.  SPI is connected.
 */
void
es_make_append_only(const char *table, const char *adder)
{
	make_rule(table, adder);
	make_trigger(table, "append_only", "UPDATE OR DELETE OR TRUNCATE",
				 "STATEMENT");
	make_trigger(table, "append_only_rows", "UPDATE OR DELETE", "ROW");
}
