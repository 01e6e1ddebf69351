--
-- Rights: who may make each call and read each relation.  The store belongs to
-- the database's owner, who is no superuser.
--
-- All in one transaction that is rolled back, roles included.
--
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION pgtap;

SELECT plan(1229);

CREATE ROLE regress_rights_owner;
CREATE ROLE regress_rights_nobody;
CREATE ROLE regress_rights_usage;
CREATE ROLE regress_rights_reader;
CREATE ROLE regress_rights_writer;
CREATE ROLE regress_rights_consumer;
CREATE ROLE regress_rights_member;
CREATE ROLE "regress_Rights ""odd""";
SELECT format('ALTER DATABASE %I OWNER TO regress_rights_owner', current_database()) \gexec

-- Tries a statement as a role, takes back what it did, and returns the SQLSTATE
-- of its error, or "allowed".
CREATE FUNCTION pg_temp.try(role_name text, statement text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role_name);
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'UNDON';
EXCEPTION
	WHEN SQLSTATE 'UNDON' OR SQLSTATE '25001' OR SQLSTATE '2D000' THEN -- seal_store(), as we have appended; the calls that wait
		RETURN 'allowed';
	WHEN OTHERS THEN
		RETURN SQLSTATE;
END
$$;

-- The calls, and whether a reader or a writer may make them; and a consumer.
CREATE TEMP TABLE calls (call text, reader boolean, writer boolean, consumer boolean DEFAULT false);
INSERT INTO calls VALUES
	($$event_store.append('order-1', 'T', '{}')$$, false, true),
	($$event_store.append_events('order-1', ARRAY[ROW('T', '{}', NULL, NULL, NULL)]::event_store.new_event[])$$, false, true),
	($$event_store.append_json('order-1', '[{"type": "T", "data": {}}]')$$, false, true),
	($$event_store.append_streams('[{"stream": "order-1", "expected_version": -2, "events": [{"type": "T", "data": {}}]}]')$$, false, true),
	($$event_store.new_event('T', '{}')$$, false, true),
	($$event_store.any_version()$$, false, true),
	($$event_store.no_stream()$$, false, true),
	($$event_store.stream_exists()$$, false, true),
	($$event_store.lock_store()$$, false, true),
	($$event_store.save_snapshot('order-1', 1, '{}')$$, false, true),
	($$event_store.read_stream('order-1')$$, true, false),
	($$event_store.read_category('order')$$, true, false),
	($$event_store.read_all()$$, true, false),
	($$event_store.last_event('order-1')$$, true, false),
	($$event_store.list_streams()$$, true, false),
	($$event_store.stream_version('order-1')$$, true, false),
	($$event_store.safe_position()$$, true, false),
	($$event_store.latest_snapshot('order-1')$$, true, false),
	($$event_store.load('order-1')$$, true, false),
	($$event_store.add_event(ROW('order-1', '{}', 0, '{}')::event_store.aggregate, 'T', '{}')$$, false, true),
	($$event_store.save(ROW('order-1', '{}', 0, '{}')::event_store.aggregate)$$, false, true),
	($$event_store.take_snapshot('order-1')$$, false, true),
	($$event_store.state_at('order-1', 0)$$, true, false),
	($$event_store.states_at('order', 'infinity')$$, true, false),
	($$event_store.history('order-1')$$, true, false),
	($$event_store.audit_trail('order-1')$$, true, false),
	($$event_store.create_event_type('T', 1, 'public.regress_rights_valid')$$, false, false),
	($$event_store.create_upcaster('T', 1, 'public.regress_rights_upcast')$$, false, false),
	($$event_store.drop_event_type('O', 1)$$, false, false),
	($$event_store.drop_upcaster('O', 1)$$, false, false),
	($$event_store.check_upcasters()$$, false, false),
	($$event_store.causation(ROW(1, 's-1', 1, 'T', '0', '{}', '00000000-0000-4000-8000-000000000009', 1, now(), 'u', NULL)::event_store.event)$$, true, false),
	($$event_store.create_aggregate_type('order', '{}', 'public.regress_rights_apply')$$, false, false),
	($$event_store.drop_aggregate_type('order')$$, false, false),
	($$event_store.create_store(if_not_exists => true)$$, false, false),
	($$event_store.create_store(if_not_exists => true, hash_chain => true)$$, false, false),
	($$event_store.enable_hash_chain()$$, false, false),
	($$event_store.verify_stream('order-1')$$, true, false),
	($$event_store.seal_store()$$, false, true),
	($$event_store.check_seal(0, sha256(''))$$, true, false),
	($$event_store.drop_store(with_events => true)$$, false, false),
	($$event_store.grant_reader('regress_rights_nobody')$$, false, false),
	($$event_store.grant_writer('regress_rights_nobody')$$, false, false),
	($$event_store.revoke_reader('regress_rights_nobody')$$, false, false),
	($$event_store.revoke_writer('regress_rights_nobody')$$, false, false),
	($$event_store.upgrade_store()$$, false, false),
	($$event_store.verify_store()$$, false, false),
	($$event_store.repair_sequence()$$, false, false),
	($$event_store.store_stats()$$, true, false),
	($$event_store.stats$$, true, false),
	($$event_store.all_events$$, true, false),
	($$event_store.in_flight$$, true, false),
	($$event_store.create_projection('new', 'public.regress_rights_handle')$$, false, false),
	($$event_store.drop_projection('orders')$$, false, false),
	($$event_store.pause_projection('orders')$$, false, false),
	($$event_store.resume_projection('orders')$$, false, false),
	($$event_store.run_projections()$$, false, false),
	($$event_store.rebuild_projection('orders')$$, false, false),
	($$event_store.retry_parked('orders')$$, false, false),
	($$event_store.start_worker()$$, false, false),
	($$event_store.stop_worker()$$, false, false),
	($$event_store.projection_generation('orders')$$, true, false),
	($$event_store.projection_statuses()$$, true, false),
	($$event_store.projection_status$$, true, false),
	($$event_store.wait_for_projection('orders', 0)$$, true, false);
