--
-- The hash chain, in a database of its own: every way to tamper is found, and
-- where it happened.  All that is tampered with is rolled back.
--
SELECT current_database() AS regress_database \gset
CREATE DATABASE regression_event_store_hash_chain ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
\c regression_event_store_hash_chain
CREATE EXTENSION event_store;
SELECT event_store.enable_hash_chain();
SELECT event_store.create_store(hash_chain => NULL);
SELECT event_store.create_store(hash_chain => false);
SELECT to_regclass('event_store.hash_chain') IS NULL AS without;
SELECT event_store.seal_store();
SELECT * FROM event_store.check_seal(0, sha256(''));
SELECT event_store.drop_store();
SELECT event_store.create_store(hash_chain => true);
SELECT event_store.create_store(hash_chain => true);

-- The signature that is older means what it did.
SELECT event_store.create_store();
SELECT event_store.create_store(true);
SELECT event_store.create_store('t', true);
SELECT event_store.create_store(if_not_exists => true, hash_chain => true);
SELECT event_store.drop_store();
SELECT event_store.create_store(true);
SELECT event_store.enable_hash_chain();

-- The chain, computed by nobody but PostgreSQL.
CREATE FUNCTION be8(bigint) RETURNS bytea LANGUAGE sql AS 'SELECT int8send($1)';
CREATE FUNCTION microseconds(timestamptz) RETURNS bigint LANGUAGE sql AS 'SELECT (extract(epoch FROM $1) * 1000000)::bigint';
CREATE FUNCTION utf8(text) RETURNS bytea LANGUAGE sql AS $$SELECT int8send(octet_length(convert_to($1, 'UTF8'))) || convert_to($1, 'UTF8')$$;
CREATE VIEW expected AS
	SELECT e.*, sha256('event_store event 1' || '\x0a'::bytea
		|| coalesce(lag(hash) OVER (PARTITION BY stream ORDER BY version), decode(repeat('00', 32), 'hex'))
		|| be8(version) || be8(global_position) || be8(microseconds(recorded_at)) || be8(schema_version) || uuid_send(event_id)
		|| sha256(convert_to(metadata::text, 'UTF8')) || sha256(convert_to(data::text, 'UTF8')) || utf8(stream) || utf8(type)) AS expected
	  FROM event_store.read_all() e;
CREATE FUNCTION root(at bigint) RETURNS bytea LANGUAGE sql AS $$
	SELECT sha256('event_store seal 1' || '\x0a'::bytea || be8(at)
		|| string_agg(utf8(stream) || be8(version) || coalesce(hash, decode(repeat('00', 32), 'hex')), '' ORDER BY first) || be8(count(*)))
	  FROM (SELECT DISTINCT ON (stream) stream, version, hash, min(global_position) OVER (PARTITION BY stream) AS first
			  FROM event_store.all_events WHERE global_position <= at ORDER BY stream, version DESC) heads
$$;

