# bench/lib/Bench/Report.pm
#
# The results as Markdown, for people, and as JSON with the figures of each
# round.

package Bench::Report;

use strict;
use warnings;

use Bench::Numbers qw(commas figure);
use Exporter qw(import);
use JSON::PP ();
use List::Util qw(sum0);

our @EXPORT_OK = qw(write_report);

sub write_file
{
	my ($path, $text) = @_;

	open(my $out, '>', $path) or die "could not write $path: $!\n";
	print $out $text;
	close($out) or die "could not write $path: $!\n";
	return;
}

# A spread in words, or only its middle; nothing where there is none.
sub spread_text
{
	my ($spread) = @_;

	return '' if !$spread;
	return sprintf('%s (%s–%s)', map { figure($spread->{$_}) } qw(median min max));
}

sub median_text
{
	my ($spread) = @_;

	return $spread ? figure($spread->{median}) : '';
}

sub target_text
{
	my ($ratio) = @_;

	return '≥ ' . commas($ratio->{at_least}) if defined $ratio->{at_least};
	return '≤ ' . commas($ratio->{at_most}) if defined $ratio->{at_most};
	return '';
}

sub verdict
{
	my ($ratio) = @_;

	return !defined $ratio->{holds} ? '' : $ratio->{holds} ? 'holds' : '**missed**';
}

my %metric = (
	cpu_us => 'server CPU',
	last_rate => 'rate of the last fifth',
	latency_ms => 'latency, ms',
	median_ms => 'median of latency, ms',
	p99_ms => '99th percentile of latency, ms');

# What a ratio is of, in words; rates that are compared are not named.
sub ratio_title
{
	my ($comparison, $ratio) = @_;
	my %label = map { $_->{name} => $_->{label} } @{ $comparison->{systems} };
	my $is_rate = $ratio->{metric} eq 'rate';
	my $metric = $is_rate ? "$comparison->{unit} per second" : $metric{ $ratio->{metric} };

	return "$label{ $ratio->{of} }, $metric" if !$ratio->{against};
	return "$label{ $ratio->{of} } / $label{ $ratio->{against} }" . ($is_rate ? '' : ", $metric");
}

sub table
{
	my ($head, @rows) = @_;
	my $text = '| ' . join(' | ', @$head) . " |\n";

	$text .= '|' . '---|' . '---:|' x (@$head - 1) . "\n";
	$text .= '| ' . join(' | ', @$_) . " |\n" foreach @rows;
	return "$text\n";
}

# How many calls of a system failed, in all rounds.
sub failed
{
	my ($system) = @_;

	return commas(sum0(map { $_->{failed} // 0 } @{ $system->{rounds} }));
}

# The columns of a comparison: figure, head, and how it is written.  Those that
# none of its systems has are left out.
sub columns
{
	my ($comparison) = @_;
	my $units = $comparison->{unit};
	my $unit = $units =~ s/s$//r;

	return grep {
		my $figure = $_->[0];
		grep { defined $_->{$figure} } @{ $comparison->{systems} }
	  } (
		[ rate => "$units per second, median (least–most)", sub { spread_text($_[0]{rate}) } ],
		[ last_rate => 'of the last fifth', sub { spread_text($_[0]{last_rate}) } ],
		[ latency_ms => 'latency, ms', sub { median_text($_[0]{latency_ms}) } ],
		[ median_ms => 'median of latency, ms', sub { spread_text($_[0]{median_ms}) } ],
		[ p99_ms => '99th percentile of latency, ms', sub { spread_text($_[0]{p99_ms}) } ],
		[ append_ms => "median of the append's, ms", sub { spread_text($_[0]{append_ms}) } ],
		[ failed => 'failed', \&failed ],
		[ cpu_us => "server CPU, µs per $unit", sub { median_text($_[0]{cpu_us}) } ],
		[ wal_bytes => "WAL, bytes per $unit", sub { median_text($_[0]{wal_bytes}) } ],
		[ lag => 'lag, events, median (least–most)', sub { spread_text($_[0]{lag}) } ]);
}

sub comparison_text
{
	my ($comparison) = @_;
	my @columns = columns($comparison);
	my $text = "### $comparison->{title}\n\n";

	$text .= "$comparison->{note}\n\n" if $comparison->{note};
	$text .= table(
		[ 'system', map { $_->[1] } @columns ],
		map {
			my $system = $_;
			[ $system->{label}, map { $_->[2]->($system) } @columns ]
		} @{ $comparison->{systems} });
	$text .= table(
		[ 'ratio', 'median (least–most)', 'target', '' ],
		map { [ ratio_title($comparison, $_), spread_text($_), target_text($_), verdict($_) ] }
		  @{ $comparison->{ratios} })
	  if @{ $comparison->{ratios} };
	return $text;
}

# All ratios that have a target.
sub targets_text
{
	my ($results) = @_;
	my @rows;

	foreach my $comparison (@$results)
	{
		push @rows,
		  map {
			[
				"$comparison->{group}: $comparison->{title}: " . ratio_title($comparison, $_),
				spread_text($_), target_text($_), verdict($_)
			]
		  } grep { defined $_->{holds} } @{ $comparison->{ratios} };
	}
	return @rows ? table([ 'work', 'median (least–most)', 'target', '' ], @rows) : '';
}

# The groups that were asked for and not measured.
sub missing
{
	my ($bench) = @_;
	my %measured = map { $_ => 1 } @{ $bench->{measured} };

	return grep { !$measured{$_} } @{ $bench->{wanted} };
}

sub groups_text
{
	my ($bench) = @_;
	my @missing = missing($bench);
	my $text = 'Groups measured: ' . join(', ', @{ $bench->{measured} }) . ".\n\n";

	$text .= '**The run ended early**, without ' . join(', ', @missing) . ".\n\n" if @missing;
	return $text;
}

sub markdown
{
	my ($bench, $machine, $plots) = @_;
	my $text = "# Benchmark\n\n";
	my $group = '';

	$text .= "Rounds of a comparison, at most: $bench->{rounds}; seconds of each run: $bench->{run_seconds}. ";
	$text .= "docs/performance.md explains every figure.\n\n";
	$text .= "A QUICK run: it shows that everything works, and its figures are not to be relied on.\n\n"
	  if $bench->{quick};
	$text .= groups_text($bench);
	$text .= "## Targets\n\n" . targets_text($bench->{results});
	$text .= "![$_->{title}]($_->{file})\n\n" foreach @$plots;
	foreach my $comparison (@{ $bench->{results} })
	{
		if ($comparison->{group} ne $group)
		{
			$group = $comparison->{group};
			$text .= "## $group\n\n";
		}
		$text .= comparison_text($comparison);
	}
	$text .= "## Machine\n\n" . table([ 'what', '' ], @$machine);
	return $text;
}

# Writes results.md and results.json into a directory.
sub write_report
{
	my ($bench, $machine, $plots, $directory) = @_;
	my $json = JSON::PP->new->canonical->pretty->indent_length(1);

	write_file("$directory/results.md", markdown($bench, $machine, $plots) =~ s/\n+\z/\n/r);
	write_file(
		"$directory/results.json",
		$json->encode({
			machine => { map { $_->[0] => $_->[1] } @$machine },
			quick => $bench->{quick} ? JSON::PP::true : JSON::PP::false,
			groups => $bench->{measured},
			ended_early => missing($bench) ? JSON::PP::true : JSON::PP::false,
			rounds => $bench->{rounds},
			run_seconds => $bench->{run_seconds},
			comparisons => $bench->{results}
		}));
	return;
}

1;
