# bench/lib/Bench/Work/Tail.pm
#
# Readers and appenders beside each other: appends while 20 readers tail the
# store, and the safe position while 500 sessions hold appends open.

package Bench::Work::Tail;

use strict;
use warnings;

use Bench::Command qw(stop);
use Bench::Numbers qw(commas);
use Bench::Pgbench qw(pgbench start_pgbench);
use Bench::Rounds qw(compare);
use Bench::Systems qw(stores appender);
use Time::HiRes qw(sleep time);

my $readers = 20;

# What holds 5,000 stream locks, and a mark each.
my ($holders, $streams_held) = (500, 10);

# How far the slowest reader is behind; each tells its position in its
# application_name.
sub lag
{
	my ($server, $first) = @_;
	my ($reading, $slowest, $safe) = split /\|/, $server->query('stores', <<~'END');
		SELECT count(position), min(position), event_store.safe_position()
		  FROM (SELECT substring(application_name FROM '^reader (\d+)$')::bigint AS position
				  FROM pg_stat_activity) reader
		END

	die "$reading readers have read, not $readers\n" if $reading != $readers;
	die "a reader has read nothing\n" if $slowest <= $first;
	return (lag => $safe - $slowest);
}

# An appender that runs while readers of the script tail, all the time: a reader
# that fails loses its connection.  Their sessions end after the appends', so that
# what they use is not counted as the appends'.
sub tailed_appender
{
	my ($bench, $name, $label, $script) = @_;
	my $server = $bench->{server};
	my $append = appender($bench, 'event_store', clients => 16);

	return {
		name => $name,
		label => $label,
		run => sub {
			my ($warm) = @_;
			my $last = $server->query('stores', 'SELECT event_store.safe_position()');
			my $tailing = start_pgbench(
				database => 'stores',
				script => $script,
				clients => $readers,
				seconds => $bench->{run_seconds} + 100,
				define => { last => $last });
			my @sessions = $server->wait_for_sessions($readers);
			my $sample = $append->{run}->(
				$warm,
				beside => \@sessions,
				at_end => $warm ? undef : sub { lag($server, $last) });

			$server->wait_for_sessions($readers);
			stop($tailing);
			$server->wait_for_backends;
			return $sample;
		}
	};
}

sub tail
{
	my ($bench) = @_;

	stores($bench);
	compare(
		$bench,
		group => 'tail',
		name => 'tail',
		title => "16 appending clients, durable, beside $readers readers",
		note =>
		  "Each reader asks for the next 10,000 events after its last one, and again 100 ms after it got them. The lag is that of the slowest reader in the moment when the appends end. A plain keyset SELECT shows what any reader costs on these cores.",
		unit => 'events',
		systems => [
			{
				%{ appender($bench, 'event_store', clients => 16) },
				name => 'alone',
				label => 'no readers'
			},
			tailed_appender($bench, 'read_all', 'readers of read_all', 'tail_read_all'),
			tailed_appender($bench, 'select', 'readers of a keyset SELECT', 'tail_select')
		],
		ratios => [
			{ of => 'read_all', against => 'alone', at_least => 0.9 },
			{ of => 'select', against => 'alone' },
			{ of => 'read_all', against => 'select' }
		]);
	return;
}

# How many stream locks and marks are held.
sub held
{
	my ($bench) = @_;

	return split /\|/, $bench->{server}->query('stores', <<~'END');
		SELECT count(*) FILTER (WHERE objsubid = 17747), count(*) FILTER (WHERE objsubid = 17748)
		  FROM pg_locks WHERE locktype = 'advisory' AND granted
		END
}

# Waits until all holders hold their locks.
sub wait_for_locks
{
	my ($bench) = @_;
	my $deadline = time + 60;

	while (1)
	{
		my ($streams, $marks) = held($bench);
		return if $streams >= $holders * $streams_held && $marks >= $holders;
		die "$streams stream locks and $marks marks are held after a minute\n" if time > $deadline;
		sleep 0.1;
	}
	return;
}

# A system that asks for the safe position beside the sessions of some processes.
sub safe_position_of
{
	my ($bench, @beside) = @_;

	return {
		name => 'safe_position',
		label => 'safe_position',
		run => sub {
			my ($warm) = @_;

			return pgbench(
				$bench->{server},
				database => 'stores',
				script => 'safe_position',
				clients => 1,
				beside => \@beside,
				$bench->read_length($warm));
		}
	};
}

# The holders hold for longer than the rounds take, are checked to have held
# everything to the end, and are then stopped.
sub safe_position
{
	my ($bench) = @_;
	my $server = $bench->{server};
	my %shared = (group => 'tail', unit => 'calls');

	stores($bench);
	compare(
		$bench, %shared,
		name => 'safe-position-alone',
		title => 'safe_position while nobody appends',
		systems => [ safe_position_of($bench) ],
		ratios => [ { of => 'safe_position', metric => 'latency_ms' } ]);

	# Those who make a category wait for each other, so there is one.
	$server->query('stores', "SELECT event_store.append('held-0', 'ItemAdded', '{}')");
	my $holding = start_pgbench(
		database => 'stores',
		script => 'hold_appends',
		clients => $holders,
		transactions => 1,
		define => { hold => 100 + $bench->{rounds} * 2 * $bench->{run_seconds} });
	my @sessions = $server->wait_for_sessions($holders);
	wait_for_locks($bench);
	compare(
		$bench, %shared,
		name => 'safe-position-held',
		title => "safe_position while $holders sessions hold "
		  . commas($holders * $streams_held)
		  . ' stream locks',
		systems => [ safe_position_of($bench, @sessions) ],
		ratios => [ { of => 'safe_position', metric => 'latency_ms', at_most => 1 } ]);
	wait_for_locks($bench);
	stop($holding);
	$server->wait_for_backends;
	return;
}

sub work
{
	my ($bench) = @_;

	tail($bench);
	safe_position($bench);
	return;
}

1;
