-- Appends to ten streams that are nobody else's, and leaves the transaction open
-- for a while.
\set n 10 * :client_id
BEGIN;
SELECT count(*)
  FROM generate_series(1, 10) i, LATERAL event_store.append('held-' || :n + i, 'ItemAdded', '{}');
\sleep :hold s
ROLLBACK;
