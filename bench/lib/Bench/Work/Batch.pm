# bench/lib/Bench/Work/Batch.pm
#
# Events in batches of 1,000, each a transaction of its own, durable, by one
# session: 300 batches to as many streams.  A run begins with an empty store,
# and with the batches ready in a table, or in files for COPY, which the server
# reads: what is measured includes reading them from there.

package Bench::Work::Batch;

use strict;
use warnings;

use Bench::Loop qw(loop);
use Bench::Rounds qw(compare);
use Bench::Session;
use Bench::Systems
  qw(install_event_store install_plain install_message_db install_emmett search_path $data $metadata);

my $size = 1000;

# EMPTY leaves nothing of the run before; CALL takes batch i of the table
# "batch" or file i.  Those that take one event a call get fewer batches.
my %system = (
	append_events => {
		label => 'append_events',
		empty => 'SELECT event_store.drop_store(true), event_store.create_store()',
		call => "PERFORM event_store.append_events('batch-' || i, b.events) FROM batch b WHERE b.batch = i"
	},
	append_json => {
		label => 'append_json',
		empty => 'SELECT event_store.drop_store(true), event_store.create_store()',
		call => "PERFORM event_store.append_json('batch-' || i, b.json) FROM batch b WHERE b.batch = i"
	},
	copy => {
		label => 'COPY',
		empty => 'TRUNCATE plain_v7.events',
		call => "EXECUTE format('COPY plain_v7.events FROM %L', current_setting('bench.files') || '/' || i)"
	},
	emmett => {
		label => 'Emmett',
		empty => 'TRUNCATE emt_messages, emt_streams',
		call => <<~'END'
			PERFORM emt_append_to_stream(b.ids, b.data, b.metadata, b.versions, b.types, b.kinds,
										 'batch-' || i, 'batch', NULL, 'emt:default')
			  FROM batch b WHERE b.batch = i
			END
	},
	message_db => {
		label => 'message-db, one event a call',
		empty => 'TRUNCATE message_store.messages',
		share => 0.1,
		call => <<~"END"
			FOR n IN 1..$size LOOP
				PERFORM write_message(gen_random_uuid()::varchar, 'batch-' || i, 'ItemAdded', event,
									  '{"correlationStreamName": "session-1"}');
			END LOOP
			END
	});

# Makes the databases' tables, and everybody's batches.
sub prepare
{
	my ($bench, $batches) = @_;
	my $server = $bench->{server};
	my $files = "$server->{data}/../batches";

	print "\n=== making $batches batches\n";
	mkdir $files or die "could not make $files: $!\n";
	$server->create_database('batch');
	install_event_store($server, 'batch');
	install_plain($server, 'batch', 'plain_v7', 'uuidv7');
	install_message_db('batch');
	install_emmett($server, 'batch');
	$server->script(
		'batch', 'batches', 'plain_v7,public',
		batches => $batches,
		size => $size,
		data => $data,
		metadata => $metadata,
		files => $files);
	return $files;
}

# A run of a system: empties its tables and puts the batches in, in a session
# that has its plans already, as the session of a program that goes on has.
sub system_run
{
	my ($bench, $name, $batches, $session) = @_;
	my $system = $system{$name};

	return sub {
		my ($warm) = @_;
		my $sample = loop(
			$bench->{server},
			session => $session,
			calls => $warm ? 2 : $batches * ($system->{share} // 1),
			before => $system->{empty},
			call => $system->{call},
			commit => 1);

		# An event, not a batch, is what is compared.
		return {
			rate => $sample->{rate} * $size,
			cpu_us => $sample->{cpu_us} / $size,
			wal_bytes => $sample->{wal_bytes} / $size,
			calls => $sample->{calls} * $size
		};
	};
}

sub work
{
	my ($bench) = @_;
	my $batches = $bench->size(300, 30);
	my $files = prepare($bench, $batches);
	my (@systems, @sessions);

	foreach my $name (qw(append_events append_json copy emmett message_db))
	{
		my $path = $name eq 'message_db' ? search_path($name) : 'public';
		my $session = Bench::Session->new('batch', search_path => $path, 'bench.files' => $files);

		push @sessions, $session;
		push @systems,
		  {
			name => $name,
			label => $system{$name}{label},
			run => system_run($bench, $name, $batches, $session)
		  };
	}
	compare(
		$bench,
		group => 'batch',
		name => 'batch',
		title => ($batches == 300 ? '300,000' : '30,000') . ' events in batches of 1,000, durable',
		note => 'message-db takes one event a call, a thousand calls a transaction, and gets a tenth of the events.',
		unit => 'events',
		rounds => $bench->fewer_rounds,
		systems => \@systems,
		ratios => [
			{ of => 'append_events', against => 'copy', at_least => 1.0 },
			{ of => 'append_json', against => 'copy', at_least => 0.6 },
			map { { of => 'append_json', against => $_ } } qw(emmett message_db)
		]);
	$_->end foreach @sessions;
	return;
}

1;
