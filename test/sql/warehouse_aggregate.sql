--
-- Products as aggregates: the commands, the apply function, snapshots.
--
SELECT warehouse.create_warehouse(if_not_exists => true);
SELECT category, initial_state, apply, snapshot_every, state_version FROM event_store.aggregate_types;

-- Several commands, one save.
DO $$
DECLARE
	p event_store.aggregate := event_store.load('warehouse_product-AGG-1');
BEGIN
	RAISE NOTICE '% %', p, warehouse.quantity_on_hand(p);
	p := warehouse.receive_product(p, 10);
	p := warehouse.ship_product(p, 2, '2026-03-01');
	p := warehouse.adjust_inventory(p, 7, 'cycle count');
	RAISE NOTICE '% at %, % to be saved, % on hand', p.state, p.version, cardinality(p.uncommitted), warehouse.quantity_on_hand(p);
	RAISE NOTICE '% is stored', warehouse.quantity_on_hand('AGG-1');
	p := event_store.save(p);
	RAISE NOTICE '% at %, % to be saved', p.state, p.version, cardinality(p.uncommitted);
END $$;
SELECT version, type, data - 'date_time' AS data FROM event_store.read_stream('warehouse_product-AGG-1');
SELECT quantity_on_hand, version FROM warehouse.stock WHERE sku = 'AGG-1';

-- The rules.
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT warehouse.ship_product(event_store.load('warehouse_product-AGG-1'), 8)$$,
	$$SELECT warehouse.receive_product(event_store.load('warehouse_product-AGG-1'), 9223372036854775807)$$,
	$$SELECT warehouse.receive_product(event_store.load('warehouse_product-AGG-1'), 0)$$,
	$$SELECT warehouse.receive_product(event_store.load('warehouse_product-AGG-1'), NULL)$$,
	$$SELECT warehouse.receive_product(event_store.load('warehouse_product-AGG-1'), 1, NULL)$$,
	$$SELECT warehouse.adjust_inventory(event_store.load('warehouse_product-AGG-1'), 1, ' ')$$,
	$$SELECT warehouse.adjust_inventory(event_store.load('warehouse_product-AGG-1'), -1, 'x')$$,
	$$SELECT warehouse.ship_product(NULL::event_store.aggregate, 1)$$,
	$$SELECT warehouse.ship_product(ROW(NULL, '{}', 0, '{}')::event_store.aggregate, 1)$$,
	$$SELECT warehouse.ship_product(ROW('other-1', '{}', 0, '{}')::event_store.aggregate, 1)$$,
	$$SELECT warehouse.ship_product(ROW('warehouse_product-', '{}', 0, '{}')::event_store.aggregate, 1)$$,
	$$SELECT warehouse.ship_product(ROW('warehouse_product-A', NULL, 0, '{}')::event_store.aggregate, 1)$$,
	$$SELECT warehouse.ship_product(ROW('warehouse_product-A', '[]', 0, '{}')::event_store.aggregate, 1)$$,
	$$SELECT warehouse.ship_product(ROW('warehouse_product-A', '{"quantity_on_hand": 1.5}', 0, '{}')::event_store.aggregate, 1)$$,
	$$SELECT warehouse.ship_product(ROW('warehouse_product-A', '{"quantity_on_hand": -1}', 0, '{}')::event_store.aggregate, 1)$$,
	$$SELECT warehouse.quantity_on_hand(NULL::event_store.aggregate)$$]) q;

-- A state that was made up is found out when it is saved.
SELECT event_store.save(warehouse.ship_product(ROW('warehouse_product-AGG-1', '{"quantity_on_hand": 100}', 3, '{}')::event_store.aggregate, 50));

-- The apply function: in a plain aggregate, one event, nulls, and what is no
-- product's.
CREATE AGGREGATE regress_help.product_state(event_store.event) (SFUNC = warehouse.apply_product, STYPE = jsonb, INITCOND = '{"quantity_on_hand": 0}');
SELECT regress_help.product_state(e.* ORDER BY version) FROM event_store.read_stream('warehouse_product-AGG-1') e;
SELECT version, regress_help.product_state(e.*) OVER (ORDER BY version) FROM event_store.read_stream('warehouse_product-AGG-1') e;
SELECT regress_help.product_state(e.*) FROM event_store.read_stream('warehouse_product-none') e;
SELECT warehouse.apply_product('{"quantity_on_hand": 1, "more": 2}', e) FROM event_store.last_event('warehouse_product-AGG-1') e;
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT warehouse.apply_product(NULL, e) FROM event_store.last_event('warehouse_product-AGG-1') e$$,
	$$SELECT warehouse.apply_product('{"quantity_on_hand": 1}', NULL)$$,
	$$SELECT warehouse.apply_product('{}', e) FROM event_store.last_event('warehouse_product-AGG-1') e$$,
	$$SELECT warehouse.apply_product('{"quantity_on_hand": 1}', '(1,warehouse_product-A,1,Sold,1,{},,1,,,)')$$,
	$$SELECT warehouse.apply_product('{"quantity_on_hand": 1}', '(1,other-A,1,Sold,1,{},,1,,,)')$$,
	$$SELECT warehouse.apply_product('{"quantity_on_hand": 1}', '(1,,1,Sold,1,{},,1,,,)')$$,
	$$SELECT warehouse.apply_product('{"quantity_on_hand": 1}', '(1,warehouse_product-A,1,ProductShipped,"{""sku"": ""A"", ""quantity"": 2}",{},,1,,,)')$$]) q;

