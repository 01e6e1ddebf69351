-- bench/sql/tally.sql
--
-- A read model of one row: how many events there are after the position :after.  The
-- table "tally", its handler in SQL and a projection of that name.

CREATE TABLE tally (events bigint NOT NULL);
INSERT INTO tally VALUES (0);

CREATE FUNCTION handle_tally(batch event_store.event[])
RETURNS void
LANGUAGE sql VOLATILE
AS 'UPDATE public.tally SET events = events + cardinality(batch)';

SELECT event_store.create_projection('tally', 'public.handle_tally', start_position => :after);
