-- bench/sql/aggregates.sql
--
-- Streams of products and of counters: one of :long events with a snapshot every
-- 1,000 events, the last 50 events back, a short one of 50, and of each kind one of
-- :fold events.

CREATE EXTENSION event_store_warehouse;

-- Without the warehouse, whose trigger would be in the way of filling the streams.
SELECT event_store.create_aggregate_type('warehouse_product', '{"quantity_on_hand": 0}', 'warehouse.apply_product',
										 snapshot_every => 10);

CREATE FUNCTION apply_counter(state jsonb, e event_store.event)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
	RETURN jsonb_build_object('quantity_on_hand',
		(state ->> 'quantity_on_hand')::bigint + (e.data ->> 'quantity')::bigint);
END $$;
SELECT event_store.create_aggregate_type('counter', '{"quantity_on_hand": 0}', 'public.apply_counter');
CREATE AGGREGATE counter (event_store.event)
	(SFUNC = apply_counter, STYPE = jsonb, INITCOND = '{"quantity_on_hand": 0}');

-- What one would write for products without aggregates.
CREATE FUNCTION fold_loop(product text)
RETURNS bigint
LANGUAGE plpgsql STABLE
AS $$
DECLARE
	on_hand bigint := 0;
	e record;
BEGIN
	FOR e IN SELECT type, (data ->> 'quantity')::bigint AS quantity FROM event_store.read_stream(product) LOOP
		IF e.type = 'ProductReceived' THEN
			on_hand := on_hand + e.quantity;
		ELSIF e.type = 'ProductShipped' THEN
			on_hand := on_hand - e.quantity;
		ELSE
			on_hand := e.quantity;
		END IF;
	END LOOP;
	RETURN on_hand;
END $$;

-- Received and shipped in turn, in batches of a thousand.
CREATE PROCEDURE fill(prefix text, id text, events bigint, snapshots boolean DEFAULT false)
LANGUAGE plpgsql
AS $$
BEGIN
	FOR batch IN 0 .. (events - 1) / 1000 LOOP
		PERFORM event_store.append_events(prefix || '-' || id,
			(SELECT array_agg(event_store.new_event(CASE n % 2 WHEN 1 THEN 'ProductReceived' ELSE 'ProductShipped' END,
						jsonb_build_object('sku', id, 'quantity', 1 + n % 2, 'date_time', '2026-03-01T12:00:00+00:00')) ORDER BY n)
			   FROM generate_series(1 + batch * 1000, least((batch + 1) * 1000, events)) n));
		IF snapshots THEN
			PERFORM event_store.take_snapshot(prefix || '-' || id);
		END IF;
		COMMIT;
	END LOOP;
END $$;
SET event_store.snapshots_kept = 1000000;
CALL fill('warehouse_product', 'long', :long - 50, snapshots => true);
CALL fill('warehouse_product', 'long', 50);
CALL fill('warehouse_product', 'short', 50);
CALL fill('warehouse_product', 'fold', :fold);
CALL fill('counter', 'fold', :fold);

-- In the middle of the long stream, 50 events after a snapshot, too.
CREATE TABLE moment AS
SELECT version, recorded_at, global_position FROM event_store.read_stream('warehouse_product-long', :long / 2 + 50, 1);
DO $$
BEGIN
	ASSERT (SELECT version FROM event_store.latest_snapshot('warehouse_product-long', max_version => (SELECT version FROM moment))) = (SELECT version - 50 FROM moment);
	ASSERT (SELECT version FROM event_store.latest_snapshot('warehouse_product-long')) = event_store.stream_version('warehouse_product-long') - 50;
	ASSERT NOT EXISTS (SELECT FROM event_store.latest_snapshot('warehouse_product-short'));
	ASSERT (SELECT (state ->> 'quantity_on_hand')::bigint FROM event_store.load('warehouse_product-fold')) = fold_loop('warehouse_product-fold');
END $$;
VACUUM ANALYZE event_store.events, event_store.streams, event_store.snapshots;
