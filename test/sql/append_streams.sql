--
-- append_streams(): several streams in one call, and guards.
--
SELECT positions AS start FROM regress_help.stored() \gset

-- A row a stream, in the order given, which is also that of the positions.
SELECT stream, version, global_position - :start AS place
  FROM event_store.append_streams('[
	{"stream": "append_streams-b", "expected_version": 0,
	 "events": [{"type": "Opened", "data": 1}, {"type": "Changed", "data": 2}]},
	{"stream": "append_streams-a", "expected_version": -2, "events": [{"type": "Opened", "data": 3}]},
	{"stream": "append_streams_other-a", "expected_version": -2,
	 "events": [{"type": "Opened", "data": 4, "metadata": {"why": "a test"},
				 "event_id": "a2000000-0000-4000-8000-000000000001", "schema_version": 2}]}]');
SELECT global_position - :start AS place, stream, version, type, data, metadata - '$user' - '$application' AS metadata,
	   schema_version
  FROM event_store.read_all(:start);
SELECT event_id FROM event_store.last_event('append_streams_other-a');
SELECT count(DISTINCT category_id) FROM event_store.streams WHERE stream LIKE 'append\_streams-%';

-- Named notation; streams that are there, and one that is new in a category
-- that is there.
SELECT stream, version FROM event_store.append_streams(streams => '[
	{"stream": "append_streams-a", "expected_version": 1, "events": [{"type": "T", "data": {}}]},
	{"stream": "append_streams-b", "expected_version": -4, "events": [{"type": "T", "data": {}}]},
	{"stream": "append_streams-c", "expected_version": 0, "events": [{"type": "T", "data": {}}]}]');

-- A guard checks a version and appends nothing: one that holds.
SELECT * FROM event_store.append_streams('[{"stream": "append_streams-a", "expected_version": 2}]');
SELECT stream, version, global_position IS NULL AS guard FROM event_store.append_streams('[
	{"stream": "append_streams-none", "expected_version": 0},
	{"stream": "append_streams-a", "expected_version": -4},
	{"stream": "append_streams-b", "expected_version": 3},
	{"stream": "append_streams-c", "expected_version": 1, "events": [{"type": "T", "data": {}}]},
	{"stream": "append_streams-d", "expected_version": -2}]');
SELECT stream FROM event_store.list_streams('append_streams');

-- A version may be a string of digits: so drivers give a bigint.
SELECT stream, version FROM event_store.append_streams('[
	{"stream": "append_streams-a", "expected_version": "2"}, {"stream": "append_streams-none", "expected_version": "0"},
	{"stream": "append_streams-b", "expected_version": "-4"}]');

-- Guards alone store nothing and draw nothing.
SELECT positions AS before FROM regress_help.stored() \gset
SELECT count(*) FROM event_store.append_streams('[
	{"stream": "append_streams-none", "expected_version": 0}, {"stream": "append_streams-a", "expected_version": 2}]');
SELECT positions - :before AS drawn FROM regress_help.stored();

