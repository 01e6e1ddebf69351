# bench/lib/Bench/Server.pm
#
# The server that is measured.  tools/bench has started it, and PGHOST, PGPORT
# and PGUSER name it.

package Bench::Server;

use strict;
use warnings;

use Bench::Command qw(run);
use Bench::Session;
use POSIX ();
use Time::HiRes qw(time usleep);

# DATA is its data directory.
sub new
{
	my ($class, $data) = @_;

	open(my $in, '<', "$data/postmaster.pid") or die "could not read $data/postmaster.pid: $!\n";
	chomp(my $postmaster = readline($in));
	return bless {
		data => $data,
		postmaster => $postmaster,
		sessions => {}
	}, $class;
}

# Runs SQL in a database, in a session that is kept for that, and returns its
# rows' lines.
sub query
{
	my ($self, $database, $sql) = @_;

	$self->{sessions}{$database} //= Bench::Session->new($database);
	return $self->{sessions}{$database}->query($sql);
}

# Runs the file NAME of bench/sql with the given psql variables and search_path.
sub script
{
	my ($self, $database, $name, $search_path, %variables) = @_;

	run([
			qw(psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1), "--file=sql/$name.sql",
			"--output=/dev/null",
			(map { "--set=$_=$variables{$_}" } sort keys %variables), "--dbname=$database"
		],
		env => { PGOPTIONS => Bench::Session::options(search_path => $search_path) });
	return;
}

sub create_database
{
	my ($self, $database) = @_;

	$self->query('postgres', "CREATE DATABASE $database");
	return;
}

# What a measured run begins with: nothing left to write of what came before, so
# that no checkpoint falls into it.
sub checkpoint
{
	my ($self) = @_;

	$self->query('postgres', 'CHECKPOINT');
	return;
}

# The settings that are not PostgreSQL's defaults, as [name, value]; those of
# where and how the server talks to us are left out.
sub settings
{
	my ($self) = @_;

	return map { [ split /\|/, $_, 2 ] } split /\n/, $self->query('postgres', <<~'END');
		SELECT name, current_setting(name)
		  FROM pg_settings
		 WHERE source = 'configuration file' AND setting <> boot_val
		   AND category NOT LIKE 'Reporting and Logging%'
		   AND category NOT LIKE '%Locale and Formatting'
		   AND category NOT LIKE '%Connection Settings' OR name = 'max_connections'
		 ORDER BY name
		END
}

sub version
{
	my ($self) = @_;

	return $self->query('postgres', 'SHOW server_version');
}

# The fields of a process's /proc/PID/stat from its state on; none when it is
# gone.
sub process
{
	my ($pid) = @_;

	open(my $in, '<', "/proc/$pid/stat") or return;
	my $line = readline($in) // return;
	return split ' ', $line =~ s/.*\) //sr;
}

# The processes that serve clients and are not our own sessions.  One without a
# command line is about to end, or has ended and was not waited for.
sub foreign_backends
{
	my ($self) = @_;
	my %own = map { $_->{backend} => 1 } values %{ $self->{sessions} };
	my @found;

	foreach my $pid (grep { !$own{$_} } map { m{/proc/(\d+)} } glob('/proc/[0-9]*'))
	{
		my (undef, $parent) = process($pid) or next;
		next if $parent != $self->{postmaster};
		open(my $in, '<', "/proc/$pid/cmdline") or next;
		local $/ = undef;
		push @found, $pid if (readline($in) // '') =~ /^$|\[local\]/;
	}
	return @found;
}

# Waits until the sessions that a run has opened have ended, beside those
# that it is to leave.
sub wait_for_backends
{
	my ($self, @but) = @_;
	my %but = map { $_ => 1 } @but;
	my $deadline = time + 60;

	while (grep { !$but{$_} } $self->foreign_backends)
	{
		die "sessions of a run did not end\n" if time > $deadline;
		usleep(10_000);
	}
	return;
}

# Waits until so many sessions that are not ours are connected, and returns their
# processes.
sub wait_for_sessions
{
	my ($self, $n) = @_;
	my $deadline = time + 60;

	while (1)
	{
		my @found = $self->foreign_backends;
		return @found if @found == $n;
		die scalar(@found) . " sessions are connected, not $n\n" if time > $deadline;
		usleep(50_000);
	}
	return;
}

# What the server has used so far: CPU seconds of the processes that have ended,
# and bytes of WAL.
#
# The CPU is what the postmaster has been told of its children that it waited
# for: backends from their start to their end, in user and kernel mode, with
# connecting and with what the transactions did at their ends; and an autovacuum
# worker that ended in the meantime.  The WAL writer, the checkpointer and other
# processes that stay are not in it.
sub used
{
	my ($self) = @_;
	my @fields = process($self->{postmaster}) or die "the server is gone\n";

	return {
		cpu => ($fields[13] + $fields[14]) / POSIX::sysconf(POSIX::_SC_CLK_TCK),
		wal => $self->query('postgres', "SELECT pg_current_wal_insert_lsn() - '0/0'")
	};
}

1;
