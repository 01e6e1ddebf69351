--
-- The public contract: what there is, how it is called, whose it is, what it
-- raises.  A change here is a change for every application.
--
-- All in one transaction that is rolled back.
--
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION event_store;

SELECT plan(645);

-- The extension ---------------------------------------------------------------

SELECT results_eq($$SELECT extrelocatable, extnamespace::regnamespace::text COLLATE "default", extconfig IS NULL
					  FROM pg_extension WHERE extname = 'event_store'$$,
	$$VALUES (false, 'pg_catalog', true)$$, 'the extension is not relocatable and dumps no table as its own');
SELECT results_eq($$SELECT superuser, trusted FROM pg_available_extension_versions WHERE name = 'event_store' AND installed$$,
	$$VALUES (true, true)$$, 'the extension is trusted');
SELECT isnt(obj_description(oid, 'pg_extension'), NULL, 'the extension has a comment')
  FROM pg_extension WHERE extname = 'event_store';
SELECT is_empty($$SELECT d.objid::regclass FROM pg_depend d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
				   WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND c.relkind NOT IN ('v', 'c')$$,
	'no table, sequence or index is a member of an extension');

-- Before there is a store -----------------------------------------------------

CREATE FUNCTION pg_temp.needs_store(call text) RETURNS text LANGUAGE sql AS
	$$SELECT throws_ok('SELECT * FROM event_store.' || call, 'ST002', NULL, call || ' needs a store')$$;
SELECT pg_temp.needs_store($$append('a-1', 'T', '{}')$$);
SELECT pg_temp.needs_store($$append_events('a-1', ARRAY[event_store.new_event('T', '{}')])$$);
SELECT pg_temp.needs_store($$append_json('a-1', '[{"type": "T", "data": {}}]')$$);
SELECT pg_temp.needs_store($$append_streams('[{"stream": "a-1", "expected_version": 0}]')$$);
SELECT pg_temp.needs_store($$lock_store()$$);
SELECT pg_temp.needs_store($$read_stream('a-1')$$);
SELECT pg_temp.needs_store($$read_category('a')$$);
SELECT pg_temp.needs_store($$read_all()$$);
SELECT pg_temp.needs_store($$last_event('a-1')$$);
SELECT pg_temp.needs_store($$list_streams()$$);
SELECT pg_temp.needs_store($$stream_version('a-1')$$);
SELECT pg_temp.needs_store($$safe_position()$$);
SELECT pg_temp.needs_store($$save_snapshot('a-1', 1, '{}')$$);
SELECT pg_temp.needs_store($$latest_snapshot('a-1')$$);
SELECT pg_temp.needs_store($$create_aggregate_type('a', '{}', 'f')$$);
SELECT pg_temp.needs_store($$drop_aggregate_type('a')$$);
SELECT pg_temp.needs_store($$load('a-1')$$);
SELECT pg_temp.needs_store($$add_event(ROW('a-1', '{}', 0, '{}')::event_store.aggregate, 'T', '{}')$$);
SELECT pg_temp.needs_store($$save(ROW('a-1', '{}', 0, ARRAY[event_store.new_event('T', '{}')])::event_store.aggregate)$$);
SELECT pg_temp.needs_store($$take_snapshot('a-1')$$);
SELECT pg_temp.needs_store($$state_at('a-1', 1)$$);
SELECT pg_temp.needs_store($$states_at('a', 'infinity')$$);
SELECT pg_temp.needs_store($$history('a-1')$$);
SELECT pg_temp.needs_store($$audit_trail('a-1')$$);
SELECT pg_temp.needs_store($$create_event_type('T', 1, 'f')$$);
SELECT pg_temp.needs_store($$drop_event_type('T', 1)$$);
SELECT pg_temp.needs_store($$create_upcaster('T', 1, 'f')$$);
SELECT pg_temp.needs_store($$drop_upcaster('T', 1)$$);
SELECT pg_temp.needs_store($$check_upcasters()$$);
SELECT pg_temp.needs_store($$enable_hash_chain()$$);
SELECT pg_temp.needs_store($$verify_stream('a-1')$$);
SELECT pg_temp.needs_store($$seal_store()$$);
SELECT pg_temp.needs_store($$check_seal(0, sha256(''))$$);
SELECT pg_temp.needs_store($$drop_store()$$);
SELECT pg_temp.needs_store($$grant_reader(CURRENT_USER)$$);
SELECT pg_temp.needs_store($$grant_writer(CURRENT_USER)$$);
SELECT pg_temp.needs_store($$revoke_reader(CURRENT_USER)$$);
SELECT pg_temp.needs_store($$revoke_writer(CURRENT_USER)$$);
SELECT pg_temp.needs_store($$upgrade_store()$$);
SELECT pg_temp.needs_store($$verify_store()$$);
SELECT pg_temp.needs_store($$repair_sequence()$$);
SELECT pg_temp.needs_store($$store_stats()$$);
SELECT pg_temp.needs_store($$stats$$);
SELECT pg_temp.needs_store($$create_projection('p', 'f')$$);
SELECT pg_temp.needs_store($$drop_projection('p')$$);
SELECT pg_temp.needs_store($$drop_projection('p', if_exists => true)$$);
SELECT pg_temp.needs_store($$pause_projection('p')$$);
SELECT pg_temp.needs_store($$resume_projection('p')$$);
SELECT pg_temp.needs_store($$run_projections()$$);
SELECT pg_temp.needs_store($$rebuild_projection('p')$$);
SELECT pg_temp.needs_store($$projection_generation('p')$$);
SELECT pg_temp.needs_store($$retry_parked('p')$$);
SELECT pg_temp.needs_store($$projection_statuses()$$);
SELECT pg_temp.needs_store($$projection_status$$);
SELECT pg_temp.needs_store($$create_subscription('s')$$);
SELECT pg_temp.needs_store($$drop_subscription('s')$$);
SELECT pg_temp.needs_store($$drop_subscription('s', if_exists => true)$$);
SELECT pg_temp.needs_store($$move_subscription('s', 0)$$);
SELECT pg_temp.needs_store($$poll('s', 'c')$$);
SELECT pg_temp.needs_store($$ack('s', 1, 1)$$);
SELECT pg_temp.needs_store($$nack('s', 1, 1)$$);
SELECT pg_temp.needs_store($$release('s', 1)$$);
SELECT pg_temp.needs_store($$parked_events()$$);
SELECT pg_temp.needs_store($$replay_parked('s')$$);
SELECT pg_temp.needs_store($$skip_parked('s', 1)$$);
SELECT pg_temp.needs_store($$subscription_statuses()$$);
SELECT pg_temp.needs_store($$subscription_status$$);
SELECT pg_temp.needs_store($$grant_consumer(CURRENT_USER)$$);
SELECT pg_temp.needs_store($$revoke_consumer(CURRENT_USER)$$);
SELECT pg_temp.needs_store($$start_worker()$$);
SELECT pg_temp.needs_store($$stop_worker()$$);
-- procedures, which are none for a transaction block, whether there is a store or not
SELECT throws_ok($$CALL event_store.wait_for_projection('p', 0)$$, '2D000', NULL, 'wait_for_projection needs to be a statement of its own');
SELECT throws_ok($$CALL event_store.wait_for_events(0)$$, '2D000', NULL, 'wait_for_events needs to be a statement of its own');

-- The store, and every call in named notation ----------------------------------

SELECT lives_ok($$SELECT event_store.create_store(if_not_exists => false, type_index => true)$$, 'create_store');
SELECT results_eq($$SELECT event_store.any_version(), event_store.no_stream(), event_store.stream_exists()$$,
	$$VALUES (-2::bigint, 0::bigint, -4::bigint)$$, 'the expected versions that are none');
SELECT results_eq($$SELECT type COLLATE "default", data, metadata, event_id, schema_version
					  FROM event_store.new_event(type => 'T', data => '1', metadata => '{"a": 1}',
												 event_id => '10000000-0000-4000-8000-000000000000', schema_version => 2)$$,
	$$VALUES ('T', '1'::jsonb, '{"a": 1}'::jsonb, '10000000-0000-4000-8000-000000000000'::uuid, 2)$$, 'new_event');
SELECT results_eq($$SELECT version, global_position
					  FROM event_store.append(stream => 'order-1', type => 'Placed', data => '{"n": 1}', expected_version => 0,
											  metadata => '{"why": "a test"}', event_id => '10000000-0000-4000-8000-000000000001',
											  schema_version => 2)$$,
	$$VALUES (1::bigint, 1::bigint)$$, 'append');
SELECT results_eq($$SELECT version, global_position
					  FROM event_store.append_events(stream => 'order-1',
													 events => ARRAY[event_store.new_event('Paid', '{"n": 2}'), event_store.new_event('Sent', '{"n": 3}')],
													 expected_version => 1)$$,
	$$VALUES (3::bigint, 3::bigint)$$, 'append_events');
SELECT results_eq($$SELECT version, global_position
					  FROM event_store.append_json(stream => 'order-2', events => '[{"type": "Placed", "data": {"n": 4}, "metadata": null,
												   "event_id": "10000000-0000-4000-8000-000000000002", "schema_version": 1}]', expected_version => -2)$$,
	$$VALUES (1::bigint, 4::bigint)$$, 'append_json');
SELECT results_eq($$SELECT stream COLLATE "default", version, global_position
					  FROM event_store.append_streams(streams => '[{"stream": "order-1", "expected_version": 3},
						{"stream": "bill-1", "expected_version": 0, "events": [{"type": "Billed", "data": {"n": 5}}]}]')$$,
	$$VALUES ('order-1', 3::bigint, NULL::bigint), ('bill-1', 1::bigint, 5::bigint)$$, 'append_streams');
SELECT lives_ok($$SELECT event_store.lock_store()$$, 'lock_store');
SELECT results_eq($$SELECT global_position, version, type COLLATE "default"
					  FROM event_store.read_stream(stream => 'order-1', from_version => 1, max_count => 5, backwards => true,
												   to_version => 2, as_of => 'infinity', raw => false)$$,
	$$VALUES (2::bigint, 2::bigint, 'Paid'), (1::bigint, 1::bigint, 'Placed')$$, 'read_stream');
SELECT results_eq($$SELECT global_position
					  FROM event_store.read_category(category => 'order', after_position => 1, max_count => 2, before_position => 5,
													 types => '{Paid,Placed}', backwards => false, raw => false)$$,
	$$VALUES (2::bigint), (4::bigint)$$, 'read_category');
SELECT results_eq($$SELECT global_position
					  FROM event_store.read_all(after_position => 0, max_count => 2, categories => '{order,bill}', types => '{Placed,Billed}',
												backwards => true, before_position => 10, raw => false)$$,
	$$VALUES (5::bigint), (4::bigint)$$, 'read_all');
SELECT results_eq($$SELECT global_position FROM event_store.read_all(types => '{Placed,Billed}')$$,
	$$VALUES (1::bigint), (4::bigint), (5::bigint)$$, 'read_all by the index on types');
