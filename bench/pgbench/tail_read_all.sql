-- A reader that goes on from where it came to, which its application_name tells.
-- The whole row is counted, so that every column of it is made.
SELECT coalesce(max(global_position), :last) AS last, count(page) AS n
  FROM event_store.read_all(:last, 10000) page
\gset
SELECT set_config('application_name', 'reader ' || :last, false);
\sleep 100 ms
