#!/usr/bin/perl
#
# Security between sessions: what somebody without rights can and cannot do to
# those who append and read, how long a writer can hold others up, and what
# roles with rights of the whole server can do.  What a single session shows is
# in test/pgtap/security.sql.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A name that needs care wherever it stands.
my $db = q{we"ird'; db %s};

my $node = PostgreSQL::Test::Cluster->new('security');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	max_prepared_transactions = 5
	END
$node->start;

$node->safe_psql('postgres', <<~'END');
	CREATE ROLE regress_owner LOGIN;
	CREATE ROLE regress_reader LOGIN;
	CREATE ROLE regress_writer LOGIN;
	CREATE ROLE regress_other LOGIN;
	CREATE ROLE regress_nobody LOGIN;
	CREATE DATABASE "we""ird'; db %s" OWNER regress_owner;
	END

# Runs statements as a role and returns what they print; dies when they fail.
sub run_as
{
	my ($role, $sql) = @_;

	return $node->safe_psql($db, $sql, extra_params => [ '-U', $role ]);
}

# SQLSTATE of the first statement that fails, or "allowed".
sub try_as
{
	my ($role, $sql) = @_;
	my ($out, $err) = ('', '');

	$node->psql($db, "\\set VERBOSITY sqlstate\n$sql", stdout => \$out, stderr => \$err,
		extra_params => [ '-U', $role ]);
	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : $err =~ /\S/ ? $err : 'allowed';
}

sub session_as
{
	my ($role) = @_;

	return $node->background_psql($db, on_error_stop => 0, extra_params => [ '-U', $role ]);
}

# The name of the database ------------------------------------------------------

run_as('regress_owner', 'CREATE EXTENSION event_store_warehouse CASCADE');
{
	my $err = '';

	$node->psql($db, 'SELECT event_store.safe_position()', stderr => \$err, extra_params => [ '-U', 'regress_owner' ]);
	like($err, qr/there is no event store in database "\Q$db\E"/, 'a message shows the name of the database as it is');
	$node->psql($db, q{SELECT warehouse.receive_product('SKU-1', 1)}, stderr => \$err, extra_params => [ '-U', 'regress_owner' ]);
	like($err, qr/there is no warehouse in database "\Q$db\E"/, 'so does the warehouse');
}
run_as('regress_owner', <<~'END');
	SELECT warehouse.create_warehouse();
	SELECT event_store.grant_reader('regress_reader');
	SELECT event_store.grant_writer('regress_writer');
	SELECT event_store.grant_writer('regress_other');
	SELECT warehouse.receive_product('SKU-1', 1);
	END
pass('the owner makes a warehouse in it');

my $writer = session_as('regress_writer');
$writer->query_safe('BEGIN');
$writer->query_safe(q{SELECT event_store.append('order-1', 'Placed', '{}')});

# Advisory locks ------------------------------------------------------------------

# Somebody without any right takes the very keys of the writer's locks by the
# calls that everybody may use, in every way there is, and keeps them.
my $nobody = session_as('regress_nobody');
my @keys = split /\n/, $node->safe_psql($db, <<~'END');
	SELECT (classid::bigint << 32) | objid::bigint, classid::bigint::bit(32)::int, objid::bigint::bit(32)::int
	  FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (17747, 17748)
	END
cmp_ok(scalar(@keys), '>=', 3, 'the writer holds its stream, a new category and a mark');
$nobody->query_safe("SET lock_timeout = '5s'");
foreach (@keys)
{
	my ($key, $high, $low) = split /\|/;

	$nobody->query_safe("SELECT pg_advisory_lock($key), pg_advisory_lock($high, $low), pg_advisory_lock_shared($key)");
}
is( $node->safe_psql($db, q{SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE a.usename = 'regress_nobody' AND l.locktype = 'advisory' AND l.granted AND l.objsubid IN (1, 2)}),
	3 * @keys, 'somebody else holds the same keys, in classes that are not ours');
is($nobody->query_safe('SELECT pg_advisory_unlock_all()'), '', 'and gives them back');
is( run_as('regress_reader', 'SELECT role_name FROM event_store.in_flight'),
	'regress_writer', "which leaves the writer's mark alone");
foreach (@keys)
{
	my ($key, $high, $low) = split /\|/;

	$nobody->query_safe("SELECT pg_advisory_lock($key), pg_advisory_lock($high, $low)");
}
$writer->query_safe('COMMIT');
is( try_as('regress_other', q{SET lock_timeout = '5s'; SELECT event_store.append('order-1', 'Paid', '{}')}),
	'allowed', 'locks of the same keys hold no append up');
is( run_as('regress_reader', 'SELECT event_store.safe_position() = max(global_position), count(*) FROM event_store.all_events'),
	't|3', 'nor readers back');
$nobody->quit;

# What a writer can hold up, and what bounds it --------------------------------------

$writer->query_safe('BEGIN');
$writer->query_safe(q{SELECT event_store.append('order-1', 'Held', '{}')});
is( try_as('regress_other', q{SET lock_timeout = '100ms'; SELECT event_store.append('order-1', 'T', '{}')}),
	'55P03', 'a writer whose transaction stays open holds others off its stream');
is( try_as('regress_other', q{SELECT event_store.append('order-2', 'Placed', '{}')}),
	'allowed', 'but not off other streams');
is( run_as('regress_reader', q{SELECT count(*) FROM event_store.read_category('order')}),
	'2', 'and holds readers of the store back');
is( run_as('regress_reader', q{SELECT event_store.stream_version('order-2')}),
	'1', 'but none of a stream');
is( run_as('regress_reader', 'SELECT role_name FROM event_store.in_flight'),
	'regress_writer', 'the view in_flight says who it is');
$node->safe_psql($db, <<~'END');
	ALTER ROLE regress_writer SET idle_in_transaction_session_timeout = '100ms';
	SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'regress_writer';
	END
eval { $writer->quit };
is( try_as('regress_other', q{SET lock_timeout = '60s'; SELECT event_store.append('order-1', 'Paid again', '{}')}),
	'allowed', 'a writer that is ended holds nobody');

$writer = session_as('regress_writer');
$writer->query_safe(q{BEGIN \; SELECT event_store.append('order-1', 'Held', '{}') \; SELECT event_store.lock_store()});
is( try_as('regress_other', q{SET lock_timeout = '60s'; SELECT event_store.append('order-3', 'Placed', '{}')}),
	'allowed', 'idle_in_transaction_session_timeout of the role bounds how long a writer holds a stream or the store');
ok($node->poll_query_until($db, 'SELECT count(*) = 0 FROM event_store.in_flight'), 'and readers');
eval { $writer->quit };
$node->safe_psql($db, 'ALTER ROLE regress_writer RESET ALL');

$writer = session_as('regress_writer');
$writer->query_safe('BEGIN; SELECT event_store.lock_store()');
is( try_as('regress_other', q{SET lock_timeout = '100ms'; SELECT event_store.append('order-4', 'Placed', '{}')}),
	'55P03', 'a writer may hold off all other appends');
is(run_as('regress_reader', 'SELECT count(*) FROM event_store.read_all()'), '6', 'but not reads');
is( try_as('regress_nobody', q{BEGIN; LOCK TABLE event_store.events IN ACCESS SHARE MODE}),
	'42501', 'who has no rights cannot lock the tables');
$writer->query_safe('ROLLBACK');
$writer->quit;

# What a consumer can hold up ----------------------------------------------------------

run_as('regress_owner', <<~'END');
	SELECT event_store.create_subscription('mail', categories => '{order}', partitions => 1);
	SELECT event_store.grant_consumer('regress_reader'), event_store.grant_consumer('regress_other');
	END
my $consumer = session_as('regress_reader');
$consumer->query_safe('BEGIN');
my $token = $consumer->query_safe(q{SELECT max(token) FROM event_store.poll('mail', 'one', 1)});
is( run_as('regress_other', q{SET lock_timeout = '5s'; SELECT count(*) FROM event_store.poll('mail', 'two')}),
	'0', 'who polls does not wait for a consumer whose transaction stays open');
is( try_as('regress_owner', q{SET lock_timeout = '100ms'; SELECT event_store.move_subscription('mail', 0)}),
	'55P03', 'while the owner does who moves the subscription');
is( try_as('regress_owner', q{SET lock_timeout = '5s'; SELECT event_store.create_subscription('other', partitions => 1)}),
	'allowed', 'but not who makes another one');
is( try_as('regress_writer', q{SET lock_timeout = '5s'; SELECT event_store.append('order-1', 'T', '{}')}),
	'allowed', 'nor who appends');
$consumer->query_safe('COMMIT');
is( try_as('regress_other', "SELECT event_store.ack('mail', $token, 0)"),
	'allowed', 'a token is all that an answer needs: consumers trust each other');
run_as('regress_owner', q{SELECT event_store.move_subscription('mail', 0)});
is( try_as('regress_reader', "SELECT event_store.ack('mail', $token, 0)"),
	'ST006', 'the owner takes a lease back by moving the subscription');
run_as('regress_owner', q{SELECT event_store.revoke_consumer('regress_other')});
is( try_as('regress_other', q{SELECT event_store.poll('mail', 'two')}),
	'42501', 'who is no consumer any more does not poll');
is( try_as('regress_reader', 'SELECT * FROM event_store.subscription_partitions'),
	'42501', 'and no consumer sees the tokens of others');
$consumer->quit;

# Settings ------------------------------------------------------------------------

# Set before the library is loaded, when nobody knows yet whose it is.
is( run_as('regress_writer', <<~'END') =~ s/.*\n//sr,
	SET client_min_messages = error;
	SET event_store.snapshots_kept = 1;
	SELECT event_store.append('kept-1', 'T', '{}');
	SELECT event_store.append('kept-1', 'T', '{}');
	SELECT event_store.save_snapshot('kept-1', 1, '1');
	SELECT event_store.save_snapshot('kept-1', 2, '2');
	SHOW event_store.snapshots_kept;
	END
	'2', 'a writer cannot set how many snapshots are kept, not even before the library is loaded');
is($node->safe_psql($db, 'SELECT count(*) FROM event_store.snapshots'), '2', 'and both are kept');

# Whom the store names ---------------------------------------------------------------

# A function of the owner's is all that a tenant has; it appends to the tenant's
# streams only, and the event names the tenant.
$node->safe_psql($db, 'CREATE ROLE regress_tenant LOGIN; GRANT regress_tenant TO regress_nobody');
run_as('regress_owner', <<~'END');
	CREATE SCHEMA app;
	GRANT USAGE ON SCHEMA app TO regress_tenant;
	CREATE FUNCTION app.place_order(id text) RETURNS bigint LANGUAGE sql
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
	$$SELECT version FROM event_store.append('order-' || session_user::text || '-' || id, 'Placed', '{}')$$;
	REVOKE ALL ON FUNCTION app.place_order FROM PUBLIC;
	GRANT EXECUTE ON FUNCTION app.place_order TO regress_tenant;
	END
is(run_as('regress_tenant', q{SELECT app.place_order('7')}), '1', 'a tenant appends by a function');
is( run_as('regress_owner', q{SELECT recorded_by FROM event_store.last_event('order-regress_tenant-7')}),
	'regress_tenant', 'the event names the tenant, not the owner of the function');
is(try_as('regress_tenant', q{SELECT event_store.append('order-1', 'T', '{}')}), '42501', 'and nothing else');
is(try_as('regress_tenant', q{SELECT * FROM event_store.read_stream('order-regress_tenant-7')}), '42501', 'not even to read');
run_as('regress_nobody', q{SET ROLE regress_tenant; SELECT app.place_order('8')});
is( run_as('regress_owner', q{SELECT recorded_by FROM event_store.last_event('order-regress_nobody-8')}),
	'regress_tenant', 'who acts as another role by SET ROLE is named as that');

# Roles with rights of the whole server -----------------------------------------------

# CREATEROLE: up to PostgreSQL 15 such a role makes itself a member of any role
# that is no superuser, the store's owner among them.
$node->safe_psql($db, 'CREATE ROLE regress_createrole LOGIN CREATEROLE');
is(try_as('regress_createrole', 'SELECT event_store.drop_store(true)'), '42501', 'CREATEROLE is no right on the store');
is( try_as('regress_createrole', 'BEGIN; GRANT regress_owner TO regress_createrole; SELECT warehouse.drop_warehouse(); SELECT event_store.drop_store(true); ROLLBACK'),
	$node->pg_version < 16 ? 'allowed' : '42501', 'but up to PostgreSQL 15 it is a way to become the owner');

$node->safe_psql($db, 'CREATE ROLE regress_replication LOGIN REPLICATION');
is(try_as('regress_replication', $_), '42501', "REPLICATION: $_")
  foreach ('SELECT * FROM event_store.events', 'SELECT * FROM event_store.read_all()',
	q{SELECT event_store.append('order-1', 'T', '{}')}, 'SET session_replication_role = replica');

# COPY is how dumps are restored, so it passes by the rule that refuses INSERT:
# for the owner, and for who has the right to insert from elsewhere.
$node->safe_psql($db, 'CREATE ROLE regress_write_all LOGIN; GRANT pg_write_all_data TO regress_write_all');
my $copy = "BEGIN;\nCOPY event_store.categories FROM STDIN;\n1000\tforged\n\\.\nROLLBACK;\n";
is(try_as('regress_owner', $copy), 'allowed', 'COPY by the owner');
is(try_as('regress_write_all', $copy), 'allowed', 'COPY by a member of pg_write_all_data');
is(try_as($_, $copy), '42501', "COPY by $_")
  foreach qw(regress_writer regress_reader regress_nobody regress_createrole regress_replication);

# The switch for repairs is a superuser's, who may pass it on.
my $repair = q{BEGIN; SET LOCAL session_replication_role = replica;
	UPDATE event_store.events SET data = '{}' WHERE global_position = 1; ROLLBACK};
is(try_as('regress_owner', $repair), '42501', 'the owner has no switch');
is(try_as($node->safe_psql('postgres', 'SELECT current_user'), $repair), 'allowed', 'a superuser has');
$node->safe_psql($db, 'GRANT SET ON PARAMETER session_replication_role TO regress_owner');
is(try_as('regress_owner', $repair), 'allowed', 'and may give it to the owner');
$node->safe_psql($db, 'REVOKE SET ON PARAMETER session_replication_role FROM regress_owner');
is(try_as('regress_owner', q{UPDATE event_store.events SET data = '{}'}), 'ST007', 'and take it back');

# A prepared transaction is its owner's to end.
$writer = session_as('regress_writer');
$writer->query_safe(q{BEGIN; SELECT event_store.append('order-5', 'Placed', '{}'); PREPARE TRANSACTION 'held'});
$writer->quit;
is(try_as('regress_nobody', q{ROLLBACK PREPARED 'held'}), '42501', 'nobody else ends a prepared transaction');
is( run_as('regress_reader', 'SELECT gid, role_name FROM event_store.in_flight'),
	'held|regress_writer', 'in_flight says whose it is');
$node->safe_psql($db, q{ROLLBACK PREPARED 'held'});

is( $node->safe_psql($db, q{SELECT count(*) FROM event_store.in_flight}),
	'0', 'nothing is in flight at the end');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'the server has not crashed');
$node->stop;
done_testing();
