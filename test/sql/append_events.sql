--
-- append_events(): several events in one call.
--
SELECT version FROM event_store.append_events('append_events-1',
	ARRAY[event_store.new_event('Opened', '{"n": 1}'),
		  event_store.new_event('Changed', '{"n": 2}', '{"why": "a test"}', 'ae000000-0000-4000-8000-000000000001', 3),
		  event_store.new_event(type => 'Closed', data => '[3]', metadata => NULL, event_id => NULL, schema_version => NULL)]);
SELECT version, type, data, metadata - '$user' - '$application' AS metadata, schema_version
  FROM event_store.read_stream('append_events-1');
SELECT event_id FROM event_store.read_stream('append_events-1', 2, 1);

-- The result is the last event's place; positions are without gaps.
SELECT version, global_position AS place
  FROM event_store.append_events(stream => 'append_events-1',
								 events => ARRAY(SELECT event_store.new_event('T', to_jsonb(n)) FROM generate_series(1, 5) n),
								 expected_version => 3) \gset
SELECT version = :version AS its_version, global_position = :place AS its_place
  FROM event_store.last_event('append_events-1');
SELECT max(global_position) - min(global_position) AS apart, count(DISTINCT event_id) AS ids,
	   count(DISTINCT recorded_at) AS times
  FROM event_store.read_stream('append_events-1', 4);

-- Rows and text of the type serve as well.
SELECT version FROM event_store.append_events('append_events-2',
	ARRAY[ROW('A', '{}', NULL, NULL, NULL), ROW('B', '1', '{"k": "v"}', NULL, 2)]::event_store.new_event[], 0);
SELECT version FROM event_store.append_events('append_events-2', '{"(C,\"{\"\"x\"\": 1}\",,,)"}', event_store.stream_exists());
SELECT version, type, data, metadata - '$user' - '$application' AS metadata, schema_version
  FROM event_store.read_stream('append_events-2');

-- plpgsql: gathered, then appended at once.
DO $$
DECLARE
	events event_store.new_event[];
BEGIN
	FOR n IN 1 .. 3 LOOP
		events := events || event_store.new_event('Counted', jsonb_build_object('n', n));
	END LOOP;
	RAISE NOTICE 'version %', (event_store.append_events('append_events-3', events, 0)).version;
END
$$;
SELECT version, type, data FROM event_store.read_stream('append_events-3');

\pset format unaligned
\pset tuples_only on
-- Conflicts, and what is no batch.
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-1', ARRAY[event_store.new_event('T', '{}')], 7)$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-1', ARRAY[event_store.new_event('T', '{}')], 0)$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-none', ARRAY[event_store.new_event('T', '{}')], -4)$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-1', ARRAY[event_store.new_event('T', '{}')], NULL)$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-1', ARRAY[event_store.new_event('T', '{}')], -1)$$);
SELECT regress_help.refused($$SELECT event_store.append_events(NULL, ARRAY[event_store.new_event('T', '{}')])$$);
SELECT regress_help.refused($$SELECT event_store.append_events('', ARRAY[event_store.new_event('T', '{}')])$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-1', NULL)$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-1', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-1', ARRAY[NULL]::event_store.new_event[])$$);

-- A bad event is named, and keeps all others from being stored.
CREATE FUNCTION regress_help.third_refused(event text)
RETURNS text LANGUAGE sql AS $$
	SELECT regress_help.refused('SELECT event_store.append_events(''append_events-bad'', ARRAY['
		|| 'event_store.new_event(''A'', ''1''), event_store.new_event(''B'', ''2''), ' || event || '])')
$$;
SELECT regress_help.third_refused($$NULL$$);
SELECT regress_help.third_refused($$event_store.new_event(NULL, '3')$$);
SELECT regress_help.third_refused($$event_store.new_event('', '3')$$);
SELECT regress_help.third_refused($$event_store.new_event(repeat('x', 256), '3')$$);
SELECT regress_help.third_refused($$event_store.new_event('C', NULL)$$);
SELECT regress_help.third_refused($$event_store.new_event('C', 'null')$$);
SELECT regress_help.third_refused($$event_store.new_event(NULL, NULL)$$);
SELECT regress_help.third_refused($$event_store.new_event('C', '3', '[]')$$);
SELECT regress_help.third_refused($$event_store.new_event('C', '3', 'null')$$);
SELECT regress_help.third_refused($$event_store.new_event('C', '3', '{"$user": "someone"}')$$);
SELECT regress_help.third_refused($$event_store.new_event('C', '3', schema_version => 0)$$);
SELECT regress_help.third_refused($$event_store.new_event('C', '3', schema_version => -2147483648)$$);
SELECT regress_help.third_refused($$ROW(NULL, NULL, NULL, NULL, NULL)::event_store.new_event$$);
-- wrong types
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-bad', ARRAY['x'])$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-bad', ARRAY[ROW('A', '{}')]::event_store.new_event[])$$);
SELECT regress_help.refused($$SELECT event_store.append_events('append_events-bad', ARRAY[1])$$);
\pset tuples_only off
\pset format aligned
DROP FUNCTION regress_help.third_refused;
SELECT event_store.stream_version('append_events-bad'), event_store.stream_version('append_events-1');

-- At the top level, the element stands in the context.
SELECT event_store.append_events('append_events-bad', ARRAY[event_store.new_event('A', '1'), event_store.new_event('', '2')]);
\echo :LAST_ERROR_SQLSTATE

-- An array's shape and bounds say nothing.
SELECT version FROM event_store.append_events('append_events-4',
	(ARRAY[event_store.new_event('A', '1'), event_store.new_event('B', '2')])[2:2]);
SELECT version, type FROM event_store.read_stream('append_events-4');

-- Rolled back whole.
BEGIN;
SELECT version FROM event_store.append_events('append_events-5',
	ARRAY(SELECT event_store.new_event('T', to_jsonb(n)) FROM generate_series(1, 2500) n));
SELECT count(*), min(version), max(version), sum(data::int) FROM event_store.read_stream('append_events-5');
SAVEPOINT s;
SELECT version FROM event_store.append_events('append_events-5', ARRAY[event_store.new_event('T', '0')], 2500);
ROLLBACK TO SAVEPOINT s;
SELECT event_store.stream_version('append_events-5');
ROLLBACK;
SELECT event_store.stream_version('append_events-5');
