#!/usr/bin/perl
#
# pg_dump and pg_restore: a store and a warehouse whose owner is no superuser,
# with columns, an index and a trigger of the owner's on the events, dumped and
# restored in every format, whole, in sections and data-only.  What is restored
# equals what was dumped, the appends go on above, and a subscription goes on where
# it was, leases and failed events included.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib $FindBin::RealBin;
use StoreObjects;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	END
$node->start;

my $dir = $node->basedir;

# Runs statements in a database, as a role; dies when they fail.
sub run_as
{
	my ($role, $db, $sql) = @_;

	return $node->safe_psql($db, $sql, extra_params => [ '-U', $role ]);
}

$node->safe_psql('postgres', <<~'END');
	CREATE ROLE regress_owner LOGIN;
	CREATE ROLE regress_reader LOGIN;
	CREATE ROLE regress_writer LOGIN;
	CREATE ROLE regress_consumer LOGIN;
	END

# What the types of events rest on; a restore of the data alone finds it there.
my $type_functions = <<~'END';
	CREATE FUNCTION shop.to_large(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
		RETURN jsonb_build_object('large', left(data #>> '{}', 4));
	CREATE FUNCTION shop.is_begun(data jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
		RETURN data <> '2';
	END

sub create_database
{
	my ($db) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $db OWNER regress_owner");
}

# The original, all of it made by the database's owner.
create_database('original');
run_as('regress_owner', 'original', <<~'END');
	CREATE EXTENSION event_store_warehouse CASCADE;
	SELECT event_store.create_store(type_index => true);
	SELECT warehouse.create_warehouse();
	SELECT event_store.grant_reader('regress_reader');
	SELECT event_store.grant_reader('regress_writer');
	SELECT event_store.grant_writer('regress_writer');
	SELECT event_store.grant_consumer('regress_consumer');

	ALTER TABLE event_store.events
		ADD COLUMN tenant text DEFAULT 'none',
		ADD COLUMN type_length int GENERATED ALWAYS AS (length(type)) STORED,
		ADD CONSTRAINT types_are_short CHECK (length(type) < 100);
	CREATE INDEX events_by_tenant ON event_store.events (tenant, (data ->> 'n'));
	CREATE SCHEMA shop;
	CREATE TABLE shop.counted (stream_id bigint PRIMARY KEY, events bigint NOT NULL);
	CREATE FUNCTION shop.count_event() RETURNS trigger
		LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	BEGIN
		INSERT INTO shop.counted AS c VALUES (NEW.stream_id, 1)
		ON CONFLICT (stream_id) DO UPDATE SET events = c.events + 1;
		RETURN NULL;
	END $$;
	CREATE TRIGGER count_event AFTER INSERT ON event_store.events
		FOR EACH ROW EXECUTE FUNCTION shop.count_event();
	END
run_as('regress_owner', 'original', $type_functions . <<~'END');
	SELECT event_store.create_upcaster('Large', 1, 'shop.to_large', 'Larger');
	SELECT event_store.create_event_type('Begun', 1, 'shop.is_begun');
	END
run_as('regress_owner', 'original', <<~'END');
	SELECT event_store.append('order-' || n % 50, 'Placed', jsonb_build_object('n', n, 'text', E'a "b" \\ \t\n c'))
	  FROM generate_series(1, 500) n;
	SELECT event_store.append_json('Müller''s "stream"-1',
		'[{"type": "A", "data": {}, "metadata": {"k": 1}}, {"type": "B", "data": [1, "x"], "schema_version": 3}]');
	SELECT event_store.append_streams('[
		{"stream": "order-1", "expected_version": -2, "events": [{"type": "Shipped", "data": {}}]},
		{"stream": "plain", "expected_version": 0, "events": [{"type": "Begun", "data": 1, "event_id": "00000000-0000-4000-8000-000000000001"}]}]');
	SELECT event_store.append('large-1', 'Large', to_jsonb(string_agg(md5(n::text), '')))
	  FROM generate_series(1, 5000) n;
	SELECT event_store.save_snapshot('order-1', 5, '{"placed": 5}');
	SELECT event_store.save_snapshot('order-1', 8, '{"placed": 8}', 2);
	SELECT warehouse.receive_product('SKU-1', 10);
	SELECT warehouse.ship_product('SKU-1', 2);
	SELECT warehouse.adjust_inventory('SKU-1', 5, 'cycle count');
	SELECT warehouse.receive_product('SKU-2', 3);
	BEGIN;
	SELECT event_store.append('gap-1', 'RolledBack', '0');
	ROLLBACK;
	END

# From here on with hashes, and sealed.
run_as('regress_owner', 'original', <<~'END');
	SELECT event_store.enable_hash_chain();
	SELECT event_store.append('order-' || n % 70, 'Placed', jsonb_build_object('n', n, 'text', E'ä "b" \\ \t\n c'))
	  FROM generate_series(51, 69) n;
	SELECT event_store.append('order-2', 'Placed', '{"n": 1.50}');
	END
# A subscription with a parked event, one that waits for its next attempt, and a lease
# that is answered in part, the rest of which is to be answered elsewhere.
run_as('regress_owner', 'original',
	q{SELECT event_store.create_subscription('mail', categories => '{order}', partitions => 2, max_attempts => 2)});
my ($token, $leased) = split /\|/, run_as('regress_consumer', 'original', <<~'END') =~ s/.*\n//sr;
	SELECT max(token) AS token, min(global_position) AS first, max(global_position) AS last
	  FROM event_store.poll('mail', 'one', 10) \gset
	SELECT event_store.nack('mail', :token, :first, 'no address', '0'), event_store.ack('mail', :token, :last);
	SELECT max(token) AS token FROM event_store.poll('mail', 'one', 10) \gset
	SELECT event_store.nack('mail', :token, :first, 'still none');
	SELECT max(token) AS token, min(global_position) AS first, max(global_position) AS last
	  FROM event_store.poll('mail', 'one', 10, '1 day') \gset
	SELECT event_store.nack('mail', :token, :first, 'later', '1 day'), event_store.ack('mail', :token, :first);
	SELECT :token, :last;
	END
# what is left, of both partitions; nothing of it lasts where it is rolled back
my $left = <<~"END" . join '', map { <<~"END" } qw(two three);
	SELECT event_store.ack('mail', $token, $leased);
	END
	SELECT partition, count(*), max(attempts), md5(string_agg(concat_ws(' ', global_position, stream, version), ',' ORDER BY global_position))
	  FROM event_store.poll('mail', '$_', NULL) GROUP BY 1;
	END
my $statuses = <<~'END';
	SELECT subscription, partition, state, consumer, leased_until, checkpoint, lag_events, deliveries, delayed, attempts, retry_at, parked,
		   failed_at, reason, polled_at, acked_at FROM event_store.subscription_status;
	SELECT * FROM event_store.parked_events();
	END

my ($sealed, undef, $root) = split /\|/, run_as('regress_owner', 'original', 'SELECT * FROM event_store.seal_store()');

# What a database holds, as lines to compare; data and definitions apart.
my @tables = (
	'event_store.categories', 'event_store.streams',
	'event_store.events', 'event_store.snapshots',
	'event_store.hash_chain', 'event_store.sealed_heads',
	'warehouse.stock', 'event_store.event_types');
my @subscription_tables = (
	'event_store.subscriptions', 'event_store.subscription_partitions',
	'event_store.subscription_failed_events');

push @tables, @subscription_tables;

sub rows_of
{
	my ($db, @of) = @_;
	my $result = '';

	foreach my $table (@of)
	{
		$result .= "$table: " . $node->safe_psql($db, <<~"END") . "\n";
			SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM $table t
			END
	}
	return $result
	  . $node->safe_psql($db,
		'SELECT last_value, is_called FROM event_store.events_global_position_seq'
	  ) . "\n";
}

my $rows = rows_of('original', @tables, 'shop.counted');
my $definitions = definitions_of($node, 'original');
my $grants = grants_of($node, 'original');
my $last = $node->safe_psql('original', 'SELECT event_store.safe_position()');
my $read =
  $node->safe_psql('original', 'SELECT e::text FROM event_store.read_all() e');
cmp_ok($last, '>', 500, 'the original is filled');
my $status = run_as('regress_consumer', 'original', $statuses);
my $delivered = run_as('regress_consumer', 'original', "BEGIN; $left ROLLBACK");
like($status, qr/^mail\|\d\|working\|one\|/m, 'the subscription has a lease');
like($status, qr/^mail\|.*\|still none\|one\|t$/m, 'and a parked event');
like($status, qr/^mail\|.*\|later\|/m, 'and one that waits');
like($delivered, qr/^0\|\d{2,}\|0\|\w+$/m, 'and events that are left');
like($delivered, qr/^1\|\d{2,}\|0\|\w+$/m, 'in both partitions');

# Life goes on in a restored database.
sub check_life
{
	my ($db, $what, %but) = @_;

	subtest "$what: life goes on" => sub {
		is( $node->safe_psql($db, 'SELECT event_store.safe_position()'),
			$last, 'the safe position is the original\'s');
		is(run_as('regress_consumer', $db, $statuses), $status, 'the subscription is as it was');
		is(run_as('regress_consumer', $db, $left), $delivered, 'its lease is answered, and what is left is delivered');
		my ($version, $position) = split /\|/,
		  run_as('regress_owner', $db,
			q{SELECT * FROM event_store.append('order-1', 'Next', '{"n": 0}', expected_version => 11)});
		is($version, 12, 'the owner appends to a stream');
		is($position, $last + 1, 'above all positions');
		is( run_as('regress_writer', $db,
				q{SELECT * FROM event_store.append('order-new', 'First', '0', expected_version => 0)}),
			'1|' . ($last + 2),
			'a writer to a new one');
		is( run_as('regress_writer', $db,
				q{SELECT * FROM event_store.append('plain', 'Begun', '1', event_id => '00000000-0000-4000-8000-000000000001')}),
			$node->safe_psql('original',
				q{SELECT version, global_position FROM event_store.read_stream('plain')}),
			'a retry is known');
		is( run_as('regress_reader', $db,
				"SELECT stream, version FROM event_store.read_all($last)"),
			"order-1|12\norder-new|1",
			'a reader reads on');
		my ($status, undef, $stderr) = $node->psql(
			$db,
			"\\set VERBOSITY sqlstate\n"
			  . q{SELECT event_store.append('order-1', 'Not', '0')},
			extra_params => [ '-U', 'regress_reader' ]);
		like($stderr, qr/42501/, 'and may not append');
		foreach my $statement (
			'UPDATE event_store.events SET version = version',
			'DELETE FROM event_store.streams',
			'TRUNCATE event_store.events',
			'INSERT INTO event_store.categories VALUES (0, $$x$$)')
		{
			(undef, undef, $stderr) = $node->psql(
				$db,
				"\\set VERBOSITY sqlstate\n$statement",
				extra_params => [ '-U', 'regress_owner' ]);
			like($stderr, qr/ST007/, "refused: $statement");
		}
		is(run_as('regress_owner', $db, q{SELECT warehouse.ship_product('SKU-1', 1)}),
			4, 'the warehouse ships');
		is( run_as('regress_owner', $db,
				'SELECT sku, quantity_on_hand FROM warehouse.stock ORDER BY sku'),
			"SKU-1|4\nSKU-2|3",
			'and its stock follows');
		is( run_as('regress_owner', $db, 'SELECT count(*) FROM warehouse.check_stock()'),
			0, 'without differences');
		if (!$but{without_trigger})
		{
			is( $node->safe_psql($db, <<~'END'),
				SELECT count(*) FROM (SELECT stream_id, count(*) FROM event_store.events GROUP BY 1
									  EXCEPT SELECT stream_id, events FROM shop.counted) d
				END
				0, 'the owner\'s trigger counts');
		}
		is($node->safe_psql($db, 'SELECT count(*) FROM event_store.verify_store()'),
			'0', 'the store is sound');
		is($node->safe_psql($db, "SELECT count(*) FROM event_store.check_seal($sealed, '$root')"),
			'0', 'the seal holds');
		is($node->safe_psql($db, "SELECT count(hash) FROM event_store.read_all($last)"),
			'3', 'events get hashes');
		run_as('regress_owner', $db, "SELECT event_store.grant_writer('regress_reader')");
		run_as('regress_reader', $db, q{SELECT event_store.append('order-1', 'Granted', '0')});
		run_as('regress_owner', $db, "SELECT event_store.revoke_writer('regress_reader')");
		pass('the owner grants and revokes');
	};
}

# Compares a restored database with the original.
sub check_restored
{
	my ($db, $what) = @_;

	same(rows_of($db, @tables, 'shop.counted'), $rows, "$what: rows and sequence");
	same(definitions_of($node, $db), $definitions, "$what: definitions");
	same(grants_of($node, $db), $grants, "$what: grants");
	is($node->safe_psql($db, 'SELECT e::text FROM event_store.read_all() e'),
		$read, "$what: read_all");
	check_life($db, $what);
}

my @dump = ('pg_dump', '--no-sync');

# Whole, by a superuser.
create_database('plain');
$node->command_ok([ @dump, '-f', "$dir/plain.sql", 'original' ], 'dump, plain');
$node->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", 'plain' ],
	'restore, plain');
check_restored('plain', 'plain');

# As INSERT statements: the rules that refuse those come after the data.
create_database('inserts');
$node->command_ok(
	[ @dump, '--inserts', '-f', "$dir/inserts.sql", 'original' ],
	'dump, inserts');
$node->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/inserts.sql", 'inserts' ],
	'restore, inserts');
check_restored('inserts', 'inserts');

create_database('custom');
$node->command_ok([ @dump, '-Fc', '-f', "$dir/custom.dump", 'original' ],
	'dump, custom');
$node->command_checks_all(
	[ 'pg_restore', '--exit-on-error', '-d', 'custom', "$dir/custom.dump" ],
	0, [qr/\A\z/], [qr/\A\z/], 'restore, custom, says nothing');
check_restored('custom', 'custom');

create_database('parallel');
$node->command_ok([ @dump, '-Fd', '-j2', '-f', "$dir/parallel.dump", 'original' ],
	'dump, directory, parallel');
$node->command_checks_all(
	[ 'pg_restore', '--exit-on-error', '-j2', '-d', 'parallel', "$dir/parallel.dump" ],
	0, [qr/\A\z/], [qr/\A\z/], 'restore, parallel, says nothing');
check_restored('parallel', 'parallel');

create_database('sections');
foreach my $section (qw(pre-data data post-data))
{
	$node->command_ok(
		[
			'pg_restore', '--exit-on-error', "--section=$section",
			'-d', 'sections', "$dir/custom.dump"
		],
		"restore, section $section");
}
check_restored('sections', 'sections');

# A dump of a restored database restores, too.
create_database('again');
$node->command_ok([ @dump, '-Fc', '-f', "$dir/again.dump", 'sections' ],
	'dump of a restored database');
$node->command_ok(
	[ 'pg_restore', '--exit-on-error', '-d', 'again', "$dir/again.dump" ],
	'and its restore');
same(
	rows_of('again', @tables, 'shop.counted'),
	rows_of('sections', @tables, 'shop.counted'),
	'again: rows and sequence');
same(definitions_of($node, 'again'), $definitions, 'again: definitions');
same(grants_of($node, 'again'), grants_of($node, 'sections'), 'again: grants');

# The data only, into a fresh store: the rules and triggers that keep it
# append-only are in place, and let the rows pass.  The warehouse computes its
# stock from them afterwards.
my $store_rows = rows_of('original', @tables);
my %data_only = (
	data_plain => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/data.sql" ],
	data_custom =>
	  [ 'pg_restore', '--exit-on-error', '--data-only', '-n', 'event_store', "$dir/custom.dump" ]);
$node->command_ok(
	[ @dump, '--data-only', '-n', 'event_store', '-f', "$dir/data.sql", 'original' ],
	'dump, data only');

# A database with a store into which the original's data fit.
sub create_fresh_store
{
	my ($db) = @_;

	create_database($db);
	run_as('regress_owner', $db, "CREATE SCHEMA shop; $type_functions");
	run_as('regress_owner', $db, <<~'END');
		CREATE EXTENSION event_store_warehouse CASCADE;
		SELECT event_store.create_store();
		SELECT event_store.grant_reader('regress_reader');
		SELECT event_store.grant_reader('regress_writer');
		SELECT event_store.grant_writer('regress_writer');
		SELECT event_store.grant_consumer('regress_consumer');
		ALTER TABLE event_store.events
			ADD COLUMN tenant text DEFAULT 'none',
			ADD COLUMN type_length int GENERATED ALWAYS AS (length(type)) STORED;
		SELECT event_store.enable_hash_chain();
		END
}

# Compares a store with the data of the original's.
sub check_data
{
	my ($db) = @_;

	run_as('regress_owner', $db, 'SELECT warehouse.create_warehouse()');
	same(
		rows_of($db, @tables[ 0 .. 5 ], @subscription_tables),
		rows_of('original', @tables[ 0 .. 5 ], @subscription_tables),
		"$db: rows and sequence");
	is( $node->safe_psql($db,
			'SELECT sku, quantity_on_hand, version, global_position FROM warehouse.stock ORDER BY sku'),
		$node->safe_psql('original',
			'SELECT sku, quantity_on_hand, version, global_position FROM warehouse.stock ORDER BY sku'),
		"$db: the stock");
	is($node->safe_psql($db, 'SELECT e::text FROM event_store.read_all() e'),
		$read, "$db: read_all");
	check_life($db, $db, without_trigger => 1);
}

foreach my $db (sort keys %data_only)
{
	create_fresh_store($db);
	my @command = @{ $data_only{$db} };
	$node->command_ok([ @command, '-d', $db ], "restore, $db");
	check_data($db);
}

# The same as INSERT statements: the rules refuse those, even a superuser's,
# unless session_replication_role is replica.
create_fresh_store('data_inserts');
$node->command_ok(
	[
		@dump, '--data-only', '--inserts', '-n', 'event_store',
		'-f', "$dir/data_inserts.sql", 'original'
	],
	'dump, data only, inserts');
my @restore_inserts = (
	'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose',
	'-f', "$dir/data_inserts.sql", 'data_inserts');
$node->command_checks_all(
	\@restore_inserts, 3, [],
	[qr/ERROR:  ST007: table "\w+" of the event store is append-only/],
	'restore, data only, inserts, is refused');
is( $node->safe_psql('data_inserts', <<~'END'),
	SELECT count(*) FROM (SELECT FROM event_store.categories UNION ALL
						  SELECT FROM event_store.streams UNION ALL
						  SELECT FROM event_store.events) r
	END
	0, 'and leaves nothing');
$node->safe_psql('data_inserts', 'DELETE FROM event_store.aggregate_types');
{
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
	$node->command_ok(\@restore_inserts,
		'restore, data only, inserts, past the rules');
}
check_data('data_inserts');

# The data of store and warehouse into a warehouse that is there, trigger and
# all: the rows of the stock and of the aggregate types come from the dump, and once.
create_database('data_warehouse');
run_as('regress_owner', 'data_warehouse', <<~'END');
	CREATE EXTENSION event_store_warehouse CASCADE;
	SELECT warehouse.create_warehouse();
	SELECT event_store.drop_aggregate_type('warehouse_product');
	SELECT event_store.drop_projection('movements by day');
	SELECT event_store.grant_reader('regress_reader');
	SELECT event_store.grant_reader('regress_writer');
	SELECT event_store.grant_writer('regress_writer');
	SELECT event_store.grant_consumer('regress_consumer');
	ALTER TABLE event_store.events
		ADD COLUMN tenant text DEFAULT 'none',
		ADD COLUMN type_length int GENERATED ALWAYS AS (length(type)) STORED;
	SELECT event_store.enable_hash_chain();
	END
$node->command_ok(
	[
		'pg_restore', '--exit-on-error', '--data-only', '-n', 'event_store',
		'-n', 'warehouse', '-d', 'data_warehouse', "$dir/custom.dump"
	],
	'restore, data only, into a warehouse');
same(rows_of('data_warehouse', @tables),
	$store_rows, 'data_warehouse: rows and sequence');
check_life('data_warehouse', 'data_warehouse', without_trigger => 1);

# By the owner, who is no superuser, into a database of the owner's.  Rows and
# definitions come back whole and without an error.  What the bootstrap superuser
# granted, nobody else can grant: of that the server only warns, and who may do
# what is the owner's to say again.
create_database('by_owner');
$node->command_ok(
	[ @dump, '-U', 'regress_owner', '-Fc', '-f', "$dir/owner.dump", 'original' ],
	'the owner dumps');
$node->command_checks_all(
	[
		'pg_restore', '--exit-on-error', '-U', 'regress_owner',
		'-d', 'by_owner', "$dir/owner.dump"
	],
	0, [qr/\A\z/], [qr/\A\z/], 'the owner restores');
same(rows_of('by_owner', @tables, 'shop.counted'),
	$rows, 'by the owner: rows and sequence');
same(definitions_of($node, 'by_owner'), $definitions, 'by the owner: definitions');
run_as('regress_owner', 'by_owner',
	q{SELECT event_store.append('order-1', 'Owner', '0'); SELECT event_store.stream_version('order-1')});
my (undef, undef, $refused) = $node->psql(
	'by_owner',
	"\\set VERBOSITY sqlstate\nDELETE FROM event_store.events",
	extra_params => [ '-U', 'regress_owner' ]);
like($refused, qr/ST007/, 'by the owner: append-only');

create_database('by_owner_again');
$node->command_ok(
	[
		'pg_restore', '--exit-on-error', '-U', 'regress_owner',
		'-d', 'by_owner_again', "$dir/owner.dump"
	],
	'the owner restores again');
run_as('regress_owner', 'by_owner_again', <<~'END');
	SELECT event_store.create_store(if_not_exists => true);
	SELECT warehouse.create_warehouse(if_not_exists => true);
	SELECT event_store.grant_reader('regress_reader');
	SELECT event_store.grant_reader('regress_writer');
	SELECT event_store.grant_writer('regress_writer');
	SELECT event_store.grant_consumer('regress_consumer');
	END
check_restored('by_owner_again', 'by the owner, rights given again');

$node->stop;
done_testing();
