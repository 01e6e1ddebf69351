--
-- read_stream(): the events of one stream.
--
DO $$
BEGIN
	FOR n IN 1 .. 10 LOOP
		PERFORM event_store.append('read_stream-1', CASE WHEN n % 3 = 0 THEN 'Third' ELSE 'Other' END, to_jsonb(n));
	END LOOP;
	PERFORM event_store.append('read_stream-2', 'Only', '{}');
END
$$;

-- All of it; every column.
SELECT version, stream, type, data, metadata ? '$user' AS has_user, metadata ? '$application' AS has_application,
	   event_id IS NOT NULL AS has_id, schema_version, recorded_at <= clock_timestamp() AS in_the_past, recorded_by = CURRENT_USER AS by_us, hash
  FROM event_store.read_stream('read_stream-1');
SELECT to_jsonb(r) = to_jsonb(a) AS same_row, count(*)
  FROM event_store.read_stream('read_stream-1') r
  JOIN event_store.all_events a USING (global_position)
 GROUP BY 1;

-- A window of versions, both bounds inclusive.
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', 4);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', 4, 3);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', to_version => 3);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', from_version => 4, to_version => 4);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', from_version => 5, to_version => 4);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', from_version => 0, to_version => 0);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', from_version => 0);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', from_version => 11);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', 9223372036854775807, to_version => 9223372036854775807);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', from_version => 2, max_count => 2, to_version => 9);

-- Backwards turns the order and leaves the window as it is.
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', backwards => true);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', 4, 3, true);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', 2, 3, true, 6);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', max_count => 1, backwards => true);

-- NULL stands for the default; 0 is none.
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT count(*) FROM event_store.read_stream('read_stream-1', max_count => 0);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', max_count => 9223372036854775807);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', raw => true);
SELECT string_agg(version::text, ' ')
  FROM event_store.read_stream(stream => 'read_stream-1', from_version => 1, max_count => 5, backwards => false,
							   to_version => 9, as_of => 'infinity', raw => false);

-- As of a time: what was recorded later is left out.
SELECT recorded_at AS at_4 FROM event_store.read_stream('read_stream-1', 4, 1) \gset
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', as_of => :'at_4');
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', as_of => :'at_4', backwards => true, max_count => 2);
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', 3, as_of => :'at_4');
SELECT string_agg(version::text, ' ') FROM event_store.read_stream('read_stream-1', as_of => :'at_4'::timestamptz - interval '1 microsecond');
SELECT count(*) FROM event_store.read_stream('read_stream-1', as_of => '-infinity');
SELECT count(*) FROM event_store.read_stream('read_stream-1', as_of => 'infinity');

-- A stream that is not there has no events, and neither has a category.
SELECT count(*) FROM event_store.read_stream('read_stream-none');
SELECT count(*) FROM event_store.read_stream('read_stream');
SELECT count(*) FROM event_store.read_stream('READ_STREAM-1');

\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream(NULL)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream('')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream('-1')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream('read_stream-1', from_version => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream('read_stream-1', to_version => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream('read_stream-1', max_count => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream('read_stream-none', max_count => -9223372036854775808)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream('read_stream-1', 'one')$$);
\pset tuples_only off
\pset format aligned
SELECT * FROM event_store.read_stream('read_stream-1', max_count => -1);
\echo :LAST_ERROR_SQLSTATE

-- In the select list, in a join, rescanned, in a cursor.
SELECT (event_store.read_stream('read_stream-1', 9)).version;
SELECT s.stream, count(e.version), max(e.version)
  FROM event_store.list_streams('read_stream') s
  LEFT JOIN LATERAL event_store.read_stream(s.stream) e ON true
 GROUP BY s.stream ORDER BY s.stream;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT version FROM event_store.read_stream('read_stream-1');
FETCH 2 FROM c;
SELECT version FROM event_store.append('read_stream-1', 'Since', '{}');
FETCH LAST FROM c;
FETCH PRIOR FROM c;
ROLLBACK;

-- It reads as the query that calls it sees.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM event_store.read_stream('read_stream-1');
SELECT version FROM event_store.append('read_stream-1', 'Own', '{}');
SELECT count(*) FROM event_store.read_stream('read_stream-1');
SAVEPOINT s;
SELECT version FROM event_store.append('read_stream-1', 'Own', '{}');
ROLLBACK TO SAVEPOINT s;
SELECT count(*) FROM event_store.read_stream('read_stream-1');
ROLLBACK;
BEGIN READ ONLY;
SELECT count(*) FROM event_store.read_stream('read_stream-1');
COMMIT;

-- In a function, the result's row as a value.
CREATE FUNCTION regress_help.sum_up(stream text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
	e event_store.event;
	result bigint := 0;
BEGIN
	FOR e IN SELECT * FROM event_store.read_stream(stream) LOOP
		result := result + e.data::bigint;
	END LOOP;
	RETURN result;
END
$$;
SELECT regress_help.sum_up('read_stream-1'), regress_help.sum_up('read_stream-none');
DROP FUNCTION regress_help.sum_up;
