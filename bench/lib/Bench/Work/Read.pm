# bench/lib/Bench/Work/Read.pm
#
# Reads of one stream by its name, and of the store and of a category page after
# page.  The plain queries read the store's own tables and return the same
# columns.  Streams are written ten events at a time in turn, so that the rows
# of one lie scattered, as in life.

package Bench::Work::Read;

use strict;
use warnings;

use Bench::Numbers qw(commas);
use Bench::Pgbench qw(pgbench);
use Bench::Rounds qw(compare);
use Bench::Systems qw(install_event_store install_message_db install_emmett search_path $data $partition);

my %label = (
	event_store => 'event_store',
	select => 'prepared SELECT',
	message_db => 'message-db',
	emmett => 'Emmett',
	raw => 'raw => true',
	columns => "event_store, Emmett's columns");

# Categories read10, read100 and read1000 have streams of as many events; there
# are a tenth as many of the long ones.
sub prepare
{
	my ($bench) = @_;
	my $server = $bench->{server};
	my %fill = (data => $data, streams => $bench->size(1000, 100));

	print "\n=== filling streams of 10, 100 and 1,000 events\n";
	$server->create_database('reads');
	install_event_store($server, 'reads');
	install_message_db('reads');
	install_emmett($server, 'reads');
	$server->script('reads', 'fill_reads', 'message_store,public', %fill);
	return $fill{streams};
}

sub reader
{
	my ($bench, $name, $script, $clients, %define) = @_;

	return {
		name => $name,
		label => $label{$name},
		run => sub {
			my ($warm) = @_;

			return pgbench(
				$bench->{server},
				database => 'reads',
				script => "${script}_$name",
				clients => $clients,
				define => { partition => $partition, %define },
				settings => { search_path => search_path($name =~ /^(?:select|raw|columns)$/ ? 'event_store' : $name) },
				$bench->read_length($warm));
		}
	};
}

sub measure
{
	my ($bench, $name, $title, $unit, $script, $systems, $clients, %define) = @_;

	compare(
		$bench,
		group => 'read',
		name => $name,
		title => $title,
		unit => $unit,
		rounds => $bench->fewer_rounds,
		systems => [ map { reader($bench, $_, $script, $clients, %define) } @$systems ],
		ratios => [
			{ of => 'event_store', against => 'select', at_least => 1.0 },
			(map { { of => 'columns', against => 'emmett' } } grep { $_ eq 'columns' } @$systems),
			map { { of => 'event_store', against => $_ } }
			  grep { $_ !~ /^(?:event_store|select|columns)$/ } @$systems
		]);
	return;
}

# Upcasting: while there is no upcaster, and with one in C that all events go through.
sub upcasts
{
	my ($bench, $streams) = @_;
	my $upcaster = sub {
		my ($name, $title, $at_least) = @_;

		compare(
			$bench,
			group => 'read',
			name => $name,
			title => $title,
			unit => 'calls',
			rounds => $bench->fewer_rounds,
			systems => [ map { reader($bench, $_, 'read_stream', 1, length => 1000, streams => $streams) } qw(event_store raw) ],
			ratios => [ { of => 'event_store', against => 'raw', at_least => $at_least } ]);
	};

	$upcaster->('upcast-none', 'a stream of 1,000 events, no upcaster, 1 client', 0.98);
	$bench->{server}->script('reads', 'upcaster', 'public');
	$upcaster->('upcast-one', 'a stream of 1,000 events through an upcaster in C, 1 client', 0.7);
	return;
}

sub work
{
	my ($bench) = @_;
	my $streams = prepare($bench);

	foreach my $length (10, 100, 1000)
	{
		foreach my $clients (1, 4)
		{
			measure(
				$bench,
				"read-$length-$clients",
				"a stream of " . commas($length) . " events, "
				  . ($clients == 1 ? '1 client' : "$clients clients"),
				'calls',
				'read_stream',
				[qw(event_store select message_db emmett columns)],
				$clients,
				length => $length,
				streams => $length == 1000 ? $streams / 10 : $streams);
		}
	}

	# The events of read100 are every other ten of those after read10's.
	measure(
		$bench, 'read-all', 'the store in pages of 1,000',
		'pages', 'read_all', [qw(event_store select)],
		1,
		page => 0,
		pages => $streams / 10);
	measure(
		$bench, 'read-category', 'a category in pages of 1,000',
		'pages', 'read_category', [qw(event_store select message_db)],
		1,
		page => 0,
		pages => $streams / 10,
		first => 10 * $streams);
	upcasts($bench, $streams / 10);
	return;
}

1;