INSERT INTO calls VALUES
	($$event_store.create_subscription('new')$$, false, false, false),
	($$event_store.drop_subscription('mail')$$, false, false, false),
	($$event_store.move_subscription('mail', 0)$$, false, false, false),
	($$event_store.poll('mail', 'one')$$, false, false, true),
	($$event_store.ack('mail', regress_rights_token(), 1)$$, false, false, true),
	($$event_store.nack('mail', regress_rights_token(), 1)$$, false, false, true),
	($$event_store.release('mail', regress_rights_token())$$, false, false, true),
	($$event_store.parked_events()$$, true, false, true),
	($$event_store.replay_parked('mail')$$, false, false, false),
	($$event_store.skip_parked('mail', 1)$$, false, false, false),
	($$event_store.subscription_statuses()$$, true, false, true),
	($$event_store.subscription_status$$, true, false, true),
	($$event_store.grant_consumer('regress_rights_nobody')$$, false, false, false),
	($$event_store.revoke_consumer('regress_rights_nobody')$$, false, false, false),
	($$event_store.wait_for_events(0)$$, true, false, true);
UPDATE calls SET consumer = true WHERE call = 'event_store.safe_position()';

-- Every function but the triggers' and the guards is in that list.
PREPARE listed AS SELECT DISTINCT substring(call FROM '^event_store\.([a-z_]+)\(') AS name FROM calls WHERE call LIKE '%(%' ORDER BY 1;

-- Before there is a store: only its future owner may make it.
CREATE FUNCTION pg_temp.statement(call text) RETURNS text LANGUAGE sql AS
	$$SELECT CASE WHEN call LIKE '%.wait\_for\_%(%' THEN 'CALL ' ELSE 'SELECT * FROM ' END || call$$;
SELECT is(pg_temp.try('regress_rights_nobody', 'CREATE EXTENSION event_store'), '42501', 'nobody may not install the extension');
SET LOCAL SESSION AUTHORIZATION regress_rights_owner;
CREATE EXTENSION event_store;
RESET SESSION AUTHORIZATION;
SELECT set_eq('listed', $$SELECT proname::text COLLATE "default" FROM pg_proc
						   WHERE pronamespace = 'event_store'::regnamespace AND proname NOT LIKE 'refuse\_%'
							 AND proname NOT IN ('event_types_changed', 'projections_changed', 'project_inline')$$, 'all calls are tried below');
