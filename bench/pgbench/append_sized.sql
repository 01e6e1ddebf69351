-- One event of a size that a table holds, to a stream at random.
\set n random(1, :streams)
SELECT *
  FROM event_store.append('bench-' || :n, 'ItemAdded', (SELECT data FROM payload WHERE bytes = :bytes));
