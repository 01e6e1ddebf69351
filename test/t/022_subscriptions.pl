#!/usr/bin/perl
#
# Subscriptions on whole servers.  Consumers of two subscriptions work under load
# while their connections are cut, backends are killed and the postmaster is, and the
# server starts anew: what is written with the acknowledgement is there once, what is
# written elsewhere at least once, and each stream in its order.  The same behind
# PgBouncer, where no two statements share a session.  On a standby the store is read
# up to the horizon, across its promotion, and nothing is skipped or read twice.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run ();
use LongRun qw(start_session start_reader finish_reader stop_session wait_session
  kill_postmaster kill_processes unexpected_errors);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $seed = $ENV{SEED} // int(rand(1_000_000));
srand($seed);
note "SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('subscriptions');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	restart_after_crash = on
	client_connection_check_interval = '50ms'
	END
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# take() polls, in a transaction of its own.  answer() handles what was got, in the
# transaction of the acknowledgement; told() is of the consumers that write elsewhere:
# what they print.
my $setup = <<~'END';
	CREATE EXTENSION IF NOT EXISTS event_store;
	SELECT event_store.create_store(if_not_exists => true);
	CREATE TABLE got (consumer text, n bigint GENERATED ALWAYS AS IDENTITY, token bigint, attempts integer, global_position bigint, stream text, version bigint, fails integer, pid integer);
	CREATE TABLE handled (n bigint GENERATED ALWAYS AS IDENTITY, subscription text, stream text, version bigint, same_session boolean);
	CREATE FUNCTION take(s text, c text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		DELETE FROM got WHERE consumer = c;
		INSERT INTO got (consumer, token, attempts, global_position, stream, version, fails, pid)
			SELECT c, p.token, p.attempts, p.global_position, p.stream, p.version, (p.data ->> 'fails')::integer, pg_backend_pid()
			  FROM event_store.poll(s, c, 20, '2 seconds') p;
		IF NOT FOUND THEN
			PERFORM pg_sleep(0.02);
		END IF;
	END $$;
	CREATE FUNCTION told(c text) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
		SELECT format('told %s %s %s', extract(epoch FROM clock_timestamp()), stream, version) FROM got g
		 WHERE consumer = c AND NOT EXISTS (SELECT FROM got f WHERE f.consumer = c AND f.stream = g.stream AND f.n <= g.n AND f.attempts < f.fails) ORDER BY n
	$$;
	CREATE FUNCTION answer(s text, c text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		e record;
		failed text[] := '{}';
		t bigint;
		p bigint;
	BEGIN
		FOR e IN SELECT * FROM got WHERE consumer = c ORDER BY n LOOP
			t := e.token;
			p := e.global_position;
			CONTINUE WHEN e.stream = ANY (failed);
			IF e.attempts < e.fails THEN
				PERFORM event_store.nack(s, t, p, 'fails', '10 ms');
				failed := failed || e.stream;
			ELSE
				INSERT INTO handled (subscription, stream, version, same_session) VALUES (s, e.stream, e.version, e.pid = pg_backend_pid());
			END IF;
		END LOOP;
		IF t IS NOT NULL THEN
			PERFORM event_store.ack(s, t, p);
		END IF;
	END $$;
	END
sql($setup);
sql(q{SELECT event_store.create_subscription(s, partitions => 4, max_attempts => 100) FROM unnest(ARRAY['exact', 'least']) s});

my $appended = <<~'END';
	SELECT FROM event_store.append('s-' || floor(random() * 30), 'T', jsonb_build_object('fails', CASE WHEN random() < 0.02 THEN floor(random() * 3) ELSE 0 END));
	SELECT pg_sleep(0.002) \g /dev/null
	END

sub start_consumers
{
	my ($subscription, $prefix, $number, %how) = @_;

	return map {
		my $name = "$prefix$_";
		my $text = "SELECT take('$subscription', '$name') \\g /dev/null\n";

		$text .= "SELECT told('$name');\n" if $how{tells};
		$text .= "SELECT answer('$subscription', '$name') \\g /dev/null\n";
		start_session($node, $name, reconnect => 1, text => sub { return $text }, %how)
	} 1 .. $number;
}

# Waits until a subscription has nothing left, and says so.
sub drained
{
	my ($subscription) = @_;

	return ok($node->poll_query_until('postgres', <<~"END"), "$subscription: all events are handled")
		SELECT sum(lag_events) = 0 AND sum(delayed) = 0 AND sum(parked) = 0 AND bool_and(state = 'up to date')
		  FROM event_store.subscription_status WHERE subscription = '$subscription'
		END
	  || diag(sql("SELECT * FROM event_store.subscription_status"));
}

# What is wrong with what was handled.
sub wrongs
{
	my ($subscription) = @_;

	return sql(<<~"END");
		SELECT (SELECT count(*) FROM (SELECT stream, version FROM event_store.all_events EXCEPT SELECT stream, version FROM handled WHERE subscription = '$subscription') e) AS skipped,
			   count(*) - count(DISTINCT (stream, version)) AS twice, count(*) FILTER (WHERE before > version) AS out_of_order
		  FROM (SELECT stream, version, max(version) OVER (PARTITION BY stream ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
				  FROM handled WHERE subscription = '$subscription') h
		END
}

# Consumers that die ------------------------------------------------------------

my @appenders = map { start_session($node, "appender$_", reconnect => 1, text => sub { return $appended }) } 1 .. 2;
my @consumers = (start_consumers('exact', 'exact', 3), start_consumers('least', 'least', 3, tells => 1));
my $killed = 0;
my $until = time + 20;

foreach my $turn (1 .. 1000)
{
	my $name = $consumers[ rand @consumers ]->{name};
	my @pids;

	last if time > $until;
	usleep(100_000 + rand(300_000));
	if ($turn % 15 == 0)
	{
		@pids = split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()});
		kill_postmaster($node, $node->safe_psql('postgres', 'SELECT 1') ? @pids : ());
	}
	elsif ($turn % 15 == 7)
	{
		@pids = split /\n/, sql("SELECT pid FROM pg_stat_activity WHERE application_name = '$name'");
		kill_processes($node, @pids) if @pids;
	}
	else
	{
		sql("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = '$name'");
	}
	$killed++;
}
cmp_ok($killed, '>', 20, 'consumers, backends and the server were killed');
stop_session($_) foreach @appenders;
drained($_) foreach 'exact', 'least';
stop_session($_, $node) foreach @consumers;
cmp_ok(sql('SELECT count(*) FROM event_store.all_events'), '>', 500, 'many events');
is(wrongs('exact'), '0|0|0', 'what is written with the acknowledgement is there once, in the order of its stream');

# What was told, by when; several events may be in one microsecond.
my $file = $node->basedir . '/told';
my $told = join '', map { slurp_file($_->{out}) } grep { $_->{name} =~ /least/ } @consumers;
append_to_file($file, join '', map { s/ /|/gr . "\n" } grep { /^\d/ } map { s/^told //r } grep { /^told / } split /\n/, $told);
is($node->safe_psql('postgres', <<~"END"), '0|0', 'what is written elsewhere is there at least once, first in the order of its stream');
	CREATE TEMPORARY TABLE told (at numeric, stream text, version bigint);
	COPY told FROM '$file' (DELIMITER '|');
	SELECT (SELECT count(*) FROM (SELECT stream, version FROM event_store.all_events EXCEPT SELECT stream, version FROM told) e),
		   count(*) FILTER (WHERE before > version)
	  FROM (SELECT stream, version, max(version) OVER (PARTITION BY stream ORDER BY at, version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
			  FROM (SELECT stream, version, min(at) AS at FROM told GROUP BY 1, 2) f) t
	END
is(unexpected_errors($_->{err}, 'ST006'), '', "$_->{name}: no other errors") foreach @consumers;
is(sql('SELECT count(*) FROM event_store.verify_store()'), '0', 'the store is sound');

# A partition that is locked for a moment -------------------------------------------

sql(q{SELECT event_store.create_subscription('locked', partitions => 1)});
sql(q{SELECT event_store.create_subscription('empty', types => '{None}')});

# Polls while another session has the partition locked, and goes on to have it for at
# least so long, of its 40 ms, but not as long as a poll waits; returns what the poll came
# to.  The session has polled before, so that it takes no time to get going.
sub poll_beside
{
	my ($isolation, $locks, $at_least_ms) = @_;

	foreach (1 .. 50)
	{
		my $holder = IPC::Run::start(
			[
				'psql', '-XAtq', $node->connstr('postgres'),
				map { ('-c', $_) } 'BEGIN', $locks, 'SELECT pg_advisory_xact_lock(77)', 'SELECT pg_sleep(0.04)',
				'SELECT extract(epoch FROM clock_timestamp())', 'COMMIT', 'SELECT extract(epoch FROM clock_timestamp())'
			],
			'>', \my $printed, '2>', \my $holder_err);
		my (undef, $out, $err) = $node->psql('postgres', <<~"END");
			SET statement_timeout = '60s';
			SELECT count(*) FROM event_store.poll('empty', 'poller', 5) \\g /dev/null
			BEGIN ISOLATION LEVEL $isolation;
			DO \$\$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 77) LOOP PERFORM pg_sleep(0.001); END LOOP; END \$\$;
			SELECT extract(epoch FROM clock_timestamp());
			\\set VERBOSITY sqlstate
			SELECT count(*) FROM event_store.poll('locked', 'poller', 5);
			COMMIT;
			END
		my ($begin, $polled) = split /\n/, $out;

		$holder->finish;
		die "the other session failed: $holder_err\n" if $holder_err;
		my ($ends, $ended) = (split /\n/, $printed)[ -2, -1 ];
		sql(q{SELECT event_store.move_subscription('locked', 0)});
		return $polled // $err if $ends - $begin >= $at_least_ms / 1000 && $ended - $begin <= 0.055;
	}
	return 'it was never locked for such a time';
}

my $locks_row = q{SELECT FROM event_store.subscription_partitions WHERE subscription = 'locked' FOR NO KEY UPDATE;};
my $polls = q{SELECT FROM event_store.poll('locked', 'holder', 5);};

is(poll_beside('READ COMMITTED', $locks_row, 10), 5, 'a poll waits a moment for a partition that another session has locked');
is(poll_beside($_, $polls, 25), 0, "$_: but not for what it would not see, and does not fail") foreach 'REPEATABLE READ', 'SERIALIZABLE';

# What a poll's commit waits for ----------------------------------------------------

# Has a session poll while nobody but the poll itself writes the log to disk; returns
# whether its commit has waited for that.
sub waits_for_disk
{
	my ($session, $lease) = @_;
	my $writer = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'});

	# or it might be stopped with the lock of the log in its hands
	$node->poll_query_until('postgres', 'SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()')
	  or die "the log is not on disk\n";
	kill 'STOP', $writer or die "could not stop the WAL writer: $!\n";
	my $waited = eval {
		my $written = $session->query_safe(qq{SELECT pg_current_wal_insert_lsn() FROM event_store.poll('lasting', 'one', 1, '$lease')});

		sql(qq{SELECT pg_current_wal_flush_lsn() >= '$written'});
	};
	my $error = $@;
	kill 'CONT', $writer or die "could not let the WAL writer go on: $!\n";
	die $error if $error;
	return $waited;
}

# Acknowledges what is on lease.
sub answer
{
	sql(q{SELECT event_store.ack('lasting', token, delivered_through) FROM event_store.subscription_partitions WHERE subscription = 'lasting' ORDER BY turn DESC LIMIT 1});
}

sql(<<~'END');
	SELECT event_store.create_subscription('lasting', types => '{Lasting}', partitions => 1);
	SELECT FROM generate_series(1, 10) n, LATERAL event_store.append('lasting-1', 'Lasting', to_jsonb(n));
	CREATE TABLE noted (what text);
	CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.noted VALUES (TG_OP); RETURN NULL; END $$;
	CREATE FUNCTION look(data jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN data; END $$;
	CREATE FUNCTION note(data jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.noted VALUES ('upcast'); RETURN data; END $$;
	END
my $poller = $node->background_psql('postgres');
is(waits_for_disk($poller, '1 minute'), 't', 'the first poll of a session waits for the disk: the one before may have crashed the server');
answer();
is(waits_for_disk($poller, '1 minute'), 'f', 'one that only takes a lease does not');
answer();
is(waits_for_disk($poller, '1 millisecond'), 'f', 'nor does a first delivery');
usleep(10_000);
is(waits_for_disk($poller, '1 minute'), 't', 'a second one does');
answer();
sql(q{SELECT event_store.create_upcaster('Lasting', 1, 'public.look(jsonb)')});
is(waits_for_disk($poller, '1 minute'), 'f', 'an upcaster that writes nothing changes nothing');
answer();
sql(q{SELECT event_store.create_upcaster('Lasting', 1, 'public.note(jsonb)')});
is(waits_for_disk($poller, '1 minute'), 't', 'what an upcaster writes lasts');
answer();
sql(<<~'END');
	SELECT event_store.drop_upcaster('Lasting', 1);
	CREATE TRIGGER note_change AFTER UPDATE ON event_store.subscription_partitions FOR EACH ROW EXECUTE FUNCTION note_change();
	END
is(waits_for_disk($poller, '1 minute'), 't', 'and what a trigger does');
$poller->quit;
sql(q{DROP TRIGGER note_change ON event_store.subscription_partitions});

# An event that crashes the server whenever it is delivered, before anything else has
# written the log to disk.
sql(q{SELECT event_store.drop_subscription('lasting'); SELECT event_store.create_subscription('lasting', types => '{Lasting}', partitions => 1, max_attempts => 1)});
my $crashes = 0;
for (; $crashes < 10; $crashes++)
{
	my $victim = $node->background_psql('postgres');
	my $writer = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'});

	kill 'STOP', $writer or die "could not stop the WAL writer: $!\n";
	my $type = eval { $victim->query_safe(q{SELECT type FROM event_store.poll('lasting', 'victim', 1, '1 millisecond')}) };
	kill 'KILL', $writer or die "could not kill the WAL writer: $!\n";
	$victim->quit;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'walwriter' AND pid <> $writer")
	  or die "the server did not come back\n";
	last if ($type // die 'the poll failed') eq '';
}
is($crashes, 2, 'an event that crashes the server is delivered twice, and parked');
is(sql(q{SELECT count(*) FROM event_store.parked_events('lasting')}), '1', 'it is among the parked events');
sql(q{SELECT event_store.drop_subscription('lasting')});

# One that another session has made meanwhile.
foreach my $isolation ('REPEATABLE READ', 'SERIALIZABLE')
{
	my $late = $node->background_psql('postgres', on_error_stop => 0);

	$late->query("\\set VERBOSITY sqlstate\nBEGIN ISOLATION LEVEL $isolation; SELECT 1");
	sql(qq{SELECT event_store.create_subscription('late $isolation')});
	$late->query(qq{SELECT event_store.create_subscription('late $isolation')});
	like($late->{stderr}, qr/ERROR:  40001$/m, "$isolation: a subscription that the transaction does not see is a conflict");
	$late->quit;
}

# Behind PgBouncer ---------------------------------------------------------------

my $pgbouncer = (grep { -x } '/usr/sbin/pgbouncer', map { "$_/pgbouncer" } split /:/, $ENV{PATH})[0];
die "PgBouncer is not installed: CONTRIBUTING.md lists what the tests need\n" if !$pgbouncer;

my $user = sql('SELECT current_user');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $dir = $node->basedir . '/pgbouncer';
mkdir $dir or die "could not make $dir: $!\n";
append_to_file("$dir/ini", <<~"END");
	[databases]
	postgres = host=${\$node->host} port=${\$node->port} dbname=postgres
	[pgbouncer]
	listen_addr =
	listen_port = $port
	unix_socket_dir = ${\$node->host}
	auth_type = trust
	auth_file = $dir/users
	pool_mode = transaction
	default_pool_size = 3
	server_reset_query =
	logfile = $dir/log
	pidfile = $dir/pid
	ignore_startup_parameters = extra_float_digits,options
	END
append_to_file("$dir/users", "\"$user\" \"\"\n");
my $bouncer = IPC::Run::start([ $pgbouncer, "$dir/ini" ], '>', "$dir/out", '2>', "$dir/err");
my $connstr = "host=${\$node->host} port=$port dbname=postgres user=$user";
my $up;

foreach (1 .. 600)
{
	$up = !IPC::Run::run([ 'psql', '-X', '-c', 'SELECT 1', $connstr ], '>', \my $out, '2>', \my $err) ? 0 : 1;
	last if $up;
	usleep(100_000);
}
ok($up, 'PgBouncer is up') or diag(slurp_file("$dir/err"));

sql(q{SELECT event_store.create_subscription('pooled', partitions => 4, max_attempts => 100)});
@consumers = start_consumers('pooled', 'pooled', 5, connstr => $connstr);
@appenders = (start_session($node, 'pooled appender', reconnect => 1, connstr => $connstr, text => sub { return $appended }));
usleep(2_000_000);
stop_session($_) foreach @appenders;
drained('pooled');
stop_session($_) foreach @consumers;
is(wrongs('pooled'), '0|0|0', 'behind PgBouncer, in transaction mode: once, in the order of its stream');
cmp_ok(sql(q{SELECT count(*) FROM handled WHERE subscription = 'pooled' AND NOT same_session}), '>', 0, 'though events were got by one session and acknowledged by another');
is(unexpected_errors($_->{err}, 'ST006'), '', "$_->{name}: no other errors") foreach @consumers;
$bouncer->signal('INT');
$bouncer->finish;
$node->stop;

# A standby ----------------------------------------------------------------------

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	max_worker_processes = 16
	max_prepared_transactions = 10
	event_store.poll_interval = '1s'
	END
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->safe_psql('postgres', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	SELECT event_store.create_subscription('s', partitions => 1);
	SELECT event_store.append('s-1', 'T', '{}');
	END

# What cannot be done there fails clearly.
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
sub fails
{
	my ($call, $state) = @_;
	my (undef, undef, $err) = $standby->psql('postgres', "\\set VERBOSITY sqlstate\n$call;");

	return like($err, qr/ERROR:  $state$/m, "on a standby: $call");
}
fails($_, '25006')
  foreach q{SELECT * FROM event_store.poll('s', 'c')}, q{SELECT event_store.ack('s', 1, 1)}, q{SELECT event_store.nack('s', 1, 1)},
  q{SELECT event_store.move_subscription('s', 0)}, q{SELECT event_store.replay_parked('s')}, q{SELECT event_store.drop_subscription('s')},
  q{SELECT event_store.create_subscription('t')};
fails($_, '0A000') foreach 'SELECT * FROM event_store.read_all()', 'SELECT event_store.safe_position()', 'CALL event_store.wait_for_events(0)';
is($standby->safe_psql('postgres', q{SELECT state, lag_events FROM event_store.subscription_status}), 'unknown|', 'the status can be read without a horizon');

# With a worker on the primary it can be read.
$primary->safe_psql('postgres', 'SELECT event_store.start_worker()');
ok($standby->poll_query_until('postgres', 'SELECT count(*) = 1 FROM event_store.horizon'), 'the primary publishes how far');
is($standby->safe_psql('postgres', 'SELECT global_position FROM event_store.read_all()'), '1', 'read_all() works on the standby');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM event_store.read_category('s')}), '1', 'and read_category()');
is($standby->safe_psql('postgres', 'SELECT event_store.safe_position()'), '1', 'and safe_position()');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM event_store.read_all(1000)}), '0', 'a position that it has not come to has nothing after it');
is($standby->safe_psql('postgres', q{SELECT state, lag_events FROM event_store.subscription_status}), 'unclaimed|1', 'the status, too');
is($standby->safe_psql('postgres', q{CALL event_store.wait_for_events(0)}), 'arrived', 'and waiting');

# A reader there tails the store under load, past a prepared transaction and the
# promotion.
my $query = <<~'END' =~ s/\n/ /gr;
	SELECT string_agg(global_position || '|' || stream || '|' || version, E'\n' ORDER BY global_position) AS page, max(global_position) AS last
	  FROM (SELECT * FROM event_store.read_all(:last, 50) ORDER BY global_position) e
	END
my $reader = start_reader($standby, 'reader', $query);
my @load = map { start_session($primary, "load$_", text => sub { return $appended . 'BEGIN; SELECT FROM event_store.append(\'s-0\', \'T\', \'{}\'); ROLLBACK;' . "\n" }) } 1 .. 3;
usleep(3_000_000);
$primary->safe_psql('postgres', <<~'END');
	BEGIN;
	SELECT event_store.append('prepared-1', 'T', '{}');
	PREPARE TRANSACTION 'held';
	END
my $held = $primary->safe_psql('postgres', 'SELECT after_position FROM event_store.in_flight WHERE gid IS NOT NULL');
usleep(1_000_000);
cmp_ok($standby->safe_psql('postgres', 'SELECT event_store.safe_position()'), '<=', $held, 'what is prepared holds readers back there, too');
$primary->safe_psql('postgres', q{COMMIT PREPARED 'held'});
ok($standby->poll_query_until('postgres', "SELECT event_store.safe_position() > $held"), 'and when it has committed they go on');
stop_session($_) foreach @load;
my $last = $primary->safe_psql('postgres', 'SELECT max(global_position) FROM event_store.all_events');
ok($standby->poll_query_until('postgres', "SELECT event_store.safe_position() >= $last"), 'up to the last event');

# Whatever becomes of a worker that publishes it: it is published, without another append.
foreach my $call (qw(pg_cancel_backend pg_terminate_backend))
{
	my $workers = q{FROM pg_stat_activity WHERE backend_type = 'event_store worker'};
	my $locker = $primary->background_psql('postgres');

	$locker->query_safe('BEGIN; LOCK TABLE event_store.horizon IN EXCLUSIVE MODE');
	$last = $primary->safe_psql('postgres', q{SELECT global_position FROM event_store.append('s-1', 'T', '{}')});
	ok($primary->poll_query_until('postgres', "SELECT count(*) = 1 $workers AND wait_event_type = 'Lock'"), 'a worker is about to publish');
	$primary->safe_psql('postgres', "SELECT $call(pid) $workers");
	$locker->query_safe('COMMIT');
	$locker->quit;
	ok($standby->poll_query_until('postgres', "SELECT event_store.safe_position() >= $last"), "$call: the standby comes to the last event");
}
$primary->safe_psql('postgres', q{UPDATE event_store.horizon SET safe_position = 1000000000; SELECT event_store.append('s-1', 'T', '{}')});
ok($primary->poll_query_until('postgres', 'SELECT event_store.safe_position() = safe_position FROM event_store.horizon'), 'a horizon beyond the store is taken back');
@load = map { start_session($primary, "more$_", text => sub { return $appended }) } 1 .. 2;
usleep(500_000);
$primary->stop('immediate');
eval { wait_session($_) } foreach @load;
$standby->promote;
@load = map { start_session($standby, "after$_", text => sub { return $appended }) } 1 .. 2;
usleep(1_000_000);
stop_session($_) foreach @load;
my $read = finish_reader($standby, $reader);
my $events = $standby->safe_psql('postgres', 'SELECT count(*) FROM event_store.all_events');
cmp_ok($events, '>', 300, 'many events');
is($standby->safe_psql('postgres', <<~"END"), "0|0|0|$events", 'the reader has read each once, in order, through the promotion');
	CREATE TEMPORARY TABLE seen (n bigint GENERATED ALWAYS AS IDENTITY, global_position bigint, stream text, version bigint);
	COPY seen (global_position, stream, version) FROM '$read' (DELIMITER '|');
	SELECT count(*) FILTER (WHERE s.n IS NULL), count(*) FILTER (WHERE e.stream IS NULL), (SELECT count(*) FROM (SELECT global_position <= lag(global_position) OVER (ORDER BY n) AS wrong FROM seen) o WHERE wrong), count(s.n)
	  FROM seen s FULL JOIN event_store.all_events e ON e.global_position = s.global_position AND e.stream = s.stream AND e.version = s.version
	END
$standby->stop;

done_testing();
