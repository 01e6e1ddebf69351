# bench/lib/Bench/Plot.pm
#
# The results as plots, by gnuplot.  A plot whose comparisons did not run is left
# out.

package Bench::Plot;

use strict;
use warnings;

use Bench::Command qw(run);
use Bench::Numbers qw(commas);
use Exporter qw(import);
use File::Temp ();
use List::Util qw(max);

our @EXPORT_OK = qw(draw);

# A text as gnuplot quotes it.
sub quoted
{
	my ($text) = @_;

	return '"' . ($text =~ s/(["\\])/\\$1/gr) . '"';
}

# Runs gnuplot for one file.
sub plot
{
	my ($file, $size, $title, $body) = @_;
	my $script = File::Temp->new;

	print $script <<~"END";
		set terminal svg size $size font 'sans-serif,13' background rgb 'white'
		set output @{[ quoted($file) ]}
		set title @{[ quoted($title) ]} noenhanced
		set key outside right top Left reverse noenhanced
		set border 3
		set tics nomirror
		set grid ytics lc rgb '#dddddd'
		set style fill solid 0.85 noborder
		set style line 1 lc rgb '#1b6ca8' lw 2 pt 7
		set style line 2 lc rgb '#7a7a7a' lw 2 pt 5
		set style line 3 lc rgb '#b5b5b5' lw 2 pt 9
		set style line 4 lc rgb '#d08c2e' lw 2 pt 11
		set style line 5 lc rgb '#5a9e6f' lw 2 pt 13
		set style line 6 lc rgb '#a35a8f' lw 2 pt 15
		$body
		END
	$script->flush;
	run([ 'gnuplot', "$script" ]);
	return;
}

# Rows of figures as a data block of a name.
sub block
{
	my ($name, @rows) = @_;

	return "\$$name << END_OF_DATA\n" . join('', map { join(' ', @$_) . "\n" } @rows) . "END_OF_DATA\n";
}

# Events a second by clients, a bar a system.
sub append_plot
{
	my ($file, $title, $results) = @_;
	my %comparison = map { $_->{name} => $_ } @$results;
	my @clients = grep { $comparison{"append-$_"} } (1, 16, 64);
	return 0 if !@clients;

	# The systems that are in all of them.
	my @systems = map { { name => $_->{name}, label => $_->{label} } }
	  @{ $comparison{"append-$clients[0]"}{systems} };
	my @rows;

	foreach my $clients (@clients)
	{
		my %rate = map { $_->{name} => $_->{rate}{median} } @{ $comparison{"append-$clients"}{systems} };
		push @rows, [ $clients, map { $rate{ $_->{name} } } @systems ];
	}
	my @bars = map {
		sprintf('$data using %d:xtic(1) ls %d title %s', $_ + 2, $_ + 1, quoted($systems[$_]{label}))
	} 0 .. $#systems;
	plot($file, '860,420', $title,
			block('data', @rows)
		  . "set style data histogram\nset style histogram clustered gap 1\nset boxwidth 0.9\n"
		  . "set xlabel 'clients'\nset ylabel 'events per second'\nset yrange [0:*]\n"
		  . 'plot ' . join(', ', @bars));
	return 1;
}

# How far each target is met: 1 is just so, whichever way it goes.
sub target_plot
{
	my ($file, $title, $results) = @_;
	my @rows;

	foreach my $comparison (@$results)
	{
		my %label = map { $_->{name} => $_->{label} } @{ $comparison->{systems} };

		foreach my $ratio (grep { defined $_->{holds} } @{ $comparison->{ratios} })
		{
			my @met = map {
				defined $ratio->{at_least} ? $ratio->{$_} / $ratio->{at_least} : $ratio->{at_most} / $ratio->{$_}
			} qw(median min max);
			my $name = "$comparison->{name}: $label{ $ratio->{of} }";

			$name .= " / $label{ $ratio->{against} }" if $ratio->{against};
			push @rows, [ (sort { $a <=> $b } @met)[ 1, 0, 2 ], $name ];
		}
	}
	return 0 if !@rows;

	# The first is on top.
	my @data = map { [ @{ $rows[$_] }[ 0, 1, 2 ], $#rows - $_ ] } 0 .. $#rows;
	my @tics = map { quoted($rows[$_][3]) . ' ' . ($#rows - $_) } 0 .. $#rows;
	plot($file, '1000,' . (130 + 22 * @rows), $title,
			block('data', @data)
		  . 'set ytics (' . join(', ', @tics) . ") font ',10' noenhanced\n"
		  . "unset key\nset lmargin 62\nset grid xtics lc rgb '#dddddd'\nset xlabel 'ratio divided by its target; 1 or more: it holds'\n"
		  . 'set yrange [-0.7:' . ($#rows + 0.7) . "]\n"
		  . "set xrange [0:" . max(1.5, map { $_->[2] * 1.05 } @rows) . "]\n"
		  . "set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb '#c03030' lw 1.5\n"
		  . 'plot $data using 1:4:2:3 with xerrorbars ls 1 ps 0.8');
	return 1;
}

# Server CPU of a call by what grows.  AXIS is its name and unit; CURVES are
# comparisons by their names, with a title each.  SCALE is how the CPU is scaled:
# where that grows as much as what is on the other axis, only logarithms show it.
sub growth_plot
{
	my ($file, $title, $results, $axis, $scale, @curves) = @_;
	my %comparison = map { $_->{name} => $_ } @$results;
	my ($data, @plots, %at) = ('');

	foreach my $curve (grep { $comparison{ $_->[0] } } @curves)
	{
		my $n = @plots + 1;

		$at{ $_->{x} } = 1 foreach @{ $comparison{ $curve->[0] }{systems} };
		$data .= block("data$n",
			map { [ $_->{x}, map { sprintf('%.4f', $_) } @{ $_->{cpu_us} }{qw(median min max)} ] }
			  @{ $comparison{ $curve->[0] }{systems} });
		push @plots,
		  sprintf('$data%d using 1:2:3:4 with yerrorlines ls %d title %s', $n, $n, quoted($curve->[1]));
	}
	return 0 if !@plots;
	plot($file, '760,380', $title,
			$data
		  . "set logscale x\nset xlabel @{[ quoted($axis) ]}\n"
		  . 'set xtics (' . join(', ', map { quoted(commas($_)) . " $_" } sort { $a <=> $b } keys %at) . ")\n"
		  . "set ylabel 'server CPU, µs per call'\n$scale\nset offsets graph 0.05, graph 0.05\n"
		  . "set key outside bottom center horizontal\n"
		  . 'plot ' . join(', ', @plots));
	return 1;
}

# Draws what there is into a directory; returns the plots as { file, title }.
sub draw
{
	my ($results, $directory) = @_;
	my @plots = (
		[ 'targets', 'How far the targets are met', \&target_plot ],
		[ 'append', 'Appends of one event, durable', \&append_plot ],
		[
			'growth-stream-length',
			'Server CPU by the length of the stream',
			\&growth_plot,
			'events in the stream',
			'set yrange [0:*]',
			[ 'growth-stream-length', 'append, with its commit' ],
			[ 'growth-read-last', 'read of the last ten events' ]
		],
		[
			'growth-streams', 'Server CPU by the number of streams',
			\&growth_plot,
			'streams',
			'set yrange [0:*]',
			[ 'growth-streams', 'append, with its commit, to streams that the session has not met' ],
			[ 'growth-streams-met', 'to streams that it has met' ]
		],
		[
			'growth-event-size', 'Server CPU by the size of the event',
			\&growth_plot, 'bytes of data', 'set logscale y', [ 'growth-event-size', 'append, with its commit' ]
		]);
	my @drawn;

	foreach my $plot (@plots)
	{
		my ($name, $title, $draw, @arguments) = @$plot;

		push @drawn, { file => "$name.svg", title => $title }
		  if $draw->("$directory/$name.svg", $title, $results, @arguments);
	}
	return \@drawn;
}

1;
