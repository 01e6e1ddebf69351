--
-- Aggregates: types, load, add_event, save, take_snapshot.
--
CREATE SCHEMA regress_shop;
CREATE FUNCTION regress_shop.apply_order(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	CASE e.type
		WHEN 'LineAdded' THEN
			RETURN state || jsonb_build_object('lines', (state->>'lines')::int + 1, 'total', (state->>'total')::numeric + (e.data->>'price')::numeric);
		WHEN 'Placed' THEN
			RETURN state || '{"placed": true}';
		WHEN 'Null' THEN
			RETURN NULL;
		WHEN 'Noted' THEN
			RETURN state;
	END CASE;
END $$;

-- Types.
SELECT regress_help.run($$SELECT event_store.load('order-1')$$);
SELECT event_store.create_aggregate_type('order', '{"lines": 0, "total": 0}', 'regress_shop.apply_order', snapshot_every => 5);
SELECT category, initial_state, apply, snapshot_every, state_version FROM event_store.aggregate_types WHERE category = 'order';
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.create_aggregate_type(NULL, '{}', 'regress_shop.apply_order')$$,
	$$SELECT event_store.create_aggregate_type('', '{}', 'regress_shop.apply_order')$$,
	$$SELECT event_store.create_aggregate_type('order-1', '{}', 'regress_shop.apply_order')$$,
	$$SELECT event_store.create_aggregate_type('o', NULL, 'regress_shop.apply_order')$$,
	$$SELECT event_store.create_aggregate_type('o', '{}', NULL)$$,
	$$SELECT event_store.create_aggregate_type('o', '{}', 'regress_shop.nothing')$$,
	$$SELECT event_store.create_aggregate_type('o', '{}', 'pg_catalog.jsonb_array_length(jsonb)')$$,
	$$SELECT event_store.create_aggregate_type('o', '{}', 'regress_shop.apply_order', snapshot_every => 0)$$,
	$$SELECT event_store.create_aggregate_type('o', '{}', 'regress_shop.apply_order', state_version => 0)$$,
	$$SELECT event_store.create_aggregate_type('o', '{}', 'regress_shop.apply_order', state_version => NULL)$$,
	$$SELECT event_store.drop_aggregate_type('o')$$]) q;

-- Load, decide, save.
SELECT * FROM event_store.load('order-1');
SELECT (event_store.save(event_store.load('order-1'))).*;
DO $$
DECLARE
	o event_store.aggregate := event_store.load('order-1');
BEGIN
	o := event_store.add_event(o, 'LineAdded', '{"price": 10}');
	o := event_store.add_event(o, 'LineAdded', '{"price": 2.5}', metadata => '{"reason": "why not"}', schema_version => 2);
	RAISE NOTICE '% % % %', o.stream, o.state, o.version, cardinality(o.uncommitted);
	o := event_store.save(o);
	RAISE NOTICE '% % % %', o.stream, o.state, o.version, o.uncommitted;
	o := event_store.save(event_store.add_event(o, 'Placed', '{}'));
	RAISE NOTICE '% % % %', o.stream, o.state, o.version, o.uncommitted;
END $$;
SELECT version, type, data, metadata->'reason' AS reason, schema_version FROM event_store.read_stream('order-1');
SELECT * FROM event_store.load('order-1');

-- Out of date.
DO $$
DECLARE
	a event_store.aggregate := event_store.add_event(event_store.load('order-1'), 'Noted', '1');
	b event_store.aggregate := event_store.add_event(event_store.load('order-1'), 'Noted', '2');
BEGIN
	a := event_store.save(a);
	b := event_store.save(b);
EXCEPTION WHEN SQLSTATE 'ST001' THEN
	RAISE NOTICE '%', SQLERRM;
END $$;
SELECT version FROM event_store.load('order-1');

-- The same aggregate may be saved again; what was loaded with its events is another.
DO $$
DECLARE
	o event_store.aggregate := event_store.add_event(event_store.load('order-3'), 'LineAdded', '{"price": 1}', event_id => '00000000-0000-4000-8000-00000000a991');
