/* sql/event_store_warehouse--0.1.0--0.2.0.sql */

-- complain if the script is sourced in psql rather than run by ALTER EXTENSION
\echo Use "ALTER EXTENSION event_store_warehouse UPDATE TO '0.2.0'" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
	IF pg_catalog.to_regclass('event_store.projection_status') IS NULL THEN
		RAISE EXCEPTION 'the extension event_store has no projections'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = 'Update it first: ALTER EXTENSION event_store UPDATE;';
	END IF;
END
$$;

-- Products as aggregates ----------------------------------------------------

CREATE FUNCTION warehouse.apply_product(state jsonb, e event_store.event)
RETURNS jsonb
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'warehouse_apply_product';
COMMENT ON FUNCTION warehouse.apply_product(jsonb, event_store.event) IS
	'The state of a product, {"quantity_on_hand": …}, after an event: the apply function of the aggregate type warehouse_product. Raises WH001, WH002 and WH006 for an event that the rules refuse, WH007 and WH008 for one that no product has, WH003 for one of another stream, WH010 for a state that is no product''s.';
REVOKE ALL ON FUNCTION warehouse.apply_product(jsonb, event_store.event) FROM PUBLIC;

CREATE FUNCTION warehouse.receive_product(product event_store.aggregate,
										  quantity bigint,
										  date_time timestamptz DEFAULT clock_timestamp())
RETURNS event_store.aggregate
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'warehouse_receive_aggregate';
COMMENT ON FUNCTION warehouse.receive_product(event_store.aggregate, bigint, timestamptz) IS
	'Receives a quantity of a product that was loaded: returns it with the event added, which event_store.save() stores. Raises what receive_product by sku does.';
