# bench/lib/Bench/Numbers.pm
#
# Figures: their middle and spread, and how they are written.

package Bench::Numbers;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(min max);
use POSIX qw(ceil);

our @EXPORT_OK = qw(commas figure median percentile spread);

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	my $middle = int(@sorted / 2);

	return @sorted % 2 ? $sorted[$middle] : ($sorted[ $middle - 1 ] + $sorted[$middle]) / 2;
}

# The least of some figures that is not exceeded by so many percent of them.
sub percentile
{
	my ($percent, @figures) = @_;
	my @sorted = sort { $a <=> $b } @figures;

	return $sorted[ max(1, ceil($percent / 100 * @sorted)) - 1 ];
}

# Middle, least and greatest of some figures; nothing of none.
sub spread
{
	my @figures = grep { defined } @_;

	return if !@figures;
	return { median => median(@figures), min => min(@figures), max => max(@figures) };
}

# A number with its digits in groups of three.
sub commas
{
	my ($number) = @_;

	1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
	return $number;
}

# A figure with three digits that count, or as many as are before the point.
sub figure
{
	my ($value) = @_;
	return '0' if $value == 0;

	my $digits = $value >= 100 ? 0 : $value >= 10 ? 1 : $value >= 1 ? 2 : 3;

	return commas(sprintf("%.${digits}f", $value));
}

1;
