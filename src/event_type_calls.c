/*-------------------------------------------------------------------------
 *
 * event_type_calls.c
 *	  The SQL calls about event types: validators and upcasters.
 *
 * The table is locked against others who change it, to the end of the transaction,
 * and the links of all chains are looked at after the change, as anybody would see
 * them.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_type_calls.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "check.h"
#include "errors.h"
#include "event_type.h"
#include "privileged.h"
#include "rights.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_create_event_type);
PG_FUNCTION_INFO_V1(event_store_drop_event_type);
PG_FUNCTION_INFO_V1(event_store_create_upcaster);
PG_FUNCTION_INFO_V1(event_store_drop_upcaster);

/* Rows that say nothing any more. */
#define DELETE_EMPTY                                              \
	"DELETE FROM event_store.event_types WHERE validator IS NULL" \
	" AND upcaster IS NULL"

/*
 * types_owner
 *		Owner of the table of event types; raises 55000 for a store of before 0.2.0.
 */
static Oid
types_owner(void)
{
	if (!es_store_has(ES_EVENT_TYPES))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the event store has no event types"),
				 errdetail("An older release made it."),
				 errhint("Upgrade it with: SELECT event_store.upgrade_store();")));
	return es_store_owner(ES_EVENT_TYPES);
}

/*
 * begin_change
 *		Checks who calls and what about; returns the owner of the table.
 */
static Oid
begin_change(FunctionCallInfo fcinfo, const char *call, const char *version_name)
{
	int32 version;

	es_check_not_null(fcinfo, 0, "type");
	es_check_type(PG_GETARG_TEXT_PP(0), NULL);
	es_check_not_null(fcinfo, 1, version_name);
	version = PG_GETARG_INT32(1);
	if (version < 1 || version == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be at least 1 and below %d", version_name,
						PG_INT32_MAX),
				 errdetail("It is %d.", version)));
	es_check_writable(call);
	es_require_store_owner(call);
	return types_owner();
}

/*
 * run
 *		Runs a statement about a type at a schema version, with two more texts or
 *		nulls; returns the number of rows.  55000 where a rule of the owner's makes
 *		something else of it.
 */
static uint64
run(FunctionCallInfo fcinfo, const char *statement, const char *third,
	const char *fourth, int expected)
{
	Oid types[] = {TEXTOID, INT4OID, TEXTOID, TEXTOID};
	Datum values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),
					  third != NULL ? CStringGetTextDatum(third) : (Datum) 0,
					  fourth != NULL ? CStringGetTextDatum(fourth) : (Datum) 0};
	char nulls[] = {' ', ' ', third != NULL ? ' ' : 'n',
					fourth != NULL ? ' ' : 'n'};
	int result = SPI_execute_with_args(statement, lengthof(types), types,
									   values, nulls, false, 0);

	if (result != expected)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not change the event types"),
				 errdetail("The statement ended as %s.",
						   SPI_result_code_string(result)),
				 errhint("Drop the rules on event_store.event_types.")));
	return SPI_processed;
}

/*
 * lock_types
 *		Locks the table against others who change it, and connects to SPI.
 */
static void
lock_types(void)
{
	es_spi_connect();
	es_execute("LOCK TABLE event_store.event_types IN SHARE ROW EXCLUSIVE MODE");
}

/*
 * handler_argument
 *		Signature of a function that was named, which may be one of a kind.
 */
static char *
handler_argument(FunctionCallInfo fcinfo, int arg, const char *name,
				 const EsHandlerKind *kind, Oid owner)
{
	Oid function;

	es_check_not_null(fcinfo, arg, name);
	function = es_handler_find(kind, text_to_cstring(PG_GETARG_TEXT_PP(arg)));
	es_handler_require(kind, function, owner);
	return es_handler_signature(function);
}

/*
 * raise_none
 *		42704: nothing of the kind is there to be dropped.
 */
static void
raise_none(FunctionCallInfo fcinfo, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("type \"%s\" has no %s at schema version %d",
					text_to_cstring(PG_GETARG_TEXT_PP(0)), what,
					PG_GETARG_INT32(1)),
			 errhint("The table event_store.event_types lists them.")));
}

/*
 * event_store_create_event_type
 *		create_event_type(type, schema_version, validator) returns void
 *
 * Raises 22004, 22023, 42501 unless the caller owns the store, 42883, 42804.
 */
