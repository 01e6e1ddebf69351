#!/usr/bin/perl
#
# What a crash may take back.  A rolled-back or asynchronously committed append
# leaves nothing behind that has to survive, so a crash may hand its positions
# out again.  Whoever was told a safe position at or above them would then skip
# events; so every position drawn after a crash is above every safe position
# that was told before it.  And a prepared transaction comes back with its locks
# and its mark.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;

# Beside the flush that a safe position needs, little is to bring the log to the
# disk, or the crashes would lose nothing and prove nothing.  The log is kept
# short, without images of pages, as whoever rolls back or commits asynchronously
# wakes the log writer for each page of the log that is full.  Let alone it would
# write every wal_writer_delay; a wal_writer_flush_after of 0 would be flush at
# once.  A commit of a transaction that wrote flushes all that is before it, too:
# what is to be lost is rolled back, or committed asynchronously.
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	full_page_writes = off
	autovacuum = off
	checkpoint_timeout = 1h
	bgwriter_lru_maxpages = 0
	wal_writer_delay = 10s
	wal_writer_flush_after = 1GB
	max_prepared_transactions = 10
	END
$node->start;

sub crash
{
	$node->stop('immediate');
	$node->start;
}

# Runs statements in one session; returns the last line that they print.
sub last_line
{
	my ($sql) = @_;

	return (split /\n/, $node->safe_psql('postgres', $sql))[-1];
}

my $append = q{SELECT global_position FROM event_store.append('crash-1', 'Done', '0')};
my $highest_told = 0;

# Crashes after statements that end by telling a safe position, and appends.
sub told_then_crash
{
	my ($sql, $what, $at_least) = @_;
	my $told = last_line($sql);

	cmp_ok($told, '>=', $at_least, "$what: safe position $told is told")
	  if defined $at_least;
	$highest_told = $told if $told > $highest_told;
	crash();
	my $next = last_line($append);
	cmp_ok($next, '>', $highest_told,
		"$what: after the crash the next position, $next, is above");
	cmp_ok(
		last_line('SELECT event_store.safe_position()'),
		'>=', $next, "$what: and so is the safe position");
	return $next;
}

$node->safe_psql('postgres',
	'CREATE EXTENSION event_store; SELECT event_store.create_store()');

# A sequence that was never drawn from.
$node->safe_psql('postgres', 'CHECKPOINT');
told_then_crash(<<~"END", 'fresh sequence, rolled back', 1);
	BEGIN; $append; ROLLBACK;
	SELECT event_store.safe_position();
	END

# The sequence is logged 32 draws ahead: cross that.  The transaction around the
# subtransactions is rolled back, too: its commit would flush the log.
$node->safe_psql('postgres', 'CHECKPOINT');
my $before = last_line('SELECT event_store.safe_position()');
told_then_crash(
	<<~"END", '100 rolled back one by one', $before + 100);
	BEGIN;
	DO \$\$
	BEGIN
		FOR i IN 1 .. 100 LOOP
			BEGIN
				PERFORM event_store.append('crash-' || i, 'Done', '0');
				RAISE division_by_zero;
			EXCEPTION WHEN division_by_zero THEN
				NULL;
			END;
		END LOOP;
	END \$\$;
	ROLLBACK;
	SELECT event_store.safe_position();
	END

# Told by a read instead: the position of an event of the reader's own, which is
# then rolled back.
$node->safe_psql('postgres', 'CHECKPOINT');
told_then_crash(<<~"END", 'own event read and rolled back');
	BEGIN;
	$append;
	SELECT max(global_position) FROM event_store.read_all() \\gset
	ROLLBACK;
	SELECT :max;
	END

# An asynchronous commit may be lost, events and all.  The other levels flush at
# the commit.
$node->safe_psql('postgres', 'CHECKPOINT');
$before = last_line('SELECT event_store.safe_position()');
told_then_crash(<<~"END", 'asynchronous commit', $before + 1);
	SET synchronous_commit = off;
	$append;
	SELECT global_position FROM event_store.read_all(backwards => true, max_count => 1);
	END

# The backend that told a position before tells it again from memory.
$node->safe_psql('postgres', 'CHECKPOINT');
told_then_crash(<<~"END", 'told again');
	BEGIN; $append; ROLLBACK;
	SELECT event_store.safe_position();
	SELECT count(*) FROM event_store.read_all(before_position => 2);
	SELECT event_store.safe_position();
	END

is($node->safe_psql('postgres', 'SELECT count(*) FROM event_store.verify_store()'),
	'0', 'the store is sound');

# Counters begin anew with the server, after a crash, too.
my $counted = $node->safe_psql('postgres', 'SELECT appends, counted_since FROM event_store.stats');
my ($appends, $since) = split /\|/, $counted;
cmp_ok($appends, '>', 0, 'appends are counted, by whichever session');
crash();
is( $node->safe_psql('postgres', "SELECT appends, counted_since > '$since' FROM event_store.stats"),
	'0|t', 'after a crash they are counted from zero');

# A prepared transaction outlives the crash and still holds readers back.
my $first = last_line(<<~"END");
	BEGIN;
	$append;
	PREPARE TRANSACTION 'event_store_crash';
	SELECT event_store.safe_position();
	END
$node->safe_psql('postgres',
	q{SELECT event_store.append('crash-2', 'Done', '0')});
is(last_line('SELECT event_store.safe_position()'),
	$first, 'a prepared transaction holds the safe position back');

my $in_flight = q{SELECT after_position, pid IS NULL, gid, role_name = current_user,
	since IS NOT NULL FROM event_store.in_flight};
is($node->safe_psql('postgres', $in_flight),
	"$first|t|event_store_crash|t|t", 'in_flight names it');

crash();
is(last_line('SELECT event_store.safe_position()'),
	$first, 'it does so after a crash');
is($node->safe_psql('postgres', $in_flight),
	"$first|t|event_store_crash|t|t", 'in_flight still names it');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM event_store.read_all($first)"),
	'0',
	'nothing above is read');

my ($status, $stdout, $stderr) = $node->psql('postgres',
	"SET lock_timeout = '100ms'; $append");
isnt($status, 0, 'its stream is locked');
like($stderr, qr/lock timeout/, 'an appender would wait');
my $above = last_line(
	q{SELECT global_position FROM event_store.append('crash-2', 'Done', '0')});

$node->restart;
is(last_line('SELECT event_store.safe_position()'),
	$first, 'and after an ordinary restart');
$node->safe_psql('postgres', q{COMMIT PREPARED 'event_store_crash'});
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM event_store.read_all($first)"),
	'3',
	'once it is committed everything is read');
cmp_ok(last_line('SELECT event_store.safe_position()'),
	'>=', $above, 'and the safe position moves on');
is($node->safe_psql('postgres', $in_flight), '', 'nothing is in flight');

$node->stop;
done_testing();
