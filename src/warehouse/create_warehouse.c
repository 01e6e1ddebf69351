/*-------------------------------------------------------------------------
 *
 * create_warehouse.c
 *	  Setting the warehouse up and taking it down.
 *
 * The warehouse is the table warehouse.stock, the trigger that keeps it, and the
 * aggregate type of the products, which is a row of the store's.  Table and
 * trigger are ordinary objects of whoever calls create_warehouse(), never members
 * of the extension, so that a dump has them with their data, and so that DROP
 * EXTENSION without CASCADE is refused while they are there.
 *
 * The extension is trusted: what a database's owner installs belongs to the
 * bootstrap superuser.  The install script lets the installer call
 * create_warehouse(), which makes all further grants here, outside of the
 * script, where a dump carries them through a superuser's restore.  Only the
 * owner of the functions can grant on them, so that is who acts for the length
 * of these two commands, whose text holds nothing of a user's but the quoted
 * name of the role.  The caller is first made sure to own the database or the
 * extension.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/create_warehouse.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "errors.h"
#include "movements_by_day.h"
#include "product_state.h"
#include "stock.h"

#define EXTENSION	  "event_store_warehouse"
#define EVENTS_SCHEMA "event_store"
#define EVENTS_TABLE  "events"
#define TYPES_TABLE	  "aggregate_types"

/* All functions of the extension; its owner's grants name them. */
#define FUNCTIONS                                                                                                   \
	"warehouse.create_warehouse(pg_catalog.bool),"                                                                  \
	" warehouse.drop_warehouse(),"                                                                                  \
	" warehouse.receive_product(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz),"                         \
	" warehouse.ship_product(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz),"                            \
	" warehouse.adjust_inventory(pg_catalog.text, pg_catalog.int8, pg_catalog.text, pg_catalog.timestamptz),"       \
	" warehouse.quantity_on_hand(pg_catalog.text, pg_catalog.timestamptz),"                                         \
	" warehouse.apply_product(pg_catalog.jsonb, event_store.event),"                                                \
	" warehouse.receive_product(event_store.aggregate, pg_catalog.int8, pg_catalog.timestamptz),"                   \
	" warehouse.ship_product(event_store.aggregate, pg_catalog.int8, pg_catalog.timestamptz),"                      \
	" warehouse.adjust_inventory(event_store.aggregate, pg_catalog.int8, pg_catalog.text, pg_catalog.timestamptz)," \
	" warehouse.quantity_on_hand(event_store.aggregate),"                                                           \
	" warehouse.stock_at(pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.text, pg_catalog.int8),"               \
	" warehouse.movements(pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.int8),"       \
	" warehouse.project_movements(event_store.event[]),"                                                            \
	" warehouse.reset_movements(),"                                                                                 \
	" warehouse.rebuild_stock(),"                                                                                   \
	" warehouse.check_stock(),"                                                                                     \
	" warehouse.project_stock()"

/* The row of products among the aggregate types. */
#define PRODUCT_TYPE                                           \
	" (SELECT FROM event_store.aggregate_types WHERE category" \
	" OPERATOR(pg_catalog.=) '" WH_CATEGORY "')"

/* The aggregate type of products, as create_aggregate_type() takes it. */
#define TYPE_ARGUMENTS                                                       \
	"'" WH_CATEGORY "', '" WH_INITIAL_STATE "', 'warehouse.apply_product', " \
	"snapshot_every => 100"

PG_FUNCTION_INFO_V1(warehouse_create_warehouse);
PG_FUNCTION_INFO_V1(warehouse_drop_warehouse);

/*
 * find_events
 *		OID of the store's table of events, InvalidOid when there is no store.
 */
static Oid
find_events(void)
{
	Oid namespace = get_namespace_oid(EVENTS_SCHEMA, true);

	if (!OidIsValid(namespace))
		return InvalidOid;
	return get_relname_relid(EVENTS_TABLE, namespace);
}

/*
 * open_events
 *		Opens the store's table of events, NULL when there is no store.
 *
 * Another session may drop it, and make it anew, while this one waits for its
 * lock.
 */
static Relation
open_events(void)
{
	Oid relid;
	Relation rel = NULL;

	while (rel == NULL && OidIsValid(relid = find_events()))
	{
		CHECK_FOR_INTERRUPTS();
		rel = try_table_open(relid, AccessShareLock);
	}
	return rel;
}

