--
-- append(): one event, with every expected version.
--
SELECT positions AS start FROM regress_help.stored() \gset

-- The first event makes the stream; positions count on over all streams.
SELECT version, global_position - :start AS place FROM event_store.append('append-1', 'Opened', '{"n": 1}');
SELECT version, global_position - :start AS place FROM event_store.append('append-1', 'Changed', '{"n": 2}');
SELECT version, global_position - :start AS place FROM event_store.append('append-2', 'Opened', '{"n": 3}');
SELECT version, global_position - :start AS place
  FROM event_store.append(stream => 'append-1', type => 'Changed', data => '[1, "two", null, {"three": 3}]',
						  expected_version => event_store.any_version(), metadata => '{"why": "a test"}',
						  event_id => 'a0000000-0000-4000-8000-000000000001', schema_version => 7);
SELECT global_position - :start AS place, stream, version, type, data, metadata - '$user' - '$application' AS metadata,
	   schema_version, hash
  FROM event_store.all_events WHERE stream LIKE 'append-%' ORDER BY global_position;

-- Ids that the store makes are UUIDv7 and ascend with the positions.
SELECT count(*) AS made,
	   bool_and(event_id::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$') AS version_7,
	   bool_and(abs(extract(epoch FROM recorded_at) * 1000 -
					('x0000' || substr(replace(event_id::text, '-', ''), 1, 12))::bit(64)::bigint) < 60000) AS of_their_time,
	   array_agg(event_id ORDER BY global_position) = array_agg(event_id ORDER BY event_id) AS ascend
  FROM event_store.all_events
 WHERE stream LIKE 'append-%' AND event_id <> 'a0000000-0000-4000-8000-000000000001';
SELECT event_id FROM event_store.last_event('append-1');

-- recorded_at is the time of the append, not of the transaction, and a
-- stream's and a category's rows are made with their first event.
BEGIN;
SELECT version FROM event_store.append('append_time-1', 'T', '{}');
SELECT version FROM event_store.append('append_time-1', 'T', '{}');
SELECT bool_and(recorded_at >= now()) AS after_begin, bool_and(recorded_at <= clock_timestamp()) AS not_later,
	   array_agg(recorded_at ORDER BY version) = array_agg(recorded_at ORDER BY recorded_at) AS ascend
  FROM event_store.read_stream('append_time-1');
SELECT s.created_at = e.recorded_at AS same_time, s.stream_id = e.global_position AS same_id,
	   s.base_version, c.category, c.category_id = s.stream_id AS same_category_id,
	   e.category_id = s.category_id AS events_category
  FROM event_store.streams s
  JOIN event_store.events e ON e.stream_id = s.stream_id AND e.version = 1
  JOIN event_store.categories c ON c.category_id = s.category_id
 WHERE s.stream = 'append_time-1';
COMMIT;

-- Expected versions that hold.
SELECT version FROM event_store.append('append_expected-1', 'T', '{}', event_store.no_stream());
SELECT version FROM event_store.append('append_expected-1', 'T', '{}', 1);
SELECT version FROM event_store.append('append_expected-1', 'T', '{}', expected_version => 2);
SELECT version FROM event_store.append('append_expected-1', 'T', '{}', event_store.stream_exists());
SELECT version FROM event_store.append('append_expected-1', 'T', '{}', event_store.any_version());
SELECT version FROM event_store.append('append_expected-2', 'T', '{}', event_store.any_version());
SELECT version FROM event_store.append('append_expected-3', 'T', '{}', 0);

-- Those that do not: the detail is part of the API, and nothing is stored or
-- drawn from the sequence.
SELECT version FROM event_store.append('append_expected-1', 'T', '{}', 4);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM event_store.append('append_expected-none', 'T', '{}', event_store.stream_exists());
\echo :LAST_ERROR_SQLSTATE
\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT event_store.append('append_expected-1', 'T', '{}', 0)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-1', 'T', '{}', 6)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-1', 'T', '{}', 9223372036854775807)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-none', 'T', '{}', 1)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-none', 'T', '{}', -4)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-none', 'T', '{}', 5, event_id => 'a0000000-0000-4000-8000-0000000000ff')$$);
SELECT regress_help.refused($$SELECT event_store.append('append "quoted"-1', 'T', '{}', 1)$$);