BEGIN
	RAISE NOTICE '%', event_store.save(o);
	RAISE NOTICE '%', event_store.save(o);
	PERFORM event_store.save(event_store.add_event(event_store.load('order-3'), 'LineAdded', '{"price": 1}', event_id => '00000000-0000-4000-8000-00000000a991'));
EXCEPTION WHEN SQLSTATE 'ST003' THEN
	RAISE NOTICE '%', SQLERRM;
END $$;
SELECT state, version FROM event_store.load('order-3');

-- Snapshots: at 5, and not again before 10.
SELECT version FROM event_store.save(event_store.add_event(event_store.add_event(event_store.load('order-1', for_update => true), 'LineAdded', '{"price": 1}'), 'Noted', '0'));
SELECT version, state, state_version FROM event_store.latest_snapshot('order-1');
SELECT version FROM event_store.append('order-1', 'Noted', '{}');
SELECT event_store.take_snapshot('order-1');
SELECT version, state, state_version FROM event_store.latest_snapshot('order-1');

-- Which snapshot was used shows in a state that is not what the events say.
CREATE FUNCTION regress_shop.falsify(of_stream text) RETURNS void LANGUAGE sql AS $$
	UPDATE event_store.snapshots s SET state = s.state || '{"false": true}'
	  FROM event_store.streams t WHERE t.stream_id = s.stream_id AND t.stream = of_stream
$$;
SELECT regress_shop.falsify('order-1');
SELECT event_store.load('order-1') AS with, event_store.load('order-1', use_snapshot => false) AS without;

-- Snapshots of another state version, initial state or function are of no use, and
-- those of this one are again.
SELECT event_store.create_aggregate_type('order', '{"lines": 0, "total": 0}', 'regress_shop.apply_order', snapshot_every => 5, state_version => 2);
SELECT state FROM event_store.load('order-1');
SELECT event_store.create_aggregate_type('order', '{"lines": 0, "total": 0, "new": 1}', 'regress_shop.apply_order', snapshot_every => 5);
SELECT state FROM event_store.load('order-1');
SELECT event_store.create_aggregate_type('order', '{"lines": 0, "total": 0}', 'regress_shop.apply_order(jsonb, event_store.event)', snapshot_every => 100);
SELECT state FROM event_store.load('order-1');
ALTER FUNCTION regress_shop.apply_order SET work_mem = '10MB';
SELECT state FROM event_store.load('order-1');
ALTER FUNCTION regress_shop.apply_order RESET work_mem;
SELECT state FROM event_store.load('order-1');
SELECT event_store.save_snapshot('order-1', 2, '{"lines": -1, "total": 0}');
SELECT state FROM event_store.load('order-1');
DELETE FROM event_store.snapshots s USING event_store.streams t WHERE t.stream_id = s.stream_id AND t.stream = 'order-1' AND s.version > 2;
SELECT state FROM event_store.load('order-1');
DELETE FROM event_store.snapshots s USING event_store.streams t WHERE t.stream_id = s.stream_id AND t.stream = 'order-1';

-- What an apply function does wrong is told with the event.
\set SHOW_CONTEXT always
SELECT event_store.add_event(event_store.load('order-1'), 'Unheard', '{}');
SELECT event_store.add_event(event_store.load('order-1'), 'Null', '{}');
\set SHOW_CONTEXT errors
SELECT version FROM event_store.append('order-2', 'Unheard', '{}');
SELECT event_store.load('order-2');

