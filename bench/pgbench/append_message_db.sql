-- message-db, all streams in one category.
\set n random(1, :streams)
SELECT write_message(gen_random_uuid()::varchar, 'bench-' || :n, 'ItemAdded', :data,
					 '{"correlationStreamName": "session-1"}');
