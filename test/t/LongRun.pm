# test/t/LongRun.pm
#
# What the tests that kill servers and sessions share: psql sessions that are
# fed for as long as they live, readers that keep their position outside of the
# database, and crashes.

package LongRun;

use strict;
use warnings;

use Exporter qw(import);
use IO::Handle;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT_OK = qw(start_session start_reader finish_reader stop_session
  wait_session kill_postmaster kill_processes unexpected_errors);

# The processes that feed sessions; a test that dies takes them with it.
my %running;

END
{
	kill 'KILL', keys %running if %running;
}

# Connects with psql as NAME and feeds it what the function TEXT returns, call
# after call, until the connection is lost or the session is stopped.  With
# RECONNECT a new psql takes the place of one that ended; BEGIN is called
# before each.  What psql prints is added to NAME.out and NAME.err in the
# server's directory, where it outlives every crash: psql prints the answer to
# a call after the server has ended the call's transaction.
#
# A process of its own feeds, so that sessions do not wait for each other.
sub start_session
{
	my ($node, $name, %how) = @_;
	my $base = $node->basedir . "/$name";
	my $parent = $$;
	my $pid = fork() // die "could not fork: $!\n";
	my $stop = 0;

	if ($pid)
	{
		$running{$pid} = 1;
		return { pid => $pid, name => $name, out => "$base.out", err => "$base.err" };
	}

	# Leaves by _exit(), past the ends of the test and of its servers, and when
	# the test is no more.
	$SIG{$_} = 'DEFAULT' foreach qw(INT HUP);
	$SIG{PIPE} = 'IGNORE';
	$SIG{TERM} = sub { $stop = 1 };
	eval {
		open(STDOUT, '>>', "$base.out") or die "could not open $base.out: $!\n";
		open(STDERR, '>>', "$base.err") or die "could not open $base.err: $!\n";
		$ENV{PGAPPNAME} = $name;
		while (!$stop && getppid() == $parent)
		{
			$how{begin}->() if $how{begin};
			open(my $psql, '|-', 'psql', '--no-psqlrc', '--no-align', '--tuples-only',
				'--set=VERBOSITY=sqlstate', "--set=ON_ERROR_STOP=" . ($how{stop_on_error} // 0),
				"--dbname=" . ($how{connstr} // $node->connstr('postgres')))
			  or die "could not run psql: $!\n";
			$psql->autoflush(1);
			while (!$stop && getppid() == $parent)
			{
				print $psql $how{text}->() or last;
			}
			close($psql);
			last if !$how{reconnect};
			usleep(20_000);
		}
		1;
	} or do
	{
		print STDERR "FATAL: feeding $name: $@";
		POSIX::_exit(1);
	};
	POSIX::_exit(0);
}

# Waits for a session's end.
sub wait_session
{
	my ($session) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	while (waitpid($session->{pid}, POSIX::WNOHANG) == 0)
	{
		if (time > $deadline)
		{
			kill 'KILL', $session->{pid};
			die "session $session->{name} did not end\n";
		}
		usleep(5000);
	}
	delete $running{ $session->{pid} };
	die "session $session->{name} could not be fed\n" if $? != 0;
	return;
}

# Ends a session that would go on, once it has done what it was fed, or with
# NODE at once.
sub stop_session
{
	my ($session, $node) = @_;

	kill 'TERM', $session->{pid};
	$node->safe_psql('postgres', <<~"END") if $node;
		SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
		 WHERE application_name = '$session->{name}'
		END
	return wait_session($session);
}

# Where a reader has come to: the first field of the last line that it printed.
sub last_position
{
	my ($file) = @_;
	my $size = -s $file or return 0;
	my $tail;

	open(my $in, '<', $file) or die "could not open $file: $!\n";
	seek($in, $size > 1000 ? -1000 : 0, 2) if $size > 1000;
	read($in, $tail, 1000);
	$tail =~ /([^|\n]+)[^\n]*\n\z/ or die "$file does not end in a line\n";
	return $1;
}

# A session that tails the store: it runs QUERY, which reads after position
# :last and returns a column "page", the lines to print, of which the last
# begins with the position come to, and "last", that position.  It goes on
# from there after whatever happens to its connection or to the server.
sub reader_text
{
	my ($query) = @_;

	return <<~"END";
		SELECT page, last, page IS NULL AS idle FROM ($query) page \\gset
		\\if :idle
		SELECT FROM pg_sleep(0.01) \\g /dev/null
		\\else
		\\echo :page
		\\endif
		END
}

sub start_reader
{
	my ($node, $name, $query) = @_;
	my $file = $node->basedir . "/$name.out";
	my $begun;
	my $reader = start_session(
		$node, $name,
		reconnect => 1,
		stop_on_error => 1,
		begin => sub { $begun = 0 },
		text => sub {
			return reader_text($query) if $begun++;
			return '\set last ' . last_position($file) . "\n" . reader_text($query);
		});

	return { %$reader, query => $query };
}

# Stops a reader and reads what is left.  Returns the file of all it has read.
#
# psql prints the answer to QUERY, too, if the server dies between the row and
# the end of the statement: a page that was read, or none, which is taken out.
sub finish_reader
{
	my ($node, $reader) = @_;
	my $read;

	stop_session($reader);
	append_to_file($reader->{out}, '');
	$read = slurp_file($reader->{out});
	if ($read =~ s/^\|.*\n//mg)
	{
		unlink $reader->{out};
		append_to_file($reader->{out}, $read);
	}
	while (1)
	{
		my $before = -s $reader->{out};
		my $last = last_position($reader->{out});
		my $page = $node->safe_psql('postgres',
			"\\set last $last\nSELECT page FROM ($reader->{query}) page WHERE page IS NOT NULL");

		last if $page eq '';
		append_to_file($reader->{out}, "$page\n");
	}
	return $reader->{out};
}

# Kills the postmaster, waits until the server's other processes, of which the
# caller has the ids, have noticed and left, and starts the server again.
sub kill_postmaster
{
	my ($node, @pids) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	$node->kill9;
	while (grep { kill 0, $_ } @pids)
	{
		die "processes of a killed server stay: @pids\n" if time > $deadline;
		usleep(5000);
	}

	# One that the caller did not know of may still hold the shared memory.
	until ($node->start(fail_ok => 1))
	{
		die "the server does not start after a crash\n" if time > $deadline;
		usleep(100_000);
		$node->stop('fast', fail_ok => 1);
	}
	return;
}

# Kills backends or other processes of the server, which then starts itself
# anew; returns when it takes connections again.
sub kill_processes
{
	my ($node, @pids) = @_;
	my $log = -s $node->logfile;

	kill 'KILL', @pids;
	$node->wait_for_log(
		qr/all server processes terminated; reinitializing.*database system is ready to accept connections/s,
		$log);
	return;
}

# The errors in a session's NAME.err beside those of a lost connection, of a
# server that is not up again, and the ones that are allowed.
sub unexpected_errors
{
	my ($file, @allowed) = @_;
	my %allowed = map { $_ => 1 } @allowed,
	  qw(57P01 57P02 57P03);    # shut down, crashed, starting
	my $unexpected = '';

	open(my $in, '<', $file) or die "could not open $file: $!\n";
	while (my $line = <$in>)
	{
		next if $line =~ /: error: connection to server /
		  && $line =~ / (?:failed: (?!FATAL)|was lost$|FATAL:  the database system is )/;
		next if $line =~ /FATAL: +terminating connection/;    # between two calls
		$unexpected .= $line
		  if $line =~ /\b(?:ERROR|FATAL|PANIC|WARNING): +(.*)/ && !$allowed{$1}
		  || $line =~ /\berror: /;
	}
	return $unexpected;
}

1;
