/*-------------------------------------------------------------------------
 *
 * rights.c
 *	  Who may do what: the store's owner, readers and writers.
 *
 * A reader or a writer has EXECUTE on calls and SELECT on views, and nothing
 * on the tables.
 *
 * The extension is trusted, so a database's owner who is no superuser may
 * install it; its functions then belong to the bootstrap superuser all the
 * same.  The install script lets such an owner use them, and create_store()
 * adds the right to pass that on.  It does so here and not in the script:
 * privileges from a script count as the extension's own, are not dumped, and
 * would be missing after a superuser restores the dump.
 *
 * GRANT and REVOKE run as the bootstrap superuser, once the caller is known to
 * own what they are about, so that all grants have one grantor: what one owner
 * granted another, or a superuser, can revoke.  Their text is constant but for
 * the role's quoted name.  Everything else runs with the caller's rights.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/rights.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "check.h"
#include "compat.h"
#include "privileged.h"
#include "rights.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_grant_reader);
PG_FUNCTION_INFO_V1(event_store_grant_writer);
PG_FUNCTION_INFO_V1(event_store_revoke_reader);
PG_FUNCTION_INFO_V1(event_store_revoke_writer);

/* What grant_reader() gives, beside SELECT on the owner's view all_events. */
static const char *const reader_rights[] =
	{"EXECUTE ON FUNCTION event_store.read_stream",
	 "EXECUTE ON FUNCTION event_store.read_category",
	 "EXECUTE ON FUNCTION event_store.read_all",
	 "EXECUTE ON FUNCTION event_store.last_event",
	 "EXECUTE ON FUNCTION event_store.list_streams",
	 "EXECUTE ON FUNCTION event_store.stream_version",
	 "EXECUTE ON FUNCTION event_store.safe_position",
	 "EXECUTE ON FUNCTION event_store.latest_snapshot",
	 "SELECT ON event_store.all_events",
	 "SELECT ON event_store.in_flight",
	 NULL};

/* What grant_writer() gives. */
static const char *const writer_rights[] =
	{"EXECUTE ON FUNCTION event_store.append",
	 "EXECUTE ON FUNCTION event_store.append_events",
	 "EXECUTE ON FUNCTION event_store.append_json",
	 "EXECUTE ON FUNCTION event_store.append_streams",
	 "EXECUTE ON FUNCTION event_store.new_event",
	 "EXECUTE ON FUNCTION event_store.any_version",
	 "EXECUTE ON FUNCTION event_store.no_stream",
	 "EXECUTE ON FUNCTION event_store.stream_exists",
	 "EXECUTE ON FUNCTION event_store.lock_store",
	 "EXECUTE ON FUNCTION event_store.save_snapshot",
	 NULL};

/*
 * extension_owner
 *		Owner of extension event_store.
 */
static Oid
extension_owner(void)
{
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid owner = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(ES_SCHEMA));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

/*
 * es_require_extension_owner
 *		Raises 42501 unless the current role owns the database or the
 *		extension.
 *
 * The current role, not the session's: who calls create_store() from a
 * SECURITY DEFINER function does so as that function's owner.
 */
void
es_require_extension_owner(void)
{
	Oid owner = extension_owner();

	if (es_owns_database(GetUserId()) ||
		(OidIsValid(owner) && has_privs_of_role(GetUserId(), owner)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg(
				 "must be owner of the database or of extension event_store to create the event store")));
}

/*
 * es_require_store_owner
 *		Raises 42501 unless the current role owns the store.
 */
