# bench/lib/Bench/Work/Chain.pm
#
# One event a call with a hash chain, and without.

package Bench::Work::Chain;

use strict;
use warnings;

use Bench::Rounds qw(compare);
use Bench::Systems qw(store_of_streams appender);

sub measure
{
	my ($bench, $name, $title, $at_least, %how) = @_;
	my $with = sub {
		my ($system, $label, $database) = @_;

		return { %{ appender($bench, 'event_store', %how, database => $database) }, name => $system, label => $label };
	};

	compare(
		$bench,
		group => 'chain',
		name => $name,
		title => $title,
		unit => 'events',
		rounds => $bench->{rounds},
		systems => [
			$with->('hash_chain', 'with a hash chain', 'chained'),
			$with->('event_store', 'without', 'unchained')
		],
		ratios => [ { of => 'hash_chain', against => 'event_store', at_least => $at_least } ]);
	return;
}

sub work
{
	my ($bench) = @_;

	store_of_streams($bench, 'chained', 'SELECT event_store.enable_hash_chain()');
	store_of_streams($bench, 'unchained');
	measure($bench, 'chain-16', 'hash chain, 16 clients, durable', 0.85, clients => 16);
	measure($bench, 'chain-16-async', 'hash chain, 16 clients, synchronous_commit off',
		undef, clients => 16, durable => 0);
	return;
}

1;