SELECT version FROM event_store.append('a-1', 'T', '{"n": 1}');
SELECT version FROM event_store.append('a-1', 'Ünïcode', '{"é": "e\u0301", "x": [1.50, null, true]}', 1, '{"k": "ÿ"}', schema_version => 7);
SELECT version FROM event_store.append_json('b-ß', (SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', n)) FROM generate_series(1, 1500) n));
SELECT version FROM event_store.append('c-1', 'T', to_jsonb(repeat('x', 100000)), metadata => jsonb_build_object('large', repeat('y', 5000)));
SELECT version FROM event_store.append_events('a-1', ARRAY[event_store.new_event('T', '{}', event_id => '00000000-0000-4000-8000-000000000001'), event_store.new_event('T', '[]', '{"k": 2}')], 2);
SELECT stream, version FROM event_store.append_streams('[{"stream": "a-1", "expected_version": 4, "events": [{"type": "T", "data": 5}]}, {"stream": "d-1", "expected_version": 0, "events": [{"type": "T", "data": 1}]}]') ORDER BY stream;
-- a retry stores nothing, and an append that is rolled back leaves nothing
SELECT version FROM event_store.append('a-1', 'T', '{}', 2, event_id => '00000000-0000-4000-8000-000000000001');
BEGIN;
SELECT version FROM event_store.append('a-1', 'T', '6');
SAVEPOINT s;
SELECT version FROM event_store.append('a-1', 'T', '7');
ROLLBACK TO s;
SELECT version FROM event_store.append('a-1', 'T', '8');
COMMIT;
-- two appends in one command, and to a stream that was loaded
SELECT version FROM event_store.append('a-1', 'T', '8') UNION ALL SELECT version FROM event_store.append('a-1', 'T', '9');
CREATE FUNCTION apply(state jsonb, e event_store.event) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(e.version)';
SELECT event_store.create_aggregate_type('a', '0', 'apply', snapshot_every => 4);
SELECT (event_store.save(event_store.add_event(event_store.load('a-1', for_update => true), 'T', '10'))).version;
SELECT (event_store.save(event_store.add_event(event_store.load('a-1'), 'T', '11'))).version;

SELECT count(*), count(hash), count(DISTINCT hash), bool_and(hash = expected) AS as_expected FROM expected;
SELECT bool_and(r.hash = e.hash) AS as_read FROM event_store.read_all() r JOIN expected e USING (global_position);
SELECT bool_and(r.hash = e.hash) AS as_read FROM event_store.read_stream('a-1') r JOIN expected e USING (global_position);
SELECT * FROM event_store.verify_store();
SELECT * FROM event_store.verify_stream('a-1');
SELECT * FROM event_store.verify_stream('b-ß');
SELECT * FROM event_store.verify_stream('a-2');
SELECT * FROM event_store.verify_stream('a-2', 0);
SELECT * FROM event_store.verify_stream('a-2', -1);
SELECT * FROM event_store.verify_stream(NULL);

-- Seals.
SELECT * FROM event_store.seal_store() \gset
SELECT :streams AS streams, root(:global_position) = :'root_hash' AS as_expected, :global_position = event_store.safe_position() AS safe;
SELECT stream, version FROM event_store.sealed_heads ORDER BY stream_id, sealed_position;
SELECT version FROM event_store.append('a-1', 'T', '12');
SELECT version FROM event_store.append('e-1', 'T', '1');
SELECT count(*) FROM event_store.check_seal(:global_position, :'root_hash');
SELECT global_position AS later_position, root_hash AS later_hash FROM event_store.seal_store() \gset
SELECT root(:later_position) = :'later_hash' AS as_expected;
SELECT stream, version FROM event_store.sealed_heads WHERE sealed_position = :later_position ORDER BY stream_id;
SELECT count(*) FROM event_store.check_seal(:global_position, :'root_hash');
SELECT count(*) FROM event_store.check_seal(:later_position, :'later_hash');
-- nothing has gone on since
SELECT global_position = :later_position AS same_position, root_hash = :'later_hash' AS same_hash FROM event_store.seal_store();
SELECT count(*), (SELECT count(*) FROM event_store.seal_store()) FROM event_store.seal_store();
SELECT count(*) FROM event_store.sealed_heads;
-- what cannot be
BEGIN;
SELECT version FROM event_store.append('e-1', 'T', '2');
SELECT event_store.seal_store();
ROLLBACK;
BEGIN READ ONLY;
SELECT event_store.seal_store();
ROLLBACK;
SELECT * FROM event_store.check_seal(NULL, :'root_hash');
SELECT * FROM event_store.check_seal(1, NULL);
SELECT * FROM event_store.check_seal(1, '\x00');
SELECT * FROM event_store.check_seal(-1, :'root_hash');
SELECT * FROM event_store.check_seal(1, :'root_hash', -1);
\set VERBOSITY sqlstate
SELECT * FROM event_store.check_seal(9223372036854775807, :'root_hash');
INSERT INTO event_store.sealed_heads SELECT * FROM event_store.sealed_heads;
UPDATE event_store.sealed_heads SET version = 1;
DELETE FROM event_store.hash_chain;
\set VERBOSITY default

-- What is found, without positions and times.
CREATE FUNCTION without_positions(text) RETURNS text LANGUAGE sql AS $$SELECT regexp_replace($1, '(position|above|recorded at|stream) \d[^,. ]*', '\1 N', 'g')$$;
CREATE VIEW findings AS
	SELECT check_name, stream, version, without_positions(detail) AS detail FROM event_store.verify_store();
CREATE FUNCTION unsealed(at bigint, root bytea) RETURNS TABLE (stream text, version bigint, detail text) LANGUAGE sql AS $$
	SELECT stream, version, without_positions(detail) FROM event_store.check_seal(at, root)
$$;
CREATE FUNCTION id(stream text) RETURNS bigint LANGUAGE sql AS 'SELECT stream_id FROM event_store.streams s WHERE s.stream = $1';

BEGIN;
SET LOCAL session_replication_role = replica;
SAVEPOINT s;
-- each column, but those that are checked without a chain
UPDATE event_store.events SET data = '{"n": 2}' WHERE stream_id = id('a-1') AND version = 1;
SELECT * FROM findings;
SELECT check_name, version FROM event_store.verify_stream('a-1');
SELECT count(*) FROM unsealed(:later_position, :'later_hash');
ROLLBACK TO s;
UPDATE event_store.events SET metadata = metadata || '{"$user": "somebody"}' WHERE stream_id = id('a-1') AND version = 2;
SELECT * FROM findings;
ROLLBACK TO s;
UPDATE event_store.events SET type = 'U' WHERE stream_id = id('a-1') AND version = 3;
SELECT * FROM findings;
ROLLBACK TO s;
UPDATE event_store.events SET schema_version = 2 WHERE stream_id = id('a-1') AND version = 3;
SELECT * FROM findings;
ROLLBACK TO s;
UPDATE event_store.events SET event_id = '00000000-0000-4000-8000-000000000009' WHERE stream_id = id('a-1') AND version = 3;
SELECT * FROM findings;
ROLLBACK TO s;
UPDATE event_store.events SET recorded_at = recorded_at + '0.000001 s' WHERE stream_id = id('d-1');
SELECT * FROM findings;
ROLLBACK TO s;
UPDATE event_store.events SET hash = sha256('') WHERE stream_id = id('a-1') AND version = 3;
SELECT * FROM findings;
ROLLBACK TO s;
UPDATE event_store.events SET hash = '\x00' WHERE stream_id = id('a-1') AND version = 3;
SELECT * FROM findings;
ROLLBACK TO s;
UPDATE event_store.events SET hash = NULL WHERE stream_id = id('a-1') AND version > 10;
SELECT * FROM findings;
ROLLBACK TO s;
UPDATE event_store.streams SET stream = 'd-2' WHERE stream = 'd-1';
SELECT * FROM findings;
SELECT * FROM unsealed(:later_position, :'later_hash');
ROLLBACK TO s;

-- order: two events change places, with their hashes and without
UPDATE event_store.events SET version = -version WHERE stream_id = id('a-1') AND version IN (3, 4);
UPDATE event_store.events SET version = 7 + version WHERE version < 0;
SELECT * FROM findings WHERE check_name = 'hash';
ROLLBACK TO s;
UPDATE event_store.events e SET data = o.data, type = o.type, metadata = o.metadata
  FROM event_store.events o WHERE e.stream_id = id('a-1') AND o.stream_id = e.stream_id AND (e.version, o.version) IN ((3, 4), (4, 3));
SELECT * FROM findings;
ROLLBACK TO s;

-- an event removed, as it is and with the versions after it moved down
DELETE FROM event_store.events WHERE stream_id = id('a-1') AND version = 5;
SELECT * FROM findings;
UPDATE event_store.events SET version = -version WHERE stream_id = id('a-1') AND version > 5;
UPDATE event_store.events SET version = -version - 1 WHERE version < 0;
SELECT * FROM findings;
SELECT * FROM unsealed(:later_position, :'later_hash');
ROLLBACK TO s;

-- an event inserted: somebody's, and one that was there before, with its hash
ALTER TABLE event_store.events DISABLE RULE append_only;
INSERT INTO event_store.events
SELECT nextval('event_store.events_global_position_seq'), stream_id, version + 1, category_id, recorded_at, 1, gen_random_uuid(), type, data, metadata, hash
  FROM event_store.events WHERE stream_id = id('a-1') ORDER BY version DESC LIMIT 1;
SELECT check_name, stream, version FROM findings;
SELECT * FROM unsealed(:later_position, :'later_hash');
ROLLBACK TO s;
ALTER TABLE event_store.events DISABLE RULE append_only;
INSERT INTO event_store.events
SELECT nextval('event_store.events_global_position_seq'), id('d-1'), 2, category_id, clock_timestamp(), schema_version, gen_random_uuid(), type, data, metadata, hash
  FROM event_store.events WHERE stream_id = id('d-1');
SELECT * FROM findings;
ROLLBACK TO s;

-- a tail that is cut off, and then the whole stream
DELETE FROM event_store.events WHERE stream_id = id('a-1') AND version > 9;
SELECT * FROM findings;
SELECT * FROM unsealed(:later_position, :'later_hash');
SELECT * FROM unsealed(:global_position, :'root_hash');
DELETE FROM event_store.events WHERE stream_id = id('a-1');
DELETE FROM event_store.streams WHERE stream = 'a-1';
SELECT * FROM findings WHERE check_name <> 'snapshot';
SELECT * FROM unsealed(:later_position, :'later_hash');
-- and the record with it
DELETE FROM event_store.sealed_heads WHERE stream = 'a-1';
SELECT * FROM findings WHERE check_name <> 'snapshot';
SELECT * FROM unsealed(:later_position, :'later_hash');
ROLLBACK TO s;
-- what is not as it was sealed is not sealed again
DELETE FROM event_store.events WHERE stream_id = id('a-1') AND version > 9;
SELECT check_name, version FROM event_store.verify_stream('a-1');
SELECT event_store.seal_store();
ROLLBACK TO s;
UPDATE event_store.events SET hash = sha256('') WHERE stream_id = id('a-1') AND version = 12;
SELECT event_store.seal_store();
ROLLBACK TO s;
DELETE FROM event_store.events WHERE stream_id = id('e-1');
DELETE FROM event_store.streams WHERE stream = 'e-1';
SELECT event_store.seal_store();
ROLLBACK TO s;
UPDATE event_store.streams SET stream = 'd-2' WHERE stream = 'd-1';
SELECT event_store.seal_store();
ROLLBACK TO s;
-- the record alone
UPDATE event_store.sealed_heads SET hash = sha256('') WHERE stream = 'b-ß';
SELECT * FROM findings;
SELECT * FROM unsealed(:later_position, :'later_hash');
ROLLBACK TO s;
-- a stream that was not there
ALTER TABLE event_store.events DISABLE RULE append_only;
ALTER TABLE event_store.streams DISABLE RULE append_only;
SELECT min(n) AS gap FROM generate_series(1, :later_position) n WHERE n NOT IN (SELECT global_position FROM event_store.events) \gset
INSERT INTO event_store.streams SELECT :gap, category_id, 0, created_at, 'a-9' FROM event_store.streams WHERE stream = 'a-1';
INSERT INTO event_store.events SELECT :gap, :gap, 1, category_id, recorded_at, 1, gen_random_uuid(), type, data, metadata, hash FROM event_store.events WHERE stream_id = id('a-1') AND version = 1;
SELECT check_name, stream, version FROM findings;
SELECT * FROM unsealed(:later_position, :'later_hash');
ROLLBACK TO s;

-- a chain that is made anew after a change: only the seal tells
CREATE FUNCTION rechain(stream text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v bigint;
BEGIN
	FOR v IN SELECT version FROM event_store.events WHERE stream_id = id(stream) ORDER BY version LOOP
		UPDATE event_store.events SET hash = x.expected FROM expected x WHERE x.stream = rechain.stream AND x.version = v AND events.global_position = x.global_position;
	END LOOP;
END $$;
SAVEPOINT s;
UPDATE event_store.events SET data = '{"n": 2}' WHERE stream_id = id('a-1') AND version = 1;
SELECT rechain('a-1');
SELECT * FROM event_store.verify_stream('a-1');
SELECT * FROM findings;
SELECT * FROM unsealed(:later_position, :'later_hash');
DELETE FROM event_store.sealed_heads;
SELECT * FROM findings;
SELECT * FROM unsealed(:later_position, :'later_hash') WHERE stream IS NULL OR stream = 'a-1';
ROLLBACK;
SELECT * FROM findings;

-- Of a stream that somebody has tampered with the chain goes on from what is there.
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE event_store.events SET hash = '\x00' WHERE stream_id = id('d-1');
SET LOCAL session_replication_role = origin;
SELECT version FROM event_store.append('d-1', 'T', '2');
SELECT check_name, stream, version FROM findings WHERE check_name = 'hash';
ROLLBACK;

-- A BEFORE ROW trigger that changes what is hashed.
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.data := ''{"changed": true}''; RETURN NEW; END';
CREATE TRIGGER change BEFORE INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION change();
SELECT version FROM event_store.append('d-1', 'T', '2');
CREATE OR REPLACE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.hash := sha256(''''); RETURN NEW; END';
SELECT version FROM event_store.append('d-1', 'T', '2');
CREATE OR REPLACE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT version FROM event_store.append('d-1', 'T', '2');
DROP TRIGGER change ON event_store.events;
SELECT * FROM findings;

-- Roles without rights to the tables.
CREATE ROLE regress_chain_reader;
CREATE ROLE regress_chain_writer;
SELECT event_store.grant_reader('regress_chain_reader'), event_store.grant_writer('regress_chain_writer');
SET ROLE regress_chain_reader;
SELECT count(*) FROM event_store.verify_stream('a-1');
SELECT count(*) FROM event_store.check_seal(:later_position, :'later_hash');
\set VERBOSITY sqlstate
SELECT event_store.seal_store();
SELECT event_store.enable_hash_chain();
SELECT * FROM event_store.sealed_heads;
SET ROLE regress_chain_writer;
SELECT version FROM event_store.append('d-1', 'T', '3');
SELECT streams FROM event_store.seal_store();
SELECT event_store.check_seal(:later_position, :'later_hash');
RESET ROLE;
\set VERBOSITY default
SELECT event_store.revoke_reader('regress_chain_reader'), event_store.revoke_writer('regress_chain_writer');
DROP ROLE regress_chain_reader, regress_chain_writer;

-- Who has the digests of data can check a hash without them.
CREATE TABLE digests AS SELECT stream, version, sha256(convert_to(data::text, 'UTF8')) AS data FROM event_store.read_stream('a-1');
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE event_store.events SET data = '{"erased": true}' WHERE stream_id = id('a-1');
SELECT bool_and(hash = sha256('event_store event 1' || '\x0a'::bytea
		|| coalesce(before, decode(repeat('00', 32), 'hex'))
		|| be8(version) || be8(global_position) || be8(microseconds(recorded_at)) || be8(schema_version) || uuid_send(event_id)
		|| sha256(convert_to(metadata::text, 'UTF8')) || digest || utf8(stream) || utf8(type))) AS verified
  FROM (SELECT e.*, d.data AS digest, lag(e.hash) OVER (ORDER BY e.version) AS before FROM event_store.read_stream('a-1') e JOIN digests d USING (stream, version)) e;
ROLLBACK;

-- A seal that is rolled back leaves no record.
BEGIN;
SELECT global_position AS lost_position, root_hash AS lost_hash FROM event_store.seal_store() \gset
ROLLBACK;
SELECT count(*) FROM event_store.check_seal(:lost_position, :'lost_hash');
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM event_store.events WHERE stream_id = id('e-1');
SELECT * FROM unsealed(:lost_position, :'lost_hash');
ROLLBACK;

-- Changes of what is stored that the calls cannot work with.
BEGIN;
DROP TABLE event_store.hash_chain;
SELECT version FROM event_store.append('d-1', 'T', '2');
ROLLBACK;
BEGIN;
SELECT version FROM event_store.append('d-1', 'T', '{"long": "12345678901234567890"}');
DROP TABLE event_store.hash_chain, event_store.sealed_heads;
SELECT version FROM event_store.append('d-1', 'T', '2');
SELECT version, hash IS NULL AS without FROM event_store.events WHERE stream_id = id('d-1') ORDER BY version DESC LIMIT 2;
ROLLBACK;
BEGIN;
ALTER TABLE event_store.sealed_heads DROP CONSTRAINT sealed_heads_pkey;
SELECT version FROM event_store.append('d-1', 'T', '2');
ROLLBACK;
BEGIN;
ALTER TABLE event_store.events DROP COLUMN hash CASCADE;
SELECT version FROM event_store.append('d-1', 'T', '2');
ROLLBACK;
BEGIN;
DROP TABLE event_store.sealed_heads;
SELECT version FROM event_store.append('d-1', 'T', '2');
ROLLBACK;
SELECT event_store.drop_store(with_events => true);

-- A store that exists gets a chain.
SELECT event_store.create_store();
SELECT version FROM event_store.append('a-1', 'T', '1');
SELECT version FROM event_store.append('b-1', 'T', '1');
BEGIN;
SELECT version FROM event_store.append('a-1', 'T', '2');
SELECT event_store.enable_hash_chain();
SELECT event_store.enable_hash_chain();
SELECT version FROM event_store.append('a-1', 'T', '3');
SELECT version FROM event_store.append('c-1', 'T', '1');
COMMIT;
SELECT version FROM event_store.append('a-1', 'T', '4');
SELECT event_store.enable_hash_chain();
SELECT event_store.create_store(if_not_exists => true, hash_chain => true);
SELECT stream, version, hash IS NOT NULL AS chained FROM event_store.all_events ORDER BY global_position;
SELECT bool_and(hash = expected) AS as_expected FROM expected WHERE hash IS NOT NULL;
SELECT * FROM event_store.verify_store();
SELECT * FROM event_store.seal_store() \gset
SELECT root(:global_position) = :'root_hash' AS as_expected;
SELECT stream, version, hash = decode(repeat('00', 32), 'hex') AS without FROM event_store.sealed_heads ORDER BY stream_id;
BEGIN;
SET LOCAL session_replication_role = replica;
-- what nothing protects, what nothing but the seal, and what is protected now
UPDATE event_store.events SET data = '9' WHERE stream_id IN (1, 2) AND version = 1;
SELECT * FROM findings;
DELETE FROM event_store.events WHERE stream_id = 2;
SELECT * FROM findings;
SELECT * FROM unsealed(:global_position, :'root_hash');
UPDATE event_store.events SET hash = NULL WHERE stream_id = 1;
DELETE FROM event_store.hash_chain;
SELECT * FROM findings WHERE check_name = 'hash';
ROLLBACK;

-- A column of that name which the owner has is not the chain's.
SELECT event_store.drop_store(with_events => true);
SELECT event_store.create_store();
ALTER TABLE event_store.events ADD COLUMN hash bytea DEFAULT '\x01';
SELECT version FROM event_store.append('a-1', 'T', '1');
SELECT hash FROM event_store.events;
SELECT hash FROM event_store.read_all();
SELECT event_store.enable_hash_chain();
SELECT event_store.drop_store(with_events => true);
\c :regress_database
DROP DATABASE regression_event_store_hash_chain;

-- What a superuser makes of another's store is the owner's.
CREATE ROLE regress_chain_owner;
CREATE DATABASE regression_event_store_hash_chain OWNER regress_chain_owner ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
\c regression_event_store_hash_chain
SET ROLE regress_chain_owner;
CREATE EXTENSION event_store;
SELECT event_store.create_store();
RESET ROLE;
DROP TABLE event_store.event_types, event_store.aggregate_types;
SELECT event_store.upgrade_store();
SELECT event_store.enable_hash_chain();
SELECT relname, relowner::regrole FROM pg_class WHERE relnamespace = 'event_store'::regnamespace AND relkind IN ('r', 'v') AND relowner <> 10 ORDER BY 1;
SET ROLE regress_chain_owner;
SELECT version FROM event_store.append('a-1', 'T', '1');

-- The record with something of the owner's on it.
ALTER TABLE event_store.sealed_heads ADD COLUMN note text DEFAULT 'mine', ADD CHECK (version > 0);
CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE '% is sealed', NEW.stream; RETURN NEW; END$$;
CREATE TRIGGER look BEFORE INSERT ON event_store.sealed_heads FOR EACH ROW EXECUTE FUNCTION public.look();
SELECT streams FROM event_store.seal_store();
CREATE OR REPLACE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.version := 7; RETURN NEW; END$$;
SELECT version FROM event_store.append('a-1', 'T', '2');
SELECT streams FROM event_store.seal_store();
DROP TRIGGER look ON event_store.sealed_heads;
SELECT streams FROM event_store.seal_store();
SELECT stream, version, note FROM event_store.sealed_heads ORDER BY version;

-- What was away for a moment counts again, in sessions that looked meanwhile, too.
CREATE FUNCTION public.no(data jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT false';
SELECT event_store.create_event_type('V', 1, 'public.no');
BEGIN;
DROP TABLE event_store.event_types;
SELECT event_store.stream_version('a-1');
ROLLBACK;
SELECT event_store.append('a-1', 'V', '{}');
BEGIN;
ALTER TABLE event_store.hash_chain RENAME TO away;
ALTER TABLE event_store.sealed_heads RENAME TO away_too;
SELECT event_store.stream_version('a-1');
ROLLBACK;
SELECT version FROM event_store.append('a-1', 'T', '3');
SELECT * FROM event_store.verify_store();
-- an upcaster that goes while a read is open
CREATE FUNCTION public.upcast(data jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT data';
SELECT event_store.create_upcaster('T', 1, 'public.upcast');
BEGIN;
DECLARE c CURSOR FOR SELECT version, data FROM event_store.read_all();
FETCH 1 FROM c;
DROP FUNCTION public.upcast(jsonb);
FETCH 1 FROM c;
ROLLBACK;
-- a store that lacks its view
DROP VIEW event_store.all_events;
SELECT event_store.drop_store(with_events => true);
RESET ROLE;
\c :regress_database
DROP DATABASE regression_event_store_hash_chain;
DROP ROLE regress_chain_owner;
