--
-- The warehouse's contract: signatures, rights, rules, refusals, projection.
--
-- All in one transaction that is rolled back, roles included.
--
\set QUIET on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION pgtap;
CREATE EXTENSION event_store_warehouse CASCADE;

SELECT plan(175);

CREATE ROLE regress_warehouse_nobody;
CREATE ROLE regress_warehouse_clerk;
CREATE ROLE "regress_Ware House";

-- Before there is a warehouse -----------------------------------------------

SELECT throws_ok($$SELECT warehouse.receive_product('A', 1)$$, 'WH009', NULL, 'receive_product needs a warehouse');
SELECT throws_ok($$SELECT warehouse.ship_product('A', 1)$$, 'WH009', NULL, 'ship_product needs a warehouse');
SELECT throws_ok($$SELECT warehouse.adjust_inventory('A', 1, 'r')$$, 'WH009', NULL, 'adjust_inventory needs a warehouse');
SELECT throws_ok($$SELECT warehouse.quantity_on_hand('A')$$, 'WH009', NULL, 'quantity_on_hand needs a warehouse');
SELECT throws_ok($$SELECT warehouse.rebuild_stock()$$, 'WH009', NULL, 'rebuild_stock needs a warehouse');
SELECT throws_ok($$SELECT * FROM warehouse.check_stock()$$, 'WH009', NULL, 'check_stock needs a warehouse');
SELECT throws_ok($$SELECT warehouse.drop_warehouse()$$, 'WH009', NULL, 'drop_warehouse needs a warehouse');
SELECT throws_ok($$SELECT warehouse.create_warehouse(NULL)$$, '22004', NULL, 'create_warehouse: null is no answer');

-- The store comes with it, and so does the stock of events that are there ----

SELECT lives_ok($$SELECT event_store.create_store()$$, 'a store that is there already');
SELECT lives_ok($$SELECT event_store.append('warehouse_product-OLD', 'ProductReceived', '{"sku": "OLD", "quantity": 3}'::jsonb)$$,
	'has a product''s event');
SELECT lives_ok($$SELECT event_store.append('warehouse_product-OLD', 'ProductShipped', '{"sku": "OLD", "quantity": 1}'::jsonb)$$,
	'and another');
SELECT lives_ok($$SELECT event_store.append('order-1', 'OrderPlaced', '{}'::jsonb)$$, 'and one of another category');
SELECT lives_ok($$SELECT warehouse.create_warehouse()$$, 'create_warehouse()');
SELECT results_eq($$SELECT sku COLLATE "default", quantity_on_hand, version FROM warehouse.stock$$,
	$$VALUES ('OLD', 2::bigint, 2::bigint)$$, 'old events have their stock');
SELECT throws_ok($$SELECT warehouse.create_warehouse()$$, '42P07', NULL, 'a second warehouse is refused');
SELECT lives_ok($$SELECT warehouse.create_warehouse(if_not_exists => true)$$, 'unless it is expected');

-- The objects ----------------------------------------------------------------

SELECT schema_privs_are('warehouse', 'public', '{}', 'PUBLIC has nothing on the schema');
SELECT bag_eq($$SELECT p.oid::regprocedure::text
				  FROM pg_proc p WHERE p.pronamespace = 'warehouse'::regnamespace$$,
	ARRAY['warehouse.create_warehouse(boolean)',
		  'warehouse.drop_warehouse()',
		  'warehouse.receive_product(text,bigint,timestamp with time zone)',
		  'warehouse.ship_product(text,bigint,timestamp with time zone)',
		  'warehouse.adjust_inventory(text,bigint,text,timestamp with time zone)',
		  'warehouse.quantity_on_hand(text,timestamp with time zone)',
		  'warehouse.receive_product(event_store.aggregate,bigint,timestamp with time zone)',
		  'warehouse.ship_product(event_store.aggregate,bigint,timestamp with time zone)',
		  'warehouse.adjust_inventory(event_store.aggregate,bigint,text,timestamp with time zone)',
		  'warehouse.quantity_on_hand(event_store.aggregate)',
		  'warehouse.stock_at(timestamp with time zone,bigint,text,bigint)',
		  'warehouse.movements(text,timestamp with time zone,timestamp with time zone,bigint)',
		  'warehouse.apply_product(jsonb,event_store.event)',
		  'warehouse.rebuild_stock()',
		  'warehouse.check_stock()',
		  'warehouse.project_movements(event_store.event[])',
		  'warehouse.reset_movements()',
		  'warehouse.project_stock()'], 'the functions');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
				   WHERE p.pronamespace = 'warehouse'::regnamespace AND a.grantee = 0$$,
	'PUBLIC may execute none');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p
				   WHERE p.pronamespace = 'warehouse'::regnamespace AND (p.proisstrict OR p.prosecdef)$$,
	'none is strict or runs as its definer');
