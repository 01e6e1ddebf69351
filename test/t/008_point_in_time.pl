#!/usr/bin/perl
#
# Recovery to a point in time: a base backup that is taken while others append,
# and the archived log up to a restore point, a place in the log, or a moment.
# The store is then as it was: sound, with its prepared transactions still holding
# readers and streams, and ready for appends.  What docs/operations.md says about
# consumers that are ahead of it is right.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('original');
$primary->init(allows_streaming => 1, has_archiving => 1);
$primary->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	max_prepared_transactions = 10
	END
$primary->start;
$primary->safe_psql('postgres', <<~'END');
	CREATE EXTENSION event_store_warehouse CASCADE;
	SELECT warehouse.create_warehouse();
	SELECT event_store.append('order-1', 'Placed', '{"n": 1}');
	END

my $last_drawn = 'SELECT last_value FROM event_store.events_global_position_seq';
my $safe = 'SELECT event_store.safe_position()';

# Everything that is stored, in a form to be compared.
sub contents
{
	my ($node, $up_to) = @_;

	$up_to //= '9223372036854775807';
	return $node->safe_psql('postgres', <<~"END");
		SELECT e::text FROM event_store.all_events e
		 WHERE global_position <= $up_to ORDER BY global_position
		END
}

sub other_contents
{
	my ($node) = @_;

	return $node->safe_psql('postgres', <<~'END');
		SELECT t::text FROM event_store.streams t ORDER BY t::text;
		SELECT t::text FROM event_store.categories t ORDER BY t::text;
		SELECT t::text FROM event_store.snapshots t ORDER BY t::text;
		SELECT t::text FROM warehouse.stock t ORDER BY t::text;
		END
}

# What is wrong with a store.
sub findings
{
	my ($node) = @_;

	return $node->safe_psql('postgres', <<~'END');
		SELECT check_name, stream, version FROM event_store.verify_store()
		UNION ALL
		SELECT 'stock', sku, projected_version FROM warehouse.check_stock()
		END
}

# Runs a statement that must fail; returns its SQLSTATE.
sub sqlstate
{
	my ($node, $sql) = @_;
	my (undef, undef, $report) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	return $report =~ /ERROR:  (\w{5}):/ ? $1 : "none: $report";
}

# The load that the backup and the first target have around them.
my $script = $primary->basedir . '/load.sql';
append_to_file($script, <<~'END');
	\set s random(1, 20)
	BEGIN;
	SELECT FROM event_store.append('load-' || :s, 'First', '{}');
	SELECT FROM warehouse.receive_product('SKU-' || :s, 2);
	SELECT FROM event_store.append('load-' || :s + 1, 'Second', '{}');
	END;
	BEGIN;
	SELECT FROM event_store.append('load-' || :s, 'RolledBack', '{}');
	ROLLBACK;
	END
my $load = IPC::Run::start(
	[
		'pgbench', '-n', '-M', 'prepared', '-c', '4', '-j', '1', '-T',
		$PostgreSQL::Test::Utils::timeout_default,
		'--max-tries=1000', '-f', $script,
		$primary->connstr('postgres') . ' application_name=load'
	],
	'<', \undef, '>', \my $load_output, '2>', \my $load_errors);

sub wait_for_load
{
	my ($from) = split /\|/, $primary->safe_psql('postgres', $last_drawn);
	return $primary->poll_query_until('postgres',
		"SELECT last_value > $from + 300 FROM event_store.events_global_position_seq"
	);
}
ok(wait_for_load(), 'others append');
$primary->backup('base');
ok(wait_for_load(), 'and go on after the backup');

# The first target, in the middle of that.
my $told = $primary->safe_psql('postgres', $safe);
my $contents_told = contents($primary, $told);
$primary->safe_psql('postgres',
	q{SELECT pg_create_restore_point('under load')});
ok(wait_for_load(), 'and after the first target');
$load->signal('INT');
$load->finish;

