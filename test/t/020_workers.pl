#!/usr/bin/perl
#
# Background workers: started by hand and with the server, woken by appends and by
# nobody, ended by whoever wants them to, out of the way of DROP DATABASE and of
# shutdowns.  Handlers that fail, take long, are cancelled, go away or try to become
# somebody else.  What a worker did is there once after every crash.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use POSIX ();

use LongRun qw(kill_postmaster kill_processes);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('workers');
$node->init;

# Nothing but a wake gets a worker to look, where that is what is tested.
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	max_prepared_transactions = 10
	max_worker_processes = 16
	event_store.poll_interval = '1h'
	event_store.max_workers = 2
	restart_after_crash = on
	END
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# What an SQL query must come to, before the test's timeout.
sub comes_to
{
	my ($query, $expected, $name, %how) = @_;

	ok($node->poll_query_until($how{db} // 'postgres', $query, $expected), $name)
	  or diag($node->safe_psql($how{db} // 'postgres', 'TABLE event_store.projection_status'));
	return;
}

# What a projection is waited for to come to: its outcome.
sub wait_for
{
	my ($projection, $timeout) = @_;
	my $position = sql('SELECT max(global_position) FROM event_store.all_events');

	return sql("CALL event_store.wait_for_projection('$projection', $position, '$timeout')");
}

sub workers
{
	return sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'event_store%'});
}

sub log_has
{
	my ($pattern, $from, $name) = @_;

	return like(slurp_file($node->logfile, $from), $pattern, $name);
}

# The store belongs to a role that is no superuser.  count_events() counts each
# event as often as it is handled.
sql(<<~'END');
	CREATE ROLE shopkeeper LOGIN;
	CREATE ROLE superboss SUPERUSER;
	ALTER DATABASE postgres OWNER TO shopkeeper;
	SET ROLE shopkeeper;
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	CREATE SCHEMA shop;
	CREATE TABLE shop.counted (global_position bigint, stream text);
	CREATE FUNCTION shop.count_events(batch event_store.event[]) RETURNS void LANGUAGE sql
	AS 'INSERT INTO shop.counted SELECT e.global_position, e.stream FROM unnest(batch) e';
	CREATE TABLE shop.settings (key text PRIMARY KEY, value text);
	CREATE FUNCTION shop.obey(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		order_ text := (SELECT value FROM shop.settings WHERE key = 'order');
	BEGIN
		IF order_ = 'fail' THEN
			RAISE 'told to fail';
		ELSIF order_ = 'sleep' THEN
			PERFORM pg_sleep(3600);
		END IF;
		INSERT INTO shop.settings VALUES (e.stream || ' ' || e.version, session_user || ' ' || current_user || ' ' || current_setting('search_path'));
	END $$;
	SELECT event_store.create_projection('counted', 'shop.count_events');
	SELECT event_store.create_projection('obedient', 'shop.obey', categories => ARRAY['order'], max_attempts => 3, retry_delay => '50 ms');
	SELECT event_store.append('order-1', 'Placed', '{}');
	END
is(workers(), 0, 'no process without being asked for');

# Started by hand -------------------------------------------------------------

like(sql('SELECT event_store.start_worker()'), qr/^\d+$/, 'start_worker() returns a pid');
is(wait_for('counted', '60 s'), 'reached', 'what was there is handled');
is(wait_for('obedient', '60 s'), 'reached', 'by all projections');
is(sql(q{SELECT value FROM shop.settings WHERE key = 'order-1 1'}), 'shopkeeper shopkeeper pg_catalog, pg_temp',
	'a handler runs in a session of the owner, with a pinned search path');
is(sql(q{SELECT DISTINCT usename FROM pg_stat_activity WHERE backend_type = 'event_store worker'}),
	'shopkeeper', 'as which the worker is connected');

my ($code, $out, $err) = $node->psql('postgres', 'SELECT event_store.start_worker() > 0');
like("$out $err", qr/t .*NOTICE: +the worker is running already/s, 'a second start_worker() starts nothing');

# Each append wakes the worker: the poll would come in an hour.
foreach my $i (1 .. 20)
{
	sql("SELECT event_store.append('order-2', 'Placed', '{}')");
	is(wait_for('counted', '60 s'), 'reached', "append $i wakes the worker");
}
is(sql('SELECT count(*), count(DISTINCT global_position) FROM shop.counted'), '21|21', 'each event was handled once');

# So do an abort that held back a commit, and a prepared transaction.
my $holder = $node->background_psql('postgres', on_error_stop => 0);
$holder->query_safe(q{BEGIN; SELECT event_store.append('order-3', 'Placed', '{}')});
sql(q{SELECT event_store.append('order-4', 'Placed', '{}')});
is(wait_for('counted', '200 ms'), 'timed out', 'an append in flight holds the projection back');
$holder->query_safe('ROLLBACK');
is(wait_for('counted', '60 s'), 'reached', 'until it is rolled back');
$holder->query_safe(q{BEGIN; SELECT event_store.append('order-3', 'Placed', '{}'); PREPARE TRANSACTION 'held'});
sql(q{SELECT event_store.append('order-4', 'Placed', '{}')});
is(wait_for('counted', '200 ms'), 'timed out', 'so does a prepared one');
sql(q{COMMIT PREPARED 'held'});
is(wait_for('counted', '60 s'), 'reached', 'until it is committed');
$holder->quit;

# One NOTIFY for listeners, from the worker.
my $listener = $node->background_psql('postgres', on_error_stop => 0);
$listener->query_safe('LISTEN event_store');
sql(q{SELECT event_store.append('order-5', 'Placed', '{}')});
is(wait_for('counted', '60 s'), 'reached', 'another event');
my $heard = '';
for (my $until = time + 60; $heard !~ /notification "event_store" with payload "\d+"/ && time < $until; usleep(20_000))
{
	$heard .= $listener->query('SELECT 1') . $listener->{stderr};
}
like($heard, qr/notification "event_store" with payload "\d+"/, 'listeners are told');
$listener->quit;

# Handlers ---------------------------------------------------------------------

# One that is slow does not hold back the others, nor appends.
sql(q{INSERT INTO shop.settings VALUES ('order', 'sleep')});
sql(q{SELECT event_store.append('order-6', 'Placed', '{}')});
comes_to(q{SELECT count(*) FROM event_store.projection_status WHERE projection = 'obedient' AND worker_pid IS NOT NULL},
	'1', 'a handler sleeps');
foreach my $i (1 .. 3)
{
	sql(q{SELECT event_store.append('order-7', 'Placed', '{}')});
	is(wait_for('counted', '60 s'), 'reached', 'while it sleeps the other projection goes on');
}

# Who waits for a projection holds no snapshot, and nothing else that VACUUM minds.
my $waiter = $node->background_psql('postgres', on_error_stop => 0);
my $position = sql('SELECT max(global_position) FROM event_store.all_events');
$waiter->query_until(qr/waiting/, "\\echo waiting\nCALL event_store.wait_for_projection('obedient', $position, '60 s');\n");
comes_to(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL event_store.wait%' AND wait_event_type = 'Extension'
	AND backend_xmin IS NULL AND backend_xid IS NULL}, '1', 'a session that waits holds no snapshot');

# It is cancelled, which counts as an attempt.
sql(q{SELECT pg_cancel_backend(worker_pid) FROM event_store.projection_status WHERE projection = 'obedient'});
comes_to(q{SELECT error_code FROM event_store.projection_status WHERE projection = 'obedient'}, '57014',
	'a handler that is cancelled has failed');

# The handler is changed while it runs: the next attempt is made with the new one.
sql(<<~'END');
	SET ROLE shopkeeper;
	CREATE TABLE shop.settings_kept AS SELECT pg_get_functiondef('shop.obey'::regproc) AS def;
	CREATE OR REPLACE FUNCTION shop.obey(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO shop.settings VALUES ('changed ' || e.stream || ' ' || e.version, 'by the new one');
	END $$;
	SELECT pg_cancel_backend(worker_pid) FROM event_store.projection_status WHERE projection = 'obedient';
	END
is(wait_for('obedient', '60 s'), 'reached', 'a handler that is changed while it runs');
is(sql(q{SELECT value FROM shop.settings WHERE key = 'changed order-6 1'}), 'by the new one', 'is run as it is now');
$waiter->quit;
$node->safe_psql('postgres', sql('SELECT def FROM shop.settings_kept'));
sql(q{SELECT event_store.append('order-6', 'Placed', '{}')});
comes_to(q{SELECT count(*) FROM event_store.projection_status WHERE projection = 'obedient' AND worker_pid IS NOT NULL},
	'1', 'the old one sleeps again');

# It fails, and fails, and stops there.
sql(q{UPDATE shop.settings SET value = 'fail' WHERE key = 'order'});
sql(q{SELECT pg_cancel_backend(worker_pid) FROM event_store.projection_status WHERE projection = 'obedient'});
is(wait_for('obedient', '60 s'), 'failed', 'it stops at an event that fails');
is( sql(q{SELECT state, attempts, error_code, error_message, e.stream FROM event_store.projection_status
	JOIN event_store.all_events e ON e.global_position = error_position WHERE projection = 'obedient'}),
	'stopped|3|P0001|told to fail|order-6', 'and tells at which and why');
sql(q{SELECT event_store.append('order-8', 'Placed', '{}')});
is(wait_for('counted', '60 s'), 'reached', 'the other goes on');

# Parked, it goes on.
sql(<<~'END');
	UPDATE shop.settings SET value = 'nothing' WHERE key = 'order';
	SET ROLE shopkeeper;
	CREATE FUNCTION shop.dislike(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF e.type = 'Disliked' THEN
			RAISE 'disliked';
		END IF;
		PERFORM shop.obey(e);
	END $$;
	SELECT event_store.create_projection('obedient', 'shop.dislike', categories => ARRAY['order'], max_attempts => 2, retry_delay => '20 ms', on_error => 'park', replace => true);
	SELECT event_store.append('order-9', 'Disliked', '{}');
	SELECT event_store.append('order-9', 'Placed', '{}');
	SELECT event_store.resume_projection('obedient');
	END
comes_to(q{SELECT state || parked FROM event_store.projection_status WHERE projection = 'obedient' AND lag_events = 0}, 'active1',
	'an event that fails is parked, once the projection goes on');
is(sql(q{SELECT count(*) FROM shop.settings WHERE key LIKE 'order-9 %'}), '1', 'the next of its stream is handled');

# Of a batch only the one that fails is left out.
sql(<<~'END');
	SET ROLE shopkeeper;
	CREATE TABLE shop.sums (n bigint, amount bigint);
	INSERT INTO shop.sums VALUES (0, 0);
	CREATE FUNCTION shop.sum_up(batch event_store.event[]) RETURNS void LANGUAGE sql
	AS $$UPDATE shop.sums SET n = n + cardinality(batch), amount = amount + (SELECT sum((e.data ->> 'amount')::bigint) FROM unnest(batch) e)$$;
	SELECT event_store.append_json('sum-1', (SELECT jsonb_agg(jsonb_build_object('type', 'Added', 'data', jsonb_build_object('amount', CASE i % 400 WHEN 7 THEN 'none' ELSE '1' END))) FROM generate_series(1, 1000) i));
	SELECT event_store.create_projection('sums', 'shop.sum_up', categories => ARRAY['sum'], max_attempts => 1, on_error => 'park');
	SELECT event_store.append('order-10', 'Placed', '{}');
	END
comes_to(q{SELECT n || ' ' || amount FROM shop.sums WHERE n = 997}, '997 997', 'of a batch those events are parked that fail');
is(sql(q{SELECT count(*) FROM event_store.projection_parked_events WHERE projection = 'sums'}), '3', 'and no others');

# One that is gone, and comes back.
sql(q{ALTER FUNCTION shop.sum_up(event_store.event[]) RENAME TO sum_hidden});
sql(q{SELECT event_store.append('sum-1', 'Added', '{"amount": 1}')});
is(sql(q{SELECT state FROM event_store.projection_status WHERE projection = 'sums'}), 'unusable', 'a handler that is gone');
is(wait_for('counted', '60 s'), 'reached', 'does not hold back the others');
sql(q{ALTER FUNCTION shop.sum_hidden(event_store.event[]) RENAME TO sum_up});
sql(q{SELECT event_store.append('order-10', 'Placed', '{}')});
is(wait_for('sums', '60 s'), 'reached', 'it goes on when it is back');

# One that wants to be more than its owner, now or at the end of its transaction.
sql(<<~'END');
	SET ROLE shopkeeper;
	CREATE TABLE shop.attempts (n serial, what text, who text, outcome text);
	CREATE FUNCTION shop.try(what text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE what;
		INSERT INTO shop.attempts (what, who, outcome) VALUES (what, session_user || ' ' || current_user, 'done');
	EXCEPTION WHEN OTHERS THEN
		INSERT INTO shop.attempts (what, who, outcome) VALUES (what, session_user || ' ' || current_user, SQLSTATE);
	END $$;
	CREATE FUNCTION shop.later() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO shop.settings VALUES ('path at the end', current_setting('search_path')) ON CONFLICT DO NOTHING;
		PERFORM shop.try('RESET ROLE; RESET SESSION AUTHORIZATION; CREATE ROLE deferred_gain SUPERUSER');
		RETURN NULL;
	END $$;
	CREATE TABLE shop.deferred (n int);
	CREATE CONSTRAINT TRIGGER later AFTER INSERT ON shop.deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.later();
	CREATE FUNCTION shop.climb(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM shop.try('SET SESSION AUTHORIZATION superboss');
		PERFORM shop.try('SET ROLE superboss');
		PERFORM shop.try('RESET ROLE; RESET SESSION AUTHORIZATION; CREATE ROLE gain SUPERUSER');
		PERFORM shop.try('COPY shop.attempts TO PROGRAM ''true''');
		PERFORM shop.try('CREATE FUNCTION shop.c() RETURNS void LANGUAGE c AS ''event_store'', ''event_store_safe_position''');
		PERFORM shop.try('SET search_path = shop');
		INSERT INTO shop.deferred VALUES (1);
	END $$;
	SELECT event_store.create_projection('climbs', 'shop.climb', categories => ARRAY['climb']);
	SELECT event_store.append('climb-1', 'T', '{}');
	END
is(wait_for('climbs', '60 s'), 'reached', 'a handler that tries to climb');
is( sql('SELECT who, outcome, count(*) FROM shop.attempts GROUP BY 1, 2 ORDER BY 2'),
	"shopkeeper shopkeeper|42501|6\nshopkeeper shopkeeper|done|1", 'has gained nothing, nor have its deferred triggers');
is(sql(q{SELECT count(*) FROM pg_roles WHERE rolname LIKE '%gain'}), '0', 'there is no new role');
is(sql(q{SELECT value FROM shop.settings WHERE key = 'path at the end'}), 'pg_catalog, pg_temp', 'the search path is pinned to the end of the transaction');
is(sql(q{SELECT value FROM shop.settings WHERE key = 'order-10 2'}), 'shopkeeper shopkeeper pg_catalog, pg_temp', 'the search path is pinned as before');

# By hand in somebody else's session the handler is restricted: no deferred triggers.
sql('TRUNCATE shop.attempts');
sql('SELECT event_store.stop_worker()');
sql(q{SELECT event_store.append('climb-1', 'T', '{}')});
($code, $out, $err) = $node->psql('postgres', q{SELECT event_store.run_projections('climbs')});
like($err, qr/deferred trigger within security-restricted operation/, 'run by a superuser it may not leave anything to the end');
is(sql('SELECT count(*) FROM shop.attempts'), '0', 'so nothing was done');
($code, $out, $err) = $node->psql('postgres', q{SET SESSION AUTHORIZATION shopkeeper; SELECT event_store.run_projections('climbs')});
like($err, qr/deferred trigger within security-restricted operation/, 'nor where the superuser has become the owner, but could go back');
is($node->safe_psql('postgres', q{SELECT event_store.run_projections('climbs')}, extra_params => [ '--username', 'shopkeeper' ]),
	'1', 'in a session of the owner it may');
is( sql('SELECT who, outcome, count(*) FROM shop.attempts GROUP BY 1, 2 ORDER BY 2'),
	"shopkeeper shopkeeper|42501|6\nshopkeeper shopkeeper|done|1", 'and gains nothing');
sql(q{SELECT event_store.drop_projection('climbs')});

# Inline, whoever appends neither gains from a handler nor lends it anything.
sql(<<~'END');
	TRUNCATE shop.attempts;
	CREATE ROLE clerk LOGIN;
	SET ROLE shopkeeper;
	SELECT event_store.grant_writer('clerk');
	CREATE FUNCTION shop.climb_inline(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM shop.try('SET SESSION AUTHORIZATION superboss');
		PERFORM shop.try('SET ROLE superboss');
		PERFORM shop.try('RESET ROLE; CREATE ROLE gain SUPERUSER');
		PERFORM shop.try('CREATE TEMP TABLE trap (n int)');
		PERFORM shop.try('INSERT INTO shop.deferred VALUES (1)');
		PERFORM shop.try('SET CONSTRAINTS ALL DEFERRED');
	END $$;
	SELECT event_store.create_projection('climbs', 'shop.climb_inline', 'inline', categories => ARRAY['climb_inline']);
	END
sql(q{SET SESSION AUTHORIZATION clerk; SELECT event_store.append('climb_inline-1', 'T', '{}')});
sql(q{SELECT event_store.append('climb_inline-1', 'T', '{}')});
is( sql('SELECT who, outcome, count(*) FROM shop.attempts GROUP BY 1, 2 ORDER BY 1, 2'),
	"clerk shopkeeper|42501|5\nclerk shopkeeper|done|1\npostgres shopkeeper|42501|5\npostgres shopkeeper|done|1",
	'an inline handler is the owner and becomes nobody else, whoever appends')
  or diag(sql('TABLE shop.attempts'));
sql(q{SELECT event_store.drop_projection('climbs')});
is(sql(q{SELECT count(*) FROM pg_roles WHERE rolname LIKE '%gain'}), '0', 'there is no new role');

# Before PostgreSQL 17 the owner must be one who may log in.
sql('ALTER ROLE shopkeeper NOLOGIN');
($code, $out, $err) = $node->psql('postgres', 'SELECT event_store.start_worker()');
if ($node->pg_version < 17)
{
	like($err, qr/role "shopkeeper", the owner of the projections, may not log in/, 'start_worker() says why it cannot');
}
else
{
	is(wait_for('counted', '60 s'), 'reached', 'the owner need not be one who may log in');
	sql('SELECT event_store.stop_worker()');
}
sql('ALTER ROLE shopkeeper LOGIN');

# Coming and going ----------------------------------------------------------------

sql('SELECT event_store.start_worker()');
is(wait_for('counted', '60 s'), 'reached', 'the worker runs again');
sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'event_store worker'});
sql(q{SELECT event_store.append('order-11', 'Placed', '{}')});
is(wait_for('counted', '60 s'), 'reached', 'a worker that was ended is started again');
is(sql('SELECT event_store.stop_worker()'), 't', 'stop_worker() stops it');
is(workers(), 0, 'and all its processes');
is(sql('SELECT event_store.stop_worker()'), 'f', 'where there is none there is nothing to stop');
sql(q{SELECT event_store.append('order-11', 'Placed', '{}')});
is(wait_for('counted', '100 ms'), 'timed out', 'nobody handles events then');
is(sql(q{SELECT event_store.run_projections('counted')}), '1', 'but run_projections()');

# DROP DATABASE, with and without FORCE, beside a worker; CREATE EXTENSION and back.
foreach my $how ('', ' WITH (FORCE)')
{
	$node->safe_psql('postgres', 'CREATE DATABASE going');
	$node->safe_psql('going', <<~'END');
		CREATE EXTENSION event_store;
		SELECT event_store.create_store();
		CREATE FUNCTION h(e event_store.event) RETURNS void LANGUAGE sql AS '';
		SELECT event_store.create_projection('p', 'public.h');
		END
	$node->safe_psql('going', 'SELECT event_store.start_worker()');
	$node->safe_psql('going', q{SELECT event_store.append('s-1', 'T', '{}')});
	is($node->safe_psql('going', q{CALL event_store.wait_for_projection('p', 1, '60 s')}), 'reached', 'a worker in a database that is to go');
	($code, $out, $err) = $node->psql('postgres', "DROP DATABASE going$how");
	is($code, 0, "DROP DATABASE$how works beside it") or diag($err);
	comes_to(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'event_store%'}, '0', 'the processes are gone');
}

$node->safe_psql('postgres', 'CREATE DATABASE leaving');
$node->safe_psql('leaving', q{CREATE EXTENSION event_store VERSION '0.1.0'; SELECT event_store.create_store()});
$node->safe_psql('leaving', <<~'END');
	SELECT event_store.append('s-1', 'T', '{}');
	ALTER EXTENSION event_store UPDATE;
	END
($code, $out, $err) = $node->psql('leaving', 'SELECT event_store.start_worker()');
like($err, qr/the event store has no projections.*upgrade_store/s, 'a store of an older release has no projections');
$node->safe_psql('leaving', <<~'END');
	SELECT event_store.upgrade_store();
	CREATE FUNCTION h(e event_store.event) RETURNS void LANGUAGE sql AS '';
	SELECT event_store.create_projection('p', 'public.h');
	SELECT event_store.start_worker();
	END
is($node->safe_psql('leaving', q{CALL event_store.wait_for_projection('p', 1, '60 s')}), 'reached', 'once it is upgraded a worker runs');
($code, $out, $err) = $node->psql('leaving', 'DROP EXTENSION event_store');
isnt($code, 0, 'DROP EXTENSION is refused while there is a store');
$node->safe_psql('leaving', 'SELECT event_store.drop_store(with_events => true)');
$node->safe_psql('leaving', 'DROP FUNCTION h(event_store.event); DROP EXTENSION event_store');
pass('and works without one, beside the worker');
$node->safe_psql('leaving', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	CREATE FUNCTION h(e event_store.event) RETURNS void LANGUAGE sql AS '';
	SELECT event_store.create_projection('p', 'public.h');
	SELECT event_store.append('s-1', 'T', '{}');
	END
is($node->safe_psql('leaving', q{CALL event_store.wait_for_projection('p', 1, '60 s')}), 'reached', 'which finds a store that is made anew');
$node->safe_psql('leaving', 'SELECT event_store.stop_worker()');

# A database of an older release, which is updated beside the workers.
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', q{CREATE EXTENSION event_store VERSION '0.1.0'; SELECT event_store.create_store()});
$node->safe_psql('old', q{SELECT event_store.append('s-1', 'T', '{}')});

# With the server --------------------------------------------------------------------

$node->append_conf('postgresql.conf', <<~'END');
	shared_preload_libraries = 'event_store'
	event_store.databases = 'postgres, old, "no such database"'
	END
sub stops
{
	my ($mode) = @_;
	my $start = time;

	$node->stop($mode);
	cmp_ok(time - $start, '<', 30, "$mode shutdown is not held up");
	return;
}
sql('SELECT event_store.start_worker()');

# While a handler runs, too.
sub with_a_handler_asleep
{
	sql(q{UPDATE shop.settings SET value = 'sleep' WHERE key = 'order'});
	sql(q{SELECT event_store.append('order-12', 'Placed', '{}')});
	comes_to(q{SELECT count(*) FROM event_store.projection_status WHERE projection = 'obedient' AND worker_pid IS NOT NULL},
		'1', 'a handler sleeps');
	sql(q{UPDATE shop.settings SET value = 'nothing' WHERE key = 'order'});
	return;
}
with_a_handler_asleep();
is(sql('SELECT event_store.stop_worker()'), 't', 'stop_worker() cuts it off');
sql('SELECT event_store.start_worker()');
is(wait_for('obedient', '60 s'), 'reached', 'it is run again');
with_a_handler_asleep();
stops('smart');
my $log = -s $node->logfile;
$node->start;
sql(q{SELECT event_store.append('order-12', 'Placed', '{}')});
is(wait_for('counted', '60 s'), 'reached', 'the server starts the workers');
log_has(qr/FATAL: .* database "no such database" does not exist/, $log, 'of a database that is not there it complains');
cmp_ok(() = slurp_file($node->logfile, $log) =~ /no such database" does not exist/g, '<=', 5, 'but not all the time');
comes_to(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'event_store coordinator' AND datname = 'old'}, '1',
	'in a database of an older release they wait');
$node->safe_psql('old', 'ALTER EXTENSION event_store UPDATE');
$node->safe_psql('old', <<~'END');
	SELECT event_store.upgrade_store();
	CREATE FUNCTION h(e event_store.event) RETURNS void LANGUAGE sql AS '';
	SELECT event_store.create_projection('p', 'public.h');
	END
is($node->safe_psql('old', q{CALL event_store.wait_for_projection('p', 1, '60 s')}), 'reached', 'until it is updated');
sql('SELECT event_store.stop_worker()');
sql(q{SELECT event_store.append('order-12', 'Placed', '{}')});
is(wait_for('counted', '3 s'), 'timed out', 'what stop_worker() has stopped stays so');
sql('SELECT event_store.start_worker()');
is(wait_for('counted', '60 s'), 'reached', 'until start_worker()');
with_a_handler_asleep();
stops('fast');
$node->start;
is(wait_for('counted', '60 s'), 'reached', 'it starts with the server again');
$node->append_conf('postgresql.conf', q{event_store.databases = ''});
$node->reload;
comes_to(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'event_store (worker|coordinator)'}, '0',
	'a database that is taken out of the setting has its workers ended');
$node->append_conf('postgresql.conf', q{event_store.databases = 'postgres'});
$node->reload;
sql(q{SELECT event_store.append('order-12', 'Placed', '{}')});
is(wait_for('counted', '60 s'), 'reached', 'and started when it is put in again');

# Crashes -------------------------------------------------------------------------------

$node->append_conf('postgresql.conf', <<~'END');
	event_store.poll_interval = '100ms'
	event_store.batch_time = '5ms'
	END
$node->reload;
# A session that appends until the server dies; returns the process.
sub start_load
{
	my $pid = fork() // die "could not fork: $!\n";

	return $pid if $pid;
	open(STDOUT, '>', '/dev/null');
	open(STDERR, '>', '/dev/null');
	exec('psql', '--no-psqlrc', '--dbname=' . $node->connstr('postgres'), '--command', <<~'END') or POSIX::_exit(1);
		DO $$
		BEGIN
			FOR i IN 1 .. 1000000 LOOP
				PERFORM event_store.append('kill-' || i % 7, 'T', '{}');
				COMMIT;
			END LOOP;
		END $$
		END
}

sql(<<~'END');
	SET ROLE shopkeeper;
	CREATE TABLE shop.built (generation integer, global_position bigint);
	CREATE FUNCTION shop.build(batch event_store.event[], generation integer) RETURNS void LANGUAGE sql
	AS 'INSERT INTO shop.built SELECT $2, e.global_position FROM unnest(batch) e';
	CREATE FUNCTION shop.tear_down(generation integer) RETURNS void LANGUAGE sql
	AS 'DELETE FROM shop.built b WHERE b.generation = $1';
	SELECT event_store.create_projection('built', 'shop.build', reset => 'shop.tear_down');
	END
my $rounds = $ENV{WORKER_KILL_ROUNDS} // 6;
foreach my $round (1 .. $rounds)
{
	# A rebuild is under way when the server dies, in place or beside the generation that counts.
	sql('SELECT event_store.rebuild_projection($$built$$, blue_green => ' . ($round % 3 ? 'true' : 'false') . ')');
	my $load = start_load();
	my @workers = split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'event_store worker'});

	usleep(200_000 + int rand 600_000);
	if ($round % 2)
	{
		kill_processes($node, $workers[0]);
	}
	else
	{
		kill_postmaster($node, @workers);
	}
	waitpid($load, 0);
	is(wait_for('counted', '120 s'), 'reached', "round $round: the workers have caught up");
	is( sql(q{SELECT count(*) FILTER (WHERE c.n IS DISTINCT FROM 1), count(*) > 0 FROM event_store.all_events e
		FULL JOIN (SELECT global_position, count(*) AS n FROM shop.counted GROUP BY 1) c USING (global_position)}),
		'0|t', 'each event that is there was handled once, and none that is not');
	comes_to(q{SELECT count(*) || ' ' || count(*) FILTER (WHERE is_current AND state = 'active' AND lag_events = 0)
		FROM event_store.projection_status WHERE projection = 'built'}, '1 1', 'the rebuild goes on after the crash, to its end');
	is( sql(q{SELECT count(*) FILTER (WHERE b.n IS DISTINCT FROM 1), count(DISTINCT b.generation) FROM event_store.all_events e
		FULL JOIN (SELECT global_position, generation, count(*) AS n FROM shop.built GROUP BY 1, 2) b USING (global_position)}),
		'0|1', 'and has handled each event once');
}

$node->stop;
done_testing();
