-- bench/sql/fill_message_db.sql
--
-- The same events in message-db, as its calls would leave them.

INSERT INTO messages (id, stream_name, position, type, data, metadata)
SELECT gen_random_uuid(), 'bench-' || n, version - 1, 'ItemAdded', :'data', :'metadata'
  FROM generate_series(1, :each) version, generate_series(1, :streams) n
 ORDER BY version, n;

VACUUM ANALYZE messages;
