--
-- Subscriptions: polling and answering, failures, parked events, moving, and a run of
-- consumers that do all of it at random.  What several sessions do at once is in
-- subscriptions.spec, whole servers in 022_subscriptions.pl.
--
CREATE SCHEMA regress_sub;
-- What each consumer has got and not answered.
CREATE TABLE regress_sub.got (consumer text, n bigint GENERATED ALWAYS AS IDENTITY, token bigint, partition integer, attempts integer, global_position bigint, stream text, version bigint, data jsonb);
CREATE FUNCTION regress_sub.poll(c text, max_count bigint DEFAULT 100, lease interval DEFAULT '1 hour', s text DEFAULT 'one') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM regress_sub.got g WHERE g.consumer = c;
	INSERT INTO regress_sub.got (consumer, token, partition, attempts, global_position, stream, version, data)
		SELECT c, p.token, p.partition, p.attempts, p.global_position, p.stream, p.version, p.data FROM event_store.poll(s, c, max_count, lease) p;
	RETURN (SELECT string_agg(substr(stream, 5) || version || CASE WHEN g.attempts > 0 THEN '(' || g.attempts || ')' ELSE '' END, ' ' ORDER BY n) FROM regress_sub.got g WHERE g.consumer = c);
END$$;
-- The position of an event, named as above.
CREATE FUNCTION regress_sub.at(e text) RETURNS bigint LANGUAGE sql STRICT AS
	$$SELECT global_position FROM event_store.read_stream('sub-' || left(e, 1), from_version => substr(e, 2)::bigint, max_count => 1)$$;
CREATE FUNCTION regress_sub.ack(c text, e text DEFAULT NULL, s text DEFAULT 'one') RETURNS void LANGUAGE sql AS
	$$SELECT event_store.ack(s, (SELECT max(token) FROM regress_sub.got WHERE consumer = c), COALESCE(regress_sub.at(e), (SELECT max(global_position) FROM regress_sub.got WHERE consumer = c)))$$;
CREATE FUNCTION regress_sub.nack(c text, e text, reason text DEFAULT NULL, delay interval DEFAULT '0', s text DEFAULT 'one') RETURNS void LANGUAGE sql AS
	$$SELECT event_store.nack(s, (SELECT max(token) FROM regress_sub.got WHERE consumer = c), regress_sub.at(e), reason, delay)$$;
CREATE FUNCTION regress_sub.append(VARIADIC streams text[]) RETURNS void LANGUAGE sql AS
	$$SELECT event_store.append('sub-' || s, 'T', '1') FROM unnest(streams) WITH ORDINALITY u(s, n) ORDER BY n$$;
CREATE VIEW regress_sub.status AS
	SELECT subscription, partition, state, consumer, leased_until > now() AS leased, lag_events, lag_seconds IS NOT NULL AS has_age, deliveries, delayed, attempts,
		   retry_at IS NOT NULL AS retries, parked, reason, acked_at IS NOT NULL AS acked
	  FROM event_store.subscription_status WHERE subscription = 'one';
CREATE VIEW regress_sub.parked AS
	SELECT substr(stream, 5) || version AS event, type, attempts, reason, consumer, stream_waits FROM event_store.parked_events('one');

-- What cannot be a subscription.
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.create_subscription(NULL)$$,
	$$SELECT event_store.create_subscription('')$$,
	$$SELECT event_store.create_subscription(repeat('x', 256))$$,
	$$SELECT event_store.create_subscription('s', ARRAY['a', NULL])$$,
	$$SELECT event_store.create_subscription('s', ARRAY['a-b'])$$,
	$$SELECT event_store.create_subscription('s', types => ARRAY[''])$$,
	$$SELECT event_store.create_subscription('s', start_position => NULL)$$,
	$$SELECT event_store.create_subscription('s', start_position => -1)$$,
	$$SELECT event_store.create_subscription('s', partitions => NULL)$$,
	$$SELECT event_store.create_subscription('s', partitions => 0)$$,
	$$SELECT event_store.create_subscription('s', partitions => 257)$$,
	$$SELECT event_store.create_subscription('s', max_attempts => 0)$$,
	$$SELECT event_store.create_subscription('s', max_attempts => NULL)$$,
	$$SELECT event_store.create_subscription('s', on_error => 'stop')$$,
	$$SELECT event_store.create_subscription('s', on_error => NULL)$$,
	$$SELECT event_store.create_subscription('s', retry_delay => '-1 s')$$,
	$$SELECT event_store.create_subscription('s', retry_delay => '1 month')$$,
	$$SELECT event_store.create_subscription('s', if_not_exists => NULL)$$,
	$$SELECT event_store.drop_subscription('s')$$,
	$$SELECT event_store.drop_subscription('s', if_exists => true)$$,
	$$SELECT event_store.drop_subscription(NULL)$$,
	$$SELECT event_store.move_subscription('s', 0)$$,
	$$SELECT event_store.move_subscription('s', NULL)$$,
	$$SELECT event_store.move_subscription('s', -1)$$,
	$$SELECT event_store.replay_parked('s')$$,
	$$SELECT event_store.replay_parked(NULL)$$,
	$$SELECT event_store.skip_parked('s', 1)$$,
	$$SELECT event_store.skip_parked('s', -1)$$,
	$$SELECT event_store.replay_parked('s', -1)$$,
	$$SELECT event_store.skip_parked('s', NULL)$$,
	$$SELECT * FROM event_store.parked_events('s')$$,
	$$SELECT * FROM event_store.poll('s', 'a')$$,
	$$SELECT event_store.ack('s', 1, 1)$$,
	$$SELECT event_store.nack('s', 1, 1)$$]) q;
