--
-- last_event(): the last event of a stream, or its last of a type.
--
SELECT version FROM event_store.append_json('last_event-1', '[
	{"type": "Opened", "data": 1}, {"type": "Changed", "data": 2}, {"type": "Changed", "data": 3}, {"type": "Closed", "data": 4}]');
SELECT version FROM event_store.append('last_event-2', 'Opened', '5');

SELECT stream, version, type, data FROM event_store.last_event('last_event-1');
SELECT stream, version, type, data FROM event_store.last_event('last_event-1', NULL);
SELECT stream, version, type, data FROM event_store.last_event('last_event-1', 'Changed');
SELECT stream, version, type, data FROM event_store.last_event(stream => 'last_event-1', type => 'Opened');
SELECT to_jsonb(l) = to_jsonb(a) AS same_row FROM event_store.last_event('last_event-1') l JOIN event_store.all_events a USING (global_position);

-- None: no such type, no such stream.
SELECT count(*) FROM event_store.last_event('last_event-1', 'changed');
SELECT count(*) FROM event_store.last_event('last_event-1', 'Change');
SELECT count(*) FROM event_store.last_event('last_event-1', 'Changed ');
SELECT count(*) FROM event_store.last_event('last_event-1', '');
SELECT count(*) FROM event_store.last_event('last_event-none');
SELECT count(*) FROM event_store.last_event('last_event');

\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT * FROM event_store.last_event(NULL)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.last_event('')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.last_event('-1')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.last_event(1)$$);
\pset tuples_only off
\pset format aligned

-- As the query sees it.
BEGIN;
SELECT version FROM event_store.append('last_event-2', 'Changed', '6');
SELECT version, type FROM event_store.last_event('last_event-2');
SAVEPOINT s;
SELECT version FROM event_store.append('last_event-2', 'Changed', '7');
ROLLBACK TO SAVEPOINT s;
SELECT version, type, data FROM event_store.last_event('last_event-2');
ROLLBACK;
SELECT version, type FROM event_store.last_event('last_event-2');
SELECT s.stream, e.version, e.type
  FROM event_store.list_streams('last_event') s, LATERAL event_store.last_event(s.stream, 'Opened') e
 ORDER BY s.stream;
