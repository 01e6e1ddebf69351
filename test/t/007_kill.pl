#!/usr/bin/perl
#
# kill -9 of the postmaster and of single processes at random moments under
# mixed load, again and again.  Everything that was acknowledged is there,
# nothing is there by half, the stock is what its events say, positions go on
# above all that anybody was told, and readers that keep their position outside
# of the database get every event once and in order.
#
#	KILL_ROUNDS		how many crashes; 20 unless set
#	KILL_SEED		repeats the choices of an earlier run, but not its timing

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::MD5 qw(md5_hex);
use LongRun qw(start_session start_reader finish_reader wait_session
  kill_postmaster kill_processes unexpected_errors);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{KILL_ROUNDS} // 20;
my $seed = $ENV{KILL_SEED} // ((time() ^ $$ << 8) & 0x7fffffff);
my $clients = 8;
my $streams = 30;

# The whole store is checked this often; in each round only what is new.
my $full_check = $rounds > 50 ? 20 : 5;

# Appends that lose a race, shipments of what is not there, and statements of
# transactions that failed so, a savepoint that they did not come to among them.
my @expected_errors = qw(ST001 40001 40P01 25P02 3B001 42704 WH001);

note "KILL_SEED=$seed KILL_ROUNDS=$rounds";

# What the clients do ----------------------------------------------------------
#
# Each call or transaction has a name of its own, which its events carry
# together with how many they are.  Events that must never be seen are of the
# type Never.  A line "ack" is what is promised once the transaction is
# committed, which is when psql prints COMMIT.

my @kinds;
my ($call, $asynchronous);
my $asynchronous_time = '2000-01-01';

sub pick { return $_[ rand @_ ]; }
sub number { return $_[0] + int rand($_[1] - $_[0] + 1); }
sub stream { return pick('order-', 'item-', 'order_line-') . number(1, $streams); }
sub level { return pick('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'); }

sub uuid
{
	my ($number) = @_;

	return join '-', unpack('A8 A4 A4 A4 A12', md5_hex("$call/$number"));
}

# The call's events FIRST to LAST of OF as JSON.
sub events
{
	my ($type, $first, $last, $of) = @_;

	return '[' . join(', ',
		map {
			sprintf '{"type": "%s", "event_id": "%s", "data": {"call": "%s", "of": %d}}',
			  $type, uuid($_), $call, $of
		} $first .. $last) . ']';
}

# Calls that append to one stream and return what is promised; the id is that
# of the last event, which a batch's ack vouches for.
sub append_one
{
	my ($stream, $type, $number, $of, $expected) = @_;

	return sprintf "SELECT 'ack', '%s', version, global_position, '%s', '%s'"
	  . " FROM event_store.append('%s', '%s', '{\"call\": \"%s\", \"of\": %d}', %s, event_id => '%s');\n",
	  $stream, $type, uuid($number), $stream, $type, $call, $of, $expected // -2, uuid($number);
}

sub append_batch
{
	my ($stream, $type, $first, $last, $of, $expected) = @_;

	return sprintf "SELECT 'ack', '%s', version, global_position, '%s', '%s'"
	  . " FROM event_store.append_json('%s', '%s', %s);\n",
	  $stream, $type, uuid($last), $stream, events($type, $first, $last, $of), $expected // -2;
}

# A call whose outcome is not known can be repeated, with its ids.
sub repeatable
{
	my ($stream, $size, $expected) = @_;

	return "\\echo repeat|$call|$stream|$size\n"
	  . ($size == 1
		? append_one($stream, 'Single', 1, 1, $expected)
		: append_batch($stream, 'Batch', 1, $size, $size, $expected));
}

# psql prints an answer that is for its variables if the server dies between the
# row and the end of the statement, so that goes elsewhere.
sub expecting
{
	my ($stream) = @_;

	return "\\o /dev/null\nSELECT event_store.stream_version('$stream') AS v \\gset\n\\o\n";
}

