\set n random(1, :streams)
SELECT * FROM get_stream_messages('read' || :length || '-' || :n);
