-- message-db, the streams spread over 100 categories.
\set n random(1, :streams)
\set category :n % 100
SELECT write_message(gen_random_uuid()::varchar, 'bench' || :category || '-' || :n, 'ItemAdded', :data,
					 '{"correlationStreamName": "session-1"}');
