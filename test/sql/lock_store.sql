--
-- lock_store(): one lock that stands for those of all streams.
--
CREATE FUNCTION regress_help.locks(OUT streams bigint, OUT store bigint)
LANGUAGE sql AS $$
	SELECT count(*) FILTER (WHERE locktype = 'advisory' AND objsubid = 17747),
		   count(*) FILTER (WHERE relation = 'event_store.events'::regclass AND mode = 'ShareRowExclusiveLock')
	  FROM pg_locks WHERE pid = pg_backend_pid()
$$;

-- By hand, before the first append.
BEGIN;
SELECT event_store.lock_store();
SELECT event_store.lock_store();
SELECT version FROM event_store.append('lock_store-1', 'T', '{}');
SELECT version FROM event_store.append_streams('[{"stream": "lock_store-1", "expected_version": 1}]');
SELECT * FROM regress_help.locks();
COMMIT;
SELECT * FROM regress_help.locks();
SELECT event_store.stream_version('lock_store-1');

-- It goes with the savepoint that it was taken in, and stays with one that is
-- released.
BEGIN;
SAVEPOINT s;
SELECT event_store.lock_store();
ROLLBACK TO SAVEPOINT s;
SELECT * FROM regress_help.locks();
SELECT version FROM event_store.append('lock_store-1', 'T', '{}');
SELECT * FROM regress_help.locks();
SAVEPOINT t;
SAVEPOINT u;
SELECT event_store.lock_store();
RELEASE SAVEPOINT u;
SELECT version FROM event_store.append('lock_store-2', 'T', '{}');
SELECT * FROM regress_help.locks();
ROLLBACK TO SAVEPOINT t;
SELECT version FROM event_store.append('lock_store-2', 'T', '{}', 0);
SELECT streams > 1 AS streams, store FROM regress_help.locks();
ROLLBACK;

-- An append that raises the number of streams past the bound takes it.
BEGIN;
SELECT max(version) FROM generate_series(1, current_setting('max_locks_per_transaction')::int) n,
	   LATERAL event_store.append('lock_store_many-' || n, 'T', '{}');
SELECT streams <= current_setting('max_locks_per_transaction')::int / 2 AS streams_bounded, store FROM regress_help.locks();
ROLLBACK;
-- not one over again and again, nor those of savepoints that are rolled back
BEGIN;
SELECT max(version) = 3 * current_setting('max_locks_per_transaction')::int AS appended
  FROM generate_series(1, 3 * current_setting('max_locks_per_transaction')::int) n,
	   LATERAL event_store.append('lock_store-3', 'T', to_jsonb(n));
SELECT * FROM regress_help.locks();
ROLLBACK;
BEGIN;
DO $$
BEGIN
	FOR n IN 1 .. 3 * current_setting('max_locks_per_transaction')::int LOOP
		BEGIN
			PERFORM event_store.append('lock_store_many-' || n, 'T', '{}');
			RAISE division_by_zero;
		EXCEPTION WHEN division_by_zero THEN
		END;
	END LOOP;
END
$$;
SELECT * FROM regress_help.locks();
ROLLBACK;
SELECT count(*) FROM event_store.list_streams('lock_store_many');

-- Not in a read-only transaction.
BEGIN READ ONLY;
SELECT event_store.lock_store();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
DROP FUNCTION regress_help.locks;
