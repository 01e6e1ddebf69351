#!/usr/bin/perl
#
# test/t/017_examples.pl
#
# The programs in examples/: deciders for node's pg and for psycopg.  Several
# clients at once decide on one stream, at every isolation level; what they end
# with is what the stream folds to, each conflict was decided again, and nothing
# was stored twice.

use strict;
use warnings;

use FindBin;
use IPC::Run qw(run);
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $examples = "$FindBin::RealBin/../../examples";
my ($clients, $deposits) = (6, 40);

my $node = PostgreSQL::Test::Cluster->new('examples');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\ndeadlock_timeout = 10ms");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE examples');
$node->safe_psql('examples', <<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	CREATE ROLE regress_application LOGIN;
	SELECT event_store.grant_reader('regress_application'), event_store.grant_writer('regress_application');
	END

my %connection = (
	PGHOST => $node->host,
	PGPORT => $node->port,
	PGDATABASE => 'examples',
	PGUSER => 'regress_application');

# Runs a command, which must succeed; returns what it printed.
sub output
{
	my ($command, %environment) = @_;
	local @ENV{ keys %environment } = values %environment;
	my ($out, $err) = ('', '');
	my $succeeded = run($command, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));

	ok($succeeded, join(' ', map { s{^\Q$examples\E/}{}r } @$command)) or diag $out, $err;
	return $out;
}

sub decides
{
	my ($client, @command) = @_;
	my $conflicts = 0;

	foreach my $isolation ('read committed', 'repeatable read', 'serializable')
	{
		my $said = decode_json(
			output(
				[ @command, $clients, $deposits ],
				%connection,
				PGOPTIONS => '-c default_transaction_isolation=' . $isolation =~ s/ /\\ /r));
		my $events = $clients * $deposits + 1;
		my $what = "$client, $isolation";

		is($said->{version}, $events, "$what: each command was stored once");
		is($said->{state}{balance}, 5 * $clients * $deposits, "$what: and is in the state");
		is($said->{refused}, 'the account is closed', "$what: a refusal is not tried again");
		is( $node->safe_psql('examples', <<~"END"), "$events|" . 5 * $clients * $deposits, "$what: the stream folds to the same");
			SELECT count(*), sum((data ->> 'amount')::int) FROM event_store.read_stream('$said->{stream}')
			END
		is( $node->safe_psql('examples', <<~"END"), 200, "$what: with snapshots");
			SELECT version FROM event_store.latest_snapshot('$said->{stream}', state_version => 1)
			END
		note "$what: $said->{conflicts} conflicts, $said->{repeated} repeated";
		$conflicts += $said->{conflicts};
	}
	cmp_ok($conflicts, '>', 0, "$client: there were conflicts");
	return;
}

output([ 'npm', 'ci', "--prefix=$examples/node", '--ignore-scripts', '--no-audit', '--no-fund', '--silent' ],
	npm_config_cache => $node->basedir . '/npm');
decides('pg', 'node', "$examples/node/decider.mjs");

# Debian's, whose module it is.
decides('psycopg', '/usr/bin/python3', "$examples/python/decider.py");

is($node->safe_psql('examples', 'SELECT * FROM event_store.verify_store()'), '', 'the store is sound');

$node->stop;
done_testing();
