# bench/lib/Bench/Loop.pm
#
# Calls in a loop of PL/pgSQL, in one backend: what a call costs the server where
# no client, no network and no other session has a part in it.

package Bench::Loop;

use strict;
use warnings;

use Bench::Session;
use Bench::Systems qw($data);
use Exporter qw(import);
use List::Util qw(max);

our @EXPORT_OK = qw(loop);

# Runs a loop in a session:
#
#	session
#	calls	how many, rounded down, but one at least
#	call	a statement of PL/pgSQL; in it are i, from 1 to calls, and event, a jsonb
#	event	SQL for that; the event that all append unless given
#	before	SQL to run first, unmeasured
#	commit	1: a transaction each call; else one for all
#
# Returns a sample; its cpu_us contains the loop itself, and with commit the
# commits.
sub loop
{
	my ($server, %how) = @_;
	my $commit = $how{commit} ? 'COMMIT;' : '';
	my $event = $how{event} // "'$data'";
	my $calls = max(1, int($how{calls}));

	$how{session}->query($how{before}) if $how{before};
	my $wal = $server->used->{wal};
	my ($seconds, $cpu) = $how{session}->measure(<<~"END");
		DO \$\$
		DECLARE
			event jsonb := $event;
		BEGIN
			FOR i IN 1..$calls LOOP
				$how{call};
				$commit
			END LOOP;
		END \$\$;
		END
	return {
		rate => $calls / $seconds,
		cpu_us => 1e6 * $cpu / $calls,
		wal_bytes => ($server->used->{wal} - $wal) / $calls,
		calls => $calls
	};
}

1;
