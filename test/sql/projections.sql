--
-- Projections that are run by hand: the registry, runs, failures, parked events,
-- rebuilding, status, waiting.  Inline ones and workers have tests of their own.
--
CREATE SCHEMA regress_proj;
CREATE TABLE regress_proj.seen (n bigint GENERATED ALWAYS AS IDENTITY, by text, stream text, version bigint, type text, data jsonb);
CREATE FUNCTION regress_proj.one(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF e.data ? 'fail' THEN
		RAISE 'event % is bad', e.version USING ERRCODE = 'ZZ001', DETAIL = 'Really.';
	END IF;
	INSERT INTO regress_proj.seen (by, stream, version, type, data) VALUES ('one', e.stream, e.version, e.type, e.data);
END$$;
CREATE TABLE regress_proj.calls (n bigint GENERATED ALWAYS AS IDENTITY, events integer);
CREATE TABLE regress_proj.totals (stream text COLLATE "C" PRIMARY KEY, events bigint, amount numeric);
CREATE FUNCTION regress_proj.many(batch event_store.event[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO regress_proj.calls (events) VALUES (cardinality(batch));
	INSERT INTO regress_proj.totals AS t
		SELECT e.stream, count(*), sum((e.data ->> 'amount')::numeric) FROM unnest(batch) e GROUP BY e.stream
		ON CONFLICT (stream) DO UPDATE SET events = t.events + EXCLUDED.events, amount = t.amount + EXCLUDED.amount;
$$;
CREATE FUNCTION regress_proj.returns_int(e event_store.event) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION regress_proj.takes_text(e text) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION regress_proj.twice(e event_store.event) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION regress_proj.twice(e event_store.event[]) RETURNS void LANGUAGE sql AS '';
CREATE PROCEDURE regress_proj.a_procedure(e event_store.event) LANGUAGE sql AS '';
CREATE VIEW regress_proj.status AS
	SELECT projection, generation, is_current, mode, state, lag_events, handled, attempts, parked, error_code, error_message,
		   retry_at > moved_at AS retries_later, rebuild_left, error_position IS NOT NULL AS has_position
	  FROM event_store.projection_status WHERE projection LIKE 'p %';

-- What cannot be a projection.
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.create_projection(NULL, 'regress_proj.one')$$,
	$$SELECT event_store.create_projection('', 'regress_proj.one')$$,
	$$SELECT event_store.create_projection(repeat('x', 256), 'regress_proj.one')$$,
	$$SELECT event_store.create_projection('p', NULL)$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.none')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.returns_int')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.takes_text(text)')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.twice')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.a_procedure')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', mode => 'manual')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', mode => NULL)$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', categories => ARRAY['a', NULL])$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', categories => ARRAY['a-b'])$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', types => ARRAY[''])$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', reset => 'regress_proj.none')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', on_error => 'skip')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', max_attempts => 0)$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', max_attempts => NULL)$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', retry_delay => '-1 s')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', retry_delay => '1 month')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', retry_delay => '1 day 00:00:01')$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', start_position => -1)$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', if_not_exists => NULL)$$,
	$$SELECT event_store.create_projection('p', 'regress_proj.one', replace => NULL)$$,
	$$SELECT event_store.run_projections('p')$$,
	$$SELECT event_store.run_projections(max_events => -1)$$,
	$$SELECT event_store.pause_projection('p')$$,
	$$SELECT event_store.resume_projection('p')$$,
	$$SELECT event_store.drop_projection('p')$$,
	$$SELECT event_store.drop_projection(NULL)$$,
	$$SELECT event_store.rebuild_projection('p')$$,
	$$SELECT event_store.retry_parked('p')$$,
	$$SELECT event_store.projection_generation('p')$$,
	$$CALL event_store.wait_for_projection('p', 0)$$]) q;
-- Positions in messages depend on what other tests have appended.
\set VERBOSITY sqlstate
SET client_min_messages = error;
SELECT event_store.create_projection('p', 'regress_proj.one', start_position => 9223372036854775807);
\set VERBOSITY default
SET client_min_messages = notice;
SELECT event_store.drop_projection('p', if_exists => true);
SET client_min_messages = error;
SELECT event_store.run_projections();
SELECT * FROM regress_proj.status;

