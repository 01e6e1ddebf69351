-- The query of Emmett's client.
\set n random(1, :streams)
SELECT stream_id, stream_position, global_position, message_data, message_metadata,
	   message_schema_version, message_type, message_id
  FROM emt_messages
 WHERE stream_id = 'read' || :length || '-' || :n AND partition = :partition AND is_archived = FALSE
 ORDER BY stream_position ASC;
