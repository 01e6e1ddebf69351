# bench/lib/Bench/Session.pm
#
# A session that stays: a psql that is fed query after query.  It knows its
# backend's process, and so what a query costs the server.

package Bench::Session;

use strict;
use warnings;

use IPC::Open3 qw(open3);
use IO::Handle;
use POSIX ();
use Time::HiRes qw(time);

my $number = 0;

# Connects to a database; SETTINGS are those of the session.
sub new
{
	my ($class, $database, %settings) = @_;
	my $self = bless { database => $database }, $class;

	# A notice of a query would be taken for a row of its result.
	local $ENV{PGOPTIONS} = options(client_min_messages => 'warning', %settings);
	$self->{pid} = open3(
		$self->{in}, $self->{out}, undef,
		qw(psql --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --dbname),
		$database);
	$self->{in}->autoflush(1);
	$self->{backend} = $self->query('SELECT pg_backend_pid()');
	return $self;
}

# Settings as PGOPTIONS has them.
sub options
{
	my (%settings) = @_;

	return join(' ', map { "-c $_=" . ($settings{$_} =~ s/([\\ ])/\\$1/gr) } sort keys %settings);
}

# Runs SQL and returns its rows' lines.
sub query
{
	my ($self, $sql) = @_;
	my $end = 'end of query ' . ++$number;
	my $lines = '';

	local $SIG{PIPE} = 'IGNORE';
	print { $self->{in} } "$sql\n;\n\\echo $end\n";
	while (defined(my $line = readline($self->{out})))
	{
		if ($line eq "$end\n")
		{
			chomp $lines;
			return $lines;
		}
		$lines .= $line;
	}
	die "in database $self->{database}:\n$sql\nfailed: $lines";
}

# Nanoseconds that the backend has been on a CPU, in user and kernel mode, by the
# scheduler's own clock; where the kernel does not tell, by its ticks.  The
# backend is asleep in a read of its socket when we look.
sub cpu_ns
{
	my ($self) = @_;

	if (open(my $in, '<', "/proc/$self->{backend}/schedstat"))
	{
		return (split ' ', readline($in))[0];
	}
	open(my $in, '<', "/proc/$self->{backend}/stat")
	  or die "could not read the statistics of process $self->{backend}: $!\n";
	my @fields = split ' ', readline($in) =~ s/.*\) //r;
	return ($fields[11] + $fields[12]) * 1e9 / POSIX::sysconf(POSIX::_SC_CLK_TCK);
}

# Runs SQL and returns the seconds that it took and that the server's process
# was on a CPU.
sub measure
{
	my ($self, $sql) = @_;
	my $cpu = $self->cpu_ns;
	my $begin = time;

	$self->query($sql);
	my $seconds = time - $begin;
	return ($seconds, ($self->cpu_ns - $cpu) / 1e9);
}

# Runs SQL and returns its rows' lines and how many milliseconds its last statement
# took, by psql's clock: from when it was sent until its result was there.
sub timed
{
	my ($self, $sql) = @_;
	my $lines = $self->query("\\timing on\n$sql;\n\\timing off");
	my $time = qr/^Time: ([0-9.]+) ms.*\n?/m;
	my @milliseconds = $lines =~ /$time/g;

	die "psql did not print how long this took:\n$sql\n$lines" if !@milliseconds;
	chomp(my $rows = $lines =~ s/$time//gr);
	return ($rows, $milliseconds[-1]);
}

sub end
{
	my ($self) = @_;

	close($self->{in});
	waitpid($self->{pid}, 0);
	die "psql ended with status $?\n" if $? != 0;
	return;
}

1;