void
es_require_store_owner(const char *call)
{
	if (!es_owns_relation(es_store_table(ES_EVENTS), GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of the event store to call %s", call)));
}

/*
 * find_functions
 *		Signatures of the extension's functions, comma-separated.  SPI is
 *		connected, and the search path pinned, so that they are qualified.
 *
 * Others may have made functions in the schema: those are not ours to grant.
 */
static const char *
find_functions(void)
{
	if (SPI_execute("SELECT pg_catalog.string_agg("
					"d.objid::pg_catalog.regprocedure::pg_catalog.text, ', ')"
					" FROM pg_catalog.pg_depend d"
					" JOIN pg_catalog.pg_extension e"
					" ON d.refobjid OPERATOR(pg_catalog.=) e.oid"
					" WHERE e.extname OPERATOR(pg_catalog.=) 'event_store'"
					" AND d.refclassid OPERATOR(pg_catalog.=)"
					" 'pg_catalog.pg_extension'::pg_catalog.regclass"
					" AND d.classid OPERATOR(pg_catalog.=)"
					" 'pg_catalog.pg_proc'::pg_catalog.regclass"
					" AND d.deptype OPERATOR(pg_catalog.=) 'e'",
					false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not list the extension's functions");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * es_grant_to_owner
 *		Gives the current role, whose right to it was checked, what the store's
 *		owner needs.  A superuser needs nothing.
 */
void
es_grant_to_owner(void)
{
	const char *owner;
	const char *rights[3];

	if (superuser())
		return;
	owner = quote_identifier(GetUserNameFromId(GetUserId(), false));
	es_spi_connect();
	rights[0] = "USAGE, CREATE ON SCHEMA event_store";
	rights[1] = psprintf("EXECUTE ON FUNCTION %s", find_functions());
	rights[2] = "SELECT ON event_store.in_flight";
	for (int i = 0; i < lengthof(rights); i++)
		es_execute_as(BOOTSTRAP_SUPERUSERID,
					  psprintf("GRANT %s TO %s WITH GRANT OPTION", rights[i],
							   owner));
	SPI_finish();
}

/*
 * role_argument
 *		The name of the role that a call is about; raises 22004, and 42704 when
 *		there is none.
 */
static char *
role_argument(FunctionCallInfo fcinfo)
{
	char *name;

	es_check_not_null(fcinfo, 0, "role_name");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	(void) get_role_oid(name, false);
	return name;
}

/*
 * grant_rights
 *		Gives a role a list of rights, the schema, and perhaps the view of all
 *		events, which is the owner's to give.
 */
static void
grant_rights(FunctionCallInfo fcinfo, const char *call,
			 const char *const *rights, bool with_view)
{
	const char *role = quote_identifier(role_argument(fcinfo));

	es_require_store_owner(call);
	es_spi_connect();
	es_execute_as(BOOTSTRAP_SUPERUSERID,
				  psprintf("GRANT USAGE ON SCHEMA event_store TO %s", role));
	for (; *rights != NULL; rights++)
		es_execute_as(BOOTSTRAP_SUPERUSERID,
					  psprintf("GRANT %s TO %s", *rights, role));
	if (with_view)
		es_execute(psprintf("GRANT SELECT ON event_store.all_events TO %s", role));
	SPI_finish();
}

/*
 * has_rights_left
 *		Whether a role still has EXECUTE, by a grant to itself, on any function
 *		of the schema.
 */
static bool
has_rights_left(const char *role_name)
{
	Oid types[1] = {OIDOID};
	Datum values[1] = {ObjectIdGetDatum(get_role_oid(role_name, false))};

	if (SPI_execute_with_args("SELECT FROM pg_catalog.pg_proc p,"
							  " pg_catalog.aclexplode(p.proacl) a"
							  " WHERE p.pronamespace OPERATOR(pg_catalog.=)"
							  " 'event_store'::pg_catalog.regnamespace"
							  " AND a.grantee OPERATOR(pg_catalog.=) $1",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the privileges on functions");
	return SPI_processed > 0;
}

/*
 * revoke_rights
 *		Takes a list of rights from a role, and the schema if nothing is left
 *		to use in it.
 */
static void
revoke_rights(FunctionCallInfo fcinfo, const char *call,
			  const char *const *rights, bool with_view)
{
	char *name = role_argument(fcinfo);
	const char *role = quote_identifier(name);

	es_require_store_owner(call);
	es_spi_connect();
	for (; *rights != NULL; rights++)
		es_execute_as(BOOTSTRAP_SUPERUSERID,
					  psprintf("REVOKE %s FROM %s", *rights, role));
	if (with_view)
		es_execute(
			psprintf("REVOKE SELECT ON event_store.all_events FROM %s", role));
	if (!has_rights_left(name))
		es_execute_as(BOOTSTRAP_SUPERUSERID,
					  psprintf("REVOKE USAGE ON SCHEMA event_store FROM %s",
							   role));
	SPI_finish();
}

/*
 * event_store_grant_reader
 *		grant_reader(role_name) returns void
 *
 * This and the next three raise 42501 unless the caller owns the store, 22004
 * for NULL, 42704 for a role that does not exist.
 */
Datum
event_store_grant_reader(PG_FUNCTION_ARGS)
{
	grant_rights(fcinfo, "grant_reader()", reader_rights, true);
	PG_RETURN_VOID();
}

/*
 * event_store_grant_writer
 *		grant_writer(role_name) returns void
 */
Datum
event_store_grant_writer(PG_FUNCTION_ARGS)
{
	grant_rights(fcinfo, "grant_writer()", writer_rights, false);
	PG_RETURN_VOID();
}

/*
 * event_store_revoke_reader
 *		revoke_reader(role_name) returns void
 */
Datum
event_store_revoke_reader(PG_FUNCTION_ARGS)
{
	revoke_rights(fcinfo, "revoke_reader()", reader_rights, true);
	PG_RETURN_VOID();
}

/*
 * event_store_revoke_writer
 *		revoke_writer(role_name) returns void
 */
Datum
event_store_revoke_writer(PG_FUNCTION_ARGS)
{
	revoke_rights(fcinfo, "revoke_writer()", writer_rights, false);
	PG_RETURN_VOID();
}
