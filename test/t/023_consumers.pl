#!/usr/bin/perl
#
# test/t/023_consumers.pl
#
# The consumers in examples/, for node's pg and for psycopg.  Three of them work on
# one subscription while events are appended, and are killed, paused, asked to stop and
# cut off from the server at random moments.  Exactly once, each event has taken effect
# once; at least once, none is missing; and each stream comes in its order, past
# events that fail a while.  One that always fails is parked; where what an event is for is
# away, none is.  With a worker
# they are woken, without one they poll; they outlive a crash of the server; and
# when they are asked to stop they do, with nothing left on lease.
#
#	CONSUMERS_SEED	repeats the choices of an earlier run, but not its timing

use strict;
use warnings;

use FindBin;
use POSIX ();

use IPC::Run qw(run);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $examples = "$FindBin::RealBin/../../examples";
my %command = (
	node => [ 'node', "$examples/node/consumer.mjs" ],

	# Debian's, whose module it is.
	python => [ '/usr/bin/python3', "$examples/python/consumer.py" ]);

my $seed = $ENV{CONSUMERS_SEED} // ((time() ^ $$ << 8) & 0x7fffffff);
my ($events, $streams, $consumers, $disturbances) = (2000, 50, 3, 16);
my $lease = 2;
my $max_attempts = 6;
my $timeout = $PostgreSQL::Test::Utils::timeout_default;

note "CONSUMERS_SEED=$seed";
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('consumers');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	restart_after_crash = on
	shared_preload_libraries = 'event_store'
	event_store.databases = 'postgres'
	END
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# What an SQL query must come to, before the test's timeout.
sub comes_to
{
	my ($query, $expected, $name) = @_;

	ok($node->poll_query_until('postgres', $query, $expected), $name)
	  or diag(sql('TABLE event_store.subscription_partitions; TABLE event_store.subscription_failed_events'));
	return;
}

# Consumers --------------------------------------------------------------------

# The processes; a test that dies takes them with it.
my %running;

END
{
	my $status = $?;

	kill 'KILL', keys %running if %running;
	$? = $status;
}

# Runs a command with its output in files, which it adds to.
sub start_process
{
	my ($output, @command) = @_;
	my $pid = fork() // die "could not fork: $!\n";

	if (!$pid)
	{
		%ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres');
		open(STDOUT, '>>', "$output.out") && open(STDERR, '>>', "$output.err") && exec(@command);
		POSIX::_exit(127);
	}
	$running{$pid} = 1;
	return $pid;
}

# Waits for the end of a process; returns its status.
sub end_of
{
	my ($pid) = @_;
	my $deadline = time + $timeout;

	while (waitpid($pid, POSIX::WNOHANG) == 0)
	{
		die "process $pid does not end\n" if time > $deadline;
		usleep(5000);
	}
	delete $running{$pid};
	return $?;
}

# The files that the consumers of a subscription write, without suffix.
sub output_of { return $node->basedir . "/$_[0]"; }

