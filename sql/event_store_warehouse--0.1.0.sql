/* sql/event_store_warehouse--0.1.0.sql */

-- complain if the script is sourced in psql rather than run by CREATE EXTENSION
\echo Use "CREATE EXTENSION event_store_warehouse CASCADE" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;

/*
 * Code only: the stock is made by create_warehouse() and belongs to nobody but
 * its caller.
 *
 * Nothing is for PUBLIC.  Whoever installs the extension may use all of it;
 * create_warehouse() adds the right to pass that on, outside of this script,
 * so that a dump carries it.
 */
CREATE SCHEMA warehouse;
COMMENT ON SCHEMA warehouse IS
	'Products that are received, shipped and adjusted: the worked example of event_store.';
GRANT USAGE, CREATE ON SCHEMA warehouse TO @extowner@;

-- The warehouse -------------------------------------------------------------

CREATE FUNCTION warehouse.create_warehouse(if_not_exists boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'warehouse_create_warehouse';
COMMENT ON FUNCTION warehouse.create_warehouse IS
	'Creates the event store where there is none, the table warehouse.stock and the trigger that keeps it, owned by the caller, who must own the database or the extension; products that have events already get their stock. if_not_exists: a warehouse that is there stays, and its owner''s grants are made again. Raises 42P07 when there is a warehouse.';
REVOKE ALL ON FUNCTION warehouse.create_warehouse FROM PUBLIC;

CREATE FUNCTION warehouse.drop_warehouse()
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'warehouse_drop_warehouse';
COMMENT ON FUNCTION warehouse.drop_warehouse IS
	'Drops the stock and the trigger that keeps it. The events stay, and create_warehouse() computes the stock from them again. For the owner of the stock and of the store. Raises WH009 when there is no warehouse.';
REVOKE ALL ON FUNCTION warehouse.drop_warehouse FROM PUBLIC;

-- Products ------------------------------------------------------------------

CREATE FUNCTION warehouse.receive_product(sku text,
										  quantity bigint,
										  date_time timestamptz DEFAULT clock_timestamp())
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'warehouse_receive_product';
COMMENT ON FUNCTION warehouse.receive_product IS
	'Receives a quantity of a product, 1 or more; returns the new quantity on hand. Raises WH002 for another quantity, WH006 for more than a bigint counts.';
REVOKE ALL ON FUNCTION warehouse.receive_product FROM PUBLIC;

CREATE FUNCTION warehouse.ship_product(sku text,
									   quantity bigint,
									   date_time timestamptz DEFAULT clock_timestamp())
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'warehouse_ship_product';
COMMENT ON FUNCTION warehouse.ship_product IS
	'Ships a quantity of a product, 1 or more; returns the new quantity on hand. Raises WH001 when less is on hand, WH002 for another quantity.';
REVOKE ALL ON FUNCTION warehouse.ship_product FROM PUBLIC;

CREATE FUNCTION warehouse.adjust_inventory(sku text,
										   quantity bigint,
										   reason text,
										   date_time timestamptz DEFAULT clock_timestamp())
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'warehouse_adjust_inventory';
COMMENT ON FUNCTION warehouse.adjust_inventory IS
	'Sets the quantity of a product that is on hand, 0 or more, and says why; returns it. Raises WH002 for another quantity, WH004 where the reason is missing.';
REVOKE ALL ON FUNCTION warehouse.adjust_inventory FROM PUBLIC;

CREATE FUNCTION warehouse.quantity_on_hand(sku text,
										   as_of timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'warehouse_quantity_on_hand';
COMMENT ON FUNCTION warehouse.quantity_on_hand IS
	'What is on hand of a product by its events, as the calling query sees them; as_of leaves out what was recorded later. 0 for a product that has no events.';
REVOKE ALL ON FUNCTION warehouse.quantity_on_hand FROM PUBLIC;

-- The stock -----------------------------------------------------------------

CREATE FUNCTION warehouse.rebuild_stock()
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'warehouse_rebuild_stock';
COMMENT ON FUNCTION warehouse.rebuild_stock IS
	'Computes warehouse.stock anew from the events; returns the number of products. Appends wait until its transaction ends. For the owner of the stock.';
REVOKE ALL ON FUNCTION warehouse.rebuild_stock FROM PUBLIC;

CREATE FUNCTION warehouse.check_stock(OUT sku text,
									  OUT projected_quantity bigint,
									  OUT projected_version bigint,
									  OUT projected_position bigint,
									  OUT projected_at timestamptz,
									  OUT folded_quantity bigint,
									  OUT folded_version bigint,
									  OUT folded_position bigint,
									  OUT folded_at timestamptz)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'warehouse_check_stock';
COMMENT ON FUNCTION warehouse.check_stock IS
	'Compares warehouse.stock with what the products'' events fold to and returns a row for each product that differs, by sku: none when all is right. projected_ is what the stock says, null without a row; folded_ what the events say, null without an event. Holds off nobody.';
REVOKE ALL ON FUNCTION warehouse.check_stock FROM PUBLIC;

/*
 * What create_warehouse() hangs on the store's events.
 */
CREATE FUNCTION warehouse.project_stock()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'warehouse_project_stock';
COMMENT ON FUNCTION warehouse.project_stock IS
	'Brings warehouse.stock up to the event that was inserted, as the stock''s owner; called by the trigger warehouse_stock on event_store.events. An event that its product cannot have is refused.';
REVOKE ALL ON FUNCTION warehouse.project_stock FROM PUBLIC;

-- The installer --------------------------------------------------------------

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA warehouse TO @extowner@;
