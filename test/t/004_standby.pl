#!/usr/bin/perl
#
# A hot standby reads single streams and refuses what it cannot do: to append,
# and to read in global order, since it does not know what is in flight on its
# primary.  After its promotion all goes on, and nobody skips an event.
#
# Under synchronous replication that holds for whatever was told before the
# primary was lost.  A safe position waits for the synchronous standbys, as
# rolled-back and asynchronous appends do not; so a promoted standby never hands
# a position out again that a reader has been told to be past.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use LongRun qw(kill_postmaster);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	max_prepared_transactions = 10
	END
$primary->start;
$primary->backup('base');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->safe_psql('postgres', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	SELECT event_store.append('standby-1', 'Opened', '{"n": 1}');
	SELECT event_store.append('standby-1', 'Closed', '{"n": 2}');
	SELECT event_store.append('standby-2', 'Opened', '{"n": 3}');
	SELECT event_store.save_snapshot('standby-1', 2, '{"open": false}');
	CREATE DATABASE shop;
	CREATE DATABASE empty;
	END
$primary->safe_psql('shop', <<~'END');
	CREATE EXTENSION event_store_warehouse CASCADE;
	SELECT warehouse.create_warehouse();
	SELECT warehouse.receive_product('SKU-1', 10);
	SELECT warehouse.ship_product('SKU-1', 3);
	SELECT warehouse.receive_product('SKU-2', 5);
	SELECT warehouse.adjust_inventory('SKU-2', 4, 'cycle count');
	END
$primary->safe_psql('empty', 'CREATE EXTENSION event_store_warehouse CASCADE');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

# Single streams.
my %answers = (
	q{SELECT version, type, data FROM event_store.read_stream('standby-1')} =>
	  qq(1|Opened|{"n": 1}\n2|Closed|{"n": 2}),
	q{SELECT version FROM event_store.read_stream('standby-1', backwards => true, max_count => 1)}
	  => '2',
	q{SELECT version, type FROM event_store.last_event('standby-1')} =>
	  '2|Closed',
	q{SELECT version, type FROM event_store.last_event('standby-1', 'Opened')}
	  => '1|Opened',
	q{SELECT event_store.stream_version('standby-2')} => '1',
	q{SELECT event_store.stream_version('standby-3')} => '0',
	q{SELECT version, state FROM event_store.latest_snapshot('standby-1')} =>
	  '2|{"open": false}',
	q{SELECT stream, version FROM event_store.list_streams()} =>
	  "standby-1|2\nstandby-2|1",
	q{SELECT count(*) FROM event_store.all_events} => '3',
	q{SELECT count(*) FROM event_store.in_flight} => '0');
foreach my $query (sort keys %answers)
{
	is($standby->safe_psql('postgres', $query),
		$answers{$query}, "on the standby: $query");
}

# The warehouse.
%answers = (
	q{SELECT warehouse.quantity_on_hand('SKU-1')} => '7',
	q{SELECT warehouse.quantity_on_hand('SKU-2', 'infinity')} => '4',
	q{SELECT sku, quantity_on_hand FROM warehouse.stock ORDER BY sku} =>
	  "SKU-1|7\nSKU-2|4",
	q{SELECT count(*) FROM warehouse.check_stock()} => '0',
	q{SELECT version, state FROM event_store.load('warehouse_product-SKU-1')} =>
	  '2|{"quantity_on_hand": 7}',
	q{SELECT version, state FROM warehouse.ship_product(event_store.load('warehouse_product-SKU-1'), 2)} =>
	  '2|{"quantity_on_hand": 5}',
	q{SELECT version, state FROM event_store.state_at('warehouse_product-SKU-1', 1)} =>
	  '1|{"quantity_on_hand": 10}',
	q{SELECT version, changes FROM event_store.history('warehouse_product-SKU-2', 2)} =>
	  '2|{"/quantity_on_hand": {"after": 4, "before": 5}}',
	q{SELECT count(*) FROM event_store.audit_trail('warehouse_product-SKU-2')} => '2',
	q{SELECT sku, quantity_on_hand FROM warehouse.stock_at(global_position => 2)} => 'SKU-1|7',
	q{SELECT version, state FROM event_store.save(event_store.load('warehouse_product-SKU-2'))} =>
	  '2|{"quantity_on_hand": 4}',
	q{SELECT version, type FROM event_store.read_stream('warehouse_product-SKU-1')} =>
	  "1|ProductReceived\n2|ProductShipped");
foreach my $query (sort keys %answers)
{
	is($standby->safe_psql('shop', $query),
		$answers{$query}, "on the standby: $query");
}

# Runs a statement that must fail; returns its SQLSTATE, and sets its report.
my $report;

sub sqlstate
{
	my ($node, $sql, $database) = @_;

	(undef, undef, $report) =
	  $node->psql($database // 'postgres', "\\set VERBOSITY verbose\n$sql");
	return $report =~ /ERROR:  (\w{5}):/ ? $1 : "none: $report";
}

foreach my $call (
	q{append('standby-1', 'Reopened', '0')},
	q{append_events('standby-1', ARRAY[event_store.new_event('Reopened', '0')])},
	q{append_json('standby-1', '[{"type": "Reopened", "data": 0}]')},
	q{append_streams('[{"stream": "standby-1", "expected_version": -2, "events": [{"type": "Reopened", "data": 0}]}]')},
	q{append_streams('[{"stream": "standby-1", "expected_version": 2}]')},
	q{save_snapshot('standby-1', 1, '0')},
	q{create_subscription('mail')},
	q{drop_subscription('mail')},
	q{move_subscription('mail', 0)},
	q{poll('mail', 'one')},
	q{ack('mail', 1, 1)},
	q{nack('mail', 1, 1)},
	q{release('mail', 1)},
	q{replay_parked('mail')},
	q{skip_parked('mail', 1)},
	q{lock_store()})
{
	is(sqlstate($standby, "SELECT event_store.$call"),
		'25006', "on the standby: $call");
}
foreach my $call (
	q{warehouse.receive_product('SKU-1', 1)},
	q{warehouse.ship_product('SKU-1', 1)},
	q{warehouse.adjust_inventory('SKU-1', 1, 'count')},
	q{event_store.load('warehouse_product-SKU-1', for_update => true)},
	q{event_store.save(warehouse.ship_product(event_store.load('warehouse_product-SKU-1'), 2))},
	q{event_store.take_snapshot('warehouse_product-SKU-1')},
	q{event_store.create_aggregate_type('order', '{}', 'warehouse.apply_product')},
	q{event_store.drop_aggregate_type('warehouse_product')},
	'warehouse.rebuild_stock()',
	'warehouse.drop_warehouse()',
	'event_store.create_store(if_not_exists => true)',
	'event_store.drop_store(with_events => true)')
{
	is(sqlstate($standby, "SELECT $call", 'shop'),
		'25006', "on the standby: $call");
}
foreach my $call ('event_store.create_store()', 'warehouse.create_warehouse()')
{
	is(sqlstate($standby, "SELECT $call", 'empty'),
		'25006', "on the standby, where there is no store: $call");
}
foreach my $call ('read_all()', q{read_category('standby')}, 'safe_position()', q{audit_trail(category => 'standby')})
{
	is(sqlstate($standby, "SELECT * FROM event_store.$call"),
		'0A000', "on the standby: $call");
	like($report, qr/HINT:.*read_stream/, "$call names what works there");
}
is(sqlstate($standby, 'CALL event_store.wait_for_events(0)'),
	'0A000', 'on the standby: wait_for_events(0)');

# What is under way when the primary is lost: a transaction in progress, whose
# positions were drawn; a rolled-back one, above whose position a safe position
# was told; and a prepared one.
my $lost = $primary->background_psql('postgres');
$lost->query_safe('BEGIN');
$lost->query_safe(q{SELECT event_store.append('standby-4', 'Lost', '0')});
$lost->query_safe('ROLLBACK');
$primary->safe_psql('postgres', <<~'END');
	BEGIN;
	SELECT event_store.append('standby-2', 'Prepared', '0');
	PREPARE TRANSACTION 'event_store_standby';
	SELECT event_store.append('standby-1', 'Above', '0');
	END
my $told = $primary->safe_psql('postgres', 'SELECT event_store.safe_position()');
my $last = $primary->safe_psql('postgres',
	'SELECT max(global_position) FROM event_store.all_events');
cmp_ok($told, '<', $last, 'the prepared append holds readers of the primary back');
$lost->query_safe('BEGIN');
$lost->query_safe(q{SELECT event_store.append('standby-4', 'Lost', '0')});

# A consumer of the primary, and a session of the standby that is to see it
# promoted.
my $read_to = $primary->safe_psql('postgres',
	'SELECT max(global_position) FROM event_store.read_all()');
my $session = $standby->background_psql('postgres');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'));
is($session->query_safe(q{SELECT event_store.stream_version('standby-1')}),
	'3', 'the standby has caught up');

$primary->stop('immediate');
eval { $lost->quit };
$standby->promote;

# Tailing goes on where the consumer stopped.
is($standby->safe_psql('postgres', 'SELECT event_store.safe_position()'),
	$told, 'the prepared append holds readers back after the promotion');
is( $standby->safe_psql('postgres',
		'SELECT after_position, gid FROM event_store.in_flight'),
	"$told|event_store_standby",
	'in_flight names it');
my $next = $session->query_safe(
	q{SELECT global_position FROM event_store.append('standby-1', 'Promoted', '0')});
cmp_ok($next, '>', $last,
	'an append in a session from before the promotion is above all events');
is( $session->query_safe(
		"SELECT count(*) FROM event_store.read_all($read_to)"),
	'0',
	'the reader waits for the prepared append');
$session->query_safe(q{COMMIT PREPARED 'event_store_standby'});
is( $session->query_safe(
		"SELECT stream, version, type FROM event_store.read_all($read_to)"),
	"standby-2|2|Prepared\nstandby-1|3|Above\nstandby-1|4|Promoted",
	'and then goes on, in order, with everything');
is($session->query_safe('SELECT event_store.safe_position()'),
	$next, 'up to the last event');
is(sqlstate($standby, q{SELECT event_store.append('standby-1', 'Late', '0', 1)}),
	'ST001', 'expected versions are checked as ever');
$standby->safe_psql('postgres',
	q{SELECT event_store.save_snapshot('standby-1', 4, '0')});
is($standby->safe_psql('postgres', 'SELECT count(*) FROM event_store.verify_store()'),
	'0', 'the store is sound');

$session->quit;
$standby->stop;

# Synchronous replication from here on.  A standby is named for the primary only
# once it is there, so its own configuration, which is the primary's copied, names
# none, as after a promotion nobody is to wait.  The restart makes the setting
# hold from the first transaction on.
my $nodes = 0;

sub add_standby
{
	my ($primary) = @_;
	my $name = 'sync' . ++$nodes;
	my $standby = PostgreSQL::Test::Cluster->new($name);

	$primary->backup($name);
	$standby->init_from_backup($primary, $name, has_streaming => 1);
	$standby->start;
	$primary->append_conf('postgresql.conf',
		"synchronous_standby_names = '$name'");
	$primary->restart;
	return $standby;
}

$primary = PostgreSQL::Test::Cluster->new('sync_primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	wal_receiver_status_interval = 1s
	wal_retrieve_retry_interval = 100ms
	END
$primary->start;
$primary->safe_psql('postgres',
	'CREATE EXTENSION event_store; SELECT event_store.create_store()');
$standby = add_standby($primary);

# What draws positions without a commit that waits; the sequence is logged 32
# draws ahead, so 100 draws change it in the log.
my $rolled_back = <<~'END';
	BEGIN;
	SELECT count(*) FROM generate_series(1, 100) n,
		LATERAL event_store.append('sync-' || n, 'RolledBack', '0');
	ROLLBACK;
	END
my $safe = 'SELECT event_store.safe_position()';

# A reader of the primary, in one session; what it is told and what it raises.
my $reader = $primary->background_psql('postgres', on_error_stop => 0);
$reader->query_safe(q{SET application_name = 'reader'});

sub reader_gets
{
	my ($sql) = @_;
	my ($out, $failed) = $reader->query("\\set VERBOSITY verbose\n$sql");
	my $error = $reader->{stderr};

	$reader->{stderr} = '';
	return $failed ? $error : $out;
}

# Asks for a safe position and does not wait; a word on stderr follows the
# answer.
sub reader_asks
{
	my ($word) = @_;

	$reader->{stdout} = $reader->{stderr} = '';
	return $reader->query_until(qr/asking/,
		"\\set VERBOSITY verbose\n\\echo asking\n$safe;\n\\warn $word\n");
}

sub reader_waits
{
	return $primary->poll_query_until('postgres', <<~'END');
		SELECT count(*) = 1 FROM pg_stat_activity
		 WHERE application_name = 'reader' AND wait_event = 'SyncRep'
		END
}

$primary->safe_psql('postgres',
	q{SELECT event_store.append('sync-1', 'Done', '0')});
my $known = reader_gets($safe);
like($known, qr/^\d+$/, 'the standby is there: a safe position is told');

# Without the standby what is known already is told again.
$standby->stop;
is(reader_gets($safe), $known,
	'the standby is away: what was told before is told again');
is( reader_gets('SELECT count(*) FROM event_store.read_all()'),
	'1', 'and read again');

# What is new is not told, whatever the session's synchronous_commit is.  The
# timeout is of the call's transaction, lest it meet what comes after.
$primary->safe_psql('postgres', $rolled_back);
my $log_size = -s $primary->logfile;
foreach my $level (qw(on off local remote_write remote_apply))
{
	reader_gets("SET synchronous_commit = $level");
	foreach my $call (
		'safe_position()', "read_all($known)", "read_category('sync', $known)")
	{
		my $got = reader_gets(<<~"END");
			BEGIN;
			SET LOCAL statement_timeout = '20ms';
			SELECT * FROM event_store.$call;
			ROLLBACK;
			END
		like($got, qr/ERROR:  57014: canceling statement due to statement timeout/,
			"synchronous_commit = $level, the standby away: $call");
		unlike($got, qr/WARNING|commit/i, 'no word of a commit');
	}
	is(reader_gets('SHOW synchronous_commit'),
		$level, 'the session\'s setting is as it was');
}
reader_gets('RESET synchronous_commit');
my $given_up = () = slurp_file($primary->logfile, $log_size) =~
  /DETAIL:  No safe position of the event store was returned/g;
is($given_up, 5 * 3, 'each was ended in the wait');

# What is at or below the known position is read without a wait.
is( reader_gets(
		"SELECT count(*) FROM event_store.read_all(before_position => $known + 1)"),
	'1',
	'what is known to be safe is read');

# The server's log says what was given up, even where warnings are not logged.
$log_size = -s $primary->logfile;
reader_gets(<<~"END");
	SET log_min_messages = 'panic';
	BEGIN;
	SET LOCAL statement_timeout = '20ms';
	$safe;
	ROLLBACK;
	END
my $log = slurp_file($primary->logfile, $log_size);
like($log, qr/DETAIL:  No safe position of the event store was returned/,
	'the server\'s log says that no safe position was returned');
unlike($log, qr/committed locally/, 'and nothing of a commit');
is(reader_gets('SHOW log_min_messages'), 'panic', 'log_min_messages is as it was');
is(reader_gets('SHOW client_min_messages'),
	'notice', 'and so is client_min_messages');
reader_gets('RESET log_min_messages');

# In a subtransaction, whose rollback must leave no setting behind.
like(
	reader_gets(<<~'END'),
		SET synchronous_commit = local;
		BEGIN;
		SET LOCAL statement_timeout = '20ms';
		DO $$
		BEGIN
			PERFORM event_store.safe_position();
		EXCEPTION WHEN query_canceled THEN
			RAISE NOTICE 'caught at level %', current_setting('synchronous_commit');
		END $$;
		COMMIT;
		RESET synchronous_commit;
		END
	qr/NOTICE:  00000: caught at level local/,
	'a block that catches the error goes on with its settings');

# A wait is seen in pg_stat_activity, and can be cancelled and terminated.
my $pid = reader_gets('SELECT pg_backend_pid()');
reader_asks('cancelled');
ok(reader_waits(), 'a reader that waits is seen to wait for SyncRep');
$primary->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$reader->{run}->pump until $reader->{stderr} =~ /^cancelled/m;
like($reader->{stderr},
	qr/ERROR:  57014: canceling statement due to user request/,
	'pg_cancel_backend ends the wait');
unlike($reader->{stderr}, qr/WARNING|commit/i, 'without a word of a commit');
$reader->{stderr} = '';

reader_asks('terminated');
ok(reader_waits(), 'it waits again');
$primary->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$reader->{run}->finish;
like($reader->{stderr}, qr/FATAL:  57P01: terminating connection/,
	'pg_terminate_backend ends it, and the client hears why');
unlike($reader->{stderr}, qr/WARNING|commit/i, 'without a word of a commit');

# So does the death of the postmaster, after which the standby may be promoted.
$reader = $primary->background_psql('postgres', on_error_stop => 0);
$reader->query_safe(q{SET application_name = 'reader'});
reader_asks('orphaned');
ok(reader_waits(), 'a reader waits when the postmaster dies');
kill_postmaster($primary, split /\n/, $primary->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity'));
$reader->{run}->finish;
unlike($reader->{stdout}, qr/^\d+$/m, 'it is told no position');

# It goes on when the standby is back, or nobody is to be waited for any more.
$reader = $primary->background_psql('postgres', on_error_stop => 0);
$reader->query_safe(q{SET application_name = 'reader'});
reader_asks('told');
ok(reader_waits(), 'a new session waits, too');
$standby->start;
$reader->{run}->pump until $reader->{stderr} =~ /^told/m;
my ($answer) = $reader->{stdout} =~ /^(\d+)$/m;
cmp_ok($answer, '>=', $known + 100, 'and is told when the standby is back');

$standby->stop;
$primary->safe_psql('postgres', $rolled_back);
reader_asks('told');
ok(reader_waits(), 'the standby is away again: the reader waits');
$primary->safe_psql('postgres', <<~'END');
	SET synchronous_commit = local;
	ALTER SYSTEM SET synchronous_standby_names = '';
	SELECT pg_reload_conf();
	END
$reader->{run}->pump until $reader->{stderr} =~ /^told/m;
pass('and is told when synchronous_standby_names is emptied');
$reader->quit;

# Named again, and then lost after appends that were rolled back while the
# standby was away: it will draw their positions again.
$primary->safe_psql('postgres', <<~'END');
	SET synchronous_commit = local;
	ALTER SYSTEM RESET synchronous_standby_names;
	END
$standby->start;
$primary->restart;
my $highest_told = $primary->safe_psql('postgres', $safe);
$standby->stop;
$primary->safe_psql('postgres', $rolled_back);
$primary->psql(
	'postgres', "SET statement_timeout = '100ms'; $safe",
	stdout => \my $told_late);
$highest_told = $told_late if $told_late ne '';
$primary->stop('immediate');
$standby->start;
$standby->promote;
cmp_ok(
	$standby->safe_psql('postgres',
		q{SELECT global_position FROM event_store.append('load-1', 'Promoted', '0')}),
	'>',
	$highest_told,
	'promoted: the next position is above all that was told');

# The same under load, several times.  Writers append alone, in transactions and
# roll back; each notes what it was told to be committed.  A consumer notes each
# event that it reads and each safe position.  At some moment the primary loses its
# standby, and a little later it is killed itself.  The standby is promoted, and
# all go on there.
#
# A writer whose commit waits for the standby holds readers back by its mark.  So
# in one round the writers have ended by then, and only rollbacks go on.  They take
# their streams in one order, and the category is there, so none meets a deadlock.
my $dir = PostgreSQL::Test::Utils::tempdir();
my %steps = (
	writer => <<~'END',
		SELECT 'load-' || min(n) AS s1, 'load-' || max(n) AS s2
		  FROM (SELECT 10 + floor(random() * 20) AS n FROM generate_series(1, 2)) r \gset
		SELECT :'s1', version, global_position FROM event_store.append(:'s1', 'Single', '{}');
		BEGIN;
		SELECT :'s1' || ' ' || version || ' ' || global_position AS a1 FROM event_store.append(:'s1', 'First', '{}') \gset
		SELECT :'s2' || ' ' || version || ' ' || global_position AS a2 FROM event_store.append(:'s2', 'Second', '{}') \gset
		COMMIT;
		\echo :a1
		\echo :a2
		BEGIN;
		SELECT version AS a3 FROM event_store.append(:'s2', 'RolledBack', '{}') \gset
		ROLLBACK;
		END
	waster => <<~'END',
		BEGIN;
		SELECT max(a.version) AS v FROM generate_series(1, 5) n,
			LATERAL event_store.append('waste-' || n, 'RolledBack', '{}') a \gset
		ROLLBACK;
		END
	consumer => <<~'END',
		SELECT event_store.safe_position() AS safe \gset
		\echo safe :safe
		SELECT coalesce(string_agg(format('%s %s %s', stream, version, global_position), E'\n'
								   ORDER BY global_position), 'nothing') AS page,
			   coalesce(max(global_position), :position) AS position
		  FROM event_store.read_all(:position, 50) \gset
		\echo :page
		SELECT pg_sleep(CASE WHEN :'page' = 'nothing' THEN 0.005 ELSE 0 END) AS slept \gset
		END
);
foreach my $role (sort keys %steps)
{
	append_to_file("$dir/$role.step", $steps{$role});
	append_to_file("$dir/$role.sql", "\\i $dir/$role.step\n" x 20_000);
}
append_to_file("$dir/few.sql", "\\i $dir/writer.step\n" x 100);

# Starts a psql that takes a role's steps until its server is gone, or until
# they end.
my $position = 0;

sub start_client
{
	my ($node, $role, $output) = @_;

	return IPC::Run::start(
		[
			'psql', '-XqAt', '-F', ' ', '-v', 'ON_ERROR_STOP=1',
			'-v', "position=$position", '-d',
			$node->connstr('postgres') . " application_name=$role",
			'-f', "$dir/$role.sql"
		],
		'<', \undef, '>', $output, '2>', "$output.err");
}

sub lines_of { return split /\n/, slurp_file($_[0]); }

# Everything that committed was told to the writers here; what the consumer got,
# in its order.
my @acknowledged;
my @consumed;

foreach my $round (1 .. 3)
{
	$primary = $standby;
	$standby = add_standby($primary);

	# so that what is above it was drawn in this round
	my ($start) = split /\|/, $primary->safe_psql('postgres', <<~'END');
		SELECT last_value FROM event_store.events_global_position_seq
		END

	my $writer = $round == 2 ? 'few' : 'writer';
	my @writers = map { start_client($primary, $writer, "$dir/$round.$_") } 1 .. 4;
	my $waster = start_client($primary, 'waster', "$dir/$round.waster");
	my $consumer = start_client($primary, 'consumer', "$dir/$round.consumer");
	my $enough = $start + 300 + int(rand(1500));
	ok( $primary->poll_query_until('postgres',
			"SELECT last_value > $enough FROM event_store.events_global_position_seq"
		),
		"round $round: there is a load");

	# The standby hears no more.
	ok($_->finish, "round $round: a writer has ended")
	  foreach ($round == 2 ? @writers : ());
	$standby->append_conf('postgresql.conf', "primary_conninfo = ''");
	$standby->reload;
	ok( $standby->poll_query_until('postgres',
			'SELECT count(*) = 0 FROM pg_stat_wal_receiver'),
		"round $round: the standby is cut off");
	my ($cut_off) = $primary->safe_psql('postgres',
		'SELECT last_value FROM event_store.events_global_position_seq');
	ok( $primary->poll_query_until('postgres', <<~"END"),
		SELECT last_value > $cut_off + 200
			   OR EXISTS (SELECT FROM pg_stat_activity
						   WHERE application_name = 'consumer' AND wait_event = 'SyncRep')
		  FROM event_store.events_global_position_seq
		END
		"round $round: the primary goes on as far as it can");
	$primary->stop('immediate');
	$_->finish foreach ($round == 2 ? () : @writers, $waster, $consumer);
	$standby->promote;

	# What the clients were told.
	push @acknowledged, lines_of("$dir/$round.$_") foreach (1 .. 4);
	my $told = 0;
	my $events = 0;
	foreach my $line (lines_of("$dir/$round.consumer"))
	{
		next if $line eq 'nothing';
		if ($line =~ /^safe (\d+)$/)
		{
			$told = $1 if $1 > $told;
			next;
		}
		push @consumed, $line;
		$events++;
		($position) = $line =~ / (\d+)$/;
	}
	note "round $round: told up to $told, $events events read, ",
	  scalar(@acknowledged), ' acknowledged in all';
	cmp_ok($events, '>', 0, "round $round: the consumer has got events");
	cmp_ok(scalar(@acknowledged), '>', 0, "round $round: appends were acknowledged");
	cmp_ok(
		$standby->safe_psql('postgres',
			q{SELECT global_position FROM event_store.append('load-0', 'Promoted', '{}')}
		),
		'>',
		($told > $position ? $told : $position),
		"round $round: the first position after the promotion is above all that was told");
}

# The consumer takes the rest.
push @consumed, split /\n/, $standby->safe_psql('postgres', <<~"END");
	SELECT stream || ' ' || version || ' ' || global_position
	  FROM event_store.read_all($position) ORDER BY global_position
	END
my @stored = split /\n/, $standby->safe_psql('postgres', <<~"END");
	SELECT stream || ' ' || version || ' ' || global_position
	  FROM event_store.all_events ORDER BY global_position
	END
ok("@consumed" eq "@stored",
	'the consumer has got every event of the store once and in order');
my %stored = map { $_ => 1 } @stored;
is(join(', ', grep { !$stored{$_} } @acknowledged),
	'', 'every acknowledged append is there');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM event_store.verify_store()'),
	'0', 'the store is sound');

$standby->stop;
done_testing();