sub exact { my $s = stream(); return expecting($s) . repeatable($s, 1, ':v'); }
sub any { return repeatable(stream(), 1); }
sub batch { return repeatable(stream(), number(2, 30)); }
sub new_stream { return repeatable("order-$call", number(1, 3), 0); }
sub new_category { return repeatable("made_$call-1", 1, 0); }

sub exact_batch
{
	my $stream = stream();

	return expecting($stream) . repeatable($stream, number(2, 10), ':v');
}

# The store makes the id.
sub own_id
{
	my $stream = stream();

	return sprintf "SELECT 'ack', '%s', version, global_position, 'Own', NULL"
	  . " FROM event_store.append('%s', 'Own', '{\"call\": \"%s\", \"of\": 1}');\n",
	  $stream, $stream, $call;
}

sub several_streams
{
	my %size = map { stream() => number(1, 5) } 1 .. 4;
	my ($guard) = grep { !$size{$_} } map { "order-$_" } 1 .. $streams;
	my $of = 0;
	my $last = 0;
	my @parts;

	$of += $_ foreach values %size;
	foreach my $stream (sort keys %size)
	{
		push @parts, sprintf '{"stream": "%s", "expected_version": -2, "events": %s}',
		  $stream, events('Several', $last + 1, $last + $size{$stream}, $of);
		$last += $size{$stream};
	}
	push @parts, qq({"stream": "$guard", "expected_version": -4});
	return sprintf "SELECT 'ack', stream, version, global_position, 'Several', NULL"
	  . " FROM event_store.append_streams('[%s]') WHERE global_position IS NOT NULL;\n",
	  join(', ', @parts);
}

# The streams of a transaction, in an order that makes no deadlocks.
sub two_streams
{
	my @two = sort(stream(), stream());

	return @two;
}

sub transaction
{
	my ($first, $second) = two_streams();
	my $size = number(2, 10);
	my $of = $size + 2;

	return sprintf("BEGIN ISOLATION LEVEL %s;\n", level())
	  . append_one($first, 'First', 1, $of)
	  . "SAVEPOINT s;\n"
	  . append_never($first)
	  . "ROLLBACK TO s;\n"
	  . append_batch($second, 'Second', 2, $size + 1, $of)
	  . "SAVEPOINT s;\n"
	  . append_one($second, 'Third', $of, $of)
	  . "RELEASE s;\nCOMMIT;\n";
}

sub append_never
{
	my ($stream) = @_;

	return "SELECT FROM event_store.append_json('$stream', '" . events('Never', 1000, 1003, 4) . "');\n";
}

sub rolled_back
{
	my ($first, $second) = two_streams();

	return sprintf("BEGIN ISOLATION LEVEL %s;\n", level())
	  . append_never($first)
	  . append_one($second =~ s/\d+$/$call/r, 'Never', 1, 5)
	  . "ROLLBACK;\n";
}

# What the second phase is to be; a crash may come between.
sub prepared
{
	my ($first, $second) = two_streams();
	my $size = number(1, 10);
	my $end = pick('COMMIT', 'ROLLBACK');

	return sprintf("\\echo prepare|%s|%s\nBEGIN ISOLATION LEVEL %s;\n", $call, $end, level())
	  . append_one($first, 'First', 1, $size + 1)
	  . append_batch($second, 'Second', 2, $size + 1, $size + 1)
	  . sprintf("PREPARE TRANSACTION '%s';\nSELECT FROM pg_sleep(%.3f);\n%s PREPARED '%s';\n",
		$call, rand(0.03), $end, $call);
}

# A change of a product's, acknowledged by the event that it made, which carries
# the kind of its client as the time at which it happened.
sub product
{
	my ($sku, $command, @arguments) = @_;
	my $time = $asynchronous ? $asynchronous_time : '2026-01-01';

	return sprintf("SELECT FROM warehouse.%s(%s, date_time => '%s UTC');\n",
		$command, join(', ', "'$sku'", @arguments), $time)
	  . "SELECT 'ack', stream, version, global_position, type, event_id"
	  . " FROM event_store.last_event('warehouse_product-$sku');\n";
}