-- What is no expected version is refused: a missing value is not "any".
SELECT regress_help.refused($$SELECT event_store.append('append_expected-1', 'T', '{}', NULL)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-1', 'T', '{}', -1)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-1', 'T', '{}', -3)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-1', 'T', '{}', -5)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-1', 'T', '{}', -9223372036854775808)$$);
SELECT regress_help.refused($$SELECT event_store.append('append_expected-none', 'T', '{}', -1)$$);

-- The other arguments.
SELECT regress_help.refused($$SELECT event_store.append(NULL, 'T', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append('', 'T', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append('-', 'T', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append('-1', 'T', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', NULL, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', '', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', NULL)$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', 'null')$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', '{}', metadata => 'null')$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', '{}', schema_version => 0)$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', '{}', schema_version => -1)$$);

-- Wrong types are PostgreSQL's errors.
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', 'not json')$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', '{}', event_id => 'not a uuid')$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', '{}', 'three')$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T', '{}', 99999999999999999999)$$);
SELECT regress_help.refused($$SELECT event_store.append('append-bad', 'T')$$);
\pset tuples_only off
\pset format aligned

-- NULL for what has a default, and data that is no object.
SELECT version FROM event_store.append('append_odd-1', 'T', '{}', metadata => NULL, event_id => NULL, schema_version => NULL);
SELECT version FROM event_store.append('append_odd-1', 'T', '"text"');
SELECT version FROM event_store.append('append_odd-1', 'T', '17');
SELECT version FROM event_store.append('append_odd-1', 'T', 'false');
SELECT version FROM event_store.append('append_odd-1', 'T', '[]');
SELECT version FROM event_store.append('append_odd-1', 'T', '[null]');
SELECT version FROM event_store.append('append_odd-1', 'T', '{"": "", "$key": null}');
SELECT version, data, schema_version FROM event_store.read_stream('append_odd-1');

-- A stream without a dash is its category; one may end in a dash.
SELECT version FROM event_store.append('append_alone', 'T', '{}');
SELECT version FROM event_store.append('append_alone-', 'T', '{}');
SELECT version FROM event_store.append('append_alone--', 'T', '{}');
SELECT s.stream, c.category
  FROM event_store.streams s JOIN event_store.categories c USING (category_id)
 WHERE s.stream LIKE 'append\_alone%' ORDER BY s.stream;

-- Several appends in one statement see each other.
SELECT (event_store.append('append_many-1', 'A', '1')).version AS a,
	   (event_store.append('append_many-1', 'B', '2')).version AS b,
	   (event_store.append('append_many-1', 'C', '3', 2)).version AS c;
SELECT array_agg(version ORDER BY version) AS versions
  FROM (SELECT (event_store.append('append_many-2', 'T', to_jsonb(n), n - 1)).version
		  FROM generate_series(1, 10) n) appended;
WITH first AS (
	SELECT * FROM event_store.append('append_many-3', 'First', '{}', 0)
), second AS (
	SELECT a.* FROM first, LATERAL event_store.append('append_many-3', 'Second', '{}', first.version) a
)
SELECT first.version AS first, second.version AS second, second.global_position - first.global_position AS apart
  FROM first, second;
SELECT n, a.version
  FROM (VALUES ('append_many-4', 1), ('append_many-5', 2), ('append_many-4', 3)) v(stream, n),
	   LATERAL event_store.append(v.stream, 'T', to_jsonb(n)) a
 ORDER BY n;
