# bench/lib/Bench/Work/Subscriptions.pm
#
# Subscriptions: how fast consumers poll and acknowledge, whether an old snapshot makes
# that slower, and how soon a consumer that is woken has what was appended.

package Bench::Work::Subscriptions;

use strict;
use warnings;

use Bench::Command qw(run);
use Bench::Numbers qw(commas median percentile);
use Bench::Pgbench qw(pgbench);
use Bench::Rounds qw(compare);
use Bench::Session;
use Bench::Systems qw(filled_store);
use List::Util qw(min sum);

my $database = 'subscriptions';

# Consumers, and partitions: as many of both.
my $consumers = 4;

# Events in a batch: of those that are many, and of those whose acknowledgements are.
my ($large, $small) = (1_000, 10);

# Between appends that a consumer is woken for.
my $pause_ms = 30;

# Makes a store with a fifth more events than are consumed: partitions are not equal, and
# none may come to its end.
sub prepare
{
	my ($bench, $consumed) = @_;
	my $server = $bench->{server};
	my $events = $consumed * 12 / 10;

	filled_store($bench, $database, $events, $bench->size(10_000, 1_000));
	$server->script($database, 'subscription', 'public', partitions => $consumers);
	my ($delivered, $different, $partitions, $least) = split /\|/, $server->query($database, <<~'END');
		SELECT sum(n), (SELECT count(DISTINCT global_position) FROM delivered), count(*), min(n)
		  FROM (SELECT count(*) AS n FROM delivered GROUP BY partition) partition
		END

	die "the subscription delivered $delivered events, $different different ones, of $events\n"
	  if $delivered != $events || $different != $events;
	die "the subscription delivered events of $partitions partitions\n" if $partitions != $consumers;
	die "a partition has only $least events\n" if $least < $consumed / $consumers;
	return;
}

# Moves the subscription to the beginning, without what the runs before have left.
sub rewind
{
	my ($bench) = @_;

	$bench->{server}->query($database, <<~'END');
		SELECT event_store.move_subscription('bench', 0);
		VACUUM event_store.subscription_partitions
		END
	return;
}

# Ends the benchmark unless so many events are acknowledged, by the checkpoints.
sub check_acknowledged
{
	my ($bench, $polled) = @_;
	my $acknowledged = $bench->{server}->query($database, <<~'END');
		SELECT count(*)
		  FROM event_store.subscription_status s
		  JOIN delivered d ON d.partition = s.partition AND d.global_position <= s.checkpoint
		 WHERE s.subscription = 'bench'
		END

	die "$acknowledged events are acknowledged, not $polled\n" if $acknowledged != $polled;
	return;
}

# Runs a script by as many clients as there are consumers, so many batches each.
sub batches
{
	my ($bench, $script, $batch, $batches, @beside) = @_;

	return pgbench(
		$bench->{server},
		database => $database,
		script => $script,
		clients => $consumers,
		transactions => $batches,
		define => { batch => $batch, batches => $batches, i => 0 },
		settings => { synchronous_commit => 'on' },
		beside => \@beside);
}

# A sample of batches as one of their events.
sub by_event
{
	my ($sample, $batch) = @_;

	$sample->{$_} *= $batch foreach qw(calls rate);
	$sample->{$_} /= $batch foreach qw(cpu_us wal_bytes);

	# That is a batch's.
	delete $sample->{latency_ms};
	return $sample;
}

# Samples of one run after the other as one.
sub together
{
	my (@samples) = @_;
	my $calls = sum(map { $_->{calls} } @samples);
	my $mean = sub {
		my ($figure) = @_;

		return sum(map { $_->{calls} * $_->{$figure} } @samples) / $calls;
	};

	return {
		calls => $calls,
		failed => sum(map { $_->{failed} } @samples),
		rate => $calls / sum(map { $_->{calls} / $_->{rate} } @samples),
		map { $_ => $mean->($_) } qw(latency_ms cpu_us wal_bytes)
	};
}

# How many batches each consumer gets.
sub batches_each
{
	my ($consumed, $batch, $warm) = @_;

	return int($consumed / $consumers / $batch / ($warm ? 20 : 1));
}

sub large_batches
{
	my ($bench, $consumed) = @_;

	compare(
		$bench,
		group => 'subscriptions',
		name => 'poll-ack',
		title => "poll and ack, batches of @{[ commas($large) ]}, $consumers consumers, durable",
		note =>
		  "Each consumer polls a batch of a subscription with $consumers partitions, gets all columns of its events, and acknowledges it; @{[ commas($consumed) ]} events in all. The SELECT reads as many, each client a part of the store, after its last position, and writes nothing.",
		unit => 'events',
		rounds => $bench->fewer_rounds,
		systems => [
			{
				name => 'poll',
				label => 'poll, ack',
				run => sub {
					my $n = batches_each($consumed, $large, @_);

					rewind($bench);
					my $sample = by_event(batches($bench, 'poll_ack', $large, $n), $large);
					check_acknowledged($bench, $consumers * $n * $large);
					return $sample;
				}
			},
			{
				name => 'select',
				label => 'prepared SELECT',
				run => sub {
					my $n = batches_each($consumed, $large, @_);

					return by_event(batches($bench, 'page_select', $large, $n), $large);
				}
			}
		],
		ratios => [ { of => 'poll', against => 'select', at_least => 0.5 } ]);
	return;
}