SELECT is_empty($$SELECT p.oid::regprocedure, n.name
					FROM pg_proc p, unnest(p.proargnames) n(name)
				   WHERE p.pronamespace = 'warehouse'::regnamespace AND quote_ident(n.name) <> n.name$$,
	'no parameter needs quotes');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p
				   WHERE p.pronamespace = 'warehouse'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL$$,
	'every function has a comment');
SELECT is_empty($$SELECT a.attname FROM pg_attribute a
				   WHERE a.attrelid IN ('warehouse.stock'::regclass, 'warehouse.movements_by_day'::regclass) AND a.attnum > 0
					 AND (col_description(a.attrelid, a.attnum) IS NULL OR NOT a.attnotnull
						  OR quote_ident(a.attname) <> a.attname)$$,
	'every column has a comment, is not null and needs no quotes');
SELECT is_empty($$SELECT d.objid::regclass FROM pg_depend d
				   WHERE d.classid = 'pg_class'::regclass AND d.objid = 'warehouse.stock'::regclass AND d.deptype = 'e'$$,
	'the stock is no member of the extension');
SELECT columns_are('warehouse', 'stock', ARRAY['sku', 'quantity_on_hand', 'version', 'global_position', 'updated_at']);
SELECT col_is_pk('warehouse', 'stock', 'sku', 'one row a product');
SELECT columns_are('warehouse', 'movements_by_day', ARRAY['sku', 'day', 'received', 'shipped', 'adjusted', 'movements', 'quantity_on_hand']);
SELECT col_is_pk('warehouse', 'movements_by_day', ARRAY['sku', 'day'], 'one row a product and day');
SELECT trigger_is('event_store', 'events', 'warehouse_stock', 'warehouse', 'project_stock');
SELECT throws_ok('DROP EXTENSION event_store_warehouse', '2BP01', NULL, 'the extension stays while the warehouse stands');

-- The rules, in named notation -----------------------------------------------

SELECT is(warehouse.receive_product(sku => 'A', quantity => 10, date_time => now()), 10::bigint, 'receive 10');
SELECT is(warehouse.ship_product(sku => 'A', quantity => 2, date_time => now()), 8::bigint, 'ship 2');
SELECT is(warehouse.adjust_inventory(sku => 'A', quantity => 5, reason => 'cycle count', date_time => now()), 5::bigint, 'adjust to 5');
SELECT is(warehouse.quantity_on_hand(sku => 'A', as_of => NULL), 5::bigint, '5 on hand');
SELECT is(warehouse.quantity_on_hand('nothing'), 0::bigint, 'an unknown product has 0');
SELECT results_eq($$SELECT type, data - 'date_time' FROM event_store.read_stream('warehouse_product-A')$$,
	$$VALUES ('ProductReceived', '{"sku": "A", "quantity": 10}'::jsonb),
			 ('ProductShipped', '{"sku": "A", "quantity": 2}'),
			 ('InventoryAdjusted', '{"sku": "A", "quantity": 5, "reason": "cycle count"}')$$, 'the history');
SELECT is(warehouse.adjust_inventory('A', 0, 'lost'), 0::bigint, 'adjust to 0');
SELECT is(warehouse.receive_product('A', 5), 5::bigint, 'receive 5');
SELECT is(warehouse.ship_product('A', 5), 0::bigint, 'ship the last');