-- Events of the categories, and types, that it is for, in order, each once.
SELECT count(*) FROM event_store.append_json('proj-a', '[{"type": "Added", "data": {"amount": 1}}, {"type": "Taken", "data": {"amount": 2}}, {"type": "Added", "data": {"amount": 3}}]');
SELECT count(*) FROM event_store.append('proj_other-a', 'Added', '{"amount": 100}');
SELECT event_store.create_projection('p one', 'regress_proj.one', categories => ARRAY['proj']);
SELECT event_store.create_projection('p many', 'regress_proj.many', categories => ARRAY['proj_other', 'proj', 'proj_none'], types => ARRAY['Added', 'Never']);
SELECT projection, mode, handler, reset, categories, types, on_error, max_attempts, retry_delay, start_position, generation, paused FROM event_store.projections WHERE projection LIKE 'p %' ORDER BY projection;
SELECT event_store.run_projections('p one', 0), event_store.run_projections('p one', 2);
SELECT by, stream, version, type FROM regress_proj.seen ORDER BY n;
SELECT * FROM regress_proj.status ORDER BY projection;
SELECT event_store.run_projections();
SELECT event_store.run_projections();
SELECT by, stream, version, type FROM regress_proj.seen ORDER BY n;
SELECT * FROM regress_proj.totals ORDER BY stream;
SELECT events FROM regress_proj.calls ORDER BY n;
SELECT * FROM regress_proj.status ORDER BY projection;
SELECT checkpoint = event_store.safe_position() AS at_the_head FROM event_store.projection_status WHERE projection LIKE 'p %' ORDER BY projection;

-- The checkpoint and what the handler wrote go together.
SELECT count(*) FROM event_store.append('proj-a', 'Added', '{"amount": 4}');
BEGIN;
SELECT event_store.run_projections('p one');
SAVEPOINT s;
SELECT count(*) FROM event_store.append('proj-a', 'Added', '{"amount": 5}');
SELECT event_store.run_projections('p one');
ROLLBACK TO s;
SELECT count(*) FROM event_store.append('proj-a', 'Added', '{"amount": 6}');
SELECT event_store.run_projections('p one');
SELECT data FROM regress_proj.seen WHERE version > 3 ORDER BY n;
ROLLBACK;
SELECT event_store.run_projections('p one');
SELECT data FROM regress_proj.seen WHERE version > 3 ORDER BY n;
SELECT event_store.run_projections('p many');

-- An event that fails: what came before it stays, and it is tried again.
SELECT count(*) FROM event_store.append_json('proj-b', '[{"type": "Added", "data": {"amount": 1}}, {"type": "Added", "data": {"amount": 2}}, {"type": "Added", "data": {"fail": 1}}, {"type": "Added", "data": {"amount": 4}}]');
SELECT event_store.create_projection('p one', 'regress_proj.one', categories => ARRAY['proj'], max_attempts => 3, replace => true);
SELECT event_store.run_projections('p one');
SELECT stream, version FROM regress_proj.seen WHERE stream = 'proj-b' ORDER BY n;
SELECT * FROM regress_proj.status WHERE projection = 'p one';
SELECT event_store.run_projections('p one');
SELECT state, attempts FROM regress_proj.status WHERE projection = 'p one';
SELECT event_store.run_projections('p one');
SELECT * FROM regress_proj.status WHERE projection = 'p one';
SET client_min_messages = notice;
SELECT event_store.run_projections('p one');
SET client_min_messages = error;

-- It goes on with resume_projection(), and then parks.
SELECT event_store.resume_projection('p one');
SELECT state, attempts FROM regress_proj.status WHERE projection = 'p one';
SELECT event_store.create_projection('p one', 'regress_proj.one', categories => ARRAY['proj'], max_attempts => 1, on_error => 'park', replace => true);
SELECT event_store.run_projections('p one');
SELECT * FROM regress_proj.status WHERE projection = 'p one';
SELECT event_store.run_projections('p one');
SELECT stream, version FROM regress_proj.seen WHERE stream = 'proj-b' ORDER BY n;
SELECT p.projection, p.generation, e.stream, e.version, p.attempts, p.error_code, p.error_message
  FROM event_store.projection_parked_events p JOIN event_store.all_events e USING (global_position);
