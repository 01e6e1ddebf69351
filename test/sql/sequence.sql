--
-- The sequence of global positions behind the events, as rows that did not come
-- by the calls leave it: appends are refused until it is repaired.
--
\set VERBOSITY terse
SELECT count(event_store.append('sequence-' || n % 3, 'T', to_jsonb(n))) FROM generate_series(1, 6) n;
SELECT event_store.repair_sequence() = event_store.safe_position() AS nothing_to_do;
SELECT version FROM event_store.append('sequence-1', 'T', '{}');
SELECT last_value AS last FROM event_store.events_global_position_seq \gset

-- Somebody sets it back.  A session that has appended before finds out by the
-- collision, and from then on before it draws; in whatever way it appends.
SELECT setval('event_store.events_global_position_seq', 1) = 1 AS set_back;
SELECT regress_help.run($$SELECT event_store.append('sequence-1', 'T', '{}')$$) ~ '^ST009: the sequence of global positions is behind the events' AS refused;
SELECT last_value FROM event_store.events_global_position_seq;
SELECT regress_help.run($$SELECT event_store.append('sequence-1', 'T', '{}')$$) ~ '^ST009: .*Its last value is 2, the highest global position is \d+\.' AS refused;
SELECT regress_help.run($$SELECT event_store.append_json('sequencenew-1', '[{"type": "T", "data": {}}]')$$) ~ '^ST009' AS refused;
SELECT regress_help.run($$SELECT event_store.append_events('sequence-9', ARRAY[event_store.new_event('T', '{}')], 0)$$) ~ '^ST009' AS refused;
SELECT regress_help.run($$SELECT event_store.append_streams('[{"stream": "sequence-1", "expected_version": -2, "events": [{"type": "T", "data": {}}]}]')$$) ~ '^ST009' AS refused;
SELECT last_value FROM event_store.events_global_position_seq;

-- What draws nothing goes on: guards, retries, conflicts.
SELECT stream, version FROM event_store.append_streams('[{"stream": "sequence-1", "expected_version": 3}]');
SELECT regress_help.refused($$SELECT event_store.append('sequence-1', 'T', '{}', 7)$$);

-- A session that has not appended yet finds out before it draws.
\c
\set VERBOSITY terse
SELECT regress_help.run($$SELECT event_store.append('sequence-1', 'T', '{}')$$) ~ '^ST009: .*Its last value is 2, the highest global position is \d+\.' AS refused;
SELECT last_value FROM event_store.events_global_position_seq;
SELECT check_name FROM event_store.verify_store();

-- New streams and categories would collide, too.
SELECT setval('event_store.events_global_position_seq', :last) = :last AS mended;
SELECT version FROM event_store.append('sequence-1', 'T', '{}');
SELECT setval('event_store.events_global_position_seq', (SELECT max(stream_id) - 1 FROM event_store.streams)) > 0 AS set_back;
SELECT regress_help.run($$SELECT event_store.append('sequence-8', 'T', '{}')$$) ~ '^ST009' AS refused;
SELECT setval('event_store.events_global_position_seq', :last + 1) > 0 AS mended;
SELECT version FROM event_store.append('sequence-1', 'T', '{}');
SELECT setval('event_store.events_global_position_seq', (SELECT max(category_id) - 1 FROM event_store.categories)) > 0 AS set_back;
SELECT regress_help.run($$SELECT event_store.append('sequencenew-1', 'T', '{}')$$) ~ '^ST009' AS refused;

-- Repaired, it goes on above all events; also in a transaction that is then
-- rolled back, since sequences do not roll back.
BEGIN;
SELECT event_store.repair_sequence() = max(global_position) AS repaired FROM event_store.events;
ROLLBACK;
SELECT last_value = (SELECT max(global_position) FROM event_store.events) AS stays_repaired FROM event_store.events_global_position_seq;
SELECT version FROM event_store.append('sequence-1', 'T', '{}');
SELECT stream FROM event_store.read_all(backwards => true, max_count => 1);
SELECT count(*) FROM event_store.verify_store();

-- It is never set back: positions that were drawn and rolled back stay drawn.
BEGIN;
SELECT version FROM event_store.append('sequence-1', 'T', '{}');
ROLLBACK;
SELECT event_store.repair_sequence() - max(global_position) AS ahead FROM event_store.events;
BEGIN;
SELECT version FROM event_store.append('sequence-1', 'T', '{}');
SELECT event_store.repair_sequence() = event_store.safe_position() AS after_own_append;
SELECT version FROM event_store.append('sequence-1', 'T', '{}');
COMMIT;
BEGIN READ ONLY;
SELECT event_store.repair_sequence();
ROLLBACK;

-- An owner's unique constraint is the owner's, and no sign of the sequence's.
CREATE UNIQUE INDEX regress_type ON event_store.events (type) WHERE type = 'Single';
SELECT version FROM event_store.append('sequence-1', 'Single', '{}');
SELECT regress_help.run($$SELECT event_store.append('sequence-1', 'Single', '{}')$$) ~ '^23505' AS owners_own;
DROP INDEX event_store.regress_type;

-- While a subscription feeds a table of the store, nothing is appended.
SET client_min_messages = error;
CREATE SUBSCRIPTION regress_feed CONNECTION 'dbname=regress_none' PUBLICATION regress_none WITH (connect = false);
RESET client_min_messages;
INSERT INTO pg_subscription_rel SELECT oid, 'event_store.streams'::regclass, 'r', NULL FROM pg_subscription WHERE subname = 'regress_feed';
SELECT regress_help.refused($$SELECT event_store.append('sequence-1', 'T', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append_json('sequence-new', '[{"type": "T", "data": {}}]')$$);
ALTER SUBSCRIPTION regress_feed SET (slot_name = NONE);
DROP SUBSCRIPTION regress_feed;
SELECT version FROM event_store.append('sequence-1', 'T', '{}');
SELECT count(*) FROM event_store.verify_store();