-- Snapshots: by the policy, by sku as well as by aggregate; a short stream has no use
-- for one.  Which was used shows in a state that is not what the events say.
SELECT count(warehouse.receive_product('AGG-2', 1)) FROM generate_series(1, 99);
SELECT count(*) FROM event_store.latest_snapshot('warehouse_product-AGG-2');
SELECT warehouse.receive_product('AGG-2', 1);
SELECT version, state FROM event_store.latest_snapshot('warehouse_product-AGG-2');
SELECT version, state FROM event_store.save(warehouse.receive_product(event_store.load('warehouse_product-AGG-2'), 1));
SELECT event_store.save_snapshot('warehouse_product-AGG-2', 101, '{"quantity_on_hand": 1000}');
SELECT warehouse.quantity_on_hand('AGG-2'), warehouse.quantity_on_hand('AGG-2', 'infinity') AS without,
	   warehouse.quantity_on_hand(event_store.load('warehouse_product-AGG-2')) AS aggregate,
	   warehouse.quantity_on_hand(event_store.load('warehouse_product-AGG-2', use_snapshot => false)) AS folded;
SELECT warehouse.ship_product('AGG-2', 500);
SELECT event_store.save_snapshot('warehouse_product-AGG-2', 101, '{"quantity_on_hand": 101}');
SELECT warehouse.ship_product('AGG-2', 1), warehouse.quantity_on_hand('AGG-2');
SELECT event_store.save_snapshot('warehouse_product-AGG-2', 102, '[]');
SELECT warehouse.quantity_on_hand('AGG-2');
SELECT warehouse.ship_product('AGG-2', 1);
DELETE FROM event_store.snapshots;
SELECT event_store.save_snapshot('warehouse_product-AGG-1', 3, '{"quantity_on_hand": 1000}');
SELECT warehouse.quantity_on_hand('AGG-1'), event_store.load('warehouse_product-AGG-1');
DELETE FROM event_store.snapshots;

-- Random histories: the commands by sku and by aggregate, with and without snapshots,
-- come to what a model says, and so does the stock.
SELECT event_store.create_aggregate_type('warehouse_product', '{"quantity_on_hand": 0}', 'warehouse.apply_product', snapshot_every => 10);
SELECT setseed(0.25);
DO $$
DECLARE
	model bigint[] := array_fill(0, ARRAY[3]);
	p event_store.aggregate;
	n int;
	quantity bigint;
BEGIN
	FOR i IN 1 .. 600 LOOP
		n := 1 + floor(random() * 3);
		quantity := 1 + floor(random() * 20);
		IF random() < 0.5 THEN
			CASE floor(random() * 3)
				WHEN 0 THEN
					model[n] := warehouse.receive_product('AGG-r' || n, quantity);
				WHEN 1 THEN
					IF quantity <= model[n] THEN
						model[n] := model[n] - quantity;
						ASSERT warehouse.ship_product('AGG-r' || n, quantity) = model[n];
					END IF;
				ELSE
					model[n] := warehouse.adjust_inventory('AGG-r' || n, quantity, 'count');
			END CASE;
		ELSE
			p := event_store.load('warehouse_product-AGG-r' || n, for_update => random() < 0.5, use_snapshot => random() < 0.8);
			FOR j IN 1 .. floor(random() * 4) LOOP
				p := warehouse.receive_product(p, quantity);
				p := warehouse.ship_product(p, 1);
				model[n] := model[n] + quantity - 1;
			END LOOP;
			ASSERT (p.state ->> 'quantity_on_hand')::bigint = model[n];
			p := event_store.save(p);
		END IF;
		IF random() < 0.1 AND event_store.stream_version('warehouse_product-AGG-r' || n) > 0 THEN
			PERFORM event_store.take_snapshot('warehouse_product-AGG-r' || n);
		END IF;
		ASSERT warehouse.quantity_on_hand('AGG-r' || n) = model[n];
		ASSERT event_store.load('warehouse_product-AGG-r' || n) = event_store.load('warehouse_product-AGG-r' || n, use_snapshot => false);
	END LOOP;
