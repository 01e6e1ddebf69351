-- bench/sql/new_id.sql
--
-- new_id() makes ids of the kind :ids, uuidv7 or uuidv4, in the schema that
-- search_path names first.  It is the function itself, so that neither kind costs a
-- call more.

SELECT :'ids' = 'uuidv7' AS v7 \gset
\if :v7
CREATE FUNCTION new_id() RETURNS uuid
LANGUAGE C VOLATILE PARALLEL SAFE
AS '$libdir/event_store_bench_uuidv7', 'event_store_bench_uuidv7';
\else
CREATE FUNCTION new_id() RETURNS uuid
LANGUAGE internal VOLATILE PARALLEL SAFE
AS 'gen_random_uuid';
\endif
