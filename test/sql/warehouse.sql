--
-- The warehouse: its commands, what they refuse, and its stock.
--
-- Both extensions and the warehouse itself are there already; SKU-1 to SKU-4 are not.
--

-- The story: every call returns the quantity then on hand.
SELECT warehouse.receive_product('SKU-1', 10);
SELECT warehouse.ship_product('SKU-1', 2);
SELECT warehouse.adjust_inventory('SKU-1', 5, 'cycle count');
SELECT warehouse.quantity_on_hand('SKU-1');
SELECT sku, quantity_on_hand, version FROM warehouse.stock WHERE sku = 'SKU-1';

SELECT version, type, data - 'date_time' AS data
  FROM event_store.read_stream('warehouse_product-SKU-1');

-- The stock's row points at the product's last event.
SELECT s.version = e.version AND s.global_position = e.global_position
	   AND s.updated_at = e.recorded_at AS at_the_last_event
  FROM warehouse.stock s,
	   LATERAL event_store.last_event('warehouse_product-' || s.sku) e
 WHERE s.sku = 'SKU-1';

-- Named notation, and date_time: ISO 8601 in UTC, whatever the session's zone.
BEGIN;
SET LOCAL timezone = 'Asia/Kolkata';
SET LOCAL datestyle = 'German';
SELECT warehouse.receive_product(sku => 'SKU-2', quantity => 3,
								 date_time => '2026-02-03 04:05:06.789+00');
SELECT warehouse.ship_product(sku => 'SKU-2', quantity => 1,
							  date_time => '2026-02-03 12:00:00+05:30');
SELECT warehouse.adjust_inventory(sku => 'SKU-2', quantity => 0,
								  reason => 'broken', date_time => '2026-02-04 00:00:00+00');
SELECT warehouse.quantity_on_hand(sku => 'SKU-2', as_of => NULL);
COMMIT;
SELECT version, type, data
  FROM event_store.read_stream('warehouse_product-SKU-2');

-- date_time is the current time where it is left out.
SELECT (data ->> 'date_time')::timestamptz BETWEEN now() - interval '1 hour' AND clock_timestamp() AS recent
  FROM event_store.last_event('warehouse_product-SKU-1');

-- A product nobody has heard of.
SELECT warehouse.quantity_on_hand('SKU-unknown');
SELECT warehouse.ship_product('SKU-unknown', 1);
SELECT event_store.stream_version('warehouse_product-SKU-unknown');

