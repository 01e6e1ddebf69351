-- The same by a plain query, which would miss events.
SELECT coalesce(max(global_position), :last) AS last, count(page) AS n
  FROM (SELECT e.global_position, s.stream, e.version, e.type, e.data, e.metadata, e.event_id,
			   e.schema_version, e.recorded_at, e.metadata->>'$user' AS recorded_by,
			   NULL::bytea AS hash
		  FROM event_store.events e
		  JOIN event_store.streams s ON s.stream_id = e.stream_id
		 WHERE e.global_position > :last
		 ORDER BY e.global_position
		 LIMIT 10000) page
\gset
SELECT set_config('application_name', 'reader ' || :last, false);
\sleep 100 ms
