-- The columns of event_store.event from the store's own tables.
\set n random(1, :streams)
SELECT e.global_position, s.stream, e.version, e.type, e.data, e.metadata, e.event_id,
	   e.schema_version, e.recorded_at, e.metadata->>'$user' AS recorded_by, NULL::bytea AS hash
  FROM event_store.streams s
  JOIN event_store.events e ON e.stream_id = s.stream_id
 WHERE s.stream = 'read' || :length || '-' || :n
 ORDER BY e.version;
