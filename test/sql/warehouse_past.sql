--
-- The warehouse's past: stock_at() and movements().
--
SELECT warehouse.receive_product('past-1', 10), warehouse.receive_product('past-2', 5), warehouse.ship_product('past-1', 4);
SELECT clock_timestamp() AS t, event_store.safe_position() AS p \gset
SET event_store.metadata = '{"reason": "order 12"}';
SELECT warehouse.ship_product('past-2', 5), warehouse.receive_product('past-3', 1);
RESET event_store.metadata;
SELECT warehouse.adjust_inventory('past-1', 9, 'cycle count');
-- a stream of the category that is no product's
SELECT version FROM event_store.append('warehouse_product', 'T', '{}');

SELECT * FROM warehouse.stock_at(:'t', after_sku => 'past', max_count => 10) WHERE sku LIKE 'past-%';
SELECT * FROM warehouse.stock_at(global_position => :p, after_sku => 'past') WHERE sku LIKE 'past-%';
SELECT * FROM warehouse.stock_at('infinity', after_sku => 'past-1', max_count => 2);
SELECT count(*) FROM warehouse.stock_at('-infinity');
SELECT count(*) FILTER (WHERE a.quantity_on_hand IS DISTINCT FROM s.quantity_on_hand OR a.version IS DISTINCT FROM s.version) AS different, count(*) > 3 AS many
  FROM warehouse.stock_at('infinity', max_count => NULL) a FULL JOIN warehouse.stock s USING (sku);

SELECT version, type, quantity_change, quantity_on_hand, reason, recorded_by = current_user AS by_me, application LIKE 'pg_regress%' AS from_here
  FROM warehouse.movements('past-1');
SELECT version, type, quantity_change, quantity_on_hand, reason FROM warehouse.movements('past-2', since => :'t');
SELECT version, type, quantity_change, quantity_on_hand, reason FROM warehouse.movements('past-1', until => :'t', max_count => 1);
SELECT count(*) FROM warehouse.movements('past-none');

