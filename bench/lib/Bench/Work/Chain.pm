# bench/lib/Bench/Work/Chain.pm
#
# One event a call with a hash chain, and without.

package Bench::Work::Chain;

use strict;
use warnings;

use Bench::Rounds qw(compare);
use Bench::Systems qw(install_event_store appender $data);

# A store in a database of its own, with the streams that all have.
sub store
{
	my ($bench, $database) = @_;
	my $server = $bench->{server};

	$server->create_database($database);
	install_event_store($server, $database);
	$server->query($database, 'SELECT event_store.enable_hash_chain()') if $database eq 'chained';
	$server->script(
		$database, 'fill_event_store', 'public',
		streams => $bench->{streams},
		each => $bench->{events_each},
		data => $data);
	return;
}

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

	store($bench, $_) foreach qw(chained unchained);
	measure($bench, 'chain-16', 'hash chain, 16 clients, durable', 0.85, clients => 16);
	measure($bench, 'chain-16-async', 'hash chain, 16 clients, synchronous_commit off',
		undef, clients => 16, durable => 0);
	return;
}

1;
