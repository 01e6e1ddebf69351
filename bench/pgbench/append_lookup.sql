-- The same by name: looks up the stream and its version and inserts, in one
-- statement.  Two who do that to one stream at once would get one version, and
-- one of them 23505, which ends pgbench's client as it would end a program that
-- does not expect it.  So each client has streams of its own, which is the
-- strongest that this way can be.
\set n 1 + :client_id + :clients * random(0, :streams / :clients - 1)
INSERT INTO events
SELECT nextval('events_global_position_seq'), s.stream_id,
	   1 + coalesce((SELECT max(e.version) FROM events e WHERE e.stream_id = s.stream_id), 0),
	   s.category_id, clock_timestamp(), 1, new_id(),
	   'ItemAdded', :data::jsonb, '{"$user": "postgres", "$application": "pgbench"}'
  FROM streams s
 WHERE s.stream = 'bench-' || :n;
