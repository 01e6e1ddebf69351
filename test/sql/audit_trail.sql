--
-- audit_trail(), causation(): who did what, when, from where and why.
--
CREATE SCHEMA regress_audit;
CREATE FUNCTION regress_audit.apply_account(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE sql
RETURN jsonb_build_object('balance', (state ->> 'balance')::bigint + (e.data ->> 'amount')::bigint);
SELECT event_store.create_aggregate_type('account', '{"balance": 0}', 'regress_audit.apply_account');
CREATE ROLE regress_teller;
SELECT event_store.grant_writer('regress_teller');
SELECT event_store.safe_position() AS start \gset

-- Why, from the session and from the call.
BEGIN;
SET LOCAL event_store.metadata = '{"correlation_id": "order-7", "reason": "opening"}';
SELECT version FROM event_store.append('account-1', 'Paid', '{"amount": 100}');
SELECT version FROM event_store.append('account-2', 'Paid', '{"amount": 50}', metadata => '{"reason": {"code": 3}, "correlation_id": 12}');
COMMIT;
SET ROLE regress_teller;
SET application_name = 'till';
SELECT version FROM event_store.append('account-1', 'Paid', '{"amount": -30}');
SELECT version FROM event_store.append('note-1', 'Noted', '"no aggregate"', metadata => '{"reason": null}');
RESET application_name;
RESET ROLE;
SELECT version FROM event_store.last_event('account-1') e CROSS JOIN
	   event_store.append('account-2', 'Paid', '{"amount": 30}', metadata => event_store.causation(e)) a(v, p);

\set trail 'global_position - ' :start ' AS place, stream, version, replace(recorded_by, current_user, \'owner\') AS recorded_by, application LIKE \'%till\' AS at_till, type, reason, CASE WHEN correlation_id LIKE \'%-%-%\' THEN \'an id\' ELSE correlation_id END AS correlation_id, state_before, state_after'
SELECT :trail FROM event_store.audit_trail('account-1');
SELECT :trail FROM event_store.audit_trail(category => 'account');
SELECT :trail FROM event_store.audit_trail(after_position => :start);
SELECT :trail FROM event_store.audit_trail(after_position => :start, max_count => 2, with_states => false);
SELECT a.causation_id = e.event_id::text AS caused, a.correlation_id = e.event_id::text AS correlated, a.metadata - '$user' - '$application' ->> 'causation_id' = a.causation_id AS all_there
  FROM event_store.audit_trail('account-2') a, event_store.last_event('account-1') e WHERE a.version = 2;
SELECT a.version, (a.data, a.event_id, a.schema_version, a.recorded_at) = (e.data, e.event_id, e.schema_version, e.recorded_at) AS as_read
  FROM event_store.audit_trail('account-2') a JOIN event_store.read_stream('account-2') e USING (version);

-- A chain of causes keeps its correlation.
SELECT version FROM event_store.last_event('account-2') e, event_store.append('account-1', 'Paid', '{"amount": 1}', metadata => event_store.causation(e)) a(v, p);
SELECT n.metadata ->> 'correlation_id' = f.metadata ->> 'correlation_id' AS same, n.metadata ->> 'causation_id' = f.event_id::text AS caused
  FROM event_store.last_event('account-1') n, event_store.last_event('account-2') f;
SELECT regress_help.run($$SELECT event_store.causation(NULL)$$), regress_help.run($$SELECT event_store.causation(ROW(1, 's', 1, 'T', '0', '{}', NULL, 1, now(), 'u', NULL)::event_store.event)$$);

-- From since on, before until; pages of a category; the states go on from what came before.
SELECT recorded_at AS t FROM event_store.read_stream('account-1', 2, 1) \gset
SELECT :trail FROM event_store.audit_trail('account-1', since => :'t');
SELECT :trail FROM event_store.audit_trail('account-1', until => :'t');
SELECT count(*) FROM event_store.audit_trail('account-1', since => :'t', until => :'t');
SELECT count(*) FROM event_store.audit_trail('account-1', since => :'t', until => :'t'::timestamptz + interval '1us');
SELECT count(*) FROM event_store.audit_trail('account-1', since => '-infinity', until => 'infinity');
SELECT count(*) FROM event_store.audit_trail('account-1', since => 'infinity');
SELECT count(*) FROM event_store.audit_trail('account-1', until => '-infinity');
SELECT string_agg(stream || ':' || version, ' ' ORDER BY global_position) AS page, max(global_position) AS last
  FROM event_store.audit_trail(category => 'account', max_count => 3) \gset
\echo :page
SELECT string_agg(stream || ':' || version, ' ' ORDER BY global_position) AS page
  FROM event_store.audit_trail(category => 'account', after_position => :last, max_count => 3);
SELECT count(*) FROM event_store.audit_trail(category => 'account', max_count => 0);
SELECT count(*) FROM event_store.audit_trail('account-none');
SELECT count(*) FROM event_store.audit_trail(category => 'nothing');

-- All of it, in order, is what is stored.
SELECT count(*) FILTER (WHERE a.global_position IS DISTINCT FROM e.global_position) AS wrong, count(*) = (SELECT count(*) FROM event_store.all_events) AS complete
  FROM (SELECT *, row_number() OVER () AS n FROM event_store.audit_trail(with_states => false)) a
	   FULL JOIN (SELECT *, row_number() OVER (ORDER BY global_position) AS n FROM event_store.all_events) e USING (n);

SELECT regress_help.run(q) FROM unnest(ARRAY[
	$$SELECT event_store.audit_trail('account-1', 'account')$$,
	$$SELECT event_store.audit_trail('')$$,
	$$SELECT event_store.audit_trail(category => 'account-1')$$,
	$$SELECT event_store.audit_trail('account-1', after_position => -1)$$,
	$$SELECT event_store.audit_trail('account-1', max_count => -1)$$]) q;

-- Readers may, without rights to the tables; writers may not.
SET ROLE regress_teller;
SELECT regress_help.run($$SELECT event_store.audit_trail('account-1')$$);
RESET ROLE;
SELECT event_store.grant_reader('regress_teller');
SET ROLE regress_teller;
SELECT count(*), count(state_after) AS with_state FROM event_store.audit_trail('account-1');
RESET ROLE;
SELECT event_store.revoke_reader('regress_teller'), event_store.revoke_writer('regress_teller');
DROP ROLE regress_teller;
SELECT event_store.drop_aggregate_type('account');
DROP SCHEMA regress_audit CASCADE;
