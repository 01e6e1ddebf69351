--
-- state_at(), states_at(), history(): aggregates at a moment.
--
CREATE SCHEMA regress_past;
CREATE FUNCTION regress_past.apply_cart(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	CASE e.type
		WHEN 'Put' THEN
			RETURN jsonb_set(state, ARRAY['items', e.data ->> 'item'], e.data -> 'count');
		WHEN 'Taken' THEN
			RETURN state #- ARRAY['items', e.data ->> 'item'];
		WHEN 'Marked' THEN
			RETURN jsonb_set(state, '{marks}', (state -> 'marks') || (e.data -> 'mark'));
		WHEN 'Replaced' THEN
			RETURN e.data;
		WHEN 'Seen' THEN
			RETURN state;
	END CASE;
END $$;
SELECT regress_help.run($$SELECT event_store.state_at('cart-1', version => 0)$$);
SELECT regress_help.run($$SELECT event_store.states_at('cart', as_of => 'infinity')$$);
SELECT regress_help.run($$SELECT event_store.history('cart-1')$$);
SELECT event_store.create_aggregate_type('cart', '{"items": {}, "marks": []}', 'regress_past.apply_cart');

-- What changed: by JSON pointer, before and after.
SELECT version FROM event_store.append_json('cart-1', $$[
	{"type": "Put", "data": {"item": "a/b", "count": 1}},
	{"type": "Put", "data": {"item": "c~d", "count": 2}},
	{"type": "Put", "data": {"item": "a/b", "count": {"of": 1.0}}},
	{"type": "Put", "data": {"item": "a/b", "count": {"of": 1.00}}},
	{"type": "Put", "data": {"item": "a/b", "count": {"of": 3, "in": [1]}}},
	{"type": "Marked", "data": {"mark": "x"}},
	{"type": "Marked", "data": {"mark": {"y": null}}},
	{"type": "Seen", "data": {}},
	{"type": "Taken", "data": {"item": "a/b"}},
	{"type": "Replaced", "data": [1, 2]},
	{"type": "Replaced", "data": [1]},
	{"type": "Replaced", "data": "all"},
	{"type": "Replaced", "data": {"": {"": 1}}},
	{"type": "Replaced", "data": {"": {"": [], "k": 1}}},
	{"type": "Replaced", "data": {"": {"": {}, "k": true}}}]$$);
SELECT version, type, changes FROM event_store.history('cart-1');
SELECT version, state FROM event_store.history('cart-1', 7, 3);
SELECT version, state = (event_store.state_at('cart-1', version => version)).state AS same
  FROM event_store.history(stream => 'cart-1', from_version => 4, max_count => 4, to_version => 5);
SELECT count(*) FROM event_store.history('cart-1', from_version => 16);
SELECT count(*) FROM event_store.history('cart-1', max_count => 0);
SELECT count(*) FROM event_store.history('cart-1', to_version => 0);
SELECT count(*) FROM event_store.history('cart-none');
SELECT h.* = ROW(e.version, e.type, e.data, h.state, h.changes, e.metadata, e.event_id, e.schema_version,
				 e.global_position, e.recorded_at, e.recorded_by)::event_store.history_entry AS as_read
  FROM event_store.history('cart-1') h JOIN event_store.read_stream('cart-1') e USING (version) WHERE version = 3;

-- At a moment.
SELECT * FROM event_store.state_at('cart-1', version => 2);
SELECT * FROM event_store.state_at('cart-1', 0);
SELECT version FROM event_store.state_at('cart-1', as_of => 'infinity');
SELECT version FROM event_store.state_at('cart-1', as_of => '-infinity');
SELECT version FROM event_store.state_at('cart-1', as_of => '2000-01-01');
SELECT version FROM event_store.state_at('cart-1', global_position => 0);
SELECT version FROM event_store.state_at('cart-1', global_position => 9223372036854775807);
SELECT * FROM event_store.state_at('cart-none', as_of => 'infinity');
SELECT * FROM event_store.state_at('cart-none', version => 0);
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.state_at('cart-1')$$,
	$$SELECT event_store.state_at('cart-1', 1, 'infinity')$$,
	$$SELECT event_store.state_at('cart-1', as_of => 'infinity', global_position => 1)$$,
	$$SELECT event_store.state_at('cart-1', 16)$$,
	$$SELECT event_store.state_at('cart-1', -1)$$,
	$$SELECT event_store.state_at('cart-1', global_position => -1)$$,
	$$SELECT event_store.state_at('cart-none', 1)$$,
	$$SELECT event_store.state_at(NULL, 1)$$,
	$$SELECT event_store.state_at('', 1)$$,
	$$SELECT event_store.states_at('cart')$$,
	$$SELECT event_store.states_at('cart', 'infinity', 1)$$,
	$$SELECT event_store.states_at(NULL, 'infinity')$$,
	$$SELECT event_store.states_at('cart-1', 'infinity')$$,
	$$SELECT event_store.states_at('cart', 'infinity', max_count => -1)$$,
	$$SELECT event_store.history(NULL)$$,
	$$SELECT event_store.history('cart-1', -1)$$,
	$$SELECT event_store.history('cart-1', max_count => -1)$$,
	$$SELECT event_store.history('cart-1', to_version => -1)$$]) q;