-- one that fails takes the whole statement with it
SELECT (event_store.append('append_many-6', 'A', '1', 0)).version,
	   (event_store.append('append_many-6', 'B', '2', 0)).version;
SELECT event_store.stream_version('append_many-6');

-- Prepared statements, also with a generic plan.
PREPARE prepared_append(text, jsonb, bigint) AS
	SELECT version FROM event_store.append($1, 'T', $2, $3);
SET plan_cache_mode = force_generic_plan;
EXECUTE prepared_append('append_prepared-1', '{"n": 1}', 0);
EXECUTE prepared_append('append_prepared-1', '{"n": 2}', 1);
EXECUTE prepared_append('append_prepared-1', '{"n": 3}', 1);
RESET plan_cache_mode;
DEALLOCATE prepared_append;

-- In a DO block, with an exception caught.
DO $$
DECLARE
	r event_store.append_result;
BEGIN
	r := event_store.append('append_block-1', 'First', '{}', 0);
	RAISE NOTICE 'version %', r.version;
	BEGIN
		r := event_store.append('append_block-1', 'Second', '{}', r.version);
		RAISE NOTICE 'version %', r.version;
		PERFORM event_store.append('append_block-1', 'Third', '{}', 1);
	EXCEPTION WHEN SQLSTATE 'ST001' THEN
		RAISE NOTICE '% %', SQLSTATE, SQLERRM;
	END;
	RAISE NOTICE 'back at %', event_store.stream_version('append_block-1');
	r := event_store.append('append_block-1', 'Instead', '{}', 1);
	RAISE NOTICE 'version %', r.version;
END
$$;
SELECT version, type FROM event_store.read_stream('append_block-1');

-- From a trigger of another table, row by row.
CREATE TABLE regress_append_orders (id int PRIMARY KEY, state text);
CREATE FUNCTION regress_append_orders() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM event_store.append('append_order-' || NEW.id, 'Order' || NEW.state, to_jsonb(NEW));
	RETURN NEW;
END
$$;
CREATE TRIGGER append_event AFTER INSERT OR UPDATE ON regress_append_orders
	FOR EACH ROW EXECUTE FUNCTION regress_append_orders();
INSERT INTO regress_append_orders VALUES (1, 'Placed'), (2, 'Placed');
UPDATE regress_append_orders SET state = 'Paid' WHERE id = 1;
INSERT INTO regress_append_orders VALUES (3, '') ON CONFLICT DO NOTHING;
INSERT INTO regress_append_orders VALUES (4, repeat('x', 255));
SELECT stream, version, type, data FROM event_store.all_events
 WHERE stream LIKE 'append\_order-%' ORDER BY stream, version;
DROP TABLE regress_append_orders;
DROP FUNCTION regress_append_orders;

-- Rollback and savepoints.
BEGIN;
SELECT version FROM event_store.append('append_savepoint-1', 'Kept', '{}', 0);
SAVEPOINT s;
SELECT version FROM event_store.append('append_savepoint-1', 'Gone', '{}', 1);
SELECT version FROM event_store.append('append_savepoint-2', 'Gone', '{}', 0);
ROLLBACK TO SAVEPOINT s;
SELECT event_store.stream_version('append_savepoint-1'), event_store.stream_version('append_savepoint-2');
SELECT version FROM event_store.append('append_savepoint-1', 'Conflict', '{}', 2);
ROLLBACK TO SAVEPOINT s;
SELECT version FROM event_store.append('append_savepoint-1', 'Kept', '{}', 1);
RELEASE SAVEPOINT s;
SELECT version FROM event_store.append('append_savepoint-2', 'Kept', '{}', 0);
COMMIT;
BEGIN;
SELECT version FROM event_store.append('append_savepoint-1', 'Gone', '{}', 2);
SELECT version FROM event_store.append('append_savepoint-3', 'Gone', '{}', 0);
ROLLBACK;
SELECT stream, version, type FROM event_store.read_category('append_savepoint');
SELECT count(*) FROM event_store.streams WHERE stream = 'append_savepoint-3';