SELECT throws_ok($$SELECT warehouse.ship_product('A', 1)$$, 'WH001', 'not enough of product "A" on hand', 'nothing left to ship');
SELECT throws_ok($$SELECT warehouse.ship_product('nothing', 1)$$, 'WH001', NULL, 'nothing of an unknown product');
SELECT throws_ok($$SELECT warehouse.ship_product('A', 9223372036854775807)$$, 'WH001', NULL, 'far too much to ship');
SELECT throws_ok(format('SELECT warehouse.%s', c), 'WH002', NULL, c)
  FROM unnest(ARRAY['receive_product(''A'', 0)', 'receive_product(''A'', -1)', 'receive_product(''A'', NULL)',
					'receive_product(''A'', -9223372036854775808)',
					'ship_product(''A'', 0)', 'ship_product(''A'', -1)', 'ship_product(''A'', NULL)',
					'adjust_inventory(''A'', -1, ''r'')', 'adjust_inventory(''A'', NULL, ''r'')']) c;
SELECT throws_ok(format('SELECT warehouse.%s', c), 'WH003', NULL, c)
  FROM unnest(ARRAY['receive_product('''', 1)', 'receive_product(NULL, 1)', 'ship_product('''', 1)',
					'ship_product(NULL, 1)', 'adjust_inventory('''', 1, ''r'')', 'adjust_inventory(NULL, 1, ''r'')',
					'quantity_on_hand('''')', 'quantity_on_hand(NULL)',
					'receive_product(repeat(''x'', 1007), 1)', 'quantity_on_hand(repeat(''ü'', 504))']) c;
SELECT throws_ok(format('SELECT warehouse.%s', c), 'WH004', NULL, c)
  FROM unnest(ARRAY['adjust_inventory(''A'', 1, NULL)', 'adjust_inventory(''A'', 1, '''')',
					'adjust_inventory(''A'', 1, E''\t \n'')']) c;
SELECT throws_ok(format('SELECT warehouse.%s', c), 'WH005', NULL, c)
  FROM unnest(ARRAY['receive_product(''A'', 1, NULL)', 'ship_product(''A'', 1, NULL)',
					'adjust_inventory(''A'', 1, ''r'', NULL)', 'receive_product(''A'', 1, ''infinity'')',
					'receive_product(''A'', 1, ''-infinity'')']) c;
SELECT lives_ok($$SELECT warehouse.receive_product('MANY', 9223372036854775807)$$, 'as many as a bigint counts');
SELECT throws_ok($$SELECT warehouse.receive_product('MANY', 1)$$, 'WH006', NULL, 'and not one more');
SELECT is(event_store.stream_version('warehouse_product-A'), 6::bigint, 'of the refused nothing is stored');
SELECT is(warehouse.receive_product(repeat('x', 1006), 1), 1::bigint, 'the longest sku');
SELECT is(warehouse.receive_product('A-B - "C" ''ü''', 1), 1::bigint, 'a sku of odd characters');
SELECT throws_ok($$SELECT warehouse.ship_product('A')$$, '42883', NULL, 'a quantity must be given');

-- date_time and as_of ----------------------------------------------------------

SET LOCAL timezone = 'America/St_Johns';
SELECT is(warehouse.receive_product('T', 1, '2026-07-01 00:00:00.5+02'), 1::bigint, 'a given date_time');
SELECT is((SELECT data ->> 'date_time' FROM event_store.last_event('warehouse_product-T')),
	'2026-06-30T22:00:00.5+00:00', 'is ISO 8601 in UTC');
SET LOCAL timezone = 'UTC';
SELECT is(warehouse.receive_product('T', 4), 5::bigint, 'one more event');
SELECT is(warehouse.quantity_on_hand('T', e.recorded_at), CASE e.version WHEN 1 THEN 1 ELSE 5 END::bigint, 'as of event ' || e.version)
  FROM event_store.read_stream('warehouse_product-T') e;
SELECT is(warehouse.quantity_on_hand('T', min(e.recorded_at) - interval '1 us'), 0::bigint, 'before the first')
  FROM event_store.read_stream('warehouse_product-T') e;
SELECT is(warehouse.quantity_on_hand('T', 'infinity'), 5::bigint, 'at the end of time');
SELECT is(warehouse.quantity_on_hand('T', '-infinity'), 0::bigint, 'and before it');

-- Several commands in one statement, savepoints ---------------------------------

SELECT results_eq($$SELECT warehouse.receive_product('S', 2), warehouse.ship_product('S', 1), warehouse.ship_product('S', 1)$$,
	$$VALUES (2::bigint, 1::bigint, 0::bigint)$$, 'three commands in one statement');
