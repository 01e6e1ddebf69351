--
-- Reading an index by its leaf pages finds what a query finds, whatever has
-- happened to the pages.
--

-- Streams that lie on one page and on several, some between others, of 1 to 1,200
-- events: every third stream is written at once, the others by turns.
SELECT count(*) FROM generate_series(0, 11) n, event_store.append_json('leaf-' || n * 3,
	(SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', i)) FROM generate_series(1, n * n * 10 + 1) i));
SELECT count(*) FROM generate_series(1, 40) i, generate_series(0, 17) n, event_store.append('leaf-' || n * 2 - n % 2, 'T', to_jsonb(i));

CREATE FUNCTION pg_temp.wrong() RETURNS TABLE (streams bigint, reads bigint, wrong bigint) LANGUAGE sql AS $$
	SELECT count(DISTINCT l.stream), count(*), count(*) FILTER (WHERE r.got IS DISTINCT FROM q.wanted)
	  FROM event_store.list_streams('leaf', max_count => NULL) l,
		   LATERAL (VALUES (1::bigint, NULL::bigint), (l.version, NULL), (l.version / 2, 5), (2, l.version + 1), (l.version + 1, NULL)) bounds (first, n),
		   LATERAL (SELECT array_agg(e.version) AS got
					  FROM event_store.read_stream(l.stream, from_version => greatest(bounds.first, 1), max_count => bounds.n) e) r,
		   LATERAL (SELECT array_agg(e.version ORDER BY e.version) AS wanted
					  FROM (SELECT * FROM event_store.all_events e WHERE e.stream = l.stream AND e.version >= bounds.first
							 ORDER BY e.version LIMIT bounds.n) e) q
$$;
CREATE FUNCTION pg_temp.wrong_order() RETURNS TABLE (of_all boolean, of_category boolean, of_two boolean) LANGUAGE sql AS $$
	SELECT (SELECT array_agg(global_position) FROM event_store.read_all()) IS DISTINCT FROM
		   (SELECT array_agg(global_position ORDER BY global_position) FROM event_store.all_events),
		   (SELECT array_agg(global_position) FROM event_store.read_category('leaf', max_count => NULL)) IS DISTINCT FROM
		   (SELECT array_agg(global_position ORDER BY global_position) FROM event_store.all_events WHERE stream LIKE 'leaf-%'),
		   (SELECT array_agg(global_position) FROM event_store.read_all(categories => '{leaf,kept}')) IS DISTINCT FROM
		   (SELECT array_agg(global_position ORDER BY global_position) FROM event_store.all_events WHERE stream ~ '^(leaf|kept)-')
$$;
SELECT * FROM pg_temp.wrong();
SELECT * FROM pg_temp.wrong_order();

-- At every isolation level, and after the index was made anew.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM pg_temp.wrong();
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM pg_temp.wrong();
SELECT * FROM pg_temp.wrong_order();
COMMIT;
REINDEX TABLE event_store.events;
SELECT * FROM pg_temp.wrong();
SELECT count(*), count(DISTINCT a.version) FROM generate_series(0, 33) n, event_store.append('leaf-' || n, 'T', '{}') a;
SELECT * FROM pg_temp.wrong();

-- Pages that fill up and are split, where this session has been before.
SELECT count(*) FROM generate_series(0, 33) n, event_store.append_json('leaf-' || n,
	(SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', i)) FROM generate_series(1, 60) i));
SELECT count(*), max(a.version) FROM generate_series(0, 33) n, event_store.append('leaf-' || n, 'T', '{}') a;
SELECT * FROM pg_temp.wrong();

-- Events that are gone, and with them whole pages, under a cursor that has read
-- some before.
BEGIN;
DECLARE c CURSOR FOR SELECT version FROM event_store.read_stream('leaf-33');
FETCH 2 FROM c;
SAVEPOINT s;
SET LOCAL session_replication_role = replica;
DELETE FROM event_store.events e USING event_store.streams s WHERE e.stream_id = s.stream_id AND s.stream = 'leaf-33' AND e.version > 100;
MOVE 1195 IN c;
FETCH 2 FROM c;
CLOSE c;
SELECT count(*), max(version) FROM event_store.read_stream('leaf-33');
COMMIT;
SELECT count(*), max(version) FROM event_store.read_stream('leaf-33');
SELECT event_store.stream_version('leaf-33'), version FROM event_store.append('leaf-33', 'T', '{}', 100);
VACUUM event_store.events;
SELECT event_store.stream_version('leaf-33'), version FROM event_store.append('leaf-33', 'T', '{}', 101);
SELECT * FROM pg_temp.wrong();
SELECT * FROM pg_temp.wrong_order();

-- One row that was updated so often, each time with new entries in all indexes,
-- that a page has them as a list.
BEGIN;
SET LOCAL session_replication_role = replica;
CREATE INDEX regress_index ON event_store.events (schema_version);
DO $$
BEGIN
	FOR n IN 2 .. 1500 LOOP
		UPDATE event_store.events e SET schema_version = n FROM event_store.streams s
		 WHERE e.stream_id = s.stream_id AND s.stream = 'leaf-3' AND e.version = 5;
	END LOOP;
END $$;
SELECT event_store.stream_version('leaf-3'), version FROM event_store.append('leaf-3', 'T', '{}');
SELECT * FROM pg_temp.wrong();
SELECT * FROM pg_temp.wrong_order();
UPDATE event_store.events e SET schema_version = 1 FROM event_store.streams s
 WHERE e.stream_id = s.stream_id AND s.stream = 'leaf-3' AND e.version = 5;
DROP INDEX event_store.regress_index;
COMMIT;
SELECT * FROM pg_temp.wrong();
VACUUM event_store.events;
SELECT * FROM pg_temp.wrong();

-- The ends of what can be counted.
SELECT count(*) FROM event_store.read_stream('leaf-3', from_version => 9223372036854775807);
SELECT count(*) FROM event_store.read_all(after_position => event_store.safe_position());
SELECT count(*) FROM event_store.read_category('leaf', after_position => event_store.safe_position());
