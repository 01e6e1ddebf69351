# bench/lib/Bench/Systems.pm
#
# What is compared: how each is installed and filled, and how it appends one
# event.  All of them live in one database, "stores", with the same streams,
# named bench-1, bench-2 and so on, in one category.

package Bench::Systems;

use strict;
use warnings;

use Bench::Command qw(run);
use Bench::Numbers qw(commas);
use Bench::Pgbench qw(pgbench);
use Exporter qw(import);

our @EXPORT_OK = qw(install_event_store install_plain install_message_db install_emmett
  stores store_of_streams filled_store copy_to_plain appender search_path label $data $metadata $partition);

# The event that all append, about 100 bytes, and the metadata that the store
# adds to it by itself, for those that do not.
our $data =
  '{"sku": "SKU-1042", "quantity": 3, "price": "19.90", "customer": "C-20417", "warehouse": "north"}';
our $metadata = '{"$user": "postgres", "$application": "pgbench"}';

# Emmett's partition.  pgbench would take a part of the name for a variable.
our $partition = 'emt:default';

# SCRIPT is in bench/pgbench, append_... ; the search_path finds the tables and
# functions that it names.
my %system = (
	event_store => { label => 'event_store', search_path => 'public' },
	plain_v7 => { label => 'plain INSERT, UUIDv7', script => 'plain', search_path => 'plain_v7' },
	plain_v4 => { label => 'plain INSERT, UUIDv4', script => 'plain', search_path => 'plain_v4' },
	lookup => { label => 'look up, then INSERT', search_path => 'plain_lookup' },
	message_db => { label => 'message-db, one category', search_path => 'message_store,public' },
	message_db_categories =>
	  { label => 'message-db, 100 categories', search_path => 'message_store,public' },
	emmett => {
		label => 'Emmett',
		search_path => 'public',
		count_refused => 'SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM refused'
	});

sub search_path
{
	my ($name) = @_;

	return $system{$name}{search_path};
}

sub label
{
	my ($name) = @_;

	return $system{$name}{label};
}

sub install_event_store
{
	my ($server, $database) = @_;

	$server->query($database, <<~'END');
		CREATE EXTENSION event_store;
		SELECT event_store.create_store();
		END
	return;
}

# Schema NAME, in a database that has a store.
sub install_plain
{
	my ($server, $database, $name, $ids) = @_;

	$server->script($database, 'plain', 'public', schema => $name, ids => $ids);
	return;
}

# By message-db's own script.
sub install_message_db
{
	my ($database) = @_;

	run(
		['node_modules/@eventide/message-db/database/install.sh'],
		env => { DATABASE_NAME => $database, CREATE_DATABASE => 'off' });
	return;
}

sub install_emmett
{
	my ($server, $database) = @_;

	$server->query($database, run([qw(node emmett_schema.mjs)]));
	return;
}

# Makes the database of all systems, once.
sub stores
{
	my ($bench) = @_;
	my $server = $bench->{server};
	my %fill = (
		streams => $bench->{streams},
		each => $bench->{events_each},
		data => $data,
		metadata => $metadata);

	return 'stores' if $bench->{stores}++;
	print "\n=== filling " . commas($fill{streams}) . " streams with $fill{each} events each\n";
	$server->create_database('stores');
	install_event_store($server, 'stores');
	install_plain($server, 'stores', 'plain_v7', 'uuidv7');
	install_plain($server, 'stores', 'plain_v4', 'uuidv4');
	install_plain($server, 'stores', 'plain_lookup', 'uuidv7');
	install_message_db('stores');
	install_emmett($server, 'stores');
	$server->script('stores', 'fill_event_store', 'public', %fill);
	$server->script('stores', 'fill_plain', $_, %fill) foreach qw(plain_v7 plain_v4 plain_lookup);
	$server->script('stores', 'fill_message_db', search_path('message_db'), %fill);
	$server->script('stores', 'fill_emmett', search_path('emmett'), %fill);
	return 'stores';
}

# Makes a database with a store only, and the streams that all have; BEFORE, if given,
# is SQL to run before they are there.
sub store_of_streams
{
	my ($bench, $database, $before) = @_;
	my $server = $bench->{server};

	$server->create_database($database);
	install_event_store($server, $database);
	$server->query($database, $before) if $before;
	$server->script(
		$database, 'fill_event_store', 'public',
		streams => $bench->{streams},
		each => $bench->{events_each},
		data => $data);
	return;
}

# Makes a database with a store of so many events, spread evenly over so many
# streams.  The rows are put in by hand, which takes a tenth of the time.
sub filled_store
{
	my ($bench, $database, $events, $streams) = @_;
	my $server = $bench->{server};

	printf "\n=== filling %s with %s events in %s streams\n", $database, map { commas($_) } $events,
	  $streams;
	$server->create_database($database);
	install_event_store($server, $database);
	$server->script($database, 'new_id', 'public', ids => 'uuidv7');
	$server->script(
		$database, 'fill_by_hand', 'public',
		events => $events,
		streams => $streams,
		data => $data,
		metadata => $metadata);

	# A large one is filled no otherwise than a small one.
	my $findings =
	  $events > 1_000_000
	  ? ''
	  : $server->query($database, 'SELECT * FROM event_store.verify_store(10)');
	die "$database was filled wrongly:\n$findings\n" if $findings ne '';
	return;
}

# Copies a database's store to plain tables beside it, for the plain INSERT.
sub copy_to_plain
{
	my ($bench, $database) = @_;
	my $server = $bench->{server};

	install_plain($server, $database, 'plain_v7', 'uuidv7');
	$server->script($database, 'copy_to_plain', 'plain_v7');
	return;
}

# A system of that name for compare(), which appends one event a call:
#
#	clients
#	durable		synchronous_commit, on unless given
#	protocol	prepared unless given
#	database, streams	those of stores() unless given
#	script, define	of pgbench, where they are not the system's
#	length		how long a run is, where it is not as long as others
sub appender
{
	my ($bench, $name, %how) = @_;
	my $system = $system{$name};
	my %run = (
		database => $how{database} // stores($bench),
		script => $how{script} // 'append_' . ($system->{script} // $name),
		clients => $how{clients},
		protocol => $how{protocol},
		quoted => [qw(data partition)],
		settings => {
			search_path => $system->{search_path},
			synchronous_commit => $how{durable} // 1 ? 'on' : 'off'
		},
		count_refused => $system->{count_refused});

	return {
		name => $name,
		label => $system->{label},
		run => sub {
			my ($warm, %beside) = @_;

			# Versions of the plain INSERT that no run before can have had.
			my $base = 1e9 * ++$bench->{runs};

			return pgbench(
				$bench->{server}, %run, %beside,
				$how{length} && !$warm ? %{ $how{length} } : $bench->run_length($warm),
				define => {
					streams => $how{streams} // $bench->{streams},
					data => $data,
					partition => $partition,
					base => $base,
					i => 0,
					%{ $how{define} // {} }
				});
		}
	};
}

1;
