--
-- save_snapshot() and latest_snapshot(): states of aggregates.
--
SELECT version FROM event_store.append_json('snapshot-1',
	(SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', n)) FROM generate_series(1, 10) n));
SELECT * FROM event_store.latest_snapshot('snapshot-1');
SELECT event_store.save_snapshot('snapshot-1', 3, '{"sum": 6}');
SELECT stream, version, state, state_version, created_at BETWEEN now() - interval '1 hour' AND clock_timestamp() AS recent
  FROM event_store.latest_snapshot('snapshot-1');

CREATE VIEW regress_snapshots AS
SELECT n.version, n.state_version, n.state
  FROM event_store.snapshots n JOIN event_store.streams s USING (stream_id)
 WHERE s.stream = 'snapshot-1' ORDER BY n.version, n.state_version;

-- The newest is of the highest version, whatever was saved last.
SELECT event_store.save_snapshot(stream => 'snapshot-1', version => 10, state => '[55]', state_version => 1);
SELECT event_store.save_snapshot('snapshot-1', 5, '15');
SELECT version, state FROM event_store.latest_snapshot('snapshot-1');
SELECT version, state FROM event_store.latest_snapshot(stream => 'snapshot-1', state_version => NULL);

-- Two of a state version are kept unless the setting says otherwise; the
-- oldest go first, even the one just saved.
SELECT version, state FROM regress_snapshots;
SELECT event_store.save_snapshot('snapshot-1', 1, '1');
SELECT version, state FROM regress_snapshots;
SET event_store.snapshots_kept = 4;
SELECT event_store.save_snapshot('snapshot-1', n, to_jsonb(n)) FROM generate_series(6, 9) n;
SELECT version, state FROM regress_snapshots;
SET event_store.snapshots_kept = 1;
SELECT event_store.save_snapshot('snapshot-1', 10, '"ten"');
SELECT version, state FROM regress_snapshots;
SET event_store.snapshots_kept = 0;
\echo :LAST_ERROR_SQLSTATE
SET event_store.snapshots_kept = 'none';
\echo :LAST_ERROR_SQLSTATE
RESET event_store.snapshots_kept;

-- The same version and state version again replaces it.
SELECT created_at AS before FROM event_store.latest_snapshot('snapshot-1') \gset
SELECT event_store.save_snapshot('snapshot-1', 10, '"ten again"');
SELECT version, state, created_at > :'before' AS later FROM event_store.latest_snapshot('snapshot-1');

-- State versions are kept apart.
SELECT event_store.save_snapshot('snapshot-1', 9, '"two"', 2);
SELECT event_store.save_snapshot('snapshot-1', 8, '"two"', 2);
SELECT event_store.save_snapshot('snapshot-1', 10, '"three"', 3);
SELECT * FROM regress_snapshots;
SELECT version, state_version FROM event_store.latest_snapshot('snapshot-1');
SELECT version, state_version FROM event_store.latest_snapshot('snapshot-1', 1);
SELECT version, state_version FROM event_store.latest_snapshot('snapshot-1', 2);
SELECT count(*) FROM event_store.latest_snapshot('snapshot-1', 4);
SELECT count(*) FROM event_store.latest_snapshot('snapshot-1', 0);

-- None, of a stream that is or is not there.
SELECT version FROM event_store.append('snapshot-2', 'T', '{}');
SELECT count(*) FROM event_store.latest_snapshot('snapshot-2');
SELECT count(*) FROM event_store.latest_snapshot('snapshot-none');

SELECT event_store.save_snapshot('snapshot-1', 11, '{}');
\echo :LAST_ERROR_SQLSTATE
\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 2, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 9223372036854775807, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-none', 1, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot', 1, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 0, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', -1, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', NULL, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 1, NULL)$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 1, 'null')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 1, '{}', NULL)$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 1, '{}', 0)$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 1, '{}', -1)$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot(NULL, 1, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('', 1, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('-1', 1, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot('snapshot-2', 'one', '{}')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.latest_snapshot(NULL)$$);
SELECT regress_help.refused($$SELECT * FROM event_store.latest_snapshot('')$$);
SELECT regress_help.refused($$SELECT * FROM event_store.latest_snapshot('-1')$$);
\pset tuples_only off
\pset format aligned
BEGIN READ ONLY;
SELECT event_store.save_snapshot('snapshot-2', 1, '{}');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT count(*) FROM event_store.latest_snapshot('snapshot-2');

-- Rolled back with the savepoint; of events of the same transaction.
BEGIN;
SELECT version FROM event_store.append('snapshot-2', 'T', '{}');
SAVEPOINT s;
SELECT event_store.save_snapshot('snapshot-2', 2, '"gone"');
SELECT version, state FROM event_store.latest_snapshot('snapshot-2');
ROLLBACK TO SAVEPOINT s;
SELECT count(*) FROM event_store.latest_snapshot('snapshot-2');
SELECT event_store.save_snapshot('snapshot-2', 2, '"kept"');
COMMIT;
SELECT version, state FROM event_store.latest_snapshot('snapshot-2');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT version, state FROM event_store.latest_snapshot('snapshot-2');
SELECT event_store.save_snapshot('snapshot-2', 2, '"kept again"');
SELECT event_store.save_snapshot('snapshot-2', 1, '"one"');
SELECT version, state FROM event_store.latest_snapshot('snapshot-2');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT event_store.save_snapshot('snapshot-2', 2, '"serializable"');
COMMIT;
SELECT version, state FROM event_store.latest_snapshot('snapshot-2');

-- In one statement with the append.
SELECT a.version, event_store.save_snapshot('snapshot-3', a.version, to_jsonb(a.version)) IS NULL AS saved
  FROM event_store.append('snapshot-3', 'T', '{}') a;
SELECT version, state FROM event_store.latest_snapshot('snapshot-3');

-- Directly into a table that is as it was made, or by statements where a trigger
-- looks on: the same stays.
CREATE FUNCTION regress_help.look_on() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
SELECT count(event_store.append(stream, 'T', '{}'))
  FROM unnest(ARRAY['snapshot_plain-1', 'snapshot_triggered-1']) stream, generate_series(1, 9);
CREATE TABLE regress_saves AS
SELECT n, 1 + abs(hashint4(n)) % 9 AS version, 1 + abs(hashint4(n + 500)) % 3 AS state_version,
	   1 + abs(hashint4(n + 1000)) % 4 AS kept
  FROM generate_series(1, 200) n;
CREATE FUNCTION regress_help.save_all(stream text) RETURNS TABLE (n integer, snapshots text) LANGUAGE plpgsql AS $$
DECLARE
	s regress_saves;
BEGIN
	FOR s IN SELECT * FROM regress_saves ORDER BY regress_saves.n LOOP
		PERFORM set_config('event_store.snapshots_kept', s.kept::text, true);
		PERFORM event_store.save_snapshot(stream, s.version, to_jsonb(s.n), s.state_version);
		n := s.n;
		snapshots := (SELECT string_agg(format('%s.%s: %s', k.version, k.state_version, k.state), ', '
										ORDER BY k.version, k.state_version)
						FROM event_store.snapshots k JOIN event_store.streams m USING (stream_id)
					   WHERE m.stream = save_all.stream);
		RETURN NEXT;
	END LOOP;
END $$;
CREATE TABLE regress_plain AS SELECT * FROM regress_help.save_all('snapshot_plain-1');
CREATE TRIGGER regress_look_on AFTER INSERT OR UPDATE OR DELETE ON event_store.snapshots FOR EACH STATEMENT
	EXECUTE FUNCTION regress_help.look_on();
CREATE TABLE regress_triggered AS SELECT * FROM regress_help.save_all('snapshot_triggered-1');
DROP TRIGGER regress_look_on ON event_store.snapshots;
SELECT count(*), count(DISTINCT p.snapshots) > 100 AS varied, bool_and(p.snapshots = t.snapshots) AS same
  FROM regress_plain p JOIN regress_triggered t USING (n);
DROP TABLE regress_saves, regress_plain, regress_triggered;
DROP FUNCTION regress_help.save_all, regress_help.look_on;

-- Snapshots only save time: their owner may delete them.
DELETE FROM event_store.snapshots;
SELECT count(*) FROM event_store.latest_snapshot('snapshot-1');
SELECT event_store.save_snapshot('snapshot-1', 10, '55');
TRUNCATE event_store.snapshots;
SELECT count(*) FROM event_store.latest_snapshot('snapshot-1');
DROP VIEW regress_snapshots;

-- the newest at or below a version, as time travel wants it
SELECT count(event_store.append('snapshot_below-1', 'T', to_jsonb(n))) FROM generate_series(1, 5) n;
BEGIN;
SET LOCAL event_store.snapshots_kept = 10;
SELECT count(*) FROM (SELECT event_store.save_snapshot('snapshot_below-1', v, to_jsonb(v)) FROM unnest(ARRAY[1, 3, 5]) v) s;
COMMIT;
SELECT m, (SELECT version FROM event_store.latest_snapshot('snapshot_below-1', max_version => m)) AS version
  FROM unnest(ARRAY[0, 1, 2, 4, 5, NULL]) m ORDER BY m;
SELECT regress_help.refused($$SELECT * FROM event_store.latest_snapshot('snapshot_below-1', max_version => -1)$$);
