--
-- Projections in the transaction of the append.
--
CREATE SCHEMA regress_inline;
CREATE TABLE regress_inline.log (n bigint GENERATED ALWAYS AS IDENTITY, by text, entry text);
CREATE FUNCTION regress_inline.one(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF e.data ? 'fail' THEN
		RAISE 'refused' USING ERRCODE = 'ZZ001';
	END IF;
	INSERT INTO regress_inline.log (by, entry) VALUES ('one', e.stream || ' ' || e.version || ' ' || e.type);
END$$;
CREATE FUNCTION regress_inline.many(batch event_store.event[]) RETURNS void LANGUAGE sql AS $$
	INSERT INTO regress_inline.log (by, entry)
	SELECT 'many', string_agg(e.stream || ' ' || e.version || ' ' || e.type, ', ') FROM unnest(batch) e
$$;
CREATE FUNCTION regress_inline.gen(batch event_store.event[], generation integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO regress_inline.log (by, entry) SELECT 'gen ' || generation, e.stream || ' ' || e.version FROM unnest(batch) e
$$;
CREATE FUNCTION regress_inline.empty(generation integer) RETURNS void LANGUAGE sql AS $$
	DELETE FROM regress_inline.log WHERE by = 'gen ' || generation
$$;

-- What is stored already is handled by the call itself.
SELECT count(*) FROM event_store.append_json('inl-a', '[{"type": "T", "data": {}}, {"type": "U", "data": {}}]');
SELECT event_store.create_projection('b one', 'regress_inline.one', 'inline', categories => ARRAY['inl']);
SELECT event_store.create_projection('a many', 'regress_inline.many', 'inline', categories => ARRAY['inl'], types => ARRAY['T'], start_position => event_store.safe_position());
SELECT by, entry FROM regress_inline.log ORDER BY n;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'event_store.events'::regclass ORDER BY tgname COLLATE "C";
TRUNCATE regress_inline.log;

-- Projections run by name, each over all events of the append, in order.
SELECT version FROM event_store.append_json('inl-a', '[{"type": "T", "data": {}}, {"type": "U", "data": {}}, {"type": "T", "data": {}}]');
SELECT version FROM event_store.append('inl-b', 'T', '{}');
SELECT version FROM event_store.append('inl_not-b', 'T', '{}');
SELECT stream, version FROM event_store.append_streams('[{"stream": "inl-c", "expected_version": 0, "events": [{"type": "T", "data": {}}]}, {"stream": "inl_not-a", "expected_version": -2, "events": [{"type": "T", "data": {}}]}, {"stream": "inl-a", "expected_version": -4}, {"stream": "inl-b", "expected_version": 1, "events": [{"type": "U", "data": {}}, {"type": "T", "data": {}}]}]') ORDER BY 1;
SELECT by, entry FROM regress_inline.log ORDER BY n;
SELECT projection, mode, state, checkpoint, lag_events, lag_seconds FROM event_store.projection_status WHERE mode = 'inline';
SELECT event_store.run_projections();

-- A retry is no append.
TRUNCATE regress_inline.log;
SELECT version FROM event_store.append('inl-b', 'T', '{}', event_id => '0195f2f0-0000-7000-8000-00000000aaaa');
SELECT version FROM event_store.append('inl-b', 'T', '{}', event_id => '0195f2f0-0000-7000-8000-00000000aaaa');
SELECT by, entry FROM regress_inline.log ORDER BY n;

-- An error refuses the append, and says where it happened.
SELECT event_store.append_json('inl-d', '[{"type": "T", "data": {}}, {"type": "Bad", "data": {"fail": 1}}]');
SELECT event_store.stream_version('inl-d');
SELECT count(*) FROM regress_inline.log WHERE entry LIKE 'inl-d%';
BEGIN;
SAVEPOINT s;
SELECT event_store.append('inl-d', 'Bad', '{"fail": 1}');
ROLLBACK TO s;
SELECT version FROM event_store.append('inl-d', 'Good', '{}');
COMMIT;
SELECT by, entry FROM regress_inline.log WHERE entry LIKE 'inl-d%' ORDER BY n;

-- A handler that cannot be used refuses appends.
ALTER FUNCTION regress_inline.one(event_store.event) RENAME TO hidden;
SELECT event_store.append('inl-d', 'T', '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT state, error_message FROM event_store.projection_status WHERE projection = 'b one';
ALTER FUNCTION regress_inline.hidden(event_store.event) RENAME TO one;

-- Pausing: what is appended meanwhile is handled when it goes on.
TRUNCATE regress_inline.log;
SELECT event_store.pause_projection('b one');
SELECT version FROM event_store.append('inl-e', 'T', '{}');
SELECT projection, state, lag_events FROM event_store.projection_status WHERE mode = 'inline';
SELECT event_store.run_projections('b one');
SELECT by, entry FROM regress_inline.log ORDER BY n;
SELECT event_store.pause_projection('a many');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'event_store.events'::regclass ORDER BY tgname COLLATE "C";
SELECT event_store.resume_projection('b one'), event_store.resume_projection('a many');
SELECT version FROM event_store.append('inl-e', 'T', '{}');
SELECT by, entry FROM regress_inline.log ORDER BY n;

-- From async to inline and back, none twice and none left out.
SELECT event_store.create_projection('c gen', 'regress_inline.gen', categories => ARRAY['inl_mode'], reset => 'regress_inline.empty');
SELECT version FROM event_store.append('inl_mode-1', 'T', '{}');
SELECT event_store.run_projections('c gen');
SELECT version FROM event_store.append('inl_mode-1', 'T', '{}');
SELECT event_store.create_projection('c gen', 'regress_inline.gen', 'inline', categories => ARRAY['inl_mode'], reset => 'regress_inline.empty', replace => true);
SELECT version FROM event_store.append('inl_mode-1', 'T', '{}');
SELECT event_store.create_projection('c gen', 'regress_inline.gen', 'async', categories => ARRAY['inl_mode'], reset => 'regress_inline.empty', replace => true);
SELECT version FROM event_store.append('inl_mode-1', 'T', '{}');
SELECT by, entry FROM regress_inline.log WHERE by LIKE 'gen%' ORDER BY n;
SELECT event_store.run_projections('c gen');
SELECT by, entry FROM regress_inline.log WHERE by LIKE 'gen%' ORDER BY n;

-- Rebuilding one: at once, or beside it.
SELECT event_store.create_projection('c gen', 'regress_inline.gen', 'inline', categories => ARRAY['inl_mode'], reset => 'regress_inline.empty', replace => true);
SELECT event_store.rebuild_projection('c gen') > 0 AS rebuilt;
SELECT by, entry FROM regress_inline.log WHERE by LIKE 'gen%' ORDER BY n;
SELECT event_store.rebuild_projection('c gen', blue_green => true) > 0 AS begun;
SELECT version FROM event_store.append('inl_mode-1', 'T', '{}');
SELECT generation, is_current, mode, state, lag_events FROM event_store.projection_status WHERE projection = 'c gen';
SELECT event_store.run_projections('c gen');
SELECT version FROM event_store.append('inl_mode-1', 'T', '{}');
SELECT by, entry FROM regress_inline.log WHERE by LIKE 'gen%' ORDER BY n;
SELECT event_store.drop_projection('c gen');

-- In a transaction that has appended, and appends that come from a handler.
CREATE FUNCTION regress_inline.reacts(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO regress_inline.log (by, entry) VALUES ('reacts', e.stream || ' ' || e.version);
	IF e.stream = 'inl_react-1' THEN
		PERFORM event_store.append('inl_react-2', 'Reacted', '{}', metadata => event_store.causation(e));
	END IF;
END$$;
TRUNCATE regress_inline.log;
BEGIN;
SELECT version FROM event_store.append('inl_react-1', 'T', '{}');
SELECT event_store.create_projection('d reacts', 'regress_inline.reacts', 'inline', categories => ARRAY['inl_react']);
SELECT count(*) FROM event_store.append_json('inl_react-1', '[{"type": "T", "data": {}}, {"type": "T", "data": {}}]');
COMMIT;
SELECT by, entry FROM regress_inline.log ORDER BY n;
SELECT version, type FROM event_store.read_stream('inl_react-2');
SELECT event_store.drop_projection('d reacts');

-- The same where it is the only inline one.
SELECT event_store.pause_projection('a many'), event_store.pause_projection('b one');
TRUNCATE regress_inline.log;
SELECT event_store.create_projection('d reacts', 'regress_inline.reacts', 'inline', categories => ARRAY['inl_react']);
SELECT version FROM event_store.append('inl_react-3', 'T', '{}');
SELECT by, entry FROM regress_inline.log ORDER BY n;
SELECT event_store.drop_projection('d reacts');

-- Events that are loaded past the calls are no append.
SELECT event_store.drop_projection(projection) FROM event_store.projections WHERE mode = 'inline' ORDER BY projection;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'event_store.events'::regclass ORDER BY tgname COLLATE "C";
SELECT event_store.project_inline();
\echo :LAST_ERROR_SQLSTATE
SET client_min_messages = warning;
DROP SCHEMA regress_inline CASCADE;