SELECT throws_ok($$SELECT warehouse.receive_product('S', 1), warehouse.ship_product('S', 2)$$, 'WH001', NULL,
	'one refused takes the whole statement with it');
SELECT results_eq($$SELECT quantity_on_hand, version FROM warehouse.stock WHERE sku = 'S'$$,
	$$VALUES (0::bigint, 3::bigint)$$, 'stock and version after it');
SAVEPOINT before;
SELECT is(warehouse.receive_product('S', 7), 7::bigint, 'in a savepoint');
ROLLBACK TO before;
SELECT is(warehouse.receive_product('S', 1), 1::bigint, 'which was rolled back');
SELECT results_eq($$SELECT quantity_on_hand, version FROM warehouse.stock WHERE sku = 'S'$$,
	$$VALUES (1::bigint, 4::bigint)$$, 'and the stock with it');

-- Appending without the warehouse's calls ----------------------------------------

SELECT lives_ok($$SELECT event_store.append('warehouse_product-P', 'ProductReceived', '{"sku": "P", "quantity": 4}'::jsonb)$$,
	'append() of a product''s event');
SELECT lives_ok($$SELECT event_store.append_json('warehouse_product-P',
	'[{"type": "ProductShipped", "data": {"sku": "P", "quantity": 1}},
	  {"type": "InventoryAdjusted", "data": {"sku": "P", "quantity": 9, "reason": "found"}},
	  {"type": "ProductReceived", "data": {"sku": "P", "quantity": 2}}]')$$, 'append_json() of three');
SELECT results_eq($$SELECT quantity_on_hand, version FROM warehouse.stock WHERE sku = 'P'$$,
	$$VALUES (11::bigint, 4::bigint)$$, 'both moved the stock');
SELECT lives_ok($$SELECT * FROM event_store.append_streams(
	'[{"stream": "warehouse_product-Q", "expected_version": -2, "events": [{"type": "ProductReceived", "data": {"sku": "Q", "quantity": 1}},
												   {"type": "ProductReceived", "data": {"sku": "Q", "quantity": 1}}]},
	  {"stream": "warehouse_product-P", "expected_version": -2, "events": [{"type": "ProductShipped", "data": {"sku": "P", "quantity": 11}}]}]')$$,
	'append_streams() to two products');
SELECT results_eq($$SELECT sku COLLATE "default", quantity_on_hand, version FROM warehouse.stock WHERE sku IN ('P', 'Q') ORDER BY sku$$,
	$$VALUES ('P', 0::bigint, 5::bigint), ('Q', 2, 2)$$, 'moved both');
SELECT throws_ok(format('SELECT event_store.append(%L, %L, %L::jsonb)', 'warehouse_product-P', type, data), code, NULL, type || ' ' || data)
  FROM (VALUES ('ProductShipped', '{"sku": "P", "quantity": 1}', 'WH001'),
			   ('ProductReceived', '{"sku": "P", "quantity": 0}', 'WH002'),
			   ('InventoryAdjusted', '{"sku": "P", "quantity": -1, "reason": "r"}', 'WH002'),
			   ('Sold', '{"sku": "P", "quantity": 1}', 'WH007'),
			   ('ProductReceived', '{"sku": "P", "quantity": 1.5}', 'WH008'),
			   ('ProductReceived', '{"sku": "P"}', 'WH008'),
			   ('ProductReceived', '{"sku": "Q", "quantity": 1}', 'WH008'),
			   ('ProductReceived', '[]', 'WH008'),
			   ('InventoryAdjusted', '{"sku": "P", "quantity": 1}', 'WH008')) e(type, data, code);
SELECT is(event_store.stream_version('warehouse_product-P'), 5::bigint, 'of which nothing is stored');

-- The events of a transaction in which the stock could not be kept ------------------

