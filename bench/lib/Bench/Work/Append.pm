# bench/lib/Bench/Work/Append.pm
#
# One event a call.

package Bench::Work::Append;

use strict;
use warnings;

use Bench::Rounds qw(compare);
use Bench::Systems qw(appender);
use List::Util qw(min);

my @all = qw(event_store plain_v7 plain_v4 lookup message_db emmett);

# The targets by the number of clients.
my %targets = (
	1 => [ [ plain_v7 => 0.9 ] ],
	16 => [ [ plain_v7 => 0.95 ], [ lookup => 1.0 ], [ message_db => 6 ], [ emmett => 2.2 ] ],
	64 => [ [ plain_v7 => 0.95 ] ]);

# A ratio to each of the systems, with a target where there is one.
sub ratios
{
	my ($systems, $targets) = @_;
	my %at_least = map { $_->[0] => $_->[1] } @$targets;

	return [
		map { { of => 'event_store', against => $_, at_least => $at_least{$_} } }
		grep { $_ ne 'event_store' } @$systems
	];
}

sub measure
{
	my ($bench, $name, $title, $systems, $targets, %how) = @_;

	compare(
		$bench,
		group => 'append',
		name => $name,
		title => $title,
		unit => 'events',
		rounds => @$targets ? $bench->{rounds} : min(3, $bench->{rounds}),
		systems => [ map { appender($bench, $_, %how) } @$systems ],
		ratios => ratios($systems, $targets));
	return;
}

sub work
{
	my ($bench) = @_;

	foreach my $clients (1, 16, 64)
	{
		my $title = $clients == 1 ? '1 client' : "$clients clients";

		# Of many sessions on a few cores, each gets to do little.
		measure($bench, "append-$clients", "$title, durable",
			[ @all, $clients == 16 ? 'message_db_categories' : () ],
			$targets{$clients}, clients => $clients,
			length => $clients == 64 ? { seconds => 2 * $bench->{run_seconds} } : undef);
	}
	measure($bench, 'append-16-async', '16 clients, synchronous_commit off',
		\@all, [], clients => 16, durable => 0);
	measure($bench, 'append-16-simple', '16 clients, durable, simple protocol',
		\@all, [], clients => 16, protocol => 'simple');
	return;
}

1;