SELECT results_eq($$SELECT version FROM event_store.last_event(stream => 'order-1', type => 'Paid')$$,
	$$VALUES (2::bigint)$$, 'last_event');
SELECT is(event_store.stream_version(stream => 'order-1'), 3::bigint, 'stream_version');
SELECT results_eq($$SELECT stream COLLATE "default", version FROM event_store.list_streams(category => 'order', after_stream => 'order', max_count => 5)$$,
	$$VALUES ('order-1', 3::bigint), ('order-2', 1::bigint)$$, 'list_streams');
SELECT is(event_store.safe_position(), 5::bigint, 'safe_position');
SELECT lives_ok($$SELECT event_store.save_snapshot(stream => 'order-1', version => 2, state => '{"n": 3}', state_version => 4)$$, 'save_snapshot');
SELECT results_eq($$SELECT stream COLLATE "default", version, state, state_version
					  FROM event_store.latest_snapshot(stream => 'order-1', state_version => 4, max_version => 2)$$,
	$$VALUES ('order-1', 2::bigint, '{"n": 3}'::jsonb, 4)$$, 'latest_snapshot');
CREATE FUNCTION pg_temp.apply(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE sql AS $$SELECT state || jsonb_build_object(e.type, e.version)$$;
SELECT lives_ok(format($$SELECT event_store.create_aggregate_type(category => 'order', initial_state => '{}', apply => '%s.apply', snapshot_every => 10, state_version => 2)$$,
					   pg_my_temp_schema()::regnamespace), 'create_aggregate_type');
SELECT is(event_store.load(stream => 'order-2', for_update => true, use_snapshot => false), ROW('order-2', '{"Placed": 1}', 1, '{}')::event_store.aggregate, 'load');
SELECT is((event_store.add_event(aggregate => event_store.load('order-2'), type => 'Paid', data => '{}', metadata => '{"a": 1}',
								 event_id => '00000000-0000-4000-8000-000000000009', schema_version => 2)).uncommitted,
		  ARRAY[event_store.new_event('Paid', '{}', '{"a": 1}', '00000000-0000-4000-8000-000000000009', 2)], 'add_event');
SELECT is((event_store.save(aggregate => event_store.load(stream => 'order-9'))).version, 0::bigint, 'save');
SELECT is(event_store.take_snapshot(stream => 'order-2'), 1::bigint, 'take_snapshot');
SELECT is((event_store.state_at(stream => 'order-1', version => 1)).state, '{"Placed": 1}', 'state_at a version');
SELECT is((event_store.state_at(stream => 'order-1', as_of => 'infinity')).version, 3::bigint, 'state_at a time');
SELECT is((event_store.state_at(stream => 'order-1', global_position => 2)).version, 2::bigint, 'state_at a position');
SELECT results_eq($$SELECT stream COLLATE "default", version
					  FROM event_store.states_at(category => 'order', as_of => 'infinity', global_position => NULL, after_stream => 'order-1', max_count => 5)$$,
	$$VALUES ('order-2', 1::bigint)$$, 'states_at');
SELECT results_eq($$SELECT version, changes FROM event_store.history(stream => 'order-1', from_version => 2, max_count => 5, to_version => 2)$$,
	$$VALUES (2::bigint, '{"/Paid": {"after": 2}}'::jsonb)$$, 'history');
SELECT results_eq($$SELECT global_position, state_before, state_after
					  FROM event_store.audit_trail(stream => NULL, category => 'order', since => '-infinity', until => 'infinity',
												   after_position => 1, max_count => 1, with_states => true)$$,
	$$VALUES (2::bigint, '{"Placed": 1}'::jsonb, '{"Paid": 2, "Placed": 1}'::jsonb)$$, 'audit_trail');
SELECT results_eq($$SELECT event_store.causation(e => e.*) FROM event_store.read_stream('order-1', max_count => 1) e$$,
	$$VALUES ('{"causation_id": "10000000-0000-4000-8000-000000000001", "correlation_id": "10000000-0000-4000-8000-000000000001"}'::jsonb)$$, 'causation');
SELECT lives_ok($$SELECT event_store.drop_aggregate_type(category => 'order')$$, 'drop_aggregate_type');
CREATE FUNCTION pg_temp.valid(data jsonb) RETURNS boolean LANGUAGE sql AS $$SELECT data ? 'n'$$;
CREATE FUNCTION pg_temp.upcast(data jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT data || '{"new": true}'$$;
SELECT lives_ok(format($$SELECT event_store.create_event_type(type => 'Sent', schema_version => 1, validator => '%s.valid')$$, pg_my_temp_schema()::regnamespace), 'create_event_type');
SELECT throws_ok($$SELECT event_store.append('order-1', 'Sent', '{}')$$, 'ST005', NULL, 'what a validator refuses');
SELECT lives_ok($$SELECT event_store.drop_event_type(type => 'Sent', schema_version => 1)$$, 'drop_event_type');
SELECT lives_ok(format($$SELECT event_store.create_upcaster(type => 'Sent', from_version => 1, handler => '%s.upcast', to_type => 'Shipped')$$, pg_my_temp_schema()::regnamespace), 'create_upcaster');
SELECT results_eq($$SELECT type COLLATE "default", schema_version, data FROM event_store.read_stream('order-1', 3)$$,
	$$VALUES ('Shipped', 2, '{"n": 3, "new": true}'::jsonb)$$, 'an event as an upcaster makes it');
SELECT is_empty($$SELECT * FROM event_store.check_upcasters(type => 'Shipped', max_failures => 5)$$, 'check_upcasters, which finds nothing');
SELECT lives_ok($$SELECT event_store.drop_upcaster(type => 'Sent', from_version => 1)$$, 'drop_upcaster');
SELECT lives_ok($$SELECT event_store.create_store(hash_chain => false, if_not_exists => true, type_index => true)$$, 'create_store, whether with a hash chain');
SELECT throws_ok($$SELECT event_store.seal_store()$$, '55000', NULL, 'without a hash chain there are no seals');
SELECT results_eq($$SELECT event_store.enable_hash_chain()$$, $$SELECT event_store.safe_position()$$, 'enable_hash_chain');
SELECT is_empty($$SELECT * FROM event_store.verify_stream(stream => 'order-1', max_findings => 5)$$, 'verify_stream, which finds nothing');
SELECT throws_ok($$SELECT global_position, streams, root_hash FROM event_store.seal_store()$$, '25001', NULL, 'seal_store, not after an append');
SELECT results_eq($$SELECT check_name FROM event_store.check_seal(global_position => 1, root_hash => sha256(''), max_findings => 1)$$, $$VALUES ('seal')$$, 'check_seal');
CREATE ROLE regress_contract;
SELECT lives_ok($$SELECT event_store.grant_reader(role_name => 'regress_contract')$$, 'grant_reader');
SELECT lives_ok($$SELECT event_store.grant_writer(role_name => 'regress_contract')$$, 'grant_writer');
SELECT lives_ok($$SELECT event_store.revoke_reader(role_name => 'regress_contract')$$, 'revoke_reader');
SELECT lives_ok($$SELECT event_store.revoke_writer(role_name => 'regress_contract')$$, 'revoke_writer');
SELECT lives_ok($$SELECT event_store.grant_consumer(role_name => 'regress_contract')$$, 'grant_consumer');
SELECT lives_ok($$SELECT event_store.revoke_consumer(role_name => 'regress_contract')$$, 'revoke_consumer');
SELECT lives_ok($$SELECT event_store.upgrade_store()$$, 'upgrade_store');
SELECT is_empty($$SELECT check_name, stream, version, global_position, detail FROM event_store.verify_store(max_findings => 10)$$,
	'verify_store, which finds nothing');
SELECT is(event_store.repair_sequence(), 5::bigint, 'repair_sequence, which has nothing to do');
SELECT results_eq($$SELECT appends >= 4, conflicts >= 0, idempotent_retries >= 0, counted_since <= clock_timestamp(), bytes > 0,
						   streams_estimate >= 0, events_estimate >= 0 FROM event_store.stats$$,
	$$VALUES (true, true, true, true, true, true, true)$$, 'stats');
SELECT results_eq($$SELECT s::text FROM event_store.stats s$$, $$SELECT f::text FROM event_store.store_stats() f$$, 'store_stats is what stats shows');
CREATE TEMP TABLE seen (generation integer, global_position bigint);
CREATE FUNCTION pg_temp.see(e event_store.event, generation integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF e.type = current_setting('regress.bad', true) THEN
		RAISE 'a bad one';
	END IF;
	INSERT INTO pg_temp.seen VALUES (generation, e.global_position);
END$$;
CREATE FUNCTION pg_temp.see_all(batch event_store.event[]) RETURNS void LANGUAGE sql AS
	$$INSERT INTO pg_temp.seen SELECT 0, e.global_position FROM unnest(batch) e$$;
CREATE FUNCTION pg_temp.unsee(generation integer) RETURNS void LANGUAGE sql AS $$DELETE FROM pg_temp.seen s WHERE s.generation = $1$$;
SELECT lives_ok(format($$SELECT event_store.create_projection(name => 'orders', handler => '%1$s.see', mode => 'async', categories => '{order}',
															types => '{Placed,Paid}', reset => '%1$s.unsee', on_error => 'park', max_attempts => 1,
															retry_delay => '2 seconds', start_position => 0, if_not_exists => false, replace => false)$$,
					   pg_my_temp_schema()::regnamespace), 'create_projection');
SELECT lives_ok(format($$SELECT event_store.create_projection('all', '%s.see_all', mode => 'inline', start_position => 4)$$, pg_my_temp_schema()::regnamespace),
	'create_projection, an inline one');
SELECT is(event_store.projection_generation(name => 'orders'), 1, 'projection_generation');
SELECT is(event_store.run_projections(name => 'orders', max_events => 1), 1::bigint, 'run_projections');
SELECT results_eq($$SELECT generation, global_position FROM seen ORDER BY generation$$, $$VALUES (0, 5::bigint), (1, 1::bigint)$$, 'what the handlers wrote');
SELECT set_config('client_min_messages', 'error', true), set_config('regress.bad', 'Paid', true) \g /dev/null
SELECT is(event_store.run_projections('orders', 1), 0::bigint, 'run_projections, with an event that fails');
SELECT set_config('client_min_messages', 'warning', true), set_config('regress.bad', '', true) \g /dev/null
SELECT results_eq($$SELECT projection COLLATE "default", generation, is_current, mode COLLATE "default", state COLLATE "default", checkpoint, lag_events, lag_seconds >= 0,
						   rate >= 0, handled, rebuild_to, rebuild_left, rebuild_time_left, attempts, retry_at, parked, error_position,
						   error_at <= clock_timestamp(), error_code COLLATE "default", error_message COLLATE "default", moved_at <= clock_timestamp(), heartbeat_at
					  FROM event_store.projection_status WHERE projection = 'orders'$$,
	$$VALUES ('orders', 1, true, 'async', 'active', 2::bigint, 1::bigint, true,
			  true, 1::bigint, NULL::bigint, NULL::bigint, NULL::interval, 0, NULL::timestamptz, 1::bigint, 2::bigint,
			  true, 'P0001', 'a bad one', true, NULL::timestamptz)$$, 'projection_status of an async one');
SELECT results_eq($$SELECT is_current, mode COLLATE "default", state COLLATE "default", checkpoint, lag_events, lag_seconds, handled, parked, moved_at
					  FROM event_store.projection_status WHERE projection = 'all'$$,
	$$VALUES (true, 'inline', 'active', NULL::bigint, 0::bigint, 0::float8, 1::bigint, 0::bigint, NULL::timestamptz)$$, 'and of an inline one');
SELECT is(event_store.retry_parked(name => 'orders', global_position => 2), 1::bigint, 'retry_parked');
SELECT is(event_store.run_projections(), 1::bigint, 'run_projections, of all that there are');
SELECT results_eq($$SELECT s::text FROM event_store.projection_status s$$, $$SELECT f::text FROM event_store.projection_statuses() f$$,
	'projection_statuses is what projection_status shows');
SELECT lives_ok($$SELECT event_store.pause_projection(name => 'orders')$$, 'pause_projection');
SELECT lives_ok($$SELECT event_store.resume_projection(name => 'orders')$$, 'resume_projection');
SELECT is(event_store.rebuild_projection(name => 'orders', blue_green => true), 5::bigint, 'rebuild_projection, the next generation');
SELECT throws_ok($$SELECT event_store.rebuild_projection('orders')$$, '55006', NULL, 'but not both');
SELECT results_eq($$SELECT generation, is_current, state COLLATE "default", rebuild_to, rebuild_left FROM event_store.projection_status WHERE projection = 'orders' ORDER BY 1$$,
	$$VALUES (1, true, 'active', NULL::bigint, NULL::bigint), (2, false, 'rebuilding', 5::bigint, 3::bigint)$$, 'projection_status while a generation is built');
SELECT is(event_store.run_projections('orders'), 3::bigint, 'run_projections, of a generation that takes its place');
SELECT results_eq($$SELECT s.generation, count(*) FROM seen s JOIN event_store.projection_status p USING (generation) WHERE p.projection = 'orders' GROUP BY 1$$,
	$$VALUES (2, 3::bigint)$$, 'of which alone the rows are left');
SELECT is(event_store.projection_generation('orders'), 2, 'and which counts');
SELECT throws_ok($$CALL event_store.wait_for_projection(projection => 'orders', global_position => 5, timeout => '1 second', outcome => NULL)$$, '2D000', NULL,
	'wait_for_projection, not in a transaction block');
SELECT is(event_store.stop_worker(), false, 'stop_worker, where none runs');
SELECT lives_ok($$SELECT event_store.drop_projection(name => 'orders', if_exists => false)$$, 'drop_projection');
SELECT is_empty($$SELECT FROM event_store.projection_checkpoints WHERE projection = 'orders'$$, 'nothing of it is left');

-- A subscription, from its making to its end.  The token of the last poll is kept.
CREATE TEMP TABLE polled (token bigint, global_position bigint, attempts integer);
CREATE FUNCTION pg_temp.poll(max_count bigint) RETURNS bigint[] LANGUAGE sql AS $$
	DELETE FROM pg_temp.polled;
	INSERT INTO pg_temp.polled SELECT p.token, p.global_position, p.attempts FROM event_store.poll('mail', 'one', max_count) p;
	SELECT array_agg(p.global_position ORDER BY p.global_position) FROM pg_temp.polled p;
$$;
CREATE FUNCTION pg_temp.token() RETURNS bigint LANGUAGE sql AS 'SELECT max(p.token) FROM pg_temp.polled p';
SELECT lives_ok($$SELECT event_store.create_subscription(name => 'mail', categories => '{order}', types => '{Placed,Paid}', start_position => 0, partitions => 1,
														 max_attempts => 1, on_error => 'wait', retry_delay => '2 seconds', if_not_exists => false, replace => false)$$,
	'create_subscription');
SELECT lives_ok($$SELECT event_store.create_subscription('mail', '{order}', '{Placed,Paid}', partitions => 1, max_attempts => 1, replace => true)$$,
	'create_subscription, in the place of one');
SELECT results_eq($$SELECT subscription COLLATE "default", partition, state COLLATE "default", consumer, leased_until, checkpoint, lag_events, lag_seconds >= 0, deliveries,
						   delayed, attempts, retry_at, parked, failed_at, reason, polled_at, acked_at FROM event_store.subscription_status$$,
	$$VALUES ('mail', 0, 'unclaimed', NULL::text, NULL::timestamptz, 0::bigint, 3::bigint, true, 0,
			  0::bigint, NULL::integer, NULL::timestamptz, 0::bigint, NULL::timestamptz, NULL::text, NULL::timestamptz, NULL::timestamptz)$$, 'subscription_status of a new one');
SELECT results_eq($$SELECT partition, token > 0, attempts, global_position, stream COLLATE "default", version, type COLLATE "default", data, metadata ->> 'why', event_id,
						   schema_version, recorded_at <= clock_timestamp(), recorded_by COLLATE "default", hash
					  FROM event_store.poll(subscription => 'mail', consumer => 'one', max_count => 1, lease => '1 minute')$$,
	$$SELECT 0, true, 0, 1::bigint, 'order-1', 1::bigint, 'Placed', '{"n": 1}'::jsonb, 'a test', '10000000-0000-4000-8000-000000000001'::uuid,
			 2, true, CURRENT_USER::text COLLATE "default", NULL::bytea$$, 'poll');
SELECT is_empty($$SELECT FROM event_store.poll('mail', 'two')$$, 'poll, which finds nothing that another consumer has');
SELECT is(pg_temp.poll(NULL), '{1,2,4}'::bigint[], 'poll again: all there is, to the consumer that has it');
SELECT results_eq($$SELECT state COLLATE "default", consumer COLLATE "default", leased_until > clock_timestamp(), checkpoint, deliveries, polled_at <= clock_timestamp(), acked_at
					  FROM event_store.subscription_status$$,
	$$VALUES ('stuck', 'one', true, 0::bigint, 2, true, NULL::timestamptz)$$, 'subscription_status of events that were delivered twice');
SELECT lives_ok($$SELECT event_store.nack(subscription => 'mail', token => pg_temp.token(), global_position => 1, reason => 'a bad one', delay => '0')$$, 'nack');
SELECT results_eq($$SELECT subscription COLLATE "default", partition, global_position, stream COLLATE "default", version, type COLLATE "default", attempts,
						   parked_at <= clock_timestamp(), reason COLLATE "default", consumer COLLATE "default", stream_waits
					  FROM event_store.parked_events(subscription => 'mail')$$,
	$$VALUES ('mail', 0, 1::bigint, 'order-1', 1::bigint, 'Placed', 1, true, 'a bad one', 'one', true)$$, 'parked_events');
SELECT results_eq($$SELECT p::text FROM event_store.parked_events() p$$, $$SELECT p::text FROM event_store.parked_events('mail') p$$, 'parked_events of all subscriptions');
SELECT lives_ok($$SELECT event_store.ack(subscription => 'mail', token => pg_temp.token(), through_position => 4)$$, 'ack');
SELECT lives_ok($$SELECT event_store.ack('mail', pg_temp.token(), 4)$$, 'ack, repeated');
SELECT results_eq($$SELECT state COLLATE "default", leased_until, checkpoint, lag_events, deliveries, delayed, parked, failed_at <= clock_timestamp(),
						   reason COLLATE "default", acked_at <= clock_timestamp() FROM event_store.subscription_status$$,
	$$VALUES ('up to date', NULL::timestamptz, 4::bigint, 0::bigint, 0, 0::bigint, 1::bigint, true, 'a bad one', true)$$, 'subscription_status with a parked event');
SELECT results_eq($$SELECT s::text FROM event_store.subscription_status s$$, $$SELECT f::text FROM event_store.subscription_statuses() f$$,
	'subscription_statuses is what subscription_status shows');
SELECT is(event_store.replay_parked(subscription => 'mail', global_position => 1), 1::bigint, 'replay_parked');
SELECT is(event_store.replay_parked('mail'), 0::bigint, 'replay_parked, where nothing is parked any more');
SELECT is(pg_temp.poll(10), '{1}'::bigint[], 'what is replayed is delivered alone');
SELECT is((SELECT attempts FROM polled), 1, 'and says how often it has failed');
SELECT lives_ok($$SELECT event_store.nack('mail', pg_temp.token(), 1)$$, 'and fails again');
SELECT is(event_store.skip_parked(subscription => 'mail', global_position => 2), 0::bigint, 'skip_parked, of what is not parked');
SELECT is(event_store.skip_parked(subscription => 'mail', global_position => 1), 1::bigint, 'skip_parked');
SELECT is(pg_temp.poll(10), '{2}'::bigint[], 'its stream goes on without it');
SELECT lives_ok($$SELECT event_store.move_subscription(name => 'mail', global_position => 0)$$, 'move_subscription');
SELECT throws_ok($$SELECT event_store.ack('mail', pg_temp.token(), 2)$$, 'ST006', 'the lease of subscription "mail" is lost', 'after which a late ack is refused');
SELECT throws_ok($$SELECT event_store.nack('mail', pg_temp.token(), 2)$$, 'ST006', 'the lease of subscription "mail" is lost', 'and so is a late nack');
SELECT throws_ok($$SELECT event_store.release(subscription => 'mail', token => pg_temp.token())$$, 'ST006', 'the lease of subscription "mail" is lost', 'and a late release');
SELECT is(pg_temp.poll(10), '{1,2,4}'::bigint[], 'and all is delivered once more');
SELECT throws_ok($$CALL event_store.wait_for_events(after_position => 0, timeout => '1 second', outcome => NULL)$$, '2D000', NULL,
	'wait_for_events, not in a transaction block');
SELECT lives_ok($$SELECT event_store.drop_subscription(name => 'mail', if_exists => false)$$, 'drop_subscription');
SELECT is_empty($$SELECT FROM event_store.subscription_partitions UNION ALL SELECT FROM event_store.subscription_failed_events$$, 'nothing of it is left');
SELECT lives_ok($$SELECT event_store.drop_subscription('mail', if_exists => true)$$, 'drop_subscription, where there is none');
SAVEPOINT dropped;
SELECT lives_ok($$SELECT event_store.drop_store(with_events => true)$$, 'drop_store');
SELECT hasnt_table('event_store', 'events', 'the events are dropped');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'event_store'::regnamespace AND relkind = 'r'$$, 'and so are all other tables');
ROLLBACK TO SAVEPOINT dropped;
SELECT lives_ok($$SELECT event_store.drop_projection('all')$$, 'drop_projection, an inline one');
SELECT is_empty($$SELECT FROM pg_trigger WHERE tgrelid = 'event_store.events'::regclass AND tgname = 'project_inline'$$, 'without any, appends do without a trigger');

-- An event, whole ---------------------------------------------------------------

SELECT results_eq($$SELECT global_position, stream COLLATE "default", version, type COLLATE "default", data,
						   metadata - '$application', event_id, schema_version, recorded_by COLLATE "default", hash
					  FROM event_store.read_stream('order-1', max_count => 1)$$,
	$$SELECT 1::bigint, 'order-1', 1::bigint, 'Placed', '{"n": 1}'::jsonb,
			 jsonb_build_object('why', 'a test', '$user', CURRENT_USER::text), '10000000-0000-4000-8000-000000000001'::uuid, 2,
			 CURRENT_USER::text COLLATE "default", NULL::bytea$$, 'an event as a call returns it');
SELECT ok((SELECT metadata ->> '$application' FROM event_store.read_stream('order-1', max_count => 1)) = current_setting('application_name'),
	'metadata tells the application');
SELECT ok((SELECT recorded_at FROM event_store.read_stream('order-1', max_count => 1)) BETWEEN now() AND clock_timestamp(),
	'recorded_at is the time of the append');
SELECT ok((SELECT event_id::text FROM event_store.read_stream('order-1', 2, 1)) ~ '^.{14}7.{4}[89ab]', 'an id that the store makes is a UUIDv7');
SELECT results_eq($$SELECT to_jsonb(a) FROM event_store.all_events a ORDER BY global_position$$,
	$$SELECT to_jsonb(r) FROM event_store.read_all() r$$, 'all_events has the same events as read_all');
SELECT results_eq($$SELECT after_position, pid, gid, role_name COLLATE "default", application_name = current_setting('application_name'),
						   state COLLATE "default", since FROM event_store.in_flight$$,
	$$SELECT 0::bigint, pg_backend_pid(), NULL::text, CURRENT_USER::text COLLATE "default", true, 'active', now()$$, 'in_flight names this transaction');

-- The functions -----------------------------------------------------------------

CREATE TEMP TABLE expected_functions (name text, arguments text, result text, volatility text, parallel text, estimate int);
INSERT INTO expected_functions VALUES
	('any_version', '',
	 'bigint', 'i', 's', 0),
	('append', 'stream text, type text, data jsonb, expected_version bigint DEFAULT ''-2''::integer, metadata jsonb DEFAULT NULL::jsonb, event_id uuid DEFAULT NULL::uuid, schema_version integer DEFAULT 1',
	 'event_store.append_result', 'v', 'u', 0),
	('append_events', 'stream text, events event_store.new_event[], expected_version bigint DEFAULT ''-2''::integer',
	 'event_store.append_result', 'v', 'u', 0),
	('append_json', 'stream text, events jsonb, expected_version bigint DEFAULT ''-2''::integer',
	 'event_store.append_result', 'v', 'u', 0),
	('append_streams', 'streams jsonb',
	 'SETOF event_store.stream_append_result', 'v', 'u', 2),
	('add_event', 'aggregate event_store.aggregate, type text, data jsonb, metadata jsonb DEFAULT NULL::jsonb, event_id uuid DEFAULT NULL::uuid, schema_version integer DEFAULT 1',
	 'event_store.aggregate', 'v', 'u', 0),
	('create_aggregate_type', 'category text, initial_state jsonb, apply text, snapshot_every integer DEFAULT NULL::integer, state_version integer DEFAULT 1',
	 'void', 'v', 'u', 0),
	('drop_aggregate_type', 'category text',
	 'void', 'v', 'u', 0),
	('load', 'stream text, for_update boolean DEFAULT false, use_snapshot boolean DEFAULT true',
	 'event_store.aggregate', 'v', 'u', 0),
	('save', 'aggregate event_store.aggregate',
	 'event_store.aggregate', 'v', 'u', 0),
	('take_snapshot', 'stream text',
	 'bigint', 'v', 'u', 0),
	('state_at', 'stream text, version bigint DEFAULT NULL::bigint, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, global_position bigint DEFAULT NULL::bigint',
	 'event_store.aggregate', 's', 'u', 0),
	('states_at', 'category text, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, global_position bigint DEFAULT NULL::bigint, after_stream text DEFAULT NULL::text, max_count bigint DEFAULT 1000',
	 'SETOF event_store.aggregate', 's', 'u', 1000),
	('history', 'stream text, from_version bigint DEFAULT 1, max_count bigint DEFAULT NULL::bigint, to_version bigint DEFAULT NULL::bigint',
	 'SETOF event_store.history_entry', 's', 'u', 1000),
	('audit_trail', 'stream text DEFAULT NULL::text, category text DEFAULT NULL::text, since timestamp with time zone DEFAULT NULL::timestamp with time zone, until timestamp with time zone DEFAULT NULL::timestamp with time zone, after_position bigint DEFAULT NULL::bigint, max_count bigint DEFAULT NULL::bigint, with_states boolean DEFAULT true',
	 'SETOF event_store.audit_entry', 'v', 'u', 1000),
	('causation', 'e event_store.event',
	 'jsonb', 'i', 's', 0),
	('event_types_changed', '',
	 'trigger', 'v', 'u', 0),
	('create_event_type', 'type text, schema_version integer, validator text',
	 'void', 'v', 'u', 0),
	('drop_event_type', 'type text, schema_version integer',
	 'void', 'v', 'u', 0),
	('create_upcaster', 'type text, from_version integer, handler text, to_type text DEFAULT NULL::text',
	 'void', 'v', 'u', 0),
	('drop_upcaster', 'type text, from_version integer',
	 'void', 'v', 'u', 0),
	('check_upcasters', 'type text DEFAULT NULL::text, max_failures bigint DEFAULT NULL::bigint',
	 'SETOF event_store.upcast_failure', 'v', 'u', 10),
	('create_store', 'if_not_exists boolean DEFAULT false, type_index boolean DEFAULT false',
	 'void', 'v', 'u', 0),
	('create_store', 'hash_chain event_store.hash_chain_option, if_not_exists boolean DEFAULT false, type_index boolean DEFAULT false',
	 'void', 'v', 'u', 0),
	('enable_hash_chain', '',
	 'bigint', 'v', 'u', 0),
	('seal_store', 'OUT global_position bigint, OUT streams bigint, OUT root_hash bytea',
	 'record', 'v', 'u', 0),
	('check_seal', 'global_position bigint, root_hash bytea, max_findings bigint DEFAULT NULL::bigint',
	 'SETOF event_store.finding', 'v', 'u', 10),
	('verify_stream', 'stream text, max_findings bigint DEFAULT NULL::bigint',
	 'SETOF event_store.finding', 's', 'u', 10),
	('drop_store', 'with_events boolean DEFAULT false',
	 'void', 'v', 'u', 0),
	('grant_reader', 'role_name text',
	 'void', 'v', 'u', 0),
	('grant_writer', 'role_name text',
	 'void', 'v', 'u', 0),
	('last_event', 'stream text, type text DEFAULT NULL::text',
	 'SETOF event_store.event', 's', 'r', 1),
	('latest_snapshot', 'stream text, state_version integer DEFAULT NULL::integer, max_version bigint DEFAULT NULL::bigint',
	 'SETOF event_store.snapshot', 's', 'r', 1),
	('list_streams', 'category text DEFAULT NULL::text, after_stream text DEFAULT NULL::text, max_count bigint DEFAULT NULL::bigint',
	 'SETOF event_store.stream_info', 's', 'r', 1000),
	('lock_store', '',
	 'void', 'v', 'u', 0),
	('new_event', 'type text, data jsonb, metadata jsonb DEFAULT NULL::jsonb, event_id uuid DEFAULT NULL::uuid, schema_version integer DEFAULT 1',
	 'event_store.new_event', 'i', 's', 0),
	('no_stream', '',
	 'bigint', 'i', 's', 0),
	('read_all', 'after_position bigint DEFAULT 0, max_count bigint DEFAULT NULL::bigint, categories text[] DEFAULT NULL::text[], types text[] DEFAULT NULL::text[], backwards boolean DEFAULT false, before_position bigint DEFAULT NULL::bigint, raw boolean DEFAULT false',
	 'SETOF event_store.event', 'v', 'u', 1000),
	('read_category', 'category text, after_position bigint DEFAULT 0, max_count bigint DEFAULT NULL::bigint, before_position bigint DEFAULT NULL::bigint, types text[] DEFAULT NULL::text[], backwards boolean DEFAULT false, raw boolean DEFAULT false',
	 'SETOF event_store.event', 'v', 'u', 1000),
	('read_stream', 'stream text, from_version bigint DEFAULT 1, max_count bigint DEFAULT NULL::bigint, backwards boolean DEFAULT false, to_version bigint DEFAULT NULL::bigint, as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, raw boolean DEFAULT false',
	 'SETOF event_store.event', 's', 'r', 20),
	('refuse_change', '',
	 'trigger', 'v', 'u', 0),
	('refuse_insert', '',
	 'void', 'v', 'u', 0),
	('repair_sequence', '',
	 'bigint', 'v', 'u', 0),
	('revoke_reader', 'role_name text',
	 'void', 'v', 'u', 0),
	('revoke_writer', 'role_name text',
	 'void', 'v', 'u', 0),
	('safe_position', '',
	 'bigint', 'v', 'u', 0),
	('save_snapshot', 'stream text, version bigint, state jsonb, state_version integer DEFAULT 1',
	 'void', 'v', 'u', 0),
	('store_stats', 'OUT streams_estimate bigint, OUT events_estimate bigint, OUT bytes bigint, OUT appends bigint, OUT conflicts bigint, OUT idempotent_retries bigint, OUT counted_since timestamp with time zone',
	 'record', 'v', 'r', 0),
	('stream_exists', '',
	 'bigint', 'i', 's', 0),
	('stream_version', 'stream text',
	 'bigint', 's', 'r', 0),
	('projections_changed', '',
	 'trigger', 'v', 'u', 0),
	('project_inline', '',
	 'trigger', 'v', 'u', 0),
	('create_projection', 'name text, handler text, mode text DEFAULT ''async''::text, categories text[] DEFAULT NULL::text[], types text[] DEFAULT NULL::text[], reset text DEFAULT NULL::text, on_error text DEFAULT ''stop''::text, max_attempts integer DEFAULT 5, retry_delay interval DEFAULT ''00:00:01''::interval, start_position bigint DEFAULT 0, if_not_exists boolean DEFAULT false, replace boolean DEFAULT false',
	 'void', 'v', 'u', 0),
	('drop_projection', 'name text, if_exists boolean DEFAULT false',
	 'void', 'v', 'u', 0),
	('pause_projection', 'name text',
	 'void', 'v', 'u', 0),
	('resume_projection', 'name text',
	 'void', 'v', 'u', 0),
	('run_projections', 'name text DEFAULT NULL::text, max_events bigint DEFAULT NULL::bigint',
	 'bigint', 'v', 'u', 0),
	('rebuild_projection', 'name text, blue_green boolean DEFAULT false',
	 'bigint', 'v', 'u', 0),
	('projection_generation', 'name text',
	 'integer', 's', 's', 0),
	('retry_parked', 'name text, global_position bigint DEFAULT NULL::bigint',
	 'bigint', 'v', 'u', 0),
	('projection_statuses', 'OUT projection text, OUT generation integer, OUT is_current boolean, OUT mode text, OUT state text, OUT checkpoint bigint, OUT lag_events bigint, OUT lag_seconds double precision, OUT rate double precision, OUT handled bigint, OUT rebuild_to bigint, OUT rebuild_left bigint, OUT rebuild_time_left interval, OUT attempts integer, OUT retry_at timestamp with time zone, OUT parked bigint, OUT error_position bigint, OUT error_at timestamp with time zone, OUT error_code text, OUT error_message text, OUT moved_at timestamp with time zone, OUT worker_pid integer, OUT heartbeat_at timestamp with time zone',
	 'SETOF record', 'v', 'u', 10),
	('wait_for_projection', 'IN projection text, IN global_position bigint, IN timeout interval DEFAULT ''00:00:30''::interval, INOUT outcome text DEFAULT NULL::text',
	 NULL, 'v', 'u', 0),
	('create_subscription', 'name text, categories text[] DEFAULT NULL::text[], types text[] DEFAULT NULL::text[], start_position bigint DEFAULT 0, partitions integer DEFAULT 4, max_attempts integer DEFAULT 5, on_error text DEFAULT ''wait''::text, retry_delay interval DEFAULT ''00:00:01''::interval, if_not_exists boolean DEFAULT false, replace boolean DEFAULT false',
	 'void', 'v', 'u', 0),
	('drop_subscription', 'name text, if_exists boolean DEFAULT false',
	 'void', 'v', 'u', 0),
	('move_subscription', 'name text, global_position bigint',
	 'void', 'v', 'u', 0),
	('poll', 'subscription text, consumer text, max_count bigint DEFAULT 100, lease interval DEFAULT ''00:00:30''::interval',
	 'SETOF event_store.polled_event', 'v', 'u', 100),
	('ack', 'subscription text, token bigint, through_position bigint',
	 'void', 'v', 'u', 0),
	('nack', 'subscription text, token bigint, global_position bigint, reason text DEFAULT NULL::text, delay interval DEFAULT NULL::interval',
	 'void', 'v', 'u', 0),
	('release', 'subscription text, token bigint',
	 'void', 'v', 'u', 0),
	('parked_events', 'INOUT subscription text DEFAULT NULL::text, OUT partition integer, OUT global_position bigint, OUT stream text, OUT version bigint, OUT type text, OUT attempts integer, OUT parked_at timestamp with time zone, OUT reason text, OUT consumer text, OUT stream_waits boolean',
	 'SETOF record', 'v', 'u', 10),
	('replay_parked', 'subscription text, global_position bigint DEFAULT NULL::bigint',
	 'bigint', 'v', 'u', 0),
	('skip_parked', 'subscription text, global_position bigint',
	 'bigint', 'v', 'u', 0),
	('subscription_statuses', 'OUT subscription text, OUT partition integer, OUT state text, OUT consumer text, OUT leased_until timestamp with time zone, OUT checkpoint bigint, OUT lag_events bigint, OUT lag_seconds double precision, OUT deliveries integer, OUT delayed bigint, OUT attempts integer, OUT retry_at timestamp with time zone, OUT parked bigint, OUT failed_at timestamp with time zone, OUT reason text, OUT polled_at timestamp with time zone, OUT acked_at timestamp with time zone',
	 'SETOF record', 'v', 'u', 10),
	('wait_for_events', 'IN after_position bigint, IN timeout interval DEFAULT ''00:00:30''::interval, INOUT outcome text DEFAULT NULL::text',
	 NULL, 'v', 'u', 0),
	('grant_consumer', 'role_name text',
	 'void', 'v', 'u', 0),
	('revoke_consumer', 'role_name text',
	 'void', 'v', 'u', 0),
	('start_worker', '',
	 'integer', 'v', 'u', 0),
	('stop_worker', '',
	 'boolean', 'v', 'u', 0),
	('upgrade_store', '',
	 'void', 'v', 'u', 0),
	('verify_store', 'max_findings bigint DEFAULT NULL::bigint',
	 'SETOF event_store.finding', 'v', 'u', 10);
CREATE TEMP VIEW actual_functions AS
SELECT proname::text COLLATE "default" AS name, pg_get_function_arguments(oid) COLLATE "default" AS arguments,
	   pg_get_function_result(oid) COLLATE "default" AS result, provolatile::text COLLATE "default" AS volatility,
	   proparallel::text COLLATE "default" AS parallel, prorows::int AS estimate
  FROM pg_proc WHERE pronamespace = 'event_store'::regnamespace;

SELECT results_eq($$SELECT name FROM actual_functions ORDER BY name COLLATE "C"$$,
	$$SELECT name FROM expected_functions ORDER BY name COLLATE "C"$$, 'the functions, none of them overloaded but create_store');
SELECT is(a.arguments, e.arguments, 'arguments of ' || e.name)
  FROM expected_functions e LEFT JOIN actual_functions a USING (name, arguments) ORDER BY name COLLATE "C", e.arguments COLLATE "C";
SELECT is((a.result, a.volatility, a.parallel, a.estimate)::text, (e.result, e.volatility, e.parallel, e.estimate)::text,
		  'result, volatility, parallel safety and rows of ' || e.name)
  FROM expected_functions e LEFT JOIN actual_functions a USING (name, arguments) ORDER BY name COLLATE "C", e.arguments COLLATE "C";
SELECT results_eq($$SELECT proname::text COLLATE "default" FROM pg_proc WHERE pronamespace = 'event_store'::regnamespace AND prokind <> 'f' ORDER BY proname COLLATE "C"$$,
	$$VALUES ('wait_for_events'), ('wait_for_projection')$$, 'the procedures');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'event_store'::regnamespace AND prosecdef$$,
	'no function is SECURITY DEFINER');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'event_store'::regnamespace AND proisstrict$$,
	'no function is strict: a NULL is an error or a default, never passed over');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'event_store'::regnamespace AND proleakproof$$,
	'no function is leakproof');