Datum
event_store_create_event_type(PG_FUNCTION_ARGS)
{
	Oid owner = begin_change(fcinfo, "create_event_type()", "schema_version");
	char *validator =
		handler_argument(fcinfo, 2, "validator", &es_validator_kind, owner);

	lock_types();
	(void) run(fcinfo,
			   "INSERT INTO event_store.event_types"
			   " (type, schema_version, validator) VALUES ($1, $2, $3)"
			   " ON CONFLICT (type, schema_version) DO UPDATE"
			   " SET validator = EXCLUDED.validator",
			   validator, NULL, SPI_OK_INSERT);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * event_store_drop_event_type
 *		drop_event_type(type, schema_version) returns void
 *
 * Raises 22004, 42501 unless the caller owns the store, 42704.
 */
Datum
event_store_drop_event_type(PG_FUNCTION_ARGS)
{
	(void) begin_change(fcinfo, "drop_event_type()", "schema_version");
	lock_types();
	if (run(fcinfo,
			"UPDATE event_store.event_types SET validator = NULL"
			" WHERE type OPERATOR(pg_catalog.=) $1"
			" AND schema_version OPERATOR(pg_catalog.=) $2"
			" AND validator IS NOT NULL",
			NULL, NULL, SPI_OK_UPDATE) == 0)
		raise_none(fcinfo, "validator");
	(void) run(fcinfo, DELETE_EMPTY, NULL, NULL, SPI_OK_DELETE);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * count_leading
 *		How many upcasters make something of a type at a schema version.
 */
static int
count_leading(const EsEventTypes *types, const text *type, int32 schema_version)
{
	int n = 0;

	for (int i = 0; i < types->n; i++)
	{
		const EsEventType *other = &types->types[i];
		const text *to_type = other->to_type;

		n += other->upcaster.signature != NULL &&
			other->schema_version == schema_version - 1 &&
			es_compare_texts(&to_type, &type) == 0;
	}
	return n;
}

/*
 * check_chains
 *		Raises ST010 when a link is missing in a chain of upcasters: before a version,
 *		so that older events are left behind, or after one that an upcaster makes.
 *
 * The table is locked, so what it says is what all agree on, whatever the isolation
 * level.
 */
static void
check_chains(void)
{
	const EsEventTypes *types = es_event_types();

	for (int i = 0; types != NULL && i < types->n; i++)
	{
		const EsEventType *type = &types->types[i];

		if (type->upcaster.signature == NULL)
			continue;
		if (type->schema_version > 1 &&
			count_leading(types, type->type, type->schema_version) == 0)
			ereport(ERROR,
					(errcode(ES_ERR_NO_UPCASTER),
					 errmsg("no upcaster leads to schema version %d of type \"%s\"",
							type->schema_version, text_to_cstring(type->type)),
					 errdetail("Events of version %d would be left behind.",
							   type->schema_version - 1),
					 errhint("Create the one from schema version %d first.",
							 type->schema_version - 1)));
		if (type->next == ES_MISSING)
			ereport(ERROR,
					(errcode(ES_ERR_NO_UPCASTER),
					 errmsg("no upcaster leads on from schema version %d of type \"%s\"",
							type->schema_version + 1,
							text_to_cstring(type->to_type)),
					 errdetail("The upcaster of type \"%s\" from schema version %d makes that, and there is one from a later version.",
							   text_to_cstring(type->type), type->schema_version),
					 errhint("Create the one that is missing first.")));
	}
}

/*
 * event_store_create_upcaster
 *		create_upcaster(type, from_version, handler, to_type) returns void
 *
 * Raises 22004, 22023, 42501 unless the caller owns the store, 42883, 42804, ST010.
 */
Datum
event_store_create_upcaster(PG_FUNCTION_ARGS)
{
	Oid owner = begin_change(fcinfo, "create_upcaster()", "from_version");
	char *handler =
		handler_argument(fcinfo, 2, "handler", &es_upcaster_kind, owner);
	char *to_type = NULL;

	if (!PG_ARGISNULL(3))
	{
		es_check_type(PG_GETARG_TEXT_PP(3), NULL);
		to_type = text_to_cstring(PG_GETARG_TEXT_PP(3));
	}
	lock_types();
	(void) run(fcinfo,
			   "INSERT INTO event_store.event_types"
			   " (type, schema_version, upcaster, to_type)"
			   " VALUES ($1, $2, $3, CASE WHEN $4"
			   " OPERATOR(pg_catalog.<>) $1 THEN $4 END)"
			   " ON CONFLICT (type, schema_version) DO UPDATE"
			   " SET upcaster = EXCLUDED.upcaster, to_type = EXCLUDED.to_type",
			   handler, to_type, SPI_OK_INSERT);
	SPI_finish();
	check_chains();
	PG_RETURN_VOID();
}

/*
 * refuse_needed
 *		Raises 2BP01 when an upcaster from a later version of what this one makes goes
 *		on from it, and events would be left behind.
 */
static void
refuse_needed(FunctionCallInfo fcinfo)
{
	const EsEventTypes *types = es_event_types();
	const EsEventType *dropped = types == NULL
		? NULL
		: es_event_type_find(types, PG_GETARG_TEXT_PP(0), PG_GETARG_INT32(1));
	const text *type = PG_GETARG_TEXT_PP(0);

	if (dropped == NULL || dropped->upcaster.signature == NULL ||
		es_upcaster_find(types, dropped->to_type, dropped->schema_version + 1) ==
			ES_NEWEST)
		return;
	if (es_compare_texts(&dropped->to_type, &type) != 0 &&
		count_leading(types, dropped->to_type, dropped->schema_version + 1) > 1)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("the upcaster of type \"%s\" from schema version %d is needed by the next",
					text_to_cstring(type), PG_GETARG_INT32(1)),
			 errhint(
				 "Drop the newest first, or replace this one with event_store.create_upcaster().")));
}

/*
 * event_store_drop_upcaster
 *		drop_upcaster(type, from_version) returns void
 *
 * Raises 22004, 42501 unless the caller owns the store, 42704, 2BP01.
 */
Datum
event_store_drop_upcaster(PG_FUNCTION_ARGS)
{
	(void) begin_change(fcinfo, "drop_upcaster()", "from_version");
	lock_types();
	refuse_needed(fcinfo);
	if (run(fcinfo,
			"UPDATE event_store.event_types SET upcaster = NULL, to_type = NULL"
			" WHERE type OPERATOR(pg_catalog.=) $1"
			" AND schema_version OPERATOR(pg_catalog.=) $2"
			" AND upcaster IS NOT NULL",
			NULL, NULL, SPI_OK_UPDATE) == 0)
		raise_none(fcinfo, "upcaster");
	(void) run(fcinfo, DELETE_EMPTY, NULL, NULL, SPI_OK_DELETE);
	SPI_finish();
	PG_RETURN_VOID();
}
