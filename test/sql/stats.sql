--
-- The view stats: figures in constant time.
--
CREATE FUNCTION regress_help.counted(statement text, OUT appends bigint, OUT conflicts bigint, OUT idempotent_retries bigint)
LANGUAGE plpgsql AS $$
DECLARE
	before record;
BEGIN
	SELECT * INTO before FROM event_store.stats;
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN SQLSTATE 'ST001' OR SQLSTATE 'ST003' OR serialization_failure OR check_violation THEN
		NULL;
	END;
	SELECT s.appends - before.appends, s.conflicts - before.conflicts, s.idempotent_retries - before.idempotent_retries
	  INTO appends, conflicts, idempotent_retries FROM event_store.stats s;
END
$$;

-- A call counts once, however many events and streams it has.
SELECT * FROM regress_help.counted($$SELECT event_store.append('stats-1', 'T', '{}')$$);
SELECT * FROM regress_help.counted($$SELECT event_store.append_json('stats-1', '[{"type": "T", "data": 1}, {"type": "T", "data": 2}]')$$);
SELECT * FROM regress_help.counted($$SELECT event_store.append_streams('[
	{"stream": "stats-1", "expected_version": 3, "events": [{"type": "T", "data": 1}]},
	{"stream": "stats-2", "expected_version": 0, "events": [{"type": "T", "data": 1, "event_id": "30000000-0000-4000-8000-00000000057a"}]}]')$$);
SELECT * FROM regress_help.counted($$SELECT event_store.append('stats-1', 'T', '{}') FROM generate_series(1, 10)$$);
-- a guard alone appends nothing
SELECT * FROM regress_help.counted($$SELECT event_store.append_streams('[{"stream": "stats-1", "expected_version": 14}]')$$);
SELECT * FROM regress_help.counted($$SELECT event_store.append_streams('[{"stream": "stats-1", "expected_version": 1}]')$$);
SELECT * FROM regress_help.counted($$SELECT event_store.append('stats-1', 'T', '{}', 1)$$);
SELECT * FROM regress_help.counted($$SELECT event_store.append('stats-2', 'T', '1', 0, event_id => '30000000-0000-4000-8000-00000000057a')$$);
-- an id of another event is neither a conflict nor a retry
SELECT * FROM regress_help.counted($$SELECT event_store.append('stats-2', 'T', '2', 0, event_id => '30000000-0000-4000-8000-00000000057a')$$);
SELECT * FROM regress_help.counted($$SELECT event_store.read_all(max_count => 1), event_store.save_snapshot('stats-1', 1, '{}')$$);

-- Rows are estimates, which follow; bytes are not.
SELECT count(*) FROM event_store.append_json('stats-many', (SELECT jsonb_agg('{"type": "T", "data": 1}'::jsonb) FROM generate_series(1, 1000)));
ANALYZE event_store.events, event_store.streams;
SELECT pg_stat_force_next_flush();
SELECT abs(events_estimate - (SELECT count(*) FROM event_store.events)) <= 0.2 * events_estimate AS events_near,
	   abs(streams_estimate - (SELECT count(*) FROM event_store.streams)) <= 0.2 * streams_estimate + 20 AS streams_near,
	   bytes = (SELECT sum(pg_total_relation_size(('event_store.' || t)::regclass))
				  FROM unnest(ARRAY['categories', 'streams', 'events', 'snapshots', 'aggregate_types', 'event_types', 'projections', 'projection_checkpoints', 'projection_parked_events', 'subscriptions', 'subscription_partitions', 'subscription_failed_events', 'horizon']) t) AS bytes_exact,
	   counted_since BETWEEN pg_postmaster_start_time() AND now() AS since_the_start
  FROM event_store.stats;

-- The counters are all sessions': another goes on from there.
SELECT appends AS before FROM event_store.stats \gset
\c
SELECT appends = :before AS same FROM event_store.stats;
SELECT version FROM event_store.append('stats-9', 'T', '{}');
SELECT appends - :before AS more FROM event_store.stats;

-- Another database counts for itself.
SELECT current_database() AS regress_database \gset
CREATE DATABASE regression_event_store_stats TEMPLATE template0;
\c regression_event_store_stats
CREATE EXTENSION event_store;
SELECT event_store.create_store();
SELECT event_store.append('stats-1', 'T', '{}');
SELECT appends, conflicts, idempotent_retries FROM event_store.stats;
\c :regress_database
DROP DATABASE regression_event_store_stats;
DROP FUNCTION regress_help.counted(text);