# The second target, in a quiet moment with two appends in flight: one that is
# prepared, and one in a session, which recovery will roll back.
$primary->safe_psql('postgres', <<~'END');
	SELECT event_store.append('order-1', 'Packed', '{"n": 2}');
	SELECT event_store.save_snapshot('order-1', 2, '{"packed": true}');
	BEGIN;
	SELECT event_store.append('order-2', 'Placed', '{"n": 3}');
	SELECT event_store.append('order-1', 'RolledBack', '0');
	ROLLBACK;
	BEGIN;
	SELECT event_store.append('order-2', 'Prepared', '{"n": 4}');
	PREPARE TRANSACTION 'event_store_pitr';
	END
my $session = $primary->background_psql('postgres');
$session->query_safe('BEGIN');
$session->query_safe(q{SELECT event_store.append('order-3', 'Open', '0')});
$primary->safe_psql('postgres', <<~'END');
	SELECT event_store.append('order-1', 'Shipped', '{"n": 5}',
							  event_id => '00000000-0000-4000-8000-000000000005');
	SELECT warehouse.receive_product('SKU-100', 7);
	END
my $at_target = contents($primary);
my $others_at_target = other_contents($primary);
my $safe_at_target = $primary->safe_psql('postgres', $safe);
my $last_at_target = $primary->safe_psql('postgres',
	'SELECT max(global_position) FROM event_store.all_events');
cmp_ok($safe_at_target, '<', $last_at_target, 'readers are held back');

