# bench/lib/Bench/Rounds.pm
#
# Comparisons.  The systems of one take turns, in an order that is rotated each
# round and turned around every other, so that what the machine does beside hits
# all of them, and none always comes after the same one, whose dirty pages are
# being written yet; and a ratio is taken within a round, between runs that were
# seconds apart.

package Bench::Rounds;

use strict;
use warnings;

use Bench::Numbers qw(figure spread);
use Exporter qw(import);

our @EXPORT_OK = qw(compare);

# The figures of a system: those of its rounds, and their spread.
sub summary
{
	my ($system, $samples) = @_;
	my %names = map { $_ => 1 } map { keys %$_ } @$samples;
	my %summary = (name => $system->{name}, label => $system->{label}, rounds => $samples);

	$summary{x} = 0 + $system->{x} if defined $system->{x};
	foreach my $name (keys %names)
	{
		$summary{$name} = spread(map { $_->{$name} } @$samples);
	}
	return \%summary;
}

# What a ratio came to: OF's metric by AGAINST's in each round, or without
# AGAINST the metric itself, whose median is to be at least or at most the
# target.  Without a target it is for information.
sub ratio
{
	my ($ratio, %samples) = @_;
	my $metric = $ratio->{metric} // 'rate';
	my @of = map { $_->{$metric} } @{ $samples{ $ratio->{of} } };
	my @by =
	  $ratio->{against}
	  ? map { $_->{$metric} } @{ $samples{ $ratio->{against} } }
	  : (1) x @of;
	my $result = { %$ratio, metric => $metric, %{ spread(map { $of[$_] / $by[$_] } 0 .. $#of) } };

	if (defined $ratio->{at_least})
	{
		$result->{holds} = $result->{median} >= $ratio->{at_least} ? 1 : 0;
	}
	elsif (defined $ratio->{at_most})
	{
		$result->{holds} = $result->{median} <= $ratio->{at_most} ? 1 : 0;
	}
	return $result;
}

# Runs a comparison and keeps its result:
#
#	group, name, title, note	note is optional
#	unit		what is counted: events, calls, pages
#	systems		[{ name, label, x, run }]; run(warm) returns a sample, a hash of
#				figures; warm: a short run whose figures are not kept; x: where it
#				stands in a plot
#	shown		which figure is shown while it runs; its rate unless given
#	ratios		[{ of, against, metric, at_least or at_most }]; see ratio()
#	rounds		how many, where they are not the usual ones
sub compare
{
	my ($bench, %comparison) = @_;
	my @systems = @{ delete $comparison{systems} };
	my $ratios = delete $comparison{ratios} // [];
	my $rounds = delete $comparison{rounds} // $bench->{rounds};
	my $shown = delete $comparison{shown} // 'rate';
	my $unit = $shown eq 'rate' ? "$comparison{unit}/s" : $shown;
	my %samples;

	print "\n=== $comparison{group}: $comparison{title}\n";
	$bench->{server}->checkpoint;
	$_->{run}->(1) foreach @systems;
	foreach my $round (1 .. $rounds)
	{
		foreach my $system ($round % 2 ? @systems : reverse @systems)
		{
			my $sample = $system->{run}->(0);

			push @{ $samples{ $system->{name} } }, $sample;
			printf "round %d of %d  %-34s %12s %s%s\n", $round, $rounds, $system->{label},
			  figure($sample->{$shown}), $unit,
			  $sample->{failed} ? "  $sample->{failed} failed" : '';
		}
		push @systems, shift @systems;
	}

	# In the order that was given.
	push @systems, splice(@systems, 0, @systems - $rounds % @systems);
	push @{ $bench->{results} },
	  {
		%comparison,
		systems => [ map { summary($_, $samples{ $_->{name} }) } @systems ],
		ratios => [ map { ratio($_, %samples) } @$ratios ]
	  };
	return;
}

1;
