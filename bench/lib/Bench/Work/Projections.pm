# bench/lib/Bench/Work/Projections.pm
#
# Projections: how fast a worker catches up, how soon it has what was appended, and
# what appends pay for those that workers run and for one that runs inline.

package Bench::Work::Projections;

use strict;
use warnings;

use Bench::Numbers qw(commas median percentile);
use Bench::Rounds qw(compare);
use Bench::Session;
use Bench::Systems qw(install_event_store store_of_streams appender $data);
use List::Util qw(min);
use Time::HiRes qw(time usleep);

my $database = 'projections';

# Appends a second beside which so many projections are kept up.
my ($rate, $projections) = (2_000, 5);

# Between appends that are followed to the projection.
my $pause_ms = 30;

# Makes the database, has workers run there, and returns a session.  In that, too, a
# query is of one process: so is a projection.
sub prepare
{
	my ($bench, $each) = @_;
	my $server = $bench->{server};

	print "\n=== filling ", commas($bench->{streams}), ' streams with ', commas($each), " events each\n";
	$server->create_database($database);
	install_event_store($server, $database);
	$server->script(
		$database, 'fill_customers', 'public',
		streams => $bench->{streams},
		each => $each,
		data => $data);
	my $session = Bench::Session->new($database, max_parallel_workers_per_gather => 0);
	$session->query('SELECT event_store.start_worker()');
	return $session;
}

sub safe_position
{
	my ($session) = @_;

	return $session->query('SELECT event_store.safe_position()');
}

# Waits until a projection has handled all events up to a position, by default those
# there are.
sub wait_for
{
	my ($session, $projection, $position) = @_;

	$position //= safe_position($session);
	my $outcome = $session->query("CALL event_store.wait_for_projection('$projection', $position, '10 minutes')");
	die "to wait for projection $projection ended with: $outcome\n" if $outcome ne 'reached';
	return;
}

sub drop
{
	my ($session, @names) = @_;

	$session->query("SELECT event_store.drop_projection('$_')") foreach @names;
	return;
}

# A system that has a worker build a projection anew from all events; CHECK ends the
# benchmark where it was built wrongly.
sub rebuilder
{
	my ($session, $projection, $label, $events, $check) = @_;

	return {
		name => $projection,
		label => $label,
		run => sub {
			my $begin = time;
			my $position = $session->query("SELECT event_store.rebuild_projection('$projection')");

			wait_for($session, $projection, $position);
			my $seconds = time - $begin;
			my $handled = $session->query(
				"SELECT handled FROM event_store.projection_status WHERE projection = '$projection'");

			die "projection $projection has handled $handled events, not $events\n" if $handled != $events;
			$check->();
			return { calls => $events, rate => $events / $seconds };
		}
	};
}

# One that builds the same table by one statement.
sub inserter
{
	my ($session, $events) = @_;

	return {
		name => 'insert',
		label => 'INSERT … SELECT … GROUP BY',
		run => sub {
			my ($seconds) = $session->measure(<<~'END');
				TRUNCATE inserted;
				INSERT INTO inserted
				SELECT data ->> 'customer', count(*), sum((data ->> 'price')::numeric)
				  FROM event_store.all_events
				 GROUP BY 1
				END
			return { calls => $events, rate => $events / $seconds };
		}
	};
}

# Ends the benchmark unless the projection's table is what the statement made.
sub check_totals
{
	my ($session, $events) = @_;
	my ($different, $counted) = split /\|/, $session->query(<<~'END');
		SELECT (SELECT count(*)
				  FROM ((TABLE totals EXCEPT TABLE inserted) UNION ALL (TABLE inserted EXCEPT TABLE totals)) different),
			   (SELECT sum(events) FROM totals)
		END

	die "the projection and the statement differ in $different rows\n" if $different != 0;
	die "the projection's table has $counted events, not $events\n" if $counted != $events;
	return;
}