SELECT is_empty($$SELECT proname FROM pg_proc
				   WHERE pronamespace = 'event_store'::regnamespace AND proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']
					 AND proname IN ('create_store', 'enable_hash_chain', 'drop_store', 'grant_consumer', 'grant_reader', 'grant_writer', 'revoke_consumer', 'revoke_reader', 'revoke_writer', 'upgrade_store')$$,
	'functions that run statements have their search_path pinned');
SELECT is_empty($$SELECT p.proname, a.name FROM pg_proc p, unnest(p.proargnames) a(name)
				   WHERE p.pronamespace = 'event_store'::regnamespace AND
						 (quote_ident(a.name) <> a.name OR a.name = '' OR
						  EXISTS (SELECT FROM pg_get_keywords() k WHERE k.word = a.name AND k.catcode IN ('R', 'T')))$$,
	'no parameter''s name needs quotes');
SELECT is_empty($$SELECT proname FROM pg_proc
				   WHERE pronamespace = 'event_store'::regnamespace AND pronargs > 0 AND coalesce(array_length(proargnames, 1), 0) < pronargs$$,
	'every parameter has a name');

-- Types, views and tables ---------------------------------------------------------

CREATE FUNCTION pg_temp.columns_of(relation text, kind "char") RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
					  ', ' ORDER BY a.attnum) COLLATE "default"
	  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	 WHERE c.relnamespace = 'event_store'::regnamespace AND c.relname = relation AND c.relkind = kind AND a.attnum > 0 AND NOT a.attisdropped
