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
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "check.h"
#include "compat.h"
#include "privileged.h"
#include "rights.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_grant_reader);
PG_FUNCTION_INFO_V1(event_store_grant_writer);
PG_FUNCTION_INFO_V1(event_store_revoke_reader);
PG_FUNCTION_INFO_V1(event_store_revoke_writer);
PG_FUNCTION_INFO_V1(event_store_grant_consumer);
PG_FUNCTION_INFO_V1(event_store_revoke_consumer);

/* The most names in one of the lists below. */
#define MAX_NAMES 32

/* What grant_reader() gives: these calls, and SELECT on the views. */
static const char *const reader_calls[] = {
	"read_stream",
	"read_category",
	"read_all",
	"last_event",
	"list_streams",
	"stream_version",
	"safe_position",
	"latest_snapshot",
	"store_stats",
	"load",
	"state_at",
	"states_at",
	"history",
	"audit_trail",
	"causation",
	"verify_stream",
	"check_seal",
	"projection_statuses",
	"projection_generation",
	"wait_for_projection",
	"subscription_statuses",
	"parked_events",
	"wait_for_events",
	NULL,
};

/* Those of them that a reader of an older release does not have. */
static const char *const new_reader_calls[] = {"store_stats",
											   "load",
											   "state_at",
											   "states_at",
											   "history",
											   "audit_trail",
											   "causation",
											   "verify_stream",
											   "check_seal",
											   "projection_statuses",
											   "projection_generation",
											   "wait_for_projection",
											   "subscription_statuses",
											   "parked_events",
											   "wait_for_events",
											   NULL};

/* Views that a reader may query, the extension's own. */
static const char *const reader_views[] = {"in_flight", "stats",
										   "projection_status",
										   "subscription_status", NULL};

/* What grant_consumer() gives: these calls, and SELECT on the view. */
static const char *const consumer_calls[] = {"poll",
											 "ack",
											 "nack",
											 "release",
											 "parked_events",
											 "subscription_statuses",
											 "wait_for_events",
											 "safe_position",
											 NULL};

static const char *const consumer_views[] = {"subscription_status", NULL};

/* What grant_writer() gives. */
static const char *const writer_calls[] = {
	"append",		 "append_events", "append_json", "append_streams",
	"new_event",	 "any_version",	  "no_stream",	 "stream_exists",
	"lock_store",	 "save_snapshot", "add_event",	 "save",
	"take_snapshot", "seal_store",	  NULL,
};

