#!/usr/bin/perl
#
# A hot standby reads single streams and refuses what it cannot do: to append,
# and to read in global order, since it does not know what is in flight on its
# primary.  After its promotion all goes on, and nobody skips an event.

use strict;
use warnings;

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
	END
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

# Runs a statement that must fail; returns its SQLSTATE, and sets its report.
my $report;

sub sqlstate
{
	my ($node, $sql) = @_;

	(undef, undef, $report) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $report =~ /ERROR:  (\w{5}):/ ? $1 : "none: $report";
}

foreach my $call (
	q{append('standby-1', 'Reopened', '0')},
	q{append_events('standby-1', ARRAY[event_store.new_event('Reopened', '0')])},
	q{append_json('standby-1', '[{"type": "Reopened", "data": 0}]')},
	q{append_streams('[{"stream": "standby-1", "expected_version": -2, "events": [{"type": "Reopened", "data": 0}]}]')},
	q{append_streams('[{"stream": "standby-1", "expected_version": 2}]')},
	q{save_snapshot('standby-1', 1, '0')},
	q{lock_store()})
{
	is(sqlstate($standby, "SELECT event_store.$call"),
		'25006', "on the standby: $call");
}
foreach my $call ('read_all()', q{read_category('standby')}, 'safe_position()')
{
	is(sqlstate($standby, "SELECT * FROM event_store.$call"),
		'0A000', "on the standby: $call");
	like($report, qr/HINT:.*read_stream/, "$call names what works there");
}

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
is( $standby->safe_psql('postgres', <<~'END'),
	SELECT count(*) FILTER (WHERE version <> place)
	  FROM (SELECT version, row_number() OVER (PARTITION BY stream
											   ORDER BY global_position) AS place
			  FROM event_store.read_all()) e
	END
	'0',
	'the versions are contiguous');

$session->quit;
$standby->stop;
done_testing();
