-- bench/sql/fill_plain.sql
--
-- Fills the plain tables that search_path picks with :streams streams of :each
-- events, stream by stream in turn, as in life.

INSERT INTO streams
SELECT n, 1, 0, clock_timestamp(), 'bench-' || n
  FROM generate_series(1, :streams) n;

INSERT INTO events
SELECT nextval('events_global_position_seq'), n, version, 1, clock_timestamp(), 1, new_id(),
	   'ItemAdded', :'data', :'metadata'
  FROM generate_series(1, :each) version, generate_series(1, :streams) n
 ORDER BY version, n;

VACUUM ANALYZE streams, events;