-- A cursor appends while it is fetched from; a FETCH that fails in a savepoint
-- takes neither the earlier FETCH's event with it, nor what protects it: the
-- lock of the stream and the in-flight mark.
BEGIN;
DECLARE c CURSOR FOR
	SELECT n, (event_store.append('append_cursor-1', 'T', to_jsonb(10 / (3 - n)))).version
	  FROM generate_series(1, 5) n;
FETCH 2 FROM c;
SAVEPOINT s;
FETCH 1 FROM c;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO SAVEPOINT s;
SELECT count(*) FILTER (WHERE objsubid = 17747) > 0 AS stream_lock,
	   count(*) FILTER (WHERE objsubid = 17748) AS marks
  FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT count(*) FROM event_store.in_flight WHERE pid = pg_backend_pid();
SELECT version FROM event_store.append('append_cursor-1', 'T', '"after"', 2);
COMMIT;
SELECT version, data FROM event_store.read_stream('append_cursor-1');

-- A cursor loop with an exception block around each append.
DO $$
DECLARE
	e record;
BEGIN
	FOR e IN SELECT n FROM generate_series(1, 4) n
	LOOP
		BEGIN
			PERFORM event_store.append('append_loop-1', 'T', to_jsonb(e.n), CASE WHEN e.n = 2 THEN 0 ELSE -2 END);
		EXCEPTION WHEN SQLSTATE 'ST001' THEN
			RAISE NOTICE 'event %: %', e.n, SQLERRM;
		END;
	END LOOP;
END
$$;
SELECT version, data FROM event_store.read_stream('append_loop-1');

-- COMMIT and ROLLBACK in a procedure, and a cursor held over them.
CREATE PROCEDURE regress_append()
LANGUAGE plpgsql AS $$
DECLARE
	e record;
BEGIN
	FOR e IN SELECT n FROM generate_series(1, 4) n
	LOOP
		PERFORM event_store.append('append_procedure-1', 'T', to_jsonb(e.n));
		IF e.n % 2 = 0 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
	END LOOP;
END
$$;
CALL regress_append();
DROP PROCEDURE regress_append;
SELECT version, data FROM event_store.read_stream('append_procedure-1');

-- Not in a read-only transaction.
BEGIN READ ONLY;
SELECT event_store.append('append_readonly-1', 'T', '{}');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SET default_transaction_read_only = on;
SELECT event_store.append_json('append_readonly-1', '[{"type": "T", "data": {}}]');
\echo :LAST_ERROR_SQLSTATE
RESET default_transaction_read_only;
SELECT event_store.stream_version('append_readonly-1');

-- At every isolation level; own appends are no concurrent ones.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT event_store.stream_version('append_isolation-1');
SELECT version FROM event_store.append('append_isolation-1', 'T', '{}', 0);
SELECT version FROM event_store.append('append_isolation-1', 'T', '{}', 1);
SELECT event_store.stream_version('append_isolation-1');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT version FROM event_store.append('append_isolation-1', 'T', '{}', 2);
SAVEPOINT s;
SELECT version FROM event_store.append('append_isolation-1', 'T', '{}', 3);
ROLLBACK TO SAVEPOINT s;
SELECT version FROM event_store.append('append_isolation-1', 'T', '{}', event_store.stream_exists());
COMMIT;
SELECT array_agg(version ORDER BY version) FROM event_store.read_stream('append_isolation-1');

-- Every stream of these tests has the versions 1, 2, 3 ...
SELECT stream, array_agg(version ORDER BY version) AS versions
  FROM event_store.all_events
 WHERE stream LIKE 'append%'
 GROUP BY stream
HAVING min(version) <> 1 OR max(version) <> count(*) OR count(DISTINCT version) <> count(*);
