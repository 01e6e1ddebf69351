# bench/lib/Bench/Work/Aggregate.pm
#
# Aggregates: a long stream with a snapshot beside a short one, folds beside what
# else could fold, and load, add, save beside the append alone.

package Bench::Work::Aggregate;

use strict;
use warnings;

use Bench::Command qw(run);
use Bench::Numbers qw(commas);
use Bench::Pgbench qw(pgbench);
use Bench::Rounds qw(compare);
use Bench::Systems qw(install_event_store);

my $database = 'aggregates';
my $product = 'warehouse_product';

# Streams are of products, whose apply function is in C and whose trigger is not
# there, and of counters, whose apply function is in PL/pgSQL.
sub prepare
{
	my ($bench, %size) = @_;

	print "\n=== filling streams of @{[ join ' and ', map { commas($_) } sort { $a <=> $b } values %size ]} events\n";
	$bench->{server}->create_database($database);
	install_event_store($bench->{server}, $database);
	$bench->{server}->script($database, 'aggregates', 'public', %size);
	return;
}

# A system of compare() that is a script of pgbench.
sub caller_of
{
	my ($bench, $name, $label, $script, $clients, $length, %define) = @_;

	return {
		name => $name,
		label => $label,
		run => sub {
			my ($warm) = @_;

			return pgbench(
				$bench->{server},
				database => $database,
				script => $script,
				clients => $clients,
				define => \%define,
				settings => { search_path => 'public' },
				$length->($warm));
		}
	};
}

# One that fetches a stream's events to node and folds them there.
sub fetcher
{
	my ($bench, $stream) = @_;

	return {
		name => 'node',
		label => 'fetched by node and folded there',
		run => sub {
			my ($warm) = @_;
			my $times = $warm ? 1 : $bench->size(5, 1);
			my $seconds = run([ 'node', 'fold.mjs', $stream, $times ], env => { PGDATABASE => $database });

			return { calls => $times, failed => 0, rate => $times / $seconds };
		}
	};
}

sub loads
{
	my ($bench, $length) = @_;
	my $loader = sub {
		my ($name, $label) = @_;

		return caller_of($bench, $name, $label, 'load', 1, $length, stream => "$product-$name");
	};

	compare(
		$bench,
		group => 'aggregate',
		name => 'load',
		title => 'load, 1 client',
		unit => 'calls',
		rounds => $bench->fewer_rounds,
		systems => [
			$loader->('long', 'a long stream, a snapshot 50 events back'),
			$loader->('short', 'a stream of 50 events')
		],
		ratios => [ { of => 'long', against => 'short', metric => 'latency_ms', at_most => 1.3 } ]);
	return;
}

# The long stream has a snapshot every 1,000 events: as much is applied in its middle
# as at its head.
sub moments
{
	my ($bench, $length) = @_;
	my %label = (
		version => 'state_at a version in the middle',
		time => 'state_at a time in the middle',
		position => 'state_at a position in the middle');
	my @moments = qw(version time position);
	my %value;

	my $moment = $bench->{server}->query($database, 'SELECT version, recorded_at, global_position FROM moment');

	chomp $moment;
	@value{@moments} = split /\|/, $moment;

	compare(
		$bench,
		group => 'aggregate',
		name => 'state-at',
		title => 'state_at, 1 client',
		unit => 'calls',
		rounds => $bench->fewer_rounds,
		systems => [
			caller_of($bench, 'head', 'load, at the head', 'load', 1, $length, stream => "$product-long"),
			map { caller_of($bench, $_, $label{$_}, "state_at_$_", 1, $length, stream => "$product-long", moment => $value{$_}) } @moments
		],
		ratios => [ map { { of => $_, against => 'head', metric => 'latency_ms', at_most => 1.5 } } @moments ]);
	return;
}

sub folds
{
	my ($bench, $length, $events) = @_;
	my $of = commas($events) . ' events';

	compare(
		$bench,
		group => 'aggregate',
		name => 'fold-c',
		title => "fold of $of, 1 client",
		unit => 'folds',
		rounds => $bench->fewer_rounds,
		systems => [
			caller_of($bench, 'load', 'load, apply in C', 'fold_load', 1, $length, stream => "$product-fold"),
			caller_of($bench, 'loop', 'a PL/pgSQL loop', 'fold_loop', 1, $length, stream => "$product-fold"),
			fetcher($bench, "$product-fold")
		],
		ratios => [
			{ of => 'load', against => 'loop', at_least => 1.5 },
			{ of => 'load', against => 'node', at_least => 5 }
		]);
	compare(
		$bench,
		group => 'aggregate',
		name => 'fold-plpgsql',
		title => "fold of $of by an apply function in PL/pgSQL, 1 client",
		unit => 'folds',
		rounds => $bench->fewer_rounds,
		systems => [
			caller_of($bench, 'load', 'load', 'fold_load', 1, $length, stream => 'counter-fold'),
			caller_of($bench, 'native', 'CREATE AGGREGATE', 'fold_native', 1, $length, stream => 'counter-fold')
		],
		ratios => [ { of => 'load', against => 'native', at_least => 1.0 } ]);
	return;
}

# Each has streams of its own, so that both meet what they themselves have left.
sub saves
{
	my ($bench, $length) = @_;

	compare(
		$bench,
		group => 'aggregate',
		name => 'save',
		title => 'two events, 16 clients, 1,000 streams, durable',
		unit => 'calls',
		systems => [
			caller_of($bench, 'save', 'load, add two, save', 'save_two', 16, $length, streams => 1000),
			caller_of($bench, 'append', 'append_json of two', 'append_two', 16, $length, streams => 1000)
		],
		ratios => [ { of => 'save', against => 'append', at_least => 0.75 } ]);
	return;
}

sub work
{
	my ($bench) = @_;
	my %size = (long => $bench->size(1_000_000, 10_000), fold => $bench->size(100_000, 10_000));
	my $read = sub { $bench->read_length(@_) };
	my $write = sub { $bench->run_length(@_) };

	prepare($bench, %size);
	loads($bench, $read);
	moments($bench, $read);
	folds($bench, $write, $size{fold});
	saves($bench, $write);
	return;
}

1;
