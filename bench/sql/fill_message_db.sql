-- bench/sql/fill_message_db.sql
--
-- The same events in message-db, as its calls would leave them: in the streams of
-- one category, and again in as many streams that are spread over 100.

INSERT INTO messages (id, stream_name, position, type, data, metadata)
SELECT gen_random_uuid(), category || '-' || n, version - 1, 'ItemAdded', :'data',
	   '{"correlationStreamName": "session-1"}'
  FROM generate_series(1, :each) version, generate_series(1, :streams) n,
	   LATERAL (VALUES ('bench'), ('bench' || n % 100)) kind (category)
 ORDER BY version, n;

VACUUM ANALYZE messages;
