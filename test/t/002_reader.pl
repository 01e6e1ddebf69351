#!/usr/bin/perl
#
# The reader that skips nothing: 24 writers with random delays, rollbacks,
# savepoints and batches over many streams, an unrelated transaction that stays
# open, and readers that go on after the last position they got.  read_all and
# read_category miss nothing and get nothing twice.  A reader that goes by the
# highest position it saw in a plain query loses events in the same run, which
# shows that the load would tell.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = 24;
my $transactions = 450;    # of each client

my $node = PostgreSQL::Test::Cluster->new('reader');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	max_connections = 60
	END
$node->start;

$node->safe_psql('postgres', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();

	CREATE TABLE seen (reader text, n bigint GENERATED ALWAYS AS IDENTITY,
		global_position bigint, stream text, version bigint);
	CREATE TABLE writers_done ();

	-- Polls from the last position on, each time in a transaction of its own,
	-- until the writers have ended and nothing is left.
	CREATE PROCEDURE poll(reader text) LANGUAGE plpgsql AS $$
	DECLARE
		last bigint := 0;
		done boolean;
		found bigint;
		highest bigint;
	BEGIN
		LOOP
			done := to_regclass('writers_done') IS NULL;
			COMMIT;
			IF reader = 'all' THEN
				WITH page AS (
					INSERT INTO seen (reader, global_position, stream, version)
					SELECT poll.reader, e.global_position, e.stream, e.version
					  FROM event_store.read_all(last, 500) e
					RETURNING global_position)
				SELECT count(*), max(global_position) INTO found, highest FROM page;
			ELSIF reader = 'category' THEN
				WITH page AS (
					INSERT INTO seen (reader, global_position, stream, version)
					SELECT poll.reader, e.global_position, e.stream, e.version
					  FROM event_store.read_category('one', last, 500) e
					RETURNING global_position)
				SELECT count(*), max(global_position) INTO found, highest FROM page;
			ELSE
				WITH page AS (
					INSERT INTO seen (reader, global_position, stream, version)
					SELECT poll.reader, e.global_position, e.stream, e.version
					  FROM (SELECT global_position, stream, version
							  FROM event_store.all_events
							 WHERE global_position > last
							 ORDER BY global_position LIMIT 500) e
					RETURNING global_position)
				SELECT count(*), max(global_position) INTO found, highest FROM page;
			END IF;
			COMMIT;
			last := coalesce(highest, last);
			EXIT WHEN done AND found = 0;
			IF found = 0 THEN
				PERFORM pg_sleep(0.002);
			END IF;
		END LOOP;
	END $$;
	END

# What the writers do; the first line tells how often.
my %scripts = (
	single => <<~'END',
		@3
		SELECT FROM event_store.append('one-' || :s, 'Single', '{"n": 1}');
		END
	batch => <<~'END',
		@4
		BEGIN;
		SELECT FROM event_store.append_json('two-' || :s, :batch);
		\sleep :ms ms
		COMMIT;
		END
	slow => <<~'END',
		@4
		BEGIN;
		SELECT FROM event_store.append_json('one-' || :s, :batch);
		\sleep :ms ms
		SELECT FROM event_store.append('one-' || :s, 'Last', '{}');
		\sleep :ms ms
		COMMIT;
		END
	rollback => <<~'END',
		@1
		BEGIN;
		SELECT FROM event_store.append_json('two-' || :s, :batch);
		\sleep :ms ms
		ROLLBACK;
		END
	savepoint => <<~'END',
		@2
		BEGIN;
		SAVEPOINT s;
		SELECT FROM event_store.append_json('three-' || :s, :batch);
		ROLLBACK TO s;
		\sleep :ms ms
		SELECT FROM event_store.append_json('three-' || :s, :batch);
		SAVEPOINT s;
		SELECT FROM event_store.append('three-' || :s, 'Released', '{}');
		RELEASE s;
		COMMIT;
		END
	streams => <<~'END',
		@2
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT FROM event_store.append_streams(jsonb_build_array(
			jsonb_build_object('stream', 'one-' || :s, 'expected_version', -2, 'events', :batch),
			jsonb_build_object('stream', 'two-' || :s + 1, 'expected_version', -2, 'events', :batch),
			jsonb_build_object('stream', 'four-' || :s, 'expected_version', 0)));
		\sleep :ms ms
		COMMIT;
		END
);
my $batch = "'["
  . join(', ', map { qq({"type": "Batch", "data": {"n": $_}}) } 1 .. 6)
  . "]'::jsonb";
my @files;
foreach my $name (sort keys %scripts)
{
	my ($weight, $script) = $scripts{$name} =~ /\A@(\d+)\n(.*)\z/s;
	my $file = $node->basedir . "/$name.sql";

	$script =~ s/:batch/$batch/g;
	append_to_file($file,
		"\\set s random(1, 40)\n\\set ms random(0, 12)\n$script");
	push @files, '-f', "$file\@$weight";
}

# A transaction that does not append, and has an xid and a snapshot.
my $unrelated = $node->background_psql('postgres');
$unrelated->query_safe('CREATE TABLE unrelated (n int)');
$unrelated->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
$unrelated->query_safe('INSERT INTO unrelated VALUES (1)');

my %readers;
foreach my $reader (qw(all category naive))
{
	$readers{$reader} = $node->background_psql('postgres');
	$readers{$reader}->query_until(qr/polling/,
		"\\echo polling\nCALL poll('$reader');\n");
}

$node->command_ok(
	[
		'pgbench', '-n', '-M', 'prepared',
		'-c', $clients, '-j', 2,
		'-t', $transactions, @files,
		'postgres'
	],
	"$clients writers append");

$node->safe_psql('postgres', 'DROP TABLE writers_done');
foreach my $reader (sort keys %readers)
{
	ok($readers{$reader}->quit, "reader $reader comes to an end");
}

is( $unrelated->query_safe(
		'SELECT count(*) FROM unrelated, pg_current_xact_id() x WHERE x IS NOT NULL'
	),
	1,
	'the unrelated transaction was open all the time');
$unrelated->query_safe('ROLLBACK');
$unrelated->quit;

# How many events a reader has missed, how many it has got twice, and how often
# a position was not above the one before.
sub check_reader
{
	my ($reader, $condition) = @_;

	return $node->safe_psql('postgres', <<~"END");
		WITH mine AS (SELECT * FROM seen WHERE reader = '$reader'),
			 steps AS (SELECT global_position <= lag(global_position) OVER (ORDER BY n) AS back
						 FROM mine)
		SELECT (SELECT count(*) FROM event_store.all_events e
				 WHERE $condition
				   AND NOT EXISTS (SELECT FROM mine m
									WHERE m.global_position = e.global_position
									  AND m.stream = e.stream
									  AND m.version = e.version)),
			   (SELECT count(*) - count(DISTINCT global_position) FROM mine),
			   (SELECT count(*) FROM steps WHERE back)
		END
}

$node->safe_psql('postgres', 'ANALYZE seen');
my $events = $node->safe_psql('postgres',
	'SELECT count(*) FROM event_store.all_events');
note "$events events";
cmp_ok($events, '>=', 50_000, 'there are 50,000 events and more');

is(check_reader('all', 'true'),
	'0|0|0', 'read_all: nothing missed, nothing twice, in order');
is(check_reader('category', "e.stream LIKE 'one-%'"),
	'0|0|0', 'read_category: nothing missed, nothing twice, in order');

my ($missed) = split /\|/, check_reader('naive', 'true');
note "the naive reader missed $missed of them";
cmp_ok($missed, '>', 0, 'the naive reader has lost events');

is( $node->safe_psql('postgres', <<~'END'),
	SELECT count(*) FILTER (WHERE version <> place),
		   count(*) - count(DISTINCT event_id),
		   count(*) - count(DISTINCT global_position)
	  FROM (SELECT *, row_number() OVER (PARTITION BY stream
										 ORDER BY global_position) AS place
			  FROM event_store.all_events) e
	END
	'0|0|0',
	'versions are contiguous in the order of positions, nothing is stored twice');
is( $node->safe_psql('postgres', <<~'END'),
	SELECT count(*) - count(DISTINCT stream) FROM event_store.streams
	UNION ALL
	SELECT count(*) - count(DISTINCT category) FROM event_store.categories
	UNION ALL
	SELECT count(*) FROM event_store.in_flight
	END
	"0\n0\n0",
	'streams and categories are there once, nothing is in flight');

$node->stop;
done_testing();
