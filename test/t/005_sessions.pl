#!/usr/bin/perl
#
# Sessions that stay while the store changes under them: it is created, dropped
# and made anew by others, its indexes are rebuilt and renamed, its table gets
# and loses columns, and the extension itself is dropped and created.  What a
# session remembers must follow.  And a session that appends 200,000 events and
# reads as many, in every way there is, uses no more memory at the end than at
# the beginning.
#
#	SOAK_CALLS	how many instead; docs/reliability.md has 10,000,000's figures

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('sessions');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	END
$node->start;

# The session under test, which stays to the end.
my $session = $node->background_psql('postgres', on_error_stop => 0);

sub other { return $node->safe_psql('postgres', $_[0]); }

# Answer of a statement in the session, or its SQLSTATE.
sub answer
{
	my ($sql) = @_;
	my ($out, $failed) = $session->query("\\set VERBOSITY sqlstate\n$sql");

	return $out if !$failed;
	my ($sqlstate) = $session->{stderr} =~ /ERROR:\s+(\w{5})/;
	$session->{stderr} = '';
	return $sqlstate // 'an error without a code';
}

sub answers
{
	my ($sql, $expected, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(answer($sql), $expected, $what);
}

my $append = q{SELECT version FROM event_store.append('session-1', 'Done', '0')};
my $read = q{SELECT count(*) FROM event_store.read_all()};
my $stream = q{SELECT count(*) FROM event_store.read_stream('session-1')};
my $safe = 'SELECT event_store.safe_position()';
my $snapshot = q{SELECT event_store.save_snapshot('session-1', 1, '0') IS NOT NULL};
my $latest = q{SELECT version FROM event_store.latest_snapshot('session-1')};

# Plans of the session's own, too.
sub prepare_plans
{
	answer(<<~"END");
		DEALLOCATE ALL;
		PREPARE append AS $append;
		PREPARE read AS $read;
		PREPARE stream AS $stream;
		END
}

# Created by another session after this one has failed.
other('CREATE EXTENSION event_store');
answers($_, 'ST002', "no store: $_") foreach ($append, $read, $stream, $safe);
other('SELECT event_store.create_store()');
answers($append, '1', 'the store of another session: append');
answers($read, '1', 'read_all');
answers($stream, '1', 'read_stream');
answers($safe, '1', 'safe_position');
answers($snapshot, 't', 'save_snapshot');

# Dropped and created by another session: positions start again.
prepare_plans();
answers('EXECUTE append', '2', 'a prepared statement appends');
answers($safe, '2', 'the session knows a safe position');
other('SELECT event_store.drop_store(with_events => true)');
answers($_, 'ST002', "dropped store: $_")
  foreach ($append, $read, $stream, $safe, 'EXECUTE append');
other('SELECT event_store.create_store()');
answers($safe, '0', 'created again: the safe position starts at 0');
answers('EXECUTE read', '0', 'nothing is read');
answers('EXECUTE append', '1', 'the first append');
answers($safe, '1', 'the safe position is the new store\'s');
answers($snapshot, 't', 'save_snapshot, whose plans were kept');
answers($latest, '1', 'latest_snapshot');

# A low position is not taken for read because the old store was beyond it.
other(<<~'END');
	SELECT event_store.append('session-1', 'Done', '0') FROM generate_series(1, 50);
	END
answers($safe, '51', 'the session knows position 51');
my $appender = $node->background_psql('postgres');
other(<<~'END');
	SELECT event_store.drop_store(with_events => true);
	SELECT event_store.create_store();
	END
$appender->query_safe('BEGIN');
$appender->query_safe(q{SELECT event_store.append('open-1', 'Open', '0')});
answers($append, '1', 'another appends behind one that is open');
answers($safe, '0', 'the safe position waits for that, whatever was known');
answers('SELECT count(*) FROM event_store.read_all(before_position => 40)',
	'0', 'and so does a read of what the old store had shown');
$appender->query_safe('COMMIT');
answers($read, '2', 'then all is read');

# The same between two statements of one transaction.
answers('BEGIN', '', 'a transaction');
answers($safe, '2', 'that knows a safe position');
other(<<~'END');
	SELECT event_store.drop_store(with_events => true);
	SELECT event_store.create_store();
	END
answers($safe, '0', 'sees the new store\'s within it');
answers('COMMIT', '', 'and ends');

answers('BEGIN', '', 'a transaction');
answers($safe, '0', 'that knows a safe position');
other(<<~'END');
	SELECT event_store.drop_store(with_events => true);
	SELECT event_store.create_store();
	END
answers($append, '1', 'appends to the new store within it');
answers('COMMIT', '', 'and ends');

# The extension itself: the store's rules and triggers need it.
my (undef, undef, $stderr) = $node->psql('postgres', 'DROP EXTENSION event_store');
like($stderr, qr/depend/, 'DROP EXTENSION is blocked by the store');
other('DROP EXTENSION event_store CASCADE');
my $gone = answer($append);
ok($gone eq '3F000' || $gone eq '42883', "without the extension: $gone");
is( other(
		q{SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('event_store')}
	),
	'0',
	'DROP EXTENSION CASCADE takes the schema and the store with it');
other(<<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	END
answers($append, '1', 'extension and store made anew: append');
answers('EXECUTE append', '2', 'a prepared statement from before');
answers('EXECUTE read', '2', 'read_all');
answers('EXECUTE stream', '2', 'read_stream');
answers($safe, '2', 'safe_position');
answers($snapshot, 't', 'save_snapshot');
answers($latest, '1', 'latest_snapshot');

# Indexes rebuilt and renamed.
other('REINDEX TABLE CONCURRENTLY event_store.events');
answers('EXECUTE append', '3', 'REINDEX TABLE CONCURRENTLY: append');
answers('EXECUTE stream', '3', 'read_stream');
answers('EXECUTE read', '3', 'read_all');
other('REINDEX TABLE event_store.streams; REINDEX TABLE event_store.snapshots');
answers('EXECUTE append', '4', 'REINDEX TABLE: append');
answers($snapshot, 't', 'save_snapshot');
other(<<~'END');
	ALTER INDEX event_store.events_pkey RENAME TO by_position;
	ALTER INDEX event_store.events_event_id_key RENAME TO by_id;
	ALTER INDEX event_store.streams_stream_key RENAME TO by_name;
	END
answers('EXECUTE append', '5', 'renamed indexes: append');
answers('EXECUTE read', '5', 'read_all');
my $with_id = q{SELECT version FROM event_store.append('%s', 'Done', '0',
	event_id => '00000000-0000-4000-8000-000000000001')};
answers(sprintf($with_id, 'session-1'), '6', 'an event with an id');
answers(sprintf($with_id, 'session-1'), '6', 'its retry');
answers(sprintf($with_id, 'session-2'),
	'ST003', 'the same id in another stream');

# A race for an id ends in the unique index, which has another name now.
$appender->query_safe('BEGIN');
$appender->query_safe(
	q{SELECT event_store.append('session-3', 'Done', '0',
		event_id => '00000000-0000-4000-8000-000000000002')});
$session->query_until(qr/racing/, <<~'END');
	\set VERBOSITY sqlstate
	SELECT event_store.append('session-4', 'Done', '0');
	\echo racing
	SELECT event_store.append('session-5', 'Done', '0',
		event_id => '00000000-0000-4000-8000-000000000002');
	END
ok( $node->poll_query_until('postgres', <<~'END'),
	SELECT count(*) = 1 FROM pg_stat_activity
	 WHERE wait_event_type = 'Lock' AND query LIKE '%append%'
	END
	'a race for an event id');
$appender->query_safe('COMMIT');
$appender->quit;
$session->query('SELECT 1');
like($session->{stderr}, qr/ST003/, 'is ST003 under another index name');
$session->{stderr} = '';

# Columns of the owner's, in between.
other(q{ALTER TABLE event_store.events ADD COLUMN tenant text DEFAULT 'none'});
answers('EXECUTE append', '7', 'a column added: append');
answers(
	'SELECT tenant FROM event_store.events ORDER BY global_position DESC LIMIT 1',
	'none', 'it has its default');
other(<<~'END');
	ALTER TABLE event_store.events ADD COLUMN size int NOT NULL
		GENERATED ALWAYS AS (length(type)) STORED;
	CREATE INDEX by_tenant ON event_store.events (tenant);
	END
answers('EXECUTE append', '8', 'a generated column and an index: append');
answers('SELECT size FROM event_store.events ORDER BY global_position DESC LIMIT 1',
	'4', 'it is computed');
other(q{ALTER TABLE event_store.events ADD CONSTRAINT no_refused CHECK (type <> 'Refused')});
answers(q{SELECT event_store.append('session-1', 'Refused', '0')},
	'23514', 'a constraint is heeded');
other(<<~'END');
	ALTER TABLE event_store.events DROP COLUMN size, DROP COLUMN tenant,
		DROP CONSTRAINT no_refused;
	ALTER TABLE event_store.events ADD COLUMN tenant int;
	ALTER TABLE event_store.streams ADD COLUMN note text;
	END
answers('EXECUTE append', '9', 'columns dropped, another added: append');
answers('EXECUTE stream', '9', 'read_stream');
answers(
	q{SELECT version FROM event_store.append('session-6', 'Refused', '0')},
	'1', 'a new stream, without the constraint');
other('ALTER TABLE event_store.events RENAME COLUMN data TO facts');
answers($append, '55000', 'a column that the store needs is renamed');
other('ALTER TABLE event_store.events RENAME COLUMN facts TO data');
answers($append, '10', 'and named back');
other('ALTER TABLE event_store.events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY');
answers($append, '11', 'row security does not concern a superuser');
other('ALTER TABLE event_store.events DISABLE ROW LEVEL SECURITY');

# Rewritten and moved.
other('VACUUM FULL event_store.events; CLUSTER event_store.events USING by_position');
answers('EXECUTE append', '12', 'VACUUM FULL and CLUSTER: append');
answers('EXECUTE stream', '12', 'read_stream');

is( other(<<~'END'),
	SELECT count(*) FILTER (WHERE version <> place),
		   count(*) - count(DISTINCT event_id)
	  FROM (SELECT event_id, version, row_number() OVER (PARTITION BY stream
														 ORDER BY global_position) AS place
			  FROM event_store.read_all()) e
	END
	'0|0',
	'after all that the versions are contiguous, nothing is there twice');

# Memory.  A turn appends 104 events, one at a time and many at once, into
# streams that are there and into new ones, through the warehouse, too; reads
# at least as many, page after page; repeats an append, loses a race, and takes
# a snapshot.
other('CREATE EXTENSION event_store_warehouse; SELECT warehouse.create_warehouse()');
other(<<~'END');
	CREATE SEQUENCE turns;
	CREATE PROCEDURE work(calls bigint, in_transaction int,
						  INOUT events_appended bigint, INOUT events_read bigint)
	LANGUAGE plpgsql AS $$
	DECLARE
		turn bigint;
		stream text;
		sku text;
		id uuid;
		head bigint;
		place bigint := 0;			-- where the pages of the whole store are
		category_place bigint := 0;	-- of the category
		batch jsonb := (SELECT jsonb_agg('{"type": "Done", "data": {"n": 1}}'::jsonb)
						  FROM generate_series(1, 20));
		few jsonb := jsonb_build_array(batch -> 0, batch -> 1, batch -> 2, batch -> 3, batch -> 4);
		events event_store.new_event[] :=
			(SELECT array_agg(event_store.new_event('Done', '{"n": 1}', '{"key": "value"}'))
			   FROM generate_series(1, 20));
		n int;
		last bigint;
	BEGIN
		events_appended := 0;
		events_read := 0;
		WHILE events_appended < calls LOOP
			turn := nextval('turns');
			stream := 'memory-' || turn % 20;
			sku := 'SKU-' || turn % 1000;

			FOR i IN 1 .. 50 LOOP
				SELECT a.version INTO head
				  FROM event_store.append(stream, 'Done', '{"n": 1}', metadata => '{"key": "value"}') a;
			END LOOP;
			SELECT a.version INTO head
			  FROM event_store.append_json(stream, batch, expected_version => head) a;
			SELECT a.version INTO head
			  FROM event_store.append_events(stream, events, expected_version => head) a;
			SELECT count(*) INTO n
			  FROM event_store.append_streams(jsonb_build_array(
				jsonb_build_object('stream', stream, 'expected_version', head),
				jsonb_build_object('stream', 'new_a-' || turn, 'expected_version', 0, 'events', few),
				jsonb_build_object('stream', 'new_b-' || turn, 'expected_version', -2, 'events', few))) a;
			ASSERT n = 3;
			id := gen_random_uuid();
			FOR i IN 1 .. 2 LOOP
				PERFORM event_store.append(stream, 'Done', '{"n": 1}', event_id => id);
			END LOOP;
			ASSERT event_store.stream_version(stream) = head + 1;
			PERFORM warehouse.receive_product(sku, 3);
			PERFORM warehouse.ship_product(sku, 1);
			PERFORM warehouse.adjust_inventory(sku, turn % 7 + 20, 'counted');
			PERFORM warehouse.quantity_on_hand(sku);
			BEGIN
				PERFORM warehouse.ship_product(sku, 1000000);
				RAISE 'more was shipped than there is';
			EXCEPTION WHEN SQLSTATE 'WH001' THEN
				NULL;
			END;
			BEGIN
				PERFORM event_store.append(stream, 'Done', '0', expected_version => head);
				RAISE 'an append with an old version';
			EXCEPTION WHEN SQLSTATE 'ST001' THEN
				NULL;
			END;
			PERFORM event_store.save_snapshot(stream, head, '{"state": 1}');
			SELECT count(*) INTO n FROM event_store.latest_snapshot(stream);
			ASSERT n = 1;
			events_appended := events_appended + 104;

			SELECT count(*), max(global_position) INTO n, last
			  FROM event_store.read_all(place, max_count => 50);
			place := CASE WHEN n = 50 THEN last ELSE 0 END;
			events_read := events_read + n;
			SELECT count(*), max(global_position) INTO n, last
			  FROM event_store.read_category('memory', category_place, 50);
			category_place := CASE WHEN n = 50 THEN last ELSE 0 END;
			events_read := events_read + n;
			SELECT count(*) INTO n FROM event_store.read_stream(stream, head - 20, 10);
			ASSERT n = 10;
			events_read := events_read + n;
			SELECT count(*) INTO n FROM event_store.read_stream(stream, backwards => true, max_count => 5);
			ASSERT n = 5;
			events_read := events_read + n;
			SELECT count(*) INTO n FROM event_store.last_event(stream, 'Done');
			ASSERT n = 1;
			events_read := events_read + n;
			IF turn % in_transaction = 0 THEN
				COMMIT;
			END IF;
		END LOOP;
	END $$;
	END

my $calls = $ENV{SOAK_CALLS} || 200_000;
my $backend = answer('SELECT pg_backend_pid()');
my $used = q{SELECT sum(used_bytes) FROM pg_backend_memory_contexts};

# What the process has of its own, in bytes; undef where the system does not
# tell.
sub resident
{
	open(my $status, '<', "/proc/$backend/status") or return undef;
	my ($kilobytes) = join('', <$status>) =~ /^RssAnon:\s*(\d+) kB/m;
	return defined $kilobytes ? $kilobytes * 1024 : undef;
}

# In many transactions, then in a few long ones; each warmed up first.  A part
# stays well within the time that a query may take.
$session->set_query_timer_restart();
foreach my $shape ([ 'many transactions', 5 ], [ 'long transactions', 250 ])
{
	my ($how, $in_transaction) = @$shape;
	my $parts = int($calls / 2 / 100_000) || 1;
	my ($appended, $read) = (0, 0);

	like(answer("CALL work(20000, $in_transaction, 0, 0)"), qr/^\d+\|\d+$/, "$how: warmed up");
	my $before = answer($used);
	my $resident_before = resident();
	foreach my $part (1 .. $parts)
	{
		my $size = int($calls / 2 / $parts) + 1;
		my $answer = answer("CALL work($size, $in_transaction, 0, 0)");
		my ($more, $more_read) = $answer =~ /^(\d+)\|(\d+)$/
		  or BAIL_OUT("the work failed: $answer");
		$appended += $more;
		$read += $more_read;
		note sprintf('%s: %d appended, %d read, %d bytes in contexts, %s resident',
			$how, $appended, $read, answer($used), resident() // 'unknown')
		  if $parts == 1 || $part % (int($parts / 5) || 1) == 0;
	}
	my $grown = answer($used) - $before;
	cmp_ok($appended, '>=', $calls / 2, "$how: $appended events appended");
	cmp_ok($read, '>=', $calls / 2, "$how: $read events read");
	cmp_ok($grown, '<', 256 * 1024,
		"$how: memory contexts stay as they were, but for $grown bytes");

	# AddressSanitizer keeps for a while what was freed.
	my $resident = resident();
	if (defined $resident && !$ENV{SANITIZE})
	{
		$grown = $resident - $resident_before;
		cmp_ok($grown, '<', 2 * 1024 * 1024,
			"$how: the process stays as it was, but for $grown bytes");
	}
	else
	{
		note "$how: the process's own size is not looked at";
	}
}

$session->quit;
$node->stop;
done_testing();
