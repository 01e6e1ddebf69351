#!/usr/bin/perl
#
# The reader that skips nothing: writers with random delays, rollbacks,
# savepoints, two-phase commits and batches over many streams, transactions that
# append and stay open for seconds, an unrelated transaction that stays open,
# sessions of writers and readers that are ended from outside, and readers that
# go on after the last position they got, which they keep outside of the
# database.  read_all and read_category miss nothing and get nothing twice.  A
# reader that goes by the highest position it saw in a plain query loses events
# in the same run, which shows that the load would tell.
#
#	READER_EVENTS	how many events at least; 50,000 unless set
#	READER_WRITERS	how many writers at once; 24 unless set
#	READER_CRASHES	seconds from a kill -9, which restarts the server, to the
#					next; none unless set

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use POSIX ();
use LongRun qw(start_session start_reader finish_reader stop_session
  kill_postmaster kill_processes unexpected_errors);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $wanted = $ENV{READER_EVENTS} // 50_000;
my $writers = $ENV{READER_WRITERS} // 24;
my $crashes = $ENV{READER_CRASHES} // 0;

# Millions of events come in batches of up to some hundreds.
my $largest = $wanted > 1_000_000 ? 400 : 24;

my $node = PostgreSQL::Test::Cluster->new('reader');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	restart_after_crash = on
	max_connections = 80
	max_prepared_transactions = 60
	max_wal_size = 2GB
	log_statement = none
	END
$node->start;

$node->safe_psql('postgres', <<~"END");
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();

	CREATE TABLE batches (size int PRIMARY KEY, events jsonb);
	INSERT INTO batches
	SELECT size, (SELECT jsonb_agg(jsonb_build_object('type', 'Batch',
								   'data', jsonb_build_object('n', n)))
					FROM generate_series(1, size) n)
	  FROM generate_series(1, $largest) size;
	CREATE TABLE unrelated (n int);
	VACUUM ANALYZE batches;
	END

# What the writers do; the first line tells how often.  A prepared transaction
# is named after the session that is to end it.
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
	prepared => <<~'END',
		@2
		SELECT pg_backend_pid() AS pid \gset
		BEGIN;
		SELECT FROM event_store.append_json('one-' || :s, :batch);
		PREPARE TRANSACTION 'writer_:pid';
		\sleep 30 ms
		COMMIT PREPARED 'writer_:pid';
		END
	unprepared => <<~'END',
		@1
		SELECT pg_backend_pid() AS pid \gset
		BEGIN;
		SELECT FROM event_store.append_json('two-' || :s, :batch);
		PREPARE TRANSACTION 'writer_:pid';
		\sleep 30 ms
		ROLLBACK PREPARED 'writer_:pid';
		END
);
my @files;
foreach my $name (sort keys %scripts)
{
	my ($weight, $script) = $scripts{$name} =~ /\A@(\d+)\n(.*)\z/s;
	my $file = $node->basedir . "/$name.sql";

	$script =~ s/:batch/(SELECT events FROM batches WHERE size = :size)/g;
	append_to_file($file, <<~"END");
		\\set s random(1, 40)
		\\set ms random(0, 12)
		\\set size random_exponential(1, $largest, 2)
		$script
		END
	push @files, '-f', "$file\@$weight";
}

# A transaction that does not append, and has an xid and a snapshot.
my $unrelated;

sub open_unrelated
{
	$unrelated = $node->background_psql('postgres');
	$unrelated->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
	$unrelated->query_safe('INSERT INTO unrelated VALUES (1)');
	return;
}

open_unrelated();

# Of each page they remember what it went on from, how far it came, the number
# of its events, a sum over what they are, and how many were not above the one
# before.  The pages lie end to end, so that is enough to compare all of them
# with the table.
my $hash = 'hashtextextended(stream, global_position * 1000003 + version)';
my %condition = (all => 'true', category => q{stream LIKE 'one-%'}, naive => 'true');
my %query = (
	all => 'SELECT * FROM event_store.read_all(:last, 1000)',
	category => q{SELECT * FROM event_store.read_category('one', :last, 1000)},
	naive => <<~'END');
		SELECT * FROM event_store.all_events
		 WHERE global_position > :last ORDER BY global_position LIMIT 1000
		END
my %readers;
foreach my $reader (sort keys %query)
{
	$readers{$reader} = start_reader($node, "reader-$reader", <<~"END");
		SELECT concat_ws('|', max(global_position), :last, count(*), sum($hash),
						 count(*) FILTER (WHERE global_position <= before)) AS page,
			   max(global_position) AS last
		  FROM (SELECT *, lag(global_position, 1, :last) OVER () AS before
				  FROM ($query{$reader}) e) e
		HAVING count(*) > 0
		END
}