/* Those of them that a writer of an older release does not have. */
static const char *const new_writer_calls[] = {"add_event", "save",
											   "take_snapshot", "seal_store",
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
 * es_lock_schema
 *		Makes create_store(), upgrade_store(), drop_store() and the calls that
 *		grant and revoke wait for each other to the transaction's end, and look
 *		at the catalogs after that.
 *
 * Two GRANTs on one object fail each other with an internal error, "tuple
 * concurrently updated".
 */
void
es_lock_schema(void)
{
	LockDatabaseObject(NamespaceRelationId, get_namespace_oid(ES_SCHEMA, false),
					   0, ShareUpdateExclusiveLock);
	AcceptInvalidationMessages();
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
	if (!es_owns_relation(es_store_events(), GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of the event store to call %s", call)));
}

/*
 * name_array
 *		Names as a text[].
 */
static Datum
name_array(const char *const *names)
{
	Datum elements[MAX_NAMES];
	int n = 0;

	for (; names[n] != NULL; n++)
		elements[n] = CStringGetTextDatum(names[n]);
	return PointerGetDatum(
		construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * find_functions
 *		Signatures of the extension's functions of the names given, NULL for
 *		all, comma-separated.  SPI is connected, and the search path pinned, so
 *		that they are qualified.
 *
 * Others may have made functions in the schema, of the same names, too: those
 * are not ours to grant.
 */
static const char *
find_functions(const char *const *names)
{
	Oid types[1] = {TEXTARRAYOID};
	Datum values[1] = {(Datum) 0};
	char nulls[1] = {'n'};

	if (names != NULL)
	{
		values[0] = name_array(names);
		nulls[0] = ' ';
	}
	if (SPI_execute_with_args("SELECT pg_catalog.string_agg("
							  "p.oid::pg_catalog.regprocedure::pg_catalog.text, ', ')"
							  " FROM pg_catalog.pg_depend d"
							  " JOIN pg_catalog.pg_extension e"
							  " ON d.refobjid OPERATOR(pg_catalog.=) e.oid"
							  " JOIN pg_catalog.pg_proc p"
							  " ON p.oid OPERATOR(pg_catalog.=) d.objid"
							  " WHERE e.extname OPERATOR(pg_catalog.=) 'event_store'"
							  " AND d.refclassid OPERATOR(pg_catalog.=)"
							  " 'pg_catalog.pg_extension'::pg_catalog.regclass"
							  " AND d.classid OPERATOR(pg_catalog.=)"
							  " 'pg_catalog.pg_proc'::pg_catalog.regclass"
							  " AND d.deptype OPERATOR(pg_catalog.=) 'e'"
							  " AND ($1 IS NULL OR p.proname::pg_catalog.text"
							  " OPERATOR(pg_catalog.=) ANY ($1))",
							  1, types, values, nulls, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not list the extension's functions");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * require_functions
 *		As find_functions(); raises 55000 when there are none, as the extension
 *		is gone by now.
 */
static const char *
require_functions(const char *const *names)
{
	const char *functions = find_functions(names);

	if (functions == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension event_store has been dropped")));
	return functions;
}

/*
 * find_views
 *		The views of a list that the installed version of the extension has,
 *		comma-separated.  SPI is connected.
 */
static const char *
find_views(const char *const *names)
{
	StringInfoData views;
	Oid namespace = get_namespace_oid(ES_SCHEMA, false);

	initStringInfo(&views);
	for (int i = 0; names[i] != NULL; i++)
	{
		Oid view = get_relname_relid(names[i], namespace);

		if (OidIsValid(view) &&
			getExtensionOfObject(RelationRelationId, view) ==
				get_extension_oid(ES_SCHEMA, true))
			appendStringInfo(&views, "%s%s.%s", views.len > 0 ? ", " : "",
							 ES_SCHEMA, names[i]);
	}
	return views.data;
}

/*
 * es_grant_to_owner
 *		Gives the store's owner, or who is about to be, what that needs.  A
 *		superuser needs nothing.
 */
void
es_grant_to_owner(Oid role)
{
	const char *owner;
	const char *rights[3];

	if (superuser_arg(role))
		return;
	owner = quote_identifier(GetUserNameFromId(role, false));
	es_spi_connect();
	rights[0] = "USAGE, CREATE ON SCHEMA event_store";
	rights[1] = psprintf("EXECUTE ON ROUTINE %s", require_functions(NULL));
	rights[2] = psprintf("SELECT ON %s", find_views(reader_views));
	for (int i = 0; i < lengthof(rights); i++)
		es_execute_as(BOOTSTRAP_SUPERUSERID,
					  psprintf("GRANT %s TO %s WITH GRANT OPTION", rights[i],
							   owner));
	SPI_finish();
}

/*
 * find_old_roles
 *		Names, quoted, of the roles that were granted all of some calls but those
 *		that are new, comma-separated; NULL for none.  SPI is connected.
 *
 * Who was granted only some of them, by hand, gets no more by an upgrade.
 */
static const char *
find_old_roles(const char *const *calls, const char *const *new_calls)
{
	Oid types[2] = {TEXTARRAYOID, TEXTARRAYOID};
	Datum values[2] = {name_array(calls), name_array(new_calls)};

	if (SPI_execute_with_args("SELECT pg_catalog.string_agg("
							  "pg_catalog.quote_ident(r.rolname), ', ')"
							  " FROM (SELECT a.grantee"
							  " FROM pg_catalog.pg_proc p,"
							  " pg_catalog.aclexplode(p.proacl) a"
							  " WHERE p.pronamespace OPERATOR(pg_catalog.=)"
							  " 'event_store'::pg_catalog.regnamespace"
							  " AND p.proname::pg_catalog.text"
							  " OPERATOR(pg_catalog.=) ANY ($1)"
							  " AND p.proname::pg_catalog.text"
							  " OPERATOR(pg_catalog.<>) ALL ($2)"
							  " GROUP BY a.grantee"
							  " HAVING pg_catalog.count(DISTINCT p.proname)"
							  " OPERATOR(pg_catalog.=)"
							  " (pg_catalog.cardinality($1)"
							  " OPERATOR(pg_catalog.-)"
							  " pg_catalog.cardinality($2))) g"
							  " JOIN pg_catalog.pg_roles r"
							  " ON r.oid OPERATOR(pg_catalog.=) g.grantee"
							  " WHERE NOT r.rolsuper",
							  2, types, values, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not list the store's readers and writers");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * grant_calls
 *		Gives the roles that were granted all of some calls but those that are new
 *		these as well; returns the roles, NULL for none.  SPI is connected.
 *
 * An older version of the extension may be installed, without the new calls.
 */
static const char *
grant_calls(const char *const *calls, const char *const *new_calls)
{
	const char *roles = find_old_roles(calls, new_calls);
	const char *functions = find_functions(new_calls);

	if (roles == NULL || functions == NULL)
		return NULL;
	es_execute_as(BOOTSTRAP_SUPERUSERID,
				  psprintf("GRANT EXECUTE ON ROUTINE %s TO %s", functions, roles));
	return roles;
}

/*
 * es_grant_new_calls
 *		Gives the readers and writers from before an upgrade what grant_reader()
 *		and grant_writer() give now.
 */
void
es_grant_new_calls(void)
{
	const char *readers;

	es_spi_connect();
	readers = grant_calls(reader_calls, new_reader_calls);
	if (readers != NULL)
		es_execute_as(BOOTSTRAP_SUPERUSERID,
					  psprintf("GRANT SELECT ON %s TO %s",
							   find_views(reader_views), readers));
	(void) grant_calls(writer_calls, new_writer_calls);
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

/* What a role is given, or loses, together. */
typedef struct Rights
{
	const char *const *calls;
	const char *const *views; /* of the extension; NULL for none */
	bool all_events; /* the view of them, which is the owner's to give */
} Rights;

static const Rights reader_rights = {reader_calls, reader_views, true};
static const Rights writer_rights = {writer_calls, NULL, false};
static const Rights consumer_rights = {consumer_calls, consumer_views, false};

/*
 * grant_rights
 *		Gives a role the schema and some calls and views.
 */
static void
grant_rights(FunctionCallInfo fcinfo, const char *call, const Rights *rights)
{
	const char *role = quote_identifier(role_argument(fcinfo));

	es_lock_schema();
	es_require_store_owner(call);
	es_spi_connect();
	es_execute_as(BOOTSTRAP_SUPERUSERID,
				  psprintf("GRANT USAGE ON SCHEMA event_store TO %s", role));
	es_execute_as(BOOTSTRAP_SUPERUSERID,
				  psprintf("GRANT EXECUTE ON ROUTINE %s TO %s",
						   require_functions(rights->calls), role));
	if (rights->views != NULL)
		es_execute_as(BOOTSTRAP_SUPERUSERID,
					  psprintf("GRANT SELECT ON %s TO %s",
							   find_views(rights->views), role));
	if (rights->all_events)
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
 * has_call
 *		Whether a role has EXECUTE, by a grant to itself, on a call of the schema.  SPI is
 *		connected.
 */
static bool
has_call(const char *role_name, const char *call)
{
	Oid types[2] = {OIDOID, TEXTOID};
	Datum values[2] = {ObjectIdGetDatum(get_role_oid(role_name, false)),
					   CStringGetTextDatum(call)};

	if (SPI_execute_with_args("SELECT FROM pg_catalog.pg_proc p,"
							  " pg_catalog.aclexplode(p.proacl) a"
							  " WHERE p.pronamespace OPERATOR(pg_catalog.=)"
							  " 'event_store'::pg_catalog.regnamespace"
							  " AND p.proname::pg_catalog.text"
							  " OPERATOR(pg_catalog.=) $2"
							  " AND a.grantee OPERATOR(pg_catalog.=) $1",
							  2, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the privileges on functions");
	return SPI_processed > 0;
}

/*
 * has_all_calls
 *		Whether a role has all calls of a list.  SPI is connected.
 */
static bool
has_all_calls(const char *role_name, const char *const *calls)
{
	for (int i = 0; calls[i] != NULL; i++)
	{
		if (!has_call(role_name, calls[i]))
			return false;
	}
	return true;
}

/*
 * without
 *		The names of a list that are not in another.
 */
static const char *const *
without(const char *const *names, const char *const *others)
{
	const char **result = palloc(MAX_NAMES * sizeof(char *));
	int n = 0;

	for (int i = 0; names[i] != NULL; i++)
	{
		int j = 0;

		while (others[j] != NULL && strcmp(names[i], others[j]) != 0)
			j++;
		if (others[j] == NULL)
			result[n++] = names[i];
	}
	result[n] = NULL;
	return result;
}

/*
 * leave_shared
 *		Takes off what is to be revoked what the role has by other rights, too.  SPI is
 *		connected.
 */
static void
leave_shared(Rights *rights, const char *role_name)
{
	static const Rights *const all[] = {&reader_rights, &writer_rights,
										&consumer_rights};
	const char *const *given = rights->calls;

	for (int i = 0; i < lengthof(all); i++)
	{
		const Rights *other = all[i];

		if (other->calls == given || !has_all_calls(role_name, other->calls))
			continue;
		rights->calls = without(rights->calls, other->calls);
		if (rights->views != NULL && other->views != NULL)
			rights->views = without(rights->views, other->views);
	}
}

/*
 * revoke_rights
 *		Takes from a role what grant_rights() gave, and the schema if nothing is
 *		left to use in it.
 */
static void
revoke_rights(FunctionCallInfo fcinfo, const char *call, const Rights *given)
{
	char *name = role_argument(fcinfo);
	const char *role = quote_identifier(name);
	Rights rights = *given;

	es_lock_schema();
	es_require_store_owner(call);
	es_spi_connect();
	leave_shared(&rights, name);
	es_execute_as(BOOTSTRAP_SUPERUSERID,
				  psprintf("REVOKE EXECUTE ON ROUTINE %s FROM %s",
						   require_functions(rights.calls), role));
	if (rights.views != NULL && rights.views[0] != NULL)
		es_execute_as(BOOTSTRAP_SUPERUSERID,
					  psprintf("REVOKE SELECT ON %s FROM %s",
							   find_views(rights.views), role));
	if (rights.all_events)
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
 * This and the next five raise 42501 unless the caller owns the store, 22004
 * for NULL, 42704 for a role that does not exist.
 */
Datum
event_store_grant_reader(PG_FUNCTION_ARGS)
{
	grant_rights(fcinfo, "grant_reader()", &reader_rights);
	PG_RETURN_VOID();
}

/*
 * event_store_grant_writer
 *		grant_writer(role_name) returns void
 */
Datum
event_store_grant_writer(PG_FUNCTION_ARGS)
{
	grant_rights(fcinfo, "grant_writer()", &writer_rights);
	PG_RETURN_VOID();
}

/*
 * event_store_revoke_reader
 *		revoke_reader(role_name) returns void
 */
Datum
event_store_revoke_reader(PG_FUNCTION_ARGS)
{
	revoke_rights(fcinfo, "revoke_reader()", &reader_rights);
	PG_RETURN_VOID();
}

/*
 * event_store_revoke_writer
 *		revoke_writer(role_name) returns void
 */
Datum
event_store_revoke_writer(PG_FUNCTION_ARGS)
{
	revoke_rights(fcinfo, "revoke_writer()", &writer_rights);
	PG_RETURN_VOID();
}

/*
 * event_store_grant_consumer
 *		grant_consumer(role_name) returns void
 */
Datum
event_store_grant_consumer(PG_FUNCTION_ARGS)
{
	grant_rights(fcinfo, "grant_consumer()", &consumer_rights);
	PG_RETURN_VOID();
}

/*
 * event_store_revoke_consumer
 *		revoke_consumer(role_name) returns void
 */
Datum
event_store_revoke_consumer(PG_FUNCTION_ARGS)
{
	revoke_rights(fcinfo, "revoke_consumer()", &consumer_rights);
	PG_RETURN_VOID();
}
