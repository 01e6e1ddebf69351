-- bench/sql/fill_by_hand.sql
--
-- Puts :events events into the store, spread evenly over :streams streams of one
-- category, as its calls would leave them.

SET session_replication_role = replica;

INSERT INTO event_store.categories VALUES (1, 'bench');

-- A stream's id is its first event's position.
INSERT INTO event_store.streams
SELECT n, 1, 0, clock_timestamp(), 'bench-' || n
  FROM generate_series(1, :streams) n;

INSERT INTO event_store.events
SELECT i, 1 + (i - 1) % :streams, 1 + (i - 1) / :streams, 1, clock_timestamp(), 1, new_id(),
	   'ItemAdded', :'data', :'metadata'
  FROM generate_series(1, :events) i;

SELECT setval('event_store.events_global_position_seq', :events);

VACUUM ANALYZE event_store.categories, event_store.streams, event_store.events;