/*
 * has_trigger
 *		Whether the trigger that keeps the stock is there.
 */
static bool
has_trigger(void)
{
	Oid relid = find_events();

	return OidIsValid(relid) &&
		OidIsValid(get_trigger_oid(relid, WH_TRIGGER, true));
}

/*
 * extension_owner
 *		Role that the extension belongs to, InvalidOid when it is not
 *		installed.
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
				F_NAMEEQ, CStringGetDatum(EXTENSION));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

/*
 * check_may_create
 *		Raises 42501 unless the current user may set up the warehouse, and
 *		55000 in an extension's script, of which the table would be a member.
 */
static void
check_may_create(void)
{
	Oid owner = extension_owner();

	if (creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot create a warehouse in the script of an extension"),
				 errdetail(
					 "Its table would be the extension's, and be dropped with it."),
				 errhint(
					 "Call warehouse.create_warehouse() after CREATE EXTENSION.")));
	if (wh_owns_database(GetUserId()) ||
		(OidIsValid(owner) && has_privs_of_role(GetUserId(), owner)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to create a warehouse"),
			 errdetail("Role \"%s\" owns neither database \"%s\" nor extension \"%s\".",
					   GetUserNameFromId(GetUserId(), false),
					   get_database_name(MyDatabaseId), EXTENSION),
			 errhint(
				 "Let an owner call warehouse.create_warehouse(), and be granted EXECUTE on the calls.")));
}

/*
 * run
 *		Executes a command through SPI, which is connected.
 */
static void
run(const char *command)
{
	int result = SPI_execute(command, false, 0);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", command,
			 SPI_result_code_string(result));
}

/*
 * grant_owner
 *		Grants the warehouse's owner what the extension's script could not;
 *		see the head of this file.
 *
 * A superuser needs no grants, and gets none.  Two GRANTs on one object fail
 * each other with an internal error, so those of this call wait for each
 * other.
 */
static void
grant_owner(Oid owner)
{
	const char *role = quote_identifier(GetUserNameFromId(owner, false));
	Oid userid;
	int sec_context;

	if (superuser_arg(owner))
		return;
	LockDatabaseObject(NamespaceRelationId, get_namespace_oid(WH_SCHEMA, false),
					   0, ShareUpdateExclusiveLock);
	AcceptInvalidationMessages();
	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   sec_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	run(psprintf("GRANT USAGE, CREATE ON SCHEMA warehouse"
				 " TO %s WITH GRANT OPTION",
				 role));
	run(psprintf("GRANT EXECUTE ON FUNCTION " FUNCTIONS " TO %s WITH GRANT OPTION",
				 role));
	SetUserIdAndSecContext(userid, sec_context);
}

/*
 * create_store
 *		Creates the event store when there is none; one that is there may be
 *		anybody's who lets a trigger be hung on it, or else it raises 42501.
 *
 * The call gives all arguments, so that no function that somebody made in the
 * schema can be meant.
 */
static void
create_store(void)
{
	Oid events = find_events();

	if (!OidIsValid(events))
		run("SELECT event_store.create_store(true, false)");
	else if (pg_class_aclcheck(events, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to hang the warehouse's trigger on the event store"),
				 errdetail("The store belongs to somebody else."),
				 errhint(
					 "Its owner grants USAGE ON SCHEMA event_store, TRIGGER ON event_store.events, and reading with event_store.grant_reader().")));
}

/*
 * create_table
 *		Creates the table of the stock, owned by the current user.
 *
 * The sku's collation is by bytes, as streams' names compare in the store,
 * and as an index on it never needs to be rebuilt for a new collation version.
 */