$$;
SELECT results_eq($$SELECT c.relname::text COLLATE "default", c.relkind FROM pg_class c
					 WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind <> 'i' ORDER BY c.relname COLLATE "C"$$,
	$$VALUES ('aggregate', 'c'::"char"), ('aggregate_types', 'r'), ('all_events', 'v'), ('append_result', 'c'), ('audit_entry', 'c'), ('categories', 'r'), ('event', 'c'), ('event_types', 'r'), ('events', 'r'),
			 ('events_global_position_seq', 'S'), ('finding', 'c'), ('hash_chain', 'r'), ('history_entry', 'c'), ('horizon', 'r'), ('in_flight', 'v'), ('new_event', 'c'), ('polled_event', 'c'), ('projection_checkpoints', 'r'), ('projection_parked_events', 'r'), ('projection_status', 'v'), ('projections', 'r'), ('sealed_heads', 'r'), ('snapshot', 'c'), ('snapshots', 'r'), ('stats', 'v'), ('stream_append_result', 'c'), ('stream_info', 'c'), ('streams', 'r'), ('subscription_failed_events', 'r'), ('subscription_partitions', 'r'), ('subscription_status', 'v'), ('subscriptions', 'r'), ('upcast_failure', 'c')$$,
	'the relations');
SELECT is_empty($$SELECT typname FROM pg_type t WHERE typnamespace = 'event_store'::regnamespace AND typtype <> 'c' AND typelem = 0 AND typname <> 'hash_chain_option'$$,
	'no types but composite ones');
