--
-- Security: what PUBLIC and each role may do, found in the catalogs so that what
-- is added later is covered; objects planted in every schema of the search path;
-- hostile strings in every text argument; roles that have rights from elsewhere.
--
-- All in one transaction that is rolled back, roles included.
--
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION pgtap;

SELECT no_plan();

CREATE ROLE regress_sec_owner;
CREATE ROLE regress_sec_nobody;
CREATE ROLE regress_sec_usage;
CREATE ROLE regress_sec_reader;
CREATE ROLE regress_sec_writer;
CREATE ROLE regress_sec_consumer;
CREATE ROLE regress_sec_attacker;
SELECT format('ALTER DATABASE %I OWNER TO regress_sec_owner', current_database()) \gexec

-- Tries a statement as a role, takes back what it did, and returns the SQLSTATE
-- of its error, or "allowed".
CREATE SCHEMA help;
GRANT USAGE ON SCHEMA help TO PUBLIC;
CREATE FUNCTION help.try(role_name text, statement text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role_name);
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'UNDON';
EXCEPTION
	WHEN SQLSTATE 'UNDON' THEN
		RETURN 'allowed';
	WHEN OTHERS THEN
		RETURN SQLSTATE;
END
$$;

-- The traps -------------------------------------------------------------------
--
-- An attacker who may create objects in a schema of their own, in public and in
-- one of the owner's plants whatever could be taken for ours or PostgreSQL's.
-- Each trap writes down who sprang it.

CREATE SCHEMA evil AUTHORIZATION regress_sec_attacker;
CREATE SCHEMA shop AUTHORIZATION regress_sec_owner;
GRANT CREATE, USAGE ON SCHEMA shop, public TO regress_sec_attacker;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET LOCAL SESSION AUTHORIZATION regress_sec_attacker;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE TABLE evil.log (what text, who text);
GRANT ALL ON evil.log TO PUBLIC;
CREATE FUNCTION evil.sprung(what text) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
BEGIN
	INSERT INTO evil.log VALUES (what, current_user);
	RETURN true;
END $$;

-- Every function, aggregate and operator of PostgreSQL's over these types, and
-- every one of ours whatever its arguments are.
CREATE TEMP TABLE shadowed (type regtype);
INSERT INTO shadowed VALUES ('text'), ('int8'), ('int4'), ('bool'), ('jsonb'), ('uuid'), ('timestamptz'), ('name'), ('oid'), ('"char"'), ('bytea'),
	('text[]'), ('regclass'), ('regprocedure'), ('regnamespace'), ('numeric'), ('xid'), ('aclitem[]'), ('interval');
DO $$
DECLARE
	p record;
	place text;
BEGIN
	FOR p IN
		SELECT DISTINCT ON (proname, arguments) proname, pg_get_function_identity_arguments(f.oid) AS arguments, prorettype::regtype AS result
		  FROM pg_proc f, LATERAL (SELECT proargtypes::oid[]) a (types)
		 WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a') AND NOT proretset AND provariadic = 0
		   AND proargmodes IS NULL AND types <@ (SELECT array_agg(type::oid) FROM shadowed) AND prorettype IN (SELECT type FROM shadowed)
	LOOP
		EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql SET search_path = pg_catalog AS %L', p.proname, p.arguments, p.result,
			format('BEGIN PERFORM evil.sprung(%L); RETURN NULL; END', p.proname));
	END LOOP;
	FOR p IN
		SELECT oid, oprname, oprleft::regtype AS oprleft, oprright::regtype AS oprright, oprresult::regtype AS result FROM pg_operator
		 WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft IN (SELECT type FROM shadowed) AND oprright IN (SELECT type FROM shadowed)
		   AND oprresult IN (SELECT type FROM shadowed)
	LOOP
		EXECUTE format('CREATE FUNCTION evil.%I(%s, %s) RETURNS %s LANGUAGE plpgsql SET search_path = pg_catalog AS %L', 'operator_' || p.oid, p.oprleft, p.oprright, p.result,
			format('BEGIN PERFORM evil.sprung(%L); RETURN NULL; END', p.oprname));
		EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%I)', p.oprname, p.oprleft, p.oprright, 'operator_' || p.oid);
	END LOOP;
	FOREACH place IN ARRAY '{public,shop,evil}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION %I.append(VARIADIC text[]) RETURNS bigint LANGUAGE sql AS ''SELECT evil.sprung(''''append'''')::int::bigint''', place);
		EXECUTE format('CREATE FUNCTION %I.refuse_insert() RETURNS void LANGUAGE sql AS ''SELECT evil.sprung(''''refuse_insert'''')''', place);
		EXECUTE format('CREATE FUNCTION %I.list_streams(text, text, bigint) RETURNS TABLE (stream text) LANGUAGE sql AS ''SELECT evil.sprung(''''list_streams'''')::text''', place);
		EXECUTE format('CREATE FUNCTION %I.create_store(boolean, boolean) RETURNS void LANGUAGE sql AS ''SELECT evil.sprung(''''create_store'''')''', place);
		EXECUTE format('CREATE FUNCTION %I.string_agg_(text, text) RETURNS text LANGUAGE sql AS ''SELECT evil.sprung(''''string_agg_'''')::text''', place);
	END LOOP;
END $$;
CREATE FUNCTION evil.springing() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM evil.sprung('trigger'); RETURN NEW; END$$;
CREATE FUNCTION evil.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM evil.sprung('refuse_change'); RETURN NULL; END$$;

-- Relations, in temporary schemas, too, and types, with casts of their own.
DO $$
DECLARE
	place text;
	name text;
BEGIN
	FOREACH place IN ARRAY '{public,shop,evil,pg_temp}'::text[] LOOP
		FOREACH name IN ARRAY '{events,streams,categories,snapshots,all_events,in_flight,stock,projections,projection_checkpoints,projection_parked_events,projection_status,subscriptions,subscription_partitions,subscription_failed_events,subscription_status,horizon,pg_proc,pg_class,pg_depend,pg_extension,pg_rewrite,pg_trigger,pg_locks,
			pg_stat_activity,pg_prepared_xacts,pg_database,pg_authid,events_global_position_seq}'::text[] LOOP
			EXECUTE format('CREATE VIEW %I.%I AS SELECT evil.sprung(%L) AS stream, 1 AS global_position', place, name, name);
			EXECUTE format('GRANT ALL ON %I.%I TO PUBLIC', place, name);
		END LOOP;
		FOREACH name IN ARRAY '{text,jsonb,int8,int4,bool,uuid,timestamptz,bytea,name,regclass,regnamespace,regprocedure}'::text[] LOOP
			EXECUTE format('CREATE DOMAIN %I.%I AS pg_catalog.%I CHECK (evil.sprung(%L))', place, name, name, 'type ' || name);
		END LOOP;
		EXECUTE format('CREATE TYPE %I.event AS (stream pg_catalog.text)', place);
		EXECUTE format('CREATE TYPE %I.new_event AS (type pg_catalog.text, data pg_catalog.jsonb)', place);
		EXECUTE format('CREATE TYPE %I.polled_event AS (stream pg_catalog.text)', place);
	END LOOP;
END $$;
CREATE FUNCTION evil.event_text(evil.event) RETURNS pg_catalog.text LANGUAGE sql AS $$SELECT evil.sprung('cast')::pg_catalog.text$$;
CREATE CAST (evil.event AS pg_catalog.text) WITH FUNCTION evil.event_text AS IMPLICIT;
CREATE CAST (evil.new_event AS pg_catalog.jsonb) WITH INOUT AS IMPLICIT;
RESET SESSION AUTHORIZATION;
\set safe 'SET LOCAL search_path = pg_catalog, public, pg_temp'
:safe;
SELECT cmp_ok((SELECT count(*) FROM pg_proc WHERE pronamespace = 'evil'::regnamespace)::int, '>', 800, 'functions are planted');
SELECT cmp_ok((SELECT count(*) FROM pg_operator WHERE oprnamespace = 'evil'::regnamespace)::int, '>', 80, 'operators are planted');

