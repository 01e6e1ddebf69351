--
-- AFTER ROW triggers of the owner's on a table that has nothing else of theirs:
-- what is kept of them from append to append never makes a difference.
--
CREATE TABLE public.fired (n serial, what text);
CREATE FUNCTION public.regress_fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.fired (what) VALUES (format('%s %s %s', TG_NAME, NEW.type, NEW.version));
	RETURN NULL;
END $$;
CREATE FUNCTION public.regress_fired() RETURNS SETOF text LANGUAGE sql AS $$
	WITH gone AS (DELETE FROM public.fired RETURNING *) SELECT what FROM gone ORDER BY n
$$;
CREATE TRIGGER regress_b AFTER INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION public.regress_fire();
CREATE TRIGGER regress_a AFTER INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION public.regress_fire();

-- Once an event, by the triggers' names, after all rows of the call.
SELECT version FROM event_store.append('fire-1', 'One', '{}');
SELECT version FROM event_store.append_json('fire-1', '[{"type": "Two", "data": 1}, {"type": "Three", "data": 2}]');
SELECT public.regress_fired();

-- Another function, another way to run it, another trigger, none.
CREATE OR REPLACE FUNCTION public.regress_fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.fired (what) VALUES (format('anew %s as %s, %s', NEW.type, current_user, current_setting('search_path')));
	RETURN NULL;
END $$;
DROP TRIGGER regress_a ON event_store.events;
CREATE ROLE regress_fires;
GRANT ALL ON public.fired, public.fired_n_seq TO regress_fires;
SELECT version FROM event_store.append('fire-1', 'Four', '{}');
ALTER FUNCTION public.regress_fire() OWNER TO regress_fires;
ALTER FUNCTION public.regress_fire() SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
SELECT version FROM event_store.append('fire-1', 'Five', '{}');
ALTER FUNCTION public.regress_fire() RESET search_path;
SELECT version FROM event_store.append('fire-1', 'Six', '{}');
ALTER FUNCTION public.regress_fire() SECURITY INVOKER;
SELECT version FROM event_store.append('fire-1', 'Seven', '{}');
SELECT replace(f, current_user, 'owner') FROM public.regress_fired() f;
ALTER TABLE event_store.events DISABLE TRIGGER regress_b;
SELECT version FROM event_store.append('fire-1', 'Disabled', '{}');
ALTER TABLE event_store.events ENABLE REPLICA TRIGGER regress_b;
SELECT version FROM event_store.append('fire-1', 'OnOrigin', '{}');
ALTER TABLE event_store.events ENABLE ALWAYS TRIGGER regress_b;
ALTER TRIGGER regress_b ON event_store.events RENAME TO regress_c;
SELECT version FROM event_store.append('fire-1', 'Always', '{}');
SELECT replace(f, current_user, 'owner') FROM public.regress_fired() f;
DROP TRIGGER regress_c ON event_store.events;

-- With a condition.
CREATE TRIGGER regress_when AFTER INSERT ON event_store.events FOR EACH ROW WHEN (NEW.type = 'Wanted')
	EXECUTE FUNCTION public.regress_fire();
SELECT version FROM event_store.append_json('fire-1', '[{"type": "Wanted", "data": 1}, {"type": "Unwanted", "data": 2}]');
SELECT count(*) FROM public.regress_fired();
DROP TRIGGER regress_when ON event_store.events;

-- A trigger that appends: to other streams, while its own call's is being written.
CREATE FUNCTION public.regress_react() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.type = 'Refuse' THEN
		RAISE EXCEPTION 'refused by the trigger';
	ELSIF NEW.type LIKE 'React%' THEN
		PERFORM event_store.append('firereact-' || NEW.version, substr(NEW.type, 6), '{}');
	ELSIF NEW.type = 'Try' THEN
		BEGIN
			PERFORM event_store.append('firereact-1', 'Refuse', '{}');
		EXCEPTION WHEN raise_exception THEN
			PERFORM event_store.append('firereact-1', 'Tried', '{}');
		END;
	ELSIF NEW.type = 'Add' THEN
		CREATE OR REPLACE FUNCTION public.regress_added() RETURNS int LANGUAGE sql AS 'SELECT 1';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER regress_react AFTER INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION public.regress_react();
