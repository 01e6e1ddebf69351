#!/usr/bin/perl
#
# A random caller: 100,000 calls of every function of both extensions, found in
# the catalogs, with usual and with hostile values of every type of argument, by
# several sessions at once, at every isolation level, in transactions with
# savepoints, through prepared statements and cursors.  The server does not
# crash, no error is an internal one or one that the reference does not list, a
# call that failed has stored nothing and drawn no position that it had no need
# of, no lock outlives its transaction, and the store is sound at the end.
#
#	RANDOM_CALLS	number of calls, 100000 unless set
#	RANDOM_SEED		of the random numbers; printed, so that a run can be repeated
#					(but for what the sessions do to each other)

use strict;
use warnings;

use FindBin;
use IPC::Run qw(finish start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $calls = $ENV{RANDOM_CALLS} || 100_000;
my $seed = $ENV{RANDOM_SEED} || int(rand(1_000_000)) + 1;
my $sessions = 4;

diag "RANDOM_SEED=$seed RANDOM_CALLS=$calls";

my $node = PostgreSQL::Test::Cluster->new('random_calls');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<~'END');
	fsync = off
	deadlock_timeout = 10ms
	log_min_messages = warning
	END
$node->start;

# The store's owner, who is no superuser, and roles with fewer rights.
$node->safe_psql('postgres', <<~'END');
	CREATE ROLE regress_random LOGIN;
	CREATE ROLE regress_random_reader;
	CREATE ROLE regress_random_writer;
	CREATE ROLE regress_random_consumer;
	CREATE ROLE regress_random_nobody;
	CREATE ROLE "regress_random ""any"" 'role'";
	GRANT regress_random_reader, regress_random_writer, regress_random_consumer, regress_random_nobody TO regress_random;
	GRANT pg_read_all_stats TO regress_random;
	CREATE DATABASE random OWNER regress_random;
	END

sub query
{
	my ($sql) = @_;

	return $node->safe_psql('random', $sql,
		extra_params => [ '-U', 'regress_random' ]);
}

