-- What save_two stores, to streams of its own.
\set n random(1, :streams)
SELECT * FROM event_store.append_json('warehouse_product-append-' || :n,
	jsonb_build_array(
		jsonb_build_object('type', 'ProductReceived', 'data', jsonb_build_object('sku', 'append-' || :n, 'quantity', 2)),
		jsonb_build_object('type', 'ProductShipped', 'data', jsonb_build_object('sku', 'append-' || :n, 'quantity', 1))));