SELECT is(pg_temp.columns_of('event', 'c'),
	'global_position bigint, stream text, version bigint, type text, data jsonb, metadata jsonb, event_id uuid, schema_version integer, recorded_at timestamp with time zone, recorded_by text, hash bytea',
	'attributes of event');
SELECT is(pg_temp.columns_of('all_events', 'v'), pg_temp.columns_of('event', 'c'), 'columns of all_events are those of event');
SELECT is(pg_temp.columns_of('new_event', 'c'), 'type text, data jsonb, metadata jsonb, event_id uuid, schema_version integer', 'attributes of new_event');
SELECT is(pg_temp.columns_of('append_result', 'c'), 'version bigint, global_position bigint', 'attributes of append_result');
SELECT is(pg_temp.columns_of('snapshot', 'c'),
	'stream text, version bigint, state jsonb, state_version integer, created_at timestamp with time zone', 'attributes of snapshot');
SELECT is(pg_temp.columns_of('in_flight', 'v'),
	'after_position bigint, pid integer, gid text, role_name text, application_name text, state text, since timestamp with time zone',
	'columns of in_flight');
SELECT is(pg_temp.columns_of('finding', 'c'), 'check_name text, stream text, version bigint, global_position bigint, detail text', 'attributes of finding');
SELECT is(pg_temp.columns_of('stats', 'v'),
	'streams_estimate bigint, events_estimate bigint, bytes bigint, appends bigint, conflicts bigint, idempotent_retries bigint, counted_since timestamp with time zone',
	'columns of stats');