\set VERBOSITY sqlstate
SELECT event_store.create_subscription('s', start_position => 9223372036854775807);
\set VERBOSITY default

-- A subscription is kept, or changed, but for its partitions.
SELECT event_store.create_subscription('one', ARRAY['sub'], start_position => event_store.safe_position(), partitions => 1, max_attempts => 2, retry_delay => '0');
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.create_subscription('one')$$,
	$$SELECT event_store.create_subscription('one', if_not_exists => true)$$,
	$$SELECT event_store.create_subscription('one', partitions => 2, replace => true)$$]) q;
SELECT subscription, categories, types, partitions, on_error, max_attempts, retry_delay FROM event_store.subscriptions;

-- What cannot be asked for.
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT * FROM event_store.poll(NULL, 'a')$$,
	$$SELECT * FROM event_store.poll('one', NULL)$$,
	$$SELECT * FROM event_store.poll('one', '')$$,
	$$SELECT * FROM event_store.poll('one', 'a', -1)$$,
	$$SELECT * FROM event_store.poll('one', 'a', lease => NULL)$$,
	$$SELECT * FROM event_store.poll('one', 'a', lease => '0')$$,
	$$SELECT * FROM event_store.poll('one', 'a', lease => '-1 s')$$,
	$$SELECT * FROM event_store.poll('one', 'a', lease => '25 hours')$$,
	$$SELECT event_store.ack(NULL, 1, 1)$$,
	$$SELECT event_store.ack('one', NULL, 1)$$,
	$$SELECT event_store.ack('one', 1, NULL)$$,
	$$SELECT event_store.ack('one', 1, -1)$$,
	$$SELECT event_store.ack('one', 1, 1)$$,
	$$SELECT event_store.ack('one', 9223372036854775807, 1)$$,
	$$SELECT event_store.ack('one', -1, 1)$$,
	$$SELECT event_store.nack('one', NULL, 1)$$,
	$$SELECT event_store.nack('one', 1, NULL)$$,
	$$SELECT event_store.nack('one', 1, 1)$$,
	$$SELECT event_store.nack('one', 1, 1, delay => '-1 s')$$,
	$$SELECT event_store.nack('one', 1, 1, delay => '366 days')$$]) q;
BEGIN READ ONLY;
SELECT * FROM event_store.poll('one', 'a');
ROLLBACK;

-- Nothing to do; one consumer at a time has the partition; a consumer that polls again
-- is taken for one that was started anew.
SELECT regress_sub.poll('a');
SELECT * FROM regress_sub.status;
SELECT regress_sub.append('A', 'B', 'A', 'C', 'B', 'A');
SELECT event_store.append('subother-1', 'T', '1') IS NOT NULL AS appended;
SELECT * FROM regress_sub.status;
SELECT regress_sub.poll('a', 0);
SELECT regress_sub.poll('a', 4);
SELECT regress_sub.poll('b');
SELECT * FROM regress_sub.status;
SELECT token AS old FROM regress_sub.got LIMIT 1 \gset
SELECT regress_sub.poll('a', 4);
SELECT token > :old AS greater, token % 256 - partition AS partition_in_token FROM regress_sub.got LIMIT 1;
SELECT * FROM regress_sub.status;