query(<<~'END');
	CREATE EXTENSION event_store_warehouse CASCADE;
	SELECT warehouse.create_warehouse();
	SELECT event_store.grant_reader('regress_random_reader');
	SELECT event_store.grant_writer('regress_random_writer');
	SELECT event_store.grant_consumer('regress_random_consumer');
	CREATE SCHEMA random;
	GRANT USAGE ON SCHEMA random TO PUBLIC;
	CREATE FUNCTION random.apply(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE sql AS $$
		SELECT jsonb_build_object('events', coalesce((state ->> 'events')::bigint, 0) + 1)
	$$;
	CREATE FUNCTION random.valid(data jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT data IS NOT NULL';
	CREATE FUNCTION random.upcast(data jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT data';
	SELECT event_store.create_event_type('T1', n, 'random.valid'), event_store.create_upcaster('T1', n, 'random.upcast'),
		   event_store.create_upcaster('T2', n, 'random.upcast')
	  FROM generate_series(1, 3) n;
	-- for roles that may not load, and for values of arguments only
	CREATE FUNCTION random.loaded(stream text) RETURNS event_store.aggregate LANGUAGE sql SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS 'SELECT event_store.load(stream)';
	CREATE FUNCTION random.last(stream text) RETURNS event_store.event LANGUAGE sql SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS 'SELECT e FROM event_store.last_event(stream) e';
	SELECT event_store.create_aggregate_type('fuzz_' || n, '{}', 'random.apply', snapshot_every => n)
	  FROM generate_series(1, 4) n;
	-- handlers of projections, some of which fail now and then
	CREATE TABLE random.handled (projection text, generation int, global_position bigint);
	CREATE FUNCTION random.handle(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF (e.data -> 'n') = '7' AND e.stream LIKE 'fuzz\_2-%' THEN
			RAISE 'seven' USING ERRCODE = 'UNDON';
		END IF;
	END $$;
	CREATE FUNCTION random.handle(batch event_store.event[], generation int) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO random.handled SELECT 'batch', generation, e.global_position FROM unnest(batch) e WHERE e.stream LIKE 'fuzz\_1-%';
	END $$;
	CREATE FUNCTION random.reset(generation int) RETURNS void LANGUAGE sql AS
		$$DELETE FROM random.handled h WHERE h.projection = 'batch' AND h.generation = reset.generation$$;
	-- and two that are left alone but for run_projections() of all, whose handlers
	-- see each event once
	CREATE FUNCTION random.handle_now(e event_store.event) RETURNS void LANGUAGE sql AS
		$$INSERT INTO random.handled VALUES ('now', 1, e.global_position)$$;
	CREATE FUNCTION random.handle_later(batch event_store.event[]) RETURNS void LANGUAGE sql AS
		$$INSERT INTO random.handled SELECT 'later', 1, e.global_position FROM unnest(batch) e$$;
	SELECT event_store.create_projection('kept now', 'random.handle_now', mode => 'inline'),
		   event_store.create_projection('kept later', 'random.handle_later', max_attempts => 1000, retry_delay => '0');
	SELECT event_store.create_projection('p' || n, 'random.handle(event_store.event[], integer)', reset => 'random.reset')
	  FROM generate_series(1, 3) n;
	-- subscriptions, and one of them that is left alone but for a consumer that does
	-- what it has to, and handles each event once
	SELECT event_store.create_subscription('s' || n, partitions => n, max_attempts => n, retry_delay => '0',
			on_error => CASE n WHEN 1 THEN 'wait' ELSE 'pass' END)
	  FROM generate_series(1, 3) n;
	SELECT event_store.create_subscription('kept', partitions => 3, max_attempts => 1000000, retry_delay => '0');
	CREATE FUNCTION random.consume(consumer text, max_count int, fails float8) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		polled record;
		handled bigint;
		n bigint := 0;
	BEGIN
		FOR polled IN SELECT p.token, p.global_position FROM event_store.poll('kept', consumer, max_count, '10 milliseconds') p ORDER BY p.global_position LOOP
			n := n + 1;
			IF random() < fails THEN
				-- those after it come again
				PERFORM event_store.ack('kept', polled.token, handled) WHERE handled IS NOT NULL;
				PERFORM event_store.nack('kept', polled.token, polled.global_position, 'at random');
				RETURN n;
			END IF;
			handled := polled.global_position;
			INSERT INTO random.handled VALUES ('kept', 1, handled);
		END LOOP;
		PERFORM event_store.ack('kept', polled.token, handled) WHERE handled IS NOT NULL;
		RETURN n;
	END $$;
	END

# What is called: the functions of the extensions with their arguments, and how
# often, in parts of the sum.  Those not named are called, too, as is whatever a
# later version adds; but no workers are started, which would do what they do by
# themselves.
query(<<~'END');
	CREATE TABLE random.functions AS
	SELECT p.oid, p.proname::text AS name,
		   format('%s.%I', p.pronamespace::regnamespace, p.proname) AS qualified,
		   p.prorettype = 'trigger'::regtype AS is_trigger, p.prokind = 'p' AS is_procedure,
		   p.prolang = (SELECT l.oid FROM pg_language l WHERE l.lanname = 'sql') AS is_sql,
		   p.proname ~ '^(create|drop)_(?!projection|subscription)' AS apart,
		   (SELECT coalesce(jsonb_agg(jsonb_build_object(
						'name', p.proargnames[n], 'type', format_type(p.proargtypes[n - 1], NULL),
						'optional', n > p.pronargs - p.pronargdefaults) ORDER BY n), '[]')
			  FROM generate_series(1, p.pronargs) n) AS arguments,
		   CASE WHEN p.proname LIKE 'append%' THEN 10
				WHEN p.proname IN ('receive_product', 'ship_product', 'adjust_inventory') THEN 4
				WHEN p.proname IN ('load', 'add_event', 'save', 'read_stream', 'last_event', 'stream_version', 'save_snapshot', 'latest_snapshot') THEN 4
				WHEN p.proname IN ('poll', 'ack', 'nack', 'release') THEN 3
				WHEN p.proname ~ '_(subscription|subscription_statuses|parked)$' AND p.proname <> 'drop_subscription' THEN 0.5
				WHEN p.proname LIKE '%projection%' AND p.proname <> 'drop_projection' THEN 0.5
				WHEN p.proname IN ('read_all', 'read_category', 'list_streams', 'safe_position', 'quantity_on_hand', 'new_event') THEN 2
				ELSE 0.2 END AS weight
	  FROM pg_depend d
	  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	  JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	 WHERE d.deptype = 'e' AND e.extname IN ('event_store', 'event_store_warehouse') AND p.proname <> 'start_worker';

	CREATE TABLE random.drawn AS
	SELECT f.*, sum(weight) OVER (PARTITION BY apart ORDER BY name, oid) AS below,
		   sum(weight) OVER (PARTITION BY apart) AS total
	  FROM random.functions f;
	END

# Hostile values of every type.  Only those that are values of the type are kept,
# so that whatever is raised later was raised by the call.
query(<<~'END');
	CREATE TABLE random.candidates (type text, expression text);

	INSERT INTO random.candidates
	SELECT 'text', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '', ' ', '-', '--', '-a', 'a-', 'a', 'A-1', '-1', '0', 'null', '{}', '[', '$', '$$', '$1', '$user', '%', '%s%n%I%L%%', '%d%d%d',
		'\', '\\', '\x00', '\''; DROP TABLE event_store.events; --', '''; DROP TABLE event_store.events; --',
		'"; DROP ROLE regress_random; --', '"', '''', '$$; SELECT 1/0; $$', '/*', '*/', ';', E'\n', E'\t', E'\r\n', E'\x7f', E'\x1b[2J',
		E'\uFEFF', E'\u202E', E'e\u0301', E'\u00e9', E'\U0001F600', E'\U0010FFFF', E'\uFFFF', 'fuzz_1', 'fuzz_1-1', 'fuzz_1-1-1', 'Fuzz_1-1',
		'warehouse_product', 'warehouse_product-', 'warehouse_product--', 'warehouse_product-SKU-1', 'T1', 'ProductReceived', 'ProductShipped',
		'InventoryAdjusted', 'public', 'PUBLIC', 'none', 'current_user', 'postgres', 'regress_random', 'regress_random "any" ''role''',
		'pg_read_all_data', 'event_store', 'NaN', 'infinity', '../../etc/passwd']) v;
	INSERT INTO random.candidates
	SELECT 'text', format('repeat(%L, %s)', c, n)
	  FROM unnest(ARRAY['x', '-', E'\u00e9', E'\U0001F600', 'fuzz-', '''', '"', '\', E'\n', '%s']) c,
		   unnest(ARRAY[63, 64, 127, 255, 256, 341, 512, 1006, 1007, 1023, 1024, 1025, 10000]) n;
	INSERT INTO random.candidates VALUES
		('text', 'repeat(''x'', 1000000)'), ('text', '''order-'' || repeat(''y'', 1000000)');
	INSERT INTO random.candidates SELECT 'text', format('chr(%s)', n) FROM generate_series(1, 31) n;
	INSERT INTO random.candidates VALUES
		('text', '(SELECT string_agg(chr(n), '''') FROM generate_series(1, 255) n)');

	INSERT INTO random.candidates
	SELECT 'jsonb', quote_nullable(v) FROM unnest(ARRAY[
		NULL, 'null', 'true', 'false', '0', '-0', '-0.0', '1e400', '-1e-400', '1.000000000000000000000000000001', '9223372036854775807', '9223372036854775808',
		'-9223372036854775809', '""', '"x"', '[]', '{}', '[[]]', '[{}]', '[null]', '[[[[[]]]]]', '{"": ""}', '{"a": null}', '{"a": 1, "a": 2}',
		'{"$user": "x"}', '{"$application": "x"}', '{"\u0024user": "x"}', '{"a": {"$user": "x"}}', '{"$": 1}', '["$user"]', '"\u0001\u001f"',
		'"\ud83d\ude00"', '"''; DROP TABLE event_store.events; --"', '{"type": "T1", "data": {}}', '[{"type": "T1", "data": {}}]', '[{"type": "T1"}]',
		'[{"data": {}}]', '[{"type": null, "data": {}}]', '[{"type": "T1", "data": null}]', '[{"type": 1, "data": {}}]', '[{"type": "", "data": {}}]',
		'[{"type": "T1", "data": {}, "metadata": 1}]', '[{"type": "T1", "data": {}, "metadata": []}]', '[{"type": "T1", "data": {}, "metadata": {"$user": 1}}]',
		'[{"type": "T1", "data": {}, "event_id": "x"}]', '[{"type": "T1", "data": {}, "event_id": 1}]', '[{"type": "T1", "data": {}, "event_id": null}]',
		'[{"type": "T1", "data": {}, "event_id": "00000000-0000-0000-0000-000000000000"}]',
		'[{"type": "T1", "data": {}, "event_id": "{00000000-0000-4000-8000-000000000001}"}, {"type": "T1", "data": {}, "event_id": "00000000-0000-4000-8000-000000000001"}]',
		'[{"type": "T1", "data": {}, "schema_version": 0}]', '[{"type": "T1", "data": {}, "schema_version": 1.5}]', '[{"type": "T1", "data": {}, "schema_version": 1e3}]',
		'[{"type": "T1", "data": {}, "schema_version": 1e1000}]', '[{"type": "T1", "data": {}, "schema_version": "2"}]', '[{"type": "T1", "data": {}, "schema_version": "2147483648"}]',
		'[{"type": "T1", "data": {}, "schema_version": -1e-1000}]', '[{"type": "T1", "data": {}, "schema_version": {}}]', '[{"type": "T1", "data": {}, "schema_version": []}]',
		'[{"type": "T1", "data": {}, "unknown": 1}]', '[{"type": "T1", "data": {}}, null]', '[{"type": "T1", "data": {}}, 1]', '[{"type": "T1", "data": {}}, [{"type": "T1", "data": {}}]]',
		'[{"stream": "fuzz_1-1"}]', '[{"stream": "fuzz_1-1", "expected_version": -2}]', '[{"stream": "fuzz_1-1", "expected_version": null}]', '[{"expected_version": -2}]',
		'[{"stream": null, "expected_version": -2}]', '[{"stream": 1, "expected_version": -2}]', '[{"stream": "", "expected_version": -2}]', '[{"stream": "-", "expected_version": -2}]',
		'[{"stream": "fuzz_1-1", "expected_version": 1e30}]', '[{"stream": "fuzz_1-1", "expected_version": "-2"}]', '[{"stream": "fuzz_1-1", "expected_version": "9223372036854775808"}]',
		'[{"stream": "fuzz_1-1", "expected_version": " 1 "}]', '[{"stream": "fuzz_1-1", "expected_version": ""}]', '[{"stream": "fuzz_1-1", "expected_version": "0x1"}]',
		'[{"stream": "fuzz_1-1", "expected_version": true}]', '[{"stream": "fuzz_1-1", "expected_version": -2, "events": {}}]', '[{"stream": "fuzz_1-1", "expected_version": -2, "events": null}]',
		'[{"stream": "fuzz_1-1", "expected_version": -2, "events": []}]', '[{"stream": "fuzz_1-1", "expected_version": -2, "events": [{"type": "T1", "data": {}}], "events": [[]]}]',
		'[{"stream": "fuzz_1-1", "expected_version": -2}, {"stream": "fuzz_1-1", "expected_version": -2}]',
		'[{"stream": "fuzz_1-1", "expected_version": -2, "events": [{"type": "T1", "data": {}, "event_id": "00000000-0000-4000-8000-000000000002"}]}, {"stream": "fuzz_1-2", "expected_version": -2, "events": [{"type": "T1", "data": {}, "event_id": "00000000-0000-4000-8000-000000000002"}]}]',
		'{"sku": "SKU-1", "quantity": 1}', '{"sku": "SKU-1", "quantity": 9223372036854775807}', '{"sku": "SKU-1", "quantity": 1e1000}', '{"sku": "SKU-1", "quantity": 1.5}',
		'{"sku": "SKU-1", "quantity": "1"}', '{"sku": "SKU-1", "quantity": null}', '{"sku": "SKU-1", "quantity": -9223372036854775808, "reason": ""}', '{"sku": {}, "quantity": []}']) v;
	INSERT INTO random.candidates
	SELECT 'jsonb', format('(repeat(%L, %s) || %L || repeat(%L, %s))', opening, n, filling, closing, n)
	  FROM (VALUES ('[', '', ']'), ('{"a":', '1', '}'), ('[{"a":', 'null', '}]'), ('[[],', '[]', ']')) v (opening, filling, closing),
		   unnest(ARRAY[10, 500, 3000, 6000, 20000]) n;
	INSERT INTO random.candidates VALUES
		('jsonb', 'to_jsonb(repeat(''x'', 300000))'),
		('jsonb', 'to_jsonb((SELECT string_agg(chr(n), '''') FROM generate_series(1, 2000) n))'),
		('jsonb', '(SELECT jsonb_agg(n) FROM generate_series(1, 3000) n)'),
		('jsonb', '(SELECT jsonb_object_agg(n, n) FROM generate_series(1, 3000) n)'),
		('jsonb', '(SELECT jsonb_object_agg(repeat(''k'', n), NULL) FROM generate_series(1, 300) n)'),
		('jsonb', '(SELECT jsonb_agg(jsonb_build_object(''type'', ''T'' || n, ''data'', n)) FROM generate_series(1, 1500) n)'),
		('jsonb', '(SELECT jsonb_agg(jsonb_build_object(''stream'', ''fuzz_1-'' || n, ''expected_version'', -2)) FROM generate_series(1, 300) n)'),
		('jsonb', '(SELECT jsonb_agg(jsonb_build_object(''stream'', ''fuzz_2-'' || n, ''expected_version'', -2, ''events'', ''[{"type": "T1", "data": {}}]''::jsonb)) FROM generate_series(1, 100) n)'),
		('jsonb', 'jsonb_build_array(jsonb_build_object(''type'', repeat(''x'', 256), ''data'', 1))'),
		('jsonb', 'jsonb_build_array(jsonb_build_object(''stream'', repeat(''x'', 1025), ''expected_version'', 0))'),
		('jsonb', 'jsonb_build_array(jsonb_build_object(''type'', ''T1'', ''data'', 1, repeat(''k'', 100000), 1))'),
		('jsonb', 'to_jsonb(''NaN''::numeric)'), ('jsonb', 'to_jsonb(repeat(''9'', 5000)::numeric)');

	INSERT INTO random.candidates SELECT 'bigint', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '0', '1', '-1', '-2', '-3', '-4', '-5', '2', '100', '1000000', '2147483647', '2147483648', '-2147483649', '9007199254740993',
		'9223372036854775806', '9223372036854775807', '-9223372036854775807', '-9223372036854775808']) v;
	INSERT INTO random.candidates SELECT 'integer', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '0', '1', '-1', '2', '3', '65536', '2147483647', '-2147483648', '-2147483647']) v;
	INSERT INTO random.candidates SELECT t, quote_nullable(v) FROM unnest(ARRAY['boolean', 'event_store.hash_chain_option']) t, unnest(ARRAY[NULL, 'true', 'false']) v;
	INSERT INTO random.candidates SELECT 'bytea', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '', '\x00', repeat('a', 31), repeat('a', 32), repeat('a', 33), '\x' || repeat('00', 32), '\x' || repeat('ff', 32), repeat('x', 100000)]) v;
	INSERT INTO random.candidates SELECT 'uuid', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-4000-8000-000000000001',
		'00000000-0000-4000-8000-000000000002', '0190a000-0000-7000-8000-000000000000']) v;
	INSERT INTO random.candidates SELECT 'timestamp with time zone', quote_nullable(v) FROM unnest(ARRAY[
		NULL, 'infinity', '-infinity', 'epoch', '4713-11-24 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00', '2000-01-01 00:00:00+00', '1970-01-01 00:00:00.000001+15:59:59',
		'0001-01-01 00:00:00+00 BC', '2100-02-28 23:59:60+00']) v;
	INSERT INTO random.candidates SELECT 'timestamp with time zone', 'clock_timestamp()';
	INSERT INTO random.candidates SELECT 'interval', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '0', '1 microsecond', '-1 microsecond', '-1 day', '1 day -24:00:00', '1 day', '1 day 24:00:00', '1 day 00:00:00.000001', '2 days', '1 month', '-1 month 30 days',
		'365 days', '366 days', '2147483647 days', '-2147483648 days', '2562047788:00:54.775807', '-2562047788:00:54.775808', '365 days 2562047788:00:54.775807',
		'178000000 years', '-178000000 years', 'infinity', '-infinity']) v;
	INSERT INTO random.candidates SELECT 'text[]', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '{}', '{NULL}', '{NULL,NULL}', '{""}', '{a,a,a}', '{{a,b},{c,d}}', '{{{fuzz_1}}}', '[0:1]={fuzz_1,fuzz_2}', '[-5:-5]={T1}', '{-}', '{a-b}', '{fuzz_1,NULL}', '{T1,T2,NULL}',
		'{fuzz_1,fuzz_2,fuzz_3,warehouse_product}', '{"''; DROP TABLE event_store.events; --"}']) v;
	INSERT INTO random.candidates VALUES
		('text[]', '(SELECT array_agg(''fuzz_'' || n) FROM generate_series(1, 2000) n)'), ('text[]', 'array_fill(''x''::text, ARRAY[10, 10])'),
		('text[]', 'ARRAY[repeat(''x'', 100000)]');
	INSERT INTO random.candidates SELECT 'event_store.new_event[]', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '{}', '{NULL}', '{"(,,,,)"}', '{"(T1,,,,)"}', '{"(,1,,,)"}', '{"(T1,1,,,)",NULL}', '{"(T1,1,,,)","(T2,2,,,)"}', '[5:6]={"(T1,1,,,)","(T2,2,,,)"}', '[-1:0]={"(T1,1,,,)",NULL}',
		'{{"(T1,1,,,)","(T1,2,,,)"},{"(T1,3,,,)","(T1,4,,,)"}}', '{{{"(T1,1,,,)"}}}', '{"(\"\",1,,,)"}', '{"(T1,null,,,)"}', '{"(T1,1,null,,)"}', '{"(T1,1,[],,)"}', '{"(T1,1,{},,0)"}',
		'{"(T1,1,{},,-2147483648)"}', '{"(T1,1,,00000000-0000-4000-8000-000000000001,)"}', '{"(T1,1,,00000000-0000-4000-8000-000000000003,)","(T1,1,,00000000-0000-4000-8000-000000000003,)"}',
		'{"(T1,1,,00000000-0000-4000-8000-000000000004,)","(T1,2,,,)"}', '{"(T1,1,\"{\"\"$user\"\": 1}\",,)"}']) v;
	INSERT INTO random.candidates VALUES
		('event_store.new_event[]', '(SELECT array_agg(ROW(''T1'', to_jsonb(n), NULL, NULL, NULL)::event_store.new_event) FROM generate_series(1, 1500) n)'),
		('event_store.new_event[]', 'ARRAY[ROW(repeat(''x'', 256), ''1'', NULL, NULL, 1)]::event_store.new_event[]'),
		('event_store.new_event[]', 'array_fill(ROW(''T1'', ''[]'', NULL, NULL, 1)::event_store.new_event, ARRAY[3, 3], ARRAY[2, 7])'),
		('event_store.new_event[]', 'ARRAY[ROW(''T1'', to_jsonb(repeat(''x'', 100000)), NULL, gen_random_uuid(), 2147483647)]::event_store.new_event[]');

	INSERT INTO random.candidates SELECT 'event_store.aggregate', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '(,,,)', '(fuzz_1-1,,,)', '(fuzz_1-1,{},0,)', '(fuzz_1-1,{},-1,{})', '(fuzz_1-1,null,1,{})', '(fuzz_1-1,[],9223372036854775807,{})',
		'(fuzz_1-1,{},9223372036854775807,"{""(T1,1,,,)""}")', '(fuzz_1-1,{},0,{NULL})', '(fuzz_1-1,{},0,"{""(,,,,)""}")', '(fuzz_1-1,{},0,"{""(T1,null,,,)""}")',
		'(fuzz_1-1,{},0,"[5:5]={""(T1,1,,,)""}")', '(fuzz_1-1,{},0,"{{""(T1,1,,,)""}}")', '(fuzz_1-1,{},1,"{""(T1,1,[],,)""}")', '("",{},0,{})', '(-,{},0,{})',
		'(fuzz_5-1,{},0,"{""(T1,1,,,)""}")', '(warehouse_product,{},0,{})', '(warehouse_product-,{},0,{})', '(warehouse_product-SKU-1,{},0,{})',
		'(warehouse_product-SKU-1,"{""quantity_on_hand"": 9223372036854775807}",0,{})', '(warehouse_product-SKU-1,"{""quantity_on_hand"": -1}",0,{})',
		'(warehouse_product-SKU-1,"{""quantity_on_hand"": 1.5}",0,{})', '(warehouse_product-SKU-1,"{""quantity_on_hand"": ""1""}",0,{})',
		'(warehouse_product-SKU-1,[],1,"{""(ProductReceived,\"{}\",,,)""}")']) v;
	INSERT INTO random.candidates VALUES
		('event_store.aggregate', 'ROW(repeat(''x'', 1025), ''{}'', 0, ''{}'')::event_store.aggregate'),
		('event_store.aggregate', 'ROW(''fuzz_1-1'', to_jsonb(repeat(''x'', 100000)), 0, ''{}'')::event_store.aggregate'),
		('event_store.aggregate', 'ROW(''fuzz_1-1'', ''{}'', 1, (SELECT array_agg(ROW(''T1'', to_jsonb(n), NULL, NULL, NULL)::event_store.new_event) FROM generate_series(1, 300) n))::event_store.aggregate'),
		('event_store.aggregate', 'ROW(''warehouse_product-'' || repeat(''x'', 1007), ''{"quantity_on_hand": 1}'', 0, ''{}'')::event_store.aggregate');
	INSERT INTO random.candidates SELECT 'event_store.event', quote_nullable(v) FROM unnest(ARRAY[
		NULL, '(,,,,,,,,,,)', '(1,fuzz_1-1,1,T1,1,{},,1,,,)', '(1,warehouse_product-SKU-1,1,ProductReceived,1,{},,1,,,)',
		'(1,warehouse_product-,1,ProductReceived,"{""sku"": """", ""quantity"": 1}",{},,1,,,)',
		'(1,warehouse_product-SKU-1,1,ProductReceived,"{""sku"": ""SKU-1"", ""quantity"": 1}",{},,1,,,)',
		'(1,warehouse_product-SKU-1,1,ProductReceived,"{""sku"": ""SKU-1"", ""quantity"": 9223372036854775807}",{},,1,,,)',
		'(1,warehouse_product-SKU-1,1,ProductShipped,"{""sku"": ""SKU-1"", ""quantity"": 9223372036854775807}",{},,1,,,)',
		'(1,warehouse_product-SKU-1,1,"","{""sku"": ""SKU-1"", ""quantity"": 1}",{},,1,,,)', '(,warehouse_product-SKU-1,,ProductReceived,,,,,,,)']) v;

	INSERT INTO random.candidates
	SELECT 'event_store.event[]', format('ARRAY[%s]::event_store.event[]', coalesce(c.expression, 'NULL'))
	  FROM random.candidates c WHERE c.type = 'event_store.event';
	INSERT INTO random.candidates VALUES
		('event_store.event[]', 'NULL'), ('event_store.event[]', '''{}'''), ('event_store.event[]', '''{NULL,NULL}'''),
		('event_store.event[]', '''[5:5]={"(1,fuzz_1-1,1,T1,1,{},,1,,,)"}'''), ('event_store.event[]', '''{{"(1,fuzz_1-1,1,T1,1,{},,1,,,)"}}''');

	CREATE TABLE random.pool (type text, n int, expression text, PRIMARY KEY (type, n));
	DO $$
	DECLARE
		candidate record;
	BEGIN
		FOR candidate IN SELECT * FROM random.candidates LOOP
			BEGIN
				EXECUTE format('SELECT (%s)::%s', candidate.expression, candidate.type);
				INSERT INTO random.pool
				SELECT candidate.type, count(*) + 1, candidate.expression FROM random.pool p WHERE p.type = candidate.type;
			EXCEPTION WHEN OTHERS THEN
				RAISE DEBUG 'no % is %', candidate.type, candidate.expression;
			END;
		END LOOP;
	END $$;
	END