-- An aggregate of the past is out of date.
SELECT regress_help.run($$SELECT event_store.save(event_store.add_event(event_store.state_at('cart-1', 3), 'Seen', '{}'))$$);

-- Histories at random, of several streams at once, with snapshots here and there: at every
-- version, time and position the state is what the events up to it fold to.
CREATE AGGREGATE regress_past.cart(event_store.event) (SFUNC = regress_past.apply_cart, STYPE = jsonb, INITCOND = '{"items": {}, "marks": []}');
SELECT setseed(0.25);
SET event_store.snapshots_kept = 5;
DO $$
BEGIN
	FOR n IN 1 .. 60 LOOP
		PERFORM event_store.append_json('cart-r' || 1 + floor(random() * 3),
			(SELECT jsonb_agg(jsonb_build_object('type', (ARRAY['Put', 'Taken', 'Seen'])[1 + floor(random() * 3)],
												 'data', jsonb_build_object('item', floor(random() * 4), 'count', n)))
			   FROM generate_series(0, floor(random() * 3)::int)));
		IF random() < 0.2 THEN
			PERFORM event_store.take_snapshot('cart-r1');
		END IF;
		COMMIT; -- so that times differ
	END LOOP;
END $$;
RESET event_store.snapshots_kept;
SELECT count(*) > 20 AS many, count(*) FILTER (WHERE s.state <> x.state OR s.version <> e.version) AS wrong_by_version,
	   count(*) FILTER (WHERE p.state <> x.state OR p.version <> e.version) AS wrong_by_position,
	   count(*) FILTER (WHERE h.state <> x.state) AS wrong_in_history
  FROM event_store.list_streams('cart', max_count => NULL) l CROSS JOIN event_store.read_stream(l.stream) e
	   CROSS JOIN LATERAL (SELECT regress_past.cart(f.* ORDER BY f.version) AS state
							 FROM event_store.read_stream(l.stream, to_version => e.version) f) x
	   CROSS JOIN event_store.state_at(l.stream, version => e.version) s
	   CROSS JOIN event_store.state_at(l.stream, global_position => e.global_position) p
	   CROSS JOIN event_store.history(l.stream, e.version, 1) h
 WHERE l.stream LIKE 'cart-r%';
SELECT count(*) FILTER (WHERE s.state <> x.state OR s.version <> x.version) AS wrong_by_time
  FROM event_store.list_streams('cart', max_count => NULL) l
	   CROSS JOIN (SELECT recorded_at + d AS t FROM event_store.read_category('cart', max_count => NULL), unnest(ARRAY['-1us', '0', '1us']::interval[]) d) t
	   CROSS JOIN LATERAL (SELECT coalesce(regress_past.cart(f.* ORDER BY f.version), '{"items": {}, "marks": []}') AS state, coalesce(max(f.version), 0) AS version
							 FROM event_store.read_stream(l.stream, as_of => t.t) f) x
	   CROSS JOIN event_store.state_at(l.stream, as_of => t.t) s
 WHERE l.stream LIKE 'cart-r%';

-- A whole category, in pages.
SELECT count(*) FILTER (WHERE a IS DISTINCT FROM s) AS wrong, count(DISTINCT p.position) > 20 AS many
  FROM (SELECT global_position AS position FROM event_store.read_category('cart', max_count => NULL)) p
	   CROSS JOIN LATERAL (SELECT array_agg(a.*) AS a FROM event_store.states_at('cart', global_position => p.position) a) a
	   CROSS JOIN LATERAL (SELECT array_agg(s.* ORDER BY l.stream COLLATE "C") AS s
							 FROM event_store.list_streams('cart') l CROSS JOIN event_store.state_at(l.stream, global_position => p.position) s
							WHERE s.version > 0) s;
SELECT stream FROM event_store.states_at('cart', as_of => 'infinity', max_count => 2);
SELECT stream FROM event_store.states_at('cart', as_of => 'infinity', after_stream => 'cart-r1', max_count => NULL);
SELECT count(*) FROM event_store.states_at('cart', as_of => '-infinity');
SELECT count(*) FROM event_store.states_at('cart', as_of => 'infinity', max_count => 0);

-- Who may: readers, without rights to the tables; the function runs as the store's owner.
CREATE ROLE regress_looks_back;
SET ROLE regress_looks_back;
SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.state_at('cart-1', 1)$$, $$SELECT event_store.states_at('cart', 'infinity')$$, $$SELECT event_store.history('cart-1')$$]) q;
RESET ROLE;
SELECT event_store.grant_reader('regress_looks_back');
SET ROLE regress_looks_back;
SELECT (event_store.state_at('cart-1', 2)).state;
SELECT count(*) FROM event_store.states_at('cart', 'infinity');
SELECT count(*) FROM event_store.history('cart-1');
RESET ROLE;
SELECT event_store.revoke_reader('regress_looks_back');
DROP ROLE regress_looks_back;

-- An apply function that fails says where.
SELECT version FROM event_store.append('cart-2', 'Unknown', '{}');
SELECT event_store.state_at('cart-2', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.drop_aggregate_type('cart');
DROP SCHEMA regress_past CASCADE;
