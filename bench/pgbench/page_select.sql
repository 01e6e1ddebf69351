-- Page after page, each client from a place of its own on, in a store without gaps.  A
-- page that is not full ends the run.
\set after :batch * (:client_id * :batches + :i)
\set i :i + 1
\set through 0
SELECT e.global_position AS through, s.stream, e.version, e.type, e.data, e.metadata, e.event_id,
	   e.schema_version, e.recorded_at, e.metadata->>'$user' AS recorded_by, NULL::bytea AS hash
  FROM event_store.events e
  JOIN event_store.streams s ON s.stream_id = e.stream_id
 WHERE e.global_position > :after
 ORDER BY e.global_position
 LIMIT :batch
\aset
\if :through <> :after + :batch
\set fewer 1 / 0
\endif
