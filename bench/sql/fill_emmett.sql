-- bench/sql/fill_emmett.sql
--
-- The same events in Emmett, by its call.

SELECT count(*)
  FROM generate_series(1, :each) version, generate_series(1, :streams) n,
	   LATERAL emt_append_to_stream(ARRAY[gen_random_uuid()::text], ARRAY[:'data']::jsonb[],
		   ARRAY['{}']::jsonb[], ARRAY['1'], ARRAY['ItemAdded'], ARRAY['E'],
		   'bench-' || n, 'bench', NULL, 'emt:default') appended
 WHERE NOT appended.success;

-- Counts the appends that it refuses when others were faster.
CREATE SEQUENCE refused;

VACUUM ANALYZE emt_streams, emt_messages;