SELECT is(pg_temp.columns_of('hash_chain', 'r'), 'after_position bigint not null', 'columns of hash_chain');
SELECT is(pg_temp.columns_of('sealed_heads', 'r'), 'stream_id bigint not null, sealed_position bigint not null, version bigint not null, hash bytea not null, stream text not null', 'columns of sealed_heads');
SELECT is(pg_temp.columns_of('categories', 'r'), 'category_id bigint not null, category text not null', 'columns of categories');
SELECT is(pg_temp.columns_of('streams', 'r'),
	'stream_id bigint not null, category_id bigint not null, base_version bigint not null, created_at timestamp with time zone not null, stream text not null',
	'columns of streams');
SELECT is(pg_temp.columns_of('events', 'r'),
	'global_position bigint not null, stream_id bigint not null, version bigint not null, category_id bigint not null, recorded_at timestamp with time zone not null, schema_version integer not null, event_id uuid not null, type text not null, data jsonb not null, metadata jsonb not null, hash bytea',
	'columns of events');
SELECT is(pg_temp.columns_of('snapshots', 'r'),
	'stream_id bigint not null, version bigint not null, state_version integer not null, created_at timestamp with time zone not null, state jsonb not null, type_digest bigint',
	'columns of snapshots');
SELECT is(pg_temp.columns_of('aggregate_types', 'r'),
	'category text not null, initial_state jsonb not null, apply text not null, snapshot_every integer, state_version integer not null',
	'columns of aggregate_types');
SELECT is(pg_temp.columns_of('event_types', 'r'), 'type text not null, schema_version integer not null, validator text, upcaster text, to_type text', 'columns of event_types');
SELECT is(pg_temp.columns_of('projections', 'r'),
	'projection text not null, mode text not null, handler text not null, reset text, categories text[], types text[], on_error text not null, max_attempts integer not null, retry_delay interval not null, start_position bigint not null, generation integer not null, paused boolean not null',
	'columns of projections');
SELECT is(pg_temp.columns_of('projection_checkpoints', 'r'),
	'projection text not null, generation integer not null, checkpoint bigint not null, handled bigint not null, rate double precision, moved_at timestamp with time zone not null, rebuild_to bigint, stopped boolean not null, attempts integer not null, retry_at timestamp with time zone, failed_position bigint, failed_at timestamp with time zone, error_code text, error_message text',
	'columns of projection_checkpoints');
SELECT is(pg_temp.columns_of('projection_parked_events', 'r'),
	'projection text not null, generation integer not null, global_position bigint not null, attempts integer not null, parked_at timestamp with time zone not null, error_code text not null, error_message text not null',
	'columns of projection_parked_events');
SELECT is(pg_temp.columns_of('projection_status', 'v'),
	'projection text, generation integer, is_current boolean, mode text, state text, checkpoint bigint, lag_events bigint, lag_seconds double precision, rate double precision, handled bigint, rebuild_to bigint, rebuild_left bigint, rebuild_time_left interval, attempts integer, retry_at timestamp with time zone, parked bigint, error_position bigint, error_at timestamp with time zone, error_code text, error_message text, moved_at timestamp with time zone, worker_pid integer, heartbeat_at timestamp with time zone',
	'columns of projection_status');
SELECT is(pg_temp.columns_of('polled_event', 'c'), 'partition integer, token bigint, attempts integer, ' || pg_temp.columns_of('event', 'c'),
	'attributes of polled_event are those of event, after three of its own');
SELECT is(pg_temp.columns_of('subscriptions', 'r'),
	'subscription text not null, categories text[], types text[], partitions integer not null, start_position bigint not null, on_error text not null, max_attempts integer not null, retry_delay interval not null',
	'columns of subscriptions');
SELECT is(pg_temp.columns_of('subscription_partitions', 'r'),
	'subscription text not null, partition integer not null, turn bigint not null, changes bigint not null, checkpoint bigint not null, token bigint not null, consumer text, lease interval, leased_until timestamp with time zone, delivered bigint not null, delivered_through bigint not null, deliveries integer not null, nacked boolean not null, retried_stream bigint, retried_version bigint, polled_at timestamp with time zone, acked_at timestamp with time zone',
	'columns of subscription_partitions');
SELECT is(pg_temp.columns_of('subscription_failed_events', 'r'),
	'subscription text not null, partition integer not null, stream_id bigint not null, passed_version bigint not null, next_version bigint not null, ahead_position bigint not null, failed_version bigint not null, global_position bigint not null, attempts integer not null, retry_at timestamp with time zone, parked_at timestamp with time zone, failed_at timestamp with time zone not null, token bigint not null, consumer text, reason text',
	'columns of subscription_failed_events');
SELECT is(pg_temp.columns_of('subscription_status', 'v'),
	'subscription text, partition integer, state text, consumer text, leased_until timestamp with time zone, checkpoint bigint, lag_events bigint, lag_seconds double precision, deliveries integer, delayed bigint, attempts integer, retry_at timestamp with time zone, parked bigint, failed_at timestamp with time zone, reason text, polled_at timestamp with time zone, acked_at timestamp with time zone',
	'columns of subscription_status');
SELECT is(pg_temp.columns_of('horizon', 'r'),
	'turn bigint not null, changes bigint not null, safe_position bigint not null, published_at timestamp with time zone not null',
	'columns of horizon');
SELECT is(pg_temp.columns_of('upcast_failure', 'c'),
	'global_position bigint, stream text, version bigint, type text, schema_version integer, error_code text, message text', 'attributes of upcast_failure');
SELECT is(pg_temp.columns_of('history_entry', 'c'),
	'version bigint, type text, data jsonb, state jsonb, changes jsonb, metadata jsonb, event_id uuid, schema_version integer, global_position bigint, recorded_at timestamp with time zone, recorded_by text',
	'attributes of history_entry');
SELECT is(pg_temp.columns_of('audit_entry', 'c'),
	'global_position bigint, stream text, version bigint, recorded_at timestamp with time zone, recorded_by text, application text, type text, data jsonb, reason text, correlation_id text, causation_id text, state_before jsonb, state_after jsonb, metadata jsonb, event_id uuid, schema_version integer',
	'attributes of audit_entry');
SELECT is(pg_temp.columns_of('aggregate', 'c'), 'stream text, state jsonb, version bigint, uncommitted event_store.new_event[]', 'attributes of aggregate');
SELECT is_empty($$SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
				   WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind IN ('r', 'v', 'c') AND
						 (quote_ident(a.attname) <> a.attname OR
						  EXISTS (SELECT FROM pg_get_keywords() k WHERE k.word = a.attname AND k.catcode IN ('R', 'T')))$$,
	'no column''s or attribute''s name needs quotes');
SELECT is_empty($$SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
				   WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind = 'r' AND a.atttypid = 'text'::regtype
					 AND a.attcollation <> '"C"'::regcollation
					 -- messages are neither, nor is what consumers say
					 AND (c.relname, a.attname) NOT IN (('projection_checkpoints', 'error_message'), ('projection_parked_events', 'error_message'),
						('subscription_partitions', 'consumer'), ('subscription_failed_events', 'consumer'), ('subscription_failed_events', 'reason'))$$,
	'names and types are stored in byte order');
SELECT col_is_pk('event_store', 'events', 'global_position', 'primary key of events');
SELECT col_is_unique('event_store', 'events', ARRAY['stream_id', 'version'], 'versions are unique in a stream');
SELECT col_is_unique('event_store', 'events', 'event_id', 'ids are unique');
SELECT has_index('event_store', 'events', 'events_category_id_global_position_idx', ARRAY['category_id', 'global_position'], 'index by category');
SELECT has_index('event_store', 'events', 'events_type_global_position_idx', ARRAY['type', 'global_position'], 'index by type, where asked for');
SELECT col_is_pk('event_store', 'streams', 'stream_id', 'primary key of streams');
SELECT col_is_unique('event_store', 'streams', 'stream', 'names of streams are unique');
SELECT col_is_unique('event_store', 'categories', 'category', 'names of categories are unique');
SELECT col_is_pk('event_store', 'snapshots', ARRAY['stream_id', 'version', 'state_version'], 'primary key of snapshots');
SELECT col_is_pk('event_store', 'projections', 'projection', 'primary key of projections');
SELECT col_is_pk('event_store', 'projection_checkpoints', ARRAY['projection', 'generation'], 'primary key of projection_checkpoints');
SELECT col_is_pk('event_store', 'projection_parked_events', ARRAY['projection', 'generation', 'global_position'], 'primary key of projection_parked_events');
SELECT col_is_pk('event_store', 'subscriptions', 'subscription', 'primary key of subscriptions');
SELECT col_is_pk('event_store', 'subscription_partitions', ARRAY['subscription', 'partition', 'turn'], 'primary key of subscription_partitions');
SELECT col_is_pk('event_store', 'subscription_failed_events', ARRAY['subscription', 'stream_id', 'passed_version'], 'primary key of subscription_failed_events');
SELECT col_is_pk('event_store', 'horizon', 'turn', 'primary key of horizon');
SELECT results_eq($$SELECT increment_by, cache_size, cycle, min_value FROM pg_sequences WHERE schemaname = 'event_store'$$,
	$$VALUES (1::bigint, 1::bigint, false, 1::bigint)$$, 'positions ascend by one, without a cache');
SELECT set_has($$SELECT unnest(reloptions) FROM pg_class WHERE oid = 'event_store.events'::regclass$$,
	$$VALUES ('vacuum_truncate=off')$$, 'settings of an append-only table');
SELECT set_has($$SELECT unnest(t.reloptions) FROM pg_class t JOIN pg_class e ON e.reltoastrelid = t.oid WHERE e.oid = 'event_store.events'::regclass$$,
	$$VALUES ('vacuum_truncate=off'), ('autovacuum_freeze_min_age=0')$$, 'and of its large values');

-- Every object has a comment --------------------------------------------------------

SELECT isnt(obj_description('event_store'::regnamespace, 'pg_namespace'), NULL, 'the schema has a comment');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc
				   WHERE pronamespace = 'event_store'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL$$,
	'every function has a comment');
SELECT is_empty($$SELECT typname FROM pg_type
				   WHERE typnamespace = 'event_store'::regnamespace AND typrelid <> 0 AND obj_description(oid, 'pg_type') IS NULL
					 AND (SELECT relkind FROM pg_class c WHERE c.oid = typrelid) = 'c'$$,
	'every type has a comment');
SELECT is_empty($$SELECT relname FROM pg_class
				   WHERE relnamespace = 'event_store'::regnamespace AND relkind IN ('r', 'v', 'S', 'i') AND obj_description(oid, 'pg_class') IS NULL$$,
	'every table, view and sequence has a comment');
SELECT is_empty($$SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
				   WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind IN ('r', 'v', 'c') AND col_description(c.oid, a.attnum) IS NULL$$,
	'every column and attribute has a comment');
SELECT is_empty($$SELECT c.relname, r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
				   WHERE c.relnamespace = 'event_store'::regnamespace AND r.rulename <> '_RETURN' AND obj_description(r.oid, 'pg_rewrite') IS NULL$$,
	'every rule has a comment');
