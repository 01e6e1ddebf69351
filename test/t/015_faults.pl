#!/usr/bin/perl
#
# Faults at every stage of append, snapshot and read: out of memory, a cancel
# request, lock_timeout and statement_timeout while something waits, the end of
# the session, a crash; and a full disk.  After each the session goes on, where
# there still is one, nothing is half stored, and no lock and no mark stays.
#
# The library under test has fault points, see src/fault.c, and is installed in
# a copy of PostgreSQL, FAULT_POINTS_INSTALL.

use strict;
use warnings;

# The small disk is a file system of memory, mounted in a name space of our own,
# before the modules below turn our output round.
BEGIN
{
	# not while perl only checks the syntax
	if (!$^C && !$ENV{SMALL_DISK})
	{
		my @unshare =
		  qw(unshare --user --map-current-user --keep-caps --mount);

		$ENV{SMALL_DISK} = system(@unshare, 'true') == 0 ? 'yes' : 'no';
		exec(@unshare, $^X, $0, @ARGV) if $ENV{SMALL_DISK} eq 'yes';
	}
}

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Ten thousands of queries need not be told of.
{
	no warnings 'redefine';
	*PostgreSQL::Test::BackgroundPsql::note = sub { };
}

my $node = PostgreSQL::Test::Cluster->new('faults',
	install_path => $ENV{FAULT_POINTS_INSTALL});
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	autovacuum = off
	restart_after_crash = on
	END
