--
-- Places from which an append may be called, and what PostgreSQL makes of them:
-- traps that other ways to write events fall into.
--

-- Several appends in one statement, of every kind: each sees those before it.
SELECT (event_store.append('trap_many-1', 'T', '1')).version AS a, (event_store.append('trap_many-1', 'T', '2')).version AS b;
SELECT count(event_store.append('trap_many-1', 'T', to_jsonb(n))) FROM generate_series(1, 5) n;
SELECT n FROM generate_series(1, 6) n WHERE (event_store.append('trap_many-1', 'T', to_jsonb(n))).version % 2 = 0 ORDER BY n;
SELECT (event_store.append('trap_many-1', 'T', '0', 13)).version = 14 AND (event_store.append('trap_many-1', 'T', '0', 14)).version = 15 AS in_order;
SELECT max((event_store.append('trap_many-' || (n % 3 + 2), 'T', to_jsonb(n))).version) FROM generate_series(1, 12) n;
CREATE TABLE regress_traps (id int PRIMARY KEY, version bigint, global_position bigint);
INSERT INTO regress_traps SELECT n, a.* FROM generate_series(1, 3) n, LATERAL event_store.append('trap_insert-1', 'T', to_jsonb(n)) a;
INSERT INTO regress_traps VALUES (4, (event_store.append('trap_insert-1', 'T', '4')).version), (5, (event_store.append('trap_insert-1', 'T', '5')).version);
UPDATE regress_traps SET version = (event_store.append('trap_update-' || id % 2, 'T', to_jsonb(id))).version WHERE id <= 3
RETURNING (event_store.append('trap_returning-1', 'T', to_jsonb(id))).version IS NOT NULL AS appended;
DELETE FROM regress_traps WHERE id > 3 AND (event_store.append('trap_delete-1', 'T', to_jsonb(id))).version > 0;
MERGE INTO regress_traps t USING generate_series(3, 4) n ON t.id = n
 WHEN MATCHED THEN UPDATE SET version = (event_store.append('trap_merge-1', 'Matched', to_jsonb(n))).version
 WHEN NOT MATCHED THEN INSERT VALUES (n, (event_store.append('trap_merge-1', 'New', to_jsonb(n))).version);
WITH a AS (INSERT INTO regress_traps SELECT 10, * FROM event_store.append('trap_cte-1', 'T', '1') RETURNING id, version),
	 b AS (SELECT version + 0 * (SELECT max(version) FROM a) AS version FROM event_store.append('trap_cte-1', 'T', '2'))
SELECT a.version AS a, b.version AS b, (SELECT version FROM event_store.append('trap_cte-1', 'T', '3')) AS c FROM a, b;
COPY (SELECT version FROM event_store.append('trap_copy-1', 'T', '1')) TO STDOUT;
SELECT id, version FROM regress_traps ORDER BY id;
SELECT stream, count(*), max(version) FROM event_store.all_events WHERE stream LIKE 'trap%' GROUP BY stream ORDER BY stream;
-- those of one statement go together
SELECT event_store.append('trap_many-9', 'T', '1'), 1 / (event_store.stream_version('trap_many-9') - event_store.stream_version('trap_many-9'));
SELECT event_store.stream_version('trap_many-9');

-- A reader in an appending transaction, and in the statement that appends: the
-- calls that read the store see what was appended before them, and a position to
-- go on from never passes over it.
SELECT positions AS start FROM regress_help.stored() \gset
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM event_store.all_events WHERE stream = 'trap_read-1';
SELECT a.version, (SELECT count(*) FROM event_store.read_all(:start) WHERE a.version > 0) AS reads,
	   event_store.safe_position() - :start + 0 * a.version AS safe
  FROM event_store.append('trap_read-1', 'T', '1') a;
SELECT n, (SELECT max(e.version) FROM event_store.read_category('trap_read', :start + 0 * a.version) e) AS reads
  FROM generate_series(2, 4) n, LATERAL event_store.append('trap_read-1', 'T', to_jsonb(n)) a ORDER BY n;