SELECT is_empty('SELECT * FROM warehouse.check_stock()', 'so far the stock is what the events say');
UPDATE warehouse.stock SET quantity_on_hand = 1000 WHERE sku = 'P';
UPDATE warehouse.stock SET version = 1, quantity_on_hand = 100 WHERE sku = 'Q';
UPDATE warehouse.stock SET updated_at = 'epoch' WHERE sku = 'S';
DELETE FROM warehouse.stock WHERE sku = 'T';
INSERT INTO warehouse.stock VALUES ('ghost', 1, 1, 1, now());
SELECT results_eq($$SELECT sku, projected_quantity, projected_version, folded_quantity, folded_version FROM warehouse.check_stock()$$,
	$$VALUES ('P', 1000::bigint, 5::bigint, 0::bigint, 5::bigint), ('Q', 100, 1, 2, 2), ('S', 1, 4, 1, 4),
			 ('T', NULL, NULL, 5, 2), ('ghost', 1, 1, NULL, NULL)$$, 'check_stock() finds what somebody changed');
SELECT is(warehouse.receive_product('T', 1), 6::bigint, 'a missing row');
SELECT is(warehouse.receive_product('Q', 1), 3::bigint, 'and one left behind');
SELECT is(warehouse.quantity_on_hand('P'), 0::bigint, 'do not change what the events say');
SELECT results_eq('SELECT sku FROM warehouse.check_stock()', ARRAY['P', 'S', 'ghost'], 'and are put right by the next event');
SELECT is(warehouse.rebuild_stock(), (SELECT count(DISTINCT s.stream) FROM event_store.list_streams('warehouse_product') s),
	'rebuild_stock() makes a row a product');
SELECT is_empty('SELECT * FROM warehouse.check_stock()', 'and leaves no difference');
UPDATE warehouse.stock SET quantity_on_hand = 1 WHERE sku = 'T';
SELECT is(warehouse.ship_product('T', 3), 3::bigint, 'a row that knows too little refuses nothing');
SELECT is_empty('SELECT * FROM warehouse.check_stock()', 'and is put right');

-- Many ---------------------------------------------------------------------------

SELECT is((event_store.append_json('warehouse_product-LONG',
		   (SELECT jsonb_agg(jsonb_build_object('type', 'ProductReceived', 'data', jsonb_build_object('sku', 'LONG', 'quantity', n)) ORDER BY n)
			  FROM generate_series(1, 1000) n))).version, 1000::bigint, 'a thousand events in one append');
SELECT results_eq($$SELECT quantity_on_hand, version FROM warehouse.stock WHERE sku = 'LONG'$$,
	$$VALUES (500500::bigint, 1000::bigint)$$, 'count');
SELECT is(max(warehouse.ship_product('LONG', 1) + n), 500500::bigint, 'a hundred commands in one statement')
  FROM generate_series(1, 100) n;
SELECT is(count(warehouse.receive_product('MANY-' || n, n)), 2500::bigint, 'thousands of products') FROM generate_series(1, 2500) n;
SELECT is(warehouse.rebuild_stock(), (SELECT count(DISTINCT s.stream) FROM event_store.list_streams('warehouse_product') s),
	'are rebuilt');
SELECT is_empty('SELECT * FROM warehouse.check_stock()', 'and checked');

-- Events that arrive by COPY: a restore brings their stock, too -------------------

SAVEPOINT copied;
COPY event_store.events (global_position, stream_id, version, category_id, recorded_at, schema_version, event_id, type, data, metadata) FROM stdin;
1000000	1	3	1	2026-01-01 00:00:00+00	1	00000000-0000-7000-8000-000000000001	ProductReceived	{"sku": "OLD", "quantity": 5}	{}
1000001	1000001	1	1	2026-01-01 00:00:00+00	1	00000000-0000-7000-8000-000000000002	ProductReceived	{"sku": "LATER", "quantity": 5}	{}
\.
SELECT results_eq('SELECT sku, projected_quantity, folded_quantity FROM warehouse.check_stock()',
	$$VALUES ('OLD', 2::bigint, 7::bigint)$$, 'copied events do not move the stock');
SELECT is(warehouse.rebuild_stock(), (SELECT count(*) FROM warehouse.stock), 'until it is rebuilt');
SELECT is_empty('SELECT * FROM warehouse.check_stock()', 'which counts them');
ROLLBACK TO copied;

-- Rights -------------------------------------------------------------------------