static void
create_table(void)
{
	run("CREATE TABLE warehouse.stock ("
		"sku pg_catalog.text COLLATE pg_catalog.\"C\" PRIMARY KEY, "
		"quantity_on_hand pg_catalog.int8 NOT NULL, "
		"version pg_catalog.int8 NOT NULL, "
		"global_position pg_catalog.int8 NOT NULL, "
		"updated_at pg_catalog.timestamptz NOT NULL)");
	run("COMMENT ON INDEX warehouse.stock_pkey IS 'a product by its sku'");
	run("COMMENT ON TABLE warehouse.stock IS"
		" 'What is on hand of each product: a projection of the products'' events, written by a trigger on them. To change it, call the warehouse''s functions.'");
	run("COMMENT ON COLUMN warehouse.stock.sku IS"
		" 'the product; its stream is warehouse_product-sku'");
	run("COMMENT ON COLUMN warehouse.stock.quantity_on_hand IS"
		" 'after the product''s last event'");
	run("COMMENT ON COLUMN warehouse.stock.version IS"
		" 'version of the product''s stream that the row is at'");
	run("COMMENT ON COLUMN warehouse.stock.global_position IS"
		" 'global position of that event'");
	run("COMMENT ON COLUMN warehouse.stock.updated_at IS"
		" 'when that event was recorded'");
}

/*
 * create_trigger
 *		Creates the trigger that keeps the stock.
 *
 * Who may not comment on the store's table, because it is another's who only
 * granted TRIGGER on it, does without.
 */
static void
create_trigger(void)
{
	run("CREATE TRIGGER warehouse_stock AFTER INSERT ON event_store.events"
		" FOR EACH ROW EXECUTE FUNCTION warehouse.project_stock()");
	if (wh_owns_relation(find_events(), GetUserId()))
		run("COMMENT ON TRIGGER warehouse_stock ON event_store.events IS"
			" 'Keeps warehouse.stock. Dropped by warehouse.drop_warehouse().'");
}

/*
 * has_function
 *		Whether there is a function of that name in a schema: there is none of a
 *		later release as long as the extension has not been updated.
 */
static bool
has_function(const char *schema, char *name)
{
	List *qualified = list_make2(makeString(pstrdup(schema)), makeString(name));
	Oid any = InvalidOid; /* arguments; not looked at */

	return OidIsValid(LookupFuncName(qualified, -1, &any, true));
}

/*
 * types_are_ours
 *		Whether the store has aggregate types, as this release has them, and the
 *		current user owns them.
 */
static bool
types_are_ours(void)
{
	Oid relid =
		get_relname_relid(TYPES_TABLE, get_namespace_oid(EVENTS_SCHEMA, false));

	return OidIsValid(relid) && wh_owns_relation(relid, GetUserId()) &&
		has_function(EVENTS_SCHEMA, "create_aggregate_type") &&
		has_function(WH_SCHEMA, "apply_product");
}

/*
 * grant_apply
 *		Lets the owner of the aggregate types, as whom it will run, execute the
 *		apply function: it need not be who calls.
 */
static void
grant_apply(void)
{
	Relation types =
		table_open(get_relname_relid(TYPES_TABLE,
									 get_namespace_oid(EVENTS_SCHEMA, false)),
				   AccessShareLock);
	Oid owner = types->rd_rel->relowner;
	Oid userid;
	int sec_context;

	table_close(types, NoLock);
	if (owner == GetUserId() || superuser_arg(owner))
		return;
	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   sec_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	run(psprintf("GRANT EXECUTE ON FUNCTION warehouse.apply_product(pg_catalog.jsonb, event_store.event) TO %s",
				 quote_identifier(GetUserNameFromId(owner, false))));
	SetUserIdAndSecContext(userid, sec_context);
}

/*
 * create_type
 *		Makes products an aggregate type of the store, or says who can.
 *
 * A type that is there, such as an owner's with another snapshot_every, stays
 * as it is.
 */
static void
create_type(void)
{
	if (types_are_ours())
	{
		grant_apply();
		run("SELECT event_store.create_aggregate_type(" TYPE_ARGUMENTS ") WHERE"
			" NOT EXISTS" PRODUCT_TYPE);
	}
	else
		ereport(NOTICE,
				(errmsg("products are no aggregate type"),
				 errdetail(
					 "The event store is somebody else's, or of an older release."),
				 errhint("Its owner calls event_store.upgrade_store() and event_store.create_aggregate_type(%s).",
						 TYPE_ARGUMENTS)));
}

/*
 * drop_type
 *		Drops the aggregate type, if it is the current user's.
 */
static void
drop_type(void)
{
	if (types_are_ours())
		run("SELECT event_store.drop_aggregate_type('" WH_CATEGORY "') WHERE"
			" EXISTS" PRODUCT_TYPE);
}

/*
 * raise_incomplete
 *		55000: there is half a warehouse.
 */