END $$;
SELECT s.sku, s.version > 100 AS long, s.quantity_on_hand = warehouse.quantity_on_hand(s.sku, 'infinity') AS same, n.version > 32 AS has_snapshot
  FROM warehouse.stock s, event_store.latest_snapshot('warehouse_product-' || s.sku) n WHERE s.sku LIKE 'AGG-r%' ORDER BY s.sku;
SELECT * FROM warehouse.check_stock();

-- A type of the owner's own making stays, and goes with the warehouse.
SELECT warehouse.create_warehouse(if_not_exists => true);
SELECT snapshot_every FROM event_store.aggregate_types WHERE category = 'warehouse_product';
SELECT warehouse.drop_warehouse();
SELECT count(*) FROM event_store.aggregate_types WHERE category = 'warehouse_product';
SELECT regress_help.run($$SELECT warehouse.ship_product(ROW('warehouse_product-AGG-1', '{"quantity_on_hand": 100}', 3, '{}')::event_store.aggregate, 1)$$);
SELECT warehouse.create_warehouse();
SELECT * FROM warehouse.check_stock();
SELECT warehouse.quantity_on_hand(event_store.load('warehouse_product-AGG-2'));


-- The state in memory goes through a function in PL/pgSQL, and through rows.
CREATE FUNCTION regress_help.wrapped(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF e.version % 3 = 0 THEN
		RETURN state;
	END IF;
	RETURN warehouse.apply_product(state, e);
END $$;
CREATE AGGREGATE regress_help.wrapped_state(event_store.event) (SFUNC = regress_help.wrapped, STYPE = jsonb, INITCOND = '{"quantity_on_hand": 0}');
SELECT event_store.create_aggregate_type('warehouse_product', '{"quantity_on_hand": 0}', 'regress_help.wrapped');
SELECT a.version, a.state, a.state = regress_help.wrapped_state(e ORDER BY e.version) AS same
  FROM event_store.load('warehouse_product-AGG-2') a, event_store.read_stream('warehouse_product-AGG-2') e GROUP BY 1, 2;
SELECT event_store.drop_aggregate_type('warehouse_product');
DROP AGGREGATE regress_help.wrapped_state(event_store.event);
DROP FUNCTION regress_help.wrapped;
SELECT warehouse.create_warehouse(if_not_exists => true);
ALTER FUNCTION warehouse.apply_product SET work_mem = '8MB';
SELECT version, state FROM event_store.load('warehouse_product-AGG-2', use_snapshot => false);
ALTER FUNCTION warehouse.apply_product RESET work_mem;
SELECT version, state FROM event_store.load('warehouse_product-AGG-2', use_snapshot => false);

-- The owner of the types need not be who makes the warehouse, but can execute the
-- function; when it no longer may, what can do without does.
CREATE ROLE regress_types;
ALTER TABLE event_store.aggregate_types OWNER TO regress_types;
SELECT warehouse.create_warehouse(if_not_exists => true);
SELECT version, state FROM event_store.load('warehouse_product-AGG-2');
REVOKE EXECUTE ON FUNCTION warehouse.apply_product FROM regress_types;
SELECT event_store.load('warehouse_product-AGG-2');
SELECT regress_help.run($$SELECT event_store.create_aggregate_type('warehouse_product', '{"quantity_on_hand": 0}', 'warehouse.apply_product')$$);
SELECT warehouse.quantity_on_hand('AGG-2'), warehouse.receive_product('AGG-2', 1);
DO $$ BEGIN EXECUTE format('ALTER TABLE event_store.aggregate_types OWNER TO %I', current_user); END $$;
DROP ROLE regress_types;

-- A fold can be cancelled.
ALTER TABLE event_store.events DISABLE TRIGGER warehouse_stock;
SELECT version FROM event_store.append_events('warehouse_product-AGG-3',
	(SELECT array_agg(event_store.new_event('ProductReceived', '{"sku": "AGG-3", "quantity": 1}')) FROM generate_series(1, 200000)));
ALTER TABLE event_store.events ENABLE TRIGGER warehouse_stock;
SET statement_timeout = '3ms';
SELECT version FROM event_store.load('warehouse_product-AGG-3', use_snapshot => false);
RESET statement_timeout;
SELECT version, state FROM event_store.load('warehouse_product-AGG-3', use_snapshot => false);
SELECT count(*) FROM warehouse.check_stock();
SELECT warehouse.rebuild_stock() > 0 AS rebuilt;
SELECT count(*) FROM warehouse.check_stock();
DROP AGGREGATE regress_help.product_state(event_store.event);