SELECT is_empty($$SELECT f FROM unnest(ARRAY['create_warehouse(boolean)', 'drop_warehouse()', 'receive_product(text,bigint,timestamptz)',
		'ship_product(text,bigint,timestamptz)', 'adjust_inventory(text,bigint,text,timestamptz)',
		'quantity_on_hand(text,timestamptz)', 'rebuild_stock()', 'check_stock()', 'project_stock()', 'project_movements(event_store.event[])', 'reset_movements()']) f
	WHERE has_function_privilege('regress_warehouse_nobody', 'warehouse.' || f, 'EXECUTE')$$, 'a role has nothing by itself');
SELECT table_privs_are('warehouse', 'stock', 'regress_warehouse_nobody', '{}', 'nothing on the stock');
SELECT table_privs_are('warehouse', 'movements_by_day', 'regress_warehouse_nobody', '{}', 'nothing on the movements');
SELECT schema_privs_are('warehouse', 'regress_warehouse_nobody', '{}', 'nor on the schema');
GRANT USAGE ON SCHEMA warehouse TO regress_warehouse_clerk, regress_warehouse_nobody;
GRANT EXECUTE ON FUNCTION warehouse.receive_product(text, bigint, timestamptz) TO regress_warehouse_clerk;
GRANT EXECUTE ON FUNCTION warehouse.create_warehouse, warehouse.rebuild_stock, warehouse.check_stock TO regress_warehouse_clerk;
SET LOCAL ROLE regress_warehouse_nobody;
SELECT throws_ok($$SELECT warehouse.receive_product('A', 1)$$, '42501', NULL, 'nobody may not receive');
SELECT throws_ok($$SELECT * FROM warehouse.stock$$, '42501', NULL, 'nor look');
SET LOCAL ROLE regress_warehouse_clerk;
SELECT is(warehouse.receive_product('CLERK', 3), 3::bigint, 'EXECUTE is all that a clerk needs to receive');
SELECT throws_ok($$SELECT warehouse.ship_product('CLERK', 1)$$, '42501', NULL, 'but not to ship');
SELECT throws_ok($$SELECT * FROM warehouse.stock$$, '42501', NULL, 'nor to look');
SELECT throws_ok($$SELECT event_store.append('warehouse_product-CLERK', 'ProductReceived', '{}')$$, '42501', NULL, 'nor to append');
SELECT throws_ok($$SELECT warehouse.create_warehouse(true)$$, '42501', NULL, 'a warehouse is made by an owner');
SELECT throws_ok($$SELECT warehouse.rebuild_stock()$$, '42501', NULL, 'and the stock rebuilt by its owner');
SELECT is_empty('SELECT * FROM warehouse.check_stock()', 'while EXECUTE is enough to check it');
RESET ROLE;
CREATE TABLE public.seen (sku text, role_name text, path text);
CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.seen VALUES (NEW.sku, current_user, current_setting('search_path'));
	RETURN NULL;
END
$$;
CREATE TRIGGER see AFTER INSERT OR UPDATE ON warehouse.stock FOR EACH ROW EXECUTE FUNCTION public.see();
SET LOCAL ROLE regress_warehouse_clerk;
SET LOCAL search_path = pg_temp, public, pg_catalog;
SELECT is(warehouse.receive_product('CLERK', 1), 4::bigint, 'the clerk receives again');
SELECT is(current_setting('search_path'), 'pg_temp, public, pg_catalog', 'with a search_path of their own');
SELECT is(current_user::text, 'regress_warehouse_clerk', 'and is the same role after it');
RESET ROLE;
RESET search_path;
SELECT results_eq('SELECT sku, role_name, path FROM public.seen',
	$$VALUES ('CLERK', session_user::text COLLATE "default", 'pg_catalog, pg_temp')$$, 'the stock''s own triggers run as its owner, with a pinned search_path');
SELECT results_eq($$SELECT quantity_on_hand, version FROM warehouse.stock WHERE sku = 'CLERK'$$,
	$$VALUES (4::bigint, 2::bigint)$$, 'the clerk''s receipts are in the stock');
SELECT is((SELECT recorded_by FROM event_store.last_event('warehouse_product-CLERK')), 'regress_warehouse_clerk', 'under their name');

-- The end, and the start over ------------------------------------------------------

