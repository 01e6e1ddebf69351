# bench/lib/Bench/Command.pm
#
# Programs that the benchmark runs: each has a deadline, ends the benchmark when
# it fails, and does not outlive it.

package Bench::Command;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use POSIX ();
use Time::HiRes qw(time usleep);

our @EXPORT_OK = qw(run start finish stop);

# What was started and has not been waited for.
my %running;

END
{
	kill 'TERM', keys %running if %running;
}

# Starts a program, with what it prints going to files of its own.  ENV adds to
# its environment; SECONDS is how long it may take.
sub start
{
	my ($command, %how) = @_;
	my $out = File::Temp->new;
	my $err = File::Temp->new;
	my $pid = fork() // die "could not fork: $!\n";

	if (!$pid)
	{
		%ENV = (%ENV, %{ $how{env} // {} });
		open(STDIN, '<', '/dev/null')
		  && open(STDOUT, '>&', $out)
		  && open(STDERR, '>&', $err)
		  && exec(@$command);
		print STDERR "could not run $command->[0]: $!\n";
		POSIX::_exit(127);
	}
	$running{$pid} = 1;
	return {
		pid => $pid,
		name => join(' ', @$command),
		out => $out,
		err => $err,
		deadline => time + ($how{seconds} // 600)
	};
}

sub contents
{
	my ($file) = @_;

	seek($file, 0, 0) or die "could not read $file: $!\n";
	local $/ = undef;
	return scalar(<$file>) // '';
}

# Waits for a program's end and returns what it printed.
sub finish
{
	my ($run) = @_;
	my $late = 0;

	while (waitpid($run->{pid}, POSIX::WNOHANG) == 0)
	{
		if (time > $run->{deadline})
		{
			$late = 1;
			kill 'KILL', $run->{pid};
		}
		usleep(5000);
	}
	my $status = $?;
	delete $running{ $run->{pid} };
	my ($out, $err) = map { contents($run->{$_}) } qw(out err);

	die "$run->{name}\ntook too long\n$out$err" if $late;
	die "$run->{name}\nfailed with status $status\n$out$err" if $status != 0;
	return $out;
}

# Ends a program that would go on.
sub stop
{
	my ($run) = @_;

	my $ended = waitpid($run->{pid}, POSIX::WNOHANG) != 0;

	# Once it was waited for, its number may be another's.
	if (!$ended)
	{
		kill 'TERM', $run->{pid};
		waitpid($run->{pid}, 0);
	}
	delete $running{ $run->{pid} };
	die "$run->{name}\nended by itself\n" . contents($run->{err}) if $ended;
	return;
}

# Runs a program to its end.
sub run
{
	return finish(start(@_));
}

1;