-- Part of them, the rest, and again; what was not delivered cannot be acknowledged, nor
-- what the former token was for.
SELECT regress_sub.ack('a', 'B1');
SELECT state, deliveries, lag_events FROM regress_sub.status;
SELECT regress_sub.ack('a', 'A1');
\set VERBOSITY sqlstate
SELECT regress_sub.ack('a', 'B2');
SELECT event_store.ack('one', :old, regress_sub.at('A2'));
SELECT event_store.nack('one', :old, regress_sub.at('A2'));
SELECT regress_sub.nack('a', 'A1');
SELECT regress_sub.nack('a', 'B2');
SELECT event_store.nack('one', (SELECT max(token) FROM regress_sub.got), (SELECT max(global_position) FROM event_store.read_stream('subother-1')));
\set VERBOSITY default
SELECT regress_sub.ack('a');
SELECT regress_sub.ack('a');
SELECT state, consumer, leased, lag_events FROM regress_sub.status;
SELECT regress_sub.poll('b');
\set VERBOSITY sqlstate
SELECT regress_sub.ack('a');
\set VERBOSITY default
SELECT regress_sub.ack('b');
SELECT state, lag_events FROM regress_sub.status;
SELECT regress_sub.poll('a');

-- A rollback takes an answer back, and a lease.
SELECT regress_sub.append('A', 'B');
BEGIN;
SELECT regress_sub.poll('a');
SAVEPOINT s;
SELECT regress_sub.ack('a');
ROLLBACK TO s;
SELECT state FROM regress_sub.status;
ROLLBACK;
SELECT state, consumer FROM regress_sub.status;
BEGIN;
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.append('C');
SELECT regress_sub.poll('a');
COMMIT;
SELECT regress_sub.ack('a');

-- A lease that has run out can be answered until somebody takes it.
SELECT regress_sub.append('A', 'B');
SELECT regress_sub.poll('a', lease => '1 microsecond');
SELECT state FROM regress_sub.status;
SELECT regress_sub.ack('a', 'A5');
SELECT regress_sub.poll('b');
\set VERBOSITY sqlstate
SELECT regress_sub.ack('a');
\set VERBOSITY default
SELECT regress_sub.ack('b');

-- A lease is given back, in part or whole, and that is no attempt.
SELECT regress_sub.append('C', 'C', 'C');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a', 'C3');
SELECT event_store.release('one', token) FROM regress_sub.got WHERE consumer = 'a' LIMIT 1;
SELECT state, consumer, leased, deliveries, lag_events FROM regress_sub.status;
\set VERBOSITY sqlstate
SELECT regress_sub.ack('a');
SELECT event_store.release('one', token) FROM regress_sub.got WHERE consumer = 'a' LIMIT 1;
SELECT event_store.release('one', NULL);
SELECT event_store.release(NULL, 1);
\set VERBOSITY default
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');

-- An event that fails holds up its stream only, and comes again with what is after it.
SELECT regress_sub.append('A', 'B', 'A', 'B');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A6', 'not yet', '1 hour');
SELECT regress_sub.nack('a', 'A7', 'a later one changes nothing');
SELECT state, lag_events, delayed, attempts, retries, reason FROM regress_sub.status;
SELECT regress_sub.ack('a');
SELECT * FROM regress_sub.status;
SELECT regress_sub.append('A', 'B');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
UPDATE event_store.subscription_failed_events SET retry_at = now();
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.append('A', 'B');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT count(*) FROM event_store.subscription_failed_events;

-- The consumer stops at an event that fails, and acknowledges those before, or none.
SELECT regress_sub.append('A', 'A', 'B', 'A');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a', 'A10');
SELECT regress_sub.nack('a', 'A11');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.append('A', 'A', 'A');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A14');
SELECT regress_sub.ack('a', 'A13');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT count(*) FROM event_store.subscription_failed_events;

-- One that fails before another of its stream that did comes first.
SELECT regress_sub.append('B', 'B', 'B', 'B');
SELECT regress_sub.poll('b');
SELECT regress_sub.nack('b', 'B12');
SELECT regress_sub.nack('b', 'B10');
SELECT regress_sub.nack('b', 'B11');
SELECT regress_sub.ack('b');
SELECT regress_sub.poll('b');
SELECT regress_sub.nack('b', 'B10', 'again');
SELECT regress_sub.ack('b');
SELECT * FROM regress_sub.parked;
SELECT event_store.replay_parked('one');
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');
SELECT regress_sub.poll('b');
SELECT regress_sub.nack('b', 'B12');
SELECT regress_sub.nack('b', 'B11');
SELECT regress_sub.ack('b');
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');
SELECT count(*) FROM event_store.subscription_failed_events;

