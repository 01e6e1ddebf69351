#!/usr/bin/perl
#
# A logical replica of a store: what its subscription brings can be read stream
# by stream and through all_events; the rules and triggers that keep the tables
# append-only let it pass and go on refusing everybody else.  Its sequence is not
# replicated, so its safe position says nothing and appends are refused; once the
# subscription is gone and the sequence is repaired, the copy is a store like any
# other.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %nodes;
foreach my $name (qw(publisher subscriber))
{
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', <<~'END');
		fsync = off
		autovacuum = off
		END
	$node->start;
	$node->safe_psql('postgres',
		'CREATE EXTENSION event_store; SELECT event_store.create_store()');
	$nodes{$name} = $node;
}
my ($publisher, $subscriber) = @nodes{qw(publisher subscriber)};

# Runs a statement that must fail; returns its SQLSTATE.
sub sqlstate
{
	my ($node, $sql) = @_;
	my (undef, undef, $report) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	return $report =~ /ERROR:  (\w{5}):/ ? $1 : "none: $report";
}

# Compares what a query says on both servers.
sub same_on_both
{
	my ($query, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($subscriber->safe_psql('postgres', $query),
		$publisher->safe_psql('postgres', $query), $what);
}

sub compare_stores
{
	my ($when) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $table (qw(categories streams events snapshots))
	{
		same_on_both(
			"SELECT t::text FROM event_store.$table t ORDER BY t::text",
			"$when: $table");
	}
	foreach my $stream (qw(order-1 order-2 late-1))
	{
		same_on_both("SELECT e::text FROM event_store.read_stream('$stream') e",
			"$when: read_stream of $stream");
	}
	same_on_both(
		'SELECT e::text FROM event_store.all_events e ORDER BY global_position',
		"$when: all_events");
}

# What is there before the subscription is copied.
$publisher->safe_psql('postgres', <<~'END');
	SELECT event_store.append('order-' || n % 2 + 1, 'Placed', jsonb_build_object('n', n))
	  FROM generate_series(1, 100) n;
	SELECT event_store.save_snapshot('order-1', 10, '{"n": 20}');
	CREATE PUBLICATION store FOR TABLE event_store.categories,
		event_store.streams, event_store.events, event_store.snapshots;
	END
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres',
	"CREATE SUBSCRIPTION copy CONNECTION '$connection' PUBLICATION store WITH (copy_data = on)"
);
$subscriber->poll_query_until('postgres',
	q{SELECT count(*) = 4 AND bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel}
) or die 'timed out waiting for the copy';
$publisher->wait_for_catchup('copy');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM event_store.all_events'),
	'100', 'copied: all events');
compare_stores('copied');

# What is appended afterwards is streamed.
$publisher->safe_psql('postgres', <<~'END');
	SELECT event_store.append('order-1', 'Shipped', '{"n": 101}', expected_version => 50);
	SELECT event_store.append_streams('[
		{"stream": "order-2", "expected_version": -2, "events": [{"type": "Shipped", "data": {}}]},
		{"stream": "late-1", "expected_version": 0, "events": [{"type": "A", "data": 1}, {"type": "B", "data": 2}]}]');
	BEGIN;
	SELECT event_store.append('order-1', 'RolledBack', '0');
	ROLLBACK;
	SELECT event_store.append('order-1', 'AfterGap', '0');
	SELECT event_store.save_snapshot('late-1', 2, '{"n": 2}');
	END
$publisher->wait_for_catchup('copy');
is($subscriber->safe_psql('postgres',
		q{SELECT event_store.stream_version('order-1'), event_store.stream_version('late-1')}),
	'52|2', 'streamed: the versions');
compare_stores('streamed');

# The subscriber's tables are append-only for everybody but the subscription:
# a repair of the publisher comes through.
foreach my $statement (
	'UPDATE event_store.events SET version = version',
	'DELETE FROM event_store.streams',
	'TRUNCATE event_store.events',
	'INSERT INTO event_store.categories VALUES (0, $$x$$)')
{
	is(sqlstate($subscriber, $statement),
		'ST007', "refused on the subscriber: $statement");
}
$publisher->safe_psql('postgres', <<~'END');
	SET session_replication_role = replica;
	UPDATE event_store.events SET data = '{"forgotten": true}' WHERE global_position = 3;
	DELETE FROM event_store.events WHERE global_position = 100;
	DELETE FROM event_store.snapshots WHERE version = 10;
	END
