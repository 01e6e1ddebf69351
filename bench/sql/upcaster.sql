-- bench/sql/upcaster.sql
--
-- An upcaster in C that returns a copy of the data: what is measured is what upcasting
-- costs beside what the function does.

CREATE FUNCTION upcast(data jsonb) RETURNS jsonb
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS '$libdir/event_store_bench_uuidv7', 'event_store_bench_upcast';
SELECT event_store.create_upcaster('ItemAdded', 1, 'public.upcast');