-- Arguments; NULL is the default where there is one.
SELECT event_store.load('order-1', NULL, NULL) = event_store.load('order-1') AS same;
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.load(NULL)$$,
	$$SELECT event_store.save(NULL)$$,
	$$SELECT event_store.save(ROW(NULL, '{}', 1, '{}')::event_store.aggregate)$$,
	$$SELECT event_store.save(ROW('order-1', NULL, 1, '{}')::event_store.aggregate)$$,
	$$SELECT event_store.save(ROW('order-1', '{}', NULL, '{}')::event_store.aggregate)$$,
	$$SELECT event_store.save(ROW('order-1', '{}', -1, '{}')::event_store.aggregate)$$,
	$$SELECT event_store.save(ROW('order-1', '{}', 1, NULL)::event_store.aggregate)$$,
	$$SELECT event_store.save(ROW('order-1', '{}', 1, ARRAY[NULL]::event_store.new_event[])::event_store.aggregate)$$,
	$$SELECT event_store.add_event(NULL, 'T', '{}')$$,
	$$SELECT event_store.add_event(ROW('order-1', '{"lines": 0, "total": 0}', 1, ARRAY[NULL]::event_store.new_event[])::event_store.aggregate, 'Noted', '{}')$$,
	$$SELECT event_store.add_event(event_store.load('order-1'), NULL, '{}')$$,
	$$SELECT event_store.add_event(event_store.load('order-1'), 'T', NULL)$$,
	$$SELECT event_store.add_event(event_store.load('order-1'), 'T', '{}', metadata => '[]')$$,
	$$SELECT event_store.add_event(event_store.load('order-1'), 'T', '{}', schema_version => 0)$$,
	$$SELECT event_store.take_snapshot('order-99')$$,
	$$SELECT event_store.take_snapshot('other-1')$$]) q;

-- The function runs as the types' owner, restricted, with a search path of nobody's;
-- a reader loads without the right to call it, and not for update.
CREATE FUNCTION regress_shop.apply_who(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN jsonb_build_object('user_is_owner', current_user = (SELECT tableowner FROM pg_tables WHERE schemaname = 'event_store' AND tablename = 'events'),
							  'search_path', current_setting('search_path'));
END $$;
REVOKE ALL ON FUNCTION regress_shop.apply_who FROM PUBLIC;
SELECT event_store.create_aggregate_type('who', '{}', 'regress_shop.apply_who');
SELECT version FROM event_store.append('who-1', 'T', '{}');
CREATE ROLE regress_loads;
SELECT event_store.grant_reader('regress_loads');
SET ROLE regress_loads;
SELECT state FROM event_store.load('who-1');
SELECT current_user, current_setting('search_path');
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.load('who-1', for_update => true)$$,
	$$SELECT event_store.save(event_store.load('who-1'))$$,
	$$SELECT event_store.create_aggregate_type('who', '{}', 'regress_shop.apply_who')$$,
	$$SELECT event_store.drop_aggregate_type('who')$$,
	$$SELECT * FROM event_store.aggregate_types$$]) q;
