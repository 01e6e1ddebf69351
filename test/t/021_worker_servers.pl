#!/usr/bin/perl
#
# Workers and other servers: on a standby there are none, at its promotion they start
# and go on where the primary's were; a restored database goes on from its
# checkpoints, and one that was restored to the past says that it cannot; pg_upgrade
# starts none and carries projections over.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $settings = <<~'END';
	fsync = off
	autovacuum = off
	max_worker_processes = 16
	shared_preload_libraries = 'event_store'
	event_store.databases = 'postgres'
	event_store.poll_interval = '1s'
	END

sub wait_for
{
	my ($node, $projection, $timeout) = @_;
	my $position = $node->safe_psql('postgres', 'SELECT max(global_position) FROM event_store.all_events');

	return $node->safe_psql('postgres', "CALL event_store.wait_for_projection('$projection', $position, '$timeout')");
}

# Events that were not handled just once.
sub wrong
{
	my ($node, $db) = @_;

	return $node->safe_psql($db // 'postgres', <<~'END');
		SELECT count(*) FILTER (WHERE c.n IS DISTINCT FROM 1) FROM event_store.all_events e
		  FULL JOIN (SELECT global_position, count(*) AS n FROM counted GROUP BY 1) c USING (global_position)
		END
}

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', $settings);
$primary->start;
$primary->safe_psql('postgres', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	CREATE TABLE counted (global_position bigint, generation integer);
	CREATE FUNCTION count_events(batch event_store.event[], generation integer) RETURNS void LANGUAGE sql
	AS 'INSERT INTO public.counted SELECT e.global_position, $2 FROM unnest(batch) e';
	CREATE FUNCTION forget(generation integer) RETURNS void LANGUAGE sql AS 'DELETE FROM public.counted c WHERE c.generation = $1';
	SELECT event_store.create_projection('counted', 'public.count_events', reset => 'public.forget');
	SELECT event_store.append('s-' || i, 'T', '{}') FROM generate_series(1, 10) i;
	END
is(wait_for($primary, 'counted', '60 s'), 'reached', 'the primary has a worker');

# A standby --------------------------------------------------------------------

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# Who waits there waits for the replay.
my $waiter = $standby->background_psql('postgres', on_error_stop => 0);
$waiter->query_until(qr/waiting/, "\\echo waiting\nCALL event_store.wait_for_projection('counted', 11, '60 s');\n\\echo waited\n");
$standby->poll_query_until('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL event_store.wait%' AND wait_event_type = 'Extension'}, '1');
$primary->safe_psql('postgres', q{SELECT event_store.append('s-11', 'T', '{}')});
is(wait_for($primary, 'counted', '60 s'), 'reached', 'it goes on');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'event_store%'}), '0',
	'on a standby there is no process of ours');
is($standby->safe_psql('postgres', 'SELECT projection, state, lag_events FROM event_store.projection_status'), 'counted|active|',
	'the status can be read there, but for what is not known');
my %refused = (
	'SELECT event_store.start_worker()' => '25006',
	q{SELECT event_store.run_projections('counted')} => '25006',
	q{SELECT event_store.rebuild_projection('counted')} => '25006',
	q{SELECT event_store.pause_projection('counted')} => '25006');
foreach my $call (sort keys %refused)
{
	my ($code, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY sqlstate\n$call;");
	like($err, qr/ERROR:  $refused{$call}$/m, "$call is refused there");
}
like($waiter->query_until(qr/waited/, ''), qr/reached/, 'wait_for_projection() waits for the replay');
$waiter->quit;

$primary->stop('immediate');
$standby->promote;
$standby->safe_psql('postgres', q{SELECT event_store.append('s-12', 'T', '{}')});
is(wait_for($standby, 'counted', '60 s'), 'reached', 'once it is promoted a worker starts there');
is(wrong($standby), '0', 'each event was handled once');

# Dump and restore ----------------------------------------------------------------

my $dump = $standby->basedir . '/dump';
$standby->safe_psql('postgres', q{SELECT event_store.rebuild_projection('counted', blue_green => true)});
is(wait_for($standby, 'counted', '60 s'), 'reached', 'a next generation is built');
$standby->poll_query_until('postgres', q{SELECT generation FROM event_store.projection_status}, '2');
$standby->safe_psql('postgres', q{SELECT event_store.stop_worker()});
$standby->safe_psql('postgres', q{SELECT event_store.append('s-13', 'T', '{}')});
$standby->command_ok([ 'pg_dump', '--format=custom', "--file=$dump", $standby->connstr('postgres') ], 'a dump');
$standby->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$standby->command_ok([ 'pg_restore', '--dbname=' . $standby->connstr('restored'), $dump ], 'is restored');
is(wrong($standby, 'restored'), '1', 'one event is still to be handled there');
is($standby->safe_psql('restored', q{SELECT event_store.run_projections('counted')}), '1', 'it is handled');
is(wrong($standby, 'restored'), '0', 'each event once');
is($standby->safe_psql('restored', 'SELECT generation FROM event_store.projection_status'), '2', 'in the generation that counted');

# The events of an older state, the checkpoints of a newer one.
$standby->safe_psql('restored', q{UPDATE event_store.projection_checkpoints SET checkpoint = 1000});
my ($code, $out, $err) = $standby->psql('restored', q{SELECT event_store.run_projections('counted')});
like($err, qr/position 1000 is beyond the event store/, 'a checkpoint beyond the store is told of');
my $log = -s $standby->logfile;
$standby->safe_psql('restored', 'SELECT event_store.start_worker()');
$standby->wait_for_log(qr/ERROR:  position 1000 is beyond the event store/, $log);
pass('by a worker, too');
is($standby->safe_psql('restored', 'SELECT state, error_code FROM event_store.projection_status'), 'beyond store|ST008', 'and is a state of its own');
$standby->safe_psql('restored', 'SELECT event_store.stop_worker()');
$standby->stop;

# pg_upgrade ------------------------------------------------------------------------

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', $settings);
my $bin = $new->config_data('--bindir');
command_ok(
	[
		'pg_upgrade', '--no-sync',
		'--old-datadir', $standby->data_dir, '--new-datadir', $new->data_dir,
		'--old-bindir', $bin, '--new-bindir', $bin,
		'--socketdir', $new->host, '--old-port', $standby->port, '--new-port', $new->port
	],
	'pg_upgrade of a server that starts workers');
$new->start;
is(wait_for($new, 'counted', '60 s'), 'reached', 'its projections go on');
is(wrong($new), '0', 'each event was handled once');
$new->stop;

done_testing();