SELECT is_empty($$SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
				   WHERE c.relnamespace = 'event_store'::regnamespace AND NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL$$,
	'every trigger has a comment');

-- Nothing is PUBLIC's ------------------------------------------------------------------

SELECT is_empty($$SELECT n.nspname FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
				   WHERE n.nspname = 'event_store' AND a.grantee = 0$$, 'PUBLIC has nothing on the schema');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
				   WHERE p.pronamespace = 'event_store'::regnamespace AND a.grantee = 0$$, 'PUBLIC may execute nothing');
SELECT is_empty($$SELECT c.relname FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
				   WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind IN ('r', 'v', 'S') AND a.grantee = 0$$,
	'PUBLIC has nothing on tables, views and the sequence');
SELECT is_empty($$SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
				   WHERE c.relnamespace = 'event_store'::regnamespace AND a.attacl IS NOT NULL$$, 'nor on single columns');
SELECT is_empty($$SELECT c.relname, a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
				   WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind IN ('r', 'S') AND a.grantee <> c.relowner$$,
	'nobody but the owner has anything on a table');

-- Settings ---------------------------------------------------------------------------------

SELECT results_eq($$SELECT name COLLATE "default", vartype COLLATE "default", context COLLATE "default", boot_val COLLATE "default", min_val COLLATE "default"
					  FROM pg_settings WHERE name LIKE 'event\_store.%' ORDER BY name COLLATE "C"$$,
	$$VALUES ('event_store.batch_time', 'integer', 'sighup', '200', '1'), ('event_store.databases', 'string', 'sighup', '', NULL), ('event_store.max_workers', 'integer', 'sighup', '2', '1'),
			 ('event_store.metadata', 'string', 'user', '', NULL), ('event_store.poll_interval', 'integer', 'sighup', '1000', '1'),
			 ('event_store.progress_interval', 'integer', 'user', '10000', '-1'), ('event_store.snapshots_kept', 'integer', 'superuser', '2', '1')$$,
	'the settings');
SELECT is_empty($$SELECT name FROM pg_settings WHERE name LIKE 'event\_store.%' AND short_desc IS NULL$$, 'every setting has a description');
SELECT throws_ok($$SET event_store.none = 1$$, '42602', NULL, 'the prefix is reserved');
SELECT throws_ok($$SET event_store.progress_interval = -2$$, '22023', NULL, 'there is no interval below never');
SELECT throws_ok($$SET event_store.snapshots_kept = 0$$, '22023', NULL, 'one snapshot is kept at least');
SELECT results_eq($$SELECT name COLLATE "default", unit COLLATE "default" FROM pg_settings WHERE name LIKE 'event\_store.%' AND unit IS NOT NULL ORDER BY name COLLATE "C"$$,
	$$VALUES ('event_store.batch_time', 'ms'), ('event_store.poll_interval', 'ms'), ('event_store.progress_interval', 'ms')$$, 'settings that are times');
SELECT throws_ok('SET ' || setting, '55P02', NULL, 'SET ' || setting || ' is for the server')
  FROM unnest(ARRAY[$$event_store.databases = 'x'$$, 'event_store.max_workers = 1', 'event_store.poll_interval = 1', 'event_store.batch_time = 1']) setting;

-- What is refused, by SQLSTATE ----------------------------------------------------------------

SELECT throws_ok($$SELECT event_store.create_store()$$, '42P07', NULL, 'a second store');
SELECT throws_ok($$SELECT event_store.drop_store()$$, '55000', NULL, 'dropping events that nobody spoke of');
SELECT throws_ok($$DROP EXTENSION event_store$$, '2BP01', NULL, 'DROP EXTENSION while there is a store');
SELECT throws_ok($$SELECT event_store.append('order-1', 'T', '{}', 7)$$, 'ST001',
	'stream "order-1" is not at the expected version', 'a version conflict');
SELECT throws_ok($$SELECT event_store.append('order-1', 'T', '{}', event_store.no_stream())$$, 'ST001', NULL, 'a stream that is there already');
SELECT throws_ok($$SELECT event_store.append('order-9', 'T', '{}', event_store.stream_exists())$$, 'ST001', NULL, 'a stream that is not there');
SELECT throws_ok($$SELECT event_store.append_streams('[{"stream": "order-1", "expected_version": 0}]')$$, 'ST001', NULL, 'a guard that does not hold');
SELECT throws_ok($$SELECT event_store.append('order-9', 'T', '{}', event_id => '10000000-0000-4000-8000-000000000001')$$, 'ST003', NULL, 'an id of another stream''s');
SELECT throws_ok($$SELECT event_store.append('order-1', 'T', '{}', event_id => '10000000-0000-4000-8000-000000000001')$$, 'ST003', NULL, 'an id of another event');
SELECT throws_ok($$SELECT event_store.append_json('order-9', '[{"type": "T", "data": 1, "event_id": "20000000-0000-4000-8000-000000000001"},
															   {"type": "T", "data": 1, "event_id": "20000000-0000-4000-8000-000000000001"}]')$$,
	'ST003', NULL, 'an id twice in a call');
SELECT results_eq($$SELECT version, global_position FROM event_store.append('order-1', 'Placed', '{"n": 1}', 0, event_id => '10000000-0000-4000-8000-000000000001')$$,
	$$VALUES (1::bigint, 1::bigint)$$, 'but a retry is none of these');
SELECT throws_ok($$UPDATE event_store.events SET data = '{}'$$, 'ST007', NULL, 'UPDATE of events');
SELECT throws_ok($$DELETE FROM event_store.streams$$, 'ST007', NULL, 'DELETE of streams');
SELECT throws_ok($$TRUNCATE event_store.categories$$, 'ST007', NULL, 'TRUNCATE of categories');
SELECT throws_ok($$INSERT INTO event_store.events VALUES (1)$$, 'ST007', NULL, 'INSERT of events');
SELECT throws_ok($$INSERT INTO event_store.streams VALUES (1, 1, 0, now(), 'x')$$, 'ST007', NULL, 'INSERT of streams');
SELECT throws_ok($$SELECT event_store.append(NULL, 'T', '{}')$$, '22004', NULL, 'stream NULL');
SELECT throws_ok($$SELECT event_store.append('', 'T', '{}')$$, '22023', NULL, 'stream empty');
SELECT throws_ok($$SELECT event_store.append('-1', 'T', '{}')$$, '22023', NULL, 'category empty');
SELECT throws_ok($$SELECT event_store.append(repeat('x', 1025), 'T', '{}')$$, '22023', NULL, 'stream too long');
SELECT throws_ok($$SELECT event_store.append('a-1', NULL, '{}')$$, '22004', NULL, 'type NULL');
SELECT throws_ok($$SELECT event_store.append('a-1', '', '{}')$$, '22023', NULL, 'type empty');
SELECT throws_ok($$SELECT event_store.append('a-1', repeat('x', 256), '{}')$$, '22023', NULL, 'type too long');
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', NULL)$$, '22004', NULL, 'data NULL');
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', 'null')$$, '22004', NULL, 'data of JSON null');
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', '{}', NULL)$$, '22004', NULL, 'expected_version NULL');
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', '{}', -1)$$, '22023', NULL, 'expected_version -1');
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', '{}', -3)$$, '22023', NULL, 'expected_version -3');
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', '{}', metadata => '[]')$$, '22023', NULL, 'metadata that is no object');
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', '{}', metadata => '{"$user": "x"}')$$, '22023', NULL, 'a reserved key');
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', '{}', schema_version => 0)$$, '22023', NULL, 'schema_version 0');
SELECT throws_ok($$SELECT event_store.append_events('a-1', NULL)$$, '22004', NULL, 'events NULL');
SELECT throws_ok($$SELECT event_store.append_events('a-1', '{}')$$, '22023', NULL, 'events empty');
SELECT throws_ok($$SELECT event_store.append_events('a-1', ARRAY[NULL::event_store.new_event])$$, '22004', NULL, 'an event NULL');
SELECT throws_ok($$SELECT event_store.append_json('a-1', NULL)$$, '22004', NULL, 'JSON events NULL');
SELECT throws_ok($$SELECT event_store.append_json('a-1', '[]')$$, '22023', NULL, 'JSON events empty');
SELECT throws_ok($$SELECT event_store.append_json('a-1', '[{"type": "T"}]')$$, '22023', 'key "data" is missing', 'a key that is missing');
SELECT throws_ok($$SELECT event_store.append_json('a-1', '[{"type": "T", "data": 1, "x": 1}]')$$, '22023', 'unknown key "x"', 'a key that is unknown');
SELECT throws_ok($$SELECT event_store.append_json('a-1', '[{"type": 1, "data": 1}]')$$, '22023', 'key "type" must be a string', 'a key of the wrong type');
SELECT throws_ok($$SELECT event_store.append_streams(NULL)$$, '22004', NULL, 'streams NULL');
SELECT throws_ok($$SELECT event_store.append_streams('[]')$$, '22023', NULL, 'streams empty');
SELECT throws_ok($$SELECT event_store.append_streams('[{"stream": "a-1"}]')$$, '22023', NULL, 'neither events nor a version');
SELECT throws_ok($$SELECT event_store.append_streams('[{"stream": "a-1", "expected_version": 0}, {"stream": "a-1", "expected_version": 0}]')$$, '22023', NULL, 'a stream twice');
SELECT throws_ok($$SELECT event_store.read_stream(NULL)$$, '22004', NULL, 'reading no stream');
SELECT throws_ok($$SELECT event_store.read_stream('a-1', -1)$$, '22023', NULL, 'from_version negative');
SELECT throws_ok($$SELECT event_store.read_stream('a-1', to_version => -1)$$, '22023', NULL, 'to_version negative');
SELECT throws_ok($$SELECT event_store.read_stream('a-1', max_count => -1)$$, '22023', NULL, 'max_count negative');
SELECT throws_ok($$SELECT event_store.read_category(NULL)$$, '22004', NULL, 'reading no category');
SELECT throws_ok($$SELECT event_store.read_category('a', -1)$$, '22023', NULL, 'after_position negative');
SELECT throws_ok($$SELECT event_store.read_all(before_position => -1)$$, '22023', NULL, 'before_position negative');
SELECT throws_ok($$SELECT event_store.read_all(types => '{NULL}')$$, '22004', NULL, 'a type NULL');
SELECT throws_ok($$SELECT event_store.list_streams(max_count => -1)$$, '22023', NULL, 'streams counted backwards');
SELECT throws_ok($$SELECT event_store.save_snapshot('order-1', 4, '{}')$$, '22023', NULL, 'a snapshot beyond the stream');
SELECT throws_ok($$SELECT event_store.save_snapshot('order-9', 1, '{}')$$, '22023', NULL, 'a snapshot of no stream');
SELECT throws_ok($$SELECT event_store.save_snapshot('order-1', 0, '{}')$$, '22023', NULL, 'a snapshot of version 0');
SELECT throws_ok($$SELECT event_store.save_snapshot('order-1', 1, NULL)$$, '22004', NULL, 'a snapshot without a state');
CREATE FUNCTION pg_temp.see_twice(e event_store.event) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION pg_temp.see_twice(batch event_store.event[]) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION pg_temp.projection(arguments text) RETURNS text LANGUAGE sql AS
	$$SELECT replace(format('SELECT event_store.create_projection(%s)', arguments), 'temp.', pg_my_temp_schema()::regnamespace || '.')$$;
