-- bench/sql/fill_reads.sql
--
-- Streams of 10, 100 and 1,000 events, each in a category of its own, in the
-- store, in message-db and in Emmett: :streams of the short ones each and a
-- tenth as many long ones.  Ten events at a time are appended: first to the
-- short streams, then by turns to one of 100 and to one of 1,000.

CREATE TEMPORARY TABLE batch AS
SELECT row_number() OVER (ORDER BY part, turn, length) AS i,
	   format('read%s-%s', length, 1 + (turn - 1) % n) AS stream,
	   10 * ((turn - 1) / n) AS version
  FROM (SELECT 1 AS part, turn, 10 AS length, :streams AS n
		  FROM generate_series(1, :streams) turn
		 UNION ALL
		SELECT 2, turn, length, n
		  FROM generate_series(1, 10 * :streams) turn,
			   (VALUES (100, :streams), (1000, :streams / 10)) long (length, n)) turns;
ANALYZE batch;

-- In the batches' order, which only a loop is sure to keep.
SET bench.data TO :'data';
DO $$
DECLARE
	event jsonb := current_setting('bench.data');
	events event_store.new_event[] := array_fill(event_store.new_event('ItemAdded', event), ARRAY[10]);
	turn record;
BEGIN
	PERFORM event_store.lock_store();
	FOR turn IN SELECT * FROM batch ORDER BY i LOOP
		PERFORM event_store.append_events(turn.stream, events);
		INSERT INTO messages (id, stream_name, position, type, data, metadata)
		SELECT gen_random_uuid(), turn.stream, turn.version + n, 'ItemAdded', event,
			   '{"correlationStreamName": "session-1"}'
		  FROM generate_series(0, 9) n;
		PERFORM emt_append_to_stream(array_fill(''::text, ARRAY[10]), array_fill(event, ARRAY[10]),
			array_fill('{}'::jsonb, ARRAY[10]), array_fill('1'::text, ARRAY[10]),
			array_fill('ItemAdded'::text, ARRAY[10]), array_fill('E'::text, ARRAY[10]),
			turn.stream, 'read', NULL, 'emt:default');
	END LOOP;
END $$;

VACUUM ANALYZE event_store.categories, event_store.streams, event_store.events, messages,
	emt_streams, emt_messages;
