-- bench/sql/fill_lengths.sql
--
-- Streams of the lengths :lengths in the store, each length with as many streams
-- as :copies says and a category of its own, as the calls would leave them.

SET session_replication_role = replica;

-- One row a stream: its first event has the position "first".
CREATE TEMPORARY TABLE stream AS
SELECT length, copy, min(first) OVER (PARTITION BY length) AS category_id, first
  FROM (SELECT length, copy,
			   1 + sum(length) OVER (ORDER BY length, copy ROWS UNBOUNDED PRECEDING) - length AS first
		  FROM unnest(:'lengths'::bigint[], :'copies'::bigint[]) kind (length, copies),
			   LATERAL generate_series(1, copies) copy) numbered;

INSERT INTO event_store.categories
SELECT DISTINCT category_id, 'long' || length FROM stream;

INSERT INTO event_store.streams
SELECT first, category_id, 0, clock_timestamp(), format('long%s-%s', length, copy) FROM stream;

INSERT INTO event_store.events
SELECT first + version - 1, first, version, category_id, clock_timestamp(), 1, new_id(),
	   'ItemAdded', :'data', :'metadata'
  FROM stream, LATERAL generate_series(1, length) version
 ORDER BY first, version;

SELECT setval('event_store.events_global_position_seq', max(global_position)) FROM event_store.events;

VACUUM ANALYZE event_store.categories, event_store.streams, event_store.events;
