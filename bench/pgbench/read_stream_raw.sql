\set n random(1, :streams)
SELECT * FROM event_store.read_stream('read' || :length || '-' || :n, raw => true);
