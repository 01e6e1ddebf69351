-- One event to a stream at random, at whatever version.
\set n random(1, :streams)
SELECT * FROM event_store.append('bench-' || :n, 'ItemAdded', :data);