# Holds the others back for seconds, and lets them catch up.
my $long = start_session(
	$node, 'long',
	reconnect => 1,
	text => sub {
		return sprintf <<~'END', 1 + rand 2;
			BEGIN;
			SELECT FROM event_store.append('one-long', 'Begun', '{}');
			SELECT FROM pg_sleep(%.1f);
			SELECT FROM event_store.append('one-long', 'Ended', '{}');
			COMMIT;
			SELECT FROM pg_sleep(1.5);
			END
	});

# Writes until there are enough events, and disturbs the sessions meanwhile.
my %sum = map { $_ => 0 } qw(crashes ended orphans);

# Sessions of writers and readers to end, of those that run.
sub end_sessions
{
	$sum{ended} += $node->safe_psql('postgres', <<~'END');
		SELECT count(pg_terminate_backend(pid))
		  FROM (SELECT pid FROM pg_stat_activity
				 WHERE application_name IN ('pgbench', 'long', 'reader-all', 'reader-category')
				 ORDER BY random() LIMIT 2) a
		END
	return;
}

# What an ended session has left prepared would keep its streams locked.  One
# that ended its transaction between our looks at the two views is no orphan,
# and then there is nothing to end.
sub end_orphans
{
	my $orphans = $node->safe_psql('postgres', <<~'END');
		SELECT CASE WHEN random() < 0.5 THEN 'COMMIT' ELSE 'ROLLBACK' END
			   || ' PREPARED ' || quote_literal(gid)
		  FROM pg_prepared_xacts
		 WHERE NOT EXISTS (SELECT FROM pg_stat_activity
							WHERE pid = split_part(gid, '_', 2)::int)
		END
	$sum{orphans} += () = $orphans =~ /PREPARED/g;
	$node->psql('postgres', $orphans =~ s/$/;/mgr, on_error_stop => 0) if $orphans;
	return;
}

# Kills the postmaster and a writer in turn.
sub crash
{
	my @pids = split /\n/, $node->safe_psql('postgres', <<~'END');
		SELECT pid FROM pg_stat_activity
		 WHERE pid <> pg_backend_pid() AND backend_type NOT LIKE '%worker%'
		 ORDER BY application_name <> 'pgbench', random()
		END

	if ($sum{crashes}++ % 2)
	{
		kill_processes($node, $pids[0]);
	}
	else
	{
		kill_postmaster($node, @pids);
	}
	eval { $unrelated->quit };
	open_unrelated();
	return;
}

sub count_events
{
	return $node->safe_psql('postgres', 'SELECT count(*) FROM event_store.events');
}

my $begin = time;
my $next_crash = $begin + $crashes;
my $next_end = $begin + 1;
my $seconds = $wanted > 1_000_000 ? 12 : 5;
my $pgbench_log = $node->basedir . '/pgbench.log';
my $events = 0;
while ($events < $wanted)
{
	my $crashed_before = $sum{crashes};
	my $pgbench = fork() // die "could not fork: $!\n";
	if (!$pgbench)
	{
		$ENV{PGAPPNAME} = 'pgbench';
		open(STDOUT, '>>', $pgbench_log);
		open(STDERR, '>&', \*STDOUT);
		exec 'pgbench', '--no-vacuum', "--client=$writers", '--jobs=2',
		  "--time=$seconds", @files,
		  $node->connstr('postgres')
		  or POSIX::_exit(1);
	}
	my $late = time + $seconds + 30;
	while (waitpid($pgbench, POSIX::WNOHANG) == 0)
	{
		if ($crashes && time >= $next_crash)
		{
			crash();
			$next_crash = time + $crashes;
			$late = time;
		}
		elsif (time > $late)
		{
			# One that loses its connections while it makes them may hang.
			kill 'TERM', $pgbench;
		}
		elsif (time >= $next_end)
		{
			end_sessions();
			$next_end = time + $seconds / 6;
		}
		end_orphans();
		usleep(300_000);
	}
	end_orphans();
	my $before = $events;
	$events = count_events();
	die "the writers append nothing:\n" . slurp_file($pgbench_log)
	  if $events == $before && $crashed_before == $sum{crashes};
	my $progress = sprintf '%d events after %.0f s', $events, time - $begin;
	$wanted > 1_000_000 ? diag $progress : note $progress;
}
my $took = time - $begin;

