#!/usr/bin/perl
#
# Indexes under reads that descend them by themselves, and hints at buffers that hold
# other pages by then: 128 buffers, sessions that append and roll back, so that pages are
# split, emptied, deleted and used again, and VACUUM all the time.  What is read of a
# stream and of the store is what a sequential scan finds.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use LongRun qw(start_session stop_session unexpected_errors);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my ($streams, $reads, $deletions) = (400, 300, 20);

my $node = PostgreSQL::Test::Cluster->new('descents');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	shared_buffers = 1MB
	END
$node->start;
$node->safe_psql('postgres', <<~"END");
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	SELECT count(*) FROM generate_series(1, $streams * 20) n, event_store.append('d-' || n % $streams, 'T', '{}');
	END

my $append = <<~"END";
	SELECT floor(random() * $streams)::integer AS n \\gset
	SELECT count(*) FROM generate_series(1, 1 + floor(random() * 30)::integer) g, event_store.append('d-' || :n, 'T', to_jsonb(g)) \\g /dev/null
	BEGIN;
	SELECT count(*) FROM generate_series(1, 800) g, event_store.append('d-' || (:n + g % 3), 'T', '{}') \\g /dev/null
	SELECT count(*) FROM generate_series(1, 300) g, event_store.append('new-' || g || '-' || floor(random() * 1e9), 'T', '{}') \\g /dev/null
	ROLLBACK;
	END
my $vacuum = <<~'END';
	\set VERBOSITY default
	VACUUM (VERBOSE) event_store.events;
	VACUUM event_store.streams;
	END

# Both in one snapshot; of the store, up to a position at or below which all is final.
my $plain = 'SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off;';
my $check = <<~"END";
	SELECT floor(random() * $streams)::integer AS n, event_store.safe_position() AS safe \\gset
	SELECT greatest(:safe - floor(random() * 5000)::bigint, 0) AS after \\gset
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SELECT concat_ws('|', count(*), sum(global_position), max(version), event_store.stream_version('d-' || :n)) AS stream FROM event_store.read_stream('d-' || :n) \\gset
	SELECT concat_ws('|', count(*), sum(global_position), count(stream)) AS store FROM event_store.read_all(:after, 1000, before_position => :safe + 1) \\gset
	$plain
	SELECT concat_ws('|', count(*), sum(global_position), max(version), max(version)) AS plain_stream FROM event_store.events WHERE stream_id = (SELECT stream_id FROM event_store.streams WHERE stream = 'd-' || :n) \\gset
	COMMIT;
	BEGIN;
	$plain
	SELECT concat_ws('|', count(*), sum(global_position), count(*)) AS plain_store FROM (SELECT global_position FROM event_store.events WHERE global_position > :after AND global_position <= :safe ORDER BY global_position LIMIT 1000) e \\gset
	COMMIT;
	SELECT CASE WHEN :'stream' = :'plain_stream' AND :'store' = :'plain_store' THEN 'same' ELSE 'differs: ' || concat_ws(' ', :'stream', :'plain_stream', :'store', :'plain_store') END;
	END
my @appenders = map { start_session($node, "appender$_", text => sub { return $append }) } 1 .. 2;
my @checkers = map { start_session($node, "checker$_", text => sub { return $check }) } 1 .. 2;
my $cleaner = start_session($node, 'cleaner', text => sub { usleep(50_000); return $vacuum });

# What the checkers have said, how many reads they have found to be the same, and how often
# index pages were deleted.
sub progress
{
	my $checked = join '', map { slurp_file($_->{out}) } @checkers;
	my $same = () = $checked =~ /^same$/mg;
	my $deleted = () = slurp_file($cleaner->{err}) =~ /[1-9]\d* newly deleted/g;

	return ($checked, $same, $deleted);
}

my $deadline = time + 150;
my ($checked, $same, $deleted);
do
{
	usleep(250_000);
	($checked, $same, $deleted) = progress();
} until ($same > $reads && $deleted > $deletions || $checked =~ /^differs/m || time > $deadline);
stop_session($_, $node) foreach @appenders, $cleaner, @checkers;

cmp_ok($deleted, '>', $deletions, 'index pages were deleted');
cmp_ok($same, '>', $reads, 'reads were compared');
unlike($checked, qr/^differs/m, 'all read what a sequential scan finds');
is(unexpected_errors($_->{err}), '', "$_->{name}: no errors") foreach $cleaner, @checkers;

# Both take so many streams, and that after others, that they may come to wait for each
# other's, which operations.md tells of; what follows in that transaction then fails, too.
is(unexpected_errors($_->{err}, qw(40P01 25P02)), '', "$_->{name}: no errors but deadlocks") foreach @appenders;
is($node->safe_psql('postgres', 'SELECT count(*) FROM event_store.verify_store()'), '0', 'the store is sound');
$node->stop;

done_testing();
