-- bench/sql/copy_to_plain.sql
--
-- Copies the store's rows, in their order, to the plain tables that search_path
-- picks.

INSERT INTO streams SELECT * FROM event_store.streams ORDER BY stream_id;
INSERT INTO events SELECT * FROM event_store.events ORDER BY global_position;
SELECT setval('events_global_position_seq', max(global_position)) FROM events;

VACUUM ANALYZE streams, events;
