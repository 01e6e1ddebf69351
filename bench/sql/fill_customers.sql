-- bench/sql/fill_customers.sql
--
-- :streams streams of :each events in the store, by its calls.  They are of a thousand
-- customers in turn, and at different prices.

BEGIN;
SELECT event_store.lock_store();
SELECT count(event_store.append_events('bench-' || n,
			 (SELECT array_agg(event_store.new_event('ItemAdded',
						:'data'::jsonb || jsonb_build_object('customer', 'C-' || i % 1000,
															 'price', (i % 9973 / 100.0)::numeric(9, 2)::text))
						ORDER BY i)
				FROM generate_series((n - 1) * :each + 1, n * :each) i)))
  FROM generate_series(1, :streams) n;
COMMIT;

VACUUM ANALYZE event_store.categories, event_store.streams, event_store.events;