-- After the last attempt it is parked; its stream waits.
SELECT regress_sub.append('A', 'B', 'A');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A16', 'bad');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A16', 'worse ' || repeat('x', 2000));
SELECT event, type, attempts, length(reason), consumer, stream_waits FROM regress_sub.parked;
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT state, lag_events, delayed, attempts, retries, parked FROM regress_sub.status;
SELECT event_store.skip_parked('one', 1), event_store.replay_parked('one', 1), event_store.skip_parked('one', 0), event_store.replay_parked('one', 0);
SELECT event_store.replay_parked('one', regress_sub.at('A16'));
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A16', 'once more');
SELECT * FROM regress_sub.parked;
SELECT event_store.replay_parked('one');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT count(*) FROM event_store.subscription_failed_events;

-- One that is given up is passed.
SELECT regress_sub.append('A', 'A');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A18');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A18');
SELECT event_store.skip_parked('one', regress_sub.at('A18'));
SELECT regress_sub.poll('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT count(*) FROM event_store.subscription_failed_events;

-- The same where events before it were handled and not acknowledged: they come again.
SELECT event_store.create_subscription('one', ARRAY['sub'], partitions => 1, max_attempts => 1, retry_delay => '0', replace => true);
SELECT regress_sub.append('A', 'A', 'A');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A21');
SELECT event_store.skip_parked('one', regress_sub.at('A21'));
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT count(*) FROM event_store.subscription_failed_events;

-- Later events pass one that is parked, if that was asked for.
SELECT event_store.create_subscription('one', ARRAY['sub'], partitions => 1, max_attempts => 1, on_error => 'pass', retry_delay => '0', replace => true);
SELECT regress_sub.append('A', 'B', 'A', 'A');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A24', 'bad');
SELECT regress_sub.ack('a');
SELECT * FROM regress_sub.parked;
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.append('A');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT state, delayed, attempts, retries, parked, reason FROM regress_sub.status;
SELECT event_store.replay_parked('one');
SELECT state, delayed, attempts, retries, parked FROM regress_sub.status;
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A24', 'again');
SELECT * FROM regress_sub.parked;
SELECT event_store.replay_parked('one');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.append('A', 'A', 'A');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A28');
SELECT event_store.skip_parked('one', regress_sub.at('A28'));
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT count(*) FROM event_store.subscription_failed_events;

-- One that is replayed before those before it were handled comes after them all the same.
SELECT regress_sub.append('F', 'F', 'F');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'F2');
SELECT event_store.replay_parked('one');
SELECT event_store.release('one', max(token)) FROM regress_sub.got WHERE consumer = 'a';
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');
SELECT regress_sub.poll('b');
SELECT count(*) FROM event_store.subscription_failed_events;

-- Who has events on lease while others become the subscription's, too, does not get past
-- them.
CREATE FUNCTION regress_sub.append_types(VARIADIC types text[]) RETURNS void LANGUAGE sql AS
	$$SELECT event_store.append('sub-G', t, '1') FROM unnest(types) WITH ORDINALITY u(t, n) ORDER BY n$$;
SELECT start_position AS started FROM event_store.subscriptions WHERE subscription = 'one' \gset
SELECT event_store.create_subscription('one', ARRAY['sub'], ARRAY['T'], start_position => 1, partitions => 1, replace => true);
SELECT regress_sub.append_types('T', 'U', 'T');
SELECT regress_sub.poll('a');
SELECT event_store.create_subscription('one', ARRAY['sub', 'sub'], ARRAY['T'], partitions => 1, max_attempts => 5, replace => true);
SELECT regress_sub.ack('a', 'G1');
SELECT event_store.create_subscription('one', ARRAY['sub'], ARRAY['U', 'T'], partitions => 1, replace => true);
\set VERBOSITY sqlstate
SELECT regress_sub.ack('a');
\set VERBOSITY default
SELECT regress_sub.poll('a');
SELECT event_store.create_subscription('one', ARRAY['sub'], ARRAY['U'], partitions => 1, replace => true);
SELECT regress_sub.poll('a');
SELECT event_store.create_subscription('one', ARRAY['sub'], partitions => 1, replace => true);
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT event_store.create_subscription('one', partitions => 1, replace => true);
SELECT state FROM regress_sub.status;
-- It began where it began.
SELECT start_position = :started AS unchanged FROM event_store.subscriptions WHERE subscription = 'one';

