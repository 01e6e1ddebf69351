#!/usr/bin/perl
#
# Consumers that poll, acknowledge a part or all, fail, give back, come late and die, with
# appends and with an owner who replays and skips what is parked, all at random and at the
# same time, at every isolation level.  What they handle they write down in the
# transaction of the acknowledgement: then each event is there once, and each stream in
# its order, but for events that were parked, which may come late where their stream
# passes them.  And more streams are set aside than are listed at once.
#
#	SECONDS		how long at each level, 5 unless set

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{SECONDS} // 5;
my $clients = 6;

my $node = PostgreSQL::Test::Cluster->new('random');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	END
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# What the last of several statements says.
sub last_of { return (split /\n/, sql($_[0]))[-1]; }

sql(<<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	CREATE TABLE got (consumer text, n bigint GENERATED ALWAYS AS IDENTITY, token bigint, attempts integer, global_position bigint, stream text, version bigint, fails integer);
	CREATE INDEX ON got (consumer);
	CREATE TABLE handled (n bigint GENERATED ALWAYS AS IDENTITY, subscription text, stream text, version bigint, global_position bigint);
	CREATE TABLE was_parked (subscription text, global_position bigint, skipped boolean);

	-- Polls.  Leases run out at once or not at all.
	CREATE FUNCTION take(s text, c text, max_count bigint, lease interval) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		rows bigint;
	BEGIN
		DELETE FROM got WHERE consumer = c;
		INSERT INTO got (consumer, token, attempts, global_position, stream, version, fails)
			SELECT c, p.token, p.attempts, p.global_position, p.stream, p.version, (p.data ->> 'fails')::integer FROM event_store.poll(s, c, max_count, lease) p;
		GET DIAGNOSTICS rows = ROW_COUNT;
		RETURN rows;
	END $$;

	-- Handles what was got, or a part of it.
	CREATE FUNCTION work(s text, c text, whole boolean) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		e record;
		failed text[] := '{}';
		last record;
	BEGIN
		IF NOT whole AND random() < 0.1 THEN
			PERFORM event_store.nack(s, g.token, g.global_position, 'any one', '0')
			   FROM (SELECT * FROM got WHERE consumer = c AND attempts < fails ORDER BY random() LIMIT 1) g;
			RETURN;
		END IF;
		FOR e IN SELECT * FROM got WHERE consumer = c ORDER BY n LOOP
			CONTINUE WHEN e.stream = ANY (failed);
			EXIT WHEN NOT whole AND random() < 0.1;
			IF NOT whole AND e.attempts < e.fails THEN
				PERFORM event_store.nack(s, e.token, e.global_position, 'fails', '0');
				failed := failed || e.stream;
				EXIT WHEN random() < 0.3;
			ELSE
				INSERT INTO handled (subscription, stream, version, global_position) VALUES (s, e.stream, e.version, e.global_position);
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
	END $$;

	-- What is parked is delivered again, or given up.
	CREATE FUNCTION free(s text, gives_up boolean) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		p bigint;
		n bigint := 0;
	BEGIN
		FOR p IN SELECT global_position FROM event_store.parked_events(s) LOOP
			IF gives_up AND random() < 0.3 THEN
				INSERT INTO was_parked SELECT s, p, true WHERE event_store.skip_parked(s, p) = 1;
			ELSE
				INSERT INTO was_parked SELECT s, p, false WHERE event_store.replay_parked(s, p) = 1;
			END IF;
			n := n + 1;
		END LOOP;
		RETURN n;
	END $$;

	CREATE PROCEDURE step(s text, c text) LANGUAGE plpgsql AS $$
	DECLARE
		what double precision := random();
	BEGIN
		IF what < 0.25 THEN
			PERFORM event_store.append('sim-' || floor(random() ^ 2 * 20), 'T', jsonb_build_object('fails', CASE WHEN random() < 0.1 THEN floor(random() * 5) ELSE 0 END));
		ELSIF what < 0.6 THEN
			PERFORM take(s, c, ceil(random() * 10)::bigint, CASE WHEN random() < 0.4 THEN interval '1 microsecond' ELSE '1 hour' END);
			IF random() < 0.3 THEN
				PERFORM work(s, c, false); -- in the same transaction
				DELETE FROM got WHERE consumer = c;
			END IF;
		ELSIF what < 0.85 THEN
			PERFORM work(s, c, false);
			DELETE FROM got WHERE consumer = c;
		ELSIF what < 0.9 THEN
			DELETE FROM got WHERE consumer = c; -- it dies
		ELSIF what < 0.93 THEN
			BEGIN
				PERFORM event_store.release(s, max(token)) FROM got WHERE consumer = c HAVING count(*) > 0;
			EXCEPTION WHEN SQLSTATE 'ST006' THEN
				NULL;
			END;
		ELSIF what < 0.98 THEN
			PERFORM free(s, true);
		ELSE
			ROLLBACK;
		END IF;
	END $$;

	CREATE PROCEDURE drain(s text) LANGUAGE plpgsql AS $$
	BEGIN
		UPDATE event_store.subscription_partitions SET leased_until = now() - interval '1 s' WHERE leased_until IS NOT NULL;
		FOR i IN 1 .. 100 LOOP
			WHILE take(s, 'drain', 100, '1 hour') > 0 LOOP
				PERFORM work(s, 'drain', true);
				COMMIT;
			END LOOP;
			EXIT WHEN free(s, false) = 0;
			COMMIT;
		END LOOP;
	END $$;

	-- Has all that comes, and is to fail, do so once.
	CREATE PROCEDURE fail_all(s text) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 20 LOOP
			EXIT WHEN take(s, 'fails', 100, '1 hour') = 0;
			PERFORM event_store.nack(s, g.token, g.global_position, 'away', '1 s') FROM got g WHERE g.consumer = 'fails' AND g.attempts = 0 AND g.fails > 0;
			INSERT INTO handled (subscription, stream, version, global_position)
				SELECT s, g.stream, g.version, g.global_position FROM got g
				 WHERE g.consumer = 'fails' AND NOT EXISTS (SELECT FROM got f WHERE f.consumer = 'fails' AND f.stream = g.stream AND f.n <= g.n AND f.attempts = 0 AND f.fails > 0)
				 ORDER BY g.n;
			PERFORM event_store.ack(s, max(g.token), max(g.global_position)) FROM got g WHERE g.consumer = 'fails';
			COMMIT;
		END LOOP;
	END $$;

	CREATE VIEW wrong AS
		SELECT s.subscription,
			   (SELECT count(*) FROM (SELECT e.global_position FROM event_store.all_events e EXCEPT SELECT h.global_position FROM handled h WHERE h.subscription = s.subscription
									  EXCEPT SELECT p.global_position FROM was_parked p WHERE p.subscription = s.subscription AND p.skipped) x) AS skipped,
			   (SELECT count(*) - count(DISTINCT h.global_position) FROM handled h WHERE h.subscription = s.subscription) AS twice,
			   (SELECT count(*) FROM (SELECT h.version, h.global_position, max(h.version) OVER (PARTITION BY h.stream ORDER BY h.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM handled h WHERE h.subscription = s.subscription) o
				 WHERE o.before > o.version AND (s.on_error = 'wait' OR NOT EXISTS (SELECT FROM was_parked p WHERE p.subscription = s.subscription AND p.global_position = o.global_position))) AS out_of_order
		  FROM event_store.subscriptions s;
	SELECT event_store.create_subscription(on_error || partitions, partitions => partitions, max_attempts => partitions, on_error => on_error, retry_delay => '0')
	  FROM unnest(ARRAY['wait', 'pass']) on_error, unnest(ARRAY[1, 3]) partitions;
	END

my @subscriptions = split /\n/, sql('SELECT subscription FROM event_store.subscriptions ORDER BY 1');
my $script = $node->basedir . '/step.sql';
append_to_file($script, join '', map { "\\if :subscription = $_\nCALL step('$subscriptions[$_]', '$subscriptions[$_] ' || :client_id);\n\\endif\n" } 0 .. $#subscriptions);
append_to_file(my $choose = $node->basedir . '/choose.sql', "\\set subscription random(0, $#subscriptions)\n" . slurp_file($script));

sub checked
{
	my ($name) = @_;

	foreach my $subscription (@subscriptions)
	{
		sql('TRUNCATE got');
		sql("CALL drain('$subscription')");
	}
	is(sql('SELECT * FROM wrong ORDER BY 1'), join("\n", map { "$_|0|0|0" } @subscriptions), "$name: each event once, in the order of its stream");
	is(sql('SELECT count(*) FROM event_store.subscription_failed_events'), '0', "$name: nothing that failed is left");
	return;
}

my $before = 0;
foreach my $level ('read committed', 'repeatable read', 'serializable')
{
	local $ENV{PGOPTIONS} = '-c default_transaction_isolation=' . $level =~ s/ /\\ /r;
	my ($out, $err) = run_command([ 'pgbench', '-n', '-c', $clients, '-T', $seconds, '--max-tries=1000', '-f', $choose, $node->connstr('postgres') ]);

	like($out, qr/number of failed transactions: 0 /, "$level: no step failed") or diag $err;
	unlike($err, qr/aborted/, "$level: no client was stopped") or diag $err;
	checked($level);
	my $events = sql('SELECT count(*) FROM event_store.all_events');
	cmp_ok($events, '>', $before + 100, "$level: many events");
	$before = $events;
}

# What the consumers write to is away: more streams are set aside than are listed at once.
sql(<<~'END');
	SELECT count(event_store.append('away-' || n, 'T', jsonb_build_object('fails', 2))) FROM generate_series(1, 1000) n;
	SELECT count(event_store.append('away-' || n, 'T', '{"fails": 0}')) FROM generate_series(1000, 1, -1) n;
	END
sql("CALL fail_all('$_')") foreach @subscriptions;
is(sql(q{SELECT count(*) FROM (SELECT FROM event_store.subscription_failed_events GROUP BY subscription HAVING count(*) > 500) f}),
	scalar(@subscriptions), 'much has failed');
run_command([ 'pgbench', '-n', '-c', $clients, '-T', $seconds, '--max-tries=1000', '-f', $choose, $node->connstr('postgres') ]);
checked('many set aside');

is(sql('SELECT count(*) FROM event_store.verify_store()'), '0', 'the store is sound');

# A stream that is set aside, and ahead of its partition, comes on while there always is
# something to be delivered of another.
is(last_of(<<~'END'), 't', 'one partition does not starve another');
	CREATE TABLE of_partition (stream text, partition integer);
	SELECT event_store.create_subscription('two', ARRAY['two'], partitions => 2, retry_delay => '0');
	SELECT count(event_store.append('two-' || n, 'T', '{}')) FROM generate_series(1, 20) n;
	INSERT INTO of_partition SELECT stream, partition FROM event_store.poll('two', 'a');
	INSERT INTO of_partition SELECT stream, partition FROM event_store.poll('two', 'b');
	SELECT event_store.move_subscription('two', event_store.safe_position());
	DO $$
	DECLARE
		streams text[] := (SELECT array_agg(stream ORDER BY partition) FROM (SELECT DISTINCT ON (partition) * FROM of_partition) p);
	BEGIN
		PERFORM event_store.append(streams[1], 'T', '{}');
		PERFORM event_store.nack('two', p.token, p.global_position, delay => '0') FROM event_store.poll('two', 'a') p;
		PERFORM event_store.append(streams[1], 'Second', '{}');
		FOR i IN 1 .. 20 LOOP
			PERFORM event_store.append(streams[2], 'T', '{}');
			DELETE FROM got WHERE consumer = 'two';
			INSERT INTO got (consumer, token, global_position, stream) SELECT 'two', token, global_position, type FROM event_store.poll('two', 'a');
			PERFORM event_store.ack('two', max(token), max(global_position)) FROM got WHERE consumer = 'two';
			INSERT INTO was_parked SELECT 'two', global_position FROM got WHERE consumer = 'two' AND stream = 'Second';
		END LOOP;
	END $$;
	SELECT count(*) = 1 FROM was_parked WHERE subscription = 'two'
	END

# What is parked and was erased is listed, and can be given up.
is(last_of(<<~'END'), '1|1', 'a parked event that is gone can be skipped');
	SELECT event_store.create_subscription('gone', ARRAY['gone'], max_attempts => 1);
	SELECT event_store.append('gone-1', 'T', '{}');
	SELECT event_store.nack('gone', token, global_position) FROM event_store.poll('gone', 'a');
	SET session_replication_role = replica;
	DELETE FROM event_store.events WHERE global_position = (SELECT global_position FROM event_store.parked_events('gone'));
	RESET session_replication_role;
	SELECT count(*), sum(event_store.skip_parked('gone', global_position)) FROM event_store.parked_events('gone')
	END
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal|XX000/, 'no server process died');
$node->stop;
done_testing();