SELECT version FROM event_store.append_json('fire-2', '[{"type": "ReactReactOnce", "data": 1}, {"type": "Plain", "data": 2}, {"type": "ReactTwice", "data": 3}]');
SELECT stream, version, type FROM event_store.read_category('firereact');
SELECT version FROM event_store.append('fire-2', 'Try', '{}');
SELECT version FROM event_store.append('fire-2', 'Add', '{}');
SELECT version FROM event_store.append('fire-2', 'ReactThrice', '{}');
SELECT stream, version, type FROM event_store.read_category('firereact');

-- One that refuses, and what comes after it in the same transaction.
SELECT split_part(regress_help.run($$SELECT event_store.append_json('fire-3', '[{"type": "ReactFirst", "data": 1}, {"type": "Refuse", "data": 1}]')$$), ' | ', 1) AS refused;
BEGIN;
SAVEPOINT s;
\set VERBOSITY terse
SELECT version FROM event_store.append_json('fire-3', '[{"type": "ReactFirst", "data": 1}, {"type": "Refuse", "data": 1}]');
\set VERBOSITY default
ROLLBACK TO s;
SELECT version FROM event_store.append_json('fire-3', '[{"type": "ReactFirst", "data": 1}, {"type": "Plain", "data": 1}]');
COMMIT;
SELECT version FROM event_store.append('fire-3', 'Plain', '{}');
SELECT stream, version, type FROM event_store.read_category('firereact') WHERE type = 'First';
SELECT * FROM event_store.verify_store();
DROP TRIGGER regress_react ON event_store.events;

-- A deferred one fires when the transaction ends.
CREATE CONSTRAINT TRIGGER regress_late AFTER INSERT ON event_store.events DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION public.regress_fire();
BEGIN;
SELECT version FROM event_store.append('fire-4', 'Late', '{}');
SELECT count(*) AS so_far FROM public.fired;
COMMIT;
SELECT count(*) FROM public.regress_fired();
BEGIN;
SELECT version FROM event_store.append('fire-4', 'Late', '{}');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT count(*) AS so_far FROM public.fired;
SELECT version FROM event_store.append('fire-4', 'AtOnce', '{}');
COMMIT;
SELECT count(*) FROM public.regress_fired();
DROP TRIGGER regress_late ON event_store.events;

-- Foreign keys are triggers, too.
CREATE TABLE public.fire_types (type text COLLATE "C" PRIMARY KEY);
INSERT INTO public.fire_types SELECT DISTINCT type FROM event_store.events;
ALTER TABLE event_store.events ADD CONSTRAINT regress_types FOREIGN KEY (type) REFERENCES public.fire_types;
SELECT version FROM event_store.append('fire-5', 'Plain', '{}');
SELECT split_part(regress_help.run($$SELECT event_store.append('fire-5', 'Unlisted', '{}')$$), ' | ', 1) AS refused;
INSERT INTO public.fire_types VALUES ('Unlisted');
SELECT version FROM event_store.append('fire-5', 'Unlisted', '{}');

-- A trigger whose own rows' triggers fire with those of the events: by ON DELETE
-- CASCADE into a table that the trigger's delete is of.
CREATE TABLE public.fire_children (parent int);
CREATE TABLE public.fire_parents (parent int PRIMARY KEY);
ALTER TABLE public.fire_children ADD FOREIGN KEY (parent) REFERENCES public.fire_parents ON DELETE CASCADE;
CREATE FUNCTION public.regress_child() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.fired (what) VALUES ('child ' || OLD.parent);
	RETURN NULL;
END $$;
CREATE TRIGGER regress_child AFTER DELETE ON public.fire_children FOR EACH ROW EXECUTE FUNCTION public.regress_child();
CREATE FUNCTION public.regress_cascade() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM public.fire_parents WHERE parent = NEW.version;
	RETURN NULL;
END $$;
CREATE TRIGGER regress_cascade AFTER INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION public.regress_cascade();
INSERT INTO public.fire_parents SELECT generate_series(1, 3);
INSERT INTO public.fire_children SELECT generate_series(1, 3);
SELECT version FROM event_store.append_json('fire-6', '[{"type": "Plain", "data": 1}, {"type": "Plain", "data": 1}]');
SELECT version FROM event_store.append('fire-6', 'Plain', '{}');
SELECT public.regress_fired();

DROP TRIGGER regress_cascade ON event_store.events;
ALTER TABLE event_store.events DROP CONSTRAINT regress_types;
DROP TABLE public.fire_children, public.fire_parents, public.fire_types, public.fired;
DROP FUNCTION public.regress_fire, public.regress_fired, public.regress_react, public.regress_added, public.regress_child, public.regress_cascade;
DROP ROLE regress_fires;
SELECT version FROM event_store.append('fire-6', 'Plain', '{}');