-- They work: whoever names things without their schema runs them.
\set path 'SET LOCAL search_path = evil, shop, public, pg_temp, pg_catalog'
SET LOCAL SESSION AUTHORIZATION regress_sec_nobody;
:path;
SELECT append('x'), clock_timestamp(), 'a' || 'b'::pg_catalog.text, 1::pg_catalog.int8 = 1::pg_catalog.int8, 'x'::text, ROW('x')::event::pg_catalog.text \g /dev/null
SELECT * FROM events \g /dev/null
SELECT * FROM pg_temp.pg_locks \g /dev/null
:safe;
RESET SESSION AUTHORIZATION;
SELECT set_eq('SELECT DISTINCT what, who FROM evil.log',
	$$SELECT w, 'regress_sec_nobody' FROM unnest(ARRAY['append', 'clock_timestamp', '||', '=', 'type text', 'cast', 'events', 'pg_locks']) w$$,
	'the traps spring where somebody walks into them');
DELETE FROM evil.log;

-- Everything that the owner does, the extensions included.
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
:path;
CREATE EXTENSION event_store_warehouse CASCADE;
SELECT warehouse.create_warehouse() \g /dev/null
SELECT warehouse.create_warehouse(if_not_exists => true) \g /dev/null
SELECT event_store.create_store(if_not_exists => true, type_index => true) \g /dev/null
SELECT event_store.grant_reader('regress_sec_reader') \g /dev/null
SELECT event_store.grant_writer('regress_sec_writer') \g /dev/null
SELECT event_store.grant_consumer('regress_sec_consumer') \g /dev/null
SELECT event_store.grant_reader('regress_sec_nobody'), event_store.revoke_reader('regress_sec_nobody') \g /dev/null
SELECT event_store.grant_writer('regress_sec_nobody'), event_store.revoke_writer('regress_sec_nobody') \g /dev/null
SELECT event_store.grant_consumer('regress_sec_nobody'), event_store.revoke_consumer('regress_sec_nobody') \g /dev/null
GRANT EXECUTE ON FUNCTION warehouse.receive_product(pg_catalog.text, bigint, pg_catalog.timestamptz), warehouse.ship_product(pg_catalog.text, bigint, pg_catalog.timestamptz),
	warehouse.adjust_inventory(pg_catalog.text, bigint, pg_catalog.text, pg_catalog.timestamptz), warehouse.quantity_on_hand(pg_catalog.text, pg_catalog.timestamptz), warehouse.check_stock
	TO regress_sec_writer;
GRANT USAGE ON SCHEMA warehouse TO regress_sec_writer;
:safe;
RESET SESSION AUTHORIZATION;
SELECT is_empty('SELECT * FROM evil.log', 'no trap of the installer, the owner''s calls and the grants');

-- The owner's own triggers on what is written with the owner's rights are
-- careless: they name nothing with its schema.
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
CREATE FUNCTION shop.careless() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM clock_timestamp(), 'a' || 'b'::text, 1::int8 = 1::int8, md5('x');
	RETURN NEW;
END $$;
CREATE FUNCTION shop.careless_check(int8) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN md5($1::text) || 'x' = md5($1::text) || 'x' OR $1 = $1;
END $$;
ALTER TABLE event_store.snapshots ADD CONSTRAINT careless CHECK (shop.careless_check(version)), ADD COLUMN careless boolean DEFAULT shop.careless_check(1);
CREATE TRIGGER careless_before BEFORE INSERT OR UPDATE OR DELETE ON event_store.snapshots FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless_after AFTER INSERT OR UPDATE OR DELETE ON event_store.snapshots FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless_before BEFORE INSERT OR UPDATE ON warehouse.stock FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless_after AFTER INSERT OR UPDATE ON warehouse.stock FOR EACH STATEMENT EXECUTE FUNCTION shop.careless();

