-- bench/sql/counted.sql
--
-- A handler in C that adds up the events' versions in its process and writes nothing:
-- what is measured is what a projection costs beside what its handler does.  counted()
-- is what the calling session has added up, and the projection "counted" of the mode
-- :mode has all events.

CREATE FUNCTION count_events(e event_store.event)
RETURNS void
LANGUAGE C VOLATILE STRICT
AS '$libdir/event_store_bench_uuidv7', 'event_store_bench_count_events';

CREATE FUNCTION counted()
RETURNS bigint
LANGUAGE C VOLATILE STRICT
AS '$libdir/event_store_bench_uuidv7', 'event_store_bench_counted';

-- There is nothing to empty.
CREATE FUNCTION empty_counted()
RETURNS void
LANGUAGE sql VOLATILE
AS '';

SELECT event_store.create_projection('counted', 'public.count_events', mode => :'mode', reset => 'public.empty_counted');
