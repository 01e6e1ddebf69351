#!/usr/bin/perl
#
# The hash chain under load: a store gets a chain, is sealed and checked while
# clients at every isolation level append in batches, roll back and take savepoints;
# with one server killed in between.  Then every event after the chain's start has
# its hash, and all seals hold.  Also in other encodings, on a standby, and beside a
# prepared transaction.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('chain');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', <<~'END');
	autovacuum = off
	max_connections = 40
	max_prepared_transactions = 2
	log_min_messages = warning
	END
$node->start;
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('chain_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

sub query
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

# The SQLSTATE that statements end with.
sub refused
{
	my ($server, $sql) = @_;
	my (undef, undef, $error) = $server->psql('postgres', "\\set VERBOSITY sqlstate\n$sql");

	return $error =~ /ERROR:\s+(\w{5})/ ? $1 : "none: $error";
}

query(<<~'END');
	CREATE EXTENSION event_store;
	SELECT event_store.create_store();
	CREATE TABLE seals (position bigint, root bytea);
	CREATE PROCEDURE work(stream text) LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM event_store.append(stream, 'T', to_jsonb(random()), metadata => jsonb_build_object('n', random()));
		BEGIN
			PERFORM event_store.append_json(stream, '[{"type": "T", "data": 1}, {"type": "T", "data": 2}]');
			IF random() < 0.3 THEN
				RAISE EXCEPTION USING ERRCODE = 'UNDON';
			END IF;
		EXCEPTION WHEN SQLSTATE 'UNDON' THEN
			NULL;
		END;
		PERFORM event_store.append(stream, 'T', '3');
		IF random() < 0.1 THEN
			ROLLBACK;
		END IF;
	END $$;
	END

my $script = $node->basedir . '/work.sql';
append_to_file($script, <<~'END');
	\set s random(1, 30)
	CALL work('order-' || :s);
	END

# A load at each isolation level.
sub start_load
{
	my ($seconds) = @_;
	my @loads;

	foreach my $level ('read committed', 'repeatable read', 'serializable')
	{
		local $ENV{PGOPTIONS} = "-c default_transaction_isolation=" . $level =~ s/ /\\ /r;
		my %load = (level => $level, out => '', err => '');
		$load{run} = IPC::Run::start(
			[ 'pgbench', '-n', '-c', 3, '-T', $seconds, '--max-tries=1000', '-f', $script, $node->connstr('postgres') ],
			'>', \$load{out}, '2>', \$load{err});
		push @loads, \%load;
	}
	return @loads;
}

sub sealed
{
	return query('INSERT INTO seals SELECT global_position, root_hash FROM event_store.seal_store()');
}

# What is wrong, lines.
sub wrong
{
	return query(<<~'END');
		SELECT f::text FROM event_store.verify_store() f
		UNION ALL
		SELECT s.position || ': ' || f::text FROM seals s, event_store.check_seal(s.position, s.root) f
		UNION ALL
		SELECT 'hash of ' || e::text FROM event_store.read_all() e
		 WHERE (e.hash IS NOT NULL) <> (e.global_position > event_store.enable_hash_chain())
		END
}

my @loads = start_load(6);
$node->poll_query_until('postgres', 'SELECT count(*) > 300 FROM event_store.events');
my $start = query('SELECT event_store.enable_hash_chain()');
cmp_ok($start, '>', 0, 'a store gets a chain while it is appended to');
foreach (1 .. 8)
{
	sealed();
	is(wrong(), '', "beside appends, seal $_") if $_ % 3 == 0;
}
foreach my $load (@loads)
{
	$load->{run}->finish;
	like($load->{out}, qr/number of failed transactions: 0 /, "$load->{level}: no append failed") or diag $load->{err};
}
sealed();
is(wrong(), '', 'all is well');
cmp_ok(query("SELECT count(*) FROM event_store.read_all($start)"), '>', 1000, 'with many events in the chain');

# A crash: what is left is a chain.
@loads = start_load(60);
$node->poll_query_until('postgres', 'SELECT count(*) > 1500 + ' . query('SELECT count(*) FROM event_store.events') . ' FROM event_store.events');
sealed();
$node->stop('immediate');
$_->{run}->finish foreach @loads;
$node->start;
is(wrong(), '', 'after a crash');
query(q{SELECT event_store.append('order-' || n, 'After', '0') FROM generate_series(1, 30) n});
is(wrong(), '', 'and what is appended then');

# On the standby.
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', 'SELECT count(*) FROM event_store.verify_store()'), '0', 'a standby verifies the store');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM event_store.verify_stream('order-1')}), '0', 'and a stream');
is(refused($standby, q{SELECT event_store.check_seal(1, sha256(''))}), '0A000', 'but not a seal');
is(refused($standby, 'SELECT event_store.seal_store()'), '25006', 'nor does it seal');
query(<<~'END');
	SET session_replication_role = replica;
	UPDATE event_store.events SET data = '9' WHERE global_position = (SELECT max(global_position) FROM event_store.events);
	END
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', 'SELECT check_name, global_position FROM event_store.verify_store()'), 'hash|' . query('SELECT max(global_position) FROM event_store.events'), 'a change is found there');

# A prepared transaction is on its way: a chain waits for it, a seal stops below it.
query('SELECT event_store.drop_store(with_events => true); SELECT event_store.create_store(); TRUNCATE seals');
query(<<~'END');
	SELECT event_store.append('a-1', 'T', '1');
	BEGIN;
	SELECT event_store.append('a-1', 'T', '2');
	PREPARE TRANSACTION 'two';
	END
is(refused($node, q{SET lock_timeout = '100ms'; SELECT event_store.enable_hash_chain()}), '55P03', 'a chain waits for a prepared transaction');
query(q{COMMIT PREPARED 'two'});
is(query('SELECT event_store.enable_hash_chain()'), '2', 'and comes after it');
query(<<~'END');
	BEGIN;
	SELECT event_store.append('a-1', 'T', '3');
	PREPARE TRANSACTION 'three';
	END
query(q{SELECT event_store.append('b-1', 'T', '1')});
sealed();
is(query('SELECT position FROM seals'), '2', 'a seal stops below it');
query(q{COMMIT PREPARED 'three'});
sealed();
is(query('SELECT max(position) FROM seals'), '4', 'until it has ended');
is(wrong(), '', 'all is well');

# Progress, and cancelling.
query(q{SELECT count(event_store.append('many-' || n, 'T', '1')) FROM generate_series(1, 5000) n});
query('ANALYZE event_store.streams');
my (undef, undef, $notices) = $node->psql('postgres', 'SET event_store.progress_interval = 0; SELECT event_store.seal_store()');
like($notices, qr/NOTICE:  seal_store\(\): 5000 of about 5002 streams looked at/, 'how far a seal has come');
is(refused($node, q{SET statement_timeout = '1ms'; SELECT event_store.seal_store()}), '57014', 'it can be cancelled');

# Other encodings: texts are hashed in UTF-8.
foreach my $encoding (qw(LATIN1 SQL_ASCII))
{
	my $database = lc "chain_$encoding";
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	my $utf8 = $encoding eq 'LATIN1' ? q{convert_to(%s, 'UTF8')} : q{convert_to(%s, 'SQL_ASCII')};
	my $hashed = sub { return $utf8 =~ s/%s/$_[0]/r };
	is( $node->safe_psql("$database", <<~"END"), 't', "a chain in $encoding");
		SET client_min_messages = warning;
		CREATE EXTENSION event_store;
		DO 'BEGIN PERFORM event_store.create_store(hash_chain => true); END';
		DO \$\$ BEGIN PERFORM event_store.append('caf' || convert_from('\\xe9', '$encoding'), convert_from('\\xfc', '$encoding'), to_jsonb(convert_from('\\xdf', '$encoding'))); END \$\$;
		SELECT hash = sha256('event_store event 1' || '\\x0a'::bytea || decode(repeat('00', 32), 'hex')
			|| int8send(1) || int8send(1) || int8send((extract(epoch FROM recorded_at) * 1000000)::bigint) || int8send(1) || uuid_send(event_id)
			|| sha256(@{[ $hashed->('metadata::text') ]}) || sha256(@{[ $hashed->('data::text') ]})
			|| int8send(length(@{[ $hashed->('stream') ]})) || @{[ $hashed->('stream') ]} || int8send(length(@{[ $hashed->('type') ]})) || @{[ $hashed->('type') ]})
		  FROM event_store.read_all();
		END
	is($node->safe_psql("$database", 'SELECT count(*) FROM event_store.verify_store()'), '0', "which verifies, in $encoding");
}

# One that PostgreSQL does not convert to UTF-8 gets no chain.
query(q{CREATE DATABASE chain_mule ENCODING 'MULE_INTERNAL' LOCALE 'C' TEMPLATE template0});
my (undef, undef, $mule) = $node->psql('chain_mule',
	"\\set VERBOSITY sqlstate\nCREATE EXTENSION event_store; SELECT event_store.create_store(hash_chain => true)");
like($mule, qr/ERROR:\s+0A000/, 'no chain in MULE_INTERNAL');

$standby->stop;
$node->stop;
done_testing();