sub start_consumer
{
	my ($run, $name, $interval) = @_;

	return start_process(output_of($run->{subscription}),
		@{ $command{ $run->{client} } }, $run->{subscription}, $name, $run->{mode}, $lease, $interval // 0.2);
}

# Asks consumers to stop, which they do without an error and leave nothing on lease.
sub stop_consumers
{
	my ($run, $name, @pids) = @_;

	kill 'TERM', @pids;
	is(join(' ', map { end_of($_) } @pids), join(' ', map { 0 } @pids), "$name: SIGTERM ends it, without an error");
	is(leased($run), '0', "$name: nothing is left on lease");
	return;
}

# How many partitions are on lease.
sub leased_query
{
	my ($run) = @_;

	return "SELECT count(*) FROM event_store.subscription_partitions"
	  . " WHERE subscription = '$run->{subscription}' AND leased_until > clock_timestamp()";
}

sub leased { return sql(leased_query(@_)); }

# What they have printed: the lines.
sub printed
{
	my ($run) = @_;
	my $file = output_of($run->{subscription}) . '.out';

	return -e $file ? split(/\n/, slurp_file($file)) : ();
}

# Waits until so many different events were handled.
sub handles
{
	my ($run, $expected, $name) = @_;

	if ($run->{mode} eq 'exactly-once')
	{
		comes_to("SELECT count(*) >= $expected FROM handled WHERE subscription = '$run->{subscription}'", 't', $name);
		return;
	}
	my $deadline = time + $timeout;
	my $n;
	do
	{
		usleep(20_000);
		my %different = map { $_ => 1 } printed($run);
		$n = keys %different;
	} until $n >= $expected || time > $deadline;
	cmp_ok($n, '>=', $expected, $name);
	return;
}

# The load ---------------------------------------------------------------------

# Appends events of a category: some at once, the others little by little while the
# consumers run.  Some fail twice.  The second of three events of one stream
# always fails.
sub start_appender
{
	my ($run) = @_;

	return start_process(
		output_of("$run->{subscription}-appender"),
		'psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--command', <<~"END");
		DO \$\$
		BEGIN
			FOR i IN 1 .. $events LOOP
				PERFORM event_store.append('$run->{category}-' || i * 7919 % $streams, 'Happened',
					CASE WHEN i % 400 = 0 THEN '{"fail": 2}'::jsonb ELSE '{}' END);
				IF i % 500 = 0 AND i <= 1500 THEN
					PERFORM event_store.append('$run->{category}-broken', 'Happened',
						CASE WHEN i = 1000 THEN '{"fail": 1000}'::jsonb ELSE '{}' END);
				END IF;
				COMMIT;
				IF i > $events / 4 AND i % 25 = 0 THEN
					PERFORM pg_sleep(0.08);
				END IF;
			END LOOP;
		END \$\$
		END
}

# Waits until a consumer is connected, once it was started at a time, and so knows
# what SIGTERM is.
sub wait_for_connection
{
	my ($run, $name, $since) = @_;

	$node->poll_query_until('postgres', "SELECT count(*) >= 2 FROM pg_stat_activity WHERE application_name = '$name' AND backend_start > '$since'")
	  or die "consumer $name does not connect\n", slurp_file(output_of($run->{subscription}) . '.err');
	return;
}

# Stops the process of a consumer in the middle of a batch, if it comes upon one.
sub pause
{
	my ($run, $name, $pid) = @_;

	foreach my $try (1 .. 50)
	{
		kill 'STOP', $pid;
		return if sql(leased_query($run) . " AND consumer = '$name' AND delivered > 0");
		kill 'CONT', $pid;
		usleep(int rand 20_000);
	}
	kill 'STOP', $pid;
	return;
}

# Starts consumers.  One is paused for longer than its lease.  Others are killed, asked
# to stop, and cut off, and some started in their place, of the same name or of a new
# one.  Returns the processes that run then.
sub disturbed_consumers
{
	my ($run) = @_;
	my @names = map { "$run->{subscription}-$_" } 1 .. $consumers;
	my @since = (sql('SELECT clock_timestamp()')) x $consumers;
	my @pids = map { start_consumer($run, $_) } @names;
	my %sum = map { $_ => 0 } qw(killed stopped cut);

	wait_for_connection($run, $names[0], $since[0]);
	pause($run, $names[0], $pids[0]);
	my $paused = time;

	foreach my $round (1 .. $disturbances)
	{
		my $victim = 1 + int rand($consumers - 1);

		# Each happens in every run.
		my $what = $round <= 3 ? (qw(killed stopped cut))[ $round - 1 ] : (qw(killed killed stopped cut))[ rand 4 ];
		my $new_name = rand() < 0.5;
		my $moment = int rand 200_000;

		wait_for_connection($run, $names[$victim], $since[$victim]);
		usleep($moment);
		$sum{$what}++;
		if ($what eq 'cut')
		{
			$since[$victim] = sql(<<~"END");
				SELECT clock_timestamp(), pg_terminate_backend(pid) FROM pg_stat_activity
				 WHERE application_name = '$names[$victim]' ORDER BY 1 DESC
				END
			$since[$victim] =~ s/\|.*//s;
			next;
		}
		kill $what eq 'killed' ? 'KILL' : 'TERM', $pids[$victim];
		my $status = end_of($pids[$victim]);
		is($status, 0, "$run->{subscription}, round $round: a consumer that is stopped ends without an error") if $what eq 'stopped';
		$names[$victim] = "$run->{subscription}-" . ($consumers + $round) if $new_name;
		$since[$victim] = sql('SELECT clock_timestamp()');
		$pids[$victim] = start_consumer($run, $names[$victim]);
	}
	usleep(50_000) while time < $paused + $lease;
	kill 'CONT', $pids[0];
	wait_for_connection($run, $names[$_], $since[$_]) foreach 1 .. $consumers - 1;
	note "$run->{subscription}: $sum{killed} killed, $sum{stopped} stopped, $sum{cut} cut off";
	return @pids;
}

# What must have come of it -------------------------------------------------------

# Each event has taken effect once, and each stream in its order.  The stream of the
# event that is parked waits.
sub check_exactly_once
{
	my ($run) = @_;

	is( sql(<<~"END"), "$events|0", "$run->{subscription}: each event has taken effect once");
		SELECT count(*), count(*) FILTER (WHERE n IS DISTINCT FROM 1)
		  FROM (SELECT stream, version FROM event_store.read_category('$run->{category}') WHERE stream NOT LIKE '%-broken') e
		  FULL JOIN (SELECT stream, version, count(*) AS n FROM handled
					  WHERE subscription = '$run->{subscription}' AND stream NOT LIKE '%-broken' GROUP BY 1, 2) h
		 USING (stream, version)
		END
	is( sql(<<~"END"), '0', "$run->{subscription}: each stream in its order");
		SELECT count(*) FILTER (WHERE version <> nth)
		  FROM (SELECT version, row_number() OVER (PARTITION BY stream ORDER BY n) AS nth FROM handled
				 WHERE subscription = '$run->{subscription}') h
		END
	is( sql("SELECT string_agg(version::text, ' ' ORDER BY n) FROM handled WHERE subscription = '$run->{subscription}' AND stream LIKE '%-broken'"),
		'1', "$run->{subscription}: a stream waits for its parked event");
	cmp_ok(sql("SELECT count(DISTINCT consumer) FROM handled WHERE subscription = '$run->{subscription}'"),
		'>', 1, "$run->{subscription}: several consumers did it");
	return;
}

# No event is missing, and each stream came in its order, if the first time counts.
# The stream of the event that is parked has passed it.
sub check_at_least_once
{
	my ($run) = @_;
	my @lines = printed($run);
	my (%last, %seen);
	my $wrong = '';

	foreach my $line (@lines)
	{
		my ($stream, $version) = $line =~ /^(\Q$run->{category}\E-\w+) (\d+)\z/ or die "a consumer printed \"$line\"\n";
		next if $seen{$line}++;
		$wrong .= "$line after $last{$stream}\n" if $version != ($last{$stream} // 0) + ($line =~ /-broken 3/ ? 2 : 1);
		$last{$stream} = $version;
	}
	is(scalar(keys %seen), $events + 2, "$run->{subscription}: each event was handled");
	is($wrong, '', "$run->{subscription}: each stream in its order");
	ok(!exists $seen{"$run->{category}-broken 2"}, "$run->{subscription}: a stream passes its parked event");
	note "$run->{subscription}: " . (@lines - keys %seen) . ' events came more than once';
	return;
}

# All that the consumers have complained of is lost connections.
sub check_complaints
{
	my ($run) = @_;
	my @complaints = grep { !/; (?:connecting|trying) again in [\d.]+ s$/ } split /\n/, slurp_file(output_of($run->{subscription}) . '.err');

	is(join("\n", @complaints), '', "$run->{subscription}: no errors but lost connections");
	return;
}

sub work_disturbed
{
	my ($client, $mode) = @_;
	my $name = "$client-$mode";
	my %run = (
		client => $client,
		mode => $mode,
		subscription => $name,
		category => $name =~ s/-/_/gr);
	my $on_error = $mode eq 'exactly-once' ? 'wait' : 'pass';

	sql("SELECT event_store.create_subscription('$name', ARRAY['$run{category}'], partitions => 4,"
		  . " max_attempts => $max_attempts, on_error => '$on_error', retry_delay => '20 ms')");
	my $appender = start_appender(\%run);
	my @pids = disturbed_consumers(\%run);

	is(end_of($appender), 0, "$name: all is appended") or diag slurp_file(output_of("$name-appender") . '.err');
	handles(\%run, $events + ($on_error eq 'wait' ? 1 : 2), "$name: all is handled");
	comes_to("SELECT count(*) FROM event_store.parked_events('$name')", '1', "$name: but for an event that is parked");
	comes_to(leased_query(\%run), '0', "$name: and acknowledged");
	is( sql("SELECT stream, version, attempts, reason ~ 'told to fail', stream_waits FROM event_store.parked_events('$name')"),
		"$run{category}-broken|2|$max_attempts|t|" . ($on_error eq 'wait' ? 't' : 'f'),
		"$name: after all its attempts");
	stop_consumers(\%run, $name, @pids);
	if ($mode eq 'exactly-once')
	{
		check_exactly_once(\%run);
	}
	else
	{
		check_at_least_once(\%run);
	}
	check_complaints(\%run);
	return \%run;
}

# How many events of a run were handled.
sub handled
{
	my ($run) = @_;

	return sql("SELECT count(*) FROM handled WHERE subscription = '$run->{subscription}'");
}

sub append
{
	my ($run, $n) = @_;

	return sql("SELECT count(event_store.append('$run->{category}-' || i, 'Happened', '{}')) FROM generate_series(1, $n) i");
}

# A consumer that has no worker, and polls.
sub work_unnotified
{
	my ($run) = @_;
	my $name = "$run->{subscription}, without a worker";
	my $before = handled($run);

	ok($node->poll_query_until('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'event_store%'}, '0'), 'no worker runs');
	my $pid = start_consumer($run, 'polls');
	append($run, 20);
	handles($run, $before + 20, "$name: a consumer polls");
	sql("SELECT event_store.skip_parked(subscription, global_position) FROM event_store.parked_events('$run->{subscription}')");
	handles($run, $before + 21, "$name: a stream goes on when its parked event is skipped");
	is( sql("SELECT string_agg(version::text, ' ' ORDER BY n) FROM handled WHERE subscription = '$run->{subscription}' AND stream LIKE '%-broken'"),
		'1 3', "$name: after that");
	stop_consumers($run, $name, $pid);
	return;
}

# A consumer whose events are for something that is away for some time.
sub work_away
{
	my ($run) = @_;
	my $name = "$run->{subscription}, while what it is for is away";
	my $before = handled($run);
	my $errors = output_of($run->{subscription}) . '.err';
	my $pid = start_consumer($run, 'waits');

	sql("SELECT event_store.append('$run->{category}-1', 'Happened', jsonb_build_object('away', extract(epoch FROM clock_timestamp()) + 3))");
	append($run, 2);
	handles($run, $before + 3, "$name: events wait");
	is( sql("SELECT count(*) FROM event_store.subscription_failed_events WHERE subscription = '$run->{subscription}' AND stream_id NOT IN (SELECT stream_id FROM event_store.streams WHERE stream LIKE '%-broken')"),
		'0', "$name: none has failed");
	cmp_ok(scalar(() = slurp_file($errors) =~ /told to be away.*; trying again in/g), '>', 3, "$name: the consumer tells of it");
	stop_consumers($run, $name, $pid);
	check_complaints($run);
	return;
}

# A consumer that would poll in an hour is woken, and connects again after a crash.
sub work_notified
{
	my ($run) = @_;
	my $name = "$run->{subscription}, with a worker";
	my $before = handled($run);
	my $pid = start_consumer($run, 'woken', 3600);

	foreach my $when ('before', 'after')
	{
		# It listens and has found nothing.
		comes_to(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'woken' AND state = 'idle'
			AND (query LIKE 'LISTEN%' OR query LIKE '%event_store.poll(%')}, '2', "$name: a consumer waits, $when a crash of the server");
		foreach my $i (1 .. 5)
		{
			append($run, 1);
			handles($run, ++$before, "$name: event $i wakes it");
		}
		next if $when eq 'after';
		$node->stop('immediate');
		$node->start;
	}
	stop_consumers($run, $name, $pid);
	check_complaints($run);
	return;
}

# The run ----------------------------------------------------------------------

ok( run([ 'npm', 'ci', "--prefix=$examples/node", '--ignore-scripts', '--no-audit', '--no-fund', '--silent', '--cache=' . $node->basedir . '/npm' ]),
	"node's pg is installed");

sql(<<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	CREATE TABLE handled (n bigint GENERATED ALWAYS AS IDENTITY, subscription text, stream text, version bigint, consumer text);
	SELECT event_store.start_worker();
	END

my @runs;
foreach my $client (qw(node python))
{
	push @runs, work_disturbed($client, 'exactly-once');
	work_disturbed($client, 'at-least-once');
	work_notified($runs[-1]);
	work_away($runs[-1]);
}
sql('SELECT event_store.stop_worker()');
work_unnotified($_) foreach @runs;

is(sql('SELECT * FROM event_store.verify_store()'), '', 'the store is sound');
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP:|terminated by signal/, 'no server process died');
cmp_ok(scalar(() = $log =~ /ERROR:  the lease of subscription .* is lost/g), '>', 0, 'consumers that were paused have lost their leases');
diag "to repeat the choices of this run: CONSUMERS_SEED=$seed" if !Test::More->builder->is_passing;

$node->stop;
done_testing();
