--
-- read_category(): one category in global order.
--
SELECT positions AS start FROM regress_help.stored() \gset
SELECT version FROM event_store.append('read_category-1', 'X', '1');
SELECT version FROM event_store.append('read_category-2', 'Y', '2');
SELECT version FROM event_store.append('read_category', 'X', '3');
SELECT version FROM event_store.append('read_category!-1', 'X', '4');
SELECT version FROM event_store.append('read_categorys-1', 'X', '5');
SELECT version FROM event_store.append('read_category-1', 'Z', '6');
SELECT version FROM event_store.append('read_category-2-3', 'Y', '7');
SELECT version FROM event_store.append('read_category-', 'X', '8');

SELECT global_position - :start AS place, stream, version, type, data FROM event_store.read_category('read_category');
SELECT stream, data FROM event_store.read_category('read_category!');
SELECT stream, data FROM event_store.read_category('read_categorys');
SELECT count(*) FROM event_store.read_category('read_categor');
SELECT count(*) FROM event_store.read_category('read_category-2');
SELECT count(*) FROM event_store.read_category('none');

-- Windows, both bounds exclusive, and backwards.
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', :start + 2);
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', :start + 2, 2);
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', before_position => :start + 6);
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', :start + 1, before_position => :start + 7);
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', :start + 1, 2, :start + 7, backwards => true);
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', backwards => true);
SELECT count(*) FROM event_store.read_category('read_category', :start + 8);
\set VERBOSITY sqlstate
SELECT count(*) FROM event_store.read_category('read_category', 9223372036854775807);
\set VERBOSITY default
SELECT count(*) FROM event_store.read_category('read_category', before_position => 0);
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', before_position => 9223372036854775807);

-- Types.
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', types => '{X}');
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', types => '{Z,Y}');
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', max_count => 1, types => '{Y}', backwards => true);
SELECT count(*) FROM event_store.read_category('read_category', types => '{none}');
SELECT count(*) FROM event_store.read_category('read_category', types => '{}');

-- NULL stands for the default; 0 is none.
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT count(*) FROM event_store.read_category('read_category', max_count => 0);
SELECT string_agg(data::text, ' ')
  FROM event_store.read_category(category => 'read_category', after_position => 0, max_count => 3, before_position => NULL,
								 types => NULL, backwards => false, raw => true);

\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT * FROM event_store.read_category(NULL)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_category('')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_category('read_category', after_position => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_category('read_category', before_position => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_category('read_category', max_count => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_category('read_category', types => '{X,NULL}')$$);
\pset tuples_only off
\pset format aligned
SELECT * FROM event_store.read_category('read_category', -1);
\echo :LAST_ERROR_SQLSTATE

-- Own events, a savepoint rolled back, and a category made in it.
BEGIN;
SELECT version FROM event_store.append('read_category-1', 'Own', '9');
SAVEPOINT s;
SELECT version FROM event_store.append('read_category_new-1', 'Gone', '10');
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category_new');
ROLLBACK TO SAVEPOINT s;
SELECT count(*) FROM event_store.read_category('read_category_new');
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', :start + 6);
ROLLBACK;
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category', :start + 6);
SELECT version FROM event_store.append('read_category_new-1', 'Kept', '11');
SELECT string_agg(data::text, ' ') FROM event_store.read_category('read_category_new');