SELECT is(pg_temp.try('regress_rights_nobody', 'SELECT event_store.create_store()'), '42501', 'nobody may not create a store');
GRANT USAGE, CREATE ON SCHEMA event_store TO regress_rights_usage;
GRANT EXECUTE ON FUNCTION event_store.create_store(boolean, boolean) TO regress_rights_usage;
SELECT is(pg_temp.try('regress_rights_usage', 'SELECT event_store.create_store()'), '42501', 'nor with EXECUTE on it');
REVOKE CREATE ON SCHEMA event_store FROM regress_rights_usage;
REVOKE EXECUTE ON FUNCTION event_store.create_store(boolean, boolean) FROM regress_rights_usage;
SELECT is(pg_temp.try('regress_rights_owner', 'SELECT event_store.append(''order-1'', ''T'', ''{}'')'), 'ST002', 'the owner may make the other calls, which need a store');
CREATE FUNCTION public.regress_rights_valid(data jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.regress_rights_upcast(data jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT data';
CREATE FUNCTION public.regress_rights_apply(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE sql AS 'SELECT state';
CREATE FUNCTION public.regress_rights_handle(e event_store.event) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION public.regress_rights_reset() RETURNS void LANGUAGE sql AS '';
CREATE TABLE public.regress_rights_polled (token bigint);
CREATE FUNCTION public.regress_rights_token() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT token FROM public.regress_rights_polled';
SET LOCAL SESSION AUTHORIZATION regress_rights_owner;
SELECT event_store.create_store(hash_chain => true) \g /dev/null
SELECT event_store.create_aggregate_type('order', '{}', 'public.regress_rights_apply') \g /dev/null
SELECT event_store.create_event_type('O', 1, 'public.regress_rights_valid') \g /dev/null
SELECT event_store.create_upcaster('O', 1, 'public.regress_rights_upcast') \g /dev/null
SELECT event_store.create_projection('orders', 'public.regress_rights_handle', reset => 'public.regress_rights_reset') \g /dev/null
SELECT event_store.append('order-1', 'Placed', '{}') \g /dev/null
SELECT event_store.create_subscription('mail', partitions => 1) \g /dev/null
SELECT event_store.grant_reader('regress_rights_reader') \g /dev/null
SELECT event_store.grant_writer('regress_rights_writer') \g /dev/null
SELECT event_store.grant_reader('regress_Rights "odd"') \g /dev/null
SELECT event_store.grant_writer('regress_Rights "odd"') \g /dev/null
SELECT event_store.grant_consumer('regress_rights_consumer') \g /dev/null
RESET SESSION AUTHORIZATION;
INSERT INTO public.regress_rights_polled SELECT token FROM event_store.poll('mail', 'one');

-- Each call by each role.
SELECT is(pg_temp.try('regress_rights_nobody', pg_temp.statement(call)), '42501', 'nobody: ' || call) FROM calls;
SELECT is(pg_temp.try('regress_rights_usage', pg_temp.statement(call)), '42501', 'with USAGE on the schema only: ' || call) FROM calls;
SELECT is(pg_temp.try('regress_rights_reader', pg_temp.statement(call)), CASE WHEN reader THEN 'allowed' ELSE '42501' END, 'reader: ' || call) FROM calls;
SELECT is(pg_temp.try('regress_rights_writer', pg_temp.statement(call)), CASE WHEN writer THEN 'allowed' ELSE '42501' END, 'writer: ' || call) FROM calls;
SELECT is(pg_temp.try('regress_rights_consumer', pg_temp.statement(call)), CASE WHEN consumer THEN 'allowed' ELSE '42501' END, 'consumer: ' || call) FROM calls;
SELECT is(pg_temp.try('regress_Rights "odd"', pg_temp.statement(call)), CASE WHEN reader OR writer THEN 'allowed' ELSE '42501' END, 'both: ' || call) FROM calls;
SELECT is(pg_temp.try('regress_rights_owner', pg_temp.statement(call)), 'allowed', 'owner: ' || call) FROM calls
 WHERE call NOT LIKE '%.start\_worker(%'; -- which would start one
GRANT regress_rights_reader TO regress_rights_member;
SELECT is(pg_temp.try('regress_rights_member', pg_temp.statement(call)), CASE WHEN reader THEN 'allowed' ELSE '42501' END, 'member of a reader: ' || call) FROM calls;

-- The tables, to nobody but the owner, and that to read only.
SELECT is(pg_temp.try(role_name, format(statement, relation)), '42501', role_name || ': ' || format(statement, relation))
  FROM unnest(ARRAY['regress_rights_reader', 'regress_rights_writer', 'regress_rights_consumer', 'regress_rights_usage']) role_name,
	   unnest(ARRAY['events', 'streams', 'categories', 'snapshots', 'aggregate_types', 'hash_chain', 'sealed_heads', 'projections', 'projection_checkpoints', 'projection_parked_events',
		'subscriptions', 'subscription_partitions', 'subscription_failed_events', 'horizon']) relation,
	   unnest(ARRAY['SELECT * FROM event_store.%I', 'INSERT INTO event_store.%I DEFAULT VALUES', 'DELETE FROM event_store.%I',
					'TRUNCATE event_store.%I', 'LOCK TABLE event_store.%I IN SHARE MODE',
					'ALTER TABLE event_store.%I ADD COLUMN mine int']) statement;
SELECT is(pg_temp.try(role_name, statement), '42501', role_name || ': ' || statement)
  FROM unnest(ARRAY['regress_rights_reader', 'regress_rights_writer', 'regress_rights_consumer']) role_name,
	   unnest(ARRAY['SELECT nextval(''event_store.events_global_position_seq'')', 'SELECT setval(''event_store.events_global_position_seq'', 1)',
					'CREATE TABLE event_store.mine ()', 'SELECT event_store.refuse_insert()',
					'SELECT event_store.projections_changed()', 'SELECT event_store.project_inline()', 'SET session_replication_role = replica']) statement;
SELECT is(pg_temp.try('regress_rights_owner', 'SELECT * FROM event_store.' || relation), 'allowed', 'owner reads ' || relation)
  FROM unnest(ARRAY['events', 'streams', 'categories', 'snapshots', 'aggregate_types', 'hash_chain', 'sealed_heads', 'projections', 'projection_checkpoints', 'projection_parked_events',
		'subscriptions', 'subscription_partitions', 'subscription_failed_events', 'horizon']) relation;
SELECT is(pg_temp.try('regress_rights_owner', format(statement, relation)), 'ST007', 'owner: ' || format(statement, relation))
  FROM unnest(ARRAY['events', 'streams', 'categories', 'hash_chain', 'sealed_heads']) relation,
	   unnest(ARRAY['INSERT INTO event_store.%I DEFAULT VALUES', 'DELETE FROM event_store.%I', 'TRUNCATE event_store.%I']) statement;
SELECT is(pg_temp.try('regress_rights_owner', 'SET session_replication_role = replica'), '42501', 'the switch is a superuser''s');

-- Even with EXECUTE, the owner's calls are the owner's.
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA event_store TO regress_rights_usage;
SELECT is(pg_temp.try('regress_rights_usage', pg_temp.statement(call)), '42501', 'no owner, with EXECUTE: ' || call)
  FROM calls WHERE call ~ '\.(create_store|enable_hash_chain|drop_store|upgrade_store|verify_store|repair_sequence|grant_|revoke_|create_aggregate_type|drop_aggregate_type|(create|drop|pause|resume|rebuild)_projection|retry_parked|(create|drop|move)_subscription|replay_parked|skip_parked|start_worker|stop_worker)';
-- but whoever may run the projections, runs them: as the owner
SELECT is(pg_temp.try('regress_rights_usage', 'SELECT event_store.run_projections()'), 'allowed', 'no owner, with EXECUTE: run_projections()');
SELECT is(pg_temp.try('regress_rights_usage', pg_temp.statement(call)), '42501', 'a procedure is no function: ' || call) FROM calls WHERE call LIKE '%.wait\_for\_%';
-- and so does whoever may poll and answer
SELECT is(pg_temp.try('regress_rights_usage', pg_temp.statement(call)), 'allowed', 'no owner, with EXECUTE: ' || call) FROM calls WHERE call ~ '\.(poll|ack|nack|release)\(';

-- What a role has by two grants stays until both are revoked.
SET LOCAL SESSION AUTHORIZATION regress_rights_owner;
SELECT event_store.grant_reader('regress_rights_consumer'), event_store.revoke_reader('regress_rights_consumer') \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.try('regress_rights_consumer', pg_temp.statement(call)), CASE WHEN consumer THEN 'allowed' ELSE '42501' END, 'consumer, a reader no more: ' || call) FROM calls;
SET LOCAL SESSION AUTHORIZATION regress_rights_owner;
SELECT event_store.grant_consumer('regress_rights_reader'), event_store.revoke_consumer('regress_rights_reader') \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.try('regress_rights_reader', pg_temp.statement(call)), CASE WHEN reader THEN 'allowed' ELSE '42501' END, 'reader, a consumer no more: ' || call) FROM calls;

-- Revoking leaves nothing behind.
SET LOCAL SESSION AUTHORIZATION regress_rights_owner;
SELECT event_store.revoke_reader('regress_rights_reader') \g /dev/null
SELECT event_store.revoke_writer('regress_rights_writer') \g /dev/null
SELECT event_store.revoke_consumer('regress_rights_consumer') \g /dev/null
SELECT event_store.revoke_reader('regress_Rights "odd"') \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT is(pg_temp.try('regress_Rights "odd"', $$SELECT event_store.append('order-1', 'T', '{}')$$), 'allowed', 'a writer that was a reader still writes');
SELECT is(pg_temp.try('regress_Rights "odd"', $$SELECT event_store.read_all()$$), '42501', 'and no longer reads');
SET LOCAL SESSION AUTHORIZATION regress_rights_owner;
SELECT event_store.revoke_writer('regress_Rights "odd"') \g /dev/null
RESET SESSION AUTHORIZATION;
REVOKE regress_rights_reader FROM regress_rights_member;
SELECT lives_ok($$DROP ROLE regress_rights_reader, regress_rights_writer, regress_rights_consumer, regress_rights_member, regress_rights_nobody, "regress_Rights ""odd"""$$,
	'roles whose rights were revoked can be dropped');

SELECT * FROM finish();
ROLLBACK;