-- What is refused, with the values in the detail and nothing stored.
SELECT warehouse.ship_product('SKU-1', 6);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product('SKU-1', 0);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product('SKU-1', -4);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product('SKU-1', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.ship_product('SKU-1', 0);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.ship_product('SKU-1', -1);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.ship_product('SKU-1', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.adjust_inventory('SKU-1', -1, 'cycle count');
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.adjust_inventory('SKU-1', NULL, 'cycle count');
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.adjust_inventory('SKU-1', 1, NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.adjust_inventory('SKU-1', 1, E' \t\n');
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product('', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product(NULL, 1);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product(repeat('x', 1007), 1);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.quantity_on_hand(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product('SKU-1', 1, NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product('SKU-1', 1, 'infinity');
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.receive_product('SKU-1', 9223372036854775807);
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.create_warehouse();
\echo :LAST_ERROR_SQLSTATE
SELECT warehouse.create_warehouse(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT sku, quantity_on_hand, version FROM warehouse.stock WHERE sku = 'SKU-1';

-- A second call is fine where it is expected.
SELECT warehouse.create_warehouse(if_not_exists => true);

-- Limits that hold.
SELECT warehouse.receive_product(repeat('x', 1006), 1);
SELECT warehouse.receive_product('SKU-big', 9223372036854775806);
SELECT warehouse.receive_product('SKU-big', 1);
SELECT warehouse.ship_product('SKU-big', 9223372036854775807);
SELECT warehouse.adjust_inventory('SKU-big', 9223372036854775807, 'a lot');
SELECT warehouse.receive_product('Ware ''"\–-ü 箱', 4);
SELECT sku, quantity_on_hand FROM warehouse.stock WHERE sku LIKE 'Ware%';

-- Appending a product's event without the warehouse's calls moves the stock.
SELECT version FROM event_store.append('warehouse_product-SKU-1', 'ProductReceived',
	'{"sku": "SKU-1", "quantity": 1e1, "date_time": "2026-02-05T00:00:00+00:00"}');
SELECT version FROM event_store.append_json('warehouse_product-SKU-3',
	'[{"type": "ProductReceived", "data": {"sku": "SKU-3", "quantity": 7.0}},
	  {"type": "ProductShipped", "data": {"sku": "SKU-3", "quantity": 3}},
	  {"type": "InventoryAdjusted", "data": {"sku": "SKU-3", "quantity": 9, "reason": "found 5"}}]');
SELECT sku, quantity_on_hand, version FROM warehouse.stock
 WHERE sku IN ('SKU-1', 'SKU-3') ORDER BY sku;

-- It must be an event that the product could have: 9 are on hand, not 10.
SELECT event_store.append('warehouse_product-SKU-3', 'ProductShipped',
	'{"sku": "SKU-3", "quantity": 10}');
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.append('warehouse_product-SKU-3', 'ProductLost',
	'{"sku": "SKU-3", "quantity": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.append('warehouse_product-SKU-3', 'ProductReceived',
	'{"sku": "SKU-3", "quantity": 1.5}');
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION pg_temp.refusal(type text, data jsonb, OUT code text, OUT detail text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM event_store.append('warehouse_product-SKU-3', type, data);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
END
$$;
SELECT e.type, e.data, r.code, r.detail
  FROM (VALUES ('ProductReceived', '{"sku": "SKU-3"}'::jsonb),
			   ('ProductReceived', '{"sku": "SKU-3", "quantity": "1"}'),
			   ('ProductReceived', '{"sku": "SKU-3", "quantity": null}'),
			   ('ProductReceived', '{"sku": "SKU-3", "quantity": 1e20}'),
			   ('ProductReceived', '{"sku": "SKU-3", "quantity": 9223372036854775808}'),
			   ('InventoryAdjusted', '{"sku": "SKU-3", "quantity": -9223372036854775809, "reason": "?"}'),
			   ('InventoryAdjusted', '{"sku": "SKU-3", "quantity": -9223372036854775808, "reason": "?"}'),
			   ('ProductReceived', '{"sku": "SKU-3", "quantity": 9223372036854775807}'),
			   ('ProductReceived', '{"sku": "SKU-3", "quantity": 0}'),
			   ('ProductShipped', '{"sku": "SKU-3", "quantity": -1}'),
			   ('ProductReceived', '{"sku": "SKU-33", "quantity": 1}'),
			   ('ProductReceived', '{"sku": 3, "quantity": 1}'),
			   ('ProductReceived', '{"quantity": 1}'),
			   ('ProductReceived', '[{"sku": "SKU-3", "quantity": 1}]'),
			   ('ProductReceived', '7'),
			   ('ProductReceived', 'null'),
			   ('InventoryAdjusted', '{"sku": "SKU-3", "quantity": 1}'),
			   ('InventoryAdjusted', '{"sku": "SKU-3", "quantity": 1, "reason": " "}'),
			   ('productreceived', '{"sku": "SKU-3", "quantity": 1}')) e(type, data),
	   LATERAL pg_temp.refusal(e.type, e.data) r;
SELECT warehouse.quantity_on_hand('SKU-3'), event_store.stream_version('warehouse_product-SKU-3');

-- A quantity is what it is worth, however many digits it is written with.
CREATE FUNCTION pg_temp.quantity_of(number text, OUT quantity bigint, OUT code text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM event_store.append('warehouse_product-number', 'InventoryAdjusted',
		format('{"sku": "number", "quantity": %s, "reason": "counted"}', number)::jsonb);
	quantity := warehouse.quantity_on_hand('number');
EXCEPTION WHEN OTHERS THEN
	code := SQLSTATE;
END
$$;
SELECT number, q.*
  FROM unnest(ARRAY['0', '0.000', '-0', '1', '9999', '9999.0000', '10000', '10001', '1e4',
					'99990000', '99999999', '99999999.5', '100000000', '2147483647', '2147483648', '9223372036854775807',
					'9223372036854775807.0', '0.5', '9999.5', '1e-4', '10000.0001', '-1', '-9999'])
	   WITH ORDINALITY n(number, i), LATERAL pg_temp.quantity_of(number) q
 ORDER BY i;

-- Streams that are no product's are nobody's business here.
SELECT version FROM event_store.append('warehouse_product', 'Opened', '{}');
SELECT version FROM event_store.append('warehouse_product-', 'Opened', '{}');
SELECT version FROM event_store.append('warehouse_products-SKU-1', 'Opened', '{}');
SELECT version FROM event_store.append('warehouse-SKU-1', 'Opened', '{}');

-- Several commands in one statement, and in one transaction with savepoints.
SELECT warehouse.receive_product('SKU-4', 2), warehouse.ship_product('SKU-4', 1),
	   warehouse.ship_product('SKU-4', 1);
SELECT warehouse.receive_product('SKU-4', n) FROM generate_series(1, 3) n;
BEGIN;
SELECT warehouse.ship_product('SKU-4', 6);
SAVEPOINT empty;
SELECT warehouse.ship_product('SKU-4', 1);
ROLLBACK TO empty;
SELECT warehouse.receive_product('SKU-4', 4);
SAVEPOINT four;
SELECT warehouse.receive_product('SKU-4', 100);
ROLLBACK TO four;
SELECT warehouse.ship_product('SKU-4', 1);
COMMIT;
SELECT sku, quantity_on_hand, version FROM warehouse.stock WHERE sku = 'SKU-4';
DO $$
DECLARE
	refused integer := 0;
BEGIN
	FOR i IN 1 .. 5 LOOP
		BEGIN
			PERFORM warehouse.ship_product('SKU-4', 1);
		EXCEPTION WHEN SQLSTATE 'WH001' THEN
			refused := refused + 1;
		END;
	END LOOP;
	RAISE NOTICE '% refused', refused;
END
$$;
SELECT sku, quantity_on_hand, version FROM warehouse.stock WHERE sku = 'SKU-4';
BEGIN;
SELECT warehouse.receive_product('SKU-4', 1000);
ROLLBACK;
SELECT warehouse.quantity_on_hand('SKU-4');

-- A row that the same statement, or its owner's column, has changed before.
ALTER TABLE warehouse.stock ADD COLUMN note text;
WITH noted AS (UPDATE warehouse.stock SET note = 'seen' WHERE sku = 'SKU-4' RETURNING sku)
SELECT warehouse.receive_product(sku, 1) > 0 AS received FROM noted;
SELECT note FROM warehouse.stock WHERE sku = 'SKU-4';
SELECT version FROM event_store.append_json('warehouse_product-SKU-note',
	'[{"type": "ProductReceived", "data": {"sku": "SKU-note", "quantity": 2}}, {"type": "ProductShipped", "data": {"sku": "SKU-note", "quantity": 1}}]');
SELECT quantity_on_hand, version FROM warehouse.stock WHERE sku = 'SKU-note';
ALTER TABLE warehouse.stock DROP COLUMN note;

-- An event that is damaged, a null where none can be, is an error and no crash.
SELECT warehouse.receive_product('SKU-null', 1);
ALTER TABLE event_store.events ALTER COLUMN type DROP NOT NULL;
SET session_replication_role = replica;
UPDATE event_store.events e SET type = NULL FROM event_store.streams s
 WHERE s.stream_id = e.stream_id AND s.stream = 'warehouse_product-SKU-null';
RESET session_replication_role;
UPDATE pg_attribute SET attnotnull = true WHERE attrelid = 'event_store.events'::regclass AND attname = 'type';
SELECT warehouse.quantity_on_hand('SKU-null');
\echo :LAST_ERROR_SQLSTATE
UPDATE pg_attribute SET attnotnull = false WHERE attrelid = 'event_store.events'::regclass AND attname = 'type';
SET session_replication_role = replica;
UPDATE event_store.events SET type = 'ProductReceived' WHERE type IS NULL;
RESET session_replication_role;
ALTER TABLE event_store.events ALTER COLUMN type SET NOT NULL;
SELECT warehouse.quantity_on_hand('SKU-null');

-- All of it: what the stock says is what the events say.
SELECT * FROM warehouse.check_stock();
SELECT warehouse.rebuild_stock() = (SELECT count(*) FROM warehouse.stock) AS all_products;
SELECT * FROM warehouse.check_stock();

-- The function that keeps the stock is for that trigger alone.
CREATE TABLE other (id integer);
CREATE TRIGGER other AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION warehouse.project_stock();
INSERT INTO other VALUES (1);
\echo :LAST_ERROR_SQLSTATE
DROP TABLE other;
CREATE TABLE other (id integer);
CREATE TRIGGER other BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION warehouse.project_stock();
INSERT INTO other VALUES (1);
\echo :LAST_ERROR_SQLSTATE
DROP TABLE other;
SELECT warehouse.project_stock();
