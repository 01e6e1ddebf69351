--
-- Event types: validators and upcasters.
--
CREATE SCHEMA regress_ver;
CREATE FUNCTION regress_ver.split_name(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN (data - 'name') || jsonb_build_object('first', split_part(data ->> 'name', ' ', 1), 'last', split_part(data ->> 'name', ' ', 2));
CREATE FUNCTION regress_ver.add_age(data jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN data || '{"age": null}'; END$$;
CREATE FUNCTION regress_ver.keep(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN data;
CREATE FUNCTION regress_ver.nothing(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN NULL::jsonb;
CREATE FUNCTION regress_ver.fails(data jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN IF data ? 'bad' THEN RAISE 'no way' USING ERRCODE = 'ZZ001'; END IF; RETURN data; END$$;
CREATE FUNCTION regress_ver.has_name(data jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN data ? 'name';
CREATE FUNCTION regress_ver.raises(data jsonb) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'name is missing' USING ERRCODE = 'ZZ002'; END$$;

-- Without any.
SELECT version FROM event_store.append_json('person-1', $$[
	{"type": "Born", "data": {"name": "Ada Byron"}},
	{"type": "Born", "data": {"name": "Ann Other"}, "schema_version": 1},
	{"type": "Named", "data": {"first": "Ada", "last": "Lovelace"}, "schema_version": 2},
	{"type": "Moved", "data": {}},
	{"type": "Named", "data": {"first": "Ada", "last": "King", "age": 20}, "schema_version": 3}]$$);
SELECT version, type, schema_version, data FROM event_store.read_stream('person-1');
SELECT count(*) FROM event_store.check_upcasters();

-- A chain that renames: Born 1 -> Named 2 -> Named 3.
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.create_upcaster('Named', 2, 'regress_ver.add_age')$$,
	$$SELECT event_store.create_upcaster(NULL, 1, 'regress_ver.keep')$$,
	$$SELECT event_store.create_upcaster('', 1, 'regress_ver.keep')$$,
	$$SELECT event_store.create_upcaster('T', NULL, 'regress_ver.keep')$$,
	$$SELECT event_store.create_upcaster('T', 0, 'regress_ver.keep')$$,
	$$SELECT event_store.create_upcaster('T', 2147483647, 'regress_ver.keep')$$,
	$$SELECT event_store.create_upcaster('T', 1, NULL)$$,
	$$SELECT event_store.create_upcaster('T', 1, 'regress_ver.none')$$,
	$$SELECT event_store.create_upcaster('T', 1, 'pg_catalog.jsonb_array_length(jsonb)')$$,
	$$SELECT event_store.create_upcaster('T', 1, 'pg_catalog.jsonb_agg(anyelement)')$$,
	$$SELECT event_store.create_upcaster('T', 1, 'regress_ver.keep', '')$$,
	$$SELECT event_store.drop_upcaster('T', 1)$$,
	$$SELECT event_store.drop_upcaster(NULL, 1)$$,
	$$SELECT event_store.drop_event_type('T', 1)$$,
	$$SELECT event_store.create_event_type('T', 1, 'regress_ver.keep')$$,
	$$SELECT event_store.create_event_type('T', 1, NULL)$$,
	$$SELECT event_store.create_event_type('T', -1, 'regress_ver.has_name')$$,
	$$SELECT event_store.check_upcasters(max_failures => -1)$$]) q;
DECLARE before CURSOR WITH HOLD FOR SELECT version, type FROM event_store.read_stream('person-1');
BEGIN;
DECLARE open CURSOR FOR SELECT version, type, schema_version, data FROM event_store.read_stream('person-1');
FETCH 1 FROM open;
SELECT event_store.create_upcaster('Born', 1, 'regress_ver.split_name', to_type => 'Named');
SELECT event_store.create_upcaster(type => 'Named', from_version => 2, handler => 'regress_ver.add_age(jsonb)');
-- a read goes on as it began
FETCH 1 FROM open;
SELECT version, type, schema_version, data FROM event_store.read_stream('person-1');
SAVEPOINT s;
SELECT event_store.create_upcaster('Named', 3, 'regress_ver.keep', 'Renamed');
SELECT type, schema_version FROM event_store.last_event('person-1');
ROLLBACK TO s;
SELECT type, schema_version FROM event_store.last_event('person-1');
COMMIT;
TABLE event_store.event_types;

-- Wherever events are read; raw shows what is stored, and nothing of that changes.
SELECT version, type, schema_version, data FROM event_store.read_stream('person-1', backwards => true);
SELECT version, type, schema_version, data FROM event_store.read_stream('person-1', raw => true);
SELECT version FROM event_store.read_stream('person-1');
SELECT schema_version FROM event_store.read_category('person');
SELECT type, data ->> 'last' AS last FROM event_store.read_category('person', types => '{Named}');
SELECT count(*) FROM event_store.read_category('person', types => '{Born}');
SELECT type, data ->> 'name' AS name FROM event_store.read_category('person', types => '{Born}', raw => true);
SELECT version, type FROM event_store.read_all(types => '{Named,Moved}', categories => '{person}');
SELECT version, type FROM event_store.read_all(types => '{Named}', backwards => true, max_count => 4);
SELECT count(*) FROM event_store.read_all(types => '{Named}', raw => true);
SELECT version, type, data ->> 'last' AS last FROM event_store.last_event('person-1', 'Named');
SELECT count(*) FROM event_store.last_event('person-1', 'Born');
SELECT type, count(*) FROM event_store.all_events WHERE stream = 'person-1' GROUP BY type ORDER BY type COLLATE "C";
SELECT count(*) FROM event_store.check_upcasters();

-- By the index on types, too.
CREATE INDEX regress_by_type ON event_store.events (type, global_position);
SELECT version, type FROM event_store.read_all(types => '{Named}');
SELECT count(*) FROM event_store.read_all(types => '{Born}');
DROP INDEX event_store.regress_by_type;

-- Folded, in history, and in the trail; what was folded before is folded anew.
CREATE FUNCTION regress_ver.apply_person(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN e.type = 'Named' THEN state || jsonb_build_object('last', e.data ->> 'last', 'versions', state -> 'versions' || to_jsonb(e.schema_version)) ELSE state END;
END $$;
SELECT event_store.create_aggregate_type('person', '{"versions": []}', 'regress_ver.apply_person');
SELECT event_store.take_snapshot('person-1');
SELECT state FROM event_store.load('person-1');
SELECT event_store.create_upcaster('Named', 3, 'regress_ver.keep');
SELECT state FROM event_store.load('person-1');
SELECT event_store.load('person-1') = event_store.load('person-1', use_snapshot => false) AS same;
SELECT version, type, schema_version, changes FROM event_store.history('person-1');
SELECT version, type, schema_version, data -> 'last' AS last FROM event_store.audit_trail('person-1', max_count => 2);
SELECT regress_help.run($$SELECT event_store.drop_upcaster('Born', 1)$$), regress_help.run($$SELECT event_store.drop_upcaster('Named', 2)$$);
SELECT event_store.drop_upcaster('Named', 3);
SELECT state FROM event_store.state_at('person-1', 2);
SELECT event_store.drop_aggregate_type('person');

-- A missing link, a null, an error, a function that is gone.
DELETE FROM event_store.event_types WHERE type = 'Born';
UPDATE event_store.event_types SET schema_version = 3;
SELECT regexp_replace(regress_help.run($$SELECT * FROM event_store.read_stream('person-1', 3)$$), 'position \d+', 'position N');
SELECT error_code, message FROM event_store.check_upcasters('Named');
UPDATE event_store.event_types SET upcaster = 'regress_ver.nothing(pg_catalog.jsonb)', schema_version = 2;
SELECT regress_help.run($$SELECT * FROM event_store.read_stream('person-1', 3)$$);
UPDATE event_store.event_types SET upcaster = 'regress_ver.gone(pg_catalog.jsonb)';
SELECT regress_help.run($$SELECT * FROM event_store.read_stream('person-1', 3)$$);
SELECT count(*) FROM event_store.read_stream('person-1', 4);
SELECT count(version) FROM event_store.read_stream('person-1');
TRUNCATE event_store.event_types;
SELECT event_store.create_upcaster('Bad', 1, 'regress_ver.fails');
SELECT version FROM event_store.append_json('bad-1', '[{"type": "Bad", "data": {}}, {"type": "Bad", "data": {"bad": 1}}, {"type": "Bad", "data": {"bad": 2}}, {"type": "Good", "data": {"bad": 2}}]');
SELECT stream, version, type, schema_version, error_code, message FROM event_store.check_upcasters();
SELECT count(*) FROM event_store.check_upcasters('Bad', max_failures => 1);
SELECT count(*) FROM event_store.check_upcasters('Good');
SELECT count(*) FROM event_store.check_upcasters(max_failures => 0);
DO $$
DECLARE
	context text;
BEGIN
	PERFORM * FROM event_store.read_stream('bad-1');
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RAISE NOTICE '%', regexp_replace(split_part(context, E'\n', 2), 'position \d+', 'position N');
END $$;
SELECT event_store.drop_upcaster('Bad', 1);

-- Many types: they are halved, and not looked through.
SELECT count(*) AS created FROM (SELECT event_store.create_upcaster(type, v, 'regress_ver.keep') FROM (SELECT repeat(chr(64 + n), 1 + n % 5) AS type, v FROM generate_series(1, 20) n, generate_series(1, 3) v ORDER BY v, n) t) c;
SELECT count(*) AS appended FROM (SELECT event_store.append('many-1', repeat(chr(64 + n), 1 + n % 5), to_jsonb(n), schema_version => 1 + n % 4) FROM generate_series(0, 22) n) a;
SELECT count(*) FILTER (WHERE e.schema_version <> CASE WHEN n BETWEEN 1 AND 20 THEN 4 ELSE 1 + n % 4 END OR e.data <> to_jsonb(n) OR e.type <> repeat(chr(64 + n), 1 + n % 5)) AS wrong, count(*)
  FROM (SELECT *, version::int - 1 AS n FROM event_store.read_stream('many-1')) e;
DELETE FROM event_store.event_types WHERE schema_version = 2;
SELECT count(*) AS failing, min(error_code), max(error_code), count(*) FILTER (WHERE schema_version < 3) AS old FROM event_store.check_upcasters() WHERE stream = 'many-1';
TRUNCATE event_store.event_types;

-- A read that is open goes by what it began with, whatever comes and goes meanwhile.
CREATE FUNCTION regress_ver.first(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN to_jsonb(1);
CREATE FUNCTION regress_ver.second(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN to_jsonb(2);
CREATE FUNCTION regress_ver.third(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN to_jsonb(3);
SELECT version FROM event_store.append_json('open-1', '[{"type": "A", "data": 0}, {"type": "C", "data": 0}, {"type": "B", "data": 0}, {"type": "C", "data": 0}, {"type": "A", "data": 0}]');
SELECT event_store.create_upcaster('A', 1, 'regress_ver.first'), event_store.create_upcaster('C', 1, 'regress_ver.third');
BEGIN;
DECLARE open CURSOR FOR SELECT type, schema_version, data FROM event_store.read_stream('open-1');
FETCH 2 FROM open;
SELECT event_store.create_upcaster('B', 1, 'regress_ver.second'), event_store.create_upcaster('AA', 1, 'regress_ver.second'), event_store.create_upcaster('A', 1, 'regress_ver.third');
SELECT version FROM event_store.append('open-2', 'A', '0');
SELECT type, schema_version, data FROM event_store.read_stream('open-1', 3);
FETCH ALL FROM open;
COMMIT;
TRUNCATE event_store.event_types;

-- What is added to an aggregate is applied as it will be read.
CREATE FUNCTION regress_ver.apply_typed(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE sql
RETURN state || jsonb_build_array(e.type, e.schema_version, e.data);
SELECT event_store.create_aggregate_type('typed', '[]', 'regress_ver.apply_typed');
SELECT event_store.create_upcaster('A', 1, 'regress_ver.first', 'B');
SELECT state AS saved FROM event_store.save(event_store.add_event(event_store.add_event(event_store.load('typed-1'), 'A', '0'), 'B', '5', schema_version => 2)) \gset
SELECT state, state = :'saved' AS as_saved FROM event_store.load('typed-1');
SELECT event_store.drop_aggregate_type('typed');

-- Nothing is left behind: at a drop, before a hole, or when an upcaster is given another way.
SELECT event_store.create_upcaster('B', 2, 'regress_ver.second'), event_store.create_upcaster('D', 1, 'regress_ver.second', 'B');
SELECT event_store.drop_upcaster('D', 1);
SELECT regress_help.run($$SELECT event_store.drop_upcaster('A', 1)$$), regress_help.run($$SELECT event_store.create_upcaster('A', 1, 'regress_ver.first')$$);
SELECT event_store.create_upcaster('E', 1, 'regress_ver.first'), event_store.create_upcaster('E', 2, 'regress_ver.first'), event_store.create_upcaster('E', 3, 'regress_ver.first');
SELECT event_store.create_upcaster('F', 1, 'regress_ver.first', 'E');
SELECT regress_help.run($$SELECT event_store.drop_upcaster('E', 1)$$), regress_help.run($$SELECT event_store.drop_upcaster('E', 2)$$);
DELETE FROM event_store.event_types WHERE type = 'E' AND schema_version = 2;
SELECT regress_help.run($$SELECT event_store.create_upcaster('F', 1, 'regress_ver.second', 'E')$$);
-- nor is anything stored that nobody could read
SELECT regress_help.run($$SELECT event_store.append('open-3', 'E', '0', schema_version => 2)$$);
SELECT version FROM event_store.append('open-3', 'E', '0', schema_version => 4);
TRUNCATE event_store.event_types;

-- A validator does not append.
CREATE FUNCTION regress_ver.appends(data jsonb) RETURNS boolean LANGUAGE sql
RETURN (SELECT version > 0 FROM event_store.append('open-4', 'Other', '0'));
SELECT event_store.create_event_type('A', 1, 'regress_ver.appends');
SELECT regress_help.run($$SELECT event_store.append('open-4', 'A', '0')$$);
SELECT version FROM event_store.append('open-4', 'B', '0');
SELECT event_store.drop_event_type('A', 1);

-- What validators need is freed from event to event: 5,000 of them leave nothing behind.
CREATE FUNCTION regress_ver.measures(data jsonb) RETURNS boolean LANGUAGE sql
RETURN data <> '5000' OR (SELECT sum(used_bytes) < 40000000 FROM pg_backend_memory_contexts);
SELECT event_store.create_event_type('Measured', 1, 'regress_ver.measures');
SELECT version FROM event_store.append_json('measured_data-1', (SELECT jsonb_agg(jsonb_build_object('type', 'Measured', 'data', n)) FROM generate_series(1, 5000) n));
SELECT event_store.drop_event_type('Measured', 1);

-- A change past the calls is told of, too, whatever the replication role.
SELECT event_store.create_upcaster('A', 1, 'regress_ver.first');
SELECT data FROM event_store.read_stream('open-2');
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE event_store.event_types SET upcaster = 'regress_ver.second(pg_catalog.jsonb)';
COMMIT;
SELECT data FROM event_store.read_stream('open-2');
TRUNCATE event_store.event_types;

-- In a parallel plan the leader reads, by what it has seen once.
SELECT event_store.create_upcaster('A', 1, 'regress_ver.first');
CREATE TABLE regress_ver.many AS SELECT n FROM generate_series(1, 20000) n;
ANALYZE regress_ver.many;
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SELECT count(*) FILTER (WHERE data = '1') AS upcast FROM (SELECT (SELECT data FROM event_store.read_stream('open-2') WHERE n > 0) AS data FROM regress_ver.many WHERE n % 10 = 0 ORDER BY n LIMIT 100) m;
COMMIT;
SELECT data FROM event_store.read_stream('open-2');
TRUNCATE event_store.event_types;

-- Validators.
SELECT event_store.create_event_type(type => 'Born', schema_version => 1, validator => 'regress_ver.has_name');
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.append('person-2', 'Born', '{"title": "Dr"}')$$,
	$$SELECT event_store.append('person-2', 'Born', '[]')$$,
	$$SELECT event_store.append_json('person-2', '[{"type": "Born", "data": {"name": "A"}}, {"type": "Born", "data": 1}]')$$,
	$$SELECT event_store.append_events('person-2', ARRAY[event_store.new_event('Born', '{}')])$$,
	$$SELECT event_store.append_streams('[{"stream": "person-3", "expected_version": 0, "events": [{"type": "Born", "data": {"name": "A"}}]},
		{"stream": "person-2", "expected_version": 0, "events": [{"type": "Born", "data": {}}]}]')$$]) q;
SELECT event_store.stream_version('person-2'), event_store.stream_version('person-3');
SELECT version FROM event_store.append('person-2', 'Born', '{"name": "A B"}', event_id => '20000000-0000-4000-8000-00000000ae01');
SELECT version FROM event_store.append('person-2', 'Born', '{}', schema_version => 2);
SELECT event_store.create_event_type('Born', 1, 'regress_ver.raises');
-- a retry is a retry
SELECT version FROM event_store.append('person-2', 'Born', '{"name": "A B"}', event_id => '20000000-0000-4000-8000-00000000ae01');
SELECT version FROM event_store.append('person-2', 'Born', '{"name": "A B"}');
\echo :LAST_ERROR_SQLSTATE
-- a wrong version is told first
SELECT regress_help.run($$SELECT event_store.append('person-2', 'Born', '{}', 7)$$);
UPDATE event_store.event_types SET validator = 'regress_ver.gone(pg_catalog.jsonb)';
SELECT regress_help.run($$SELECT event_store.append('person-2', 'Born', '{}')$$);
SELECT event_store.drop_event_type('Born', 1);
SELECT count(*) FROM event_store.event_types;
SELECT version FROM event_store.append('person-2', 'Born', '{}');

-- Both of one version are one row.
SELECT event_store.create_event_type('Both', 1, 'regress_ver.has_name'), event_store.create_upcaster('Both', 1, 'regress_ver.keep');
SELECT event_store.drop_event_type('Both', 1);
SELECT type, validator, upcaster FROM event_store.event_types;
SELECT event_store.create_event_type('Both', 1, 'regress_ver.has_name'), event_store.drop_upcaster('Both', 1);
SELECT type, validator, upcaster FROM event_store.event_types;
SELECT event_store.drop_event_type('Both', 1);

-- Who may; and as whom: the owner of the store, restricted, with a search path that is pinned.
CREATE ROLE regress_versions;
CREATE FUNCTION regress_ver.who(data jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN jsonb_build_object('owner', current_user = (SELECT tableowner FROM pg_tables WHERE schemaname = 'event_store' AND tablename = 'events'),
							  'path', current_setting('search_path'));
END $$;
CREATE FUNCTION regress_ver.temporary(data jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN CREATE TEMP TABLE t (n int); RETURN data; END $$;
SELECT event_store.create_upcaster('Moved', 1, 'regress_ver.who');
SELECT event_store.grant_reader('regress_versions'), event_store.grant_writer('regress_versions');
SET ROLE regress_versions;
SET search_path = regress_ver, public;
SELECT data FROM event_store.read_stream('person-1', 4, 1);
SELECT current_user = 'regress_versions' AS still, current_setting('search_path');
RESET search_path;
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.create_upcaster('T', 1, 'regress_ver.keep')$$, $$SELECT event_store.drop_upcaster('Moved', 1)$$,
	$$SELECT event_store.create_event_type('T', 1, 'regress_ver.has_name')$$, $$SELECT event_store.drop_event_type('T', 1)$$,
	$$SELECT event_store.check_upcasters()$$, $$SELECT * FROM event_store.event_types$$]) q;
RESET ROLE;
SELECT event_store.create_upcaster('Moved', 1, 'regress_ver.temporary');
SELECT regress_help.run($$SELECT * FROM event_store.read_stream('person-1', 4, 1)$$);
SELECT count(*) > 0 AS can_be_checked FROM event_store.check_upcasters('Moved');
SELECT event_store.drop_upcaster('Moved', 1);
SELECT event_store.revoke_reader('regress_versions'), event_store.revoke_writer('regress_versions');
DROP ROLE regress_versions;

DROP SCHEMA regress_ver CASCADE;
