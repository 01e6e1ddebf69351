--
-- read_all(): the whole store in global order.
--
SELECT positions AS start FROM regress_help.stored() \gset
SELECT version FROM event_store.append('read_all_a-1', 'X', '1');
SELECT version FROM event_store.append('read_all_b-1', 'Y', '2');
SELECT version FROM event_store.append('read_all_a-2', 'Y', '3');
SELECT version FROM event_store.append('read_all_c-1', 'Z', '4');
SELECT version FROM event_store.append('read_all_a-1', 'Z', '5');
SELECT version FROM event_store.append('read_all_b-2', 'X', '6');
SELECT version FROM event_store.append('read_all_c', 'X', '7');
SELECT version FROM event_store.append('read_all_a-1', 'X', '8');

SELECT global_position - :start AS place, stream, version, type, data FROM event_store.read_all(:start);
SELECT to_jsonb(r) = to_jsonb(a) AS same_row, count(*)
  FROM event_store.read_all(after_position => :start) r
  JOIN event_store.all_events a USING (global_position)
 GROUP BY 1;

-- The data tell the places, counted from the start of this test.
-- A window of positions, both bounds exclusive.
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 3);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 3, 2);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 3, before_position => :start + 6);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 3, before_position => :start + 4);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 3, before_position => :start + 2);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, before_position => 9223372036854775807);
SELECT count(*) FROM event_store.read_all(:start + 8);
\set VERBOSITY sqlstate
-- a position that the store has not come to is another store's, or a later one's
SELECT count(*) FROM event_store.read_all(:start + 1000000);
SELECT count(*) FROM event_store.read_all(9223372036854775807);
SELECT count(*) FROM event_store.read_all(9223372036854775807, max_count => 0, backwards => true);
\set VERBOSITY default
SELECT count(*) FROM event_store.read_all((SELECT last_value FROM event_store.events_global_position_seq));
SELECT count(*) FROM event_store.read_all(before_position => 0);
SELECT count(*) FROM event_store.read_all(before_position => 1);
SELECT min(global_position) > 0 AS from_the_first FROM event_store.read_all(0, 1);

-- Backwards turns the order and leaves the window as it is.
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, backwards => true);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 2, 3, backwards => true);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 2, backwards => true, before_position => :start + 6);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(max_count => 2, backwards => true);

-- Categories, merged in global order.
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, categories => '{read_all_a}');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, categories => '{read_all_c,read_all_a}');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, categories => '{read_all_c,read_all_b,read_all_a}');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, categories => '{read_all_c,read_all_b,read_all_a}', backwards => true);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 2, 3, '{read_all_b,read_all_a}');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 2, 3, '{read_all_b,read_all_a}', backwards => true, before_position => :start + 8);
-- one twice, one that is not there, a stream's name, none
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, categories => '{read_all_b,read_all_b,read_all_none}');
SELECT count(*) FROM event_store.read_all(:start, categories => '{read_all_a-1}');
SELECT count(*) FROM event_store.read_all(:start, categories => '{}');
SELECT count(*) FROM event_store.read_all(:start, categories => '{read_all_none}', max_count => 5);

-- Types, alone and of categories.
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, types => '{X}');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, types => '{Z,Y,Z}');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, types => '{Z,Y}', backwards => true, max_count => 2);
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, categories => '{read_all_a,read_all_c}', types => '{X,Y}');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start, 2, '{read_all_a,read_all_c}', '{X,Y}', true);
SELECT count(*) FROM event_store.read_all(:start, types => '{x}');
SELECT count(*) FROM event_store.read_all(:start, types => '{}');
SELECT count(*) FROM event_store.read_all(:start, categories => '{}', types => '{}');

-- NULL stands for the default; 0 is none.
SELECT count(*) FROM event_store.read_all(NULL, 0, NULL, NULL, NULL, NULL, NULL);
SELECT count(*) = (SELECT count(*) FROM event_store.events) AS all_of_them
  FROM event_store.read_all(NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT string_agg(data::text, ' ')
  FROM event_store.read_all(after_position => :start, max_count => 9223372036854775807, categories => NULL, types => NULL,
							backwards => false, before_position => NULL, raw => true);

\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT * FROM event_store.read_all(after_position => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_all(before_position => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_all(max_count => -1)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_all(categories => '{read_all_a,NULL}')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_all(types => ARRAY[NULL])$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_all(types => ARRAY[1])$$);
SELECT regress_help.refused($$SELECT * FROM event_store.read_all('first')$$);
\pset tuples_only off
\pset format aligned

-- Page by page, as a consumer does.
DO $$
DECLARE
	e event_store.event;
	seen text := '';
	page int := 0;
	place bigint := (SELECT positions FROM regress_help.stored()) - 8;
	got int;
BEGIN
	LOOP
		got := 0;
		FOR e IN SELECT * FROM event_store.read_all(place, 3, backwards => false) LOOP
			got := got + 1;
			seen := seen || ' ' || e.data::text;
			place := e.global_position;
		END LOOP;
		EXIT WHEN got = 0;
		page := page + 1;
	END LOOP;
	RAISE NOTICE '% pages:%', page, seen;
END
$$;

-- Own events are seen, rolled-back ones leave gaps.
BEGIN;
SELECT version FROM event_store.append('read_all_d-1', 'T', '9');
SAVEPOINT s;
SELECT version FROM event_store.append('read_all_d-1', 'T', '10');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 7);
ROLLBACK TO SAVEPOINT s;
SELECT version FROM event_store.append('read_all_d-1', 'T', '11');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start + 7);
COMMIT;
SELECT global_position - :start AS place, data FROM event_store.read_all(:start + 7);

-- Appends of the same statement are there, too; so is REPEATABLE READ's own.
SELECT (SELECT version FROM event_store.append('read_all_d-1', 'T', '12')) AS version,
	   (SELECT count(*) FROM event_store.read_all(:start + 8)) AS count;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM event_store.read_all(:start + 8);
SELECT version FROM event_store.append('read_all_d-1', 'T', '13');
SELECT count(*) FROM event_store.read_all(:start + 8);
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT count(*) FROM event_store.read_all(:start + 8);
COMMIT;

-- A cursor over it keeps what it read.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT data FROM event_store.read_all(:start, 4);
FETCH 2 FROM c;
FETCH ABSOLUTE 4 FROM c;
FETCH ABSOLUTE 1 FROM c;
COMMIT;

-- all_events has the same columns as the calls.
SELECT attname, format_type(atttypid, atttypmod)
  FROM pg_attribute WHERE attrelid = 'event_store.event'::regclass AND attnum > 0
EXCEPT
SELECT attname, format_type(atttypid, atttypmod)
  FROM pg_attribute WHERE attrelid = 'event_store.all_events'::regclass AND attnum > 0;