# All batches, of which the last fifth is a run of its own.
sub small_batches_of
{
	my ($bench, $consumed, $warm, @beside) = @_;
	my $n = batches_each($consumed, $small, $warm);
	my @samples = map { batches($bench, 'poll_ack', $small, $_, @beside) } $n * 4 / 5, $n / 5;

	check_acknowledged($bench, $consumers * $n * $small);
	return { %{ together(@samples) }, last_rate => $samples[1]{rate} };
}

sub small_batches
{
	my ($bench, $consumed) = @_;
	my $acks = commas($consumed / $small);

	compare(
		$bench,
		group => 'subscriptions',
		name => 'poll-ack-held',
		title => "$acks batches of $small, $consumers consumers, durable, beside a REPEATABLE READ snapshot",
		note =>
		  'The snapshot is from before the first batch and held to the end of the last one, so that nothing that the acknowledgements leave can be removed. A poll is counted with its acknowledgement. The rate is that of all; that of the last fifth of them is told apart.',
		unit => 'polls',
		rounds => min(3, $bench->{rounds}),
		systems => [
			{
				name => 'alone',
				label => 'no snapshot',
				run => sub {
					my ($warm) = @_;

					rewind($bench);
					return small_batches_of($bench, $consumed, $warm);
				}
			},
			{
				name => 'snapshot',
				label => 'a snapshot is held',
				run => sub {
					my ($warm) = @_;

					rewind($bench);
					my $holder = Bench::Session->new($database);
					my $count = 'SELECT sum(changes) FROM event_store.subscription_partitions';

					my $before = $holder->query("BEGIN ISOLATION LEVEL REPEATABLE READ;\n$count");
					my $sample = small_batches_of($bench, $consumed, $warm, $holder->{backend});
					die "the snapshot was not held\n" if $holder->query($count) != $before;
					$holder->query('COMMIT');
					$holder->end;
					rewind($bench);
					return $sample;
				}
			}
		],
		ratios => [
			{ of => 'snapshot', against => 'alone', at_least => 0.8 },
			{ of => 'snapshot', against => 'alone', metric => 'last_rate' }
		]);
	return;
}

# The appends, and how long after each was sent its answer and the event were there.
sub woken_consumer
{
	my ($bench) = @_;

	return {
		name => 'woken',
		label => 'append to consumed',
		run => sub {
			my ($warm) = @_;
			my $appends = $warm ? 20 : $bench->size(200, 50);
			my @lines = split /\n/,
			  run([ 'node', 'consumer.mjs', 'woken', $appends, $pause_ms ], env => { PGDATABASE => $database });
			my @pairs = map { [ split ' ' ] } @lines;

			die scalar(@pairs) . " events were consumed, not $appends\n" if @pairs != $appends;
			return {
				calls => $appends,
				median_ms => median(map { $_->[1] } @pairs),
				p99_ms => percentile(99, map { $_->[1] } @pairs),
				append_ms => median(map { $_->[0] } @pairs)
			};
		}
	};
}

sub woken
{
	my ($bench) = @_;
	my $server = $bench->{server};

	$server->query($database, <<~'END');
		SELECT event_store.drop_subscription('bench');
		SELECT event_store.create_subscription('woken', start_position => event_store.safe_position());
		SELECT event_store.start_worker()
		END
	compare(
		$bench,
		group => 'subscriptions',
		name => 'woken',
		title => 'append to consumed, a consumer that is woken, 1 client',
		note =>
		  "One append every $pause_ms ms, and nothing else; from when node sends the append to when node has the event from poll(), on another connection, which listens to what a worker notifies. The append's own answer is part of that.",
		unit => 'appends',
		shown => 'median_ms',
		systems => [ woken_consumer($bench) ],
		ratios => [
			{ of => 'woken', metric => 'median_ms', at_most => 5 },
			{ of => 'woken', metric => 'p99_ms' }
		]);
	$server->query($database, 'SELECT event_store.stop_worker()');
	return;
}

sub work
{
	my ($bench) = @_;
	my $consumed = $bench->size(1_000_000, 100_000);

	prepare($bench, $consumed);
	large_batches($bench, $consumed);
	small_batches($bench, $consumed);
	woken($bench);
	return;
}

1;
