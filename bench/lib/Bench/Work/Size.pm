# bench/lib/Bench/Work/Size.pm
#
# Appends to a large store and to a small one, and beside a snapshot that another
# session holds.

package Bench::Work::Size;

use strict;
use warnings;

use Bench::Numbers qw(commas);
use Bench::Rounds qw(compare);
use Bench::Session;
use Bench::Systems qw(appender filled_store);

# An appender to a store of a database, by clients as many.
sub appender_to
{
	my ($bench, $name, $label, $database, $streams) = @_;

	return {
		%{
			appender(
				$bench, 'event_store',
				clients => 16,
				database => $database,
				streams => $streams)
		},
		name => $name,
		label => $label
	};
}

# The same while another session holds a snapshot that is older than all of
# it.
sub beside_snapshot
{
	my ($bench, $appender) = @_;

	return {
		name => 'snapshot',
		label => 'a snapshot is held',
		run => sub {
			my ($warm) = @_;
			my $holder = Bench::Session->new('small_store');

			$holder->query(
				"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM event_store.streams");
			my $sample = $appender->{run}->($warm, beside => [ $holder->{backend} ]);
			$holder->query('COMMIT');
			$holder->end;
			return $sample;
		}
	};
}

sub work
{
	my ($bench) = @_;
	my @small = (10_000, 1_000);
	my @large = $bench->size([ 10_000_000, 1_000_000 ], [ 200_000, 20_000 ])->@*;
	my @label = map { sprintf('%s events, %s streams', commas($_->[0]), commas($_->[1])) } \@small, \@large;

	filled_store($bench, 'small_store', @small);
	filled_store($bench, 'large_store', @large);
	my $small = appender_to($bench, 'small', $label[0], 'small_store', $small[1]);
	my $large = appender_to($bench, 'large', $label[1], 'large_store', $large[1]);
	compare(
		$bench,
		group => 'size',
		name => 'size',
		title => 'one event a call, 16 clients, durable, by what is stored',
		unit => 'events',
		systems => [ $small, $large ],
		ratios => [ { of => 'large', against => 'small', at_least => 0.9 } ]);
	compare(
		$bench,
		group => 'size',
		name => 'snapshot',
		title => 'one event a call, 16 clients, durable, beside a REPEATABLE READ snapshot',
		unit => 'events',
		systems => [
			{ %$small, name => 'alone', label => 'no snapshot' },
			beside_snapshot($bench, $small)
		],
		ratios => [ { of => 'snapshot', against => 'alone', at_least => 0.95 } ]);
	return;
}

1;
