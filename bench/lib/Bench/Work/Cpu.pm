# bench/lib/Bench/Work/Cpu.pm
#
# Server CPU of one append, in a loop in one backend.

package Bench::Work::Cpu;

use strict;
use warnings;

use Bench::Loop qw(loop);
use Bench::Rounds qw(compare);
use Bench::Session;
use Bench::Systems qw(stores search_path label $metadata $partition);

# What each calls, for a stream n of so many.  The slow ones make fewer calls.
my $insert = "INSERT INTO events VALUES (nextval('events_global_position_seq'), %1\$s, %2\$s + i, 1,"
  . " clock_timestamp(), 1, new_id(), 'ItemAdded', event, '$metadata')";
my %call = (
	event_store => "PERFORM event_store.append('bench-' || %1\$s, 'ItemAdded', event)",
	plain_v7 => $insert,
	plain_v4 => $insert,
	lookup => <<~"END",
		INSERT INTO events
		SELECT nextval('events_global_position_seq'), s.stream_id,
			   1 + coalesce((SELECT max(e.version) FROM events e WHERE e.stream_id = s.stream_id), 0),
			   s.category_id, clock_timestamp(), 1, new_id(), 'ItemAdded', event, '$metadata'
		  FROM streams s
		 WHERE s.stream = 'bench-' || %1\$s
		END
	message_db => "PERFORM write_message(gen_random_uuid()::varchar, 'bench-' || %1\$s, 'ItemAdded', event,"
	  . " '{\"correlationStreamName\": \"session-1\"}')",
	emmett => <<~"END");
		PERFORM emt_append_to_stream(ARRAY[gen_random_uuid()::text], ARRAY[event], ARRAY['{}'::jsonb],
									 ARRAY['1'], ARRAY['ItemAdded'], ARRAY['E'], 'bench-' || %1\$s,
									 'bench', NULL, '$partition')
		END
my %share = (message_db => 0.2, emmett => 0.2);

sub looper
{
	my ($bench, $name, $session, $commit) = @_;

	return {
		name => $name,
		label => label($name),
		run => sub {
			my ($warm) = @_;
			my $base = 1e9 * ++$bench->{runs};

			return loop(
				$bench->{server},
				session => $session,
				calls => $bench->size(50_000, 10_000) * ($share{$name} // 1)
				  * ($commit ? 0.5 : 1) * ($warm ? 0.1 : 1),
				call => sprintf($call{$name}, "(1 + i % $bench->{streams})", $base),
				commit => $commit);
		}
	};
}

sub measure
{
	my ($bench, $name, $title, $systems, $commit, $ratios) = @_;
	my %sessions = map {
		$_ => Bench::Session->new(
			stores($bench),
			search_path => search_path($_),
			synchronous_commit => 'off',
			application_name => 'pgbench')
	} @$systems;

	compare(
		$bench,
		group => 'cpu',
		name => $name,
		title => $title,
		unit => 'calls',
		rounds => $bench->fewer_rounds,
		systems => [ map { looper($bench, $_, $sessions{$_}, $commit) } @$systems ],
		ratios => [ map { { of => 'event_store', metric => 'cpu_us', %$_ } } @$ratios ]);
	$_->end foreach values %sessions;
	return;
}

sub work
{
	my ($bench) = @_;
	my @systems = qw(event_store plain_v7 plain_v4 lookup message_db emmett);

	measure(
		$bench, 'cpu', 'one append after the other in one transaction',
		\@systems, 0,
		[
			{ against => 'plain_v7', at_most => 1.4 },
			map { { against => $_ } } @systems[ 2 .. $#systems ]
		]);
	measure(
		$bench, 'cpu-commit', 'the same, each in a transaction of its own, synchronous_commit off',
		\@systems, 1, [ map { { against => $_ } } @systems[ 1 .. $#systems ] ]);
	return;
}

1;