sub warehouse
{
	my $sku = 'SKU-' . number(1, 10);
	my $change = pick(
		[ 'receive_product', number(1, 20) ],
		[ 'ship_product', number(1, 20) ],
		[ 'adjust_inventory', number(0, 50), "'count'" ]);

	return 'BEGIN ISOLATION LEVEL ' . level() . ";\n" . product($sku, @$change) . "COMMIT;\n";
}

# From one product to another: the sum stays.
sub move
{
	my @skus = sort { $a <=> $b } (number(1, 5), number(6, 10));
	my $quantity = number(1, 50);
	my @commands = qw(ship_product receive_product);

	@commands = reverse @commands if rand() < 0.5;
	return 'BEGIN ISOLATION LEVEL ' . level() . ";\n"
	  . join('', map { product("MOVE-$skus[$_]", $commands[$_], $quantity) } 0, 1)
	  . "COMMIT;\n";
}

sub snapshot
{
	my $stream = stream();

	return expecting($stream)
	  . "SELECT 'snapshot', '$stream', :v FROM event_store.save_snapshot('$stream', :v,"
	  . " jsonb_build_object('version', :v));\n";
}

sub tell { return "SELECT 'told', event_store.safe_position();\n"; }

# Readers of a stream never see a gap.
sub look
{
	my $stream = stream();

	return <<~"END";
		SELECT 'broken', '$stream', version
		  FROM (SELECT version, lag(version) OVER (ORDER BY version) AS before
				  FROM event_store.read_stream('$stream', max_count => 50, backwards => true)) e
		 WHERE version <> before + 1;
		END
}

@kinds = (
	(\&exact) x 6, (\&any) x 4, (\&batch) x 4, (\&exact_batch) x 2, (\&own_id) x 4,
	(\&several_streams) x 3, (\&transaction) x 4, (\&rolled_back) x 2, (\&prepared) x 3,
	(\&warehouse) x 6, (\&move) x 4, (\&snapshot) x 2, (\&tell) x 2, \&look, \&new_stream,
	\&new_category);

# Commits of the last two clients are asynchronous, so that a crash may take
# them back.  A call of the round before that was not answered is repeated.
sub start_client
{
	my ($node, $round, $number, $repeat) = @_;
	my $begun = 0;
	my $calls = 0;

	$asynchronous = $number > $clients - 2;
	return {
		asynchronous => $asynchronous,
		%{  start_session(
				$node,
				"client-$round-$number",
				begin => sub { srand($seed + 100 * $round + $number) },
				text => sub {
					my $text = '';

					if (!$begun++)
					{
						$text = sprintf "SET synchronous_commit = %s;\n"
						  . "SET default_transaction_isolation = '%s';\n\\set v 0\n",
						  $asynchronous ? 'off' : 'on', lc level();
						if ($repeat)
						{
							$call = $repeat->{call};
							$text .= repeatable($repeat->{stream}, $repeat->{size}) . "\\echo end\n";
						}
					}
					$call = sprintf '%s%d.%d.%d', $asynchronous ? 'a' : 's', $round, $number, ++$calls;
					return $text . pick(@kinds)->() . "\\echo end\n";
				})
		} };
}

# What became of it ------------------------------------------------------------

my %sum = map { $_ => 0 }
  qw(acknowledged unknown repeated prepared told rounds postmaster backends conflicts);
my @acknowledged;    # all of them: stream|version|position|type|id
my %gone;            # calls that were prepared and rolled back
my $told = 0;        # the highest position or safe position that anybody knows

