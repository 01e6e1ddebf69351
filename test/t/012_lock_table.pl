#!/usr/bin/perl
#
# The lock table, with PostgreSQL's default settings: transactions that append to
# 100,000 streams, in one statement, in a loop, in one call, with as many
# categories, many of them at once, and beside small ones.  Each works, or waits,
# or fails with 40P01 whose hint is lock_store(); the small ones never fail, and
# nobody runs out of shared memory.  And many transactions that stay just below
# the bound leave room in the table.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $streams = 100_000;

my $node = PostgreSQL::Test::Cluster->new('lock_table');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	max_connections = 100
	max_locks_per_transaction = 64
	max_prepared_transactions = 0
	deadlock_timeout = 100ms
	END
$node->start;

# What waits for the gate goes on when the test says so.
$node->safe_psql('postgres', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	SELECT event_store.append('hold-0', 'Begun', '0');
	CREATE FUNCTION gate() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(1)';
	END
my $gate = $node->background_psql('postgres');

sub query
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

# Waits until so many sessions wait for a lock.
sub wait_for_waiting
{
	my ($n, $what) = @_;

	ok( $node->poll_query_until(
			'postgres',
			"SELECT count(*) >= $n FROM pg_locks WHERE NOT granted"),
		$what);
}

# Starts a program with the node's address; returns what finish() takes.
sub start
{
	my (@command) = @_;
	my $run = { stdout => '', stderr => '' };

	$command[0] = $node->installed_command($command[0]);
	$run->{handle} = IPC::Run::start(
		[
			@command,
			'--host' => $node->host,
			'--port' => $node->port,
			'postgres'
		],
		'<', \undef, '>', \$run->{stdout}, '2>', \$run->{stderr});
	return $run;
}

sub finish
{
	my ($run) = @_;

	$run->{ok} = IPC::Run::finish($run->{handle});
	unlike(
		$run->{stderr},
		qr/out of (?:shared )?memory/,
		'nobody runs out of shared memory');
	return $run;
}

my $files = 0;

sub script
{
	my ($sql) = @_;
	my $file = $node->basedir . '/script' . $files++ . '.sql';

	append_to_file($file, $sql);
	return $file;
}

sub start_psql
{
	my ($sql) = @_;

	return start(
		'psql', '--no-psqlrc', '--quiet', '--no-align', '--tuples-only',
		'--set' => 'ON_ERROR_STOP=1',
		'--set' => 'VERBOSITY=verbose',
		'--file' => script($sql));
}

sub start_pgbench
{
	my ($clients, $transactions, $sql) = @_;

	return start(
		'pgbench', '--no-vacuum',
		'--client' => $clients,
		'--transactions' => $transactions,
		'--file' => script($sql));
}

sub finish_pgbench
{
	my ($run, $what) = @_;

	finish($run);
	ok($run->{ok}, "$what: they come to their ends") or diag $run->{stderr};
	like(
		$run->{stdout},
		qr/^number of failed transactions: 0 /m,
		"$what: none fails");
	return;
}

# What must be true whatever happened; the last two numbers are the streams and
# categories that begin with a word.
sub check_store
{
	my ($what, $word, $nstreams, $ncategories) = @_;

	is(query(<<~"END"), "0|0|0|0|0|$nstreams|$ncategories", "$what: the store is sound and has all of it, no lock is left");
		SELECT (SELECT count(*) FROM event_store.verify_store()),
			   (SELECT count(*) FROM event_store.events) - count(*),
			   (SELECT count(*) FROM event_store.in_flight),
			   (SELECT count(*) FROM pg_locks
				 WHERE locktype = 'advisory' AND objsubid IN (17747, 17748)),
			   (SELECT count(*) FROM pg_locks
				 WHERE relation = 'event_store.events'::regclass AND mode = 'ShareRowExclusiveLock'),
			   count(DISTINCT stream) FILTER (WHERE stream LIKE '$word%'),
			   (SELECT count(*) FROM event_store.categories WHERE category LIKE '$word%')
		  FROM event_store.read_all()
		END
}

# Alone: a statement with as many new categories, and one call.
is( query(
		"SELECT count(event_store.append('one' || n || '-1', 'Bulk', '0')) FROM generate_series(1, $streams) n"
	),
	$streams,
	"one statement appends to $streams streams");
check_store('one statement', 'one', $streams, $streams);

# In subtransactions: one after the other, kept and rolled back, and in each other.
query(<<~'END');
	DO $$
	BEGIN
		FOR n IN 1 .. 10000 LOOP
			BEGIN
				PERFORM event_store.append('sub-' || n, 'Kept', '0');
				BEGIN
					PERFORM event_store.append('sub_gone-' || n, 'Gone', '0');
					RAISE division_by_zero;
				EXCEPTION WHEN division_by_zero THEN
					NULL;
				END;
			EXCEPTION WHEN no_data_found THEN
				NULL;
			END;
		END LOOP;
	END $$;
	END
check_store('20,000 subtransactions', 'sub', 10_000, 1);
my $depth = 2_000;
query(
	join "\n",
	'BEGIN;',
	(   map {
			("SAVEPOINT s$_;", "SELECT event_store.append('nested-$_', 'Kept', '0');")
		} 1 .. $depth),
	'ROLLBACK TO s' . ($depth / 2) . ';',
	"SELECT event_store.append('nested-$_', 'Kept', '0');" =~ s/\$_/$depth/r,
	'COMMIT;');
check_store("$depth nested savepoints", 'nested', $depth / 2, 1);

# Two transactions that have both appended, go on to very many streams, and pass
# the bound at the same time; 20 others wait for streams that these two hold.
# The two cannot both go on: one fails, as the docs say, and the other works.
$gate->query_safe('SELECT pg_advisory_lock(1)');
my @bulk = map { start_psql(<<~"END") } qw(left right);
	BEGIN;
	SELECT count(event_store.append('both_$_-' || n, 'Bulk', '0')) FROM generate_series(1, 10) n;
	SELECT gate();
	DO \$\$
	BEGIN
		FOR n IN 1 .. $streams LOOP
			PERFORM event_store.append('both_$_-' || n, 'Bulk', '1');
		END LOOP;
	END \$\$;
	COMMIT;
	END
wait_for_waiting(2, 'two transactions have appended');
my $small = start_pgbench(20, 5, <<~'END');
	\set s random(1, 10)
	\set side random(0, 1)
	SELECT FROM event_store.append(CASE :side WHEN 0 THEN 'both_left-' ELSE 'both_right-' END || :s, 'Small', '0');
	END
wait_for_waiting(22, '20 others wait for their streams');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
finish($_) foreach @bulk;
finish_pgbench($small, 'the small ones beside');
my @failed = grep { !$_->{ok} } @bulk;
is(scalar(@failed), 1, 'one of the two fails');
like(
	$failed[0]->{stderr},
	qr/ERROR:  40P01: deadlock detected.*HINT:  [^\n]*event_store\.lock_store\(\)/s,
	'with 40P01, whose hint is lock_store()');
is( query(
		q{SELECT count(*), count(*) FILTER (WHERE type = 'Small') FROM event_store.all_events
		   WHERE stream LIKE 'both%'}),
	($streams + 10 + 100) . '|100',
	'the other and the small ones have stored all of theirs');
is(query(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}),
	0, 'no lock is left');

