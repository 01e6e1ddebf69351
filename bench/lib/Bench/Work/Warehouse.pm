# bench/lib/Bench/Work/Warehouse.pm
#
# The worked example beside the same rules on plain tables: a quantity a product,
# which is locked to be changed, and a log of the movements.

package Bench::Work::Warehouse;

use strict;
use warnings;

use Bench::Pgbench qw(pgbench);
use Bench::Rounds qw(compare);

my $skus = 1_000;
my %label = (warehouse => 'event_store_warehouse', plain => 'plain tables');

# Each round of ships has products of its own, so that all begin with ten events
# a product.  The reads take the warm-up's, which are set 0.
sub prepare
{
	my ($bench) = @_;

	print "\n=== filling the warehouses\n";
	$bench->{server}->create_database('warehouse');
	$bench->{server}->script(
		'warehouse', 'warehouse', 'public',
		sets => $bench->{rounds} + 1,
		skus => $skus);
	return;
}

sub caller_of
{
	my ($bench, $name, $script, $clients, $length) = @_;
	my $set = 0;

	return {
		name => $name,
		label => $label{$name},
		run => sub {
			my ($warm) = @_;

			$set++ if !$warm && $script eq 'ship_product';
			return pgbench(
				$bench->{server},
				database => 'warehouse',
				script => $script,
				clients => $clients,
				define => { skus => $skus, set => $set },
				settings => { search_path => $name },
				$length->($warm));
		}
	};
}

sub measure
{
	my ($bench, $script, $clients, $target, $length) = @_;

	compare(
		$bench,
		group => 'warehouse',
		name => "$script-$clients",
		title => "$script, " . ($clients == 1 ? '1 client' : "$clients clients"),
		unit => 'calls',
		rounds => $script eq 'ship_product' ? $bench->{rounds} : $bench->fewer_rounds,
		systems => [ map { caller_of($bench, $_, $script, $clients, $length) } qw(warehouse plain) ],
		ratios => [ { of => 'warehouse', against => 'plain', at_least => $target } ]);
	return;
}

sub work
{
	my ($bench) = @_;
	my $read = sub { $bench->read_length(@_) };
	my $write = sub { $bench->run_length(@_) };

	prepare($bench);
	measure($bench, 'quantity_on_hand', 1, 1.0, $read);
	measure($bench, 'quantity_on_hand', 16, 1.0, $read);
	measure($bench, 'ship_product', 16, 0.8, $write);
	return;
}

1;
