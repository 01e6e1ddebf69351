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