SELECT stream, version, data FROM event_store.read_all(:start);
ROLLBACK;
SELECT count(*), event_store.safe_position() - :start AS drawn FROM event_store.read_all(:start);
-- what appends while a read of the store is under way is not in it
SELECT version AS again FROM event_store.append('trap_read-2', 'T', '0');
SELECT count(*) FROM (SELECT event_store.append('trap_read-2', 'T', e.data) FROM event_store.read_all(:start) e) appended;
BEGIN;
DECLARE c CURSOR FOR SELECT e.version, (event_store.append('trap_read-2', 'Echo', e.data)).version AS echo FROM event_store.read_stream('trap_read-2') e;
FETCH ALL FROM c;
COMMIT;

-- In triggers of the events themselves: after each row, after the statement, and
-- deferred to the end of the transaction. An append of many events has stored all
-- of them when they fire.
CREATE FUNCTION regress_echo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM event_store.append(TG_ARGV[0], TG_ARGV[1], coalesce(to_jsonb(NEW) -> 'version', 'true'));
	RETURN NEW;
END
$$;
CREATE TRIGGER regress_row AFTER INSERT ON event_store.events FOR EACH ROW WHEN (NEW.type = 'Ping')
	EXECUTE FUNCTION regress_echo('trap_echo-1', 'Row');
CREATE CONSTRAINT TRIGGER regress_deferred AFTER INSERT ON event_store.events DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW WHEN (NEW.type = 'Ping') EXECUTE FUNCTION regress_echo('trap_echo-1', 'Deferred');
CREATE TRIGGER regress_statement AFTER INSERT ON event_store.events FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0)
	EXECUTE FUNCTION regress_echo('trap_echo-1', 'Statement');
BEGIN;
SELECT version FROM event_store.append_json('trap_echo-1', '[{"type": "Ping", "data": 1}, {"type": "Ping", "data": 2}]', 0);
SELECT version FROM event_store.append('trap_echo-1', 'Between', '0', 5);
COMMIT;
SELECT version, type, data FROM event_store.read_stream('trap_echo-1');
-- deferred, and the first append of its transaction is at the commit
CREATE CONSTRAINT TRIGGER regress_commit AFTER INSERT ON regress_traps DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION regress_echo('trap_commit-1', 'Committed');
BEGIN;
INSERT INTO regress_traps VALUES (20, 7);
SELECT event_store.stream_version('trap_commit-1');
COMMIT;
SELECT version, type, data FROM event_store.read_stream('trap_commit-1');
SELECT count(*) FROM event_store.in_flight;
DROP TRIGGER regress_row ON event_store.events;
DROP TRIGGER regress_deferred ON event_store.events;
DROP TRIGGER regress_statement ON event_store.events;

-- Before them, it is other streams that a trigger may append to. The outer call
-- has drawn its places already: to its own stream it finds them taken, and all
-- of it is undone.
CREATE TRIGGER regress_before BEFORE INSERT ON event_store.events FOR EACH ROW WHEN (NEW.type = 'Ping')
	EXECUTE FUNCTION regress_echo('trap_before-2', 'Before');
SELECT version FROM event_store.append_json('trap_before-1', '[{"type": "Ping", "data": 1}, {"type": "Ping", "data": 2}]');
SELECT split_part(regress_help.run($$SELECT event_store.append('trap_before-2', 'Ping', '{}')$$), ' | ', 1) AS own_stream;
SELECT stream, version, type FROM event_store.read_category('trap_before');
DROP TRIGGER regress_before ON event_store.events;
CREATE TRIGGER regress_before BEFORE INSERT ON event_store.streams FOR EACH ROW WHEN (NEW.stream LIKE 'trap\_made-%' AND NEW.stream <> 'trap_made-0')
	EXECUTE FUNCTION regress_echo('trap_made-0', 'StreamMade');