# The statement comes first, so that there is something to compare with.
sub catch_up
{
	my ($bench, $session, $events) = @_;
	my $of = commas($events) . ' events';
	my %shared = (group => 'projections', unit => 'events', rounds => $bench->fewer_rounds);

	$bench->{server}->script($database, 'totals', 'public', name => 'totals', after => 0);
	$session->query('CREATE TABLE inserted (LIKE totals INCLUDING ALL)');
	wait_for($session, 'totals');
	compare(
		$bench, %shared,
		name => 'catch-up',
		title => "catch-up with $of, a handler in SQL",
		note =>
		  'A read model of 1,000 customers with the number of their events and the sum of their prices, emptied and built anew: by a worker, in batches of which each lasts, and by one statement over all_events. Both end in the same table, which is checked.',
		systems => [
			inserter($session, $events),
			rebuilder($session, 'totals', 'projection, a worker', $events, sub { check_totals($session, $events) })
		],
		ratios => [ { of => 'totals', against => 'insert', at_least => 0.4 } ]);
	drop($session, 'totals');

	$bench->{server}->script($database, 'counted', 'public', mode => 'async');
	wait_for($session, 'counted');
	compare(
		$bench, %shared,
		name => 'catch-up-c',
		title => "catch-up with $of, a handler in C",
		note => 'The handler takes an event a call, reads its version, and writes nothing.',
		systems => [ rebuilder($session, 'counted', 'projection, a worker', $events, sub { }) ],
		ratios => [ { of => 'counted', at_least => 100_000 } ]);
	drop($session, 'counted');
	return;
}

# Appends an event and waits for it; returns how long that took from when the
# append's answer was there.
sub append_and_wait
{
	my ($session) = @_;
	my ($outcome, $milliseconds) = $session->timed(<<~"END");
		SELECT (event_store.append('bench-1', 'ItemAdded', '$data')).global_position \\gset
		CALL event_store.wait_for_projection('tally', :global_position, '10 seconds')
		END

	die "to wait for projection tally ended with: $outcome\n" if $outcome ne 'reached';
	return $milliseconds;
}

sub follower
{
	my ($bench, $session) = @_;
	my $tally = sub { $session->query('SELECT events FROM tally') };

	return {
		name => 'projected',
		label => 'append to projected',
		run => sub {
			my ($warm) = @_;
			my $appends = $warm ? 20 : $bench->size(200, 50);
			my $before = $tally->();
			my @milliseconds;

			foreach (1 .. $appends)
			{
				usleep(1000 * $pause_ms);
				push @milliseconds, append_and_wait($session);
			}
			my $projected = $tally->() - $before;

			die "$projected events were projected, not $appends\n" if $projected != $appends;
			return {
				calls => $appends,
				median_ms => median(@milliseconds),
				p99_ms => percentile(99, @milliseconds)
			};
		}
	};
}

# What a client sees that reads what it has just written.
sub follow
{
	my ($bench, $session) = @_;

	$bench->{server}->script($database, 'tally', 'public', after => safe_position($session));
	compare(
		$bench,
		group => 'projections',
		name => 'follow',
		title => 'append to projected, 1 client',
		note =>
		  "One append every $pause_ms ms, and nothing else; from its answer to that of wait_for_projection(), which the client calls at once. A handler in SQL counts into a table of one row.",
		unit => 'appends',
		shown => 'median_ms',
		systems => [ follower($bench, $session) ],
		ratios => [
			{ of => 'projected', metric => 'median_ms', at_most => 2 },
			{ of => 'projected', metric => 'p99_ms', at_most => 10 }
		]);
	drop($session, 'tally');
	return;
}

# Waits until as many workers run as projections keep busy; there always is one.
# Workers come and go by themselves, but not in a run.
sub wait_for_workers
{
	my ($session, $busy) = @_;
	my $deadline = time + 60;
	my $wanted = min($busy || 1, $session->query("SELECT current_setting('event_store.max_workers')"));

	while (1)
	{
		my $running = $session->query(
			"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'event_store worker' AND datname = '$database'");

		return if $running == $wanted;
		die "$running workers run, not $wanted\n" if time > $deadline;
		usleep(50_000);
	}
	return;
}

