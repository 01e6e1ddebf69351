--
-- append_json(): several events as JSON, taken strictly.
--
SELECT version FROM event_store.append_json('append_json-1', '[
	{"type": "Opened", "data": {"n": 1}},
	{"type": "Changed", "data": [2], "metadata": {"why": "a test"},
	 "event_id": "a1000000-0000-4000-8000-000000000001", "schema_version": 3},
	{"data": "three", "type": "Closed", "metadata": null, "event_id": null, "schema_version": null}]');
SELECT version FROM event_store.append_json(stream => 'append_json-1',
	events => '[{"type": "Reopened", "data": false}]', expected_version => 3);
SELECT version, type, data, metadata - '$user' - '$application' AS metadata, schema_version
  FROM event_store.read_stream('append_json-1');
SELECT event_id FROM event_store.read_stream('append_json-1', 2, 1);

-- Forms of a UUID that PostgreSQL reads; numbers that are integers.
SELECT version FROM event_store.append_json('append_json-2', '[
	{"type": "T", "data": 1, "event_id": "A1000000-0000-4000-8000-00000000000A"},
	{"type": "T", "data": 2, "event_id": "{a1000000-0000-4000-8000-00000000000b}"},
	{"type": "T", "data": 3, "event_id": "a100000000004000800000000000000c"},
	{"type": "T", "data": 4, "schema_version": 2.0},
	{"type": "T", "data": 5, "schema_version": 1e2},
	{"type": "T", "data": 6, "schema_version": 2147483647},
	{"type": "T", "data": 7, "schema_version": "8"}]', 0);
SELECT version, data, schema_version,
	   CASE WHEN event_id::text LIKE 'a1000000%' THEN event_id END AS event_id
  FROM event_store.read_stream('append_json-2');

-- Values keep what jsonb keeps; type and stream in any script.
SELECT version FROM event_store.append_json('append_json-3', '[
	{"type": "Größe \"geändert\"\n", "data": {"n": 1.10, "big": 123456789012345678901234567890, "u": "\u00e4 💶"}},
	{"type": "变更", "data": {"a": {"b": [{"c": null}]}}}]');
SELECT version, type, data FROM event_store.read_stream('append_json-3');

-- A key given twice: jsonb keeps the last.
SELECT version FROM event_store.append_json('append_json-4', '[{"type": "A", "data": 1, "type": "B"}]');
SELECT version, type FROM event_store.read_stream('append_json-4');

\pset format unaligned
\pset tuples_only on
-- What is no batch.
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', NULL)$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', '[]')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', '{"type": "T", "data": {}}')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', 'null')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', '"text"')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', '1')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', 'no json')$$);
SELECT regress_help.refused($$SELECT event_store.append_json(NULL, '[{"type": "T", "data": {}}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('', '[{"type": "T", "data": {}}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', '[{"type": "T", "data": {}}]', NULL)$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-bad', '[{"type": "T", "data": {}}]', -3)$$);
SELECT regress_help.refused($$SELECT event_store.append_json('append_json-1', '[{"type": "T", "data": {}}]', 5)$$);

-- A bad event is named, and keeps the others from being stored.
CREATE FUNCTION regress_help.third_refused(event text)
RETURNS text LANGUAGE sql AS $$
	SELECT regress_help.refused(format('SELECT event_store.append_json(''append_json-bad'', %L)',
		'[{"type": "A", "data": 1}, {"type": "B", "data": 2}, ' || event || ']'))
$$;
-- no object
SELECT regress_help.third_refused('null');
SELECT regress_help.third_refused('1');
SELECT regress_help.third_refused('"text"');
SELECT regress_help.third_refused('true');
SELECT regress_help.third_refused('[]');
SELECT regress_help.third_refused('[{"type": "C", "data": 3}]');
-- keys that are missing or unknown
SELECT regress_help.third_refused('{}');
SELECT regress_help.third_refused('{"type": "C"}');
SELECT regress_help.third_refused('{"data": 3}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "meta": {}}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "Metadata": {}}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "": 1}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "expected_version": 2}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "größe": 1}');
-- of the wrong type
SELECT regress_help.third_refused('{"type": null, "data": 3}');
SELECT regress_help.third_refused('{"type": 3, "data": 3}');
SELECT regress_help.third_refused('{"type": true, "data": 3}');
SELECT regress_help.third_refused('{"type": ["C"], "data": 3}');
SELECT regress_help.third_refused('{"type": {}, "data": 3}');
SELECT regress_help.third_refused('{"type": "C", "data": null}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "metadata": []}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "metadata": "{}"}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "metadata": 1}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "event_id": 3}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "event_id": {}}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": "one"}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": "0"}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": false}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": []}');
-- of a value that cannot be
SELECT regress_help.third_refused('{"type": "", "data": 3}');
SELECT regress_help.third_refused('{"type": "' || repeat('x', 256) || '", "data": 3}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "metadata": {"$user": "someone"}}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "metadata": {"$anything": null}}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "event_id": ""}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "event_id": "no uuid"}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "event_id": "a1000000-0000-4000-8000-00000000000"}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "event_id": "a1000000-0000-4000-8000-0000000000001"}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "event_id": "{a1000000-0000-4000-8000-000000000001"}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": 0}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": -1}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": 1.5}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": 2147483648}');
SELECT regress_help.third_refused('{"type": "C", "data": 3, "schema_version": 1e20}');
\pset tuples_only off
\pset format aligned
DROP FUNCTION regress_help.third_refused;
SELECT event_store.stream_version('append_json-bad');

-- At the top level, the element stands in the context.
SELECT event_store.append_json('append_json-bad', '[{"type": "T", "dat": {}}]');
\echo :LAST_ERROR_SQLSTATE

-- A batch lands whole or not at all, in a savepoint as well.
BEGIN;
SELECT version FROM event_store.append_json('append_json-5',
	(SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', n)) FROM generate_series(1, 1500) n));
SAVEPOINT s;
SELECT version FROM event_store.append_json('append_json-5', '[{"type": "T", "data": 1}, {"type": "", "data": 2}]');
ROLLBACK TO SAVEPOINT s;
SELECT count(*), max(version) FROM event_store.read_stream('append_json-5');
ROLLBACK;
SELECT event_store.stream_version('append_json-5');