SELECT event_store.retry_parked('p one');
SELECT attempts FROM event_store.projection_parked_events;
CREATE OR REPLACE FUNCTION regress_proj.one(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO regress_proj.seen (by, stream, version, type, data) VALUES ('new', e.stream, e.version, e.type, e.data);
END$$;
SELECT event_store.retry_parked('p one', 1);
SELECT event_store.retry_parked('p one', (SELECT global_position FROM event_store.projection_parked_events));
SELECT event_store.retry_parked('p one');
SELECT by, stream, version FROM regress_proj.seen WHERE stream = 'proj-b' ORDER BY n;
SELECT parked FROM regress_proj.status WHERE projection = 'p one';

-- Of a batch the event is found that fails.
SELECT count(*) FROM event_store.append_json('proj-c', (SELECT jsonb_agg(jsonb_build_object('type', 'Added', 'data', jsonb_build_object('amount', CASE i WHEN 37 THEN 'none' ELSE i::text END))) FROM generate_series(1, 100) i));
SELECT event_store.run_projections('p many');
SELECT * FROM regress_proj.totals WHERE stream = 'proj-c';
SELECT state, error_code, error_message FROM regress_proj.status WHERE projection = 'p many';
SELECT e.stream, e.version FROM event_store.projection_status s JOIN event_store.all_events e ON e.global_position = s.error_position WHERE s.projection = 'p many';
SELECT event_store.create_projection('p many', 'regress_proj.many', categories => ARRAY['proj_other', 'proj'], types => ARRAY['Added'], on_error => 'park', max_attempts => 1, replace => true);
SELECT event_store.run_projections('p many');
SELECT event_store.run_projections('p many');
SELECT * FROM regress_proj.totals WHERE stream = 'proj-c';

-- Pausing.
SELECT event_store.pause_projection('p many'), event_store.pause_projection('p many');
SELECT count(*) FROM event_store.append('proj-d', 'Added', '{"amount": 1}');
SET client_min_messages = notice;
SELECT event_store.run_projections('p many');
SET client_min_messages = error;
SELECT state, lag_events FROM regress_proj.status WHERE projection = 'p many';
SELECT event_store.resume_projection('p many'), event_store.resume_projection('p many');
SELECT event_store.run_projections('p many');

-- A name that is taken.
SELECT event_store.create_projection('p many', 'regress_proj.one');
\echo :LAST_ERROR_SQLSTATE
SET client_min_messages = notice;
SELECT event_store.create_projection('p many', 'regress_proj.one', if_not_exists => true);
SET client_min_messages = error;
SELECT handler FROM event_store.projections WHERE projection = 'p many';

-- From some position on.
SELECT event_store.create_projection('p later', 'regress_proj.twice(event_store.event)', start_position => event_store.safe_position());
SELECT event_store.run_projections('p later');
SELECT count(*) FROM event_store.append('proj_other-a', 'Added', '{"amount": 100}');
SELECT event_store.run_projections('p later');
SELECT event_store.drop_projection('p later');

-- A handler that is gone, or not what it was.
ALTER FUNCTION regress_proj.one(event_store.event) RENAME TO one_hidden;
SELECT event_store.run_projections('p one');
\echo :LAST_ERROR_SQLSTATE
SELECT state, error_code, error_message, has_position FROM regress_proj.status WHERE projection = 'p one';
ALTER FUNCTION regress_proj.one_hidden(event_store.event) RENAME TO one;
SELECT event_store.run_projections('p one');

-- Events are given as they would be today.
CREATE FUNCTION regress_proj.doubled(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN jsonb_build_object('amount', 2 * (data ->> 'amount')::numeric);
SELECT event_store.create_upcaster('Old', 1, 'regress_proj.doubled', to_type => 'Added');
SELECT count(*) FROM event_store.append('proj-up', 'Old', '{"amount": 21}');
SELECT event_store.run_projections('p many');
SELECT * FROM regress_proj.totals WHERE stream = 'proj-up';

-- Rebuilding in place.
SELECT event_store.rebuild_projection('p many');
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.rebuild_projection('p many', NULL);
\echo :LAST_ERROR_SQLSTATE
CREATE FUNCTION regress_proj.empty_totals() RETURNS void LANGUAGE sql AS 'TRUNCATE regress_proj.totals';
SELECT event_store.create_projection('p many', 'regress_proj.many', categories => ARRAY['proj_other', 'proj'], types => ARRAY['Added'], reset => 'regress_proj.empty_totals', on_error => 'park', max_attempts => 1, replace => true);
CREATE TABLE regress_proj.before AS TABLE regress_proj.totals;
SELECT event_store.rebuild_projection('p many') = event_store.safe_position() AS to_the_head;
SELECT count(*) FROM regress_proj.totals;
SELECT * FROM regress_proj.status WHERE projection = 'p many';
SELECT event_store.run_projections('p many', 3);
SELECT state, handled, rebuild_left FROM regress_proj.status WHERE projection = 'p many';
SELECT event_store.run_projections('p many');
SELECT event_store.run_projections('p many');
SELECT state, rebuild_left FROM regress_proj.status WHERE projection = 'p many';
SELECT * FROM (TABLE regress_proj.before EXCEPT TABLE regress_proj.totals) x;
SELECT event_store.drop_upcaster('Old', 1);
SELECT event_store.rebuild_projection('p many', blue_green => true);
\echo :LAST_ERROR_SQLSTATE

-- Beside the generation that counts.
CREATE TABLE regress_proj.by_generation (generation integer, stream text COLLATE "C", amount numeric, PRIMARY KEY (generation, stream));
CREATE FUNCTION regress_proj.generations(batch event_store.event[], generation integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO regress_proj.by_generation AS g
		SELECT generation, e.stream, sum((e.data ->> 'amount')::numeric) * generation FROM unnest(batch) e WHERE e.data ->> 'amount' <> 'none' GROUP BY e.stream
		ON CONFLICT ON CONSTRAINT by_generation_pkey DO UPDATE SET amount = g.amount + EXCLUDED.amount;
$$;
CREATE FUNCTION regress_proj.empty_generation(generation integer) RETURNS void LANGUAGE sql AS 'DELETE FROM regress_proj.by_generation WHERE by_generation.generation = $1';
CREATE VIEW regress_proj.current_totals AS
	SELECT stream, amount FROM regress_proj.by_generation WHERE generation = event_store.projection_generation('p gen');
SELECT event_store.create_projection('p gen', 'regress_proj.generations', categories => ARRAY['proj'], types => ARRAY['Added'], reset => 'regress_proj.empty_generation');
SELECT event_store.run_projections('p gen');
TABLE regress_proj.current_totals ORDER BY stream;
SELECT event_store.rebuild_projection('p gen', blue_green => true) = event_store.safe_position() AS to_the_head;
SELECT projection, generation, is_current, state, lag_events, handled FROM regress_proj.status WHERE projection = 'p gen';
SELECT event_store.rebuild_projection('p gen');
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.create_projection('p gen', 'regress_proj.many', reset => 'regress_proj.empty_generation', replace => true);
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.create_projection('p gen', 'regress_proj.generations', categories => ARRAY['proj'], types => ARRAY['Added'], replace => true);
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM event_store.append('proj-a', 'Added', '{"amount": 1000}');
SELECT event_store.run_projections('p gen', 1);
SELECT event_store.run_projections('p gen', 2);
SELECT projection, generation, is_current, state, lag_events, handled FROM regress_proj.status WHERE projection = 'p gen';
SELECT amount FROM regress_proj.current_totals WHERE stream = 'proj-a';
BEGIN;
SELECT event_store.run_projections('p gen') > 0 AS some;
SELECT event_store.projection_generation('p gen'), amount FROM regress_proj.current_totals WHERE stream = 'proj-a';
ROLLBACK;
SELECT event_store.projection_generation('p gen'), amount FROM regress_proj.current_totals WHERE stream = 'proj-a';
SELECT event_store.rebuild_projection('p gen', blue_green => true) = event_store.safe_position() AS to_the_head;
SELECT event_store.run_projections('p gen') > 0 AS some;
SELECT event_store.projection_generation('p gen'), amount FROM regress_proj.current_totals WHERE stream = 'proj-a';
SELECT DISTINCT generation FROM regress_proj.by_generation;
SELECT projection, generation, is_current, state FROM regress_proj.status WHERE projection = 'p gen';

-- A checkpoint beyond the store, as after a restore of an older one.
UPDATE event_store.projection_checkpoints SET checkpoint = checkpoint + 1000000 WHERE projection = 'p gen';
\set VERBOSITY sqlstate
SELECT event_store.run_projections('p gen');
\set VERBOSITY default
SELECT state, error_code, error_message, lag_events FROM regress_proj.status WHERE projection = 'p gen';
UPDATE event_store.projection_checkpoints SET checkpoint = checkpoint - 1000000 WHERE projection = 'p gen';

-- A handler that appends, and one that changes the session.
CREATE FUNCTION regress_proj.reacts(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM event_store.append('proj_reaction-1', 'Reacted', to_jsonb(e.version), metadata => event_store.causation(e));
	SET search_path = regress_proj;
	PERFORM set_config('event_store.progress_interval', '1', false);
END$$;
SELECT event_store.create_projection('p reacts', 'regress_proj.reacts', categories => ARRAY['proj_source']);
SELECT count(*) FROM event_store.append_json('proj_source-1', '[{"type": "T", "data": 1}, {"type": "T", "data": 2}]');
SELECT event_store.run_projections('p reacts');
SELECT version, data FROM event_store.read_stream('proj_reaction-1');
SHOW search_path;
SHOW event_store.progress_interval;

-- Waiting.
CREATE PROCEDURE regress_proj.wait(projection text, missing bigint, timeout interval, INOUT outcome text DEFAULT NULL) LANGUAGE plpgsql AS $$
BEGIN
	CALL event_store.wait_for_projection(projection, event_store.safe_position() - missing, timeout, outcome);
END$$;
CALL regress_proj.wait('p reacts', 0, '1 s');
SELECT count(*) FROM event_store.append('proj_source-1', 'T', '3');
CALL regress_proj.wait('p reacts', 1, '1 ms');
CALL regress_proj.wait('p reacts', 0, '1 ms');
CALL regress_proj.wait('p reacts', 0, '0');
SELECT event_store.pause_projection('p reacts');
CALL regress_proj.wait('p reacts', 0, '1 s');
SELECT event_store.resume_projection('p reacts');
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$CALL event_store.wait_for_projection('p reacts', 1)$$]) q;
BEGIN;
CALL event_store.wait_for_projection('p reacts', 1);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
CALL event_store.wait_for_projection('no such', 1);
CALL event_store.wait_for_projection(NULL, 1);
\echo :LAST_ERROR_SQLSTATE
CALL event_store.wait_for_projection('p reacts', NULL);
\echo :LAST_ERROR_SQLSTATE
CALL event_store.wait_for_projection('p reacts', 1, NULL);
\echo :LAST_ERROR_SQLSTATE
CALL event_store.wait_for_projection('p reacts', 1, '-1 s');
\echo :LAST_ERROR_SQLSTATE
CALL event_store.wait_for_projection('p reacts', 1, '2562047788:00:54.775807');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY sqlstate
CALL event_store.wait_for_projection('p reacts', 9223372036854775807);
\set VERBOSITY default
SET default_transaction_isolation = 'repeatable read';
CALL event_store.wait_for_projection('p reacts', 1, '1 s');
CALL regress_proj.wait('p reacts', 0, '1 ms');
RESET default_transaction_isolation;
CREATE OR REPLACE FUNCTION regress_proj.reacts(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE 'never'; END$$;
SELECT event_store.create_projection('p reacts', 'regress_proj.reacts', categories => ARRAY['proj_source'], max_attempts => 1, replace => true);
SELECT event_store.run_projections('p reacts');
CALL regress_proj.wait('p reacts', 0, '1 s');

-- A handler that runs or changes its own projection, and calls at other isolation levels.
CREATE FUNCTION regress_proj.itself(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO regress_proj.calls (events) VALUES (1);
	EXECUTE e.data ->> 'do';
END$$;
SELECT event_store.create_projection('p itself', 'regress_proj.itself', categories => ARRAY['proj_itself'], on_error => 'park', max_attempts => 1);
TRUNCATE regress_proj.calls;
SELECT count(*) FROM event_store.append_json('proj_itself-1', $$[
	{"type": "T", "data": {"do": "SELECT 1"}},
	{"type": "T", "data": {"do": "SELECT event_store.run_projections('p itself')"}},
	{"type": "T", "data": {"do": "SELECT event_store.run_projections()"}},
	{"type": "T", "data": {"do": "SELECT event_store.pause_projection('p itself')"}},
	{"type": "T", "data": {"do": "SELECT event_store.drop_projection('p itself')"}}]$$);
SELECT event_store.run_projections('p itself') FROM generate_series(1, 6);
SELECT error_code, error_message FROM event_store.projection_parked_events WHERE projection = 'p itself' ORDER BY global_position;
SELECT count(*) FROM regress_proj.calls;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT event_store.pause_projection('p itself');
ROLLBACK;

-- A table of checkpoints that its owner has altered.
BEGIN;
ALTER TABLE event_store.projection_checkpoints ALTER error_message TYPE bigint USING 4096, ALTER checkpoint TYPE text USING 'x';
SELECT regress_help.run('SELECT event_store.run_projections()');
SELECT regress_help.run('TABLE event_store.projection_status');
ROLLBACK;

-- Dropping, with what was parked.
SELECT event_store.drop_projection(projection) FROM event_store.projections WHERE projection LIKE 'p %' ORDER BY projection;
SELECT count(*) FROM event_store.projection_checkpoints WHERE projection LIKE 'p %';
SELECT count(*) FROM event_store.projection_parked_events;
SELECT * FROM regress_proj.status;
DROP SCHEMA regress_proj CASCADE;