\pset format unaligned
\pset tuples_only on
-- One conflict, and none of the streams gets an event.
SELECT regress_help.refused($$SELECT event_store.append_streams('[
	{"stream": "append_streams-a", "expected_version": 2, "events": [{"type": "T", "data": {}}]},
	{"stream": "append_streams-b", "expected_version": 2, "events": [{"type": "T", "data": {}}]}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('[
	{"stream": "append_streams-new", "expected_version": 0, "events": [{"type": "T", "data": {}}]},
	{"stream": "append_streams-a", "expected_version": 0, "events": [{"type": "T", "data": {}}]}]')$$);
-- guards that do not hold
SELECT regress_help.refused($$SELECT event_store.append_streams('[
	{"stream": "append_streams-new", "expected_version": -2, "events": [{"type": "T", "data": {}}]},
	{"stream": "append_streams-a", "expected_version": 7}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('[{"stream": "append_streams-none", "expected_version": -4}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('[{"stream": "append_streams-a", "expected_version": 0}]')$$);

-- What is no list of streams.
SELECT regress_help.refused($$SELECT event_store.append_streams(NULL)$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('[]')$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('null')$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('1')$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('{"stream": "append_streams-a", "expected_version": 2}')$$);

-- A bad element is named, and its bad event, too.
CREATE FUNCTION regress_help.second_refused(element text)
RETURNS text LANGUAGE sql AS $$
	SELECT regress_help.refused(format('SELECT event_store.append_streams(%L)',
		'[{"stream": "append_streams-new", "expected_version": -2, "events": [{"type": "T", "data": {}}]}, ' || element || ']'))
$$;
SELECT regress_help.second_refused('null');
SELECT regress_help.second_refused('"append_streams-x"');
SELECT regress_help.second_refused('[]');
SELECT regress_help.second_refused('{}');
SELECT regress_help.second_refused('{"stream": "append_streams-x"}');
SELECT regress_help.second_refused('{"events": [{"type": "T", "data": {}}], "stream": "append_streams-x"}');
SELECT regress_help.second_refused('{"expected_version": 0, "events": [{"type": "T", "data": {}}]}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expectedVersion": 0, "events": [{"type": "T", "data": {}}]}');
SELECT regress_help.second_refused('{"stream": null, "expected_version": 0}');
SELECT regress_help.second_refused('{"stream": 7, "expected_version": 0}');
SELECT regress_help.second_refused('{"stream": "", "expected_version": 0}');
SELECT regress_help.second_refused('{"stream": "-x", "expected_version": 0}');
SELECT regress_help.second_refused('{"stream": "' || repeat('x', 1025) || '", "expected_version": 0}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": null}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": ""}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": "-"}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": "zero"}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": "1.0"}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": " 1"}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": "-1"}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": "9223372036854775808"}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": "10000000000000000000"}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": true}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": []}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": 0.5}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -1}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -3}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -5}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": 9223372036854775808}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": null}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "events": null, "expected_version": 0}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": []}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": {"type": "T", "data": {}}}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": "[]"}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": [null]}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": [{"type": "T", "data": {}}, {"type": "T"}]}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": [{"type": "T", "data": {}, "meta": {}}]}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": [{"type": "", "data": {}}]}');
SELECT regress_help.second_refused('{"stream": "append_streams-x", "expected_version": -2, "events": [{"type": "T", "data": {}, "metadata": {"$user": 1}}]}');
-- a stream given twice
SELECT regress_help.second_refused('{"stream": "append_streams-new", "expected_version": 1}');
SELECT regress_help.second_refused('{"stream": "append_streams-new", "expected_version": -2, "events": [{"type": "T", "data": {}}]}');
\pset tuples_only off
\pset format aligned
DROP FUNCTION regress_help.second_refused;
SELECT stream, version FROM event_store.list_streams('append_streams');

-- At the top level.
SELECT * FROM event_store.append_streams('[{"stream": "append_streams-a", "expected_version": 1, "events": [{"type": "T", "data": {}}]}]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM event_store.append_streams('[{"stream": "append_streams-x", "expected_version": -2, "events": [{"type": "T", "data": {}, "extra": 1}]}]');
\echo :LAST_ERROR_SQLSTATE

-- Names that only differ after the first 1,024 bytes' worth are refused, those
-- that differ in their last byte are two streams.
SELECT count(*), min(version), max(version) FROM event_store.append_streams(
	jsonb_build_array(
		jsonb_build_object('stream', rpad('append_streams-', 1024, 'x'), 'expected_version', -2, 'events', '[{"type": "T", "data": {}}]'::jsonb),
		jsonb_build_object('stream', rpad('append_streams-', 1023, 'x') || 'y', 'expected_version', -2, 'events', '[{"type": "T", "data": {}}]'::jsonb)));

-- More streams than are locked one by one: the store is locked instead.
BEGIN;
SELECT count(*), min(version), max(version)
  FROM event_store.append_streams(
	(SELECT jsonb_agg(jsonb_build_object('stream', 'append_streams_many-' || n, 'expected_version', 0,
										 'events', jsonb_build_array(jsonb_build_object('type', 'T', 'data', n))) ORDER BY n)
	   FROM generate_series(1, 500) n));
SELECT count(*) FILTER (WHERE locktype = 'advisory' AND objsubid = 17747) AS stream_locks,
	   count(*) FILTER (WHERE mode = 'ShareRowExclusiveLock') AS store_locks
  FROM pg_locks WHERE pid = pg_backend_pid();
COMMIT;
SELECT count(*), count(DISTINCT stream), sum(data::int) FROM event_store.read_category('append_streams_many');
SELECT count(*) FROM event_store.categories WHERE category = 'append_streams_many';

-- Rollback and savepoint.
BEGIN;
SAVEPOINT s;
SELECT stream, version FROM event_store.append_streams('[
	{"stream": "append_streams-a", "expected_version": 2, "events": [{"type": "Gone", "data": {}}]},
	{"stream": "append_streams-e", "expected_version": 0, "events": [{"type": "Gone", "data": {}}]}]');
ROLLBACK TO SAVEPOINT s;
SELECT stream, version FROM event_store.append_streams('[
	{"stream": "append_streams-e", "expected_version": 0, "events": [{"type": "Gone, too", "data": {}}]},
	{"stream": "append_streams-a", "expected_version": 2, "events": [{"type": "Gone, too", "data": {}}]}]');
ROLLBACK;
SELECT event_store.stream_version('append_streams-a'), event_store.stream_version('append_streams-e');

-- Guards at the stricter isolation levels.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT stream, version FROM event_store.append_streams('[
	{"stream": "append_streams-a", "expected_version": 2},
	{"stream": "append_streams-none", "expected_version": 0},
	{"stream": "append_streams-f", "expected_version": 0, "events": [{"type": "T", "data": {}}]}]');
SELECT stream, version FROM event_store.append_streams('[{"stream": "append_streams-f", "expected_version": 1}]');
COMMIT;
