--
-- create_store(type_index => true): reads by type go by an index, and give
-- what they give without it.
--
SELECT current_database() AS regress_database \gset
CREATE DATABASE regression_event_store_types TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
\c regression_event_store_types
CREATE EXTENSION event_store;
SELECT event_store.create_store(type_index => true);
SELECT indexname FROM pg_indexes WHERE schemaname = 'event_store' AND tablename = 'events' ORDER BY 1;
SELECT count(*) FROM generate_series(1, 300) n,
	   LATERAL event_store.append('types_' || n % 7 || '-' || n % 3, 'Type' || n % 5, to_jsonb(n));

-- Positions are those of the data here.
SELECT bool_and(global_position = data::bigint) FROM event_store.read_all();
SELECT string_agg(data::text, ' ') FROM event_store.read_all(types => '{Type3}', max_count => 5);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(types => '{Type3,Type1,Type3}', max_count => 5);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(100, types => '{Type0,Type4,none}', max_count => 5);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(types => '{Type3,Type1}', max_count => 5, backwards => true);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(100, types => '{Type3,Type1}', before_position => 110);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(100, types => '{Type3,Type1}', before_position => 110, backwards => true);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(types => '{Type3}', categories => '{types_1,types_2}', max_count => 5);
SELECT string_agg(data::text, ' ') FROM event_store.read_category('types_1', types => '{Type3,Type4}', max_count => 5);
SELECT count(*) FROM event_store.read_all(types => '{}');
SELECT count(*) FROM event_store.read_all(types => '{none}');

-- The index is used, and can be dropped and made again at any time.
CREATE TEMP TABLE regress_answers AS
SELECT q.types, q.backwards, array_agg(r.global_position) AS answer
  FROM (VALUES ('{Type0}'::text[], false), ('{Type0,Type2,Type4}', false), ('{Type1,Type2}', true), ('{Type0,Type1,Type2,Type3,Type4}', true)) q(types, backwards),
	   LATERAL event_store.read_all(types => q.types, backwards => q.backwards) r
 GROUP BY 1, 2;
SELECT types, backwards, array_length(answer, 1) FROM regress_answers ORDER BY 1, 2;
BEGIN;
DROP INDEX event_store.events_pkey;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
DROP INDEX event_store.events_type_global_position_idx;
SELECT count(*) AS same
  FROM regress_answers a
 WHERE a.answer = (SELECT array_agg(global_position) FROM event_store.read_all(types => a.types, backwards => a.backwards));
CREATE INDEX regress_by_type ON event_store.events (type, global_position);
SELECT count(*) AS same
  FROM regress_answers a
 WHERE a.answer = (SELECT array_agg(global_position) FROM event_store.read_all(types => a.types, backwards => a.backwards));

-- Own events, rolled-back ones, and the safe position hold for it as well.
BEGIN;
SELECT version FROM event_store.append('types_x-1', 'Type9', '301');
SAVEPOINT s;
SELECT version FROM event_store.append('types_x-1', 'Type9', '302');
ROLLBACK TO SAVEPOINT s;
SELECT string_agg(data::text, ' ') FROM event_store.read_all(types => '{Type9}');
PREPARE TRANSACTION 'regress_type_index';
SELECT version FROM event_store.append('types_y-1', 'Type9', '303');
SELECT count(*) FROM event_store.read_all(types => '{Type9}');
COMMIT PREPARED 'regress_type_index';
SELECT string_agg(data::text, ' ') FROM event_store.read_all(types => '{Type9}');

\c :regress_database
DROP DATABASE regression_event_store_types;