-- How often events were delivered is not counted against others: what is tried again comes for the
-- first time after a batch that was not answered twice.
SELECT event_store.create_subscription('one', ARRAY['sub'], partitions => 1, max_attempts => 2, retry_delay => '0', replace => true);
SELECT regress_sub.append('I', 'J', 'J');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'I1', 'no', '1 hour');
SELECT event_store.release('one', max(token)) FROM regress_sub.got WHERE consumer = 'a';
SELECT regress_sub.poll('a', lease => '1 microsecond');
SELECT regress_sub.poll('a', lease => '1 microsecond');
UPDATE event_store.subscription_failed_events SET retry_at = now();
SELECT regress_sub.poll('a', lease => '1 microsecond');
SELECT state, deliveries FROM regress_sub.status;
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT * FROM regress_sub.parked;

-- What was acknowledged cannot fail any more, whatever has failed after it.
SELECT regress_sub.append('K', 'K', 'K');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'K1');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a', 'K2');
SELECT regress_sub.nack('a', 'K3', 'first');
\set VERBOSITY sqlstate
SELECT regress_sub.nack('a', 'K2', 'second');
\set VERBOSITY default
SELECT regress_sub.nack('a', 'K3', 'third');
SELECT attempts, reason FROM regress_sub.status;
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT count(*) FROM event_store.subscription_failed_events;

-- Tokens grow, and are not ahead of the clock, however fast they are given.
SELECT regress_sub.append('H');
DO $$
DECLARE
	t bigint;
	before bigint := 0;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		SELECT token INTO t FROM event_store.poll('one', 'a');
		ASSERT t > before;
		ASSERT (t >> 8) <= extract(epoch FROM clock_timestamp() - '2000-01-01 00:00:00+00') * 10000, 'ahead of the clock';
		before := t;
		PERFORM event_store.release('one', t);
	END LOOP;
END$$;
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');

-- What is never answered comes in smaller batches, then alone, and counts as failed.
SELECT event_store.create_subscription('one', ARRAY['sub'], partitions => 1, max_attempts => 2, retry_delay => '0', replace => true);
SELECT regress_sub.append('A', 'B', 'C', 'A');
SELECT regress_sub.poll('a', lease => '1 microsecond') FROM generate_series(1, 4);
SELECT state, deliveries FROM regress_sub.status;
SELECT regress_sub.poll('b', lease => '1 microsecond');
SELECT regress_sub.poll('b', lease => '1 microsecond');
SELECT regress_sub.poll('b', lease => '1 microsecond');
SELECT regress_sub.poll('b', lease => '1 microsecond');
SELECT * FROM regress_sub.parked;
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');
SELECT event_store.replay_parked('one');
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');
SELECT regress_sub.poll('b');
SELECT regress_sub.ack('b');
SELECT count(*) FROM event_store.subscription_failed_events;

-- Moving back and forward ends leases; what is parked and does not come again stays.
SELECT regress_sub.append('A', 'B', 'A', 'B');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A32');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'A32', 'bad');
SELECT regress_sub.poll('a');
SELECT event_store.move_subscription('one', regress_sub.at('A33'));
\set VERBOSITY sqlstate
SELECT regress_sub.ack('a');
SELECT event_store.move_subscription('one', 9223372036854775807);
\set VERBOSITY default
SELECT * FROM regress_sub.parked;
SELECT state, consumer, leased FROM regress_sub.status;
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT event_store.move_subscription('one', regress_sub.at('A32') - 1);
SELECT * FROM regress_sub.parked;
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT count(*) FROM event_store.subscription_failed_events;

-- Types are looked for as they are today; events are given so, too.
SELECT event_store.create_subscription('one', ARRAY['sub'], ARRAY['New'], partitions => 1, replace => true);
SELECT event_store.create_upcaster('Old', 1, 'regress_sub.up', 'New') FROM (SELECT regress_help.run('CREATE FUNCTION regress_sub.up(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$SELECT jsonb_build_object(''up'', data)$$')) f;
SELECT count(event_store.append('sub-D', t, '1')) FROM unnest(ARRAY['T', 'Old', 'T', 'Old']) t;
SELECT stream, version, type, schema_version, data FROM event_store.poll('one', 'a');
SELECT regress_sub.poll('a');
SELECT regress_sub.nack('a', 'D2', delay => '0');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT regress_sub.ack('a');
SELECT regress_sub.poll('a');
SELECT event_store.drop_upcaster('Old', 1);