-- And so are handlers of projections, and triggers on what these write and on the
-- registry.
CREATE TABLE shop.read_model (generation integer, global_position int8 CHECK (shop.careless_check(global_position)));
CREATE TRIGGER careless_before BEFORE INSERT OR DELETE ON shop.read_model FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE FUNCTION shop.handle(e event_store.event, generation integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM clock_timestamp(), 'a' || 'b'::text, 1::int8 = 1::int8, md5(e.stream);
	IF e.stream LIKE 'bad%' THEN
		RAISE 'a bad one';
	END IF;
	INSERT INTO shop.read_model VALUES (generation, e.global_position);
END $$;
CREATE FUNCTION shop.handle_all(batch event_store.event[]) RETURNS void LANGUAGE sql AS
	$$INSERT INTO shop.read_model SELECT 0, e.global_position FROM unnest(batch) e WHERE md5(e.stream) || 'x' = md5(e.stream) || 'x'$$;
CREATE FUNCTION shop.reset(generation integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM clock_timestamp(), 'a' || 'b'::text, 1::int8 = 1::int8;
	DELETE FROM shop.read_model m WHERE m.generation = $1;
END $$;
CREATE TRIGGER careless BEFORE INSERT OR UPDATE OR DELETE ON event_store.projections FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless BEFORE INSERT OR UPDATE ON event_store.projection_checkpoints FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless BEFORE INSERT OR UPDATE ON event_store.projection_parked_events FOR EACH ROW EXECUTE FUNCTION shop.careless();

-- And triggers and constraints on the tables of subscriptions, which whoever polls
-- and answers writes to.
CREATE TRIGGER careless BEFORE INSERT OR UPDATE ON event_store.subscriptions FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless_before BEFORE INSERT OR UPDATE ON event_store.subscription_partitions FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless_after AFTER INSERT OR UPDATE OR DELETE ON event_store.subscription_partitions FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless_before BEFORE INSERT OR UPDATE ON event_store.subscription_failed_events FOR EACH ROW EXECUTE FUNCTION shop.careless();
CREATE TRIGGER careless_after AFTER INSERT OR UPDATE OR DELETE ON event_store.subscription_failed_events FOR EACH STATEMENT EXECUTE FUNCTION shop.careless();
ALTER TABLE event_store.subscription_partitions ADD CONSTRAINT careless CHECK (shop.careless_check(checkpoint)), ADD COLUMN careless boolean DEFAULT shop.careless_check(1);
ALTER TABLE event_store.subscription_failed_events ADD CONSTRAINT careless CHECK (shop.careless_check(stream_id)), ADD COLUMN careless boolean DEFAULT shop.careless_check(1);
:path;
SELECT event_store.create_subscription('mail', ARRAY['trap','bad'], NULL, 0, 1, 2, 'pass', '0') \g /dev/null
SELECT event_store.create_subscription('mail', ARRAY['trap','bad'], NULL, 0, 1, 2, 'pass', '0', replace => true) \g /dev/null
SELECT event_store.create_subscription('mail', partitions => 1, if_not_exists => true) \g /dev/null
SELECT event_store.create_subscription('gone'), event_store.move_subscription('gone', 0), event_store.drop_subscription('gone'), event_store.drop_subscription('gone', true) \g /dev/null
SELECT event_store.create_projection('now', 'shop.handle(event_store.event, pg_catalog.int4)', mode => 'inline', types => '{T}') \g /dev/null
SELECT event_store.create_projection('all', 'shop.handle_all(event_store.event[])', mode => 'inline') \g /dev/null
SELECT event_store.create_projection('later', 'shop.handle(event_store.event, pg_catalog.int4)', categories => '{trap,bad}', reset => 'shop.reset(pg_catalog.int4)', on_error => 'park', max_attempts => 1) \g /dev/null
:safe;
RESET SESSION AUTHORIZATION;
SELECT is_empty('SELECT * FROM evil.log', 'no trap of what makes projections and subscriptions');

-- All calls of a writer.
CREATE FUNCTION help.id(n int) RETURNS uuid LANGUAGE sql RETURN ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid;
SET LOCAL SESSION AUTHORIZATION regress_sec_writer;
:path;
SELECT event_store.append('trap-1', 'T', '{"a": 1}', event_store.any_version(), '{"k": 1}', '00000000-0000-4000-8000-000000000001', 2) \g /dev/null
SELECT event_store.append('trap-1', 'T', '{"a": 1}', event_id => '00000000-0000-4000-8000-000000000001') \g /dev/null
SELECT event_store.append('trap-1', 'T', '{}', event_store.stream_exists()) \g /dev/null
SELECT event_store.append_events('trap-2', ARRAY[event_store.new_event('T', '{}'), event_store.new_event('T', '{}', '{}')], event_store.no_stream()) \g /dev/null
SELECT event_store.append_json('trap-3', '[{"type": "T", "data": {}, "metadata": {"k": 1}, "event_id": "00000000-0000-4000-8000-000000000002", "schema_version": "3"}]') \g /dev/null
SELECT event_store.append_streams('[{"stream": "trap-4", "expected_version": "0", "events": [{"type": "T", "data": {}}]}, {"stream": "trap-5", "expected_version": -2}]') \g /dev/null
SET LOCAL event_store.metadata = '{"correlation": 1}';
SELECT event_store.lock_store(), event_store.append('trap-1', 'T', '{}') \g /dev/null
SELECT event_store.save_snapshot('trap-1', 1, '{}') \g /dev/null
SELECT event_store.save_snapshot('trap-1', 2, '{}', 1), event_store.save_snapshot('trap-1', 3, '{}'), event_store.save_snapshot('trap-1', 3, '{}') \g /dev/null
SELECT warehouse.receive_product('SKU-1', 5), warehouse.ship_product('SKU-1', 2), warehouse.adjust_inventory('SKU-1', 7, 'count') \g /dev/null
SELECT warehouse.receive_product('SKU-1', 5, '2026-01-01'), warehouse.quantity_on_hand('SKU-1'), warehouse.quantity_on_hand('SKU-1', '2026-01-01') \g /dev/null
SELECT * FROM warehouse.check_stock() \g /dev/null
:safe;
RESET SESSION AUTHORIZATION;
SELECT is_empty('SELECT * FROM evil.log', 'no trap of the writer''s calls, nor of the owner''s triggers that they fire with the owner''s rights');

-- All calls of a consumer: events that come to be acknowledged, fail, are parked,
-- delivered by themselves, and not answered at all.
CREATE TABLE help.polled (token bigint, global_position bigint);
GRANT SELECT, INSERT, DELETE ON help.polled TO regress_sec_consumer;
CREATE FUNCTION help.poll(consumer text, max_count bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	most bigint;
BEGIN
	DELETE FROM help.polled WHERE token IS NOT NULL;
	INSERT INTO help.polled SELECT p.token, p.global_position FROM event_store.poll('mail', consumer, max_count, '1 minute') p;
	SELECT pg_catalog.max(p.token) INTO most FROM help.polled p;
	RETURN most;
END $$;
CREATE FUNCTION help.first() RETURNS bigint LANGUAGE sql AS 'SELECT pg_catalog.min(p.global_position) FROM help.polled p';
CREATE FUNCTION help.last() RETURNS bigint LANGUAGE sql AS 'SELECT pg_catalog.max(p.global_position) FROM help.polled p';
SET LOCAL SESSION AUTHORIZATION regress_sec_consumer;
:path;
SELECT help.poll('one', 5) AS token \gset
SELECT event_store.nack('mail', :token, help.last(), 'a bad one', '0'), event_store.ack('mail', :token, help.last()) \g /dev/null
SELECT help.poll('one', 5) AS token \gset
SELECT event_store.nack('mail', :token, help.last(), delay => NULL) \g /dev/null
SELECT help.poll('one', NULL) AS token \gset
SELECT event_store.ack('mail', :token, help.first()) \g /dev/null
SELECT pg_catalog.count(help.poll('two', 1)) FROM pg_catalog.generate_series(1, 3) \g /dev/null
SELECT pg_catalog.count(help.poll('one', 1)) FROM pg_catalog.generate_series(1, 9) \g /dev/null
SELECT event_store.safe_position() \g /dev/null
SELECT a, b FROM event_store.parked_events() a, event_store.parked_events('mail') b \g /dev/null
SELECT * FROM event_store.subscription_status, event_store.subscription_statuses() \g /dev/null
:safe;
RESET SESSION AUTHORIZATION;
SELECT is_empty('SELECT * FROM evil.log', 'no trap of the consumer''s calls, nor of the owner''s triggers that they fire with the owner''s rights');
SELECT cmp_ok((SELECT count(*)::int FROM event_store.parked_events('mail')), '>', 0, 'of which some have parked an event');

-- What the owner calls to check, repair and upgrade the store, which grants as a
-- superuser; and the figures.
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
:path;
SET LOCAL client_min_messages = error;
SELECT event_store.append('bad-1', 'Bad', '{}') \g /dev/null
SELECT event_store.run_projections('later', 1), event_store.run_projections() \g /dev/null
SELECT event_store.retry_parked('later'), event_store.projection_generation('later') \g /dev/null
SELECT event_store.rebuild_projection('later') \g /dev/null
SELECT event_store.run_projections('later', 1), event_store.run_projections() \g /dev/null
SELECT event_store.rebuild_projection('later', true) \g /dev/null
SELECT * FROM event_store.projection_status, event_store.projection_statuses() \g /dev/null
SELECT event_store.run_projections() \g /dev/null
SELECT event_store.run_projections() \g /dev/null
SELECT event_store.pause_projection('later'), event_store.resume_projection('later'), event_store.pause_projection('now'), event_store.resume_projection('now') \g /dev/null
SELECT event_store.create_projection('now', 'shop.handle(event_store.event, pg_catalog.int4)', replace => true), event_store.drop_projection('now'), event_store.stop_worker() \g /dev/null
SELECT event_store.replay_parked('mail', 1), event_store.skip_parked('mail', global_position) FROM event_store.parked_events() \g /dev/null
SELECT event_store.replay_parked('mail'), event_store.move_subscription('mail', 1), event_store.drop_subscription('mail') \g /dev/null
SELECT event_store.create_subscription('mail', partitions => 1) \g /dev/null
SET LOCAL client_min_messages = warning;
SELECT event_store.upgrade_store(), event_store.repair_sequence() \g /dev/null
SELECT * FROM event_store.verify_store() \g /dev/null
SELECT * FROM event_store.stats, event_store.store_stats() \g /dev/null
:safe;
SET LOCAL SESSION AUTHORIZATION regress_sec_reader;
:path;
SELECT * FROM event_store.stats, event_store.store_stats() \g /dev/null
SELECT event_store.projection_generation('later'), s FROM event_store.projection_status s, event_store.projection_statuses() \g /dev/null
SELECT * FROM event_store.subscription_status, event_store.subscription_statuses() \g /dev/null
SELECT * FROM event_store.parked_events() \g /dev/null
:safe;
RESET SESSION AUTHORIZATION;
SELECT is_empty('SELECT * FROM evil.log', 'no trap of checks, repairs and upgrades, nor of projections that are run and subscriptions that are changed');
SELECT set_eq('SELECT DISTINCT generation FROM shop.read_model', 'VALUES (0), (1), (2)', 'which were');
SELECT results_eq('SELECT state COLLATE "default", parked, generation FROM event_store.projection_status WHERE projection = ''later''', $$VALUES ('active', 1::bigint, 2)$$, 'and had what failed, and was rebuilt');

-- A trigger on the events runs with the appender's rights and search path, as
-- triggers do: it is careful, or runs what the appender has planted, as the
-- appender.
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
CREATE TRIGGER careless AFTER INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION shop.careless();
SET LOCAL SESSION AUTHORIZATION regress_sec_writer;
:path;
SELECT event_store.append('trap-1', 'T', '{}') \g /dev/null
:safe;
RESET SESSION AUTHORIZATION;
SELECT set_eq('SELECT DISTINCT who FROM evil.log', $$VALUES ('regress_sec_writer')$$, 'a careless trigger on the events runs traps as the appender, not as the owner');
DELETE FROM evil.log;
DROP TRIGGER careless ON event_store.events;

-- All calls of a reader, and what is refused.
SET LOCAL SESSION AUTHORIZATION regress_sec_reader;
:path;
SELECT * FROM event_store.read_stream('trap-1', 1, 5, false, 9, '2100-01-01', false) \g /dev/null
SELECT * FROM event_store.read_category('trap', 0, 5, 100, ARRAY['T'], true) \g /dev/null
SELECT * FROM event_store.read_all(0, 5, ARRAY['trap'], ARRAY['T']) \g /dev/null
SELECT * FROM event_store.read_all(types => ARRAY['T'], backwards => true) \g /dev/null
SELECT * FROM event_store.last_event('trap-1', 'T') \g /dev/null
SELECT * FROM event_store.list_streams('trap', 'trap-1', 3) \g /dev/null
SELECT event_store.stream_version('trap-1'), event_store.safe_position() \g /dev/null
SELECT * FROM event_store.latest_snapshot('trap-1', 1, 3) \g /dev/null
SELECT * FROM event_store.all_events \g /dev/null
SELECT * FROM event_store.in_flight \g /dev/null
:safe;
RESET SESSION AUTHORIZATION;
SELECT is_empty('SELECT * FROM evil.log', 'no trap of the reader''s calls and views');
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
:path;
DO $$BEGIN DELETE FROM event_store.events; EXCEPTION WHEN SQLSTATE 'ST007' THEN END$$;
DO $$BEGIN INSERT INTO event_store.events DEFAULT VALUES; EXCEPTION WHEN SQLSTATE 'ST007' THEN END$$;
:safe;
RESET SESSION AUTHORIZATION;
SELECT is_empty('SELECT * FROM evil.log', 'no trap of what refuses changes');

-- What a superuser calls in a database that is another's, whose owner has put
-- calls of the same names beside ours.
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
DROP TRIGGER careless_before ON warehouse.stock;
DROP TRIGGER careless_after ON warehouse.stock;
SELECT warehouse.drop_warehouse() \g /dev/null
SELECT event_store.drop_store(with_events => true) \g /dev/null
CREATE FUNCTION event_store.create_store(if_not_exists boolean) RETURNS void LANGUAGE sql AS $$SELECT evil.sprung('create_store')$$;
CREATE FUNCTION event_store.list_streams(text, text, integer) RETURNS SETOF event_store.stream_info LANGUAGE sql AS $$SELECT evil.sprung('list_streams')::text, NULL::bigint, NULL::timestamptz$$;
CREATE FUNCTION event_store.refuse_insert(integer) RETURNS void LANGUAGE sql AS $$SELECT evil.sprung('refuse_insert')$$;
CREATE FUNCTION event_store.append(stream text) RETURNS void LANGUAGE sql AS $$SELECT evil.sprung('append')$$;
CREATE FUNCTION event_store.ack(subscription text) RETURNS void LANGUAGE sql AS $$SELECT evil.sprung('ack')$$;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_sec_nobody;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO regress_sec_nobody;
RESET SESSION AUTHORIZATION;
CREATE TABLE help.read_model (global_position bigint);
GRANT SELECT, INSERT, DELETE ON help.read_model TO regress_sec_owner;
CREATE FUNCTION help.handle(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM clock_timestamp(), 'a' || 'b'::text, 1::int8 = 1::int8, md5(e.stream);
	INSERT INTO help.read_model VALUES (e.global_position);
END $$;
CREATE FUNCTION help.reset() RETURNS void LANGUAGE sql AS 'DELETE FROM help.read_model';
:path;
SELECT warehouse.create_warehouse() \g /dev/null
SELECT warehouse.create_warehouse(true) \g /dev/null
SELECT event_store.create_store(true, true) \g /dev/null
SELECT event_store.grant_reader('regress_sec_reader'), event_store.grant_writer('regress_sec_writer'), event_store.grant_consumer('regress_sec_consumer') \g /dev/null
SELECT warehouse.receive_product('SKU-1', 5), warehouse.ship_product('SKU-1', 2) \g /dev/null
SELECT event_store.save_snapshot('warehouse_product-SKU-1', 1, '{}') \g /dev/null
SELECT warehouse.rebuild_stock() \g /dev/null
SELECT * FROM warehouse.check_stock() \g /dev/null
SELECT event_store.create_projection('now', 'help.handle', mode => 'inline'), event_store.create_projection('later', 'help.handle', reset => 'help.reset') \g /dev/null
SELECT event_store.append('trap-1', 'T', '{}') \g /dev/null
SELECT event_store.run_projections(), event_store.rebuild_projection('later'), event_store.drop_projection('later') \g /dev/null
SELECT event_store.create_subscription('mail', partitions => 1) \g /dev/null
SELECT token, global_position FROM event_store.poll('mail', 'one', 1) \gset
SELECT event_store.nack('mail', :token, :global_position), event_store.ack('mail', :token, :global_position), event_store.replay_parked('mail') \g /dev/null
SELECT event_store.move_subscription('mail', 0) FROM event_store.parked_events('mail'), event_store.subscription_status \g /dev/null
SELECT event_store.drop_subscription('mail') \g /dev/null
SELECT event_store.revoke_reader('regress_sec_reader'), event_store.revoke_writer('regress_sec_writer'), event_store.revoke_consumer('regress_sec_consumer') \g /dev/null
SELECT warehouse.drop_warehouse() \g /dev/null
SELECT event_store.drop_store(true) \g /dev/null
:safe;
SELECT is_empty('SELECT * FROM evil.log', 'no trap of a superuser''s calls');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(p.proacl) a WHERE p.proname IN ('append', 'ack', 'list_streams', 'create_store', 'refuse_insert')
	AND a.grantee IN ('regress_sec_reader'::regrole, 'regress_sec_consumer'::regrole)$$, 'grants are of the extension''s functions only');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace = 'event_store'::regnamespace AND a.grantee = 'regress_sec_nobody'::regrole
	AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')$$, 'an owner''s default privileges are nothing to the extension''s functions');
DROP FUNCTION event_store.create_store(boolean), event_store.list_streams(text, text, integer), event_store.refuse_insert(integer), event_store.append(text), event_store.ack(text);
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_sec_nobody;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM regress_sec_nobody;

-- What each role may do -----------------------------------------------------------

SELECT warehouse.create_warehouse() \g /dev/null
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA warehouse FROM regress_sec_writer;
REVOKE ALL ON SCHEMA warehouse FROM regress_sec_writer;
SELECT event_store.grant_reader('regress_sec_reader') \g /dev/null
SELECT event_store.grant_writer('regress_sec_writer') \g /dev/null
SELECT event_store.grant_consumer('regress_sec_consumer') \g /dev/null
RESET SESSION AUTHORIZATION;
GRANT USAGE ON SCHEMA event_store, warehouse TO regress_sec_usage;

CREATE VIEW help.functions AS
SELECT p.oid, format('%s.%I', p.pronamespace::regnamespace, p.proname) AS name, p.proacl, p.proowner,
	   CASE p.prokind WHEN 'p' THEN 'CALL ' ELSE 'SELECT ' END AS verb,
	   format('%s %s.%I(%s)', CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END, p.pronamespace::regnamespace, p.proname,
			  (SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a (t, n))) AS call
  FROM pg_depend d
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
  JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
 WHERE d.deptype = 'e' AND e.extname IN ('event_store', 'event_store_warehouse');
CREATE VIEW help.relations AS
SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relacl, c.relowner
  FROM pg_class c
 WHERE c.relnamespace IN ('event_store'::regnamespace, 'warehouse'::regnamespace) AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S');

SELECT cmp_ok((SELECT count(*)::int FROM help.functions), '>=', 35, 'the functions are found');
SELECT cmp_ok((SELECT count(*)::int FROM help.relations), '>=', 8, 'the relations are found');
SELECT is_empty($$SELECT name FROM help.functions, aclexplode(coalesce(proacl, acldefault('f', proowner))) a WHERE a.grantee = 0$$, 'PUBLIC may call nothing');
SELECT is_empty($$SELECT name FROM help.relations, aclexplode(coalesce(relacl, acldefault('r', relowner))) a WHERE a.grantee = 0$$, 'PUBLIC may use no relation');
SELECT is_empty($$SELECT nspname FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
				   WHERE nspname IN ('event_store', 'warehouse') AND a.grantee = 0$$, 'PUBLIC may use neither schema');
SELECT is_empty($$SELECT attrelid::regclass, attname FROM pg_attribute WHERE attrelid IN (SELECT oid FROM help.relations) AND attacl IS NOT NULL$$, 'there are no rights on columns');
SELECT is_empty(format($$SELECT name, help.try(%L, call) FROM help.functions WHERE help.try(%1$L, call) <> '42501'$$, role_name), role_name || ' may call nothing')
  FROM unnest('{regress_sec_nobody,regress_sec_usage,regress_sec_attacker}'::text[]) role_name;
SELECT is_empty(format($$SELECT name, privilege FROM help.relations, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) privilege
				   WHERE relkind <> 'S' AND has_table_privilege(%L, oid, privilege)$$, role_name), role_name || ' has no right on a relation')
  FROM unnest('{regress_sec_nobody,regress_sec_usage,regress_sec_attacker,regress_sec_writer}'::text[]) role_name;
SELECT is_empty($$SELECT r, name FROM help.relations, unnest('{regress_sec_nobody,regress_sec_usage,regress_sec_reader,regress_sec_writer,regress_sec_consumer}'::text[]) r
				   WHERE relkind = 'S' AND has_sequence_privilege(r, oid, 'USAGE, SELECT, UPDATE')$$, 'nobody has a right on the sequence');
SELECT is_empty($$SELECT r, n FROM unnest('{event_store,warehouse}'::text[]) n, unnest('{regress_sec_nobody,regress_sec_reader,regress_sec_writer,regress_sec_consumer,regress_sec_usage}'::text[]) r
				   WHERE has_schema_privilege(r, n, 'CREATE')$$, 'nobody may create in the schemas');

-- A reader's, a writer's and a consumer's rights are the documented ones, no fewer
-- and no more, and not theirs to pass on.
CREATE VIEW help.granted AS
SELECT a.grantee::regrole::text AS role_name, o.name, a.privilege_type || CASE WHEN a.is_grantable THEN ' *' ELSE '' END AS privilege
  FROM (SELECT name, proacl FROM help.functions UNION ALL SELECT name, relacl FROM help.relations UNION ALL SELECT nspname, nspacl FROM pg_namespace) o (name, acl),
	   aclexplode(o.acl) a
 WHERE a.grantee::regrole::text LIKE 'regress\_sec\_%';
SELECT set_eq($$SELECT name, privilege FROM help.granted WHERE role_name = 'regress_sec_reader'$$,
	$$SELECT 'event_store.' || n AS name, 'EXECUTE' AS privilege FROM unnest('{read_stream,read_category,read_all,last_event,list_streams,stream_version,safe_position,latest_snapshot,store_stats,load,state_at,states_at,history,audit_trail,causation,verify_stream,check_seal,projection_statuses,projection_generation,wait_for_projection,subscription_statuses,parked_events,wait_for_events}'::text[]) n
	  UNION ALL SELECT 'event_store.' || n, 'SELECT' FROM unnest('{all_events,in_flight,stats,projection_status,subscription_status}'::text[]) n UNION ALL VALUES ('event_store', 'USAGE')$$, 'what a reader has');
SELECT set_eq($$SELECT name, privilege FROM help.granted WHERE role_name = 'regress_sec_writer'$$,
	$$SELECT 'event_store.' || n AS name, 'EXECUTE' AS privilege FROM unnest('{append,append_events,append_json,append_streams,new_event,any_version,no_stream,stream_exists,lock_store,save_snapshot,add_event,save,take_snapshot,seal_store}'::text[]) n
	  UNION ALL VALUES ('event_store', 'USAGE')$$, 'what a writer has');
SELECT set_eq($$SELECT name, privilege FROM help.granted WHERE role_name = 'regress_sec_consumer'$$,
	$$SELECT 'event_store.' || n AS name, 'EXECUTE' AS privilege FROM unnest('{poll,ack,nack,release,parked_events,subscription_statuses,wait_for_events,safe_position}'::text[]) n
	  UNION ALL VALUES ('event_store.subscription_status', 'SELECT'), ('event_store', 'USAGE')$$, 'what a consumer has');
SELECT is_empty(format($$SELECT name, help.try(%L, call) FROM help.functions WHERE (help.try(%1$L, call) = '42501') = has_function_privilege(%1$L, oid, 'EXECUTE')$$, r), r || ' is refused all else')
  FROM unnest('{regress_sec_reader,regress_sec_writer,regress_sec_consumer}'::text[]) r;
-- nor may they hang our trigger functions on tables of their own
GRANT CREATE ON SCHEMA public TO regress_sec_writer, regress_sec_reader, regress_sec_consumer;
SELECT is(help.try(r, format('CREATE TABLE public.mine (n int); CREATE TRIGGER t AFTER INSERT ON public.mine FOR EACH ROW EXECUTE FUNCTION %s()', f)), '42501', r || ' and ' || f)
  FROM unnest('{regress_sec_reader,regress_sec_writer,regress_sec_consumer}'::text[]) r, unnest('{event_store.refuse_change,event_store.event_types_changed,event_store.projections_changed,event_store.project_inline,warehouse.project_stock}'::text[]) f;

-- Rights from elsewhere ------------------------------------------------------------

-- Predefined roles that read and write all tables.  What they get is the tables,
-- not the calls; rules and triggers refuse what they refuse the owner.  A rule's
-- function they may not call, which is a refusal, too.
CREATE ROLE regress_sec_all_read;
CREATE ROLE regress_sec_all_write;
CREATE ROLE regress_sec_monitor;
GRANT pg_read_all_data TO regress_sec_all_read;
GRANT pg_read_all_data, pg_write_all_data TO regress_sec_all_write;
GRANT pg_monitor TO regress_sec_monitor;
SELECT event_store.append('order-1', 'Placed', '{}') \g /dev/null
SELECT event_store.append('order-1', 'Paid', '{}') \g /dev/null
SELECT is(help.try('regress_sec_all_read', statement), expected, 'pg_read_all_data: ' || statement)
  FROM (VALUES ('SELECT * FROM event_store.events', 'allowed'), ('SELECT * FROM event_store.all_events', 'allowed'),
			   ('SELECT * FROM event_store.projections', 'allowed'), ('SELECT * FROM event_store.projection_status', '42501'),
			   ('SELECT * FROM event_store.subscription_failed_events', 'allowed'), ('SELECT * FROM event_store.subscription_status', '42501'), ($$SELECT event_store.poll('mail', 'x')$$, '42501'),
			   ($$SELECT * FROM event_store.read_stream('order-1')$$, '42501'), ($$SELECT event_store.append('order-1', 'T', '{}')$$, '42501'),
			   ('DELETE FROM event_store.events', '42501'), ('DELETE FROM event_store.snapshots', '42501')) v (statement, expected);
SELECT is(help.try('regress_sec_all_write', statement), expected, 'pg_write_all_data: ' || statement)
  FROM (VALUES ('INSERT INTO event_store.events SELECT * FROM event_store.events', '42501'), ('INSERT INTO event_store.streams SELECT * FROM event_store.streams', '42501'),
			   ('INSERT INTO event_store.categories SELECT * FROM event_store.categories', '42501'), ('INSERT INTO event_store.categories VALUES (1, ''x'') RETURNING 1', '0A000'),
			   ('UPDATE event_store.events SET data = ''{}''', 'ST007'), ('DELETE FROM event_store.events', 'ST007'), ('TRUNCATE event_store.events', '42501'),
			   ('WITH x AS (INSERT INTO event_store.categories VALUES (1, ''x'')) SELECT 1', '42501'),
			   ('MERGE INTO event_store.events e USING (VALUES (1)) v ON false WHEN NOT MATCHED THEN INSERT DEFAULT VALUES', '0A000'),
			   ('ALTER TABLE event_store.events DISABLE TRIGGER append_only', '42501'), ('DROP RULE append_only ON event_store.events', '42501'),
			   ('DELETE FROM event_store.snapshots', 'allowed'), ($$SELECT event_store.append('order-1', 'T', '{}')$$, '42501'),
			   -- what docs/security.md warns of
			   ('DELETE FROM warehouse.stock', 'allowed'), ('UPDATE event_store.subscription_partitions SET checkpoint = 0', 'allowed'), ('SELECT setval(''event_store.events_global_position_seq'', 1000)', 'allowed'),
			   ('LOCK TABLE event_store.events IN ACCESS EXCLUSIVE MODE', 'allowed')) v (statement, expected);
SELECT is(help.try('regress_sec_monitor', statement), '42501', 'pg_monitor: ' || statement)
  FROM unnest(ARRAY['SELECT * FROM event_store.events', 'SELECT * FROM event_store.all_events', 'SELECT * FROM event_store.in_flight', 'SELECT event_store.safe_position()',
		'SELECT * FROM event_store.projections', 'SELECT * FROM event_store.projection_status', 'SELECT event_store.stop_worker()',
		'SELECT * FROM event_store.subscriptions', 'SELECT * FROM event_store.subscription_status']) statement;

-- A handler that somebody else owns, who could replace it, is nothing that the
-- owner runs: neither does the call take it, nor is it called where a row names it.
CREATE FUNCTION evil.handle(e event_store.event) RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM evil.sprung('handler'); END$$;
CREATE FUNCTION evil.reset() RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM evil.sprung('reset'); END$$;
ALTER FUNCTION evil.handle OWNER TO regress_sec_attacker;
ALTER FUNCTION evil.reset OWNER TO regress_sec_attacker;
SELECT is(help.try('regress_sec_owner', statement), '42501', 'somebody else''s function: ' || statement)
  FROM unnest(ARRAY[$$SELECT event_store.create_projection('p', 'evil.handle')$$, $$SELECT event_store.create_projection('p', 'evil.handle', mode => 'inline')$$,
		$$SELECT event_store.create_projection('p', 'help.handle', reset => 'evil.reset')$$]) statement;
SELECT is(help.try('regress_sec_owner', $$SELECT event_store.create_projection('p', 'help.handle', reset => 'help.reset')$$), 'allowed', 'while a superuser''s is trusted');
SELECT event_store.create_projection('p', 'help.handle', reset => 'help.reset', mode => 'inline') \g /dev/null
SELECT event_store.create_projection('q', 'help.handle', reset => 'help.reset') \g /dev/null
SET LOCAL SESSION AUTHORIZATION regress_sec_all_write;
UPDATE event_store.projections SET handler = 'evil.handle(event_store.event)', reset = 'evil.reset()' WHERE projection IN ('p', 'q');
RESET SESSION AUTHORIZATION;
SELECT is(help.try('regress_sec_owner', statement), '55000', 'with rows that name one: ' || statement)
  FROM unnest(ARRAY[$$SELECT event_store.append('order-1', 'T', '{}')$$, $$SELECT event_store.run_projections()$$, $$SELECT event_store.rebuild_projection('p')$$,
		$$SELECT event_store.rebuild_projection('q')$$]) statement;
SELECT is_empty('SELECT * FROM evil.log', 'it is never called');
SELECT set_eq('SELECT DISTINCT state COLLATE "default" FROM event_store.projection_status WHERE projection IN (''p'', ''q'')', $$VALUES ('unusable')$$, 'which can be seen');
SELECT event_store.drop_projection('p'), event_store.drop_projection('q') \g /dev/null

-- Owners: of the database but not of the store, of the store but not of the
-- database, and of another schema.
CREATE ROLE regress_sec_database;
CREATE ROLE regress_sec_other;
CREATE SCHEMA other AUTHORIZATION regress_sec_other;
SELECT format('ALTER DATABASE %I OWNER TO regress_sec_database', current_database()) \gexec
SELECT is(help.try('regress_sec_database', statement), '42501', 'owner of the database only: ' || statement)
  FROM unnest(ARRAY['SELECT * FROM event_store.events', $$SELECT event_store.append('order-1', 'T', '{}')$$, 'SELECT event_store.drop_store(true)', 'DROP TABLE event_store.events',
		'DROP SCHEMA event_store CASCADE', 'ALTER SCHEMA event_store RENAME TO mine', 'DROP EXTENSION event_store CASCADE', 'ALTER EXTENSION event_store DROP FUNCTION event_store.lock_store()',
		'CREATE OR REPLACE FUNCTION event_store.lock_store() RETURNS void LANGUAGE sql AS ''SELECT 1''', 'CREATE TABLE event_store.mine ()', 'SET session_replication_role = replica']) statement;
SELECT is(help.try('regress_sec_owner', statement), expected, 'owner of the store: ' || statement)
  FROM (VALUES ('CREATE OR REPLACE FUNCTION event_store.lock_store() RETURNS void LANGUAGE sql AS ''SELECT 1''', '42501'), ('DROP VIEW event_store.in_flight', '42501'),
			   ('CREATE OR REPLACE VIEW event_store.in_flight AS SELECT 1', '42501'), ('ALTER FUNCTION event_store.append OWNER TO regress_sec_owner', '42501'),
			   ('ALTER FUNCTION event_store.append SECURITY DEFINER', '42501'), ('ALTER FUNCTION event_store.save_snapshot RESET search_path', '42501'),
			   ('ALTER TYPE event_store.event RENAME ATTRIBUTE data TO mine', '42501'), ('ALTER SCHEMA event_store RENAME TO mine', '42501'),
			   ('SET session_replication_role = replica', '42501'), ('SET event_store.snapshots_kept = 1', '42501'),
			   ('CREATE FUNCTION event_store.f() RETURNS void AS ''$libdir/event_store'', ''event_store_append'' LANGUAGE c', '42501'),
			   ('GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO regress_sec_owner', '42501'),
			   ('ALTER EXTENSION event_store ADD FUNCTION pg_catalog.pg_read_file(text)', '42501')) v (statement, expected);
SELECT is(help.try('regress_sec_other', statement), '42501', 'owner of another schema: ' || statement)
  FROM unnest(ARRAY['SELECT * FROM event_store.all_events', 'SELECT event_store.create_store(true)', 'SELECT event_store.drop_store(true)', 'CREATE VIEW other.v AS SELECT * FROM event_store.events']) statement;
SELECT format('ALTER DATABASE %I OWNER TO regress_sec_owner', current_database()) \gexec

-- Functions that the owner adds to the extension are the owner's already: what
-- grants on them gives is not a superuser's.
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
CREATE FUNCTION event_store.append(mine integer) RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
ALTER EXTENSION event_store ADD FUNCTION event_store.append(integer);
SELECT event_store.grant_writer('regress_sec_nobody') \g /dev/null
SET LOCAL SESSION AUTHORIZATION regress_sec_nobody;
SELECT is(event_store.append(1), 'regress_sec_nobody', 'a function that the owner made a member runs as its caller');
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
SELECT event_store.revoke_writer('regress_sec_nobody') \g /dev/null
ALTER EXTENSION event_store DROP FUNCTION event_store.append(integer);
DROP FUNCTION event_store.append(integer);
RESET SESSION AUTHORIZATION;

-- What errors tell a writer who may not read: no row of others.
SET LOCAL SESSION AUTHORIZATION regress_sec_owner;
ALTER TABLE event_store.events ADD CONSTRAINT no_secrets CHECK (type <> 'Secret'), ADD COLUMN secret text DEFAULT 'owner''s secret';
CREATE UNIQUE INDEX one_of_a_kind ON event_store.events ((data ->> 'unique'));
RESET SESSION AUTHORIZATION;
SELECT event_store.append('order-2', 'T', '{"unique": "hidden value"}', event_id => help.id(9)) \g /dev/null
CREATE FUNCTION help.says(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	SET LOCAL SESSION AUTHORIZATION regress_sec_writer;
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'UNDON';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, nullif(detail, ''));
END $$;
SELECT is(help.says($$SELECT event_store.append('order-1', 'T', '{"unique": "hidden value"}')$$), '23505', 'a unique index of the owner''s shows no values');
SELECT is(help.says($$SELECT event_store.append('order-1', 'Secret', '{}')$$), '23514', 'a check shows no row');
SELECT is(help.says(format($$SELECT event_store.append('order-1', 'T', '{}', event_id => %L)$$, help.id(9))), 'ST003 | It is in another stream.', 'an id that is taken does not say by which stream');
SELECT is(help.says($$SELECT event_store.append('order-1', 'T', '{}', 9)$$), 'ST001 | Stream "order-1": expected version 9, actual version 2.', 'a conflict tells the version, as documented');
SELECT is(help.says($$SELECT event_store.append('order-1', 'T', '{}'); SELECT lastval()$$), '42501', 'lastval() after an append needs rights on the sequence');
SELECT is(help.says($$SELECT currval('event_store.events_global_position_seq')$$), '42501', 'currval()');
DROP INDEX event_store.one_of_a_kind;
ALTER TABLE event_store.events DROP CONSTRAINT no_secrets, DROP COLUMN secret;

-- Metadata: whom the store names is not the caller's to say.
SELECT is(help.says(format('SELECT event_store.append(''order-1'', ''T'', ''{}'', metadata => %L)', m)), '22023 | Keys that begin with $ are set by the store.', 'metadata ' || m)
  FROM unnest(ARRAY['{"$user": "postgres"}', '{"\u0024user": "postgres"}', '{"a": 1, "$application": "x"}', '{"$": 1}']) m;
SELECT is(help.says(format('SET LOCAL event_store.metadata = %L; SELECT event_store.append(''order-1'', ''T'', ''{}'')', m)), '22023 | Keys that begin with $ are set by the store.', 'setting ' || m)
  FROM unnest(ARRAY['{"$user": "postgres"}', '{"\u0024user": "postgres"}']) m;

-- Hostile strings -----------------------------------------------------------------

-- Whatever runs as SQL would drop this.
CREATE TABLE public.canary ();
GRANT ALL ON public.canary TO PUBLIC;
CREATE TABLE help.strings (s text COLLATE "C");
INSERT INTO help.strings SELECT s FROM unnest(ARRAY[
	'''; DROP TABLE public.canary; --', '"; DROP TABLE public.canary; --', '"); DROP TABLE public.canary; --', ''') ; DROP TABLE public.canary; --', '$$; DROP TABLE public.canary; $$',
	'\''; DROP TABLE public.canary; --', 'x''||(SELECT 1/0)||''', '''', '"', '""', '''''', '\', '\\', '\x41', '\000', '$$', '$1', '%', '%s %n %I %L %d', '%%', '%1000000d', '{}', '{"a": 1}', '[]', 'NULL', 'null', ';', '--', '/*', '*/',
	E'\n', E'a\r\nb', E'\t', E'\x1b[31m', E'\x7f', 'public', 'current_user', 'event_store.events', 'a.b', 'a b', ' ', E'\u00e9', E'e\u0301', E'\U0001F600', E'\u202Etxt', E'\uFEFF', repeat('"', 63), repeat('''', 255), repeat('x', 2000), repeat('%s', 300)]) s
UNION ALL SELECT chr(n) FROM generate_series(1, 31) n WHERE n NOT IN (9, 10);

-- Calls every function with a hostile string for each of its arguments that takes
-- text or JSON, the others being as they should be, and tells what became of it.
CREATE FUNCTION help.attack() RETURNS TABLE (call text, state text, message text) LANGUAGE plpgsql AS $$
DECLARE
	f record;
	given text;
	hostile text;
	place int;
BEGIN
	FOR f IN SELECT h.name, h.verb, h.oid, p.proargnames AS names, p.proargtypes::oid[] AS types, p.pronargs
			   FROM help.functions h JOIN pg_proc p USING (oid) WHERE h.name !~ '\.(create|drop)_' OR h.name ~ '_(projection|subscription)$'
			  ORDER BY h.name ~ '\.drop_', h.name COLLATE "C" LOOP
		FOR place IN SELECT n FROM generate_series(1, f.pronargs) n
					  WHERE f.types[n - 1]::regtype::text IN ('text', 'text[]', 'jsonb', 'event_store.new_event[]') LOOP
			FOR hostile IN SELECT s FROM help.strings LOOP
				SELECT string_agg(format('(%s)::%s', CASE
						WHEN n = place THEN CASE t::regtype::text WHEN 'text' THEN quote_literal(hostile) WHEN 'text[]' THEN format('ARRAY[%L]', hostile)
							WHEN 'jsonb' THEN CASE f.names[n] WHEN 'events' THEN quote_literal(jsonb_build_array(jsonb_build_object('type', hostile, 'data', hostile, 'metadata', jsonb_build_object('k' || hostile, hostile))))
														 WHEN 'streams' THEN quote_literal(jsonb_build_array(jsonb_build_object('stream', hostile, 'expected_version', -2, 'events', jsonb_build_array(jsonb_build_object('type', 'T', 'data', 1)))))
														 ELSE quote_literal(jsonb_build_object('k' || hostile, hostile)) END
							ELSE format('ARRAY[ROW(%L, ''1'', NULL, NULL, 1)]', hostile) END
						WHEN f.names[n] = 'role_name' THEN '''regress_sec_nobody''' WHEN f.names[n] = 'stream' THEN '''attack-1''' WHEN f.names[n] IN ('sku', 'type', 'reason') THEN '''x'''
						WHEN f.names[n] IN ('data', 'state') THEN '''{}''' WHEN f.names[n] = 'events' AND t = 'jsonb'::regtype THEN '''[{"type": "T", "data": 1}]'''
						WHEN f.names[n] = 'events' THEN 'ARRAY[ROW(''T'', ''1'', NULL, NULL, 1)]' WHEN f.names[n] = 'expected_version' THEN '-2' WHEN f.names[n] = 'category' THEN '''attack'''
						WHEN f.names[n] IN ('version', 'schema_version', 'state_version', 'quantity') THEN '1' WHEN f.names[n] = 'date_time' THEN 'now()' WHEN f.names[n] = 'after_position' THEN '0'
						WHEN f.names[n] = 'name' THEN '''attack''' WHEN f.names[n] = 'mode' THEN '''async''' WHEN f.names[n] = 'on_error' THEN CASE WHEN f.name ~ '_subscription$' THEN '''wait''' ELSE '''stop''' END
						WHEN f.names[n] = 'handler' THEN '''help.handle''' WHEN f.names[n] = 'reset' THEN '''help.reset''' WHEN f.names[n] = 'categories' THEN '''{none}'''
						WHEN f.names[n] = 'max_attempts' THEN '1' WHEN f.names[n] = 'retry_delay' THEN '''1 second''' WHEN f.names[n] = 'start_position' THEN '0'
						WHEN f.names[n] = 'subscription' THEN '''attack''' WHEN f.names[n] = 'consumer' THEN '''attacker'''
						WHEN f.names[n] = 'partitions' THEN '1' WHEN f.names[n] = 'lease' THEN '''1 minute''' WHEN f.names[n] = 'delay' THEN '''0''' WHEN f.names[n] = 'timeout' THEN '''0'''
						WHEN f.names[n] = 'token' THEN '(SELECT max(p.token) FROM event_store.subscription_partitions p WHERE p.subscription = ''attack'')'
						WHEN f.names[n] = 'through_position' THEN '0' WHEN f.names[n] = 'global_position' AND f.name ~ '(move|skip)' THEN '1'
						WHEN f.names[n] = 'global_position' AND f.name ~ 'nack' THEN '(SELECT p.delivered_through FROM event_store.subscription_partitions p WHERE p.subscription = ''attack'')'
						WHEN f.names[n] IN ('replace', 'if_exists') THEN 'true' WHEN f.names[n] IN ('if_not_exists', 'blue_green') THEN 'false'
						WHEN f.names[n] = 'aggregate' THEN 'ROW(''attack-1'', ''{}'', 0, ''{}'')'
						WHEN f.names[n] = 'product' THEN 'ROW(''warehouse_product-attack'', ''{"quantity_on_hand": 1}'', 0, ''{}'')'
						WHEN f.names[n] = 'e' THEN 'ROW(1, ''warehouse_product-attack'', 1, ''ProductReceived'', ''{}'', ''{}'', NULL, 1, NULL, NULL, NULL)'
						ELSE 'NULL' END, t::regtype), ', ' ORDER BY n)
				  INTO given FROM unnest(f.types) WITH ORDINALITY a (t, n);
				call := format('%s(%s)', f.name, given);
				message := NULL;
				BEGIN
					state := 'ok';
					EXECUTE f.verb || call;
				EXCEPTION WHEN OTHERS THEN
					state := SQLSTATE;
					message := SQLERRM;
				END;
				RETURN NEXT;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
SELECT event_store.append('attack-1', 'T', '{}') \g /dev/null
SELECT event_store.create_subscription('attack', categories => '{attack}', partitions => 1) \g /dev/null
SELECT event_store.poll('attack', 'attacker') \g /dev/null
CREATE TEMP TABLE attacked AS SELECT * FROM help.attack();
SELECT cmp_ok((SELECT count(*)::int FROM attacked), '>', 2000, 'every text of every call is attacked');
SELECT cmp_ok((SELECT count(*)::int FROM attacked WHERE state = 'ok'), '>', 1000, 'much of it is stored or looked for');
SELECT is_empty($$SELECT state, left(call, 100), message FROM attacked WHERE state NOT IN ('ok', '22023', '42704', 'WH003', 'WH004', 'WH010', 'ST004') AND
					 NOT (call LIKE 'event\_store.create\_projection(%' AND state IN ('42883', '42804', '42601', '42602', '3F000', '22P02')) AND
					 NOT (call ~ '^event_store\.(nack|release)\(' AND state = 'ST006') AND
					 NOT (call LIKE 'event\_store.wait\_for\_%' AND state = '2D000')$$, 'the rest is refused for what it is, not as SQL');
SELECT has_table('public', 'canary', 'nothing was run');
-- what was stored is what was given
SELECT is_empty($$SELECT s FROM help.strings WHERE octet_length(s) <= 1024 AND s !~ '^-'
	AND NOT EXISTS (SELECT FROM event_store.streams t WHERE t.stream = s)$$, 'names of streams are stored as they are');
SELECT is_empty($$SELECT s FROM help.strings WHERE octet_length(s) <= 255 AND s !~ '^-'
	AND (SELECT count(*) FROM event_store.all_events e WHERE e.stream = 'attack-1' AND e.type = s) < 3$$, 'types are stored as they are');
SELECT is_empty($$SELECT s FROM help.strings WHERE NOT EXISTS (SELECT FROM event_store.all_events e WHERE e.stream = 'attack-1' AND e.data = jsonb_build_object('k' || s, s))
	OR NOT EXISTS (SELECT FROM event_store.all_events e WHERE e.metadata ->> ('k' || s) = s)$$, 'data and metadata are stored as they are');
SELECT is_empty($$SELECT s FROM help.strings WHERE octet_length(s) <= 1000 AND s <> ''
	AND NOT EXISTS (SELECT FROM warehouse.stock WHERE sku = s)$$, 'skus are stored as they are');
SELECT lives_ok(format('SELECT event_store.create_projection(%L, ''help.handle'', categories => ''{none}'')', s), 'a projection ' || to_jsonb(left(s, 30))::text)
  FROM help.strings WHERE octet_length(s) <= 255 AND s <> '';
SELECT set_eq($$SELECT projection FROM event_store.projection_status WHERE projection NOT IN ('attack', 'movements by day')$$, $$SELECT s FROM help.strings WHERE octet_length(s) <= 255 AND s <> ''$$,
	'names of projections are stored as they are');
SELECT event_store.drop_projection(projection) FROM event_store.projections WHERE projection <> 'movements by day' \g /dev/null
SELECT lives_ok(format('SELECT event_store.create_subscription(%L, partitions => 1)', s), 'a subscription ' || to_jsonb(left(s, 30))::text)
  FROM help.strings WHERE octet_length(s) <= 255 AND s <> '';
SELECT set_eq($$SELECT subscription FROM event_store.subscription_status WHERE subscription <> 'attack'$$, $$SELECT s FROM help.strings WHERE octet_length(s) <= 255 AND s <> ''$$,
	'names of subscriptions are stored as they are');
-- consumers of all names fail at an event for all reasons
CREATE FUNCTION help.fail() RETURNS TABLE (given text, consumer text, reason text) LANGUAGE plpgsql AS $$
DECLARE
	polled record;
BEGIN
	PERFORM event_store.create_subscription('attack', '{attack}', partitions => 1, replace => true);
	FOR given IN SELECT s FROM help.strings LOOP
		PERFORM event_store.move_subscription('attack', 0);
		SELECT p.token, p.global_position INTO polled FROM event_store.poll('attack', CASE WHEN octet_length(given) BETWEEN 1 AND 255 THEN given ELSE 'another' END, 1) p;
		PERFORM event_store.nack('attack', polled.token, polled.global_position, given);
		FOR consumer, reason IN SELECT f.consumer, f.reason FROM event_store.subscription_failed_events f WHERE f.subscription = 'attack' LOOP
			RETURN NEXT;
		END LOOP;
	END LOOP;
END $$;
CREATE TEMP TABLE failed AS SELECT * FROM help.fail();
SELECT set_eq('SELECT given, consumer, reason FROM failed', $$SELECT s, CASE WHEN octet_length(s) BETWEEN 1 AND 255 THEN s ELSE 'another' END, left(s, 1000) FROM help.strings$$,
	'names of consumers and their reasons are stored as they are, or their beginning');
SELECT event_store.drop_subscription(subscription) FROM event_store.subscriptions \g /dev/null
-- messages show the string itself: formats are not expanded
SELECT isnt_empty($$SELECT message FROM attacked WHERE message LIKE '%\%s \%n \%I \%L \%d%'$$, 'messages show strings as they are');

-- Settings: the session's metadata, and the name of the application.
SELECT set_config('application_name', E'''; DROP TABLE "x"; -- %s\\', true) \g /dev/null
SELECT set_config('event_store.metadata', jsonb_build_object('evil', s)::text, true) FROM help.strings WHERE s LIKE '%canary%' LIMIT 1 \g /dev/null
SELECT event_store.append('settings-1', 'T', '{}') \g /dev/null
SELECT is(metadata ->> '$application', E'\'; DROP TABLE "x"; -- %s\\', 'the application''s name is stored as it is') FROM event_store.last_event('settings-1');
SELECT matches(metadata ->> 'evil', 'DROP TABLE public.canary', 'and so is the session''s metadata') FROM event_store.last_event('settings-1');
SELECT set_config('event_store.metadata', '', true) \g /dev/null
SELECT is(help.try('regress_sec_writer', format('SET LOCAL event_store.metadata = %L; SELECT event_store.append(''order-1'', ''T'', ''{}'')', s)),
		  CASE WHEN s IN ('[]', 'null') THEN '22023' WHEN s IN ('{}', '{"a": 1}') THEN 'allowed' ELSE '22P02' END, 'a setting that is ' || quote_literal(left(s, 30)))
  FROM help.strings WHERE s ~ 'canary' OR s IN ('[]', 'null', '{}', '{"a": 1}', '%s %n %I %L %d', '\', '"');

-- Roles whose names need quotes, or look like something else.
CREATE FUNCTION help.odd_roles() RETURNS TABLE (role_name text, readers bigint, writers bigint, consumers bigint, others bigint, left_over bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH role_name IN ARRAY ARRAY['"; DROP TABLE public.canary; --', '''; DROP TABLE public.canary; --', 'a, regress_sec_nobody', 'regress_sec_nobody WITH GRANT OPTION', '"', '""', '''', '\', '%I', E'\n',
		'current_user', 'session_user', 'CURRENT_ROLE', 'user', 'group', 'PUBLIC', 'None', E'\u00e9', E'\U0001F600', repeat('"', 63), ' '] LOOP
		EXECUTE format('CREATE ROLE %I', role_name);
		PERFORM event_store.grant_reader(role_name), event_store.grant_writer(role_name), event_store.grant_consumer(role_name);
		SELECT count(*) FILTER (WHERE a.grantee = r.oid AND f.name ~ '(read_|last_|list_|latest_|stream_version|safe_|store_stats|load$|state_at|states_at|history|audit_trail|causation|verify_stream|check_seal|projection_statuses|projection_generation|wait_for_|subscription_statuses|parked_events)'), count(*) FILTER (WHERE a.grantee = r.oid AND f.name !~ '(read_|last_|list_|latest_|stream_version|safe_|store_stats|load$|state_at|states_at|history|audit_trail|causation|verify_stream|check_seal|projection_statuses|projection_generation|wait_for_|subscription_statuses|parked_events)' AND f.name !~ '\.(poll|ack|nack|release)$'),
			   count(*) FILTER (WHERE a.grantee = r.oid AND f.name ~ '\.(poll|ack|nack|release)$'),
			   count(*) FILTER (WHERE a.grantee NOT IN (r.oid, f.proowner) AND a.grantee::regrole::text NOT IN ('regress_sec_owner', 'regress_sec_reader', 'regress_sec_writer', 'regress_sec_consumer'))
		  INTO readers, writers, consumers, others
		  FROM help.functions f, aclexplode(f.proacl) a, pg_roles r WHERE r.rolname = role_name;
		PERFORM event_store.revoke_reader(role_name), event_store.revoke_writer(role_name), event_store.revoke_consumer(role_name);
		SELECT count(*) INTO left_over FROM pg_shdepend d, pg_roles r WHERE r.rolname = role_name AND d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid;
		EXECUTE format('DROP ROLE %I', role_name);
		RETURN NEXT;
	END LOOP;
END $$;
SELECT results_eq('SELECT DISTINCT readers, writers, consumers, others, left_over FROM help.odd_roles()', 'VALUES (23::bigint, 14::bigint, 4::bigint, 0::bigint, 0::bigint)',
	'a grant goes to the role of just that name, and a revoke takes all of it back');
SELECT has_table('public', 'canary', 'nothing was run of the names of roles');

SELECT * FROM finish();
ROLLBACK;
