-- bench/sql/warehouse.sql
--
-- The warehouse, and in the schema "plain" the same rules on tables.  In both,
-- :skus products in each of :sets sets have been received ten times, and there is
-- plenty of each on hand.

CREATE EXTENSION event_store_warehouse CASCADE;
SELECT warehouse.create_warehouse();

CREATE SCHEMA plain;

CREATE TABLE plain.products (
	sku text PRIMARY KEY,
	quantity bigint NOT NULL);

-- The facts of the events.
CREATE TABLE plain.movements (
	movement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	sku text NOT NULL,
	type text NOT NULL,
	quantity bigint NOT NULL,
	date_time timestamptz NOT NULL);
CREATE INDEX ON plain.movements (sku, movement_id);

CREATE FUNCTION plain.receive_product(product text, received bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	on_hand bigint;
BEGIN
	IF received IS NULL OR received < 1 THEN
		RAISE EXCEPTION 'a quantity to receive must be 1 or more';
	END IF;
	INSERT INTO plain.products VALUES (product, received)
	ON CONFLICT (sku) DO UPDATE SET quantity = products.quantity + received
	RETURNING quantity INTO on_hand;
	INSERT INTO plain.movements (sku, type, quantity, date_time)
	VALUES (product, 'ProductReceived', received, clock_timestamp());
	RETURN on_hand;
END $$;

CREATE FUNCTION plain.ship_product(product text, shipped bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	on_hand bigint;
BEGIN
	IF shipped IS NULL OR shipped < 1 THEN
		RAISE EXCEPTION 'a quantity to ship must be 1 or more';
	END IF;
	SELECT quantity INTO on_hand FROM plain.products WHERE sku = product FOR UPDATE;
	IF NOT FOUND OR on_hand < shipped THEN
		RAISE EXCEPTION 'not enough of % on hand', product;
	END IF;
	UPDATE plain.products SET quantity = on_hand - shipped WHERE sku = product;
	INSERT INTO plain.movements (sku, type, quantity, date_time)
	VALUES (product, 'ProductShipped', shipped, clock_timestamp());
	RETURN on_hand - shipped;
END $$;

CREATE FUNCTION plain.quantity_on_hand(product text)
RETURNS bigint
LANGUAGE plpgsql STABLE
AS $$
BEGIN
	RETURN coalesce((SELECT quantity FROM plain.products WHERE sku = product), 0);
END $$;

BEGIN;
SELECT event_store.lock_store();
SELECT count(warehouse.receive_product(format('SKU-%s-%s', set, n), 100000)),
	   count(plain.receive_product(format('SKU-%s-%s', set, n), 100000))
  FROM generate_series(1, 10), generate_series(0, :sets - 1) set, generate_series(1, :skus) n;
COMMIT;

VACUUM ANALYZE event_store.categories, event_store.streams, event_store.events, warehouse.stock,
	plain.products, plain.movements;
