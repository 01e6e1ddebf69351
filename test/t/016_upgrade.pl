#!/usr/bin/perl
#
# From release 0.1.0 to this one: the new library serves the old SQL; ALTER
# EXTENSION UPDATE, run by a superuser, runs nothing of the store's owner's;
# upgrade_store(), called by the owner, does the rest; and what comes of it is
# object by object what a fresh install is.
#
# The store is a dump that 0.1.0 made.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib $FindBin::RealBin;
use StoreObjects;

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	END
$node->start;
$node->safe_psql('postgres',
	join '', map { "CREATE ROLE regress_$_ LOGIN;" } qw(owner reader writer partial));

my $version = $node->safe_psql('postgres',
	q{SELECT default_version FROM pg_available_extensions WHERE name = 'event_store'});

sub run_as
{
	my ($role, $db, $sql) = @_;

	return $node->safe_psql($db, $sql, extra_params => [ '-U', $role ]);
}

# SQLSTATE of a statement that must fail, run by a role.
sub sqlstate_as
{
	my ($role, $db, $sql) = @_;
	my (undef, undef, $stderr) = $node->psql($db, "\\set VERBOSITY sqlstate\n$sql",
		extra_params => [ '-U', $role ]);

	return $stderr =~ /ERROR:\s+(\w{5})/ ? $1 : "none: $stderr";
}

# A database with both extensions of 0.1.0, made by a role, and its store.
sub create_old
{
	my ($db, $creator) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $db OWNER regress_owner TEMPLATE template0");
	run_as($creator, $db, <<~'END');
		CREATE EXTENSION event_store VERSION '0.1.0';
		CREATE EXTENSION event_store_warehouse VERSION '0.1.0';
		END
	$node->command_ok(
		[
			'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr($db), '-f', 'test/data/store-0.1.0.sql'
		],
		"$db: restored");
}