-- A trigger of the owner's that keeps a failure from being noted is told.
CREATE FUNCTION regress_sub.quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER quiet BEFORE INSERT ON event_store.subscription_failed_events FOR EACH ROW EXECUTE FUNCTION regress_sub.quiet();
SELECT event_store.create_subscription('one', ARRAY['sub'], partitions => 1, replace => true);
SELECT regress_sub.append('A');
SELECT count(*) FROM (SELECT regress_sub.poll('a')) p;
SELECT regress_help.run(format('SELECT event_store.nack(%L, %s, %s)', 'one', token, global_position)) ~ '^55000: could not change the subscriptions' FROM regress_sub.got ORDER BY n DESC LIMIT 1;
DROP TRIGGER quiet ON event_store.subscription_failed_events;
SELECT regress_sub.ack('a');

-- What is behind because nothing was its is not looked at again and again.
SELECT count(event_store.append_json('none-1', (SELECT jsonb_agg('{"type": "T", "data": 1}'::jsonb) FROM generate_series(1, 1500))));
SELECT event_store.create_subscription('one', ARRAY['sub', 'none'], ARRAY['New'], partitions => 1, replace => true);
SELECT checkpoint < event_store.safe_position() AS behind FROM event_store.subscription_status WHERE subscription = 'one';
SELECT regress_sub.poll('a');
SELECT checkpoint = event_store.safe_position() AS moved, state FROM event_store.subscription_status WHERE subscription = 'one';

-- A checkpoint beyond the store is told, by polling and in the status.
UPDATE event_store.subscription_partitions SET checkpoint = 9223372036854775000 WHERE subscription = 'one';
\set VERBOSITY sqlstate
SELECT * FROM event_store.poll('one', 'a');
\set VERBOSITY default
SELECT state, lag_events FROM regress_sub.status;
SELECT event_store.move_subscription('one', event_store.safe_position());
SELECT state, lag_events FROM regress_sub.status;
-- What only the owner can break is told, too.
UPDATE event_store.subscriptions SET partitions = 0 WHERE subscription = 'one';
SELECT regress_help.run($$SELECT * FROM event_store.poll('one', 'a')$$);
SELECT * FROM regress_sub.status;
UPDATE event_store.subscriptions SET partitions = 2 WHERE subscription = 'one';
SELECT regress_help.run($$SELECT * FROM event_store.poll('one', 'a')$$);
SELECT state, reason FROM regress_sub.status;
UPDATE event_store.subscriptions SET partitions = 1, max_attempts = 0 WHERE subscription = 'one';
SELECT regress_help.run($$SELECT event_store.ack('one', 1, 1)$$), regress_help.run($$SELECT event_store.move_subscription('one', 0)$$);
UPDATE event_store.subscriptions SET max_attempts = 1, on_error = 'stop', partitions = 1000 WHERE subscription = 'one';
SELECT state, reason FROM regress_sub.status;
SELECT event_store.create_subscription('one', ARRAY['sub'], partitions => 1, replace => true);
SELECT state, reason FROM regress_sub.status;
CREATE RULE quiet AS ON UPDATE TO event_store.subscription_partitions DO INSTEAD NOTHING;
UPDATE event_store.subscriptions SET partitions = 1, types = NULL WHERE subscription = 'one';
SELECT regress_sub.append('A');
SELECT regress_help.run($$SELECT * FROM event_store.poll('one', 'a')$$);
DROP RULE quiet ON event_store.subscription_partitions;
SELECT event_store.drop_subscription('one');
SELECT count(*) FROM event_store.subscription_partitions;

-- Waiting; who polls another subscription waits for nobody.
CALL event_store.wait_for_events(NULL);
CALL event_store.wait_for_events(0, NULL);
CALL event_store.wait_for_events(0, '-1 s');
CALL event_store.wait_for_events(-1);
SET client_min_messages = error;
CALL event_store.wait_for_events(0);
CALL event_store.wait_for_events(event_store.safe_position(), '0');
\set VERBOSITY sqlstate
BEGIN;
CALL event_store.wait_for_events(0);
ROLLBACK;
CALL event_store.wait_for_events(9223372036854775807);
\set VERBOSITY default
RESET client_min_messages;