SELECT lives_ok('SELECT warehouse.drop_warehouse()', 'drop_warehouse()');
SELECT hasnt_table('warehouse'::name, 'stock'::name);
SELECT hasnt_trigger('event_store', 'events', 'warehouse_stock', 'no trigger either');
SELECT throws_ok($$SELECT warehouse.receive_product('A', 1)$$, 'WH009', NULL, 'no warehouse, no commands');
SELECT lives_ok($$SELECT event_store.append('warehouse_product-A', 'ProductReceived', '{"sku": "A", "quantity": 1}'::jsonb)$$,
	'the events are the store''s');
SELECT lives_ok('SELECT warehouse.create_warehouse()', 'create_warehouse() again');
SELECT is_empty('SELECT * FROM warehouse.check_stock()', 'counts them all');
SELECT is(warehouse.ship_product('A', 1), 0::bigint, 'and goes on');
SAVEPOINT complete;
DROP TRIGGER warehouse_stock ON event_store.events;
SELECT throws_ok($$SELECT warehouse.receive_product('A', 1)$$, '55000', NULL, 'a command refuses to go past the stock');
ROLLBACK TO complete;
SELECT throws_ok('SELECT event_store.drop_store(with_events => true)', '55000', NULL, 'the store stays while the stock is kept from it');

-- A database's owner who is no superuser ---------------------------------------------

SELECT lives_ok('SELECT warehouse.drop_warehouse()', 'the warehouse goes');
SELECT lives_ok('SELECT event_store.drop_store(with_events => true)', 'with all its events');
SELECT lives_ok('DROP EXTENSION event_store_warehouse, event_store', 'and the extensions');
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO "regress_Ware House"', current_database()); END $$;
SET LOCAL ROLE "regress_Ware House";
SELECT lives_ok('CREATE EXTENSION event_store_warehouse CASCADE', 'the owner of a database installs the extensions');
SELECT throws_ok($$SELECT warehouse.receive_product('A', 1)$$, 'WH009', NULL, 'and first creates the warehouse');
SELECT lives_ok('SELECT warehouse.create_warehouse()', 'until there is a warehouse');
SELECT is(warehouse.receive_product('A', 3), 3::bigint, 'receives');
SELECT is(warehouse.ship_product('A', 1), 2::bigint, 'ships');
SELECT is(warehouse.adjust_inventory('A', 7, 'count'), 7::bigint, 'adjusts');
SELECT is(warehouse.quantity_on_hand('A'), 7::bigint, 'asks');
SELECT results_eq('SELECT quantity_on_hand FROM warehouse.stock', ARRAY[7::bigint], 'looks');
SELECT is(warehouse.rebuild_stock(), 1::bigint, 'rebuilds');
SELECT is_empty('SELECT * FROM warehouse.check_stock()', 'checks');
SELECT lives_ok('SELECT warehouse.create_warehouse(true)', 'creates again what is there');
SELECT lives_ok('GRANT USAGE ON SCHEMA warehouse TO regress_warehouse_clerk', 'lets others in');
SELECT lives_ok('GRANT EXECUTE ON FUNCTION warehouse.ship_product(text, bigint, timestamptz) TO regress_warehouse_clerk', 'and do what the owner does');
SELECT is_empty($$SELECT p.oid::regprocedure
					FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
				   WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
					 AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'event_store_warehouse')
					 AND NOT has_function_privilege(p.oid, 'EXECUTE WITH GRANT OPTION')$$, 'whatever it is');
SELECT is((SELECT relowner::regrole::text FROM pg_class WHERE oid = 'warehouse.stock'::regclass),
	'"regress_Ware House"', 'the stock is the owner''s');
RESET ROLE;
SET LOCAL ROLE regress_warehouse_clerk;
SELECT is(warehouse.ship_product('A', 7), 0::bigint, 'a clerk ships the last');
SELECT throws_ok($$SELECT warehouse.ship_product('A', 1)$$, 'WH001', NULL, 'and no more');
RESET ROLE;
SELECT lives_ok('SELECT warehouse.create_warehouse(true)', 'a superuser finds a warehouse');
SELECT is(warehouse.receive_product('A', 1), 1::bigint, 'of another, and uses it');
SELECT is(warehouse.rebuild_stock(), 1::bigint, 'and rebuilds it');

SELECT * FROM finish();
ROLLBACK;