sub check_sound
{
	my ($db, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(run_as('regress_owner', $db, 'SELECT count(*) FROM event_store.verify_store()'),
		'0', "$what: the store is sound");
	is(run_as('regress_owner', $db, 'SELECT count(*) FROM warehouse.check_stock()'),
		'0', "$what: and the stock");
}

# The new library behind the old SQL: every call of 0.1.0.
create_old('old_sql', 'postgres');
my @answers = (
	q{SELECT version FROM event_store.append('order-1', 'T', '{}', expected_version => 11)} => 12,
	q{SELECT version FROM event_store.append_events('order-1', ARRAY[event_store.new_event('T', '{}')], 12)} => 13,
	q{SELECT version FROM event_store.append_json('order-1', '[{"type": "T", "data": 1}]', 13)} => 14,
	q{SELECT stream, version FROM event_store.append_streams('[{"stream": "order-1", "expected_version": 14},
		{"stream": "new-1", "expected_version": 0, "events": [{"type": "T", "data": 1}]}]')} => "order-1|14\nnew-1|1",
	q{SELECT version FROM event_store.append('plain', 'Begun', '1', event_id => '00000000-0000-4000-8000-000000000001')} => 1,
	q{SELECT count(*), max(version) FROM event_store.read_stream('order-1')} => '14|14',
	q{SELECT count(*) FROM event_store.read_category('order', types => '{Placed}')} => 200,
	q{SELECT count(*) = max(global_position) - 1 FROM event_store.read_all()} => 't',
	q{SELECT event_store.safe_position() = max(global_position) FROM event_store.read_all()} => 't',
	q{SELECT version FROM event_store.last_event('order-1', 'Shipped')} => 11,
	q{SELECT stream, version FROM event_store.list_streams('plain')} => 'plain|1',
	q{SELECT event_store.stream_version('order-1')} => 14,
	q{SELECT event_store.save_snapshot('order-1', 14, '{"placed": 14}')} => '',
	q{SELECT version, state FROM event_store.latest_snapshot('order-1')} => '14|{"placed": 14}',
	q{SELECT event_store.lock_store()} => '',
	q{SELECT count(*) FROM event_store.in_flight} => '0',
	q{SELECT event_store.any_version(), event_store.no_stream(), event_store.stream_exists()} => '-2|0|-4',
	q{SELECT event_store.grant_reader('regress_partial'), event_store.revoke_reader('regress_partial')} => '|',
	q{SELECT event_store.grant_writer('regress_partial'), event_store.revoke_writer('regress_partial')} => '|',
	q{SELECT event_store.create_store(if_not_exists => true)} => '',
	q{SELECT warehouse.ship_product('SKU-1', 1)} => 4,
	q{SELECT warehouse.quantity_on_hand('SKU-1')} => 4,
	q{SELECT warehouse.receive_product('SKU-1', 2), warehouse.adjust_inventory('SKU-1', 3, 'found')} => '6|3',
	q{SELECT quantity_on_hand FROM warehouse.stock} => 3,
	q{SELECT count(*) FROM warehouse.check_stock()} => 0);
while (my ($call, $answer) = splice @answers, 0, 2)
{
	is(run_as('regress_owner', 'old_sql', $call), $answer, "old SQL: $call");
}
is(sqlstate_as('regress_owner', 'old_sql', 'UPDATE event_store.events SET version = 1'),
	'ST007', 'old SQL: append-only');
is(sqlstate_as('regress_owner', 'old_sql', "SELECT event_store.append('order-1', 'T', '{}', 3)"),
	'ST001', 'old SQL: a conflict');
is(run_as('regress_owner', 'old_sql', 'SELECT warehouse.drop_warehouse(); SELECT event_store.drop_store(true)'),
	"\n", 'old SQL: warehouse and store can be dropped');

# The update, with traps of the owner's on the tables: functions that note who
# runs them, in a CHECK, a default and triggers.
create_old('upgraded', 'postgres');
run_as('regress_owner', 'upgraded', <<~'END');
	CREATE SCHEMA trap;
	CREATE TABLE trap.ran (as_whom text, what text);
	GRANT USAGE ON SCHEMA trap TO PUBLIC;
	GRANT INSERT ON trap.ran TO PUBLIC;
	CREATE FUNCTION trap.note(what text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO trap.ran VALUES (current_user, what);
		RETURN true;
	END $$;
	CREATE FUNCTION trap.trigger() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM trap.note('trigger');
		RETURN NULL;
	END $$;
	ALTER TABLE event_store.events ADD CONSTRAINT trap CHECK (trap.note('check')),
		ADD COLUMN trap boolean DEFAULT trap.note('default');
	CREATE TRIGGER trap AFTER INSERT OR UPDATE ON event_store.events FOR EACH STATEMENT EXECUTE FUNCTION trap.trigger();
	CREATE TRIGGER trap AFTER INSERT OR UPDATE ON event_store.streams FOR EACH STATEMENT EXECUTE FUNCTION trap.trigger();
	TRUNCATE trap.ran;
	END
run_as('regress_owner', 'upgraded', q{SELECT event_store.append('order-1', 'T', '{}')});
cmp_ok($node->safe_psql('upgraded', q{SELECT count(*) FROM trap.ran WHERE as_whom = 'regress_owner'}),
	'>=', 3, 'the traps work');
$node->safe_psql('upgraded', 'TRUNCATE trap.ran');
$node->safe_psql('upgraded', <<~'END');
	ALTER EXTENSION event_store UPDATE;
	ALTER EXTENSION event_store_warehouse UPDATE;
	END
is($node->safe_psql('upgraded', 'SELECT * FROM trap.ran'), '', 'the update runs nothing of the owner\'s');
is($node->safe_psql('upgraded', q{SELECT DISTINCT extversion FROM pg_extension WHERE extname LIKE 'event_store%'}),
	$version, "both extensions are at $version");

# Before upgrade_store() the calls of before work; the new ones are the owner's
# only, who may not pass them on yet.
is(run_as('regress_reader', 'upgraded', q{SELECT event_store.stream_version('order-2')}), '10', 'a reader still reads');
is(sqlstate_as('regress_reader', 'upgraded', 'SELECT * FROM event_store.stats'), '42501', 'but has no new calls yet');
is(sqlstate_as('regress_reader', 'upgraded', 'SELECT event_store.upgrade_store()'), '42501', 'and may not upgrade');
is(sqlstate_as('regress_writer', 'upgraded', 'SELECT event_store.upgrade_store()'), '42501', 'nor may a writer');
is(sqlstate_as('regress_owner', 'upgraded', "SELECT event_store.$_"), '55000', "there is nothing yet for $_")
  foreach (q{create_subscription('s')}, q{drop_subscription('s', true)}, q{move_subscription('s', 0)}, q{poll('s', 'c')}, q{ack('s', 1, 1)},
	q{nack('s', 1, 1)}, q{release('s', 1)}, 'parked_events()', q{replay_parked('s')}, q{skip_parked('s', 1)});
is(run_as('regress_owner', 'upgraded', 'SELECT count(*) FROM event_store.subscription_status'), '0', 'but subscription_status is empty');

# It runs with the owner's rights: what is another's it cannot mend.
$node->safe_psql('upgraded', <<~'END');
	ALTER TABLE event_store.streams DISABLE TRIGGER append_only;
	ALTER TABLE event_store.streams OWNER TO regress_reader;
	END
is(sqlstate_as('regress_owner', 'upgraded', 'SELECT event_store.upgrade_store()'), '42501', 'upgrade_store() runs with the owner\'s rights');
$node->safe_psql('upgraded', 'ALTER TABLE event_store.streams OWNER TO regress_owner');
run_as('regress_owner', 'upgraded', 'SELECT event_store.upgrade_store(); SELECT warehouse.create_warehouse(if_not_exists => true)');
is( run_as('regress_owner', 'upgraded', q{SELECT warehouse.quantity_on_hand('SKU-1') = warehouse.quantity_on_hand(event_store.load('warehouse_product-SKU-1'))}),
	't', 'products of the old release are aggregates');
is(run_as('regress_reader', 'upgraded', 'SELECT events_estimate >= 0, bytes > 0 FROM event_store.stats'), 't|t', 'then a reader has the new calls');
is(sqlstate_as('regress_reader', 'upgraded', 'SELECT * FROM event_store.verify_store()'), '42501', 'but not the owner\'s');
is(run_as('regress_reader', 'upgraded', 'SELECT count(*) FROM event_store.subscription_status'), '0', 'those about subscriptions among them');
is(sqlstate_as('regress_reader', 'upgraded', q{SELECT event_store.poll('s', 'c')}), '42501', 'but for those of a consumer');
is( run_as('regress_owner', 'upgraded', <<~'END') =~ s/^\n+//r,
	SELECT event_store.create_subscription('s', categories => '{order}', partitions => 1);
	SELECT count(*) = (SELECT count(*) FROM event_store.read_category('order')) FROM event_store.poll('s', 'c', NULL);
	SELECT event_store.drop_subscription('s');
	END
	"t\n", 'events of the old release are delivered');
is(sqlstate_as('regress_writer', 'upgraded', 'SELECT * FROM event_store.stats'), '42501', 'a writer has no more than before');
is(sqlstate_as('regress_partial', 'upgraded', 'SELECT * FROM event_store.stats'), '42501', 'nor who may only call read_all');
check_sound('upgraded', 'upgraded');
run_as('regress_owner', 'upgraded', <<~'END');
	DROP TRIGGER trap ON event_store.events;
	DROP TRIGGER trap ON event_store.streams;
	ALTER TABLE event_store.events DROP COLUMN trap, DROP CONSTRAINT trap;
	DROP SCHEMA trap CASCADE;
	END

# A fresh install, by the same owner, with the same readers and writers.
$node->safe_psql('postgres', 'CREATE DATABASE fresh OWNER regress_owner TEMPLATE template0');
$node->safe_psql('fresh', 'CREATE EXTENSION event_store; CREATE EXTENSION event_store_warehouse');
$node->safe_psql('fresh', <<~'END');
	GRANT USAGE, CREATE ON SCHEMA event_store, warehouse TO regress_owner;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA event_store, warehouse TO regress_owner;
	GRANT SELECT ON event_store.in_flight, event_store.stats TO regress_owner;
	END
run_as('regress_owner', 'fresh', <<~'END');
	SELECT event_store.create_store(type_index => true);
	SELECT warehouse.create_warehouse();
	SELECT event_store.grant_reader('regress_reader');
	SELECT event_store.grant_writer('regress_writer');
	GRANT USAGE ON SCHEMA event_store TO regress_partial;
	GRANT EXECUTE ON FUNCTION event_store.read_all TO regress_partial;
	END
my %fresh = (
	definitions => definitions_of($node, 'fresh'),
	functions => functions_of($node, 'fresh'),
	grants => grants_of($node, 'fresh'));

sub compare_with_fresh
{
	my ($db) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	same(definitions_of($node, $db), $fresh{definitions}, "$db: tables, views, indexes, triggers and members are a fresh install's");
	same(functions_of($node, $db), $fresh{functions}, "$db: so are functions and types");
	same(grants_of($node, $db), $fresh{grants}, "$db: and grants");
}
compare_with_fresh('upgraded');

# Again, it changes nothing.
run_as('regress_owner', 'upgraded', 'SELECT event_store.upgrade_store()');
compare_with_fresh('upgraded');

# What the owner has set stays.
run_as('regress_owner', 'upgraded', 'ALTER TABLE event_store.events SET (toast.vacuum_truncate = on, toast.autovacuum_enabled = off)');
run_as('regress_owner', 'upgraded', 'SELECT event_store.upgrade_store()');
like($node->safe_psql('upgraded', q{SELECT t.reloptions FROM pg_class t JOIN pg_class e ON e.reltoastrelid = t.oid WHERE e.oid = 'event_store.events'::regclass}),
	qr/vacuum_truncate=on/, 'settings of the owner\'s stay');

# The owner can do all of it, without a superuser.
create_old('by_owner', 'regress_owner');
run_as('regress_owner', 'by_owner', <<~'END');
	ALTER EXTENSION event_store UPDATE;
	ALTER EXTENSION event_store_warehouse UPDATE;
	SELECT event_store.upgrade_store();
	SELECT warehouse.create_warehouse(if_not_exists => true);
	END
compare_with_fresh('by_owner');
check_sound('by_owner', 'upgraded by the owner');

# A dump of the old release restored where only the new one is: create_store()
# is what the owner has, and does the same.
$node->safe_psql('postgres', 'CREATE DATABASE restored OWNER regress_owner TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('restored'), '-f', 'test/data/store-0.1.0.sql'
	],
	'restored into the new release');
run_as('regress_owner', 'restored', 'SELECT event_store.create_store(if_not_exists => true); SELECT warehouse.create_warehouse(if_not_exists => true)');
compare_with_fresh('restored');
check_sound('restored', 'restored into the new release');
is(run_as('regress_writer', 'restored', q{SELECT version FROM event_store.append('order-1', 'T', '{}', 11)}), '12', 'a writer appends');

$node->stop;
done_testing();
