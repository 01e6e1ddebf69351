-- The same row by a plain INSERT that is told the stream's id and a version that
-- is free: each client counts, so that the server has nothing to find out.
\set n random(1, :streams)
\set i :i + 1
\set version :base + :i * :clients + :client_id
INSERT INTO events
VALUES (nextval('events_global_position_seq'), :n, :version, 1, clock_timestamp(), 1, new_id(),
		'ItemAdded', :data, '{"$user": "postgres", "$application": "pgbench"}');
