--
-- verify_store(): what it finds.  Each corruption goes in past the append-only
-- rules and triggers, by the superuser's switch, and is rolled back.
--
SELECT count(*) FROM event_store.verify_store();
SELECT count(event_store.append('verify-' || n % 3, 'T', to_jsonb(n))) FROM generate_series(1, 12) n;
SELECT event_store.save_snapshot('verify-0', 2, '{}');
SELECT count(*) FROM event_store.verify_store();

-- What is found, without positions and ids, which the tests before decide.
CREATE VIEW regress_help.findings AS
	SELECT check_name, stream, version, global_position IS NOT NULL AS has_position,
		   regexp_replace(regexp_replace(detail, '(stream|category|above|value is|position is) \d+', '\1 N', 'g'), 'at \d{4}-.*,', 'at T,') AS detail
	  FROM event_store.verify_store();
CREATE VIEW regress_help.stream_1 AS
	SELECT stream_id, category_id FROM event_store.streams WHERE stream = 'verify-1';

BEGIN;
SET LOCAL session_replication_role = replica;

-- versions
SAVEPOINT s;
DELETE FROM event_store.events WHERE version = 2 AND stream_id = (SELECT stream_id FROM regress_help.stream_1);
SELECT * FROM regress_help.findings;
ROLLBACK TO s;
DELETE FROM event_store.events WHERE version < 4 AND stream_id = (SELECT stream_id FROM regress_help.stream_1);
SELECT * FROM regress_help.findings;
UPDATE event_store.streams SET base_version = 3 WHERE stream = 'verify-1';
SELECT * FROM regress_help.findings;
UPDATE event_store.streams SET base_version = 4 WHERE stream = 'verify-1';
SELECT * FROM regress_help.findings;
UPDATE event_store.streams SET base_version = -1 WHERE stream = 'verify-1';
SELECT * FROM regress_help.findings;
ROLLBACK TO s;
-- an index that misses what it should refuse, as a damaged one would
UPDATE pg_index SET indisready = false WHERE indexrelid = 'event_store.events_stream_id_version_key'::regclass;
UPDATE event_store.events SET version = 3 WHERE version = 4 AND stream_id = (SELECT stream_id FROM regress_help.stream_1);
UPDATE pg_index SET indisready = true WHERE indexrelid = 'event_store.events_stream_id_version_key'::regclass;
SELECT * FROM regress_help.findings;
ROLLBACK TO s;

-- the greatest version there can be has no next one
UPDATE event_store.streams SET base_version = 9223372036854775807 WHERE stream = 'verify-1';
SELECT * FROM regress_help.findings WHERE version = 1;
SELECT regress_help.refused($$SELECT event_store.append('verify-1', 'T', '{}')$$);
ROLLBACK TO s;

-- positions: the first two events of a stream change places
UPDATE event_store.events SET version = -version WHERE version < 3 AND stream_id = (SELECT stream_id FROM regress_help.stream_1);
UPDATE event_store.events SET version = 3 + version, recorded_at = '2020-01-01 00:00:00+00' WHERE version < 0;
SELECT * FROM regress_help.findings;
ROLLBACK TO s;

-- recorded_at
UPDATE event_store.events SET recorded_at = '2020-01-01 00:00:00+00' WHERE version = 3 AND stream_id = (SELECT stream_id FROM regress_help.stream_1);
SELECT * FROM regress_help.findings;
ROLLBACK TO s;

-- streams
DELETE FROM event_store.streams WHERE stream = 'verify-1';
SELECT * FROM regress_help.findings;
ROLLBACK TO s;
DELETE FROM event_store.events WHERE stream_id = (SELECT stream_id FROM regress_help.stream_1);
SELECT * FROM regress_help.findings;
UPDATE event_store.streams SET base_version = 4 WHERE stream = 'verify-1';
SELECT * FROM regress_help.findings;
ROLLBACK TO s;

-- categories
UPDATE event_store.events SET category_id = category_id + 1 WHERE version = 3 AND stream_id = (SELECT stream_id FROM regress_help.stream_1);
SELECT * FROM regress_help.findings;
ROLLBACK TO s;
DELETE FROM event_store.categories WHERE category = 'verify';
SELECT * FROM regress_help.findings ORDER BY stream COLLATE "C";
ROLLBACK TO s;
UPDATE event_store.categories SET category = 'other' WHERE category = 'verify';
SELECT * FROM regress_help.findings ORDER BY stream COLLATE "C";
ROLLBACK TO s;

-- snapshots
UPDATE event_store.snapshots SET version = 5 WHERE version = 2 AND stream_id IN (SELECT stream_id FROM event_store.streams WHERE stream = 'verify-0');
SELECT * FROM regress_help.findings;
ROLLBACK TO s;
UPDATE event_store.snapshots SET version = 0 WHERE version = 2 AND stream_id IN (SELECT stream_id FROM event_store.streams WHERE stream = 'verify-0');
SELECT * FROM regress_help.findings;
ROLLBACK TO s;
INSERT INTO event_store.snapshots VALUES (9223372036854775807, 1, 1, now(), '{}');
SELECT check_name, stream, version, detail FROM regress_help.findings;
ROLLBACK TO s;

-- the sequence
ALTER SEQUENCE event_store.events_global_position_seq CACHE 20;
SELECT * FROM regress_help.findings;
ALTER SEQUENCE event_store.events_global_position_seq CACHE 1 INCREMENT 2;
SELECT * FROM regress_help.findings;
ALTER SEQUENCE event_store.events_global_position_seq INCREMENT 1 CYCLE;
SELECT * FROM regress_help.findings;
ROLLBACK TO s;
ALTER SEQUENCE event_store.events_global_position_seq RESTART;
SELECT * FROM regress_help.findings;
ROLLBACK TO s;

-- several at once, no more than are asked for
DELETE FROM event_store.categories;
SELECT count(*) >= 3 FROM event_store.verify_store();
SELECT count(*) FROM event_store.verify_store(max_findings => 3);
SELECT count(*) FROM event_store.verify_store(max_findings => 0);
SELECT count(*) >= 3 FROM event_store.verify_store(NULL);
ROLLBACK;
SELECT regress_help.refused('SELECT * FROM event_store.verify_store(-1)');

-- It sees what its transaction appended, and can be read from a cursor.
BEGIN;
SELECT version FROM event_store.append('verify-9', 'T', '{}');
DECLARE c CURSOR FOR SELECT * FROM event_store.verify_store();
FETCH c;
ROLLBACK;

-- Far more rows than fit in memory at once.
SET work_mem = '64kB';
SELECT count(*) FROM generate_series(1, 200) n,
	LATERAL event_store.append_json('verify-many-' || n, (SELECT jsonb_agg('{"type": "T", "data": 1}'::jsonb) FROM generate_series(1, 50)));
SELECT count(*) FROM event_store.verify_store();
RESET work_mem;

DROP VIEW regress_help.findings, regress_help.stream_1;