# One with lock_store() first, one whose single call takes the store lock by
# itself, and small ones beside: each waits until it is its turn.
$gate->query_safe('SELECT pg_advisory_lock(1)');
@bulk = (start_psql(<<~"END"), start_psql(<<~"END"));
	BEGIN;
	SELECT gate();
	SELECT event_store.lock_store();
	SELECT count(event_store.append('calm_left-' || n, 'Bulk', '0')) FROM generate_series(1, $streams) n;
	COMMIT;
	END
	BEGIN;
	SELECT gate();
	SELECT count(*) FROM event_store.append_streams(
		(SELECT jsonb_agg(jsonb_build_object('stream', 'calm_right' || n || '-1', 'expected_version', 0,
						  'events', '[{"type": "Bulk", "data": 0}]'::jsonb))
		   FROM generate_series(1, $streams) n));
	COMMIT;
	END
$small = start_pgbench(20, 5, <<~'END');
	\set s random(1, 1000)
	BEGIN;
	SELECT gate();
	SELECT FROM event_store.append('calm_left-' || :s, 'Small', '0');
	COMMIT;
	END
wait_for_waiting(22, 'two transactions and 20 small ones are ready');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
foreach my $run (@bulk)
{
	finish($run);
	ok($run->{ok}, "with the store lock first: $streams streams")
	  or diag $run->{stderr};
}
finish_pgbench($small, 'the small ones beside');
check_store('with the store lock first', 'calm', 2 * $streams, $streams + 1);

# Just below the bound: 90 transactions that hold 31 streams each and stay open.
# Nobody has taken the store lock, and there is room for others' locks.
$gate->query_safe('SELECT pg_advisory_lock(1)');
my $holders = start_pgbench(90, 1, <<~'END');
	BEGIN;
	SELECT count(event_store.append('hold-' || :client_id || '_' || n, 'Held', '0')) FROM generate_series(1, 31) n;
	SELECT gate();
	COMMIT;
	END
wait_for_waiting(90, '90 transactions have appended to 31 streams each');
is(query(<<~'END'), 90 * 31 . '|90|0', 'each holds its streams and a mark');
	SELECT count(*) FILTER (WHERE objsubid = 17747), count(*) FILTER (WHERE objsubid = 17748),
		   count(*) FILTER (WHERE mode = 'ShareRowExclusiveLock')
	  FROM pg_locks
	 WHERE locktype = 'advisory' OR relation = 'event_store.events'::regclass
	END
is( query(
		'SELECT count(*) FROM (SELECT pg_advisory_xact_lock(2, n) FROM generate_series(1, 2000) n) locks'
	),
	2000,
	'2,000 more locks fit in');
is( query(
		q{SELECT max(version) FROM generate_series(1, 31) n, event_store.append('hold-' || n || '_', 'Beside', '0')}
	),
	1,
	'one more transaction appends to as many');
$gate->query_safe('SELECT pg_advisory_unlock(1)');
finish_pgbench($holders, 'the holders');
check_store('90 transactions', 'hold', 91 * 31 + 1, 1);

$gate->quit;
unlike(slurp_file($node->logfile),
	qr/out of shared memory/, 'the log says nothing of shared memory');
$node->stop;
done_testing();
