#!/usr/bin/perl
#
# verify_store() on a store that takes a while: it tells how far it has come,
# can be cancelled, holds no append off, sees one moment of a store that is
# appended to meanwhile, and runs on a standby.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('verify');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	work_mem = '1MB'
	END
$node->start;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

$node->safe_psql('postgres', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	SELECT count(event_store.append_json('order-' || n, (SELECT jsonb_agg('{"type": "T", "data": 1}'::jsonb) FROM generate_series(1, 100))))
	  FROM generate_series(1, 1000) n;
	SELECT count(event_store.save_snapshot('order-' || n, 50, '{}')) FROM generate_series(1, 1000) n;
	SELECT pg_stat_force_next_flush();
	ANALYZE event_store.events, event_store.streams, event_store.snapshots;
	END

# Progress.
my ($status, $out, $notices) = $node->psql('postgres', <<~'END');
	SET event_store.progress_interval = 0;
	SELECT count(*) FROM event_store.verify_store();
	END
is($out, '0', 'a sound store of 100,000 events');
my @read = $notices =~ /NOTICE:  verify_store\(\): (\d+) of about \d+ rows read/g;
my @checked = $notices =~ /NOTICE:  verify_store\(\): (\d+) of 100000 events checked/g;
cmp_ok(scalar @read, '>=', 100, 'it tells how many rows it has read');
is(join(',', @read), join(',', sort { $a <=> $b } @read), 'ever more');
is($read[-1], 1000 * int((100_000 + 2 * 1000 + 1000 + 1) / 1000), 'in the end all');
is(join(',', @checked), join(',', map { 1000 * $_ } 1 .. 100), 'and how many events it has checked');
my ($estimate) = $notices =~ /of about (\d+) rows read/;
cmp_ok(abs($estimate - 103_000), '<', 10_000, "of an estimate that is near: $estimate");

(undef, undef, $notices) = $node->psql('postgres',
	'SELECT count(*) FROM event_store.verify_store()');
is($notices, '', 'by default it says nothing in the first seconds');
(undef, undef, $notices) = $node->psql('postgres', <<~'END');
	SET event_store.progress_interval = -1;
	SELECT count(*) FROM event_store.verify_store();
	END
is($notices, '', 'nor ever, where nobody wants to know');

# Cancelled.
(undef, undef, my $stderr) = $node->psql('postgres', <<~'END');
	\set VERBOSITY sqlstate
	SET statement_timeout = '10ms';
	SELECT count(*) FROM event_store.verify_store();
	END
like($stderr, qr/ERROR:\s+57014/, 'it can be cancelled');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_ls_tmpdir()}),
	'0',
	'and leaves no temporary file');

# Beside appends to new and old streams, in single calls and batches, it finds
# nothing, and they do not wait for it.
my $script = $node->basedir . '/appends.sql';
append_to_file($script, <<~'END');
	\set s random(1, 2000)
	BEGIN;
	SELECT FROM event_store.append('order-' || :s, 'T', '{}');
	SELECT FROM event_store.append_streams(jsonb_build_array(
		jsonb_build_object('stream', 'bill-' || :s, 'expected_version', -2, 'events', '[{"type": "T", "data": 1}]'::jsonb)));
	END;
	END
my $load = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 4, '-T', 6, '-f', $script, $node->connstr('postgres') ],
	'>', \my $load_out, '2>', \my $load_err);
my ($runs, $findings) = (0, '');
while ($load->pumpable)
{
	$findings .= $node->safe_psql('postgres', 'SELECT * FROM event_store.verify_store()');
	$runs++;
	$load->pump_nb;
}
$load->finish;
cmp_ok($runs, '>=', 1, "verified $runs times beside appends");
is($findings, '', 'and nothing was found');
like($load_out, qr/number of failed transactions: 0/, 'no append failed');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM event_store.events'), '>', 101_000, 'many were stored');

# On a standby; a corruption of the primary's is found there, too.
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', 'SELECT count(*) FROM event_store.verify_store()'), '0', 'on a standby');
$node->safe_psql('postgres', <<~'END');
	SET session_replication_role = replica;
	DELETE FROM event_store.events WHERE version = 7 AND stream_id IN (SELECT stream_id FROM event_store.streams WHERE stream IN ('order-3', 'order-500'));
	END
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is( $standby->safe_psql('postgres',
		'SELECT check_name, stream, version, detail FROM event_store.verify_store() ORDER BY stream'),
	"version|order-3|8|Version 7 before it is missing.\nversion|order-500|8|Version 7 before it is missing.",
	'what was removed on the primary is found on the standby');

$standby->stop;
$node->stop;
done_testing();
