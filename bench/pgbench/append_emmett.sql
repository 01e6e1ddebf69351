-- Emmett, as its client calls it.  It answers success = false to an append that
-- another overtook; these are counted.
\set n random(1, :streams)
SELECT success
  FROM emt_append_to_stream(ARRAY[gen_random_uuid()::text], ARRAY[:data]::jsonb[],
	   ARRAY['{}']::jsonb[], ARRAY['1'], ARRAY['ItemAdded'], ARRAY['E'],
	   'bench-' || :n, 'bench', NULL, :partition)
\gset
\if :success
\else
SELECT nextval('refused');
\endif
