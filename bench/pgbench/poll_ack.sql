-- A batch that is handled at once.  A poll that delivers fewer events ends the run.
\set n 0
SELECT token, global_position AS through, stream, version, type, data, metadata, event_id,
	   schema_version, recorded_at, recorded_by, hash, ordinality AS n
  FROM event_store.poll('bench', 'consumer ' || (:client_id)::integer, :batch) WITH ORDINALITY
\aset
\if :n <> :batch
\set fewer 1 / 0
\endif
SELECT event_store.ack('bench', :token, :through);