stop_session($long, $node);
end_orphans();
$events = count_events();
my %file = map { $_ => finish_reader($node, $readers{$_}) } sort keys %readers;

is( $unrelated->query_safe(
		'SELECT count(*) FROM unrelated, pg_current_xact_id() x WHERE n = 1 AND x IS NOT NULL'
	),
	1,
	'an unrelated transaction was open all the time');
$unrelated->query_safe('ROLLBACK');
$unrelated->quit;

cmp_ok($sum{ended}, '>', 0, 'sessions were ended');
cmp_ok($sum{crashes}, '>', 0, 'the server was killed') if $crashes;

# How many events a reader has missed and how many it got that are not there,
# how many pages hold other events than the table, how many do not begin where
# the one before has ended, and how many events were out of order.
sub check_reader
{
	my ($reader) = @_;

	return $node->safe_psql('postgres', <<~"END");
		CREATE TEMPORARY TABLE page (n bigint GENERATED ALWAYS AS IDENTITY,
			last bigint, after bigint, events bigint, hash numeric, back bigint);
		COPY page (last, after, events, hash, back) FROM '$file{$reader}' (DELIMITER '|');
		ANALYZE page;
		SELECT coalesce(sum(greatest(there.events - page.events, 0)), 0),
			   coalesce(sum(greatest(page.events - there.events, 0)), 0),
			   count(*) FILTER (WHERE there.hash IS DISTINCT FROM page.hash),
			   count(*) FILTER (WHERE page.after <> page.before),
			   sum(back)
		  FROM (SELECT *, lag(last, 1, 0) OVER (ORDER BY n) AS before FROM page) page,
			   LATERAL (SELECT count(*) AS events, sum($hash) AS hash
						  FROM event_store.all_events
						 WHERE global_position > page.after AND global_position <= page.last
						   AND $condition{$reader}) there;
		SELECT count(*) FROM event_store.all_events
		 WHERE $condition{$reader} AND global_position > (SELECT max(last) FROM page);
		SELECT sum(events) FROM page;
		END
}

note "$events events by $writers writers";
cmp_ok($events, '>=', $wanted, "there are $wanted events and more");

my ($wrong, $unread, $read) = split /\n/, check_reader('all');
is($wrong, '0|0|0|0|0', 'read_all: nothing missed, nothing twice, in order');
is($unread, 0, 'it has come to the end');
is($read, $events, 'and has read as many events as there are');
($wrong, $unread) = split /\n/, check_reader('category');
is($wrong, '0|0|0|0|0', 'read_category: nothing missed, nothing twice, in order');
is($unread, 0, 'it has come to the end');

my ($missed) = split /\|/, check_reader('naive');
cmp_ok($missed, '>', 0, 'the naive reader has lost events');

foreach my $session (values %readers, $long)
{
	is(unexpected_errors($session->{err}),
		'', "$session->{name}: no errors but lost connections");
}
is(join('', grep { /ERROR|FATAL|PANIC/ && !/terminating connection|database system is/ }
		split /^/, slurp_file($pgbench_log)),
	'', 'writers: the same');

is( $node->safe_psql('postgres', <<~'END'),
	SELECT count(*) FILTER (WHERE version <> place),
		   count(*) - count(DISTINCT event_id),
		   count(*) - count(DISTINCT global_position)
	  FROM (SELECT *, row_number() OVER (PARTITION BY stream_id
										 ORDER BY global_position) AS place
			  FROM event_store.events) e
	END
	'0|0|0',
	'versions are contiguous in the order of positions, nothing is stored twice');
is( $node->safe_psql('postgres', <<~'END'),
	SELECT count(*) - count(DISTINCT stream) FROM event_store.streams
	UNION ALL
	SELECT count(*) - count(DISTINCT category) FROM event_store.categories
	UNION ALL
	SELECT count(*) FROM event_store.in_flight
	UNION ALL
	SELECT count(*) FROM pg_prepared_xacts
	UNION ALL
	SELECT count(*) FROM event_store.verify_store()
	END
	"0\n0\n0\n0\n0",
	'streams and categories are there once, nothing is in flight, the store is sound');

diag sprintf('figures: %d events by %d writers in %.0f s; the naive reader missed %d; '
	  . '%d sessions ended, %d transactions they left prepared, %d crashes',
	$events, $writers, $took, $missed, $sum{ended}, $sum{orphans}, $sum{crashes});

$node->stop;
done_testing();
