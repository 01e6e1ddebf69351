-- The columns that the query of Emmett's client returns; it has no time and no user.
\set n random(1, :streams)
SELECT stream, version, global_position, data, metadata, schema_version, type, event_id
  FROM event_store.read_stream('read' || :length || '-' || :n);