# A moment as the server writes it, without a loss of microseconds.
my $time = $primary->safe_psql('postgres',
	q{SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'});
my $lsn = $primary->safe_psql('postgres',
	q{SELECT pg_create_restore_point('quiet')});

# What is lost: commits of what was in flight, and more than the sequence was
# logged ahead.  A consumer of the original reads all of it.
$session->query_safe('COMMIT');
$session->quit;
$primary->safe_psql('postgres', <<~'END');
	COMMIT PREPARED 'event_store_pitr';
	SELECT event_store.append('order-1', 'Lost', '0',
							  event_id => '00000000-0000-4000-8000-000000000006');
	SELECT event_store.append('order-' || n, 'Lost', '0') FROM generate_series(1, 100) n;
	SELECT warehouse.ship_product('SKU-100', 7);
	END
my $ahead = $primary->safe_psql('postgres',
	'SELECT max(global_position) FROM event_store.read_all()');
is(findings($primary), '', 'the original is sound');
$primary->stop;

# A server recovered to a target.
my $servers = 0;

sub recover
{
	my (@target) = @_;
	my $node = PostgreSQL::Test::Cluster->new('restored' . ++$servers);

	$node->init_from_backup(
		$primary, 'base',
		has_restoring => 1,
		standby => 0);
	$node->append_conf('postgresql.conf', <<~"END");
		@target
		recovery_target_action = 'promote'
		archive_mode = off
		END
	$node->start;
	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()')
	  or die 'timed out waiting for the end of recovery';
	return $node;
}

# Under load.
my $node = recover(q{recovery_target_name = 'under load'});
is(findings($node), '', 'recovered to a point under load: the store is sound');
ok(contents($node, $told) eq $contents_told,
	'with just the events at or below the safe position told before');
is($node->safe_psql('postgres', 'SELECT count(*) FROM event_store.in_flight'),
	'0', 'nothing is in flight');
my ($last) = $node->safe_psql('postgres', $last_drawn);
is($node->safe_psql('postgres', $safe),
	$last, 'the safe position is the last that was drawn');
is(contents($node),
	$node->safe_psql('postgres',
		'SELECT e::text FROM event_store.read_all() e ORDER BY global_position'),
	'and everything can be read');
$node->command_ok(
	[ 'pgbench', '-n', '-c', '2', '-t', '50', '-f', $script, 'postgres' ],
	'the load goes on');
cmp_ok(
	$node->safe_psql('postgres',
		"SELECT min(global_position) FROM event_store.read_all($last)"),
	'>', $last, 'above');
is(findings($node), '', 'and the store stays sound');
$node->stop;

# The quiet point, by each kind of target.
foreach my $target (
	q{recovery_target_name = 'quiet'},
	"recovery_target_lsn = '$lsn'\nrecovery_target_inclusive = off",
	"recovery_target_time = '$time'")
{
	my ($kind) = $target =~ /^(\w+)/;

	$node = recover($target);
	ok(contents($node) eq $at_target, "$kind: the events are those of the target");
	is(other_contents($node),
		$others_at_target, "$kind: and so are streams, categories, snapshots and stock");
	is(findings($node), '', "$kind: the store is sound");

	# The prepared append holds readers and its stream, as it did.
	is($node->safe_psql('postgres', 'SELECT after_position, gid FROM event_store.in_flight'),
		"$safe_at_target|event_store_pitr",
		"$kind: the prepared append is in flight, the open one is not");
	is($node->safe_psql('postgres', $safe),
		$safe_at_target, "$kind: the safe position is that of the target");
	is( sqlstate(
			$node, q{SET lock_timeout = '10ms'; SELECT event_store.append('order-2', 'Next', '0')}
		),
		'55P03',
		"$kind: its stream is locked");

	# A consumer that is ahead of the store is told so, at first.
	is(sqlstate($node, "SELECT * FROM event_store.$_"),
		'ST008', "$kind: ahead of the store: $_")
	  foreach ("read_all($ahead)", "read_category('order', $ahead)");

	# One that is ahead of the safe position only is not.  Both compare and go
	# back to it.
	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM event_store.read_all($last_at_target)"),
		'0',
		"$kind: between the safe position and the last drawn, no error");
	my $back = $node->safe_psql('postgres', $safe);
	cmp_ok($back, '<', $last_at_target,
		"$kind: but the comparison shows that it is ahead");

	# Appends go on: versions as they were at the target, positions above.  A
	# retry of what was lost stores it, one of what was not finds it.
	my $seen = $node->safe_psql('postgres', $last_drawn);
	is( $node->safe_psql('postgres', <<~'END'),
		SELECT version FROM event_store.append('order-1', 'Lost', '0', expected_version => 3,
			event_id => '00000000-0000-4000-8000-000000000006');
		SELECT version FROM event_store.append('order-1', 'Shipped', '{"n": 5}',
			event_id => '00000000-0000-4000-8000-000000000005');
		SELECT version FROM event_store.append('order-3', 'Opened', '0', expected_version => 0);
		SELECT warehouse.ship_product('SKU-100', 6);
		END
		"4\n3\n1\n1",
		"$kind: appends go on");
	cmp_ok(
		$node->safe_psql('postgres',
			q{SELECT global_position FROM event_store.last_event('order-3')}),
		'>', $seen, "$kind: above what was drawn");

	# The prepared append is lost in one of the servers.
	my $prepared = $kind eq 'recovery_target_lsn' ? 'ROLLBACK' : 'COMMIT';
	$node->safe_psql('postgres', "$prepared PREPARED 'event_store_pitr'");
	is( $node->safe_psql('postgres', q{SELECT event_store.stream_version('order-2')}),
		$prepared eq 'COMMIT' ? 1 : 0,
		"$kind: $prepared PREPARED");

	# Once as many positions were drawn again, a consumer that did not go back is
	# no longer told, and skips.  One that did has everything.
	is( $node->safe_psql('postgres', <<~"END"),
		SELECT count(*) FROM event_store.append_streams((
			SELECT jsonb_agg(jsonb_build_object('stream', 'again-' || n, 'expected_version', 0,
												'events', '[{"type": "Again", "data": 0}]'::jsonb))
			  FROM generate_series(1, $ahead - ($last_drawn) + 5) n));
		END
		$ahead - $seen + 5 - 3,
		"$kind: as many positions are drawn again");
	is( $node->safe_psql('postgres',
			"SELECT count(*) < (SELECT count(*) FROM event_store.all_events WHERE stream LIKE 'again-%')
			   FROM event_store.read_all($ahead)"),
		't',
		"$kind: a consumer that did not go back skips events");
	ok( $node->safe_psql('postgres', <<~"END") eq contents($node),
		SELECT e::text FROM event_store.all_events e
		 WHERE global_position <= $back ORDER BY global_position;
		SELECT e::text FROM event_store.read_all($back) e ORDER BY global_position;
		END
		"$kind: a consumer that went back gets everything");
	is(findings($node), '', "$kind: and the store is sound");
	$node->stop;
}

done_testing();
