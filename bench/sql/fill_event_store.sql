-- bench/sql/fill_event_store.sql
--
-- The same events in the store, by its calls.

BEGIN;
SELECT event_store.lock_store();
SELECT count(event_store.append('bench-' || n, 'ItemAdded', :'data'))
  FROM generate_series(1, :each) version, generate_series(1, :streams) n;
COMMIT;

VACUUM ANALYZE event_store.categories, event_store.streams, event_store.events;
