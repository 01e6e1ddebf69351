# bench/lib/Bench/Work/Growth.pm
#
# What an append costs as things grow, and what indexes, triggers and settings
# add to it.  There are no targets.
#
# Where a comparison has both, the server CPU is that of a loop in one backend
# with a transaction a call, not waited for, and the rate that of 16 clients,
# durable.

package Bench::Work::Growth;

use strict;
use warnings;

use Bench::Loop qw(loop);
use Bench::Numbers qw(commas);
use Bench::Rounds qw(compare);
use Bench::Session;
use Bench::Systems qw(install_event_store filled_store appender $data $metadata);
use List::Util qw(min);

# A variant of the store for compare():
#
#	name, label, x	as there
#	prepare, restore	SQL to make it and to make it undone
#	loop		arguments for loop(), if its CPU is to be measured; its call has
#				i in it, which is another in each run
#	met		1: the session has made the same calls before
#	load		an appender, if its rate is to be measured
sub variant
{
	my ($bench, $database, %variant) = @_;
	my $server = $bench->{server};
	my $runs = 0;

	return {
		(map { $_ => $variant{$_} } qw(name label x)),
		run => sub {
			my ($warm) = @_;
			my $sample = {};

			$server->query($database, $variant{prepare}) if $variant{prepare};
			if ($variant{loop})
			{
				my $session = Bench::Session->new($database, synchronous_commit => 'off');
				my $calls = $variant{loop}{calls} * ($warm ? 0.1 : 1);
				my $offset = $variant{loop}{calls} * $runs++;
				my %loop = (
					%{ $variant{loop} },
					session => $session,
					call => $variant{loop}{call} =~ s/\bi\b/(i + ${offset}::bigint)/gr);

				# The session's first call has its caches to fill.
				loop($server, %loop, calls => $variant{met} ? $calls : 1);
				$sample = loop($server, %loop, calls => $calls);
				$session->end;
			}
			if ($variant{load})
			{
				my $load = $variant{load}{run}->($warm);

				$sample = { %$load, cpu_us => $sample->{cpu_us} // $load->{cpu_us} };
			}
			$server->query($database, $variant{restore}) if $variant{restore};
			return $sample;
		}
	};
}

sub measure
{
	my ($bench, $name, $title, $unit, @variants) = @_;

	compare(
		$bench,
		group => 'growth',
		name => "growth-$name",
		title => $title,
		unit => $unit,
		rounds => min(3, $bench->{rounds}),
		systems => \@variants,
		ratios =>
		  [ map { { of => $_->{name}, against => $variants[0]{name} } } @variants[ 1 .. $#variants ] ]);
	return;
}

# Streams of 10 to a million events, in one store: an append to one, and a read of
# its last ten.  The shorter a stream, the more there are, and each call is for
# another, so that all runs together append one event or two to one of ten, and
# 2 % at most to a longer one.  The sessions have met their streams before, which
# those that append to the single long one cannot avoid.
sub stream_length
{
	my ($bench) = @_;
	my @lengths = (10, 1_000, $bench->size(100_000, 10_000), $bench->size(1_000_000, 100_000));
	my %copies = map { $_ => min(10_000, $lengths[-1] / $_) } @lengths;
	my $server = $bench->{server};
	my $calls = $bench->size(2_000, 500);
	my $variants = sub {
		my ($call, $commit) = @_;

		return map {
			variant(
				$bench, 'long_streams',
				name => "length-$_",
				label => commas($_) . ' events',
				x => $_,
				met => 1,
				loop => {
					calls => $calls,
					call => sprintf($call, "'long$_-' || 1 + i % $copies{$_}"),
					commit => $commit
				})
		} @lengths;
	};

	print "\n=== filling streams of " . join(', ', map { commas($_) } @lengths) . " events\n";
	$server->create_database('long_streams');
	install_event_store($server, 'long_streams');
	$server->script('long_streams', 'new_id', 'public', ids => 'uuidv7');
	$server->script(
		'long_streams', 'fill_lengths', 'public',
		lengths => '{' . join(',', @lengths) . '}',
		copies => '{' . join(',', @copies{@lengths}) . '}',
		data => $data,
		metadata => $metadata);
	measure(
		$bench,
		'stream-length',
		'an append, by the length of its stream, 1 session, synchronous_commit off',
		'events',
		$variants->("PERFORM event_store.append(%s, 'ItemAdded', event)", 1));
	measure(
		$bench, 'read-last', 'a read of the last ten events, by the length of the stream, 1 session',
		'calls',
		$variants->(
			'PERFORM count(*) FROM event_store.read_stream(%s, backwards => true, max_count => 10)', 0));
	return;
}

sub append_loop
{
	my ($bench, $streams) = @_;

	return {
		calls => $bench->size(10_000, 2_000),
		call => "PERFORM event_store.append('bench-' || 1 + 7919 * i % $streams, 'ItemAdded', event)",
		commit => 1
	};
}

# Stores of 1,000 to a million streams.  A loop appends once to each of 1,000 of
# them, which are others in each run where there are more: to streams that its
# session meets for the first time, and to streams that it has met.
sub stream_count
{
	my ($bench) = @_;
	my (@new, @met);

	foreach my $streams (1_000, $bench->size(100_000, 10_000), $bench->size(1_000_000, 50_000))
	{
		my $database = "streams_$streams";

		my %variant = (
			name => "streams-$streams",
			label => commas($streams) . ' streams',
			x => $streams,
			loop => { %{ append_loop($bench, $streams) }, calls => 1_000 });

		filled_store($bench, $database, 2 * $streams, $streams);
		push @met, variant($bench, $database, %variant, met => 1);
		push @new,
		  variant(
			$bench, $database, %variant,
			load => appender(
				$bench, 'event_store',
				clients => 16,
				database => $database,
				streams => $streams));
	}
	measure(
		$bench, 'streams', 'an append, by the number of streams; CPU where the session has not met them',
		'events', @new);
	measure(
		$bench,
		'streams-met',
		'an append, by the number of streams; where the session has met them, 1 session, synchronous_commit off',
		'events',
		@met);
	return;
}

# The store of all variants below, whose events are few.
my $store = 'growth';
my $streams = 1_000;

sub load
{
	my ($bench, %how) = @_;

	return appender(
		$bench, 'event_store',
		clients => 16,
		database => $store,
		streams => $streams,
		%how);
}

# Events of 100 bytes to 1 MB.  Runs of the large ones are bounded by what they
# write.
sub event_size
{
	my ($bench) = @_;
	my $most = $bench->size(256_000_000, 32_000_000);
	my @variants;

	$bench->{server}->script($store, 'payload', 'public');
	foreach my $bytes (100, 1_000, 10_000, 100_000, 1_000_000)
	{
		push @variants,
		  variant(
			$bench, $store,
			name => "size-$bytes",
			label => commas($bytes) . ' bytes',
			x => $bytes,
			loop => {
				%{ append_loop($bench, $streams) },
				calls => min($bench->size(10_000, 2_000), $most / 10 / $bytes),
				event => "(SELECT data FROM payload WHERE bytes = $bytes)"
			},
			load => load(
				$bench,
				script => 'append_sized',
				define => { bytes => $bytes },
				length => $bytes < 10_000 ? undef : { transactions => int($most / $bytes / 16) }));
	}
	measure($bench, 'event-size', 'an append, by the size of its data', 'events', @variants);
	return;
}

# Makes NAME's variant of the store by some statements on events, and undoes it.
sub altered
{
	my ($bench, $name, $label, $prepare, $restore) = @_;

	return variant(
		$bench, $store,
		name => $name,
		label => $label,
		prepare => join(";\n", @$prepare),
		restore => join(";\n", @$restore),
		loop => append_loop($bench, $streams),
		load => load($bench));
}

# Indexes beside the store's own four.  One on an expression is shown apart: rows
# of a table that has one are written in a more general way.
sub indexes
{
	my ($bench) = @_;
	my @columns = map { "$_, global_position" } qw(recorded_at type schema_version version);
	my $with = sub {
		my ($name, $label, @indexes) = @_;

		return altered(
			$bench, $name, $label,
			[ map { "CREATE INDEX extra_$_ ON event_store.events ($indexes[$_])" } keys @indexes ],
			[ map { "DROP INDEX event_store.extra_$_" } keys @indexes ]);
	};

	measure(
		$bench,
		'indexes',
		'an append, by the number of indexes beside those of the store',
		'events',
		(map { $with->("indexes-$_", "$_ more", @columns[ 0 .. $_ - 1 ]) } 0, 1, 2, 4),
		$with->('indexes-expression', '1 more, on an expression', "(data->>'sku')"));
	return;
}

# Triggers of PL/pgSQL that do nothing.
sub triggers
{
	my ($bench) = @_;
	my $with = sub {
		my ($n, $kind) = @_;
		my ($time, $level) = split / /, $kind;

		return altered(
			$bench,
			lc("$n-$kind" =~ s/ /-/r),
			"$n $kind",
			[
				map {
					"CREATE TRIGGER extra_$_ $time INSERT ON event_store.events FOR EACH $level EXECUTE FUNCTION nothing()"
				} 1 .. $n
			],
			[ map { "DROP TRIGGER extra_$_ ON event_store.events" } 1 .. $n ]);
	};

	$bench->{server}->query($store, <<~'END');
		CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		END
	measure(
		$bench,
		'triggers',
		'an append, by the triggers on the events',
		'events',
		altered($bench, 'none', 'no trigger', [], []),
		$with->(1, 'AFTER STATEMENT'),
		(map { $with->($_, 'AFTER ROW') } 1, 2, 4),
		$with->(1, 'BEFORE ROW'));
	return;
}

sub synchronous_commit
{
	my ($bench) = @_;

	measure(
		$bench,
		'synchronous-commit',
		'an append, 16 clients, by synchronous_commit',
		'events',
		map {
			variant(
				$bench, $store,
				name => $_,
				label => $_,
				load => load($bench, durable => $_ eq 'on'))
		} qw(on off));
	return;
}

# It compresses the whole pages that are written after a checkpoint, so each run
# begins with one.
sub wal_compression
{
	my ($bench) = @_;
	my $methods = $bench->{server}->query($store, <<~'END');
		SELECT enumvals FROM pg_settings WHERE name = 'wal_compression'
		END
	my @variants;

	foreach my $method ('off', grep { $methods =~ /\b$_\b/ } qw(pglz lz4))
	{
		push @variants,
		  variant(
			$bench, $store,
			name => $method,
			label => $method,
			prepare => "ALTER SYSTEM SET wal_compression = $method;\nSELECT pg_reload_conf();\nCHECKPOINT",
			restore => "ALTER SYSTEM RESET wal_compression;\nSELECT pg_reload_conf()",
			load => load($bench));
	}
	measure($bench, 'wal-compression', 'an append, 16 clients, by wal_compression, after a checkpoint',
		'events', @variants);
	return;
}

sub fillfactor
{
	my ($bench) = @_;

	measure(
		$bench,
		'fillfactor',
		"an append, by the events' fillfactor",
		'events',
		map {
			variant(
				$bench, $store,
				name => "fillfactor-$_",
				label => $_,
				prepare => "ALTER TABLE event_store.events SET (fillfactor = $_)",
				restore => 'ALTER TABLE event_store.events RESET (fillfactor)',
				loop => append_loop($bench, $streams),
				load => load($bench))
		} 100, 80);
	return;
}

sub work
{
	my ($bench) = @_;

	stream_length($bench);
	stream_count($bench);
	filled_store($bench, $store, 10 * $streams, $streams);
	$_->($bench)
	  foreach \&indexes, \&triggers, \&synchronous_commit, \&wal_compression, \&fillfactor, \&event_size;
	return;
}

1;
