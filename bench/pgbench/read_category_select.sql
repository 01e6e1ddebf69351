\set after :first + 2000 * :page
\set page (:page + 1) % :pages
SELECT e.global_position, s.stream, e.version, e.type, e.data, e.metadata, e.event_id,
	   e.schema_version, e.recorded_at, e.metadata->>'$user' AS recorded_by, NULL::bytea AS hash
  FROM event_store.events e
  JOIN event_store.streams s ON s.stream_id = e.stream_id
 WHERE e.category_id = (SELECT category_id FROM event_store.categories WHERE category = 'read100')
   AND e.global_position > :after
 ORDER BY e.global_position
 LIMIT 1000;