$node->start;
$node->safe_psql('postgres', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	SELECT event_store.append('old-1', 'T', '{}');
	SELECT event_store.append('beside-1', 'T', '{}');
	SELECT event_store.save_snapshot('old-1', 1, '{}', 7);

	-- What is stored, what is held of our locks and marks by anybody, and what
	-- is wrong with the store.
	CREATE VIEW state AS
	SELECT (SELECT count(*) FROM event_store.events) AS events,
		   (SELECT count(*) FROM event_store.streams) AS streams,
		   (SELECT count(*) FROM event_store.categories) AS categories,
		   (SELECT md5(string_agg(s::text, ' ' ORDER BY s::text)) FROM event_store.snapshots s) AS snapshots,
		   (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (17747, 17748)) AS locks,
		   (SELECT count(*) FROM event_store.verify_store()) AS findings;
	END

# The session under test, one that looks, and one that holds what a fault of kind
# wait waits for.
my ($session, $looker, $holder);

sub start_session
{
	$session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query('\set VERBOSITY sqlstate');
}

sub start_sessions
{
	$looker = $node->background_psql('postgres');
	$holder = $node->background_psql('postgres');
	$holder->query_safe('SELECT pg_advisory_lock(1)');
	start_session();
}

sub state { return $looker->query_safe('TABLE state'); }

# Runs statements in the session; returns the SQLSTATE of the last error, or ''.
sub sqlstate_of
{
	my ($sql) = @_;

	$session->query($sql);
	my ($sqlstate) = $session->{stderr} =~ /.*(?:ERROR|FATAL):\s+(\w{5})/s;
	$session->{stderr} = '';
	return $sqlstate // '';
}

start_sessions();

# The calls, with names that none before has used.
my $n = 0;
my $events = q{(SELECT jsonb_agg('{"type": "T", "data": 1}'::jsonb) FROM generate_series(1, %d))};
my $streams = q{(SELECT jsonb_agg(jsonb_build_object('stream', 'new%d-' || g, 'expected_version', 0,
	'events', '[{"type": "T", "data": 1}]'::jsonb)) FROM generate_series(1, %d) g)};
my %calls = (
	'append, a new category' => sub { "append('new$n-1', 'T', '{}')" },
	'append, a stream that exists' => sub { "append('old-1', 'T', '{}', -4)" },
	'append_json' => sub { "append_json('new$n-1', " . sprintf($events, 1500) . ')' },
	'append_streams' => sub { 'append_streams(' . sprintf($streams, $n, 3) . ')' },
	'append_streams, past the bound' =>
	  sub { 'append_streams(' . sprintf($streams, $n, 40) . ')' },
	'save_snapshot' => sub { "save_snapshot('old-1', 1, to_jsonb($n), 7)" },
	'save_snapshot, by statements' => sub { "save_snapshot('old-1', 1, to_jsonb($n), 7)" },
	'read_all' => sub { 'read_all(max_count => 5)' });

sub call
{
	my ($name) = @_;

	$n++;
	return 'SELECT count(*) FROM event_store.' . $calls{$name}->();
}

# Snapshots are saved by statements in a table that is not as it was made.
sub prepare_for
{
	my ($name) = @_;

	$looker->query_safe('ALTER TABLE event_store.snapshots REPLICA IDENTITY '
		. ($name =~ /by statements/ ? 'FULL' : 'DEFAULT'));
	return;
}

# The points that a call passes, as a new session sees it.
sub points_of
{
	my ($name) = @_;

	$session->quit;
	start_session();
	$session->query(call($name));
	return split /\n/, $session->query('SHOW event_store.fault_points_passed');
}

my %sqlstates = (
	memory => '53200',
	cancel => '57014',
	lock_timeout => '55P03',
	statement_timeout => '57014');
my %passed;

sub faults_done { return $session->query('SHOW event_store.faults_done'); }

# Lets a call fail at a point; returns the SQLSTATE.  A timeout may pass before
# the call has come there: then it is undone and given more time.
sub fail_call
{
	my ($name, $point, $kind, $undo) = @_;
	my $fault = $kind =~ /timeout/ ? 'wait' : $kind;
	my $done = faults_done();
	my $sqlstate;

	for (my $time = 20; $time < 100_000; $time *= 10)
	{
		my $timeout = $kind =~ /timeout/ ? "SET LOCAL $kind = '${time}ms';" : '';

		$sqlstate = sqlstate_of("SET LOCAL event_store.fault = '$point, $fault'; $timeout "
			  . call($name) . ';');
		sqlstate_of($undo);
		last if $kind !~ /timeout/ || faults_done() > $done;
	}
	is(faults_done(), $done + 1, "$name, $kind: came to $point");
	return $sqlstate;
}

# Points that a session passes only when it meets a table for the first time.
sub first_meeting { return $_[0] =~ /looked at|^hints: /; }

# Points where an error is not the call's, which can do without what failed.
sub is_dispensable { return $_[0] =~ /^hints: /; }

# A session that has loaded the library and met no table.
sub renew_session
{
	$session->quit;
	start_session();
	$session->query('SELECT event_store.safe_position()');
	return;
}

# Lets a call fail at a point, in a transaction of its own, and in a savepoint
# between two appends, which are stored.
sub fail_at
{
	my ($name, $point, $kind) = @_;
	my $what = "$name, $kind at: $point";
	my $before = state();

	renew_session() if first_meeting($point);
	sqlstate_of('BEGIN;');
	is(fail_call($name, $point, $kind, 'ROLLBACK; BEGIN;'), $sqlstates{$kind}, $what);
	sqlstate_of('COMMIT;');
	is(state(), $before, "$what: nothing of it is stored or held");

	# Only a transaction's first append takes the mark.
	my $append = q{SELECT event_store.append('beside-1', 'T', '{}');};
	my @first = $point =~ /mark/ || first_meeting($point) ? () : $append;

	renew_session() if first_meeting($point);
	sqlstate_of("BEGIN; @first SAVEPOINT s;");
	is(fail_call($name, $point, $kind, 'ROLLBACK TO s;'),
		$sqlstates{$kind}, "$what, in a savepoint");
	is(sqlstate_of("$append SELECT count(*) FROM event_store.read_all(); COMMIT;"),
		'', "$what, in a savepoint: the transaction goes on");
	is(state(), $before =~ s/^(\d+)/$1 + 1 + @first/er,
		"$what, in a savepoint: what was appended beside it is stored, nothing else");
}

foreach my $name (sort keys %calls)
{
	prepare_for($name);
	my @points = points_of($name);

	cmp_ok(scalar @points, '>', 2, "$name passes " . join(', ', @points));
	foreach my $point (@points)
	{
		$passed{$point} = $name;
		next if is_dispensable($point);
		fail_at($name, $point, $_) foreach sort keys %sqlstates;
	}
}

prepare_for('any other');

# No point is left out: those that the sources have were all passed.
my $sources = join '', map { slurp_file($_) } glob('src/*.c');
foreach my $point ($sources =~ /ES_FAULT_POINT\("([^"]+)"\)/g)
{
	ok(delete $passed{$point}, "passed: $point");
}
foreach my $what ($sources =~ /ES_FAULT_POINT_OF\([^"]*"([^"]+)"\)/g)
{
	ok(delete $passed{"$_: $what"}, "passed: $_: $what")
	  foreach qw(categories streams events);
}
ok(delete $passed{'snapshots: index looked at'}, 'passed: snapshots: index looked at');
is(join(', ', sort keys %passed), '', 'and there are no others');

# An appender that is suspended between looking at the sequence and placing its
# mark: what others append meanwhile is read, and a mark below it makes nobody miss
# anything.
{
	my $start = $looker->query_safe('SELECT event_store.safe_position()');

	$session->query_until(qr/^going/m, <<~'END');
		SET event_store.fault = 'locks: mark chosen, wait';
		\echo going
		BEGIN;
		SELECT event_store.append('suspended-1', 'T', '{}');
		END
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'})
	  or die 'the appender does not come to the point';
	$looker->query_safe(q{SELECT count(event_store.append('meanwhile-1', 'T', '{}')) FROM generate_series(1, 3)});
	my $told = $looker->query_safe('SELECT event_store.safe_position()');
	my $read = $looker->query_safe("SELECT string_agg(stream, ' ') FROM event_store.read_all($start)");
	is($told, $start + 3, 'what others append is told');
	$holder->query_safe('SELECT pg_advisory_unlock(1)');
	$session->query('SELECT 1');
	is($looker->query_safe('SELECT min(after_position) FROM event_store.in_flight'), $start, 'a mark is placed below it');
	is($node->safe_psql('postgres', 'SELECT event_store.safe_position()'), $start, 'a new reader is told less');
	is($looker->query_safe("SELECT count(*) FROM event_store.read_all($told)"), '0', 'who has read that goes on from there');
	$session->query('COMMIT');
	$holder->query_safe('SELECT pg_advisory_lock(1)');
	is($read . '; ' . $looker->query_safe("SELECT string_agg(stream, ' ') FROM event_store.read_all($told)"),
		'meanwhile-1 meanwhile-1 meanwhile-1; suspended-1', 'and gets every event, once');
	$session->query('RESET event_store.fault');
}

# The end of the session, and a crash of its process, at each point.
my $restarts = 0;
foreach my $kind (qw(terminate crash))
{
	foreach my $name ('append_streams', 'save_snapshot')
	{
		foreach my $point (points_of($name))
		{
			my $before = state();
			my $log_size = -s $node->logfile;

			renew_session() if first_meeting($point);
			$session->query_until(qr/^going/m,
				"SET event_store.fault = '$point, $kind';\n\\echo going\n" . call($name) . ";\n");
			eval { $session->quit };
			if ($kind eq 'crash')
			{
				eval { $looker->quit };
				eval { $holder->quit };
				$node->wait_for_log(
					qr/database system is ready to accept connections/, $log_size);
				$restarts++;
				start_sessions();
			}
			else
			{
				start_session();
			}
			$node->poll_query_until('postgres', 'SELECT locks = 0 FROM state')
			  or die 'a lock stays';
			is(state(), $before, "$name, $kind at: $point: nothing of it is stored or held");
			is(sqlstate_of(q{SELECT event_store.append('beside-1', 'T', '{}')}),
				'', "$name, $kind at: $point: the next session appends");
		}
	}
}
note "$restarts crashes";

# A full disk, on which one of the tables or of their indexes lies.
SKIP:
{
	skip 'no name space with a file system of our own can be made here (unshare)', 1
	  if $ENV{SMALL_DISK} ne 'yes';

	my $disk = $node->basedir . '/disk';
	mkdir $disk or die "could not make $disk: $!";
	system_or_bail('mount', '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', $disk);
	mkdir "$disk/space" or die "could not make $disk/space: $!";
	chmod 0700, "$disk/space";
	$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk/space'");

	my $long = q{repeat('x', 900)};
	my %growing = (
		'TABLE event_store.events' => q{append('old-1', 'T', to_jsonb(repeat(md5(random()::text), 40)))},
		'INDEX event_store.events_pkey' => 'append_json(\'old-1\', ' . sprintf($events, 500) . ')',
		'INDEX event_store.events_event_id_key' => 'append_json(\'old-1\', ' . sprintf($events, 500) . ')',
		'INDEX event_store.events_stream_id_version_key' => 'append_json(\'old-1\', ' . sprintf($events, 500) . ')',
		'INDEX event_store.events_category_id_global_position_idx' => 'append_json(\'old-1\', ' . sprintf($events, 500) . ')',
		'INDEX event_store.streams_pkey' => q{append_streams((SELECT jsonb_agg(jsonb_build_object('stream', 'disk-' || :n || '-' || g, 'expected_version', 0, 'events', '[{"type": "T", "data": 1}]'::jsonb)) FROM generate_series(1, 200) g))},
		'INDEX event_store.categories_pkey' => q{append_streams((SELECT jsonb_agg(jsonb_build_object('stream', 'disk' || :n || 'x' || g, 'expected_version', 0, 'events', '[{"type": "T", "data": 1}]'::jsonb)) FROM generate_series(1, 200) g))},
		'INDEX event_store.categories_category_key' => qq{append('disk' || :n || $long, 'T', '{}')},
		'INDEX event_store.snapshots_pkey' => q{save_snapshot('old-1', 1, '{}', :n)},
		'TABLE event_store.streams' => qq{append('disk-' || :n || $long, 'T', '{}')},
		'INDEX event_store.streams_stream_key' => qq{append('disk-' || :n || $long, 'T', '{}')},
		'TABLE event_store.categories' => qq{append('disk' || :n || $long, 'T', '{}')},
		'TABLE event_store.snapshots' =>
		  q{save_snapshot('old-1', 1, (SELECT jsonb_agg(random()) FROM generate_series(1, 20000)), :n)});

	foreach my $relation (sort keys %growing)
	{
		my $sqlstate = '';
		my $before;
		my $rounds = 0;

		$node->safe_psql('postgres', "ALTER $relation SET TABLESPACE small");
		run_log([ 'dd', 'if=/dev/zero', "of=$disk/filler", 'bs=8k' ]);
		for (my $i = 0; $sqlstate eq '' && $i < 2000; $i++)
		{
			my $statement = "SELECT event_store.$growing{$relation}";

			$rounds++;
			$n++;
			$statement =~ s/:n/$n/g;
			$before = state();
			$sqlstate = sqlstate_of($statement);
		}
		is($sqlstate, '53100', "$relation: the disk is full after $rounds calls");
		is(state(), $before, "$relation: nothing is stored or held of the last one");
		unlink "$disk/filler" or die "could not remove $disk/filler: $!";
		is(sqlstate_of("SELECT event_store.append('disk-after', 'T', '{}')"),
			'', "$relation: once there is room, the session goes on");
		$node->safe_psql('postgres', "ALTER $relation SET TABLESPACE pg_default");
	}
}

# Without shared memory for hints a session has hints of its own, of some more
# streams than they have room for.
{
	my $log_size = -s $node->logfile;

	renew_session();
	$session->query("SET event_store.fault = 'hints: looked for, memory'");
	is( sqlstate_of(q{SELECT count(event_store.append('hinted-' || n % 45000, 'T', '{}')) FROM generate_series(1, 90000) n;}),
		'', 'without shared hints appends go on');
	$session->query('RESET event_store.fault');
	is( $session->query(q{SELECT count(*), min(version), max(version) FROM event_store.list_streams('hinted', max_count => NULL)}),
		'45000|2|2', 'without shared hints each stream is found');
	like(slurp_file($node->logfile, $log_size),
		qr/LOG: .*event_store shares no hints:/,
		'without shared hints the log says so');
}

is(state() =~ s/.*\|//r, '0', 'the store is sound after all that');
$session->quit;
$looker->quit;
$holder->quit;
$node->stop;
done_testing();
