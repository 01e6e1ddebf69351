-- bench/sql/batches.sql
--
-- :batches batches of :size events as each call takes them.  They are stored
-- as they are, so that reading one is all that has to be done with it.

CREATE TABLE public.batch (
	batch integer PRIMARY KEY,
	events event_store.new_event[] NOT NULL,
	json jsonb NOT NULL,
	ids text[] NOT NULL,
	data jsonb[] NOT NULL,
	metadata jsonb[] NOT NULL,
	versions text[] NOT NULL,
	types text[] NOT NULL,
	kinds text[] NOT NULL);
SELECT format('ALTER TABLE batch ALTER %I SET STORAGE EXTERNAL', attname)
  FROM pg_attribute
 WHERE attrelid = 'batch'::regclass AND attnum > 1
\gexec

INSERT INTO batch
SELECT i, array_agg(event_store.new_event('ItemAdded', :'data')),
	   jsonb_agg(jsonb_build_object('type', 'ItemAdded', 'data', :'data'::jsonb)),
	   array_agg(gen_random_uuid()::text), array_agg(:'data'::jsonb), array_agg('{}'::jsonb),
	   array_agg('1'::text), array_agg('ItemAdded'::text), array_agg('E'::text)
  FROM generate_series(1, :batches) i, generate_series(1, :size)
 GROUP BY i;
VACUUM ANALYZE batch;

-- COPY's rows have all columns, in the order of their positions.
SELECT format('COPY (SELECT (%1$s - 1) * %2$s + version, %1$s, version, 1, clock_timestamp(), 1, new_id(), %4$L, %5$L::jsonb, %6$L::jsonb FROM generate_series(1, %2$s) version) TO %3$L',
			  batch, :size, :'files' || '/' || batch, 'ItemAdded', :'data', :'metadata')
  FROM batch
 ORDER BY batch
\gexec
