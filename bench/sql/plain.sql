-- bench/sql/plain.sql
--
-- The floor: a schema :schema whose tables and sequence are the store's, with
-- the same columns, indexes and storage options, and nothing else: no rules, no
-- triggers, no functions.  What fills and reads them names no schema, so
-- that search_path picks one.
--
--	schema	its name
--	ids		uuidv7 or uuidv4: what new_id() makes

CREATE SCHEMA :schema;
SET search_path = :schema;

CREATE TABLE events (LIKE event_store.events INCLUDING ALL);
CREATE TABLE streams (LIKE event_store.streams INCLUDING ALL);
CREATE SEQUENCE events_global_position_seq OWNED BY events.global_position;

-- LIKE copies no storage options.
SELECT format('ALTER TABLE %I.%I SET (%s)', :'schema', store.relname, string_agg(option, ', '))
  FROM (SELECT relname, unnest(reloptions) AS option
		  FROM pg_class
		 WHERE oid IN ('event_store.events'::regclass, 'event_store.streams'::regclass)) store
 GROUP BY store.relname
UNION ALL
SELECT format('ALTER TABLE %I.%I SET (%s)', :'schema', class.relname,
			  string_agg('toast.' || option, ', '))
  FROM pg_class class
  JOIN pg_class toast ON toast.oid = class.reltoastrelid,
	   unnest(toast.reloptions) option
 WHERE class.oid IN ('event_store.events'::regclass, 'event_store.streams'::regclass)
 GROUP BY class.relname
\gexec

\ir new_id.sql