# Takes in what a client was told.  Returns its call that was not answered, and
# adds to the transactions that may be prepared still.
sub take_in
{
	my ($session, $acks, $snapshots, $left) = @_;
	my ($repeat, $preparing, @pending, @own);
	my $ended = 1;

	open(my $in, '<', $session->{out}) or die "could not open $session->{out}: $!\n";
	while (my $line = <$in>)
	{
		chomp $line;
		my ($what, @fields) = split /\|/, $line;

		if ($what eq 'ack')
		{
			push @pending, join('|', @fields, ('') x (5 - @fields));
		}
		elsif ($what eq 'repeat')
		{
			$repeat = { call => $fields[0], stream => $fields[1], size => $fields[2] };
		}
		elsif ($what eq 'prepare')
		{
			$preparing = { call => $fields[0], end => $fields[1] };
		}
		elsif ($what eq 'PREPARE TRANSACTION')
		{
			$preparing->{acks} = [@pending];
			$left->{ $preparing->{call} } = $preparing;
		}
		elsif ($what eq 'COMMIT PREPARED' || $what eq 'ROLLBACK PREPARED')
		{
			delete $left->{ $preparing->{call} };
			$gone{ $preparing->{call} } = 1 if $what eq 'ROLLBACK PREPARED';
			@pending = () if $what eq 'ROLLBACK PREPARED';
			push @own, splice @pending;
		}
		elsif ($what eq 'BEGIN')
		{
			@pending = ();
			$ended = 0;
		}
		elsif ($what eq 'COMMIT')
		{
			push @own, splice @pending;
		}
		elsif ($what eq 'told')
		{
			$told = $fields[0] if $fields[0] > $told;
			$sum{told}++;
		}
		elsif ($what eq 'snapshot')
		{
			push @$snapshots, join('|', @fields) if !$session->{asynchronous};
		}
		elsif ($what eq 'end')
		{
			# Outside of a transaction an answer is final.
			push @own, splice @pending if $ended;
			die "$session->{name}: $preparing->{call} was prepared and has no end\n"
			  if $preparing && $left->{ $preparing->{call} };
			($repeat, $preparing, @pending) = ();
			$ended = 1;
		}
		elsif ($what !~ /^(?:|SET|SAVEPOINT|RELEASE|ROLLBACK)$/)
		{
			die "$session->{name} says: $line\n";
		}
	}
	push @own, @pending if $ended;
	push @$acks, @own if !$session->{asynchronous};
	$sum{unknown}++ if @pending || $repeat;
	return $repeat;
}

# Ends what the crash left prepared, at random, and sorts out what became of the
# second phases that were under way.
sub end_prepared
{
	my ($node, $acks, $left) = @_;
	my %there = map { $_ => 1 }
	  split /\n/, $node->safe_psql('postgres', 'SELECT gid FROM pg_prepared_xacts');
	my $sql = '';

	foreach my $gid (sort keys %there)
	{
		my $end = pick('COMMIT', 'ROLLBACK');

		$left->{$gid} //= { call => $gid, acks => [] };
		$left->{$gid}{end} = $end;
		$sql .= "$end PREPARED '$gid';\n";
		$sum{prepared}++;
	}
	$node->safe_psql('postgres', $sql) if $sql;

	# What was prepared and is not, has been ended in the way that was asked for.
	foreach my $transaction (values %$left)
	{
		if ($transaction->{end} eq 'COMMIT')
		{
			push @$acks, @{ $transaction->{acks} };
		}
		else
		{
			$gone{ $transaction->{call} } = 1;
		}
	}
	return;
}

# Statements that report what is wrong ------------------------------------------

# The store by itself.  One row for each thing that is wrong.
sub verify_store
{
	return <<~'END';
		SELECT 'store', f.* FROM event_store.verify_store() f;
		SELECT 'state', stream_id, version FROM event_store.snapshots
		 WHERE type_digest IS NULL AND state <> jsonb_build_object('version', version);
		WITH of_types AS MATERIALIZED (SELECT DISTINCT stream FROM event_store.snapshots JOIN event_store.streams USING (stream_id) WHERE type_digest IS NOT NULL)
		SELECT 'aggregate', stream FROM of_types
		 WHERE event_store.load(stream) IS DISTINCT FROM event_store.load(stream, use_snapshot => false);
		SELECT 'event id', event_id FROM event_store.events GROUP BY event_id HAVING count(*) > 1;
		END
}

