--
-- Rights: nobody has any by default; readers and writers have EXECUTE on calls
-- and SELECT on views, and nothing on the tables.
--
CREATE ROLE regress_nobody;
CREATE ROLE regress_reader;
CREATE ROLE regress_writer;
CREATE ROLE "regress_odd ""role"";";
SELECT version FROM event_store.append('rights-1', 'T', '{}');

-- What a role may do, call by call: * where it may.
CREATE FUNCTION regress_help.rights(role_name text)
RETURNS TABLE (call text, allowed text) LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role_name);
	FOREACH call IN ARRAY ARRAY[
		'event_store.append(''rights-1'', ''T'', ''{}'')',
		'event_store.append_events(''rights-1'', ARRAY[ROW(''T'', ''{}'', NULL, NULL, NULL)]::event_store.new_event[])',
		'event_store.append_json(''rights-1'', ''[{"type": "T", "data": {}}]'')',
		'event_store.append_streams(''[{"stream": "rights-1", "expected_version": -2, "events": [{"type": "T", "data": {}}]}]'')',
		'event_store.new_event(''T'', ''{}'')',
		'event_store.any_version()', 'event_store.no_stream()', 'event_store.stream_exists()',
		'event_store.lock_store()',
		'event_store.save_snapshot(''rights-1'', 1, ''{}'')',
		'event_store.read_stream(''rights-1'')', 'event_store.read_category(''rights'')', 'event_store.read_all(max_count => 1)',
		'event_store.last_event(''rights-1'')', 'event_store.list_streams(''rights'')', 'event_store.stream_version(''rights-1'')',
		'event_store.safe_position()', 'event_store.latest_snapshot(''rights-1'')',
		'event_store.create_store()', 'event_store.create_store(if_not_exists => true)', 'event_store.drop_store()',
		'event_store.grant_reader(''regress_nobody'')', 'event_store.grant_writer(''regress_nobody'')',
		'event_store.revoke_reader(''regress_nobody'')', 'event_store.revoke_writer(''regress_nobody'')',
		'event_store.refuse_insert()',
		'event_store.all_events', 'event_store.in_flight',
		'event_store.events', 'event_store.streams', 'event_store.categories', 'event_store.snapshots',
		'event_store.events_global_position_seq']
	LOOP
		allowed := regress_help.run('SELECT count(*) FROM ' || call);
		allowed := CASE WHEN allowed = 'not refused' THEN '*' ELSE allowed END;
		call := regexp_replace(call, '^event_store\.([a-z_]+\(?).*', '\1');
		RETURN NEXT;
	END LOOP;
	RESET ROLE;
END
$$;

-- Nobody, without USAGE on the schema.
SELECT call, allowed FROM regress_help.rights('regress_nobody');

-- A reader; a second grant is one, and each takes names that need quotes.
SELECT event_store.grant_reader(role_name => 'regress_reader');
SELECT event_store.grant_reader('regress_reader');
SELECT call, allowed FROM regress_help.rights('regress_reader');

