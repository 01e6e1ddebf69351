-- A reader that goes on from where it came to.
SELECT coalesce(max(global_position), :last) AS last
  FROM event_store.read_all(:last, 1000)
\gset
\sleep 100 ms