# Calls of which some events are there and some are not, or that should have
# none; above a position.
sub verify_calls
{
	my ($above) = @_;

	return <<~"END";
		SELECT 'by half', data->>'call', count(*), max(data->>'of')
		  FROM event_store.all_events
		 WHERE global_position > $above AND data ? 'call'
		 GROUP BY data->>'call' HAVING count(*) <> max((data->>'of')::int);
		SELECT 'never', stream, version FROM event_store.all_events
		 WHERE global_position > $above AND type = 'Never';
		SELECT 'rolled back', e.stream, e.version
		  FROM event_store.all_events e JOIN gone ON gone.call = e.data->>'call'
		 WHERE e.global_position > $above;
		SELECT 'acknowledged', a.*
		  FROM acknowledged a
		 WHERE NOT EXISTS (SELECT FROM event_store.all_events e
							WHERE e.global_position = a.global_position
							  AND e.stream = a.stream
							  AND e.version = a.version
							  AND e.type = a.type
							  AND e.event_id = coalesce(a.event_id, e.event_id));
		SELECT 'snapshot', s.* FROM snapshot s
		 WHERE s.version > (SELECT coalesce(max(l.version), 0)
							  FROM event_store.latest_snapshot(s.stream) l);
		END
}

# The stock, and what must not stay.
sub verify_rest
{
	return <<~'END';
		SELECT 'stock', c.* FROM warehouse.check_stock() c;
		SELECT 'moved', sum(quantity_on_hand) FROM warehouse.stock WHERE sku LIKE 'MOVE-%'
		HAVING sum(quantity_on_hand) <> 10000;
		SELECT 'in flight', f.* FROM event_store.in_flight f;
		SELECT 'lock', classid, objid, objsubid FROM pg_locks WHERE locktype = 'advisory';
		SELECT 'prepared', gid FROM pg_prepared_xacts;
		END
}

# Writes lines to a file that the server can copy from.
sub lines
{
	my ($node, $name, @lines) = @_;
	my $file = $node->basedir . "/$name";

	open(my $out, '>', $file) or die "could not open $file: $!\n";
	print $out map { "$_\n" } @lines;
	close($out) or die "could not write $file: $!\n";
	return $file;
}

# What is wrong, as lines; nothing when all is well.
sub findings
{
	my ($node, $acks, $snapshots, $above, @more) = @_;
	my $acknowledged = lines($node, 'acknowledged', @$acks);
	my $snapshot = lines($node, 'snapshots', @$snapshots);
	my $gone = lines($node, 'gone', sort keys %gone);

	return $node->safe_psql('postgres',
		<<~"END" . verify_calls($above) . verify_rest() . join('', @more));
		CREATE TEMPORARY TABLE acknowledged (stream text, version bigint,
			global_position bigint, type text, event_id uuid);
		COPY acknowledged FROM '$acknowledged' (DELIMITER '|', NULL '');
		CREATE TEMPORARY TABLE snapshot (stream text, version bigint);
		COPY snapshot FROM '$snapshot' (DELIMITER '|');
		CREATE TEMPORARY TABLE gone (call text);
		COPY gone FROM '$gone';
		ANALYZE acknowledged, snapshot, gone;
		END
}

# The run ----------------------------------------------------------------------

# The log writer waits, so that crashes take asynchronous commits back.
my $node = PostgreSQL::Test::Cluster->new('kill');
$node->init;
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	restart_after_crash = on
	max_connections = 40
	max_prepared_transactions = 20
	deadlock_timeout = 100ms
	wal_writer_delay = 1s
	log_statement = none
	log_min_error_statement = panic
	END