-- An event of an older shape, from before the rules: whoever folds it in C has it as it would be today.
CREATE FUNCTION regress_help.qty_to_quantity(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (data - 'qty') || jsonb_build_object('quantity', data -> 'qty');
ALTER TABLE event_store.events DISABLE TRIGGER warehouse_stock;
SELECT version FROM event_store.append('warehouse_product-past-old', 'ProductReceived', '{"sku": "past-old", "qty": 7, "date_time": "2026-01-01T00:00:00+00:00"}');
ALTER TABLE event_store.events ENABLE TRIGGER warehouse_stock;
SELECT regress_help.run($$SELECT warehouse.quantity_on_hand('past-old')$$);
SELECT event_store.create_upcaster('OldProductReceived', 1, 'regress_help.qty_to_quantity', 'ProductReceived');
ALTER TABLE event_store.events DISABLE TRIGGER warehouse_stock;
SELECT version FROM event_store.append('warehouse_product-past-older', 'OldProductReceived', '{"sku": "past-older", "qty": 7, "date_time": "2026-01-01T00:00:00+00:00"}');
ALTER TABLE event_store.events ENABLE TRIGGER warehouse_stock;
SELECT warehouse.quantity_on_hand('past-older');
SELECT warehouse.ship_product('past-older', 2);
SELECT version, state FROM event_store.load('warehouse_product-past-older');
SELECT version, type, schema_version, data ->> 'quantity' AS quantity, state FROM event_store.history('warehouse_product-past-older');
SELECT quantity_on_hand, version FROM warehouse.stock WHERE sku = 'past-older';
SELECT event_store.drop_upcaster('OldProductReceived', 1);
SELECT regress_help.run($$SELECT warehouse.quantity_on_hand('past-older')$$);
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM event_store.events e USING event_store.streams s WHERE s.stream_id = e.stream_id AND s.stream LIKE 'warehouse_product-past-old%';
DELETE FROM warehouse.stock WHERE sku LIKE 'past-old%';
COMMIT;
DROP FUNCTION regress_help.qty_to_quantity;

-- Movements by day, an async projection; in batches of one, of some, and rebuilt.
SELECT mode, categories, types, on_error FROM event_store.projections WHERE projection = 'movements by day';
SELECT event_store.run_projections('movements by day', 1) AS one, event_store.run_projections('movements by day', 2) AS two, event_store.run_projections('movements by day') > 0 AS rest;
SELECT sku, day = (now() AT TIME ZONE 'UTC')::date AS today, received, shipped, adjusted, movements, quantity_on_hand FROM warehouse.movements_by_day WHERE sku LIKE 'past-%' ORDER BY sku;
SELECT warehouse.ship_product('past-1', 4), warehouse.adjust_inventory('past-1', 7, 'found some'), warehouse.receive_product('past-1', 1), warehouse.adjust_inventory('past-1', 6, 'lost some');
SELECT event_store.run_projections('movements by day');
SELECT sku, received, shipped, adjusted, movements, quantity_on_hand FROM warehouse.movements_by_day WHERE sku = 'past-1';
CREATE VIEW regress_help.wrong_days AS
	SELECT count(*) FILTER (WHERE d.quantity_on_hand IS DISTINCT FROM s.quantity_on_hand) AS quantities,
		   count(*) FILTER (WHERE d.change IS DISTINCT FROM s.quantity_on_hand) AS changes,
		   count(*) FILTER (WHERE d.movements IS DISTINCT FROM s.version) AS movements
	  FROM warehouse.stock s
	  FULL JOIN (SELECT sku, sum(movements) AS movements, sum(received - shipped + adjusted) AS change, (array_agg(quantity_on_hand ORDER BY day DESC))[1] AS quantity_on_hand
				   FROM warehouse.movements_by_day GROUP BY sku) d USING (sku);
SELECT * FROM regress_help.wrong_days;
SELECT event_store.rebuild_projection('movements by day') > 0 AS begun;
SELECT count(*) FROM warehouse.movements_by_day;
SELECT event_store.run_projections('movements by day') > 0 AS some;
SELECT * FROM regress_help.wrong_days;
-- More than a bigint counts is received in a day, though never on hand at once.
SELECT warehouse.receive_product('past-4', 9223372036854775807), warehouse.ship_product('past-4', 9223372036854775807), warehouse.receive_product('past-4', 5);
SELECT event_store.run_projections('movements by day');
SELECT received, shipped, quantity_on_hand FROM warehouse.movements_by_day WHERE sku = 'past-4';
SELECT * FROM regress_help.wrong_days;
DROP VIEW regress_help.wrong_days;

SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT warehouse.stock_at()$$,
	$$SELECT warehouse.stock_at('infinity', 1)$$,
	$$SELECT warehouse.stock_at('infinity', max_count => -1)$$,
	$$SELECT warehouse.movements(NULL)$$,
	$$SELECT warehouse.movements('')$$]) q;

-- EXECUTE is enough.
CREATE ROLE regress_counts;
GRANT USAGE ON SCHEMA warehouse TO regress_counts;
SET ROLE regress_counts;
SELECT regress_help.run($$SELECT warehouse.stock_at('infinity')$$), regress_help.run($$SELECT warehouse.movements('past-1')$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION warehouse.stock_at, warehouse.movements TO regress_counts;
SET ROLE regress_counts;
SELECT count(*) FROM warehouse.stock_at('infinity', after_sku => 'past', max_count => 3);
SELECT count(*) FROM warehouse.movements('past-1');
RESET ROLE;
REVOKE ALL ON FUNCTION warehouse.stock_at, warehouse.movements FROM regress_counts;
REVOKE ALL ON SCHEMA warehouse FROM regress_counts;
DROP ROLE regress_counts;
