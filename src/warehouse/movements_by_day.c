/*-------------------------------------------------------------------------
 *
 * movements_by_day.c
 *	  What was moved of each product by day: an async projection.
 *
 * The table warehouse.movements_by_day is kept by a projection of the event store,
 * in the background or by run_projections(): its handler is project_movements(), a
 * query over a batch of events.  A projection's functions run as the owner of the
 * store's projections, and so that is whose the table has to be.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/movements_by_day.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "movements_by_day.h"
#include "stock.h"

#define STORE_SCHEMA "event_store"
#define REGISTRY	 "projections"
#define MOVEMENTS	 "movements_by_day"

/* What makes the table, run in this order. */
static const char *const table_statements[] = {
	"CREATE TABLE warehouse.movements_by_day ("
	"sku pg_catalog.text COLLATE pg_catalog.\"C\" NOT NULL, "
	"day pg_catalog.date NOT NULL, "
	"received pg_catalog.numeric NOT NULL, "
	"shipped pg_catalog.numeric NOT NULL, "
	"adjusted pg_catalog.numeric NOT NULL, "
	"movements pg_catalog.int8 NOT NULL, "
	"quantity_on_hand pg_catalog.int8 NOT NULL, "
	"PRIMARY KEY (sku, day))",
	"COMMENT ON INDEX warehouse.movements_by_day_pkey IS 'a product by day'",
	"COMMENT ON TABLE warehouse.movements_by_day IS"
	" 'What was moved of each product by day: kept by the async projection \"movements by day\".'",
	"COMMENT ON COLUMN warehouse.movements_by_day.sku IS 'the product'",
	"COMMENT ON COLUMN warehouse.movements_by_day.day IS"
	" 'day on which the events were recorded, UTC'",
	"COMMENT ON COLUMN warehouse.movements_by_day.received IS"
	" 'how much was received'",
	"COMMENT ON COLUMN warehouse.movements_by_day.shipped IS"
	" 'how much was shipped'",
	"COMMENT ON COLUMN warehouse.movements_by_day.adjusted IS"
	" 'by how much adjustments changed the quantity; below 0 where they found less'",
	"COMMENT ON COLUMN warehouse.movements_by_day.movements IS"
	" 'how many events that were'",
	"COMMENT ON COLUMN warehouse.movements_by_day.quantity_on_hand IS"
	" 'after the last of them'",
};

#define THIS_PROJECTION               \
	" FROM event_store.projections p" \
	" WHERE p.projection OPERATOR(pg_catalog.=) 'movements by day'"

/*
 * What makes the projection.  One of the name is there where the store was restored
 * without the warehouse: it begins anew.
 */
static const char *const projection_statements[] = {
	"SELECT event_store.create_projection('movements by day',"
	" 'warehouse.project_movements(event_store.event[])', 'async',"
	" ARRAY['warehouse_product'],"
	" ARRAY['ProductReceived', 'ProductShipped', 'InventoryAdjusted'],"
	" 'warehouse.reset_movements()',"
	" replace => EXISTS (SELECT" THIS_PROJECTION "))",
	"SELECT event_store.rebuild_projection(p.projection)" THIS_PROJECTION,
};

/*
 * execute
 *		Runs a statement through SPI, which is connected.
 */
static void
execute(const char *statement)
{
	int result = SPI_execute(statement, false, 0);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement,
			 SPI_result_code_string(result));
}

/*
 * projections_are_ours
 *		Whether the store has projections, and the current user is their owner: of an
 *		older release it has none.
 */
static bool
projections_are_ours(void)
{
	Oid relid =
		get_relname_relid(REGISTRY, get_namespace_oid(STORE_SCHEMA, false));

	return OidIsValid(relid) && wh_owns_relation(relid, GetUserId());
}

/*
 * has_movements
 *		Whether there is the table.
 */
static bool
has_movements(void)
{
	return OidIsValid(
		get_relname_relid(MOVEMENTS, get_namespace_oid(WH_SCHEMA, false)));
}

/*
 * has_handler
 *		Whether there is the handler: as long as the extension has not been updated
 *		from an older release there is not.
 */
static bool
has_handler(void)
{
	if (SPI_execute("SELECT WHERE pg_catalog.to_regprocedure("
					"'warehouse.project_movements(event_store.event[])')"
					" IS NOT NULL",
					true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for the handler");
	return SPI_processed > 0;
}

/*
 * wh_movements_create
 *		Makes the table and the projection, unless they are there or the projections
 *		are somebody else's.  SPI is connected.
 */
void
wh_movements_create(void)
{
	if (has_movements() || !projections_are_ours() || !has_handler())
		return;
	for (int i = 0; i < lengthof(table_statements); i++)
		execute(table_statements[i]);
	for (int i = 0; i < lengthof(projection_statements); i++)
		execute(projection_statements[i]);
}

/*
 * wh_movements_drop
 *		Drops them.  SPI is connected.
 */
void
wh_movements_drop(void)
{
	if (!has_movements())
		return;
	if (projections_are_ours())
		execute(
			"SELECT event_store.drop_projection(p.projection)" THIS_PROJECTION);
	execute("DROP TABLE warehouse.movements_by_day");
}
