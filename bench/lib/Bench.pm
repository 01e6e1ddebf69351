# bench/lib/Bench.pm
#
# What all groups of work share: the server, how long and how often things run,
# and the results.

package Bench;

use strict;
use warnings;

use Bench::Server;
use List::Util qw(min);

# DATA is the server's data directory.  QUICK measures little, to see that
# everything works; ROUNDS and RUN_SECONDS say how much.
sub new
{
	my ($class, $data, %env) = @_;
	my $quick = $env{QUICK} ? 1 : 0;

	foreach my $name (grep { defined $env{$_} } qw(ROUNDS RUN_SECONDS))
	{
		die "$name is $env{$name}, not a number from 1 on\n" if $env{$name} !~ /^[1-9][0-9]*$/;
	}
	return bless {
		server => Bench::Server->new($data),
		quick => $quick,
		rounds => 0 + ($env{ROUNDS} // ($quick ? 1 : 7)),
		run_seconds => 0 + ($env{RUN_SECONDS} // ($quick ? 1 : 3)),
		streams => 10_000,
		events_each => $quick ? 1 : 10,
		runs => 0,
		wanted => [],
		measured => [],
		results => []
	}, $class;
}

# Full or quick: the first value or the second.
sub size
{
	my ($self, $full, $quick) = @_;

	return $self->{quick} ? $quick : $full;
}

# How often a comparison is run that does not wait for the disk: its figures vary
# less.
sub fewer_rounds
{
	my ($self) = @_;

	return min(5, $self->{rounds});
}

# How long a run of pgbench is.  One that warms up only has to fill caches and to
# write the whole pages that are due after the checkpoint.
sub run_length
{
	my ($self, $warm) = @_;

	return (seconds => $self->{run_seconds}) if !$warm;
	return $self->{quick} ? (transactions => 20) : (seconds => 1);
}

# The same for reads, which vary less.
sub read_length
{
	my ($self, $warm) = @_;

	return (seconds => int(($self->{run_seconds} + 1) / 2)) if !$warm;
	return $self->{quick} ? (transactions => 5) : (seconds => 1);
}

1;