static void
raise_incomplete(bool table)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the warehouse is incomplete"),
			 table
				 ? errdetail("There is table \"%s.%s\", but no trigger \"%s\" on table \"%s.%s\".",
							 WH_SCHEMA, WH_STOCK, WH_TRIGGER, EVENTS_SCHEMA,
							 EVENTS_TABLE)
				 : errdetail("There is trigger \"%s\" on table \"%s.%s\", but no table \"%s.%s\".",
							 WH_TRIGGER, EVENTS_SCHEMA, EVENTS_TABLE, WH_SCHEMA,
							 WH_STOCK),
			 errhint(
				 "Call warehouse.drop_warehouse() and then warehouse.create_warehouse(), which computes the stock from the events.")));
}

/*
 * warehouse_stands
 *		Whether there is a warehouse; raises 55000 when there is half of one.
 */
static bool
warehouse_stands(void)
{
	bool table = OidIsValid(wh_stock_find());

	if (table != has_trigger())
		raise_incomplete(table);
	return table;
}

/*
 * wh_warehouse_require
 *		Raises WH009 when there is no warehouse, and 55000 when its trigger is
 *		gone: what is appended then would miss the stock.
 *
 * Asked by each command, so it looks at the table's own description.
 */
void
wh_warehouse_require(void)
{
	Relation events = open_events();
	bool found = false;

	(void) wh_stock_require();
	if (events != NULL)
	{
		TriggerDesc *triggers = events->trigdesc;

		for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
			found =
				found || strcmp(triggers->triggers[i].tgname, WH_TRIGGER) == 0;
		table_close(events, NoLock);
	}
	if (!found)
		raise_incomplete(true);
}

/*
 * keep_warehouse
 *		What create_warehouse() does where there is one: 42P07, or a notice
 *		and the owner's grants.
 */
static void
keep_warehouse(bool if_not_exists)
{
	Relation rel;
	Oid owner;

	if (!if_not_exists)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("the warehouse already exists"),
				 errdetail("There is table \"%s.%s\".", WH_SCHEMA, WH_STOCK),
				 errhint(
					 "To keep it, call warehouse.create_warehouse(if_not_exists => true).")));
	ereport(NOTICE,
			(errcode(ERRCODE_DUPLICATE_TABLE),
			 errmsg("the warehouse already exists, skipping")));
	rel = table_open(wh_stock_require(), AccessShareLock);
	owner = rel->rd_rel->relowner;
	table_close(rel, NoLock);
	grant_owner(owner);
	create_type();
	wh_movements_create();
}

/*
 * warehouse_create_warehouse
 *		create_warehouse(if_not_exists): void.
 *
 * Takes the store's lock, so that no event gets past both the trigger and
 * the computation of the stock from the events that are there.  Raises 42501
 * and 42P07.
 */
Datum
warehouse_create_warehouse(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("if_not_exists must not be null"),
				 errdetail(
					 "It says what to do where there is a warehouse already."),
				 errhint(
					 "Call warehouse.create_warehouse(if_not_exists => true) to keep it.")));
	check_may_create();
	wh_spi_connect();
	if (warehouse_stands())
		keep_warehouse(PG_GETARG_BOOL(0));
	else
	{
		create_store();
		event_store_api()->lock_store();
		if (warehouse_stands()) /* by now */
			keep_warehouse(PG_GETARG_BOOL(0));
		else
		{
			grant_owner(GetUserId());
			create_table();
			create_trigger();
			create_type();
			(void) wh_stock_rebuild();
			wh_movements_create();
		}
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * warehouse_drop_warehouse
 *		drop_warehouse(): void.
 *
 * For the owner of the stock and of the store's events.  The trigger goes
 * first: its lock is the one that appenders hold.  Raises WH009 when there is
 * nothing to drop.
 */
Datum
warehouse_drop_warehouse(PG_FUNCTION_ARGS)
{
	bool trigger = has_trigger();

	if (!trigger)
		(void) wh_stock_require();
	wh_spi_connect();
	if (trigger)
		run("DROP TRIGGER warehouse_stock ON event_store.events");
	if (OidIsValid(wh_stock_find()))
		run("DROP TABLE warehouse.stock");
	drop_type();
	wh_movements_drop();
	SPI_finish();
	PG_RETURN_VOID();
}
