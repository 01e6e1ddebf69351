--
-- Metadata: the store's own keys, the session's, and the caller's.
--
CREATE ROLE regress_metadata;
SELECT event_store.grant_writer('regress_metadata');
SET application_name = 'regress "app"';

-- $user and $application are always there.
SELECT version FROM event_store.append('metadata-1', 'T', '{}');
SET ROLE regress_metadata;
SELECT version FROM event_store.append('metadata-1', 'T', '{}', metadata => '{}');
SELECT version FROM event_store.append('metadata-1', 'T', '{}', metadata => '{"why": "a test", "deep": {"$inner": [1]}}');
SELECT version FROM event_store.append_json('metadata-1', '[{"type": "T", "data": {}}, {"type": "T", "data": {}, "metadata": {"n": 1}}]');
RESET ROLE;
SET application_name = '';
SELECT version FROM event_store.append('metadata-1', 'T', '{}', metadata => '{"": "an empty key", "user": "not ours"}');
RESET application_name;
SELECT version, CASE WHEN metadata ->> '$user' = CURRENT_USER THEN metadata - '$user' ELSE metadata END AS metadata
  FROM event_store.read_stream('metadata-1');
SELECT version, recorded_by = CURRENT_USER AS by_us, recorded_by = metadata ->> '$user' AS as_in_metadata
  FROM event_store.read_stream('metadata-1');
SELECT version, recorded_by = CURRENT_USER AS by_us, recorded_by = metadata ->> '$user' AS as_in_metadata
  FROM event_store.all_events WHERE stream = 'metadata-1' ORDER BY version;

-- $user is the role that the session acts as, not the owner of a function.
CREATE FUNCTION regress_help.append_definer()
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
	$$SELECT version FROM event_store.append('metadata-2', 'T', '{}')$$;
SET ROLE regress_metadata;
SELECT regress_help.append_definer();
RESET ROLE;
SELECT recorded_by FROM event_store.last_event('metadata-2');
DROP FUNCTION regress_help.append_definer;

-- The setting adds keys to every event of the session or the transaction.
SET event_store.metadata = '{"correlation": "session", "tenant": 7}';
SELECT version FROM event_store.append('metadata-3', 'Session', '{}');
SELECT version FROM event_store.append('metadata-3', 'Own key wins', '{}', metadata => '{"correlation": "own", "more": true}');
BEGIN;
SET LOCAL event_store.metadata = '{"correlation": "local"}';
SELECT version FROM event_store.append('metadata-3', 'Local', '{}');
SELECT version FROM event_store.append_json('metadata-3', '[{"type": "Local", "data": {}, "metadata": {"correlation": null}}]');
COMMIT;
SELECT version FROM event_store.append('metadata-3', 'Session again', '{}');
BEGIN;
SAVEPOINT s;
SELECT set_config('event_store.metadata', '{"correlation": "savepoint"}', false);
ROLLBACK TO SAVEPOINT s;
SELECT version FROM event_store.append('metadata-3', 'After the savepoint', '{}');
COMMIT;
SET event_store.metadata = '{}';
SELECT version FROM event_store.append('metadata-3', 'Empty object', '{}');
SET event_store.metadata = '';
SELECT version FROM event_store.append('metadata-3', 'Empty', '{}');
RESET event_store.metadata;
SELECT version FROM event_store.append('metadata-3', 'Reset', '{}', event_id => 'a4000000-0000-4000-8000-000000000001');
SELECT version, type, metadata - '$user' - '$application' AS metadata FROM event_store.read_stream('metadata-3');

-- Any role may set it.
SET ROLE regress_metadata;
SET event_store.metadata = '{"tenant": 8}';
SELECT version FROM event_store.append('metadata-4', 'T', '{}');
RESET event_store.metadata;
RESET ROLE;
SELECT metadata - '$application' AS metadata FROM event_store.read_stream('metadata-4');

\pset format unaligned
\pset tuples_only on
-- Metadata that cannot be.
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => '[]')$$);
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => '"text"')$$);
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => '1')$$);
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => 'null')$$);
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => 'no json')$$);
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => '{"$user": "someone"}')$$);
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => '{"$application": "x", "a": 1}')$$);
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => '{"a": {}, "$": 1}')$$);
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => '{"$größe": 1}')$$);

-- The same in the setting, found at the append.
SET event_store.metadata = '[]';
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}')$$);
SET event_store.metadata = 'null';
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}')$$);
SET event_store.metadata = '17';
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}', metadata => '{"own": 1}')$$);
SET event_store.metadata = '{"$user": "someone"}';
SELECT regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}')$$);
SET event_store.metadata = '{"a": 1';
SELECT split_part(regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}')$$), ':', 1);
SET event_store.metadata = ' ';
SELECT split_part(regress_help.refused($$SELECT event_store.append('metadata-bad', 'T', '{}')$$), ':', 1);
SELECT regress_help.refused($$SELECT event_store.append_json('metadata-1', '[{"type": "T", "data": {}}]', 77)$$);
\pset tuples_only off
\pset format aligned
-- a retry needs none of it, nor does a guard
SELECT version FROM event_store.append('metadata-3', 'Reset', '{}', event_id => 'a4000000-0000-4000-8000-000000000001');
SELECT version FROM event_store.append_streams('[{"stream": "metadata-1", "expected_version": 6}]');
RESET event_store.metadata;
SELECT event_store.stream_version('metadata-bad');

-- Large metadata, and the same key everywhere.
SET event_store.metadata = '{"a": "session", "b": "session"}';
SELECT version FROM event_store.append('metadata-5', 'T', '{}',
	metadata => jsonb_build_object('b', 'own', 'c', repeat('x', 100000)));
RESET event_store.metadata;
SELECT metadata ->> 'a' AS a, metadata ->> 'b' AS b, length(metadata ->> 'c') AS c FROM event_store.read_stream('metadata-5');

SELECT event_store.revoke_writer('regress_metadata');
DROP ROLE regress_metadata;