-- Consumers that do all of it at random.  What they handle takes effect with the
-- acknowledgement, so that each event is to be handled once, and in the order of its
-- stream; with "pass", but for those that were parked.
CREATE TABLE regress_sub.handled (n bigint GENERATED ALWAYS AS IDENTITY, subscription text, stream text, version bigint, global_position bigint);
CREATE TABLE regress_sub.was_parked (subscription text, global_position bigint);
CREATE FUNCTION regress_sub.work(s text, c text, whole boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	e record;
	failed text[] := '{}';
	last record;
BEGIN
	IF NOT whole AND random() < 0.1 THEN
		-- It fails at any one, and is killed.
		PERFORM event_store.nack(s, g.token, g.global_position, 'fails', '0')
		   FROM (SELECT * FROM regress_sub.got WHERE consumer = c AND attempts < (data ->> 'fails')::integer ORDER BY random() LIMIT 1) g;
		RETURN;
	END IF;
	FOR e IN SELECT * FROM regress_sub.got WHERE consumer = c ORDER BY n LOOP
		CONTINUE WHEN e.stream = ANY (failed);
		IF NOT whole AND random() < 0.1 THEN
			EXIT; -- it stops here
		END IF;
		IF e.attempts < (e.data ->> 'fails')::integer THEN
			PERFORM event_store.nack(s, e.token, e.global_position, 'fails', '0');
			failed := failed || e.stream;
			EXIT WHEN random() < 0.3; -- and polls again
		ELSE
			INSERT INTO regress_sub.handled (subscription, stream, version, global_position) VALUES (s, e.stream, e.version, e.global_position);
			IF random() < 0.2 THEN
				PERFORM event_store.ack(s, e.token, e.global_position);
			END IF;
		END IF;
		last := e;
	END LOOP;
	IF last IS NOT NULL THEN
		PERFORM event_store.ack(s, last.token, last.global_position);
	END IF;
EXCEPTION WHEN SQLSTATE 'ST006' THEN
	NULL; -- what was handled is taken back
END$$;
CREATE FUNCTION regress_sub.simulate(s text, rounds integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c text;
	what double precision;
BEGIN
	FOR i IN 1 .. rounds LOOP
		c := 'c' || floor(random() * 3);
		what := random();
		IF what < 0.02 THEN
			BEGIN
				PERFORM event_store.release(s, max(token)) FROM regress_sub.got WHERE consumer = c HAVING count(*) > 0;
			EXCEPTION WHEN SQLSTATE 'ST006' THEN
				NULL;
			END;
		ELSIF what < 0.3 THEN
			PERFORM event_store.append('sim-' || floor(random() ^ 2 * 12), 'T', jsonb_build_object('fails', CASE WHEN random() < 0.1 THEN floor(random() * 5) ELSE 0 END));
		ELSIF what < 0.6 THEN
			PERFORM regress_sub.poll(c, ceil(random() * 10)::bigint, CASE WHEN random() < 0.4 THEN interval '1 microsecond' ELSE '1 hour' END, s);
		ELSIF what < 0.9 THEN
			PERFORM regress_sub.work(s, c, false);
			DELETE FROM regress_sub.got WHERE consumer = c;
		ELSIF what < 0.95 THEN
			DELETE FROM regress_sub.got WHERE consumer = c; -- it is killed
		ELSE
			INSERT INTO regress_sub.was_parked SELECT s, p.global_position FROM event_store.parked_events(s) p;
			IF random() < 0.6 THEN
				PERFORM event_store.replay_parked(s);
			END IF;
		END IF;
	END LOOP;
	-- to the end
	FOR i IN 1 .. 10000 LOOP
		FOREACH c IN ARRAY ARRAY['c0', 'c1', 'c2'] LOOP
			WHILE regress_sub.poll(c, 10, '1 hour', s) IS NOT NULL LOOP
				PERFORM regress_sub.work(s, c, true);
			END LOOP;
		END LOOP;
		INSERT INTO regress_sub.was_parked SELECT s, p.global_position FROM event_store.parked_events(s) p;
		EXIT WHEN event_store.replay_parked(s) = 0;
	END LOOP;
END$$;
CREATE VIEW regress_sub.anomalies AS
	SELECT s.subscription,
		   (SELECT count(*) FROM event_store.all_events e WHERE e.stream LIKE 'sim-%' AND NOT EXISTS (SELECT FROM regress_sub.handled h WHERE h.subscription = s.subscription AND h.global_position = e.global_position)) AS skipped,
		   (SELECT count(*) - count(DISTINCT h.global_position) FROM regress_sub.handled h WHERE h.subscription = s.subscription) AS twice,
		   (SELECT count(*) FROM (SELECT h.version, h.global_position, max(h.version) OVER (PARTITION BY h.stream ORDER BY h.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM regress_sub.handled h WHERE h.subscription = s.subscription) o
			 WHERE o.before > o.version AND (s.on_error = 'wait' OR NOT EXISTS (SELECT FROM regress_sub.was_parked p WHERE p.subscription = s.subscription AND p.global_position = o.global_position))) AS out_of_order,
		   (SELECT count(*) > 0 FROM regress_sub.was_parked p WHERE p.subscription = s.subscription) AS some_were_parked
	  FROM event_store.subscriptions s WHERE s.subscription LIKE 'sim %';
SELECT event_store.create_subscription('sim ' || on_error || partitions, ARRAY['sim'], partitions => partitions, max_attempts => least(partitions, 3), on_error => on_error, retry_delay => '0')
  FROM unnest(ARRAY['wait', 'pass']) on_error, unnest(ARRAY[1, 3, 8]) partitions;
SELECT setseed(0.5);
SELECT regress_sub.simulate(subscription, 600) FROM event_store.subscriptions WHERE subscription LIKE 'sim %' ORDER BY subscription;
SELECT regress_sub.simulate(subscription, 0) FROM event_store.subscriptions WHERE subscription LIKE 'sim %' ORDER BY subscription;
SELECT count(*) > 500 AS enough FROM event_store.all_events WHERE stream LIKE 'sim-%';
SELECT * FROM regress_sub.anomalies ORDER BY 1;
SELECT subscription, state, sum(lag_events) AS lag_events, sum(delayed) AS delayed, sum(parked) AS parked, count(*) AS partitions FROM event_store.subscription_status GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM event_store.subscription_failed_events;
-- More events have failed than are listed at once.
CREATE FUNCTION regress_sub.consume_all(s text, fails boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	e record;
	n bigint := 0;
	before bigint;
BEGIN
	LOOP
		before := n;
		FOR e IN SELECT * FROM event_store.poll(s, 'c') LOOP
			n := n + 1;
			IF fails THEN
				PERFORM event_store.nack(s, e.token, e.global_position);
			ELSE
				INSERT INTO regress_sub.handled (subscription, stream, version, global_position) VALUES (s, e.stream, e.version, e.global_position);
			END IF;
		END LOOP;
		EXIT WHEN n = before;
		PERFORM event_store.ack(s, e.token, e.global_position);
	END LOOP;
	RETURN n;
END$$;
TRUNCATE regress_sub.handled;
SELECT event_store.create_subscription('down ' || on_error, ARRAY['down'], partitions => 2, max_attempts => 1, on_error => on_error) FROM unnest(ARRAY['wait', 'pass']) on_error;
SELECT count(event_store.append('down-' || n, 'T', '1')) FROM generate_series(1, 400) n;
SELECT subscription, regress_sub.consume_all(subscription, true) FROM event_store.subscriptions WHERE subscription LIKE 'down %' ORDER BY 1;
SELECT count(event_store.append('down-' || n, 'T', '2')) FROM generate_series(400, 1, -1) n;
SELECT subscription, regress_sub.consume_all(subscription, false) FROM event_store.subscriptions WHERE subscription LIKE 'down %' ORDER BY 1;
SELECT subscription, sum(lag_events) AS lag_events, sum(parked) AS parked FROM event_store.subscription_status WHERE subscription LIKE 'down %' GROUP BY 1 ORDER BY 1;
SELECT subscription, sum(event_store.skip_parked(subscription, global_position)) FROM event_store.parked_events() WHERE subscription LIKE 'down %' AND stream LIKE 'down-_' GROUP BY 1 ORDER BY 1;
SELECT subscription, event_store.replay_parked(subscription) FROM event_store.subscriptions WHERE subscription LIKE 'down %' ORDER BY 1;
SELECT subscription, regress_sub.consume_all(subscription, false) FROM event_store.subscriptions WHERE subscription LIKE 'down %' ORDER BY 1;
SELECT subscription, version, count(*), count(DISTINCT stream) AS streams FROM regress_sub.handled GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS out_of_order FROM (SELECT version < lag(version) OVER (PARTITION BY stream ORDER BY n) AS out FROM regress_sub.handled WHERE subscription = 'down wait') h WHERE out;
SELECT count(*) FROM event_store.subscription_failed_events;
SELECT event_store.drop_subscription(subscription) FROM event_store.subscriptions;
SET client_min_messages = warning;
DROP SCHEMA regress_sub CASCADE;