$publisher->wait_for_catchup('copy');
is( $subscriber->safe_psql('postgres',
		'SELECT global_position, data FROM event_store.all_events WHERE global_position IN (3, 100)'),
	'3|{"forgotten": true}',
	'an update and a delete are replicated');
compare_stores('repaired');

# The sequence is not replicated: nothing to tail there, and no way to append.
my $last = $publisher->safe_psql('postgres',
	'SELECT max(global_position) FROM event_store.events');
is($publisher->safe_psql('postgres', 'SELECT event_store.safe_position()'),
	$last, 'the publisher\'s safe position is its last event\'s');
is($subscriber->safe_psql('postgres', 'SELECT event_store.safe_position()'),
	'0', 'the subscriber\'s is 0');
is( $subscriber->safe_psql('postgres',
		'SELECT count(*) FROM event_store.read_all()'),
	'0',
	'and read_all returns nothing');

# Nobody can append beside the subscription, in a session that was there before
# it or in a new one; positions are not burnt by trying.
my $append = q{SELECT event_store.append('order-1', 'Local', '0')};
is(sqlstate($subscriber, $append), 'ST009', 'an append fails');
is(sqlstate($subscriber, q{SELECT event_store.append('own-1', 'Local', '0')}),
	'ST009', 'as does one to a new stream and category');
is($subscriber->safe_psql('postgres', 'SELECT event_store.safe_position()'),
	'0', 'and no position is drawn');
my $findings = q{SELECT check_name, detail FROM event_store.verify_store()};
like($subscriber->safe_psql('postgres', $findings),
	qr/\Aversion\|Version 50 before it is missing\.\nsequence\|Its last value is 0, the highest global position is $last\.\z/,
	'verify_store finds that, and the event that was removed');

# Without the subscription and with the sequence repaired, it is a store like any
# other, also for a session that has failed before.
my $read = $publisher->safe_psql('postgres',
	'SELECT e::text FROM event_store.read_all() e');
my $session = $subscriber->background_psql('postgres', on_error_stop => 0);
$session->query($append);
like($session->{stderr}, qr/ERROR:.*a subscription feeds/, 'a session that stays fails');
$session->{stderr} = '';
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION copy');
$session->query($append);
like($session->{stderr}, qr/ERROR:.*is behind the events/,
	'without the subscription it fails for the sequence');
like($session->{stderr}, qr/HINT:.*repair_sequence/, 'with a hint at what helps');
$session->{stderr} = '';
is($subscriber->safe_psql('postgres', 'SELECT event_store.repair_sequence()'),
	$last, 'repair_sequence() sets it to the publisher\'s last event');
is($subscriber->safe_psql('postgres', 'SELECT event_store.safe_position()'),
	$last, 'then the safe position is right');
is( $subscriber->safe_psql('postgres',
		'SELECT e::text FROM event_store.read_all() e'),
	$read,
	'read_all returns what the publisher\'s does');
is( $session->query_safe(
		q{SELECT * FROM event_store.append('order-1', 'Local', '0', expected_version => 52)}),
	'53|' . ($last + 1),
	'an append goes on above');
is( $subscriber->safe_psql('postgres',
		q{SELECT * FROM event_store.append('own-1', 'Local', '0', expected_version => 0)}),
	'1|' . ($last + 2),
	'and one to a new stream');
is( $subscriber->safe_psql('postgres', <<~'END'),
	SELECT count(*), count(DISTINCT global_position), count(DISTINCT event_id), max(global_position)
	  FROM event_store.read_all()
	END
	join('|', (100 + 5 - 1 + 2) x 3, $last + 2),
	'read_all returns everything once');
is( $subscriber->safe_psql('postgres',
		"SELECT stream, type FROM event_store.read_all($last)"),
	"order-1|Local\nown-1|Local",
	'and goes on after the publisher\'s last');
$session->quit;

$subscriber->stop;
$publisher->stop;
done_testing();
