# bench/lib/Bench/Work/Size.pm
#
# Appends to a large store and to a small one, with the plain INSERT into tables as
# large beside them, and appends beside a snapshot that another session holds.

package Bench::Work::Size;

use strict;
use warnings;

use Bench::Numbers qw(commas);
use Bench::Rounds qw(compare);
use Bench::Session;
use Bench::Systems qw(appender copy_to_plain filled_store);

# An appender to a store of a database, or by plain INSERT beside it.
sub appender_to
{
	my ($bench, $system, $name, $label, $database, $streams) = @_;

	return {
		%{
			appender(
				$bench, $system,
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
	my %of = (small => \@small, large => \@large);
	my (%label, %appender);

	foreach my $size (qw(small large))
	{
		my ($events, $streams) = $of{$size}->@*;

		$label{$size} = sprintf '%s events, %s streams', commas($events), commas($streams);
		filled_store($bench, "${size}_store", $events, $streams);
		copy_to_plain($bench, "${size}_store");
		$appender{$size} =
		  appender_to($bench, 'event_store', $size, $label{$size}, "${size}_store", $streams);
		$appender{"plain_$size"} =
		  appender_to($bench, 'plain_v7', "plain_$size", "plain INSERT, $label{$size}",
			"${size}_store", $streams);
	}
	compare(
		$bench,
		group => 'size',
		name => 'size',
		title => 'one event a call, 16 clients, durable, by what is stored',
		unit => 'events',
		systems => [ @appender{qw(small large plain_small plain_large)} ],
		ratios => [
			{ of => 'large', against => 'small', at_least => 0.9 },
			{ of => 'plain_large', against => 'plain_small' },
			{ of => 'large', against => 'plain_large' }
		]);
	compare(
		$bench,
		group => 'size',
		name => 'snapshot',
		title => 'one event a call, 16 clients, durable, beside a REPEATABLE READ snapshot',
		unit => 'events',
		systems => [
			{ %{ $appender{small} }, name => 'alone', label => 'no snapshot' },
			beside_snapshot($bench, $appender{small})
		],
		ratios => [ { of => 'snapshot', against => 'alone', at_least => 0.95 } ]);
	return;
}

1;
