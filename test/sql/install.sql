--
-- Installing both extensions, creating the store, and what is there before
-- and after.  The other tests use what this one leaves, the helpers too.
--
CREATE SCHEMA regress_help;
GRANT USAGE ON SCHEMA regress_help TO PUBLIC;

-- Runs a statement that must fail and tells how: SQLSTATE, message, and
-- detail, hint and context where there are any.
CREATE FUNCTION regress_help.run(statement text)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	code text;
	message text;
	detail text;
	hint text;
	context text;
BEGIN
	EXECUTE statement;
	RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE,
		message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT,
		context = PG_EXCEPTION_CONTEXT;

	-- what PL/pgSQL and SPI add is not ours
	context := (SELECT string_agg(line, ', ' ORDER BY n)
				  FROM string_to_table(context, E'\n') WITH ORDINALITY t(line, n)
				 WHERE line ~ '^(event|element|setting) ');
	RETURN concat_ws(' | ', code || ': ' || message, 'detail: ' || nullif(detail, ''),
					 'hint: ' || nullif(hint, ''), 'context: ' || context);
END
$$;

-- What the store holds: the last position drawn, and the newest of its rows,
-- whose keys ascend.
CREATE FUNCTION regress_help.stored(OUT positions bigint, OUT newest bigint[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF to_regclass('event_store.events') IS NULL THEN
		RETURN;
	END IF;
	SELECT CASE WHEN is_called THEN last_value ELSE 0 END
	  INTO positions FROM event_store.events_global_position_seq;
	newest := ARRAY[(SELECT max(global_position) FROM event_store.events),
					(SELECT max(stream_id) FROM event_store.streams),
					(SELECT max(category_id) FROM event_store.categories),
					(SELECT count(*) FROM event_store.snapshots)];
END
$$;

-- As run(), and tells when the statement left something behind.
CREATE FUNCTION regress_help.refused(statement text)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	before record := regress_help.stored();
	answer text := regress_help.run(statement);
	after record := regress_help.stored();
BEGIN
	IF after.newest IS DISTINCT FROM before.newest THEN
		answer := answer || ' | SOMETHING WAS STORED';
	END IF;
	IF after.positions IS DISTINCT FROM before.positions THEN
		answer := answer || ' | positions drawn: ' || after.positions - before.positions;
	END IF;
	RETURN answer;
END
$$;

-- A schema that someone made beforehand is not adopted.
CREATE SCHEMA event_store;
\set VERBOSITY terse
CREATE EXTENSION event_store;
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE
DROP SCHEMA event_store;
CREATE EXTENSION event_store_warehouse;
\echo :LAST_ERROR_SQLSTATE
SELECT extname FROM pg_extension WHERE extname LIKE 'event\_store%' ORDER BY extname COLLATE "C";

SET client_min_messages = warning;
CREATE EXTENSION event_store_warehouse CASCADE;
RESET client_min_messages;
SELECT extname, extnamespace::regnamespace, extrelocatable
  FROM pg_extension WHERE extname LIKE 'event\_store%' ORDER BY extname COLLATE "C";

-- The extension is code and types only.
SELECT c.relkind, c.relname
  FROM pg_class c
 WHERE c.relnamespace = 'event_store'::regnamespace
 ORDER BY c.relkind, c.relname COLLATE "C";

-- Every call says that there is no store, and how to make one.
\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT event_store.append('a-1', 'T', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append_events('a-1', ARRAY[event_store.new_event('T', '{}')])$$);
SELECT regress_help.refused($$SELECT event_store.append_json('a-1', '[{"type": "T", "data": {}}]')$$);
SELECT regress_help.refused($$SELECT event_store.append_streams('[{"stream": "a-1", "expected_version": -2, "events": [{"type": "T", "data": {}}]}]')$$);
SELECT regress_help.refused($$SELECT event_store.lock_store()$$);
SELECT regress_help.refused($$SELECT event_store.read_stream('a-1')$$);
SELECT regress_help.refused($$SELECT event_store.read_category('a')$$);
SELECT regress_help.refused($$SELECT event_store.read_all()$$);
SELECT regress_help.refused($$SELECT event_store.read_all(max_count => 0)$$);
SELECT regress_help.refused($$SELECT event_store.last_event('a-1')$$);
SELECT regress_help.refused($$SELECT event_store.list_streams()$$);
SELECT regress_help.refused($$SELECT event_store.stream_version('a-1')$$);
SELECT regress_help.refused($$SELECT event_store.safe_position()$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('a-1', 1, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.latest_snapshot('a-1')$$);
SELECT regress_help.refused($$SELECT event_store.grant_reader(CURRENT_USER)$$);
SELECT regress_help.refused($$SELECT event_store.grant_writer(CURRENT_USER)$$);
SELECT regress_help.refused($$SELECT event_store.revoke_reader(CURRENT_USER)$$);
SELECT regress_help.refused($$SELECT event_store.revoke_writer(CURRENT_USER)$$);
SELECT regress_help.refused($$SELECT event_store.drop_store()$$);
\pset tuples_only off
\pset format aligned

-- What needs no store works.
SELECT event_store.any_version(), event_store.no_stream(), event_store.stream_exists();
SELECT * FROM event_store.new_event('T', '{}');
SELECT * FROM event_store.in_flight;
SHOW event_store.metadata;
SHOW event_store.snapshots_kept;
SET event_store.unknown = 1;
\echo :LAST_ERROR_SQLSTATE

-- A rolled-back store is none, and this session has not kept it in mind.
BEGIN;
SELECT event_store.create_store();
SELECT version FROM event_store.append('a-1', 'T', '{}');
ROLLBACK;
SELECT event_store.stream_version('a-1');
\echo :LAST_ERROR_SQLSTATE

SELECT event_store.create_store();
SELECT event_store.stream_version('a-1'), event_store.safe_position();
SELECT count(*) FROM event_store.read_all();

-- A second store is refused, or passed over where that is asked for.
SELECT event_store.create_store();
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.create_store(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.create_store(true, NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT event_store.create_store(if_not_exists => true);
SELECT event_store.create_store(if_not_exists => true, type_index => true);
SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('event_store.events_type_global_position_idx');
SELECT event_store.create_store(if_not_exists => true, type_index => true);
DROP INDEX event_store.events_type_global_position_idx;
SELECT warehouse.create_warehouse();

-- What create_store() made, none of it a member of an extension.
SELECT c.relkind, c.relname, c.relowner = CURRENT_USER::regrole AS ours,
	   (SELECT count(*) FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) AS grantees,
	   EXISTS (SELECT FROM pg_depend d
				WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
				  AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e') AS member
  FROM pg_class c
 WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind <> 'c'
 ORDER BY c.relkind, c.relname COLLATE "C";

-- All that is a member of event_store: no table, nor anything that has rows.
SELECT d.classid::regclass, c.relkind, count(*)
  FROM pg_depend d
  LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'event_store')
   AND (c.relkind IS NOT NULL OR d.classid = 'pg_namespace'::regclass)
 GROUP BY 1, 2 ORDER BY 1, 2;

-- What position.c relies on.
SELECT data_type, start_value, min_value, max_value, increment_by, cycle, cache_size
  FROM pg_sequences WHERE schemaname = 'event_store';
