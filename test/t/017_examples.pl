#!/usr/bin/perl
#
# test/t/017_examples.pl
#
# The programs in examples/: deciders for node's pg and for psycopg.  Several
# clients at once decide on one stream, at every isolation level; what they end
# with is what the stream folds to, each conflict was decided again, and nothing
# was stored twice.  And one that computes the hash chain of all that anew, in
# Python, and the seal, by the documented form.

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
	SELECT event_store.append('text-before', 'Noted', '1');
	SELECT event_store.enable_hash_chain();
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

# The chain, with events from before it, of every kind of text, and read through
# an upcaster by those who do not ask for what is stored.
$node->safe_psql('examples', <<~'END');
	CREATE FUNCTION upcast(data jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT data || '{"n": 0}'$$;
	SELECT event_store.create_upcaster('Noted', 1, 'upcast', 'Remarked');
	SELECT event_store.append_json('text-' || n, jsonb_build_array(
		jsonb_build_object('type', 'Noted', 'data', jsonb_build_object('text', chr(n), chr(n) || 'x', n / 7.0), 'metadata', jsonb_build_object('k' || chr(n), chr(n))),
		jsonb_build_object('type', 'Noted', 'data', jsonb_build_object('n', 10.0 ^ n), 'schema_version', n)))
	  FROM generate_series(1, 300) n;
	SELECT event_store.append_json('text-' || chr(n), '[{"type": "Ünïcode", "data": {"\"\\/\b\f\n\r\t\u0001\u2028😀": [null, true, -0.0, 1e300, "", {}, []]}}]')
	  FROM generate_series(32, 1500) n;
	END
my ($position, $streams, $root) = split /\|/, $node->safe_psql('examples', 'SELECT * FROM event_store.seal_store()');
my @check = ('/usr/bin/python3', "$examples/python/check_chain.py");
is(output([@check], %connection), "$streams streams up to $position: " . $root =~ s/^\\x//r . "\n", 'Python computes the same');
output([ @check, $position, $root ], %connection);

# And it finds what the store finds.
$node->safe_psql('examples', q{SELECT event_store.append('text-1', 'Noted', '{}')});
output([ @check, $position, $root ], %connection);
$node->safe_psql('examples', <<~'END');
	SET session_replication_role = replica;
	UPDATE event_store.events SET data = '{}' WHERE stream_id = (SELECT stream_id FROM event_store.streams WHERE stream = 'text-7') AND version = 1;
	DELETE FROM event_store.events WHERE stream_id = (SELECT stream_id FROM event_store.streams WHERE stream = 'text-90') AND version = 2;
	END
{
	local @ENV{ keys %connection } = values %connection;
	my $out;
	ok(!run([ @check, $position, $root ], '>', \$out), 'Python refuses what was changed');
	like($out, qr/^wrong: version 1 of "text-7", at \d+\n$streams streams up to $position: [0-9a-f]{64}\n\z/, 'and names it');
}
is( $node->safe_psql('examples', 'SELECT check_name, stream, version FROM event_store.verify_store()'),
	"hash|text-7|1\nseal|text-90|2", 'as the store does');
is( $node->safe_psql('examples', "SELECT check_name, stream, version FROM event_store.check_seal($position, '$root')"),
	'seal|text-90|1', 'and the seal says what was cut off');

$node->stop;
done_testing();