RESET ROLE;
SELECT event_store.grant_writer('regress_loads');
SET ROLE regress_loads;
SELECT state, version FROM event_store.save(event_store.add_event(event_store.load('who-1', for_update => true), 'T', '{}'));
SELECT event_store.take_snapshot('who-1');
RESET ROLE;
CREATE OR REPLACE FUNCTION regress_shop.apply_who(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	SET ROLE NONE;
	RETURN state;
END $$;
SELECT regress_help.run($$SELECT event_store.load('who-1')$$);
DROP FUNCTION regress_shop.apply_who;
SELECT regress_help.run($$SELECT event_store.load('who-1')$$);

-- What can do without the function does.
SELECT version FROM event_store.save(ROW('who-1', '{}', 2, ARRAY[event_store.new_event('T', '{}')])::event_store.aggregate);
SELECT event_store.save_snapshot('who-1', 3, '{}');
SELECT regress_help.run($$SELECT event_store.take_snapshot('who-1')$$);

-- The table is the owner's, so what it names is looked at again; and somebody else's
-- function does not run as the owner because it has the name of one that is gone.
UPDATE event_store.aggregate_types SET apply = 'pg_catalog.jsonb_object_agg_finalfn(internal)' WHERE category = 'who';
SELECT regress_help.run($$SELECT event_store.load('who-1')$$);
UPDATE event_store.aggregate_types SET apply = 'pg_catalog.jsonb_concat(jsonb,jsonb)' WHERE category = 'who';
SELECT regress_help.run($$SELECT event_store.load('who-1')$$);
UPDATE event_store.aggregate_types SET apply = 'regress_shop.apply_who(jsonb,event_store.event)' WHERE category = 'who';
CREATE FUNCTION regress_shop.apply_who(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE sql AS 'SELECT state';
SELECT version FROM event_store.load('who-1');
ALTER FUNCTION regress_shop.apply_who OWNER TO regress_loads;
SELECT replace(regress_help.run($$SELECT event_store.load('who-1')$$), format('"%s"', current_user), 'who owns the store') AS run;
SELECT replace(regress_help.run($$SELECT event_store.create_aggregate_type('who', '{}', 'regress_shop.apply_who')$$), format('"%s"', current_user), 'who owns the store') AS run;
DROP FUNCTION regress_shop.apply_who;
CREATE RULE regress_keep AS ON DELETE TO event_store.aggregate_types DO INSTEAD SELECT 1;
SELECT regress_help.run($$SELECT event_store.drop_aggregate_type('who')$$);
DROP RULE regress_keep ON event_store.aggregate_types;
SELECT event_store.drop_aggregate_type('who');
SELECT event_store.revoke_writer('regress_loads'), event_store.revoke_reader('regress_loads');
DROP ROLE regress_loads;

-- The same function in a plain aggregate, and histories at random: what is loaded
-- with snapshots, wherever they were taken, is what is loaded without.
CREATE AGGREGATE regress_shop.order_state(event_store.event) (SFUNC = regress_shop.apply_order, STYPE = jsonb, INITCOND = '{"lines": 0, "total": 0}');
SELECT event_store.create_aggregate_type('order', '{"lines": 0, "total": 0}', 'regress_shop.apply_order', snapshot_every => 7);
SELECT setseed(0.5);
DO $$
DECLARE
	o event_store.aggregate;
BEGIN
	FOR n IN 1 .. 400 LOOP
		o := event_store.load('order-r' || floor(random() * 10), for_update => random() < 0.5, use_snapshot => random() < 0.8);
		FOR i IN 1 .. floor(random() * 5) LOOP
			o := event_store.add_event(o, (ARRAY['LineAdded', 'Placed', 'Noted'])[1 + floor(random() * 3)], jsonb_build_object('price', n));
		END LOOP;
		o := event_store.save(o);
		IF random() < 0.1 AND o.version > 0 THEN
			PERFORM event_store.take_snapshot(o.stream);
		END IF;
		IF o IS DISTINCT FROM event_store.load(o.stream) OR o IS DISTINCT FROM event_store.load(o.stream, use_snapshot => false) THEN
			RAISE 'loaded differently: %', o;
		END IF;
	END LOOP;
END $$;
SELECT count(*), count(*) FILTER (WHERE a.state <> s.state OR a.version <> l.version) AS wrong, count(n.version) AS with_snapshots
  FROM event_store.list_streams('order', max_count => NULL) l CROSS JOIN event_store.load(l.stream) a CROSS JOIN
	   LATERAL (SELECT regress_shop.order_state(e.* ORDER BY e.version) AS state FROM event_store.read_stream(l.stream) e) s
	   LEFT JOIN event_store.latest_snapshot(l.stream) n ON true
 WHERE l.stream LIKE 'order-r%';

-- What the events of a fold need is freed from event to event: 4,000 events of a kB each
-- leave nothing behind.
CREATE FUNCTION regress_shop.apply_measured(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF e.version NOT IN (1000, 5000) THEN
		RETURN state;
	END IF;
	RETURN state || jsonb_build_object(e.version::text, (SELECT sum(used_bytes) FROM pg_backend_memory_contexts));
END $$;
SELECT event_store.create_aggregate_type('measured', '{}', 'regress_shop.apply_measured');
SELECT version FROM event_store.append_json('measured-1',
	(SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', repeat('x', 1000))) FROM generate_series(1, 5000)));
SELECT (state ->> '5000')::bigint - (state ->> '1000')::bigint < 100000 AS none_left FROM event_store.load('measured-1');
SELECT event_store.drop_aggregate_type('measured');

SELECT event_store.drop_aggregate_type('order');
DROP SCHEMA regress_shop CASCADE;
