-- bench/sql/subscription.sql
--
-- A subscription "bench" to all events, in :partitions partitions, and what it has
-- delivered by one poll of each, by which it is told later how many events up to a
-- checkpoint are a partition's.

SELECT event_store.create_subscription('bench', partitions => :partitions);

CREATE TABLE delivered (
	partition integer NOT NULL,
	global_position bigint NOT NULL,
	token bigint NOT NULL);

-- By turns, as many times as there are partitions.
SELECT statement
  FROM generate_series(1, :partitions) n,
	   (VALUES (1, $$
		INSERT INTO delivered
		SELECT partition, global_position, token FROM event_store.poll('bench', 'counter', NULL)$$),
		(2, $$
		SELECT event_store.ack('bench', token, through)
		  FROM (SELECT token, max(global_position) AS through
				  FROM delivered
				 WHERE token = (SELECT token FROM delivered ORDER BY ctid DESC LIMIT 1)
				 GROUP BY token) newest$$)) turn (i, statement)
 ORDER BY n, i
\gexec

CREATE INDEX ON delivered (partition, global_position);
VACUUM ANALYZE delivered;
