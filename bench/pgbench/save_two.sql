-- The product is loaded for update, so that the 16 do not conflict.
\set n random(1, :streams)
SELECT version FROM event_store.save(
	event_store.add_event(event_store.add_event(
		event_store.load('warehouse_product-save-' || :n, for_update => true),
		'ProductReceived', jsonb_build_object('sku', 'save-' || :n, 'quantity', 2)),
		'ProductShipped', jsonb_build_object('sku', 'save-' || :n, 'quantity', 1)));
