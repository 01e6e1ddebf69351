--
-- Retries: a call repeated with its event ids stores nothing more.
--
SELECT positions AS start FROM regress_help.stored() \gset
SELECT version, global_position - :start AS place
  FROM event_store.append('idempotency-1', 'Opened', '{"n": 1, "m": [1.0, null]}', 0,
						  event_id => 'a3000000-0000-4000-8000-000000000001');
SELECT version, global_position - :start AS place FROM event_store.append('idempotency-1', 'Changed', '{}');
SELECT version, global_position - :start AS place
  FROM event_store.append_json('idempotency-1', '[
	{"type": "A", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000002"},
	{"type": "B", "data": 2, "event_id": "a3000000-0000-4000-8000-000000000003"},
	{"type": "C", "data": 3, "event_id": "a3000000-0000-4000-8000-000000000004"}]', 2);

-- The original places are the answer, whatever version is expected, and
-- whatever was appended since.
SELECT newest AS before, positions AS drawn FROM regress_help.stored() \gset
SELECT version, global_position - :start AS place
  FROM event_store.append('idempotency-1', 'Opened', '{"n": 1, "m": [1.0, null]}', 0,
						  event_id => 'a3000000-0000-4000-8000-000000000001');
SELECT version, global_position - :start AS place
  FROM event_store.append('idempotency-1', 'Opened', '{"n": 1, "m": [1.0, null]}', 77,
						  event_id => 'a3000000-0000-4000-8000-000000000001');
SELECT version, global_position - :start AS place
  FROM event_store.append('idempotency-1', 'Opened', '{"n": 1, "m": [1.0, null]}', event_store.stream_exists(),
						  event_id => 'a3000000-0000-4000-8000-000000000001');
-- data is compared as jsonb, and metadata and schema_version are not
SELECT version, global_position - :start AS place
  FROM event_store.append('idempotency-1', 'Opened', '{"m": [1, null], "n": 1.00}', 1, '{"attempt": 2}',
						  'a3000000-0000-4000-8000-000000000001', 5);
SELECT version, global_position - :start AS place
  FROM event_store.append_json('idempotency-1', '[
	{"type": "A", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000002"},
	{"type": "B", "data": 2, "event_id": "a3000000-0000-4000-8000-000000000003"},
	{"type": "C", "data": 3, "event_id": "a3000000-0000-4000-8000-000000000004"}]', 2);
SELECT version, global_position - :start AS place
  FROM event_store.append_events('idempotency-1', ARRAY[
	event_store.new_event('A', '1', event_id => 'a3000000-0000-4000-8000-000000000002'),
	event_store.new_event('B', '2', event_id => 'a3000000-0000-4000-8000-000000000003'),
	event_store.new_event('C', '3', event_id => 'a3000000-0000-4000-8000-000000000004')], 0);
-- a part of a batch that is contiguous and in order is a retry of itself
SELECT version, global_position - :start AS place
  FROM event_store.append('idempotency-1', 'B', '2', event_id => 'a3000000-0000-4000-8000-000000000003');
SELECT version, global_position - :start AS place
  FROM event_store.append_json('idempotency-1', '[
	{"type": "A", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000002"},
	{"type": "B", "data": 2, "event_id": "a3000000-0000-4000-8000-000000000003"}]');
SELECT newest = :'before' AS nothing_stored, positions - :drawn AS drawn FROM regress_help.stored();
SELECT metadata ? 'attempt' AS changed, schema_version FROM event_store.read_stream('idempotency-1', 1, 1);

\pset format unaligned
\pset tuples_only on
-- Anything else about an id that is there is an error: another type, other
-- data, another stream,
SELECT regress_help.refused($$SELECT event_store.append('idempotency-1', 'opened', '{"n": 1, "m": [1.0, null]}', event_id => 'a3000000-0000-4000-8000-000000000001')$$);
SELECT regress_help.refused($$SELECT event_store.append('idempotency-1', 'Opened', '{"n": 1}', event_id => 'a3000000-0000-4000-8000-000000000001')$$);
SELECT regress_help.refused($$SELECT event_store.append('idempotency-1', 'Opened', '{"n": "1", "m": [1.0, null]}', 5, event_id => 'a3000000-0000-4000-8000-000000000001')$$);
SELECT regress_help.refused($$SELECT event_store.append('idempotency-2', 'Opened', '{"n": 1, "m": [1.0, null]}', event_id => 'a3000000-0000-4000-8000-000000000001')$$);
SELECT regress_help.refused($$SELECT event_store.append('idempotency-2', 'Opened', '{"n": 1, "m": [1.0, null]}', 9, event_id => 'a3000000-0000-4000-8000-000000000001')$$);
-- another order, a gap, only a part, more than there was,
SELECT regress_help.refused($$SELECT event_store.append_json('idempotency-1', '[
	{"type": "B", "data": 2, "event_id": "a3000000-0000-4000-8000-000000000003"},
	{"type": "A", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000002"},
	{"type": "C", "data": 3, "event_id": "a3000000-0000-4000-8000-000000000004"}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('idempotency-1', '[
	{"type": "A", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000002"},
	{"type": "C", "data": 3, "event_id": "a3000000-0000-4000-8000-000000000004"}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('idempotency-1', '[
	{"type": "A", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000002"},
	{"type": "B", "data": 2},
	{"type": "C", "data": 3, "event_id": "a3000000-0000-4000-8000-000000000004"}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('idempotency-1', '[
	{"type": "C", "data": 3, "event_id": "a3000000-0000-4000-8000-000000000004"},
	{"type": "D", "data": 4, "event_id": "a3000000-0000-4000-8000-000000000005"}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('idempotency-1', '[
	{"type": "D", "data": 4, "event_id": "a3000000-0000-4000-8000-000000000005"},
	{"type": "A", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000002"}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('idempotency-1', '[
	{"type": "C", "data": 3, "event_id": "a3000000-0000-4000-8000-000000000004"},
	{"type": "D", "data": 4}]')$$);
-- other data in the midst of a batch,
SELECT regress_help.refused($$SELECT event_store.append_json('idempotency-1', '[
	{"type": "A", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000002"},
	{"type": "B", "data": 22, "event_id": "a3000000-0000-4000-8000-000000000003"},
	{"type": "C", "data": 3, "event_id": "a3000000-0000-4000-8000-000000000004"}]')$$);
-- one id twice in one call, at once or over several streams.
SELECT regress_help.refused($$SELECT event_store.append_json('idempotency-3', '[
	{"type": "T", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000006"},
	{"type": "T", "data": 2},
	{"type": "T", "data": 1, "event_id": "A3000000000040008000000000000006"}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_events('idempotency-3', ARRAY[
	event_store.new_event('T', '1', event_id => 'a3000000-0000-4000-8000-000000000006'),
	event_store.new_event('T', '1', event_id => 'a3000000-0000-4000-8000-000000000006')])$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('[
	{"stream": "idempotency-3", "expected_version": -2, "events": [{"type": "T", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000006"}]},
	{"stream": "idempotency-4", "expected_version": -2, "events": [{"type": "T", "data": 1, "event_id": "a3000000-0000-4000-8000-000000000006"}]}]')$$);
\pset tuples_only off
\pset format aligned
SELECT event_store.append('idempotency-2', 'Opened', '{}', event_id => 'a3000000-0000-4000-8000-000000000001');
\echo :LAST_ERROR_SQLSTATE
SELECT stream, version FROM event_store.list_streams('idempotency');

-- The same call twice in one statement, and twice in one transaction.
SELECT (event_store.append('idempotency-5', 'T', '{}', 0, event_id => 'a3000000-0000-4000-8000-000000000007')).version AS once,
	   (event_store.append('idempotency-5', 'T', '{}', 0, event_id => 'a3000000-0000-4000-8000-000000000007')).version AS again;
BEGIN;
SELECT version FROM event_store.append('idempotency-5', 'T', '{}', 1, event_id => 'a3000000-0000-4000-8000-000000000008');
SELECT version FROM event_store.append('idempotency-5', 'T', '{}', 1, event_id => 'a3000000-0000-4000-8000-000000000008');
COMMIT;
SELECT event_store.stream_version('idempotency-5');

-- What was rolled back is not there to be repeated.
BEGIN;
SELECT version FROM event_store.append('idempotency-6', 'T', '{"n": 1}', 0, event_id => 'a3000000-0000-4000-8000-000000000009');
SAVEPOINT s;
SELECT version FROM event_store.append('idempotency-6', 'T', '{"n": 2}', 1, event_id => 'a3000000-0000-4000-8000-00000000000a');
ROLLBACK TO SAVEPOINT s;
SELECT version FROM event_store.append('idempotency-6', 'T', '{"n": 3}', 1, event_id => 'a3000000-0000-4000-8000-00000000000a');
ROLLBACK;
SELECT version FROM event_store.append('idempotency-7', 'T', '{"n": 4}', 0, event_id => 'a3000000-0000-4000-8000-000000000009');

-- Several streams: all of the call is a retry, or it is none.
SELECT newest AS before FROM regress_help.stored() \gset
SELECT stream, version, global_position > :start AS placed FROM event_store.append_streams('[
	{"stream": "idempotency-8", "expected_version": 0,
	 "events": [{"type": "T", "data": 1, "event_id": "a3000000-0000-4000-8000-00000000000b"}]},
	{"stream": "idempotency-1", "expected_version": 5},
	{"stream": "idempotency-9", "expected_version": 0,
	 "events": [{"type": "T", "data": 2, "event_id": "a3000000-0000-4000-8000-00000000000c"},
				{"type": "T", "data": 3, "event_id": "a3000000-0000-4000-8000-00000000000d"}]}]');
SELECT version FROM event_store.append('idempotency-1', 'Since', '{}');
SELECT newest AS before FROM regress_help.stored() \gset
SELECT stream, version, global_position > :start AS placed FROM event_store.append_streams('[
	{"stream": "idempotency-8", "expected_version": 0,
	 "events": [{"type": "T", "data": 1, "event_id": "a3000000-0000-4000-8000-00000000000b"}]},
	{"stream": "idempotency-1", "expected_version": 5},
	{"stream": "idempotency-9", "expected_version": 0,
	 "events": [{"type": "T", "data": 2, "event_id": "a3000000-0000-4000-8000-00000000000c"},
				{"type": "T", "data": 3, "event_id": "a3000000-0000-4000-8000-00000000000d"}]}]');
SELECT newest = :'before' AS nothing_stored FROM regress_help.stored();
\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT event_store.append_streams('[
	{"stream": "idempotency-8", "expected_version": -2, "events": [{"type": "T", "data": 1, "event_id": "a3000000-0000-4000-8000-00000000000b"}]},
	{"stream": "idempotency-10", "expected_version": -2, "events": [{"type": "T", "data": 1}]}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('[
	{"stream": "idempotency-9", "expected_version": -2, "events": [{"type": "T", "data": 1, "event_id": "a3000000-0000-4000-8000-00000000000b"}]},
	{"stream": "idempotency-8", "expected_version": -2, "events": [{"type": "T", "data": 2, "event_id": "a3000000-0000-4000-8000-00000000000c"}]}]')$$);
\pset tuples_only off
\pset format aligned

-- A large payload and its retry.
SELECT version FROM event_store.append('idempotency-11', 'T', (SELECT jsonb_agg(md5(n::text)) FROM generate_series(1, 5000) n),
	event_id => 'a3000000-0000-4000-8000-00000000000e');
SELECT version FROM event_store.append('idempotency-11', 'T', (SELECT jsonb_agg(md5(n::text)) FROM generate_series(1, 5000) n),
	event_id => 'a3000000-0000-4000-8000-00000000000e');
SELECT version FROM event_store.append('idempotency-11', 'T', (SELECT jsonb_agg(md5(n::text)) FROM generate_series(2, 5001) n),
	event_id => 'a3000000-0000-4000-8000-00000000000e');
SELECT event_store.stream_version('idempotency-11');