REVOKE ALL ON FUNCTION warehouse.receive_product(event_store.aggregate, bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION warehouse.ship_product(product event_store.aggregate,
									   quantity bigint,
									   date_time timestamptz DEFAULT clock_timestamp())
RETURNS event_store.aggregate
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'warehouse_ship_aggregate';
COMMENT ON FUNCTION warehouse.ship_product(event_store.aggregate, bigint, timestamptz) IS
	'Ships a quantity of a product that was loaded: returns it with the event added, which event_store.save() stores. Raises what ship_product by sku does.';
REVOKE ALL ON FUNCTION warehouse.ship_product(event_store.aggregate, bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION warehouse.adjust_inventory(product event_store.aggregate,
										   quantity bigint,
										   reason text,
										   date_time timestamptz DEFAULT clock_timestamp())
RETURNS event_store.aggregate
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'warehouse_adjust_aggregate';
COMMENT ON FUNCTION warehouse.adjust_inventory(event_store.aggregate, bigint, text, timestamptz) IS
	'Sets the quantity of a product that was loaded: returns it with the event added, which event_store.save() stores. Raises what adjust_inventory by sku does.';
REVOKE ALL ON FUNCTION warehouse.adjust_inventory(event_store.aggregate, bigint, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION warehouse.quantity_on_hand(product event_store.aggregate)
RETURNS bigint
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'warehouse_aggregate_quantity';
COMMENT ON FUNCTION warehouse.quantity_on_hand(event_store.aggregate) IS
	'What is on hand of a product that was loaded, its events that are not saved included.';
REVOKE ALL ON FUNCTION warehouse.quantity_on_hand(event_store.aggregate) FROM PUBLIC;

-- The stock of the past -------------------------------------------------------

CREATE FUNCTION warehouse.stock_at(as_of timestamptz DEFAULT NULL,
								   global_position bigint DEFAULT NULL,
								   after_sku text DEFAULT NULL,
								   max_count bigint DEFAULT 1000,
								   OUT sku text,
								   OUT quantity_on_hand bigint,
								   OUT version bigint)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'warehouse_stock_at';
COMMENT ON FUNCTION warehouse.stock_at(timestamptz, bigint, text, bigint) IS
	'What was on hand of all products at a moment, which exactly one of as_of and global_position says, by the byte order of their skus; products without an event by then are left out. The next page comes after the last sku of this one; max_count NULL is all.';
REVOKE ALL ON FUNCTION warehouse.stock_at(timestamptz, bigint, text, bigint) FROM PUBLIC;

CREATE FUNCTION warehouse.movements(sku text,
									since timestamptz DEFAULT NULL,
									until timestamptz DEFAULT NULL,
									max_count bigint DEFAULT NULL,
									OUT version bigint,
									OUT recorded_at timestamptz,
									OUT type text,
									OUT quantity_change bigint,
									OUT quantity_on_hand bigint,
									OUT reason text,
									OUT recorded_by text,
									OUT application text)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'warehouse_movements';
COMMENT ON FUNCTION warehouse.movements(text, timestamptz, timestamptz, bigint) IS
	'What moved of a product, from since on and before until: by how much its events changed the quantity, what was on hand after each, why, and who recorded it.';
REVOKE ALL ON FUNCTION warehouse.movements(text, timestamptz, timestamptz, bigint) FROM PUBLIC;

-- Movements by day ------------------------------------------------------------

/*
 * The handler and the reset of the projection that create_warehouse() makes.  An
 * adjustment says what was counted: by how much that changed the quantity follows
 * from what was on hand before, which the product's last row has.
 */
CREATE FUNCTION warehouse.project_movements(batch event_store.event[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH moved AS (
		SELECT substr(e.stream, length('warehouse_product-') + 1) AS sku,
			   e.version,
			   (e.recorded_at AT TIME ZONE 'UTC')::date AS day,
			   e.type,
			   (e.data ->> 'quantity')::numeric::bigint AS quantity,
			   count(*) FILTER (WHERE e.type = 'InventoryAdjusted')
				   OVER (PARTITION BY e.stream ORDER BY e.version) AS counts
		  FROM unnest(batch) e
	), before AS (
		SELECT p.sku,
			   COALESCE((SELECT b.quantity_on_hand
						   FROM warehouse.movements_by_day b
						  WHERE b.sku = p.sku
						  ORDER BY b.day DESC
						  LIMIT 1), 0) AS quantity
		  FROM (SELECT DISTINCT m.sku FROM moved m) p
	), folded AS (
		SELECT m.*,
			   b.quantity AS before,
			   CASE m.counts WHEN 0 THEN b.quantity
			   ELSE first_value(m.quantity) OVER since_count END
			   + sum(CASE m.type WHEN 'ProductReceived' THEN m.quantity
							   WHEN 'ProductShipped' THEN -m.quantity
							   ELSE 0 END) OVER since_count AS on_hand
		  FROM moved m
		  JOIN before b USING (sku)
		WINDOW since_count AS (PARTITION BY m.sku, m.counts ORDER BY m.version)
	), changed AS (
		SELECT f.*,
			   f.on_hand - COALESCE(lag(f.on_hand) OVER (PARTITION BY f.sku ORDER BY f.version), f.before) AS change
		  FROM folded f
	)
	INSERT INTO warehouse.movements_by_day AS d
		   (sku, day, received, shipped, adjusted, movements, quantity_on_hand)
	SELECT c.sku,
		   c.day,
		   COALESCE(sum(c.change) FILTER (WHERE c.type = 'ProductReceived'), 0),
		   COALESCE(-sum(c.change) FILTER (WHERE c.type = 'ProductShipped'), 0),
		   COALESCE(sum(c.change) FILTER (WHERE c.type = 'InventoryAdjusted'), 0),
		   count(*),
		   (array_agg(c.on_hand ORDER BY c.version DESC))[1]
	  FROM changed c
	 GROUP BY c.sku, c.day
		ON CONFLICT (sku, day) DO UPDATE
	   SET received = d.received + EXCLUDED.received,
		   shipped = d.shipped + EXCLUDED.shipped,
		   adjusted = d.adjusted + EXCLUDED.adjusted,
		   movements = d.movements + EXCLUDED.movements,
		   quantity_on_hand = EXCLUDED.quantity_on_hand
$$;
COMMENT ON FUNCTION warehouse.project_movements(event_store.event[]) IS
	'Brings warehouse.movements_by_day up to some events of products: the handler of the async projection "movements by day".';
REVOKE ALL ON FUNCTION warehouse.project_movements(event_store.event[]) FROM PUBLIC;

CREATE FUNCTION warehouse.reset_movements()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	TRUNCATE warehouse.movements_by_day
$$;
COMMENT ON FUNCTION warehouse.reset_movements() IS
	'Empties warehouse.movements_by_day, for event_store.rebuild_projection(''movements by day'').';
REVOKE ALL ON FUNCTION warehouse.reset_movements() FROM PUBLIC;

/*
 * The new calls are for those who have create_warehouse(): who installed the
 * extension, and owners of warehouses.
 */
DO $$
DECLARE
	owner text;
BEGIN
	FOR owner IN
		SELECT DISTINCT r.rolname
		  FROM pg_catalog.pg_proc p,
			   pg_catalog.aclexplode(p.proacl) a
		  JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.grantee
		 WHERE p.oid OPERATOR(pg_catalog.=)
			   'warehouse.create_warehouse(boolean)'::pg_catalog.regprocedure
	LOOP
		EXECUTE pg_catalog.format(
			'GRANT EXECUTE ON FUNCTION '
			'warehouse.apply_product(jsonb, event_store.event), '
			'warehouse.receive_product(event_store.aggregate, bigint, timestamptz), '
			'warehouse.ship_product(event_store.aggregate, bigint, timestamptz), '
			'warehouse.adjust_inventory(event_store.aggregate, bigint, text, timestamptz), '
			'warehouse.quantity_on_hand(event_store.aggregate), '
			'warehouse.stock_at(timestamptz, bigint, text, bigint), '
			'warehouse.movements(text, timestamptz, timestamptz, bigint), '
			'warehouse.project_movements(event_store.event[]), '
			'warehouse.reset_movements() TO %I', owner);
	END LOOP;
END
$$;