SELECT lives_ok(pg_temp.projection($$'p', 'temp.see'$$), 'a projection without a reset');
SELECT throws_ok(pg_temp.projection(arguments), expected, NULL, 'create_projection(' || arguments || ')')
  FROM (VALUES ($$'p', 'temp.see'$$, '42710'), ($$NULL, 'temp.see'$$, '22004'), ($$'', 'temp.see'$$, '22023'), ($$repeat('x', 256), 'temp.see'$$, '22023'), ($$'q', NULL$$, '22004'),
			   ($$'q', 'temp.none'$$, '42883'), ($$'q', 'temp.see_twice'$$, '42725'), ($$'q', 'temp.valid(jsonb)'$$, '42804'),
			   ($$'q', 'temp.see', mode => NULL$$, '22004'), ($$'q', 'temp.see', mode => 'Inline'$$, '22023'), ($$'q', 'temp.see', categories => '{NULL}'$$, '22004'),
			   ($$'q', 'temp.see', categories => '{a-b}'$$, '22023'), ($$'q', 'temp.see', types => '{""}'$$, '22023'), ($$'q', 'temp.see', reset => 'temp.none'$$, '42883'),
			   ($$'q', 'temp.see', reset => 'temp.see(event_store.event, integer)'$$, '42804'), ($$'q', 'temp.see', on_error => 'ignore'$$, '22023'),
			   ($$'q', 'temp.see', max_attempts => 0$$, '22023'), ($$'q', 'temp.see', retry_delay => '-1 second'$$, '22023'), ($$'q', 'temp.see', retry_delay => '1 month'$$, '22023'),
			   ($$'q', 'temp.see', start_position => -1$$, '22023'), ($$'q', 'temp.see', start_position => 1000$$, 'ST008'),
			   ($$'q', 'temp.see', if_not_exists => NULL$$, '22004'), ($$'q', 'temp.see', replace => NULL$$, '22004')) v (arguments, expected);
SELECT throws_ok('SELECT event_store.' || call, '42704', NULL, call || ' of no projection')
  FROM unnest(ARRAY[$$drop_projection('q')$$, $$pause_projection('q')$$, $$resume_projection('q')$$, $$run_projections('q')$$, $$rebuild_projection('q')$$,
					$$projection_generation('q')$$, $$retry_parked('q')$$]) call;
SELECT throws_ok('SELECT event_store.' || call, '22004', NULL, call)
  FROM unnest(ARRAY['drop_projection(NULL)', 'pause_projection(NULL)', 'resume_projection(NULL)', 'rebuild_projection(NULL)', 'projection_generation(NULL)', 'retry_parked(NULL)',
					$$drop_projection('p', NULL)$$, $$rebuild_projection('p', NULL)$$]) call;
SELECT throws_ok($$SELECT event_store.run_projections(max_events => -1)$$, '22023', NULL, 'events counted backwards');
SELECT throws_ok($$SELECT event_store.rebuild_projection('p')$$, '55000', NULL, 'rebuilding what cannot be emptied');
SELECT throws_ok($$SELECT event_store.rebuild_projection('p', true)$$, '55000', NULL, 'nor with a generation beside it');
SELECT throws_ok(format('SELECT event_store.%s()', f), '39P01', NULL, f || ' is a trigger''s')
  FROM unnest(ARRAY['projections_changed', 'project_inline', 'event_types_changed', 'refuse_change']) f;
SELECT lives_ok($$SELECT event_store.drop_projection('p')$$, 'and it is dropped');
SELECT lives_ok($$SELECT event_store.create_subscription('s')$$, 'a subscription to everything');
SELECT throws_ok('SELECT event_store.create_subscription(' || arguments || ')', expected, NULL, 'create_subscription(' || arguments || ')')
  FROM (VALUES ($$'s'$$, '42710'), ($$NULL$$, '22004'), ($$''$$, '22023'), ($$repeat('x', 256)$$, '22023'), ($$'t', categories => '{NULL}'$$, '22004'),
			   ($$'t', categories => '{a-b}'$$, '22023'), ($$'t', types => '{""}'$$, '22023'), ($$'t', start_position => NULL$$, '22004'),
			   ($$'t', start_position => -1$$, '22023'), ($$'t', start_position => 1000$$, 'ST008'), ($$'t', partitions => NULL$$, '22004'),
			   ($$'t', partitions => 0$$, '22023'), ($$'t', partitions => 257$$, '22023'), ($$'s', partitions => 5, replace => true$$, '0A000'),
			   ($$'t', max_attempts => NULL$$, '22004'), ($$'t', max_attempts => 0$$, '22023'), ($$'t', on_error => NULL$$, '22004'), ($$'t', on_error => 'stop'$$, '22023'),
			   ($$'t', retry_delay => NULL$$, '22004'), ($$'t', retry_delay => '-1 second'$$, '22023'), ($$'t', retry_delay => '1 month'$$, '22023'),
			   ($$'t', if_not_exists => NULL$$, '22004'), ($$'t', replace => NULL$$, '22004')) v (arguments, expected);
SELECT throws_ok('SELECT event_store.' || call, '42704', NULL, call || ' of no subscription')
  FROM unnest(ARRAY[$$drop_subscription('t')$$, $$move_subscription('t', 0)$$, $$poll('t', 'c')$$, $$ack('t', 1, 1)$$, $$nack('t', 1, 1)$$, $$release('t', 1)$$, $$parked_events('t')$$,
					$$replay_parked('t')$$, $$skip_parked('t', 1)$$]) call;
SELECT throws_ok('SELECT event_store.' || call, '22004', NULL, call)
  FROM unnest(ARRAY['drop_subscription(NULL)', $$drop_subscription('s', NULL)$$, 'move_subscription(NULL, 0)', $$move_subscription('s', NULL)$$, $$poll(NULL, 'c')$$,
					$$poll('s', NULL)$$, $$poll('s', 'c', 1, NULL)$$, 'ack(NULL, 1, 1)', $$ack('s', NULL, 1)$$, $$ack('s', 1, NULL)$$, 'nack(NULL, 1, 1)', $$nack('s', NULL, 1)$$,
					$$nack('s', 1, NULL)$$, 'release(NULL, 1)', $$release('s', NULL)$$, 'replay_parked(NULL)', 'skip_parked(NULL, 1)', $$skip_parked('s', NULL)$$]) call;
SELECT throws_ok('SELECT event_store.' || call, '22023', NULL, call)
  FROM unnest(ARRAY[$$move_subscription('s', -1)$$, $$poll('s', '')$$, $$poll('s', repeat('x', 256))$$, $$poll('s', 'c', -1)$$, $$poll('s', 'c', 1, '0')$$,
					$$poll('s', 'c', 1, '-1 second')$$, $$poll('s', 'c', 1, '2 days')$$, $$poll('s', 'c', 1, '1 month')$$, $$ack('s', 1, -1)$$, $$nack('s', 1, -1)$$,
					$$nack('s', 1, 1, delay => '-1 second')$$, $$nack('s', 1, 1, delay => '366 days')$$]) call;
SELECT throws_ok($$SELECT event_store.move_subscription('s', 1000)$$, 'ST008', NULL, 'moving it beyond the store');
SELECT throws_ok('SELECT event_store.' || call, 'ST006', NULL, call || ', which no lease has')
  FROM unnest(ARRAY[$$ack('s', 0, 1)$$, $$ack('s', -1, 1)$$, $$nack('s', 9223372036854775807, 1)$$, $$release('s', 1)$$]) call;
SELECT is_empty($$SELECT FROM event_store.poll('s', 'c', 0)$$, 'no events asked for, none leased');
SELECT throws_ok($$SELECT event_store.ack('s', (SELECT max(token) FROM event_store.poll('s', 'c', 1)), 5)$$, '22023', NULL, 'an ack of what was not delivered');
SELECT throws_ok($$SELECT event_store.nack('s', (SELECT max(token) FROM event_store.poll('s', 'c', 1)), 5)$$, '22023', NULL, 'a nack of what was not delivered');
SELECT throws_ok($$SELECT event_store.verify_store(-1)$$, '22023', NULL, 'findings counted backwards');
SELECT throws_ok($$SELECT event_store.grant_reader(NULL)$$, '22004', NULL, 'a grant to nobody');
SELECT throws_ok($$SELECT event_store.grant_writer('regress_none')$$, '42704', NULL, 'a grant to who is not there');
SELECT throws_ok('SELECT event_store.' || call, expected, NULL, call)
  FROM (VALUES ('grant_consumer(NULL)', '22004'), ('revoke_consumer(NULL)', '22004'), ($$grant_consumer('regress_none')$$, '42704'),
			   ($$revoke_consumer('regress_none')$$, '42704')) v (call, expected);
SET LOCAL transaction_read_only = on;
SELECT throws_ok($$SELECT event_store.append('a-1', 'T', '{}')$$, '25006', NULL, 'an append in a read-only transaction');
SELECT throws_ok('SELECT event_store.' || call, '25006', NULL, call || ' in one')
  FROM unnest(ARRAY[$$create_projection('q', 'f')$$, $$drop_projection('q')$$, $$pause_projection('q')$$, $$resume_projection('q')$$, 'run_projections()', $$rebuild_projection('q')$$,
					$$retry_parked('q')$$, 'start_worker()', 'stop_worker()', $$create_subscription('t')$$, $$drop_subscription('s')$$, $$move_subscription('s', 0)$$, $$poll('s', 'c')$$,
					$$ack('s', 1, 1)$$, $$nack('s', 1, 1)$$, $$release('s', 1)$$, $$replay_parked('s')$$, $$skip_parked('s', 1)$$]) call;
SELECT is_empty($$SELECT * FROM event_store.projection_status$$, 'while projection_status is for reading');
SELECT is((SELECT count(*) FROM event_store.subscription_status), 4::bigint, 'and so is subscription_status');
SELECT is_empty($$SELECT * FROM event_store.parked_events('s')$$, 'and parked_events');

-- None of which left anything behind.
SELECT results_eq($$SELECT stream COLLATE "default", version FROM event_store.list_streams()$$,
	$$VALUES ('bill-1', 1::bigint), ('order-1', 3::bigint), ('order-2', 1::bigint)$$, 'nothing was stored by what was refused');
SELECT is(event_store.safe_position(), 5::bigint, 'nor was a position drawn');

SELECT * FROM finish();
ROLLBACK;
