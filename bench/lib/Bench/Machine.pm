# bench/lib/Bench/Machine.pm
#
# What it was measured on.

package Bench::Machine;

use strict;
use warnings;

use Bench::Command qw(run);
use Bench::Pgbench;
use Exporter qw(import);
use POSIX ();

our @EXPORT_OK = qw(describe);

# The first match of a pattern in a file of /proc.
sub look_up
{
	my ($file, $pattern) = @_;

	open(my $in, '<', $file) or die "could not read $file: $!\n";
	local $/ = undef;
	return readline($in) =~ $pattern ? $1 : 'unknown';
}

# How often the disk takes a page of WAL in a second, by PostgreSQL's own
# program, which not every installation has.  It goes on to other ways of
# writing, and is not waited for.
sub fsync_rate
{
	my ($server) = @_;
	my $rate;

	return 'unknown' if !grep { -x "$_/pg_test_fsync" } split /:/, $ENV{PATH};
	my $pid = open(my $out, '-|', 'pg_test_fsync', '--secs-per-test=1',
		"--filename=$server->{data}/../fsync_test")
	  or die "could not run pg_test_fsync: $!\n";
	while (!$rate && defined(my $line = readline($out)))
	{
		($rate) = $line =~ /^\s+fdatasync\s+([0-9.]+) ops/;
	}
	kill 'TERM', $pid;
	close($out);
	return $rate ? sprintf('%.0f a second', $rate) : 'unknown';
}

# The machine's huge pages that are in use, or reserved: the server's, if nobody else
# has any.
sub huge_pages
{
	my %n = map { $_ => look_up('/proc/meminfo', qr/^HugePages_$_:\s+(\d+)/m) } qw(Total Free Rsvd);
	my $size = look_up('/proc/meminfo', qr/^Hugepagesize:\s+(\d+) kB/m);

	return 'unknown' if grep { !/^\d+$/ } values %n, $size;
	my $used = $n{Total} - $n{Free} + $n{Rsvd};
	return $used ? sprintf('%.1f GB', $used * $size / 1024**2) : 'none';
}

# Name and value of everything that is worth telling, in order.
sub describe
{
	my ($server, $commit) = @_;
	my $file_system = (split /\n/, run([ 'df', '--output=fstype', $server->{data} ]))[1];
	my $memory = look_up('/proc/meminfo', qr/^MemTotal:\s+(\d+) kB/m);

	return (
		[ 'date', POSIX::strftime('%Y-%m-%d', gmtime) ],
		[ 'commit', $commit ],
		[ 'PostgreSQL', $server->version ],
		[ 'kernel', (POSIX::uname())[2] ],
		[ 'CPU', look_up('/proc/cpuinfo', qr/^model name\s*:\s*(.*)$/m) ],
		[ 'cores', Bench::Pgbench::cores() ],
		[ 'memory', sprintf('%.0f GB', $memory / 1024**2) ],
		[ 'huge pages in use', huge_pages() ],
		[ 'file system', $file_system ],
		[ 'fdatasync of 8 kB', fsync_rate($server) ],
		map { [ "setting $_->[0]", $_->[1] ] } $server->settings);
}

1;