$node->start;
$node->safe_psql('postgres', <<~"END");
	CREATE EXTENSION event_store_warehouse CASCADE;
	SELECT warehouse.create_warehouse();
	SELECT event_store.append(category || '-' || n, 'Opened', '{}')
	  FROM unnest(ARRAY['order', 'item', 'order_line']) category, generate_series(1, $streams) n;
	SELECT warehouse.receive_product('MOVE-' || n, 1000) FROM generate_series(1, 10) n;
	SELECT warehouse.receive_product('SKU-' || n, 10) FROM generate_series(1, 10) n;
	END

sub append_probe
{
	return $node->safe_psql('postgres',
		q{SELECT global_position FROM event_store.append('probe-1', 'Done', '{}')});
}

# They go on through all crashes.
my %read = (
	all => 'event_store.read_all(:last, 500)',
	category => q{event_store.read_category('order', :last, 500)});
my %readers;
foreach my $reader (sort keys %read)
{
	$readers{$reader} = start_reader($node, "reader-$reader", <<~"END");
		SELECT string_agg(concat_ws('|', global_position, event_id,
							   CASE WHEN data->>'call' LIKE 'a%' OR data->>'date_time' LIKE '$asynchronous_time%'
							   THEN 'asynchronous' END), E'\\n') AS page,
			   coalesce(max(global_position), :last) AS last
		  FROM $read{$reader}
		END
}

srand($seed);
my (@repeat, @snapshots);
my $above = append_probe();
foreach my $round (1 .. $rounds)
{
	# Both kinds happen in every run.
	my $kind = $round <= 2 ? ('postmaster', 'backends')[ $round - 1 ] : pick('postmaster', 'backends');
	my (@acks, @round_snapshots, %left);
	my @moments = (number(300, 2000), map { rand } 1 .. 3);

	my @sessions = map { start_client($node, $round, $_, $repeat[$_]) } 1 .. $clients;
	$sum{repeated} += grep { $_ } @repeat;
	$node->poll_query_until('postgres',
		"SELECT count(*) = $clients FROM pg_stat_activity WHERE application_name LIKE 'client-%'")
	  or die "the clients do not connect\n";
	my @processes = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', <<~'END');
		SELECT pid, backend_type, application_name FROM pg_stat_activity
		 WHERE pid <> pg_backend_pid() AND backend_type NOT LIKE '%worker%'
		 ORDER BY application_name, backend_type
		END

	usleep(1000 * $moments[0]);
	if ($kind eq 'postmaster')
	{
		kill_postmaster($node, map { $_->[0] } @processes);
	}
	else
	{
		my @victims = grep { $_->[1] =~ /^(?:client backend|checkpointer|walwriter)$/ } @processes;

		kill_processes($node,
			map { $victims[ $moments[$_] * @victims ][0] } 1 .. number(1, 3));
	}
	$sum{$kind}++;
	$sum{rounds}++;

	wait_session($_) foreach @sessions;
	@repeat = ();
	foreach my $number (1 .. $clients)
	{
		my $session = $sessions[ $number - 1 ];
		my $unexpected = unexpected_errors($session->{err}, @expected_errors);

		$repeat[$number] = take_in($session, \@acks, \@round_snapshots, \%left);
		is($unexpected, '', "round $round, client $number: no other errors") if $unexpected ne '';
		$sum{conflicts} += () = slurp_file($session->{err}) =~ /ST001/g;
		unlink $session->{out}, $session->{err};
	}
	end_prepared($node, \@acks, \%left);
	foreach my $position ((map { (split /\|/)[2] } @acks),
		map { LongRun::last_position($_->{out}) } values %readers)
	{
		$told = $position if $position > $told;
	}
	$sum{acknowledged} += @acks;
	push @acknowledged, @acks;
	push @snapshots, @round_snapshots;

	my $next = append_probe();
	cmp_ok($next, '>', $told, "round $round: after a crash ($kind) the next position is above all that were told");
	my $full = $round % $full_check == 0 || $round == $rounds;
	is( $full
		? findings($node, \@acknowledged, \@snapshots, 0, verify_store())
		: findings($node, \@acks, \@round_snapshots, $above),
		'',
		"round $round: "
		  . ($full ? 'the whole store is sound' : scalar(@acks) . ' acknowledged appends are there, nothing by half'));
	$above = $next;
	diag "$round rounds, $sum{acknowledged} appends acknowledged" if $rounds > 50 && $round % 10 == 0;
}