-- A writer, who need not read.
SELECT event_store.grant_writer(role_name => 'regress_writer');
SELECT call, allowed FROM regress_help.rights('regress_writer');
SELECT count(*) FILTER (WHERE allowed = '*') AS allowed, count(*) FROM regress_help.rights('regress_odd "role";');
SELECT event_store.grant_reader('regress_odd "role";');
SELECT event_store.grant_writer('regress_odd "role";');
SELECT count(*) FILTER (WHERE allowed = '*') AS allowed FROM regress_help.rights('regress_odd "role";');
SET ROLE regress_writer;
SELECT version > 1 AS appended FROM event_store.append('rights-1', 'T', '{}', metadata => '{"by": "a writer"}');
SELECT event_store.save_snapshot('rights-1', 1, '"a writer''s"');
SELECT * FROM event_store.read_stream('rights-1');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_reader;
SELECT metadata ->> 'by' AS by, recorded_by FROM event_store.last_event('rights-1');
SELECT state FROM event_store.latest_snapshot('rights-1');
SELECT count(*) > 0 AS some FROM event_store.all_events;
SELECT event_store.append('rights-1', 'T', '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM event_store.events;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO event_store.events VALUES (1);
\echo :LAST_ERROR_SQLSTATE
UPDATE event_store.events SET data = '{}';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM event_store.streams;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE event_store.events;
\echo :LAST_ERROR_SQLSTATE
COPY event_store.events TO stdout;
\echo :LAST_ERROR_SQLSTATE
SELECT nextval('event_store.events_global_position_seq');
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE event_store.regress_mine ();
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- A reader's or writer's members have its rights.
GRANT regress_reader TO regress_nobody;
SELECT count(*) FILTER (WHERE allowed = '*') AS allowed FROM regress_help.rights('regress_nobody');
REVOKE regress_reader FROM regress_nobody;

\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT event_store.grant_reader(NULL)$$);
SELECT regress_help.refused($$SELECT event_store.grant_writer(NULL)$$);
SELECT regress_help.refused($$SELECT event_store.revoke_reader(NULL)$$);
SELECT regress_help.refused($$SELECT event_store.revoke_writer(NULL)$$);
SELECT regress_help.refused($$SELECT event_store.grant_reader('regress_none')$$);
SELECT regress_help.refused($$SELECT event_store.grant_writer('')$$);
SELECT regress_help.refused($$SELECT event_store.revoke_reader('public')$$);
SELECT regress_help.refused($$SELECT event_store.grant_reader('PUBLIC')$$);
SELECT regress_help.refused($$SELECT event_store.revoke_writer('regress_reader, regress_writer')$$);
\pset tuples_only off
\pset format aligned

-- A function of a writer's lets others append without rights of their own.
CREATE FUNCTION regress_help.append_for_you()
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
	$$SELECT version - version FROM event_store.append('rights-2', 'T', '{}')$$;
ALTER FUNCTION regress_help.append_for_you OWNER TO regress_writer;
SET ROLE regress_nobody;
SELECT regress_help.append_for_you();
RESET ROLE;
SELECT recorded_by FROM event_store.last_event('rights-2');
DROP FUNCTION regress_help.append_for_you;

-- All of it rolled back.
BEGIN;
SELECT event_store.grant_reader('regress_nobody');
ROLLBACK;
SELECT count(*) FILTER (WHERE allowed = '*') AS allowed FROM regress_help.rights('regress_nobody');

-- Revoked, one after the other: what is left is left.
SELECT event_store.revoke_writer(role_name => 'regress_odd "role";');
SELECT count(*) FILTER (WHERE allowed = '*') AS allowed FROM regress_help.rights('regress_odd "role";');
SELECT event_store.revoke_reader(role_name => 'regress_odd "role";');
SELECT count(*) FILTER (WHERE allowed = '*') AS allowed FROM regress_help.rights('regress_odd "role";');
SELECT event_store.revoke_reader('regress_odd "role";');
SELECT event_store.revoke_reader('regress_reader');
SELECT event_store.revoke_writer('regress_writer');
-- and nothing is left behind that would keep a role from being dropped
SELECT count(*) FROM pg_shdepend d
 WHERE d.refclassid = 'pg_authid'::regclass
   AND d.refobjid IN (SELECT oid FROM pg_roles WHERE rolname IN ('regress_nobody', 'regress_reader', 'regress_writer', 'regress_odd "role";'));
DROP ROLE regress_nobody, regress_reader, regress_writer, "regress_odd ""role"";";
DROP FUNCTION regress_help.rights;

-- Nothing of the store is for PUBLIC.
SELECT a.privilege_type FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
 WHERE n.nspname = 'event_store' AND a.grantee = 0;
SELECT p.proname FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
 WHERE p.pronamespace = 'event_store'::regnamespace AND a.grantee = 0;
SELECT c.relname FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
 WHERE c.relnamespace = 'event_store'::regnamespace AND a.grantee = 0;
