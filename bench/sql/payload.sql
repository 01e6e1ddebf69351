-- bench/sql/payload.sql
--
-- Data for events of 100 bytes to 1 MB: a string of hexadecimal digits at random,
-- in which PostgreSQL's compression finds nothing to shorten.

CREATE TABLE payload (bytes integer PRIMARY KEY, data jsonb NOT NULL);
INSERT INTO payload
SELECT bytes, jsonb_build_object('text', left(string_agg(md5(random()::text), ''), bytes - 20))
  FROM unnest(ARRAY[100, 1000, 10000, 100000, 1000000]) bytes,
	   LATERAL generate_series(1, bytes / 32 + 1)
 GROUP BY bytes;
VACUUM ANALYZE payload;