# The readers.
foreach my $reader (sort keys %readers)
{
	my $file = finish_reader($node, $readers{$reader});
	my $of = $reader eq 'all' ? 'true' : q{stream LIKE 'order-%'};

	# Only an asynchronous commit may be seen and then lost.
	my $answer = $node->safe_psql('postgres', <<~"END");
		CREATE TEMPORARY TABLE lines (n bigint GENERATED ALWAYS AS IDENTITY, line text);
		COPY lines (line) FROM '$file' (DELIMITER E'\\x01');
		CREATE TEMPORARY TABLE seen AS
		SELECT n, split_part(line, '|', 1)::bigint AS global_position,
			   split_part(line, '|', 2)::uuid AS event_id,
			   split_part(line, '|', 3) = 'asynchronous' AS asynchronous
		  FROM lines;
		ANALYZE seen;
		SELECT (SELECT count(*) FROM event_store.all_events e
				 WHERE $of AND NOT EXISTS (SELECT FROM seen s
											WHERE s.global_position = e.global_position
											  AND s.event_id = e.event_id)),
			   (SELECT count(*) - count(DISTINCT global_position) FROM seen),
			   (SELECT count(*)
				  FROM (SELECT global_position <= lag(global_position) OVER (ORDER BY n) AS back FROM seen) s
				 WHERE back),
			   (SELECT count(*) FROM seen s
				 WHERE NOT asynchronous
				   AND NOT EXISTS (SELECT FROM event_store.events e WHERE e.event_id = s.event_id)),
			   (SELECT count(*) FROM seen),
			   (SELECT count(*) FROM seen s
				 WHERE NOT EXISTS (SELECT FROM event_store.events e WHERE e.event_id = s.event_id))
		END
	my ($missed, $twice, $back, $lost, $seen, $asynchronous) = split /\|/, $answer;

	is("$missed|$twice|$back|$lost", '0|0|0|0',
		"reader $reader: nothing missed, nothing twice, in order, nothing lost that it saw");
	note "reader $reader: $seen events, of which $asynchronous were committed asynchronously and lost";
	is(unexpected_errors($readers{$reader}{err}), '', "reader $reader: no errors but lost connections");
}

# The load was a load.
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP:|terminated by signal (?!9|3)/, 'nothing died but what was killed');
cmp_ok($sum{acknowledged}, '>=', 10 * $rounds, 'there were many acknowledged appends');
cmp_ok($sum{$_}, '>', 0, "there were some: $_")
  foreach qw(postmaster backends conflicts told unknown);
cmp_ok($sum{prepared}, '>', 0, 'crashes left prepared transactions') if $rounds >= 20;
cmp_ok($sum{repeated}, '>', 0, 'calls without an answer were repeated') if $rounds >= 20;
my $events = $node->safe_psql('postgres', 'SELECT count(*) FROM event_store.events');
diag sprintf('figures: %d crashes (%d of the postmaster, %d of other processes), %d events, %d appends acknowledged, '
	  . '%d calls without an answer (%d of them repeated), %d left prepared',
	$sum{rounds}, $sum{postmaster}, $sum{backends}, $events, $sum{acknowledged},
	$sum{unknown}, $sum{repeated}, $sum{prepared});
diag "to repeat the choices of this run: KILL_SEED=$seed" if !Test::More->builder->is_passing;

$node->stop;
done_testing();