# How far the slowest projection is behind.
sub lag
{
	my ($session) = @_;

	return (lag => 0 + $session->query('SELECT max(lag_events) FROM event_store.projection_status'));
}

# An appender at the rate, while workers run projections, which have caught up before;
# or while they are paused.
sub rated_appender
{
	my ($bench, $session, $name, $label, @running) = @_;
	my $append = appender(
		$bench, 'event_store',
		database => $database,
		clients => 16,
		length => { seconds => 3 * $bench->{run_seconds} });

	return {
		name => $name,
		label => $label,
		run => sub {
			my ($warm) = @_;

			$session->query("SELECT event_store.resume_projection('$_')") foreach @running;
			wait_for($session, $_) foreach @running;
			wait_for_workers($session, scalar @running);
			my $sample = $append->{run}->(
				$warm,
				rate => $rate,
				beside => [ $session->{backend} ],
				at_end => @running ? sub { lag($session) } : undef);

			wait_for($session, $_) foreach @running;
			$session->query("SELECT event_store.pause_projection('$_')") foreach @running;
			return $sample;
		}
	};
}

sub append_beside
{
	my ($bench, $session) = @_;
	my @names = map { "totals_$_" } 1 .. $projections;

	foreach my $name (@names)
	{
		$bench->{server}->script($database, 'totals', 'public', name => $name, after => safe_position($session));
		$session->query("SELECT event_store.pause_projection('$name')");
	}
	compare(
		$bench,
		group => 'projections',
		name => 'append-beside',
		title => commas($rate) . " appends a second, 16 clients, durable, beside $projections projections",
		note =>
		  'Each projection has all events, in batches, and a handler in SQL; without them they are paused. The latency is from when pgbench sends an append: what it is late by itself is left out. The lag is that of the slowest projection in the moment when the appends end.',
		unit => 'events',
		shown => 'p99_ms',
		systems => [
			rated_appender($bench, $session, 'projected', "$projections projections by workers", @names),
			rated_appender($bench, $session, 'alone', 'no projections')
		],
		ratios => [
			{ of => 'projected', against => 'alone', metric => 'p99_ms', at_most => 1.3 },
			{ of => 'projected', against => 'alone', metric => 'median_ms' }
		]);
	drop($session, @names);
	return;
}

# Ends the benchmark unless an append calls the inline projection's handler: it adds
# the version.
sub check_inline
{
	my ($bench, $inline) = @_;
	my $session = Bench::Session->new($inline);
	my ($before, $version) = map { $session->query($_) }
	  ('SELECT counted()', "SELECT (event_store.append('bench-1', 'ItemAdded', '$data')).version");
	my $after = $session->query('SELECT counted()');

	$session->end;
	die "an append did not call the handler\n" if $after - $before != $version;
	return;
}

sub inline
{
	my ($bench) = @_;
	my %label = (inline => 'an inline projection', not_inline => 'none');

	store_of_streams($bench, $_) foreach keys %label;
	$bench->{server}->script('inline', 'counted', 'public', mode => 'inline');
	check_inline($bench, 'inline');
	compare(
		$bench,
		group => 'projections',
		name => 'inline',
		title => 'inline projection, 16 clients, durable',
		note => 'The handler is the one in C that reads the version and writes nothing.',
		unit => 'events',
		systems => [
			map { { %{ appender($bench, 'event_store', clients => 16, database => $_) }, name => $_, label => $label{$_} } }
			  qw(inline not_inline)
		],
		ratios => [ { of => 'inline', against => 'not_inline', at_least => 0.8 } ]);
	return;
}

sub work
{
	my ($bench) = @_;
	my $each = $bench->size(100, 5);
	my $session = prepare($bench, $each);

	catch_up($bench, $session, $bench->{streams} * $each);
	follow($bench, $session);
	append_beside($bench, $session);
	$session->query('SELECT event_store.stop_worker()');
	$session->end;
	inline($bench);
	return;
}

1;