is( query('SELECT count(*) FROM (SELECT DISTINCT a ->> \'type\' AS type FROM random.functions, jsonb_array_elements(arguments) a) t'
		  . ' WHERE NOT EXISTS (SELECT FROM random.pool p WHERE p.type = t.type)'),
	'0', 'there are hostile values of every type that an argument has');
note query('SELECT count(*) FROM random.functions'), ' functions, ',
  query('SELECT count(*) FROM random.pool'), ' hostile values';

# The caller.  Its findings and what became of the calls are notices, which come
# through a rollback, too.
query(<<~'END');
	CREATE FUNCTION random.upto(n int) RETURNS int LANGUAGE sql AS 'SELECT 1 + floor(random() * n)::int';

	CREATE FUNCTION random.event() RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN
		RETURN jsonb_build_object('type', 'T' || random.upto(5), 'data', jsonb_build_object('n', random.upto(100)))
			|| CASE WHEN random() < 0.1 THEN jsonb_build_object('event_id', md5(random.upto(1000)::text)::uuid) ELSE '{}' END
			|| CASE WHEN random() < 0.1 THEN '{"metadata": {"k": 1}, "schema_version": 2}' ELSE '{}'::jsonb END;
	END $$;

	CREATE FUNCTION random.stream() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		RETURN CASE WHEN random() < 0.9 THEN 'fuzz_' || random.upto(5) || '-' || random.upto(30)
					WHEN random() < 0.5 THEN 'warehouse_product-SKU-' || random.upto(30)
					ELSE 'new_' || random.upto(20) || '-' || random() END;
	END $$;

	-- A value that makes sense, as an expression.
	CREATE FUNCTION random.usual(name text, type text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		CASE
			WHEN name = 'stream' THEN RETURN quote_literal(random.stream());
			WHEN name = 'sku' THEN RETURN quote_literal('SKU-' || random.upto(30));
			WHEN name = 'type' THEN RETURN quote_literal('T' || random.upto(5));
			WHEN name = 'aggregate' THEN RETURN format('random.loaded(%L)', 'fuzz_' || random.upto(4) || '-' || random.upto(30));
			WHEN name = 'product' THEN RETURN format('random.loaded(%L)', 'warehouse_product-SKU-' || random.upto(30));
			WHEN name = 'e' THEN RETURN format('random.last(%L)', 'warehouse_product-SKU-' || random.upto(30));
			WHEN name = 'apply' THEN RETURN '''random.apply''';
			WHEN name = 'validator' THEN RETURN '''random.valid''';
			WHEN name = 'handler' THEN RETURN '''random.upcast''';
			WHEN name = 'projection handler' THEN
				RETURN (ARRAY['''random.handle(event_store.event)''', '''random.handle(event_store.event[], integer)''', '''random.handle(event_store.event[], integer)'''])[random.upto(3)];
			WHEN name = 'reset' THEN RETURN '''random.reset''';
			WHEN name = 'mode' THEN RETURN (ARRAY['''async''', '''async''', '''inline'''])[random.upto(3)];
			WHEN name = 'on_error' THEN RETURN (ARRAY['''stop''', '''park'''])[random.upto(2)];
			WHEN name IN ('name', 'projection') THEN RETURN quote_literal('p' || random.upto(4));
			WHEN name IN ('subscription name', 'subscription') THEN RETURN quote_literal('s' || random.upto(4));
			WHEN name = 'subscription on_error' THEN RETURN (ARRAY['''wait''', '''pass'''])[random.upto(2)];
			WHEN name = 'subscription global_position' THEN RETURN greatest(currval('event_store.events_global_position_seq') - 100, 0);
			WHEN name = 'consumer' THEN RETURN quote_literal('consumer ' || random.upto(5));
			WHEN name = 'partitions' THEN RETURN random.upto(3);
			WHEN name = 'lease' THEN RETURN (ARRAY['''1 minute''', '''10 milliseconds'''])[random.upto(2)];
			WHEN name = 'delay' THEN RETURN (ARRAY['NULL', '''0''', '''10 milliseconds'''])[random.upto(3)];
			WHEN name = 'retry_delay' THEN RETURN '''1 second''';
			WHEN name = 'timeout' THEN RETURN '''10 milliseconds''';
			WHEN name = 'max_attempts' THEN RETURN random.upto(3);
			WHEN name IN ('replace', 'if_exists', 'blue_green') THEN RETURN random() < 0.6;
			WHEN name = 'max_events' THEN RETURN random.upto(50) - 1;
			WHEN name = 'batch' THEN RETURN format('ARRAY[random.last(%L)]', 'warehouse_product-SKU-' || random.upto(30));
			WHEN name = 'to_type' THEN RETURN 'NULL';
			WHEN name = 'hash_chain' THEN RETURN random() < 0.5;
			WHEN name = 'root_hash' THEN RETURN 'sha256(''x'')';
			WHEN name = 'snapshot_every' THEN RETURN random.upto(20);
			WHEN name = 'state' AND random() < 0.2 THEN RETURN '''{"quantity_on_hand": 5}''';
			WHEN name IN ('data', 'state', 'initial_state') THEN RETURN format('''{"n": %s}''', random.upto(100));
			WHEN name = 'expected_version' THEN RETURN (ARRAY['-2', '-2', '-2', '-2', '-4', '-4', '0', random.upto(9)::text])[random.upto(8)];
			WHEN name = 'metadata' THEN RETURN (ARRAY['NULL', '''{"k": 1}'''])[random.upto(2)];
			WHEN name = 'event_id' THEN RETURN CASE WHEN random() < 0.7 THEN 'NULL' ELSE quote_literal(md5(random.upto(1000)::text)::uuid) END;
			WHEN name LIKE '%\_version' AND type = 'integer' THEN RETURN random.upto(3);
			WHEN name LIKE '%version' THEN RETURN random.upto(3);
			WHEN name = 'max_count' THEN RETURN random.upto(20) - 1;
			WHEN name IN ('after_position', 'start_position') THEN RETURN greatest(currval('event_store.events_global_position_seq') - 100, 0);
			WHEN name = 'before_position' THEN RETURN 'NULL';
			WHEN name = 'events' AND type = 'jsonb' THEN
				RETURN quote_literal((SELECT jsonb_agg(random.event()) FROM generate_series(1, random.upto(4))));
			WHEN name = 'events' THEN
				RETURN format('(SELECT array_agg(e) FROM jsonb_populate_recordset(NULL::event_store.new_event, %L) e)',
							  (SELECT jsonb_agg(random.event()) FROM generate_series(1, random.upto(4))));
			WHEN name = 'streams' THEN
				RETURN quote_literal((SELECT jsonb_agg(jsonb_build_object('stream', random.stream(), 'expected_version', -2)
								|| CASE WHEN random() < 0.8 THEN jsonb_build_object('events', jsonb_build_array(random.event())) ELSE '{}' END)
							  FROM generate_series(1, random.upto(3))));
			WHEN name = 'category' THEN RETURN quote_literal('fuzz_' || random.upto(5));
			WHEN name = 'categories' THEN RETURN (ARRAY['NULL', '''{fuzz_1,fuzz_2}'''])[random.upto(2)];
			WHEN name = 'types' THEN RETURN (ARRAY['NULL', '''{T1,T2}'''])[random.upto(2)];
			WHEN name = 'after_stream' THEN RETURN (ARRAY['NULL', '''fuzz_3'''])[random.upto(2)];
			WHEN name = 'quantity' THEN RETURN random.upto(20);
			WHEN name = 'reason' THEN RETURN '''cycle count''';
			WHEN name = 'role_name' THEN RETURN quote_literal('regress_random "any" ''role''');
			WHEN name IN ('date_time', 'as_of') THEN RETURN 'clock_timestamp()';
			ELSE RETURN random.hostile(type);
		END CASE;
	END $$;

	CREATE FUNCTION random.hostile(type text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		place int := random.upto((SELECT max(n) FROM random.pool p WHERE p.type = hostile.type));
	BEGIN
		RETURN (SELECT expression FROM random.pool p WHERE p.type = hostile.type AND p.n = place);
	END $$;

	-- Values that make sense of the arguments of an answer, or of a call about what is
	-- parked, which have to fit each other.
	CREATE FUNCTION random.answer(call text) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN
		IF call IN ('ack', 'nack', 'release') THEN
			RETURN (SELECT jsonb_build_object('subscription', quote_literal(p.subscription), 'token', p.token,
							'global_position', p.delivered_through, 'through_position', p.delivered_through - (random() * 1.5)::int)
					  FROM event_store.subscription_partitions p
					 WHERE p.leased_until IS NOT NULL AND p.subscription <> 'kept' ORDER BY random() LIMIT 1);
		ELSIF call IN ('replay_parked', 'skip_parked') THEN
			RETURN (SELECT jsonb_build_object('subscription', quote_literal(f.subscription), 'global_position', f.global_position)
					  FROM event_store.subscription_failed_events f
					 WHERE f.parked_at IS NOT NULL ORDER BY random() LIMIT 1);
		END IF;
		RETURN NULL;
	END $$;

	-- The statement of a call, and the values of all its arguments.
	CREATE FUNCTION random.statement(called random.drawn, OUT statement text, OUT all_values text) LANGUAGE plpgsql AS $$
	DECLARE
		hostile float8 := CASE WHEN random() < 0.5 THEN 0 ELSE 0.3 END;
		named boolean := random() < 0.6;
		argument jsonb;
		expression text;
		given text[] := '{}';
		everything text[] := '{}';
		leaving_out boolean := false;
		answer jsonb := random.answer(called.name);
	BEGIN
		FOR argument IN SELECT jsonb_array_elements(called.arguments) LOOP
			-- everything of a store that has grown is for the hostile calls
			expression := CASE WHEN random() < hostile THEN random.hostile(argument ->> 'type')
							   WHEN answer ? (argument ->> 'name') THEN answer ->> (argument ->> 'name')
							   ELSE random.usual(CASE WHEN called.name = 'create_projection' AND argument ->> 'name' = 'handler' THEN 'projection handler'
													  WHEN called.name LIKE '%\_subscription' AND argument ->> 'name' IN ('name', 'on_error', 'global_position')
														THEN 'subscription ' || (argument ->> 'name')
													  ELSE argument ->> 'name' END, argument ->> 'type') END;
			expression := format('(%s)::%s', expression, argument ->> 'type');
			everything := everything || expression;
			IF (argument ->> 'optional')::boolean AND (leaving_out OR random() < 0.3)
				AND NOT (argument ->> 'name' IN ('max_count', 'max_events', 'start_position') AND random() < 0.9) THEN
				-- what follows, if anything, needs its name
				leaving_out := leaving_out OR random() < 0.5;
				named := true;
				CONTINUE;
			END IF;
			given := given || CASE WHEN named THEN format('%I => %s', argument ->> 'name', expression) ELSE expression END;
		END LOOP;
		all_values := array_to_string(everything, ', ');
		expression := format('%s(%s)', called.qualified, array_to_string(given, ', '));
		statement := CASE CASE WHEN called.is_trigger THEN 1 WHEN called.is_procedure THEN 0 ELSE random.upto(4) END
			WHEN 0 THEN 'CALL ' || expression
			WHEN 1 THEN 'SELECT ' || expression
			WHEN 2 THEN format('SELECT count(r::text) FROM %s AS r', expression)
			ELSE 'SELECT * FROM ' || expression END;
	END $$;

	-- What must not change when a call fails while nobody else calls.
	CREATE FUNCTION random.state() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		RETURN (SELECT coalesce(max(global_position), 0) FROM event_store.events)
			|| ' ' || (SELECT coalesce(max(stream_id), 0) FROM event_store.streams)
			|| ' ' || (SELECT coalesce(max(category_id), 0) FROM event_store.categories)
			|| ' ' || (SELECT concat_ws(' ', count(*), max(created_at)) FROM event_store.snapshots)
			|| ' ' || (SELECT concat_ws(' ', count(*), sum(version), sum(quantity_on_hand)) FROM warehouse.stock)
			|| ' ' || (SELECT md5(string_agg(p::text, ' ' ORDER BY p.projection)) FROM event_store.projections p)
			|| ' ' || (SELECT md5(string_agg(c::text, ' ' ORDER BY c.projection, c.generation)) FROM event_store.projection_checkpoints c)
			|| ' ' || (SELECT concat_ws(' ', count(*), sum(attempts)) FROM event_store.projection_parked_events)
			|| ' ' || (SELECT coalesce(md5(string_agg(s::text, ' ' ORDER BY s.subscription)), '') FROM event_store.subscriptions s)
			|| ' ' || (SELECT coalesce(md5(string_agg(p::text, ' ' ORDER BY p.subscription, p.partition)), '') FROM event_store.subscription_partitions p)
			|| ' ' || (SELECT coalesce(md5(string_agg(f::text, ' ' ORDER BY f.subscription, f.stream_id, f.passed_version)), '') FROM event_store.subscription_failed_events f);
	END $$;

	-- Calls until the session's counter is at its end.  Each call has a savepoint
	-- of its own; each transaction some calls.
	CREATE PROCEDURE random.run(session int, seed int, calls bigint, alone boolean) LANGUAGE plpgsql AS $$
	DECLARE
		counter text := 'random.calls_' || session;
		sequence constant text := 'event_store.events_global_position_seq';
		-- raised before positions are drawn
		early constant text[] := '{ST001,ST006,ST008,22004,22023,22P02,25006,42501,42704,42P07}';
		done bigint;
		last_memory bigint := 0;
		memory bigint;
		called random.drawn;
		made record;
		role_name text;
		may boolean;
		outcome text;
		message text;
		before bigint;
		after bigint;
		state text;
		own bigint;
		total float8 := (SELECT d.total FROM random.drawn d WHERE NOT apart LIMIT 1);
		at float8;
		prepared text;
		rows refcursor;
		tried record;
	BEGIN
		EXECUTE format('SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM %s', counter) INTO done;
		PERFORM setseed(('0.' || lpad((hashint8(seed::bigint * 1000003 + session * 7919 + done) & 1073741823)::text, 10, '0'))::float8);
		WHILE done < calls LOOP
			PERFORM set_config('default_transaction_isolation', (ARRAY['read committed', 'repeatable read', 'serializable'])[random.upto(3)], false);
			COMMIT;
			FOR i IN 1 .. random.upto(6) LOOP
				EXIT WHEN done >= calls;
				done := nextval(counter);
				at := random() * total;
				SELECT * INTO called FROM random.drawn d WHERE NOT apart AND d.below > at ORDER BY d.below LIMIT 1;
				made := random.statement(called);
				role_name := CASE WHEN random() < 0.9 THEN 'none'
								  ELSE 'regress_random_' || (ARRAY['reader', 'writer', 'consumer', 'nobody'])[random.upto(4)] END;
				may := has_function_privilege(CASE role_name WHEN 'none' THEN current_user ELSE role_name END, called.oid, 'EXECUTE');
				before := currval(sequence);
				IF alone THEN
					state := random.state();
				END IF;
				BEGIN
					outcome := 'ok';
					IF random() < 0.1 THEN
						PERFORM set_config('event_store.metadata',
							(ARRAY['', '{"c": 1}', '{}', '[]', 'null', '{', '{"$user": 1}', repeat('[', 5000), E'"\U0001F600"'])[random.upto(9)], true);
					END IF;
					IF random() < 0.02 THEN
						PERFORM set_config('transaction_read_only', 'on', true);
					END IF;
					CASE (CASE WHEN called.is_procedure THEN 5 ELSE random.upto(5) END)
						WHEN 1 THEN
							prepared := 'random_' || called.oid;
							IF NOT EXISTS (SELECT FROM pg_prepared_statements p WHERE p.name = prepared) THEN
								EXECUTE format('PREPARE %I AS SELECT %s(%s)', prepared, called.qualified,
									(SELECT string_agg(format('$%s::%s', n, a ->> 'type'), ', ' ORDER BY n)
									   FROM jsonb_array_elements(called.arguments) WITH ORDINALITY t(a, n)));
							END IF;
							-- what EXECUTE takes has no queries in it
							IF made.all_values NOT LIKE '%SELECT%' THEN
								made.statement := format('EXECUTE %I%s', prepared, '(' || nullif(made.all_values, '') || ')');
							END IF;
							PERFORM set_config('role', role_name, true);
							EXECUTE made.statement;
						WHEN 2 THEN
							PERFORM set_config('role', role_name, true);
							rows := NULL;
							OPEN rows FOR EXECUTE made.statement;
							FOR j IN 1 .. random.upto(3) LOOP
								FETCH rows INTO tried;
							END LOOP;
							IF random() < 0.5 THEN
								CLOSE rows;
							END IF;
						ELSE
							PERFORM set_config('role', role_name, true);
							EXECUTE made.statement;
					END CASE;
					PERFORM set_config('role', 'none', true);
					-- a prepared statement may hold an SQL function's body, planned for another role
					IF NOT may AND NOT called.is_sql THEN
						RAISE NOTICE 'FINDING: % may call: %', role_name, left(made.statement, 1000);
					END IF;
					IF random() < 0.1 THEN
						RAISE EXCEPTION USING ERRCODE = 'UNDON', MESSAGE = 'a savepoint is rolled back';
					END IF;
				EXCEPTION WHEN OTHERS THEN
					outcome := SQLSTATE;
					message := SQLERRM;
				END;
				RAISE NOTICE 'CALL % % %', called.name, outcome, role_name;
				after := currval(sequence);
				SELECT count(*) INTO own FROM event_store.events e
				 WHERE e.global_position > before AND e.global_position <= after
				   AND e.metadata ->> '$application' = current_setting('application_name');
				IF outcome LIKE 'XX%' OR outcome LIKE '42%' AND outcome <> '42704' AND may
					-- a reader may load, but not for update
					AND NOT (called.name = 'load' AND role_name LIKE '%\_reader')
					-- there is one already, or no such function
					AND NOT (called.name = 'create_subscription' AND outcome = '42710')
					AND NOT (called.name = 'create_projection' AND outcome IN ('42710', '42883', '42804', '42725', '42601', '42602')) THEN
					RAISE NOTICE 'FINDING: % % by: %', outcome, message, left(made.statement, 1000);
				END IF;
				IF outcome <> 'ok' AND own > 0 THEN
					RAISE NOTICE 'FINDING: % stored % events: %', outcome, own, left(made.statement, 1000);
				END IF;
				IF outcome = ANY (early) AND after <> before THEN
					RAISE NOTICE 'FINDING: % drew positions: %', outcome, left(made.statement, 1000);
				END IF;
				IF outcome = 'ok' AND after > before AND own = 0 THEN
					RAISE NOTICE 'FINDING: nothing was stored: %', left(made.statement, 1000);
				END IF;
				IF alone AND outcome <> 'ok' AND state <> random.state() THEN
					RAISE NOTICE 'FINDING: % changed the state: %', outcome, left(made.statement, 1000);
				END IF;
			END LOOP;
			IF random() < 0.2 THEN
				BEGIN
					PERFORM random.consume('kept ' || session, random.upto(20), 0.02);
				EXCEPTION WHEN OTHERS THEN
					-- as any call may be; the transaction may be a read-only one
					IF SQLSTATE NOT IN ('40001', '40P01', '25006') THEN
						RAISE NOTICE 'FINDING: a consumer: % %', SQLSTATE, SQLERRM;
					END IF;
				END;
			END IF;
			IF random() < 0.4 THEN
				COMMIT;
			ELSE
				ROLLBACK;
			END IF;
			IF random() < 0.05 THEN
				IF EXISTS (SELECT FROM pg_locks l
							WHERE l.pid = pg_backend_pid() AND l.mode <> 'SIReadLock' AND l.locktype NOT IN ('virtualxid', 'transactionid')
							  AND coalesce(l.relation::regclass::text, '') !~ '^(pg_|random)') THEN
					RAISE NOTICE 'FINDING: locks are left: %',
						(SELECT string_agg(l::text, ', ') FROM pg_locks l WHERE l.pid = pg_backend_pid());
				END IF;
			END IF;
			IF done - last_memory >= 500 THEN
				SELECT sum(used_bytes) INTO memory FROM pg_backend_memory_contexts;
				RAISE NOTICE 'MEMORY % %', done, memory;
				last_memory := done;
			END IF;
		END LOOP;
	END $$;
	END

# Has sessions make calls at the same time.  What they print is added to these.
my (%outcomes, %errors, @findings, @memory, $made);

sub call_at_random
{
	my ($first, $last, $share, $alone) = @_;
	my @psql;

	foreach my $session ($first .. $last)
	{
		query("CREATE SEQUENCE random.calls_$session");
		my $script = $node->basedir . "/session_$session.sql";
		# a transaction that fails to commit ends its call
		append_to_file($script,
			"SET application_name = 'caller $session';\n"
			  . "SELECT FROM event_store.append('caller-$session', 'Began', '{}');\n"
			  . "CALL random.run($session, $seed, $share, $alone);\n" x 4000);
		# into a file, since nobody empties a pipe until its turn comes
		my $psql = { session => $session, out => $node->basedir . "/session_$session.out" };
		$psql->{run} = start(
			[
				'psql', '-X', '-q', '-A', '-t', '-v', 'VERBOSITY=verbose',
				'-d', $node->connstr('random') . ' user=regress_random', '-f', $script
			],
			'<', \undef, '>&', $psql->{out},
			IPC::Run::timeout(10 * $PostgreSQL::Test::Utils::timeout_default));
		push @psql, $psql;
	}
	foreach my $psql (@psql)
	{
		ok(finish($psql->{run}), "session $psql->{session} comes to its end");
		my @lines = split /\n/, slurp_file($psql->{out});

		foreach (@lines)
		{
			if (/CALL (\w+) (ok|\w{5}) (none|regress_\w+)$/)
			{
				my ($function, $outcome, $role) = ($1, $2, $3);

				$made++;
				$outcomes{$function}{$outcome}++;
				# a handler that is called by hand, with what is no event
				$errors{$outcome}++ unless $function eq 'project_movements' && $outcome eq '23502';
			}
			elsif (/FINDING: (.*)/)
			{
				push @findings, "session $psql->{session}: $1";
			}
			elsif (/MEMORY (\d+) (\d+)/)
			{
				push @{ $memory[ $psql->{session} ] }, $2;
			}
			elsif (/ERROR:  (\w{5})/)
			{
				$errors{$1}++;
			}
			elsif (/(?:FATAL|PANIC|server closed)/)
			{
				push @findings, "session $psql->{session}: $_";
			}
		}
	}
	return;
}

my $began = time;
my $alone = int($calls / 5);
call_at_random(1, 1, $alone, 'true');
note 'alone: ', time - $began, ' s';
call_at_random(2, $sessions + 1, int(($calls - $alone) / $sessions), 'false');
note 'all: ', time - $began, ' s';

# What a transaction did in a commit that failed is not counted.
cmp_ok($made, '>=', $calls * 0.98, 'the calls were made');

# That the store is sound: what is wrong, a line each.
sub unsound
{
	return query(<<~'END');
		SELECT check_name || ' of ' || stream || ': ' || detail FROM event_store.verify_store()
		UNION ALL
		SELECT 'type or data of event ' || global_position FROM event_store.events
		 WHERE octet_length(type) NOT BETWEEN 1 AND 255 OR data = 'null' OR schema_version < 1
			OR NOT metadata ?& '{$user,$application}' OR jsonb_typeof(metadata) <> 'object'
		UNION ALL
		SELECT 'stock of ' || sku FROM warehouse.check_stock()
		UNION ALL
		SELECT 'safe position' WHERE event_store.safe_position() <> (SELECT last_value FROM event_store.events_global_position_seq)
		UNION ALL
		SELECT 'in flight: ' || pid FROM event_store.in_flight
		UNION ALL
		SELECT 'lock: ' || l::text FROM pg_locks l WHERE l.objsubid IN (17747, 17748, 17749)
		UNION ALL
		SELECT 'partitions of ' || coalesce(s.subscription, p.subscription) FROM event_store.subscriptions s FULL JOIN event_store.subscription_partitions p USING (subscription)
		 GROUP BY s.subscription, p.subscription, s.partitions
		HAVING array_agg(p.partition ORDER BY p.partition) IS DISTINCT FROM ARRAY(SELECT generate_series(0, s.partitions - 1))
		UNION ALL
		SELECT 'partition ' || p.partition || ' of ' || p.subscription FROM event_store.subscription_partitions p
		 WHERE p.checkpoint NOT BETWEEN 0 AND event_store.safe_position() OR p.delivered_through > event_store.safe_position()
			OR p.token & 255 <> p.partition OR p.turn <> p.changes / 64 OR (p.leased_until IS NULL) <> (p.delivered = 0) AND p.retried_stream IS NULL
		UNION ALL
		SELECT 'failed event ' || f.global_position || ' of ' || f.subscription
		  FROM event_store.subscription_failed_events f
		  LEFT JOIN event_store.subscription_partitions p USING (subscription, partition)
		  LEFT JOIN event_store.events e USING (global_position, stream_id)
		 WHERE p.subscription IS NULL OR e.stream_id IS NULL OR f.failed_version NOT IN (0, e.version)
			OR f.parked_at IS NOT NULL AND f.retry_at IS NOT NULL
		END
}
is(unsound(), '', 'the store is sound');

# Projections and a subscription that went on all the while: each event took effect
# exactly once.
query(<<~'END');
	SELECT event_store.resume_projection('kept later');
	SELECT event_store.run_projections('kept later');
	DO $$
	BEGIN
		FOR i IN 1 .. 100000 LOOP
			CONTINUE WHEN random.consume('kept', 1000, 0) > 0;
			EXIT WHEN (SELECT sum(lag_events) + sum(delayed) FROM event_store.subscription_status WHERE subscription = 'kept') = 0;
			PERFORM pg_sleep(0.01);
		END LOOP;
	END $$;
	END
is( query(<<~'END'), '', 'projections and a consumer have handled each event once');
	SELECT k.projection || ': ' || count(e.global_position) || ' of ' || count(h.global_position) || ' are events, of which there are ' || count(DISTINCT e.global_position)
	  FROM unnest(ARRAY['now', 'later', 'kept']) k (projection)
	 CROSS JOIN event_store.events e
	  FULL JOIN random.handled h ON h.projection = k.projection AND h.global_position = e.global_position
	 WHERE h.projection IS NULL OR h.projection IN ('now', 'later', 'kept')
	 GROUP BY k.projection
	HAVING count(*) <> count(e.global_position) OR count(*) <> count(h.global_position) OR count(*) <> count(DISTINCT e.global_position)
	END
note query('SELECT concat_ws(\' \', state, count(*), sum(handled), sum(parked)) FROM event_store.projection_status GROUP BY state');
note query('SELECT concat_ws(\' \', subscription, state, count(*), sum(lag_events), sum(delayed), sum(parked)) FROM event_store.subscription_status GROUP BY subscription, state');

# The procedures as they are meant to be called, outside a transaction block: all of
# their arguments are hostile now and then.
foreach my $procedure (qw(wait_for_projection wait_for_events))
{
	my $script = $node->basedir . "/$procedure.sql";

	query("SELECT event_store.drop_projection('p' || n, true), event_store.create_projection('p' || n, 'random.handle(event_store.event)') FROM generate_series(1, 3) n");
	append_to_file($script, "SET statement_timeout = '1s';\n" . query(<<~"END"));
		SELECT setseed(1.0 / $seed), nextval('event_store.events_global_position_seq') \\g /dev/null
		SELECT format('SET default_transaction_isolation = %L;', (ARRAY['read committed', 'repeatable read', 'serializable'])[random.upto(3)]) || E'\\n'
			|| (random.statement(d)).statement || ';'
		  FROM random.drawn d, generate_series(1, 300) WHERE d.name = '$procedure'
		END
	my ($out, $err) = ('', '');

	IPC::Run::run(
		[
			'psql', '-X', '-q', '-A', '-t', '-v', 'VERBOSITY=verbose',
			'-d', $node->connstr('random') . ' user=regress_random', '-f', $script
		],
		'<', \undef, '>', \$out, '2>', \$err);
	foreach ($out =~ /^(.+)$/mg)
	{
		push @findings, "$procedure: $_" unless /^(?:reached|arrived|timed out|stopped|failed)$/;
		$outcomes{$procedure}{ok}++;
		$errors{ok}++;
	}
	foreach ($err =~ /(?:ERROR|FATAL|PANIC):  (\w{5})/g)
	{
		push @findings, "$procedure: $_" if /^XX/;
		$outcomes{$procedure}{$_}++;
		$errors{$_}++;
	}
	cmp_ok($outcomes{$procedure}{ok}, '>', 50, "$procedure waits");
}
note query('SELECT count(*) FROM event_store.events'), ' events are stored';

# The calls that make and drop the store and the warehouse, by themselves.  The
# random schema stays, since nothing of it depends on the store.
query(<<~'END');
	CREATE FUNCTION random.standing() RETURNS text LANGUAGE sql AS $$
		SELECT concat_ws(' ', to_regclass('event_store.events'), to_regclass('event_store.all_events'), to_regclass('warehouse.stock'),
						 (SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass('event_store.events')))
	$$;

	CREATE PROCEDURE random.rebuild(seed int, calls int) LANGUAGE plpgsql AS $$
	DECLARE
		called random.drawn;
		statement text;
		outcome text;
		message text;
		standing text;
	BEGIN
		PERFORM setseed(1.0 / seed);
		FOR i IN 1 .. calls LOOP
			SELECT * INTO called FROM random.drawn WHERE apart OR name IN ('append', 'receive_product', 'read_all', 'save_snapshot', 'grant_reader', 'create_projection', 'drop_projection',
				'pause_projection', 'run_projections', 'create_subscription', 'drop_subscription', 'poll', 'parked_events')
			 ORDER BY random() * CASE WHEN apart THEN 1 ELSE 1.5 END LIMIT 1;
			standing := random.standing();
			BEGIN
				outcome := 'ok';
				IF to_regclass('event_store.events_global_position_seq') IS NOT NULL THEN
					PERFORM nextval('event_store.events_global_position_seq');
					statement := (random.statement(called)).statement;
					-- values that only fit by luck, now and then, are those that fit
					IF called.name IN ('drop_event_type', 'drop_upcaster') AND random() < 0.5 THEN
						statement := format($q$
							SELECT event_store.%s(t.type, t.schema_version) FROM (
								SELECT * FROM event_store.event_types WHERE %s IS NOT NULL
								 ORDER BY schema_version DESC LIMIT 1) t $q$,
							called.name, CASE called.name WHEN 'drop_upcaster' THEN 'upcaster' ELSE 'validator' END);
					END IF;
				ELSE
					statement := format('SELECT %s(%s)', called.qualified,
						(SELECT string_agg(format('NULL::%s', a ->> 'type'), ', ') FROM jsonb_array_elements(called.arguments) a WHERE NOT called.apart));
				END IF;
				EXECUTE statement;
			EXCEPTION WHEN OTHERS THEN
				outcome := SQLSTATE;
				message := SQLERRM;
			END;
			RAISE NOTICE 'CALL % % none', called.name, outcome;
			IF outcome LIKE 'XX%' THEN
				RAISE NOTICE 'FINDING: % % by: %', outcome, message, statement;
			END IF;
			IF outcome <> 'ok' AND standing <> random.standing() THEN
				RAISE NOTICE 'FINDING: % left % where there was %: %', outcome, random.standing(), standing, statement;
			END IF;
			IF random() < 0.2 THEN
				COMMIT;
			ELSIF random() < 0.1 THEN
				ROLLBACK;
			END IF;
		END LOOP;
	END $$;
	END
{
	my ($out, $err) = ('', '');

	$node->psql('random', "CALL random.rebuild($seed, 700)", stdout => \$out, stderr => \$err,
		extra_params => [ '-U', 'regress_random' ]);
	my %apart;
	while ($err =~ /CALL (\w+) (ok|\w{5}) none/g)
	{
		$apart{$1}{$2}++;
		$outcomes{$1}{$2}++;
		$errors{$2}++;
	}
	push @findings, $err =~ /(FINDING: .*|ERROR: .*|FATAL: .*)/g;
	foreach my $function (split /\n/, query('SELECT name FROM random.functions WHERE apart'))
	{
		ok($apart{$function}{ok}, "$function was called");
	}
}
# Where no warehouse stands, products may have got events of other types, from
# which none could be made.
query(<<~'END');
	SELECT event_store.create_store(if_not_exists => true);
	SELECT event_store.drop_store(with_events => true) WHERE to_regclass('warehouse.stock') IS NULL;
	SELECT warehouse.create_warehouse(if_not_exists => true);
	SELECT warehouse.receive_product('after', 1);
	END
is(unsound(), '', 'the store made anew is sound');

note join "\n", map { my $f = $_; "$f: " . join(', ', map { "$_ $outcomes{$f}{$_}" } sort keys %{ $outcomes{$f} }) } sort keys %outcomes;

# Every function was called, and has succeeded but for those that always refuse.
is( join(' ', grep { !$outcomes{$_}{ok} } split /\n/, query('SELECT DISTINCT name FROM random.functions ORDER BY name')),
	'event_types_changed project_inline project_stock projections_changed refuse_change refuse_insert',
	'every function was called with success, but for the guards');
cmp_ok($errors{ok}, '>', $calls / 3, 'a good share of the calls succeeds');

# The errors: those that the reference lists, and of the guards that they are no
# triggers.  UNDON is this test's own.
{
	my ($section) = slurp_file("$FindBin::RealBin/../../docs/reference.md") =~ /^## Errors\n(.*?)^## /ms;
	my %listed = map { $_ => 1 } map { /`([0-9A-Z]{5})`/g } $section =~ /^\|([^|]*)\|/mg;

	cmp_ok(scalar(keys %listed), '>', 20, 'the reference lists errors');
	is( join(' ', grep { !$listed{$_} && !/^(?:ok|UNDON|39P01)$/ } sort keys %errors),
		'', 'no error but those that the reference lists');
}
is(join("\n", @findings), '', 'nothing is found');

# A session that has warmed up uses no more memory at its end.
foreach my $session (1 .. $sessions + 1)
{
	my @used = @{ $memory[$session] // [] };
	my $quarter = int(@used / 4);
	my $middle = sub { my @of = sort { $a <=> $b } @_; return $of[ @of / 2 ] };

	next if $quarter < 2;
	my $early = $middle->(@used[ $quarter .. 2 * $quarter - 1 ]);
	my $late = $middle->(@used[ -$quarter .. -1 ]);
	note "session $session: $early, then $late bytes";
	cmp_ok($late - $early, '<', 400_000, "session $session does not grow");
}

my $log = slurp_file($node->logfile);
# what run_projections() and retry_parked() tell of handlers that fail: ours, and
# the warehouse's where so much is moved in a day that no bigint counts it
$log =~ s/WARNING:(  projection ".{1,255}?" failed at global position \d+: (?:seven|bigint out of range)$)/told:$1/mgs;
my @alarming = $log =~ /^(.*(?:PANIC|TRAP:|WARNING:|terminated by signal|invalid memory).*)$/mg;
is(join("\n", @alarming), '', 'the server has nothing to complain about');

$node->stop;
done_testing();
