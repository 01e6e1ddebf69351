--
-- safe_position() and in_flight: how far readers of the store may go.
--
SELECT positions AS start FROM regress_help.stored() \gset
SELECT event_store.safe_position() - :start AS safe;

-- It is the last position drawn where nobody appends.
SELECT version FROM event_store.append('safe-1', 'T', '1');
SELECT event_store.safe_position() - :start AS safe;
SELECT count(*) FROM event_store.in_flight;

-- A transaction is not held back by its own appends.
BEGIN;
SELECT version FROM event_store.append('safe-1', 'T', '2');
SELECT event_store.safe_position() - :start AS safe;
SELECT after_position - :start AS after, pid = pg_backend_pid() AS we, gid, role_name = CURRENT_USER AS our_role,
	   application_name = current_setting('application_name') AS our_application, state, since = now() AS since_begin
  FROM event_store.in_flight;
-- one mark, however much is appended, kept over a rolled-back savepoint
SAVEPOINT s;
SELECT version FROM event_store.append('safe-2', 'T', '3');
SELECT version FROM event_store.append('safe-2', 'T', '4');
ROLLBACK TO SAVEPOINT s;
SELECT after_position - :start AS after FROM event_store.in_flight;
ROLLBACK;
SELECT count(*) FROM event_store.in_flight;
SELECT event_store.safe_position() - :start AS safe;

-- A mark that was first placed in a savepoint stays, too.
BEGIN;
SAVEPOINT s;
SELECT version FROM event_store.append('safe-2', 'T', '5');
ROLLBACK TO SAVEPOINT s;
SELECT after_position - :start AS after FROM event_store.in_flight;
COMMIT;

-- What draws nothing holds nobody back: guards, conflicts, reads, locks.
BEGIN;
SELECT version FROM event_store.append_streams('[{"stream": "safe-1", "expected_version": 1}]');
SELECT event_store.lock_store();
SAVEPOINT s;
SELECT event_store.append('safe-1', 'T', '6', 77);
ROLLBACK TO SAVEPOINT s;
SELECT count(*) FROM event_store.in_flight;
COMMIT;

-- A prepared transaction is in flight without a process.
SELECT positions AS start FROM regress_help.stored() \gset
BEGIN;
SELECT version FROM event_store.append('safe-3', 'Prepared', '1');
SELECT string_agg(data::text, ' ') FROM event_store.read_all(:start);
SELECT event_store.safe_position() - :start AS safe;
PREPARE TRANSACTION 'regress_safe_position';
SELECT after_position - :start AS after, pid, gid, role_name = CURRENT_USER AS our_role, application_name, state,
	   since <= clock_timestamp() AS in_the_past
  FROM event_store.in_flight;
SELECT event_store.safe_position() - :start AS safe;

-- Later appends wait behind it for readers of the store, not of the stream,
SELECT version FROM event_store.append('safe-4', 'T', '2');
SELECT version FROM event_store.append('safe-4', 'T', '3');
SELECT string_agg(data::text, ' ') FROM event_store.read_stream('safe-4');
SELECT count(*) FROM event_store.all_events WHERE stream = 'safe-4';
SELECT count(*) FROM event_store.read_all(:start);
SELECT count(*) FROM event_store.read_all(:start, backwards => true);
SELECT count(*) FROM event_store.read_category('safe', :start);
SELECT event_store.safe_position() - :start AS safe;
-- nor does the reader's own append bring it further.
BEGIN;
SELECT version FROM event_store.append('safe-4', 'T', '4');
SELECT count(*) FROM event_store.read_all(:start);
SELECT event_store.safe_position() - :start AS safe;
SELECT after_position - :start AS after, pid IS NULL AS prepared FROM event_store.in_flight ORDER BY 1;
COMMIT;

-- Its end lets all through, its event first.
COMMIT PREPARED 'regress_safe_position';
SELECT count(*) FROM event_store.in_flight;
SELECT stream, data FROM event_store.read_all(:start);
SELECT event_store.safe_position() - :start AS safe;

-- One that is rolled back leaves a gap.
SELECT positions AS start FROM regress_help.stored() \gset
BEGIN;
SELECT version FROM event_store.append('safe-5', 'Prepared', '1');
PREPARE TRANSACTION 'regress_safe_position';
SELECT version FROM event_store.append('safe-4', 'T', '2');
SELECT count(*) FROM event_store.read_all(:start);
ROLLBACK PREPARED 'regress_safe_position';
SELECT global_position - :start AS place, stream FROM event_store.read_all(:start);
SELECT event_store.stream_version('safe-5');

-- In every kind of transaction.
BEGIN READ ONLY;
SELECT event_store.safe_position() - :start AS safe;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT event_store.safe_position() - :start AS safe;
COMMIT;

-- Advisory locks of others are none of ours.
BEGIN;
SELECT pg_advisory_xact_lock(:start), pg_advisory_xact_lock(0, 1);
SELECT count(*) FROM event_store.in_flight;
SELECT version FROM event_store.append('safe-6', 'T', '3');
SELECT pg_advisory_unlock_all();
SELECT count(*) FROM event_store.in_flight;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (17747, 17748) AND pid = pg_backend_pid();
ROLLBACK;
