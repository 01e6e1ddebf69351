#!/usr/bin/perl
#
# The store, the extension, its owner and its database are dropped, changed and
# made anew while other sessions have plans, cursors and functions that know the
# old ones, and while they append and read.  Each call ends in its result or in an
# error that says what is gone; none crashes, and all go on with what there is
# afterwards.  005_sessions.pl has the simple cases, one statement after another.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('drop');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	deadlock_timeout = 50ms
	backtrace_functions = 'relation_open,fmgr_info_cxt_security,internal_get_result_type,lookup_type_cache'
	END
$node->start;

sub other { return $node->safe_psql('postgres', $_[0]); }

# The session under test, which stays.
my $session;

sub connect_session
{
	my ($database) = @_;
	my $new = $node->background_psql($database // 'postgres', on_error_stop => 0);

	$new->query_safe('\set VERBOSITY sqlstate');
	return $new;
}

# Answer of a statement in the session, or its SQLSTATE.
sub answer
{
	my ($sql) = @_;
	my ($out, $failed) = $session->query($sql);

	return $out if !$failed;
	my ($sqlstate) = $session->{stderr} =~ /ERROR:\s+(\w{5})/;
	$session->{stderr} = '';
	return $sqlstate // 'an error without a code';
}

sub answers
{
	my ($sql, $expected, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(answer($sql), $expected, $what);
}

# Runs a statement that must fail; returns its SQLSTATE.
sub sqlstate
{
	my ($sql, $database) = @_;
	my (undef, undef, $report) = $node->psql($database // 'postgres',
		"\\set VERBOSITY verbose\n$sql");

	return $report =~ /(?:ERROR|FATAL):  (\w{5}):/ ? $1 : "none: $report";
}

sub wait_for_lock
{
	my ($what) = @_;

	return ok(
		$node->poll_query_until('postgres', <<~'END'), "$what waits for the session");
		SELECT count(*) = 1 FROM pg_stat_activity
		 WHERE wait_event_type = 'Lock' AND application_name = 'dropper'
		END
}

# Another session that drops, and is let go on later.
my $dropper = connect_session();
$dropper->query_safe(q{SET application_name = 'dropper'});

sub start_drop
{
	my ($sql) = @_;

	return $dropper->query_until(qr/dropping/,
		"\\echo dropping\n$sql\n\\echo dropped\n");
}

sub finish_drop
{
	my ($what) = @_;

	$dropper->{run}->pump until $dropper->{stdout} =~ /^dropped/m;
	is($dropper->{stderr}, '', "$what goes through once the session has ended its transaction");
	$dropper->{stdout} = $dropper->{stderr} = '';
	return;
}

my $make_anew = <<~'END';
	SELECT event_store.drop_store(with_events => true);
	SELECT event_store.create_store();
	END
my $make_all_anew = <<~'END';
	SET client_min_messages = error;
	DROP EXTENSION event_store CASCADE;
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	END

# The calls as statements, and in a function that keeps its plans.
my %calls = (
	append => q{SELECT version FROM event_store.append('drop-1', 'Done', '0')},
	append_events =>
	  q{SELECT version FROM event_store.append_events('drop-1', ARRAY[event_store.new_event('Done', '0')])},
	append_json =>
	  q{SELECT version FROM event_store.append_json('drop-1', '[{"type": "Done", "data": 0}]')},
	append_streams =>
	  q{SELECT version FROM event_store.append_streams('[{"stream": "drop-1", "expected_version": -2, "events": [{"type": "Done", "data": 0}]}]')},
	save_snapshot =>
	  q{SELECT count(event_store.save_snapshot('drop-1', 1, '0'))},
	latest_snapshot =>
	  q{SELECT count(*) FROM event_store.latest_snapshot('drop-1')},
	read_stream => q{SELECT count(*) FROM event_store.read_stream('drop-1')},
	read_category => q{SELECT count(*) FROM event_store.read_category('drop')},
	read_all => q{SELECT count(*) FROM event_store.read_all()},
	last_event => q{SELECT version FROM event_store.last_event('drop-1')},
	stream_version => q{SELECT event_store.stream_version('drop-1')},
	list_streams => q{SELECT count(*) FROM event_store.list_streams()},
	safe_position => q{SELECT event_store.safe_position()},
	all_events => q{SELECT count(*) FROM event_store.all_events},
	in_flight => q{SELECT count(*) FROM event_store.in_flight},
	lock_store => q{SELECT count(event_store.lock_store())},
	create_subscription =>
	  q{SELECT count(event_store.create_subscription('drop', partitions => 1, retry_delay => '1 day', replace => true))},
	poll => q{SELECT count(*) FROM event_store.poll('drop', 'one')},
	ack =>
	  q{SELECT count(event_store.ack('drop', token, global_position)) FROM event_store.poll('drop', 'one', 1)},
	nack =>
	  q{SELECT count(event_store.nack('drop', token, global_position)) FROM event_store.poll('drop', 'one', 1)},
	parked_events => q{SELECT count(*) FROM event_store.parked_events('drop')},
	subscription_status =>
	  q{SELECT count(*) FROM event_store.subscription_status});

# What all of them answer in a store that has had one append, in this order.
my @order = qw(append append_events append_json append_streams save_snapshot
  latest_snapshot read_stream read_category read_all last_event stream_version
  list_streams safe_position all_events in_flight lock_store
  create_subscription poll ack nack parked_events subscription_status);
my @in_new_store = (1, 2, 3, 4, 1, 1, 4, 4, 4, 4, 4, 1, 4, 4, 0, 1, 1, 4, 1, 1, 0, 1);

sub all_answers { return map { answer($_[0]->($_)) } @order; }

other(<<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	END
other(
	"CREATE FUNCTION do_$_() RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN RETURN ($calls{$_}); END \$\$;"
) foreach @order;

$session = connect_session();
answer("PREPARE $_ AS $calls{$_}") foreach @order;

my %ways = (
	'prepared statements' => sub { return "EXECUTE $_[0]"; },
	'functions' => sub { return "SELECT do_$_[0]()"; },
	'statements' => sub { return $calls{ $_[0] }; });

# Each way once before and once after each change.
foreach my $change ([ 'the store made anew', $make_anew ],
	[ 'the extension made anew', $make_all_anew ])
{
	my ($what, $sql) = @$change;

	foreach my $way (sort keys %ways)
	{
		other($sql);
		is(join(' ', all_answers($ways{$way})),
			"@in_new_store", "$what: $way");
	}
}

# All calls while there is no store, and while there is no extension.
other('SELECT event_store.drop_store(with_events => true)');
foreach my $way (sort keys %ways)
{
	my @without = map {
		/^(all_events)$/ ? '42P01' : /^(in_flight)$/ ? '0' : 'ST002'
	} @order;
	is(join(' ', all_answers($ways{$way})), "@without", "no store: $way");
}
other('DROP EXTENSION event_store');
foreach my $way (sort keys %ways)
{
	my @wrong = grep { !/^(3F000|42883|42P01)$/ } all_answers($ways{$way});
	is("@wrong", '', "no extension: $way");
}
other('CREATE EXTENSION event_store; SELECT event_store.create_store()');
is(join(' ', all_answers($ways{functions})),
	"@in_new_store", 'extension and store are back: functions');
is(join(' ', map { answer("EXECUTE $_") } grep { !/append|snapshot/ } @order),
	'4 4 4 4 4 1 4 4 0 1 1 0 0 0 0 1', 'prepared statements');

# Open cursors: whatever a transaction has read or appended stays until it ends.
my %cursors = (
	'over read_all' => 'SELECT version FROM event_store.read_all()',
	'over read_stream' => q{SELECT version FROM event_store.read_stream('drop-1')},
	'over all_events' =>
	  'SELECT version FROM event_store.all_events ORDER BY global_position',
	'over appends' =>
	  q{SELECT a.version - 4 FROM generate_series(1, 4) n, LATERAL event_store.append('drop-1', 'Done', to_jsonb(n)) a});
foreach my $cursor (sort keys %cursors)
{
	foreach my $drop ([ 'drop_store', $make_anew ],
		[ 'DROP EXTENSION', $make_all_anew ])
	{
		my ($what, $sql) = @$drop;

		other($sql);
		other(q{SELECT event_store.append('drop-1', 'Done', to_jsonb(n)) FROM generate_series(1, 4) n});
		answer('BEGIN');
		answer("DECLARE c CURSOR FOR $cursors{$cursor}");
		answers('FETCH 1 FROM c', '1', "a cursor $cursor");
		start_drop($sql);
		wait_for_lock($what);
		answers('FETCH 2 FROM c', "2\n3", "the cursor $cursor goes on");
		answers('FETCH ALL FROM c', '4', 'to its end');
		answers('COMMIT', '', 'the session commits');
		finish_drop($what);
		answers('EXECUTE append', '1', 'and appends to the new store');
	}
}

# A cursor that outlives its transaction has its rows.
answer('BEGIN');
answer(
	'DECLARE held CURSOR WITH HOLD FOR SELECT version, type, data FROM event_store.read_all()'
);
answer('COMMIT');
other($make_all_anew);
answers('FETCH ALL FROM held', '1|Done|0', 'a held cursor of the extension that was dropped');
answers('CLOSE held', '', 'is closed');

# A drop that gives up, and one that is rolled back.
answer('BEGIN');
answers('EXECUTE append', '1', 'an append that is open');
is( sqlstate(
		q{SET lock_timeout = '20ms'; SELECT event_store.drop_store(with_events => true)}),
	'55P03', 'drop_store() gives up waiting');
is(sqlstate(q{SET lock_timeout = '20ms'; DROP EXTENSION event_store CASCADE}),
	'55P03', 'and DROP EXTENSION does');
answers('COMMIT', '', 'the append commits');
other("BEGIN; $make_all_anew; ROLLBACK");
answers('EXECUTE append', '2', 'a drop that was rolled back leaves all as it was');

# Dropped by the session itself, within a transaction that appends.
answer('BEGIN');
answers('EXECUTE append', '3', 'the session appends');
answer('SAVEPOINT s');
answer($make_anew);
answers('EXECUTE append', '1', 'and again after it made the store anew');
answer('ROLLBACK TO s');
answers('EXECUTE append', '4', 'and again in the old one after a rollback to a savepoint');
answer($make_all_anew);
answers('EXECUTE append', '1', 'and again after it made the extension anew');
answers('COMMIT', '', 'and commits');
answers('EXECUTE read_all', '1', 'one event is there');

# A new owner.
other(<<~'END');
	CREATE ROLE regress_old_owner;
	CREATE ROLE regress_new_owner;
	CREATE ROLE regress_writer;
	GRANT CREATE ON DATABASE postgres TO regress_old_owner;
	SET client_min_messages = error;
	DROP EXTENSION event_store CASCADE;
	SET ROLE regress_old_owner;
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	SELECT event_store.grant_writer('regress_writer');
	END
my $writer = connect_session();
my $owner = connect_session();
$writer->query_safe('SET ROLE regress_writer');
$owner->query_safe('SET ROLE regress_old_owner');
foreach my $user ($writer, $owner)
{
	$session = $user;
	answer("PREPARE $_ AS $calls{$_}") foreach @order;
}
$session = $writer;
answers('EXECUTE append', '1', 'a writer appends');
$session = $owner;
answers('EXECUTE append', '2', 'the owner appends');
other(<<~'END');
	GRANT USAGE, CREATE ON SCHEMA event_store TO regress_new_owner;
	ALTER TABLE event_store.categories OWNER TO regress_new_owner;
	ALTER TABLE event_store.streams OWNER TO regress_new_owner;
	ALTER TABLE event_store.events OWNER TO regress_new_owner;
	ALTER TABLE event_store.snapshots OWNER TO regress_new_owner;
	ALTER TABLE event_store.aggregate_types OWNER TO regress_new_owner;
	ALTER TABLE event_store.event_types OWNER TO regress_new_owner;
	ALTER TABLE event_store.subscriptions OWNER TO regress_new_owner;
	ALTER TABLE event_store.subscription_partitions OWNER TO regress_new_owner;
	ALTER TABLE event_store.subscription_failed_events OWNER TO regress_new_owner;
	ALTER VIEW event_store.all_events OWNER TO regress_new_owner;
	SELECT event_store.create_store(if_not_exists => true);
	END
answers('EXECUTE append', '3', 'the old owner keeps what it was granted');
answers(q{SELECT event_store.drop_store(with_events => true)},
	'42501', 'but does not drop the store');
other(q{SELECT event_store.revoke_writer('regress_old_owner'), event_store.revoke_reader('regress_old_owner')});
answers('EXECUTE append', '42501', 'until that is taken back: append');
answers('EXECUTE read_all', '42501', 'read_all');
$session = $writer;
answers('EXECUTE append', '4', 'the writer goes on');
answer('RESET ROLE; SET ROLE regress_new_owner');
answers('EXECUTE append', '5', 'the new owner appends with the plan of the writer');
answers('EXECUTE create_subscription', '1', 'and makes a subscription');
answers('EXECUTE poll', '5', 'whose events are delivered');

# The owner is dropped, with what it owns.
is(sqlstate('DROP ROLE regress_new_owner'), '2BP01', 'an owner cannot be dropped');
answer('RESET ROLE; SET ROLE regress_writer');
other('DROP OWNED BY regress_new_owner; DROP ROLE regress_new_owner');
answers('EXECUTE append', 'ST002', 'DROP OWNED drops the store');
other('SELECT event_store.create_store()');
answers('EXECUTE append', '1', 'and the writer appends to the next one');
other('REASSIGN OWNED BY regress_old_owner TO postgres');
answers('EXECUTE append', '2', 'REASSIGN OWNED of the extension stops no writer');
$_->quit foreach ($writer, $owner);

# The warehouse.
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION event_store_warehouse CASCADE');
my %commands = (
	receive => q{SELECT warehouse.receive_product('SKU-1', 10)},
	ship => q{SELECT warehouse.ship_product('SKU-1', 1)},
	adjust => q{SELECT warehouse.adjust_inventory('SKU-1', 5, 'count')},
	quantity => q{SELECT warehouse.quantity_on_hand('SKU-1')},
	rebuild => q{SELECT warehouse.rebuild_stock()},
	compare => q{SELECT count(*) FROM warehouse.check_stock()},
	stock => q{SELECT quantity_on_hand FROM warehouse.stock WHERE sku = 'SKU-1'});
my @commands = qw(receive ship adjust quantity rebuild compare stock);
my $in_new_warehouse = '10 9 5 5 1 0 5';
sub shop { return $node->safe_psql('shop', $_[0]); }
sub command_answers { return join(' ', map { answer($_[0]->($_)) } @commands); }

shop("CREATE FUNCTION do_$_() RETURNS bigint LANGUAGE plpgsql AS \$\$ BEGIN RETURN ($commands{$_}); END \$\$;")
  foreach @commands;
%ways = (
	'prepared statements' => sub { return "EXECUTE $_[0]"; },
	'functions' => sub { return "SELECT do_$_[0]()"; },
	'statements' => sub { return $commands{ $_[0] }; });
$session = connect_session('shop');
is(command_answers($ways{functions}),
	'WH009 WH009 WH009 WH009 WH009 WH009 42P01', 'no warehouse yet');
shop('SELECT warehouse.create_warehouse()');
answer("PREPARE $_ AS $commands{$_}") foreach @commands;
my %anew = (
	'the warehouse' => <<~'END',
		SELECT warehouse.drop_warehouse();
		SELECT event_store.drop_store(with_events => true);
		SELECT warehouse.create_warehouse();
		END
	'both extensions' => <<~'END');
		SET client_min_messages = error;
		DROP EXTENSION event_store, event_store_warehouse CASCADE;
		CREATE EXTENSION event_store_warehouse CASCADE;
		SELECT warehouse.create_warehouse();
		END
is(command_answers($ways{functions}),
	$in_new_warehouse, 'a session that failed before works once there is a warehouse');
foreach my $what (sort keys %anew)
{
	foreach my $way (sort keys %ways)
	{
		shop($anew{$what});
		is(command_answers($ways{$way}),
			$in_new_warehouse, "$what made anew: $way");
	}
}

# The database.
is(sqlstate('DROP DATABASE shop'), '55006', 'DROP DATABASE is refused with sessions in it');
answers('EXECUTE receive', '15', 'the session goes on');
my $in_flight = connect_session('shop');
$in_flight->query_safe('BEGIN');
$in_flight->query_safe(q{SELECT event_store.append('open-1', 'Open', '0')});
other('DROP DATABASE shop WITH (FORCE)');
foreach my $gone ($session, $in_flight)
{
	eval { $gone->query('SELECT 1') };
	$gone->{run}->finish;
	like($gone->{stderr}, qr/57P01/, 'DROP DATABASE WITH (FORCE) ends a session');
}
my (undef, undef, $refusal) = $node->psql('shop', 'SELECT 1');
like($refusal, qr/database "shop" does not exist/, 'the database is gone');
is(other('SELECT count(*) FROM event_store.in_flight'),
	'0', 'no mark of its is seen elsewhere');
other('CREATE DATABASE shop');
is( shop(<<~'END'),
	CREATE EXTENSION event_store_warehouse CASCADE;
	SELECT warehouse.create_warehouse();
	SELECT warehouse.receive_product('SKU-1', 3);
	END
	"\n3",
	'and can be made anew');
$dropper->quit;

# All at once: sessions that append, read and poll in each way, as fast as they can,
# while another makes the store anew, and then the extensions.  Each of them notes
# the errors that it gets; a psql that loses its connection ends.
my $dir = PostgreSQL::Test::Utils::tempdir();
my %loads = (
	appender => <<~'END',
		EXECUTE append;
		EXECUTE append_json;
		EXECUTE append_streams;
		BEGIN;
		EXECUTE append;
		EXECUTE read_stream;
		EXECUTE append;
		COMMIT;
		SELECT do_append();
		END
	reader => <<~'END',
		EXECUTE read_all;
		EXECUTE read_category;
		EXECUTE last_event;
		EXECUTE stream_version;
		EXECUTE list_streams;
		EXECUTE safe_position;
		EXECUTE all_events;
		EXECUTE in_flight;
		SELECT do_read_all(), do_read_stream();
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		DECLARE c CURSOR FOR SELECT version FROM event_store.read_all();
		FETCH 2 FROM c;
		EXECUTE read_category;
		FETCH ALL FROM c;
		COMMIT;
		END
	keeper => <<~'END',
		EXECUTE receive;
		EXECUTE ship;
		EXECUTE quantity;
		EXECUTE stock;
		EXECUTE compare;
		SELECT do_receive(), do_adjust();
		EXECUTE save_snapshot;
		EXECUTE latest_snapshot;
		END
	consumer => <<~'END',
		EXECUTE create_subscription;
		EXECUTE poll;
		EXECUTE ack;
		EXECUTE nack;
		EXECUTE parked_events;
		EXECUTE subscription_status;
		BEGIN;
		SELECT do_poll(), do_ack();
		EXECUTE nack;
		COMMIT;
		END
);

# Statements for each of the sessions, whose stream is its own.
sub for_session
{
	my ($number, $text) = @_;

	return $text =~ s/drop-1/drop-$number/gr =~ s/SKU-1/SKU-$number/gr;
}

# Starts a session of a kind in database shop.
my %all_calls = (%calls, %commands);

sub start_load
{
	my ($kind, $number) = @_;
	my $file = "$dir/$number";

	append_to_file("$file.step", $loads{$kind});
	append_to_file("$file.sql",
		for_session($number, join('', map { "PREPARE $_ AS $all_calls{$_};\n" } sort keys %all_calls))
		  . "\\i $file.step\n" x 20_000);
	return IPC::Run::start(
		[
			'psql', '-XqAt', '-v', 'VERBOSITY=verbose', '-d',
			$node->connstr('shop') . " application_name=$kind",
			'-f', "$file.sql"
		],
		'<', \undef, '>', '/dev/null', '2>', "$file.err");
}

shop("CREATE FUNCTION do_$_() RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN RETURN ($all_calls{$_}); END \$\$;")
  foreach sort keys %all_calls;

# Errors of the kind that nobody can be told what to do about, from the server's
# log: those that were raised by or for a call of ours, and where.
sub internal_errors
{
	my ($log) = @_;
	my @entries;

	# an error, what belongs to it, and the lines that go on in each
	push @entries, $1
	  while ($log =~ /^(.* ERROR:  (?:could not open relation with OID|cache lookup failed).*\n(?:\t.*\n|.* (?:DETAIL|HINT|CONTEXT|BACKTRACE|STATEMENT):  .*\n)*)/gm);
	return @entries;
}

# Each change, how often, and the errors that it may lead to.  WH001, not enough to
# ship, 22023, no stream to save a snapshot of, and 42704, no subscription, are those
# of a store that is new.
my %storms = (
	'the store' => [
		$anew{'the warehouse'}, 30,
		[qw(ST002 WH009 WH001 22023 42704 42P01 40P01 25P02 34000)]
	],
	'the extensions' => [
		$anew{'both extensions'},
		12,
		[qw(ST002 WH009 WH001 22023 42P01 40P01 25P02 34000 3F000 42883 42704)]
	]);
my $number = 0;
foreach my $what (sort keys %storms)
{
	my ($sql, $times, $expected) = @{ $storms{$what} };
	my $log_size = -s $node->logfile;
	my $first = $number + 1;
	my @sessions =
	  map { start_load($_, ++$number) } qw(appender appender reader reader keeper keeper consumer);
	my @failures;

	# each has prepared its statements
	$node->poll_query_until('shop', <<~'END')
		SELECT count(*) = 7 FROM pg_stat_activity
		 WHERE application_name IN ('appender', 'reader', 'keeper', 'consumer')
		   AND query <> '' AND query NOT LIKE '%PREPARE%'
		END
	  or die 'timed out waiting for the sessions';
	foreach my $time (1 .. $times)
	{
		my ($status, undef, $error) = $node->psql('shop',
			"\\set ON_ERROR_STOP 1\n\\set VERBOSITY verbose\nBEGIN;\n$sql COMMIT;");

		# a deadlock with a session that it would have dropped under
		redo if $error =~ /ERROR:  40P01:/;
		push @failures, $error if $status != 0;
	}
	is("@failures", '', "$what made anew $times times under load");

	# All sessions work with what there is now.
	ok( $node->poll_query_until('shop', <<~"END"),
		SELECT count(*) = 4 FROM event_store.list_streams()
		 WHERE stream IN ('drop-@{[$first]}', 'drop-@{[$first + 1]}',
						  'warehouse_product-SKU-@{[$first + 4]}', 'warehouse_product-SKU-@{[$first + 5]}')
		END
		"$what: the sessions go on with the last one");
	is( shop(
			q{SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('appender', 'reader', 'keeper', 'consumer')}
		),
		'7',
		"$what: no session was lost");
	foreach my $running (@sessions)
	{
		$running->signal('TERM');
		$running->finish;
	}

	# What they got on the way.
	my %errors;
	foreach my $n ($first .. $number)
	{
		my $report = slurp_file("$dir/$n.err");
		$errors{"$1: $2"}++
		  while ($report =~ /(?:ERROR|FATAL|PANIC):  (\w{5}): (.*)/g);
	}
	note "$what, $errors{$_} times $_" foreach sort keys %errors;
	cmp_ok(scalar(keys %errors), '>', 0, "$what: the sessions noticed");

	# PostgreSQL locks no function and no type, so whoever is just looking one up
	# while the extension is dropped may be told that it failed.  But nothing of
	# that comes from inside of a call.
	my @internal = internal_errors(slurp_file($node->logfile, $log_size));
	is(join('', grep { /event_store\w*\.so/ } @internal),
		'', "$what: no internal error inside of a call");
	push @$expected, 'XX000' if $what eq 'the extensions';
	my $expected_codes = join '|', @$expected;
	is(join("\n", grep { !/^($expected_codes):/ } sort keys %errors),
		'', "$what: no error but those that say what is gone");
	unlike(slurp_file($node->logfile, $log_size),
		qr/TRAP|PANIC|terminated by signal/, "$what: the server stands");
	is( shop(<<~'END'),
		SELECT 'version', stream, version FROM (
			SELECT stream, version, row_number() OVER (PARTITION BY stream
													   ORDER BY global_position) AS place
			  FROM event_store.all_events) e
		 WHERE version <> place
		UNION ALL
		SELECT 'stock', sku, projected_version FROM warehouse.check_stock()
		END
		'',
		"$what: the store and the stock are sound");
}

$node->stop;
done_testing();
