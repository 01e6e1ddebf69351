# bench/lib/Bench/Pgbench.pm
#
# One run of pgbench: what it did, and what that cost the server.

package Bench::Pgbench;

use strict;
use warnings;

use Bench::Command qw(start finish);
use Bench::Numbers qw(median percentile);
use Bench::Session;
use Exporter qw(import);
use File::Temp ();
use List::Util qw(min);

our @EXPORT_OK = qw(pgbench start_pgbench finish_pgbench);

# Cores of this machine, which the clients share with the server.
sub cores
{
	open(my $in, '<', '/proc/cpuinfo') or die "could not read /proc/cpuinfo: $!\n";
	return scalar grep { /^processor\s*:/ } readline($in);
}

# Starts the script of the name SCRIPT in bench/pgbench:
#
#	database, clients
#	seconds or transactions	how long; transactions are each client's
#	protocol	prepared unless given
#	define		its variables; those in QUOTED hold text, which the simple protocol,
#				where pgbench puts it in, wants quoted
#	settings	of its sessions
#	rate		how many transactions begin in a second, by all clients together; as many
#				as can unless given
sub start_pgbench
{
	my (%how) = @_;
	my $protocol = $how{protocol} // 'prepared';
	my %define = (clients => $how{clients}, %{ $how{define} // {} });

	foreach my $name (@{ $how{quoted} // [] })
	{
		$define{$name} = "'" . ($define{$name} =~ s/'/''/gr) . "'" if $protocol eq 'simple';
	}
	my $log = $how{rate} ? File::Temp->newdir : undef;
	my $run = start(
		[
			'pgbench', '--no-vacuum', "--protocol=$protocol", "--client=$how{clients}",
			'--jobs=' . min($how{clients}, cores()),
			"--file=pgbench/$how{script}.sql",
			defined $how{seconds}
			? "--time=$how{seconds}"
			: "--transactions=$how{transactions}",
			($log ? ("--rate=$how{rate}", '--log', "--log-prefix=$log/log") : ()),
			(map { "--define=$_=$define{$_}" } sort keys %define),
			$how{database}
		],
		seconds => ($how{seconds} // 0) + 300,
		env => { PGOPTIONS => Bench::Session::options(%{ $how{settings} // {} }) });

	return { %$run, log => $log };
}

# How long each transaction of a run at a rate took, in milliseconds, from when it
# was sent.  pgbench counts from when it was due: what it itself was late by, which
# is the last field, is taken off.
sub latencies
{
	my ($log) = @_;
	my @latencies;

	foreach my $file (glob("$log/log*"))
	{
		open(my $in, '<', $file) or die "could not read $file: $!\n";
		while (defined(my $line = readline($in)))
		{
			my (undef, undef, $took, undef, undef, undef, $late) = split ' ', $line;

			die "pgbench logged: $line" if ($late // '') !~ /^\d+$/ || $took !~ /^\d+$/;
			push @latencies, ($took - $late) / 1000;
		}
	}
	return @latencies;
}

# Waits for the run's end and returns
#
#	calls		transactions that pgbench counts as done
#	failed		those that it counts as failed; any other error ends the benchmark
#	rate		done in a second, without connecting
#	latency_ms	their mean; of a run at a rate instead
#	median_ms, p99_ms	what half of them and 99 % of them did not exceed
sub finish_pgbench
{
	my ($run) = @_;
	my $out = finish($run);
	my %sample;

	($sample{calls}) = $out =~ /^number of transactions actually processed: (\d+)/m;
	($sample{failed}) = $out =~ /^number of failed transactions: (\d+)/m;
	($sample{latency_ms}) = $out =~ /^latency average = ([0-9.]+) ms/m;
	($sample{rate}) = $out =~ /^tps = ([0-9.]+) \(without initial/m;
	$sample{failed} //= 0;
	foreach my $figure (qw(calls latency_ms rate))
	{
		die "pgbench did not print its $figure:\n$out" if !defined $sample{$figure};
	}

	# As numbers, also in JSON.
	$_ += 0 foreach values %sample;
	die "pgbench did nothing:\n$out" if $sample{calls} == 0;
	if ($run->{log})
	{
		my @latencies = latencies($run->{log});

		die "pgbench logged @{[ scalar @latencies ]} transactions of $sample{calls}\n" if @latencies != $sample{calls};
		delete $sample{latency_ms};
		$sample{median_ms} = median(@latencies);
		$sample{p99_ms} = percentile(99, @latencies);
	}
	return \%sample;
}

# Runs pgbench, alone or beside others, whose sessions are then to be in BESIDE,
# and adds to its figures
#
#	cpu_us		of the server, a call
#	wal_bytes	a call
#
# and what AT_END, if given, returns right after the last call.
#
# COUNT_REFUSED is a query that counts the calls that answered that they had not
# done it; they count as failed, and what they cost is a cost of the others.
sub pgbench
{
	my ($server, %how) = @_;
	my @beside = @{ $how{beside} // [] };

	# The end of a session that was before would be taken for this run's.
	$server->wait_for_backends(@beside);
	my $refused = $how{count_refused} ? $server->query(@how{qw(database count_refused)}) : 0;
	my $before = $server->used;
	my $sample = finish_pgbench(start_pgbench(%how));
	my %at_end = $how{at_end} ? $how{at_end}->() : ();

	$server->wait_for_backends(@beside);
	my $after = $server->used;
	$sample->{cpu_us} = 1e6 * ($after->{cpu} - $before->{cpu}) / $sample->{calls};
	$sample->{wal_bytes} = ($after->{wal} - $before->{wal}) / $sample->{calls};
	if ($how{count_refused})
	{
		$refused = $server->query(@how{qw(database count_refused)}) - $refused;
		my $accepted = 1 - $refused / $sample->{calls};

		die "every call was refused\n" if $accepted <= 0;
		$sample->{failed} += $refused;
		$sample->{rate} *= $accepted;
		$sample->{$_} /= $accepted foreach qw(cpu_us wal_bytes);
	}
	return { %$sample, %at_end };
}

1;