SELECT split_part(regress_help.run($$SELECT event_store.append('trap_made-1', 'T', '{}')$$), ' | ', 1) AS first_of_category;
SELECT event_store.stream_version('trap_made-0'), event_store.stream_version('trap_made-1');
DROP TRIGGER regress_before ON event_store.streams;
DROP FUNCTION regress_echo CASCADE;

-- In a function that PostgreSQL was told is immutable: in a CHECK and in an index
-- of the events. It appends for each row, or the row is not stored either.
CREATE FUNCTION regress_appends(type text, data jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF type = 'Inner' THEN
		RETURN 'inner';
	END IF;
	RETURN (event_store.append(data ->> 'to', 'Inner', 'true')).version::text;
END
$$;
ALTER TABLE event_store.events ADD CONSTRAINT regress_check CHECK (type NOT LIKE 'Outer%' OR regress_appends(type, data) IS NOT NULL) NOT VALID;
SELECT version FROM event_store.append_json('trap_check-1', '[{"type": "Outer", "data": {"to": "trap_check-2"}}, {"type": "Outer", "data": {"to": "trap_check-2"}}]');
SELECT split_part(regress_help.run($$SELECT event_store.append('trap_check-1', 'Outer', '{"to": "trap_check-1"}')$$), ' | ', 1) AS own_stream;
ALTER TABLE event_store.events DROP CONSTRAINT regress_check;
CREATE INDEX regress_index ON event_store.events (regress_appends(type, data)) WHERE type = 'Outer index';
SELECT version FROM event_store.append('trap_check-1', 'Outer index', '{"to": "trap_check-2"}');
SELECT regress_help.run($$SELECT event_store.append('trap_check-1', 'Outer index', '{}')$$) AS refused_inside;
SELECT stream, version, type FROM event_store.read_category('trap_check');
DROP INDEX event_store.regress_index;
DROP FUNCTION regress_appends;

-- Locks of its own: PostgreSQL's calls for advisory locks neither free them nor
-- meet them, even with the same numbers.
SET client_min_messages = error;
BEGIN;
SELECT version FROM event_store.append('trap_locks-1', 'T', '{}');
SELECT pg_advisory_unlock_all();
SELECT count(*) FILTER (WHERE objsubid = 17747) > 0 AS stream_locked, count(*) FILTER (WHERE objsubid = 17748) AS marks
  FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT bool_or(pg_advisory_unlock(((classid::bigint << 32) | objid::bigint))) AS freed,
	   bool_and(pg_try_advisory_lock(((classid::bigint << 32) | objid::bigint))) AS taken
  FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (17747, 17748) AND pid = pg_backend_pid();
SELECT pg_advisory_unlock_all();
COMMIT;
RESET client_min_messages;

-- A cursor that is held over the commit has appended by then: NO SCROLL, or
-- PostgreSQL would run its query again from the beginning, appends and all.
BEGIN;
DECLARE held NO SCROLL CURSOR WITH HOLD FOR SELECT n, (event_store.append('trap_hold-1', 'T', to_jsonb(n))).version FROM generate_series(1, 3) n;
FETCH 1 FROM held;
COMMIT;
FETCH ALL FROM held;
CLOSE held;
SELECT version, data FROM event_store.read_stream('trap_hold-1');

-- A column that a user added, after the session has appended: it is seen at once.
SELECT version FROM event_store.append('trap_column-1', 'T', '1');
ALTER TABLE event_store.events ADD COLUMN regress_added text DEFAULT 'added' NOT NULL, ADD COLUMN regress_twice int GENERATED ALWAYS AS (schema_version % 1000 * 2) STORED;
SELECT version FROM event_store.append('trap_column-1', 'T', '2', schema_version => 4);
BEGIN;
ALTER TABLE event_store.events ALTER COLUMN regress_added SET DEFAULT 'rolled back';
SELECT version FROM event_store.append('trap_column-1', 'T', '3');
ROLLBACK;
SELECT version FROM event_store.append('trap_column-1', 'T', '3');
SELECT e.version, e.regress_added, e.regress_twice FROM event_store.events e JOIN event_store.streams s USING (stream_id)
 WHERE s.stream = 'trap_column-1' ORDER BY e.version;
ALTER TABLE event_store.events DROP COLUMN regress_added, DROP COLUMN regress_twice;

-- Whoever reads the store while an append writes its rows is told to stop below
-- them: in a BEFORE ROW trigger, a default, a CHECK. An AFTER trigger sees them.
CREATE TABLE regress_told (place text, told bigint, events bigint);
CREATE FUNCTION regress_help.tell(place text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO regress_told VALUES (place, event_store.safe_position(), (SELECT count(*) FROM event_store.read_category('trap_tell')));
	RETURN true;
END
$$;
CREATE FUNCTION regress_help.tell_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM regress_help.tell(TG_ARGV[0]);
	IF TG_ARGV[0] = 'nested' THEN
		PERFORM event_store.append('trap_tell_inner-1', 'T', '{}');
		PERFORM regress_help.tell('after nested');
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER regress_before BEFORE INSERT ON event_store.events FOR EACH ROW WHEN (NEW.type = 'Told') EXECUTE FUNCTION regress_help.tell_row('before');
CREATE TRIGGER regress_nested BEFORE INSERT ON event_store.events FOR EACH ROW WHEN (NEW.type = 'Nested') EXECUTE FUNCTION regress_help.tell_row('nested');
CREATE TRIGGER regress_after AFTER INSERT ON event_store.events FOR EACH ROW WHEN (NEW.type IN ('Told', 'Nested')) EXECUTE FUNCTION regress_help.tell_row('after');
ALTER TABLE event_store.events ADD CONSTRAINT regress_check CHECK (type <> 'Told' OR regress_help.tell('check'));
SELECT positions AS start FROM regress_help.stored() \gset
SELECT version FROM event_store.append_json('trap_tell-1', '[{"type": "Told", "data": 1}, {"type": "Told", "data": 2}]');
SELECT place, told - :start AS told, events FROM regress_told;
SELECT event_store.safe_position() - :start AS afterwards;
DELETE FROM regress_told;
SELECT version FROM event_store.append('trap_tell-1', 'Nested', '{}');
SELECT place, told - :start AS told, events FROM regress_told;
SELECT event_store.safe_position() - :start AS afterwards;
-- and one that failed holds nobody back
ALTER TABLE event_store.events DROP CONSTRAINT regress_check;
ALTER TABLE event_store.events ADD CONSTRAINT regress_check CHECK (type <> 'Refused');
BEGIN;
SELECT version FROM event_store.append('trap_tell-1', 'Told', '{}');
SAVEPOINT s;
\set VERBOSITY terse
SELECT version FROM event_store.append('trap_tell-1', 'Refused', '{}');
\set VERBOSITY default
ROLLBACK TO s;
SELECT event_store.safe_position() - :start AS positions, count(*) AS events FROM event_store.read_category('trap_tell');
COMMIT;
ALTER TABLE event_store.events DROP CONSTRAINT regress_check;
DROP TRIGGER regress_before ON event_store.events;
DROP TRIGGER regress_nested ON event_store.events;
DROP TRIGGER regress_after ON event_store.events;
DROP FUNCTION regress_help.tell_row, regress_help.tell;
DROP TABLE regress_told;

-- No foreign key, as it would lock a row of the streams for each event; and no
-- truncation by VACUUM, as that would stop appends.
SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 'event_store'::regnamespace;
SELECT 'vacuum_truncate=off' = ANY (reloptions) AS no_truncation FROM pg_class WHERE oid = 'event_store.events'::regclass;

-- What must be true whatever happened.
SELECT count(*) FROM event_store.verify_store();
SELECT count(*) FROM event_store.in_flight;
DROP TABLE regress_traps;
