--
-- What an owner can do to the store's tables by DDL: their own indexes are not
-- taken for the store's, and changes that the calls cannot live with are errors.
--
SELECT count(event_store.append('altered-' || n % 2, 'T', to_jsonb(n))) FROM generate_series(1, 6) n;

-- indexes that look like the store's but sort otherwise, and come first
CREATE INDEX regress_descending ON event_store.events (category_id, global_position DESC);
CREATE INDEX regress_brin ON event_store.events USING brin (category_id, global_position);
CREATE UNIQUE INDEX regress_versions ON event_store.events (stream_id, version DESC);
CREATE UNIQUE INDEX regress_pattern ON event_store.streams (stream text_pattern_ops);
CREATE UNIQUE INDEX regress_partial ON event_store.events (event_id) WHERE version > 1;
REINDEX TABLE CONCURRENTLY event_store.events;
REINDEX TABLE CONCURRENTLY event_store.streams;
SELECT data FROM event_store.read_category('altered', max_count => 3);
SELECT event_store.stream_version('altered-1');
SELECT version FROM event_store.append('altered-1', 'T', '{}', expected_version => 3);
SELECT version, type FROM event_store.read_stream('altered-1', backwards => true, max_count => 1);
DROP INDEX event_store.regress_descending, event_store.regress_brin, event_store.regress_versions,
	event_store.regress_pattern, event_store.regress_partial;

-- columns that are not what they were
SELECT event_store.save_snapshot('altered-1', 1, '{}');
ALTER TABLE event_store.snapshots ALTER COLUMN state TYPE text;
SELECT regress_help.refused($$SELECT * FROM event_store.latest_snapshot('altered-1')$$);
ALTER TABLE event_store.snapshots ALTER COLUMN state TYPE jsonb USING state::jsonb;
SELECT version, state FROM event_store.latest_snapshot('altered-1');
ALTER TABLE event_store.snapshots ALTER COLUMN state DROP NOT NULL;
SELECT regress_help.refused($$SELECT * FROM event_store.latest_snapshot('altered-1')$$);
ALTER TABLE event_store.snapshots ALTER COLUMN state SET NOT NULL;

-- From PostgreSQL 18 on a constraint may say so of new rows alone.
ALTER TABLE event_store.events ALTER COLUMN version DROP NOT NULL;
SELECT current_setting('server_version_num')::int >= 180000 AS may_be_not_valid \gset
\if :may_be_not_valid
ALTER TABLE event_store.events ADD CONSTRAINT regress_not_null NOT NULL version NOT VALID;
\endif
SELECT regress_help.refused($$SELECT * FROM event_store.read_stream('altered-1')$$);
ALTER TABLE event_store.events ALTER COLUMN version SET NOT NULL;
SELECT count(*) FROM event_store.read_stream('altered-1');
ALTER TABLE event_store.streams RENAME COLUMN base_version TO base;
SELECT regress_help.refused($$SELECT event_store.append('altered-1', 'T', '{}')$$);
ALTER TABLE event_store.streams RENAME COLUMN base TO base_version;

-- inheritance goes round rules and triggers that hang on the table that is named
CREATE TABLE regress_help.parent (LIKE event_store.events);
ALTER TABLE event_store.events INHERIT regress_help.parent;
UPDATE regress_help.parent SET data = '{"forged": true}';
DELETE FROM regress_help.parent;
SELECT regress_help.refused($$SELECT * FROM event_store.read_all()$$);
ALTER TABLE event_store.events NO INHERIT regress_help.parent;
CREATE TABLE regress_help.child () INHERITS (event_store.events);
SELECT regress_help.refused($$SELECT event_store.append('altered-1', 'T', '{}')$$);
DROP TABLE regress_help.parent, regress_help.child;
SELECT count(*) FROM event_store.read_category('altered');

-- rules and triggers that were dropped or disabled come back
ALTER TABLE event_store.events DISABLE TRIGGER append_only, DISABLE TRIGGER append_only_rows;
INSERT INTO event_store.events DEFAULT VALUES;
DROP RULE append_only ON event_store.streams;
DROP TRIGGER append_only ON event_store.streams;
SELECT event_store.create_store(if_not_exists => true);
DELETE FROM event_store.events;
INSERT INTO event_store.streams DEFAULT VALUES;
UPDATE event_store.streams SET base_version = 7;

-- more categories or types than are scanned one by one
SELECT count(*) FROM event_store.append_streams((
	SELECT jsonb_agg(jsonb_build_object('stream', 'alteredmany' || n || '-1', 'expected_version', 0,
										'events', '[{"type": "T", "data": {}}]'::jsonb))
	  FROM generate_series(1, 200) n));
SELECT count(*), count(DISTINCT stream) FROM event_store.read_all(
	categories => (SELECT array_agg('alteredmany' || n) FROM generate_series(1, 150) n));
SELECT count(*) FROM event_store.categories c
 WHERE c.category LIKE 'alteredmany%'
   AND (SELECT count(*) FROM event_store.streams s
		 WHERE s.category_id = c.category_id AND s.stream = c.category || '-1') = 1;

-- snapshots are written as the owner, whose triggers meet nothing of the caller's
CREATE FUNCTION regress_help.note_path() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN new.state := to_jsonb(current_setting('search_path')); RETURN new; END$$;
CREATE TRIGGER regress_note_path BEFORE INSERT ON event_store.snapshots FOR EACH ROW
	EXECUTE FUNCTION regress_help.note_path();
SET search_path = regress_help, pg_catalog;
SELECT event_store.save_snapshot('altered-1', 3, '{}');
SELECT state, current_setting('search_path') FROM event_store.latest_snapshot('altered-1');
RESET search_path;
DROP TRIGGER regress_note_path ON event_store.snapshots;
