--
-- Uninstalling: the store stands in the way until it is dropped, and nothing
-- is left behind.
--
SELECT event_store.stream_version('warehouse_product-SKU-1') >= 0 AS there;
\set VERBOSITY terse
DROP EXTENSION event_store;
\echo :LAST_ERROR_SQLSTATE
DROP EXTENSION event_store_warehouse;
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
SELECT warehouse.drop_warehouse();
DROP EXTENSION event_store_warehouse;
\set VERBOSITY terse
DROP EXTENSION event_store;
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY default
DO $$
BEGIN
	PERFORM event_store.append('uninstall-1', 'T', '{}');
END
$$;
SELECT event_store.drop_store();
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.drop_store(with_events => true);
DROP EXTENSION event_store;

SELECT extname FROM pg_extension WHERE extname LIKE 'event%';
SELECT nspname FROM pg_namespace WHERE nspname IN ('event_store', 'warehouse');
SELECT proname FROM pg_proc WHERE probin LIKE '%event\_store%';
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (17747, 17748) AND pid = pg_backend_pid();
SET client_min_messages = warning;
DROP SCHEMA regress_help CASCADE;
