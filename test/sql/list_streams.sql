--
-- list_streams(): streams in the byte order of their names.
--
-- Categories that are prefixes of each other, and names between them.
SELECT count(*) FROM unnest(ARRAY['lscat', 'lscat-1', 'lscat-', 'lscat--', 'lscat-1-2', 'lscat-10', 'lscat-2', 'lscat!x', 'lscat!x-1',
								  'lscat,-1', 'lscat.-1', 'lscat.', 'lscats-1', 'lscats', 'lsca-1', 'lscat-ü', 'lscatü-1', 'LSCAT-1', 'lscat -1']) s,
	   LATERAL event_store.append(s, 'T', '{}');
SELECT version FROM event_store.append('lscat-2', 'T', '{}');

SELECT stream, version FROM event_store.list_streams('lscat');
SELECT stream FROM event_store.list_streams('lscats');
SELECT stream FROM event_store.list_streams('lscat!x');
SELECT stream FROM event_store.list_streams('lscat.');
SELECT stream FROM event_store.list_streams('lscat,');
SELECT stream FROM event_store.list_streams('lscatü');
SELECT stream FROM event_store.list_streams('lsca');
SELECT stream FROM event_store.list_streams('LSCAT');
SELECT stream FROM event_store.list_streams('lscat-');
SELECT stream FROM event_store.list_streams('lscat-1');
SELECT stream FROM event_store.list_streams('lsc');

-- All categories; after a stream, which need not be there.
SELECT stream FROM event_store.list_streams(after_stream => 'lsc', max_count => 18);
SELECT stream FROM event_store.list_streams('lscat', 'lscat-1');
SELECT stream FROM event_store.list_streams('lscat', 'lscat-1', 2);
SELECT stream FROM event_store.list_streams('lscat', 'lscat-15');
SELECT stream FROM event_store.list_streams('lscat', 'lscat-ü');
SELECT stream FROM event_store.list_streams('lscat', 'a', 1);
SELECT stream FROM event_store.list_streams('lscat', '', 1);
SELECT stream FROM event_store.list_streams('lscat', 'z');
SELECT stream, version, created_at <= clock_timestamp() AS in_the_past
  FROM event_store.list_streams(category => 'lscats', after_stream => NULL, max_count => NULL);

-- max_count: NULL is all, 0 none.
SELECT count(*) FROM event_store.list_streams('lscat', NULL, NULL);
SELECT count(*) FROM event_store.list_streams('lscat', max_count => 0);
SELECT count(*) FROM event_store.list_streams('lscat', max_count => 3);
SELECT count(*) FROM event_store.list_streams('lscat', max_count => 9223372036854775807);
SELECT count(*) = (SELECT count(*) FROM event_store.streams) AS all_of_them FROM event_store.list_streams();
SELECT count(*) FROM event_store.list_streams('none');

-- Page by page.
DO $$
DECLARE
	s record;
	last text;
	seen text := '';
	got int;
BEGIN
	LOOP
		got := 0;
		FOR s IN SELECT * FROM event_store.list_streams('lscat', last, 2) LOOP
			got := got + 1;
			seen := seen || ' ' || s.stream;
			last := s.stream;
		END LOOP;
		EXIT WHEN got = 0;
	END LOOP;
	RAISE NOTICE 'seen:%', seen;
END
$$;

\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT * FROM event_store.list_streams('')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.list_streams(max_count => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.list_streams('lscat', max_count => 'two')$$);
\pset tuples_only off
\pset format aligned
SELECT * FROM event_store.list_streams('lscat', NULL, -1);
\echo :LAST_ERROR_SQLSTATE

-- As the query sees it.
BEGIN;
SELECT version FROM event_store.append('lscat-0', 'T', '{}');
SELECT version FROM event_store.append('lscat-1', 'T', '{}');
SELECT stream, version FROM event_store.list_streams('lscat', max_count => 6);
ROLLBACK;
SELECT stream, version FROM event_store.list_streams('lscat', max_count => 6);
SELECT bool_and(l.created_at = e.recorded_at) AS of_the_first_event
  FROM event_store.list_streams('lscat') l, LATERAL event_store.read_stream(l.stream, to_version => 1) e;
