-- A database with a store and a warehouse as release 0.1.0 made them, dumped by
-- pg_dump 15: what the owner regress_owner made and filled by the calls of that
-- release, with a reader, a writer, and regress_partial, who may call read_all.
--
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: event_store; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS event_store WITH SCHEMA pg_catalog;

--
-- Name: EXTENSION event_store; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION event_store IS 'event store: append-only streams with version checks and a global order that never skips';

--
-- Name: event_store_warehouse; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS event_store_warehouse WITH SCHEMA pg_catalog;

--
-- Name: EXTENSION event_store_warehouse; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION event_store_warehouse IS 'warehouse products on event_store: received, shipped and adjusted, with their stock projected';

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: events; Type: TABLE; Schema: event_store; Owner: regress_owner
--

CREATE TABLE event_store.events (
    global_position bigint NOT NULL,
    stream_id bigint NOT NULL,
    version bigint NOT NULL,
    category_id bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    schema_version integer NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    data jsonb NOT NULL,
    metadata jsonb NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.05', autovacuum_analyze_scale_factor='0.05', autovacuum_freeze_min_age='0', vacuum_truncate=off);

ALTER TABLE event_store.events OWNER TO regress_owner;

--
-- Name: TABLE events; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TABLE event_store.events IS 'The events. Written by the append calls and by nothing else.';

--
-- Name: COLUMN events.global_position; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.global_position IS 'place in the whole store; ascends, with gaps where appends rolled back';

--
-- Name: COLUMN events.stream_id; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.stream_id IS 'its stream';

--
-- Name: COLUMN events.version; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.version IS 'place in the stream: 1, 2, 3 ... without gaps';

--
-- Name: COLUMN events.category_id; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.category_id IS 'its stream''s category';

--
-- Name: COLUMN events.recorded_at; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.recorded_at IS 'when it was appended, before its commit';

--
-- Name: COLUMN events.schema_version; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.schema_version IS 'version of the shape of data';

--
-- Name: COLUMN events.event_id; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.event_id IS 'unique in the store; a UUIDv7 where the caller gave none';

--
-- Name: COLUMN events.type; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.type IS 'what happened';

--
-- Name: COLUMN events.data; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.data IS 'the facts of the event';

--
-- Name: COLUMN events.metadata; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.events.metadata IS 'facts about the event; keys that begin with $ are the store''s';

--
-- Name: streams; Type: TABLE; Schema: event_store; Owner: regress_owner
--

CREATE TABLE event_store.streams (
    stream_id bigint NOT NULL,
    category_id bigint NOT NULL,
    base_version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE event_store.streams OWNER TO regress_owner;

--
-- Name: TABLE streams; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TABLE event_store.streams IS 'The streams. A row is not updated by appends: a stream''s version is its last event''s.';

--
-- Name: COLUMN streams.stream_id; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.streams.stream_id IS 'global position of the stream''s first event';

--
-- Name: COLUMN streams.category_id; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.streams.category_id IS 'its category';

--
-- Name: COLUMN streams.base_version; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.streams.base_version IS 'version below which no event is kept, so that versions are never used twice; 0 where all are';

--
-- Name: COLUMN streams.created_at; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.streams.created_at IS 'when its first event was recorded';

--
-- Name: COLUMN streams.stream; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.streams.stream IS 'its name, category-id';

--
-- Name: all_events; Type: VIEW; Schema: event_store; Owner: regress_owner
--

CREATE VIEW event_store.all_events AS
 SELECT e.global_position,
    s.stream,
    e.version,
    e.type,
    e.data,
    e.metadata,
    e.event_id,
    e.schema_version,
    e.recorded_at,
    (e.metadata ->> '$user'::text) AS recorded_by,
    NULL::bytea AS hash
   FROM (ONLY event_store.events e
     JOIN ONLY event_store.streams s ON ((s.stream_id = e.stream_id)));

ALTER TABLE event_store.all_events OWNER TO regress_owner;

--
-- Name: VIEW all_events; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON VIEW event_store.all_events IS 'All events that the query''s snapshot sees, for queries of any kind. A consumer that goes on from where it stopped uses read_all() instead: events appear here in the order of commit, not of global_position.';

--
-- Name: COLUMN all_events.global_position; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.global_position IS 'place in the whole store';

--
-- Name: COLUMN all_events.stream; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.stream IS 'name of the stream, category-id';

--
-- Name: COLUMN all_events.version; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.version IS 'place in the stream';

--
-- Name: COLUMN all_events.type; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.type IS 'what happened';

--
-- Name: COLUMN all_events.data; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.data IS 'the facts of the event';

--
-- Name: COLUMN all_events.metadata; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.metadata IS 'facts about the event';

--
-- Name: COLUMN all_events.event_id; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.event_id IS 'unique in the store';

--
-- Name: COLUMN all_events.schema_version; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.schema_version IS 'version of the shape of data';

--
-- Name: COLUMN all_events.recorded_at; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.recorded_at IS 'when it was appended, before its commit';

--
-- Name: COLUMN all_events.recorded_by; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.recorded_by IS 'role that appended it, metadata''s $user';

--
-- Name: COLUMN all_events.hash; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.all_events.hash IS 'reserved for the hash chain; NULL without one';

--
-- Name: categories; Type: TABLE; Schema: event_store; Owner: regress_owner
--

CREATE TABLE event_store.categories (
    category_id bigint NOT NULL,
    category text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE event_store.categories OWNER TO regress_owner;

--
-- Name: TABLE categories; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TABLE event_store.categories IS 'The categories of the streams.';

--
-- Name: COLUMN categories.category_id; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.categories.category_id IS 'global position of the category''s first event';

--
-- Name: COLUMN categories.category; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.categories.category IS 'what the names of its streams begin with, before the first -';

--
-- Name: events_global_position_seq; Type: SEQUENCE; Schema: event_store; Owner: regress_owner
--

CREATE SEQUENCE event_store.events_global_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE event_store.events_global_position_seq OWNER TO regress_owner;

--
-- Name: events_global_position_seq; Type: SEQUENCE OWNED BY; Schema: event_store; Owner: regress_owner
--

ALTER SEQUENCE event_store.events_global_position_seq OWNED BY event_store.events.global_position;

--
-- Name: SEQUENCE events_global_position_seq; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON SEQUENCE event_store.events_global_position_seq IS 'Global positions. Its cache must stay 1.';

--
-- Name: snapshots; Type: TABLE; Schema: event_store; Owner: regress_owner
--

CREATE TABLE event_store.snapshots (
    stream_id bigint NOT NULL,
    version bigint NOT NULL,
    state_version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    state jsonb NOT NULL
);

ALTER TABLE event_store.snapshots OWNER TO regress_owner;

--
-- Name: TABLE snapshots; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TABLE event_store.snapshots IS 'States of aggregates at versions of their streams. May be deleted: events are the truth.';

--
-- Name: COLUMN snapshots.stream_id; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.snapshots.stream_id IS 'its stream';

--
-- Name: COLUMN snapshots.version; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.snapshots.version IS 'version of the last event that the state holds';

--
-- Name: COLUMN snapshots.state_version; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.snapshots.state_version IS 'version of the code that made the state';

--
-- Name: COLUMN snapshots.created_at; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.snapshots.created_at IS 'when it was saved';

--
-- Name: COLUMN snapshots.state; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON COLUMN event_store.snapshots.state IS 'the state after that event';

--
-- Name: stock; Type: TABLE; Schema: warehouse; Owner: regress_owner
--

CREATE TABLE warehouse.stock (
    sku text NOT NULL COLLATE pg_catalog."C",
    quantity_on_hand bigint NOT NULL,
    version bigint NOT NULL,
    global_position bigint NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

ALTER TABLE warehouse.stock OWNER TO regress_owner;

--
-- Name: TABLE stock; Type: COMMENT; Schema: warehouse; Owner: regress_owner
--

COMMENT ON TABLE warehouse.stock IS 'What is on hand of each product: a projection of the products'' events, written by a trigger on them. To change it, call the warehouse''s functions.';

--
-- Name: COLUMN stock.sku; Type: COMMENT; Schema: warehouse; Owner: regress_owner
--

COMMENT ON COLUMN warehouse.stock.sku IS 'the product; its stream is warehouse_product-sku';

--
-- Name: COLUMN stock.quantity_on_hand; Type: COMMENT; Schema: warehouse; Owner: regress_owner
--

COMMENT ON COLUMN warehouse.stock.quantity_on_hand IS 'after the product''s last event';

--
-- Name: COLUMN stock.version; Type: COMMENT; Schema: warehouse; Owner: regress_owner
--

COMMENT ON COLUMN warehouse.stock.version IS 'version of the product''s stream that the row is at';

--
-- Name: COLUMN stock.global_position; Type: COMMENT; Schema: warehouse; Owner: regress_owner
--

COMMENT ON COLUMN warehouse.stock.global_position IS 'global position of that event';

--
-- Name: COLUMN stock.updated_at; Type: COMMENT; Schema: warehouse; Owner: regress_owner
--

COMMENT ON COLUMN warehouse.stock.updated_at IS 'when that event was recorded';

--
-- Data for Name: categories; Type: TABLE DATA; Schema: event_store; Owner: regress_owner
--

COPY event_store.categories (category_id, category) FROM stdin;
1	order
201	Müller's "stream"
204	plain
205	large
206	warehouse_product
\.

--
-- Data for Name: events; Type: TABLE DATA; Schema: event_store; Owner: regress_owner
--

COPY event_store.events (global_position, stream_id, version, category_id, recorded_at, schema_version, event_id, type, data, metadata) FROM stdin;
1	1	1	1	2026-11-25 17:00:36.825662+00	1	01a213a6-ee59-7fb8-86af-f14466b84e38	Placed	{"n": 1}	{"$user": "regress_owner", "$application": "psql"}
2	2	1	1	2026-11-25 17:00:36.826423+00	1	01a213a6-ee5a-7700-b77a-a484343d1797	Placed	{"n": 2}	{"$user": "regress_owner", "$application": "psql"}
3	3	1	1	2026-11-25 17:00:36.826463+00	1	01a213a6-ee5a-7791-9287-5eccc58c34e1	Placed	{"n": 3}	{"$user": "regress_owner", "$application": "psql"}
4	4	1	1	2026-11-25 17:00:36.826492+00	1	01a213a6-ee5a-7808-9242-37fbda4c6201	Placed	{"n": 4}	{"$user": "regress_owner", "$application": "psql"}
5	5	1	1	2026-11-25 17:00:36.826527+00	1	01a213a6-ee5a-7894-9e62-8986ebf5f4d7	Placed	{"n": 5}	{"$user": "regress_owner", "$application": "psql"}
6	6	1	1	2026-11-25 17:00:36.826555+00	1	01a213a6-ee5a-7904-ab63-23a5b1904101	Placed	{"n": 6}	{"$user": "regress_owner", "$application": "psql"}
7	7	1	1	2026-11-25 17:00:36.826581+00	1	01a213a6-ee5a-7972-8a1e-ed11b025ff10	Placed	{"n": 7}	{"$user": "regress_owner", "$application": "psql"}
8	8	1	1	2026-11-25 17:00:36.826609+00	1	01a213a6-ee5a-79e1-b8ce-fed871259d2a	Placed	{"n": 8}	{"$user": "regress_owner", "$application": "psql"}
9	9	1	1	2026-11-25 17:00:36.826635+00	1	01a213a6-ee5a-7a4e-8aad-f415ad028239	Placed	{"n": 9}	{"$user": "regress_owner", "$application": "psql"}
10	10	1	1	2026-11-25 17:00:36.826668+00	1	01a213a6-ee5a-7ad9-a121-50e3d0c8f516	Placed	{"n": 10}	{"$user": "regress_owner", "$application": "psql"}
11	11	1	1	2026-11-25 17:00:36.826697+00	1	01a213a6-ee5a-7b4a-b606-bd3fdf4e43a1	Placed	{"n": 11}	{"$user": "regress_owner", "$application": "psql"}
12	12	1	1	2026-11-25 17:00:36.826725+00	1	01a213a6-ee5a-7bbf-9777-6b97bee771b1	Placed	{"n": 12}	{"$user": "regress_owner", "$application": "psql"}
13	13	1	1	2026-11-25 17:00:36.826752+00	1	01a213a6-ee5a-7c2d-b55e-b7d1f82c3274	Placed	{"n": 13}	{"$user": "regress_owner", "$application": "psql"}
14	14	1	1	2026-11-25 17:00:36.826779+00	1	01a213a6-ee5a-7c99-9f22-425dfb49a628	Placed	{"n": 14}	{"$user": "regress_owner", "$application": "psql"}
15	15	1	1	2026-11-25 17:00:36.826805+00	1	01a213a6-ee5a-7d17-90c6-5e39e7df896c	Placed	{"n": 15}	{"$user": "regress_owner", "$application": "psql"}
16	16	1	1	2026-11-25 17:00:36.826837+00	1	01a213a6-ee5a-7d87-b2ea-f026a0435690	Placed	{"n": 16}	{"$user": "regress_owner", "$application": "psql"}
17	17	1	1	2026-11-25 17:00:36.826863+00	1	01a213a6-ee5a-7df3-b13c-914e34cad8bc	Placed	{"n": 17}	{"$user": "regress_owner", "$application": "psql"}
18	18	1	1	2026-11-25 17:00:36.82689+00	1	01a213a6-ee5a-7e5f-8233-07bdff27af74	Placed	{"n": 18}	{"$user": "regress_owner", "$application": "psql"}
19	19	1	1	2026-11-25 17:00:36.826916+00	1	01a213a6-ee5a-7ecd-ac33-7837dba687a4	Placed	{"n": 19}	{"$user": "regress_owner", "$application": "psql"}
20	20	1	1	2026-11-25 17:00:36.826944+00	1	01a213a6-ee5a-7f4b-86ee-1a0d3e884332	Placed	{"n": 20}	{"$user": "regress_owner", "$application": "psql"}
21	1	2	1	2026-11-25 17:00:36.826975+00	1	01a213a6-ee5a-7fa7-b013-bd8f9855bc41	Placed	{"n": 21}	{"$user": "regress_owner", "$application": "psql"}
22	2	2	1	2026-11-25 17:00:36.826997+00	1	01a213a6-ee5b-7001-bf55-460be5887cce	Placed	{"n": 22}	{"$user": "regress_owner", "$application": "psql"}
23	3	2	1	2026-11-25 17:00:36.827018+00	1	01a213a6-ee5b-7057-978e-01e21968774b	Placed	{"n": 23}	{"$user": "regress_owner", "$application": "psql"}
24	4	2	1	2026-11-25 17:00:36.827039+00	1	01a213a6-ee5b-70ae-84a1-9c33375da0bb	Placed	{"n": 24}	{"$user": "regress_owner", "$application": "psql"}
25	5	2	1	2026-11-25 17:00:36.827061+00	1	01a213a6-ee5b-7103-a035-dbc3b6f49a2e	Placed	{"n": 25}	{"$user": "regress_owner", "$application": "psql"}
26	6	2	1	2026-11-25 17:00:36.827081+00	1	01a213a6-ee5b-7159-9618-ac127efbde68	Placed	{"n": 26}	{"$user": "regress_owner", "$application": "psql"}
27	7	2	1	2026-11-25 17:00:36.827102+00	1	01a213a6-ee5b-71af-b728-ac705be63ee8	Placed	{"n": 27}	{"$user": "regress_owner", "$application": "psql"}
28	8	2	1	2026-11-25 17:00:36.827126+00	1	01a213a6-ee5b-7212-8980-bf1d013733ae	Placed	{"n": 28}	{"$user": "regress_owner", "$application": "psql"}
29	9	2	1	2026-11-25 17:00:36.827148+00	1	01a213a6-ee5b-726a-a457-1c699f692816	Placed	{"n": 29}	{"$user": "regress_owner", "$application": "psql"}
30	10	2	1	2026-11-25 17:00:36.82717+00	1	01a213a6-ee5b-72c3-9c65-cedbdf1e35aa	Placed	{"n": 30}	{"$user": "regress_owner", "$application": "psql"}
31	11	2	1	2026-11-25 17:00:36.827191+00	1	01a213a6-ee5b-7319-822a-761971df84c1	Placed	{"n": 31}	{"$user": "regress_owner", "$application": "psql"}
32	12	2	1	2026-11-25 17:00:36.827212+00	1	01a213a6-ee5b-736f-8af6-d15538c494ae	Placed	{"n": 32}	{"$user": "regress_owner", "$application": "psql"}
33	13	2	1	2026-11-25 17:00:36.827233+00	1	01a213a6-ee5b-73c5-9874-622d199dfb5e	Placed	{"n": 33}	{"$user": "regress_owner", "$application": "psql"}
34	14	2	1	2026-11-25 17:00:36.827254+00	1	01a213a6-ee5b-741e-8d6e-408792723435	Placed	{"n": 34}	{"$user": "regress_owner", "$application": "psql"}
35	15	2	1	2026-11-25 17:00:36.827279+00	1	01a213a6-ee5b-7483-810f-069d37ff960d	Placed	{"n": 35}	{"$user": "regress_owner", "$application": "psql"}
36	16	2	1	2026-11-25 17:00:36.8273+00	1	01a213a6-ee5b-74d8-bbcf-f193be8c13d1	Placed	{"n": 36}	{"$user": "regress_owner", "$application": "psql"}
37	17	2	1	2026-11-25 17:00:36.827321+00	1	01a213a6-ee5b-752d-9826-6b20f3e056f3	Placed	{"n": 37}	{"$user": "regress_owner", "$application": "psql"}
38	18	2	1	2026-11-25 17:00:36.827342+00	1	01a213a6-ee5b-7584-8e0e-aac5b658a06e	Placed	{"n": 38}	{"$user": "regress_owner", "$application": "psql"}
39	19	2	1	2026-11-25 17:00:36.827363+00	1	01a213a6-ee5b-75db-8210-ed5e1226950e	Placed	{"n": 39}	{"$user": "regress_owner", "$application": "psql"}
40	20	2	1	2026-11-25 17:00:36.827385+00	1	01a213a6-ee5b-7635-a69e-3884300bf4ea	Placed	{"n": 40}	{"$user": "regress_owner", "$application": "psql"}
41	1	3	1	2026-11-25 17:00:36.827406+00	1	01a213a6-ee5b-768c-aeb4-8954b95b2c93	Placed	{"n": 41}	{"$user": "regress_owner", "$application": "psql"}
42	2	3	1	2026-11-25 17:00:36.827431+00	1	01a213a6-ee5b-76f2-9c03-eb034375ac57	Placed	{"n": 42}	{"$user": "regress_owner", "$application": "psql"}
43	3	3	1	2026-11-25 17:00:36.827453+00	1	01a213a6-ee5b-774a-b96b-0f531e45cb15	Placed	{"n": 43}	{"$user": "regress_owner", "$application": "psql"}
44	4	3	1	2026-11-25 17:00:36.827474+00	1	01a213a6-ee5b-77a0-a4c0-2f5c73bca971	Placed	{"n": 44}	{"$user": "regress_owner", "$application": "psql"}
45	5	3	1	2026-11-25 17:00:36.827495+00	1	01a213a6-ee5b-77f6-b93f-3275e514e4ec	Placed	{"n": 45}	{"$user": "regress_owner", "$application": "psql"}
46	6	3	1	2026-11-25 17:00:36.827516+00	1	01a213a6-ee5b-784c-804a-b5bcda60e16d	Placed	{"n": 46}	{"$user": "regress_owner", "$application": "psql"}
47	7	3	1	2026-11-25 17:00:36.835987+00	1	01a213a6-ee63-7fe7-ba31-c7a22ca1ebae	Placed	{"n": 47}	{"$user": "regress_owner", "$application": "psql"}
48	8	3	1	2026-11-25 17:00:36.836029+00	1	01a213a6-ee64-7087-8f93-f0e5fed9e188	Placed	{"n": 48}	{"$user": "regress_owner", "$application": "psql"}
49	9	3	1	2026-11-25 17:00:36.836061+00	1	01a213a6-ee64-7105-9dc3-6668c76036bc	Placed	{"n": 49}	{"$user": "regress_owner", "$application": "psql"}
50	10	3	1	2026-11-25 17:00:36.836084+00	1	01a213a6-ee64-7163-b993-97380ce346a0	Placed	{"n": 50}	{"$user": "regress_owner", "$application": "psql"}
51	11	3	1	2026-11-25 17:00:36.836105+00	1	01a213a6-ee64-71ba-a535-7613ab19de1d	Placed	{"n": 51}	{"$user": "regress_owner", "$application": "psql"}
52	12	3	1	2026-11-25 17:00:36.836128+00	1	01a213a6-ee64-7218-b3b0-f9cec4ecc843	Placed	{"n": 52}	{"$user": "regress_owner", "$application": "psql"}
53	13	3	1	2026-11-25 17:00:36.83615+00	1	01a213a6-ee64-7271-ad9f-8fd57c08c67d	Placed	{"n": 53}	{"$user": "regress_owner", "$application": "psql"}
54	14	3	1	2026-11-25 17:00:36.836171+00	1	01a213a6-ee64-72c9-a0e9-2210af7d550e	Placed	{"n": 54}	{"$user": "regress_owner", "$application": "psql"}
55	15	3	1	2026-11-25 17:00:36.836193+00	1	01a213a6-ee64-7322-9f72-8b6252dc2a95	Placed	{"n": 55}	{"$user": "regress_owner", "$application": "psql"}
56	16	3	1	2026-11-25 17:00:36.836214+00	1	01a213a6-ee64-737a-b699-1d7c738e1c26	Placed	{"n": 56}	{"$user": "regress_owner", "$application": "psql"}
57	17	3	1	2026-11-25 17:00:36.83624+00	1	01a213a6-ee64-73e2-ba36-56cd6a24c3fc	Placed	{"n": 57}	{"$user": "regress_owner", "$application": "psql"}
58	18	3	1	2026-11-25 17:00:36.836262+00	1	01a213a6-ee64-743b-a80a-ba067c432659	Placed	{"n": 58}	{"$user": "regress_owner", "$application": "psql"}
59	19	3	1	2026-11-25 17:00:36.836283+00	1	01a213a6-ee64-7492-8b77-d78b16c8f7aa	Placed	{"n": 59}	{"$user": "regress_owner", "$application": "psql"}
60	20	3	1	2026-11-25 17:00:36.836304+00	1	01a213a6-ee64-74e9-8dc7-f687ead076e3	Placed	{"n": 60}	{"$user": "regress_owner", "$application": "psql"}
61	1	4	1	2026-11-25 17:00:36.836325+00	1	01a213a6-ee64-7541-80f3-fe23d77b983d	Placed	{"n": 61}	{"$user": "regress_owner", "$application": "psql"}
62	2	4	1	2026-11-25 17:00:36.836348+00	1	01a213a6-ee64-759c-87a3-83bf3a59fdfb	Placed	{"n": 62}	{"$user": "regress_owner", "$application": "psql"}
63	3	4	1	2026-11-25 17:00:36.836369+00	1	01a213a6-ee64-75f4-925f-1bba6a24d4ee	Placed	{"n": 63}	{"$user": "regress_owner", "$application": "psql"}
64	4	4	1	2026-11-25 17:00:36.836394+00	1	01a213a6-ee64-765a-8625-8f8f76343e3c	Placed	{"n": 64}	{"$user": "regress_owner", "$application": "psql"}
65	5	4	1	2026-11-25 17:00:36.836416+00	1	01a213a6-ee64-76b2-8818-6fa63aadd753	Placed	{"n": 65}	{"$user": "regress_owner", "$application": "psql"}
66	6	4	1	2026-11-25 17:00:36.836437+00	1	01a213a6-ee64-770b-adae-ba50326fd668	Placed	{"n": 66}	{"$user": "regress_owner", "$application": "psql"}
67	7	4	1	2026-11-25 17:00:36.836459+00	1	01a213a6-ee64-7765-a7c2-9f06a7aa1034	Placed	{"n": 67}	{"$user": "regress_owner", "$application": "psql"}
68	8	4	1	2026-11-25 17:00:36.836481+00	1	01a213a6-ee64-77bd-a79b-383a2fec147b	Placed	{"n": 68}	{"$user": "regress_owner", "$application": "psql"}
69	9	4	1	2026-11-25 17:00:36.836502+00	1	01a213a6-ee64-7815-a2c7-b1ff8a584c1d	Placed	{"n": 69}	{"$user": "regress_owner", "$application": "psql"}
70	10	4	1	2026-11-25 17:00:36.836524+00	1	01a213a6-ee64-786d-aea7-272109dc650c	Placed	{"n": 70}	{"$user": "regress_owner", "$application": "psql"}
71	11	4	1	2026-11-25 17:00:36.836549+00	1	01a213a6-ee64-78d4-bca4-05954acf73b3	Placed	{"n": 71}	{"$user": "regress_owner", "$application": "psql"}
72	12	4	1	2026-11-25 17:00:36.836571+00	1	01a213a6-ee64-792d-b2df-636708357d61	Placed	{"n": 72}	{"$user": "regress_owner", "$application": "psql"}
73	13	4	1	2026-11-25 17:00:36.836592+00	1	01a213a6-ee64-7984-a340-85ecd85f304a	Placed	{"n": 73}	{"$user": "regress_owner", "$application": "psql"}
74	14	4	1	2026-11-25 17:00:36.836613+00	1	01a213a6-ee64-79db-b011-0df156ecffdf	Placed	{"n": 74}	{"$user": "regress_owner", "$application": "psql"}
75	15	4	1	2026-11-25 17:00:36.836634+00	1	01a213a6-ee64-7a32-b148-037402813c58	Placed	{"n": 75}	{"$user": "regress_owner", "$application": "psql"}
76	16	4	1	2026-11-25 17:00:36.836655+00	1	01a213a6-ee64-7a88-b458-cbd2394dddf2	Placed	{"n": 76}	{"$user": "regress_owner", "$application": "psql"}
77	17	4	1	2026-11-25 17:00:36.836676+00	1	01a213a6-ee64-7ade-85fe-b557de9ebbb4	Placed	{"n": 77}	{"$user": "regress_owner", "$application": "psql"}
78	18	4	1	2026-11-25 17:00:36.836702+00	1	01a213a6-ee64-7b47-83a1-00dc967724c4	Placed	{"n": 78}	{"$user": "regress_owner", "$application": "psql"}
79	19	4	1	2026-11-25 17:00:36.836723+00	1	01a213a6-ee64-7b9e-aa14-42be72d99f36	Placed	{"n": 79}	{"$user": "regress_owner", "$application": "psql"}
80	20	4	1	2026-11-25 17:00:36.836745+00	1	01a213a6-ee64-7bf7-8d62-bfb4b9284282	Placed	{"n": 80}	{"$user": "regress_owner", "$application": "psql"}
81	1	5	1	2026-11-25 17:00:36.836767+00	1	01a213a6-ee64-7c52-90e4-1e40e11f4bb0	Placed	{"n": 81}	{"$user": "regress_owner", "$application": "psql"}
82	2	5	1	2026-11-25 17:00:36.836789+00	1	01a213a6-ee64-7cac-a808-ae1055723019	Placed	{"n": 82}	{"$user": "regress_owner", "$application": "psql"}
83	3	5	1	2026-11-25 17:00:36.836811+00	1	01a213a6-ee64-7d04-9d17-eb8759f2216f	Placed	{"n": 83}	{"$user": "regress_owner", "$application": "psql"}
84	4	5	1	2026-11-25 17:00:36.836832+00	1	01a213a6-ee64-7d5c-835c-239e6af19a40	Placed	{"n": 84}	{"$user": "regress_owner", "$application": "psql"}
85	5	5	1	2026-11-25 17:00:36.836854+00	1	01a213a6-ee64-7db4-a568-97905bd14de4	Placed	{"n": 85}	{"$user": "regress_owner", "$application": "psql"}
86	6	5	1	2026-11-25 17:00:36.836878+00	1	01a213a6-ee64-7e18-9acc-3e91b9a336cb	Placed	{"n": 86}	{"$user": "regress_owner", "$application": "psql"}
87	7	5	1	2026-11-25 17:00:36.836899+00	1	01a213a6-ee64-7e70-8c39-49ff03059f0f	Placed	{"n": 87}	{"$user": "regress_owner", "$application": "psql"}
88	8	5	1	2026-11-25 17:00:36.836921+00	1	01a213a6-ee64-7ec7-8a66-e4438d3cf724	Placed	{"n": 88}	{"$user": "regress_owner", "$application": "psql"}
89	9	5	1	2026-11-25 17:00:36.836948+00	1	01a213a6-ee64-7f38-8c46-0e5acb58ee51	Placed	{"n": 89}	{"$user": "regress_owner", "$application": "psql"}
90	10	5	1	2026-11-25 17:00:36.83697+00	1	01a213a6-ee64-7f93-b21c-416cc8925144	Placed	{"n": 90}	{"$user": "regress_owner", "$application": "psql"}
91	11	5	1	2026-11-25 17:00:36.836992+00	1	01a213a6-ee64-7fec-9e23-544d76d98a55	Placed	{"n": 91}	{"$user": "regress_owner", "$application": "psql"}
92	12	5	1	2026-11-25 17:00:36.837048+00	1	01a213a6-ee65-70d4-8518-0ab0166c8e15	Placed	{"n": 92}	{"$user": "regress_owner", "$application": "psql"}
93	13	5	1	2026-11-25 17:00:36.837074+00	1	01a213a6-ee65-713c-9859-83cdf5970db4	Placed	{"n": 93}	{"$user": "regress_owner", "$application": "psql"}
94	14	5	1	2026-11-25 17:00:36.837096+00	1	01a213a6-ee65-7194-83c6-7d6db74f4707	Placed	{"n": 94}	{"$user": "regress_owner", "$application": "psql"}
95	15	5	1	2026-11-25 17:00:36.837117+00	1	01a213a6-ee65-71eb-b261-8eeda1d4afae	Placed	{"n": 95}	{"$user": "regress_owner", "$application": "psql"}
96	16	5	1	2026-11-25 17:00:36.837139+00	1	01a213a6-ee65-7243-a83e-c9815b615308	Placed	{"n": 96}	{"$user": "regress_owner", "$application": "psql"}
97	17	5	1	2026-11-25 17:00:36.83716+00	1	01a213a6-ee65-729a-8e7c-f125a2bbf97c	Placed	{"n": 97}	{"$user": "regress_owner", "$application": "psql"}
98	18	5	1	2026-11-25 17:00:36.837181+00	1	01a213a6-ee65-72f1-86ab-603076255355	Placed	{"n": 98}	{"$user": "regress_owner", "$application": "psql"}
99	19	5	1	2026-11-25 17:00:36.837203+00	1	01a213a6-ee65-734d-a4d3-f647f98768db	Placed	{"n": 99}	{"$user": "regress_owner", "$application": "psql"}
100	20	5	1	2026-11-25 17:00:36.837229+00	1	01a213a6-ee65-73b7-9786-1fe2c1dfeabe	Placed	{"n": 100}	{"$user": "regress_owner", "$application": "psql"}
101	1	6	1	2026-11-25 17:00:36.837251+00	1	01a213a6-ee65-740f-b460-fa8523519a93	Placed	{"n": 101}	{"$user": "regress_owner", "$application": "psql"}
102	2	6	1	2026-11-25 17:00:36.837272+00	1	01a213a6-ee65-7467-a34f-359f3fe0ca62	Placed	{"n": 102}	{"$user": "regress_owner", "$application": "psql"}
103	3	6	1	2026-11-25 17:00:36.837294+00	1	01a213a6-ee65-74be-ae8e-2144f39dae07	Placed	{"n": 103}	{"$user": "regress_owner", "$application": "psql"}
104	4	6	1	2026-11-25 17:00:36.837315+00	1	01a213a6-ee65-7516-aff1-c26bbfaf6458	Placed	{"n": 104}	{"$user": "regress_owner", "$application": "psql"}
105	5	6	1	2026-11-25 17:00:36.837336+00	1	01a213a6-ee65-756e-9296-51aed5d83ef3	Placed	{"n": 105}	{"$user": "regress_owner", "$application": "psql"}
106	6	6	1	2026-11-25 17:00:36.837358+00	1	01a213a6-ee65-75c5-9a8b-3e49dd56b2a2	Placed	{"n": 106}	{"$user": "regress_owner", "$application": "psql"}
107	7	6	1	2026-11-25 17:00:36.837382+00	1	01a213a6-ee65-7629-938a-4e1550db15e8	Placed	{"n": 107}	{"$user": "regress_owner", "$application": "psql"}
108	8	6	1	2026-11-25 17:00:36.837404+00	1	01a213a6-ee65-7684-94a8-ee6a7b8db4fd	Placed	{"n": 108}	{"$user": "regress_owner", "$application": "psql"}
109	9	6	1	2026-11-25 17:00:36.837426+00	1	01a213a6-ee65-76df-ac51-c0a85635e461	Placed	{"n": 109}	{"$user": "regress_owner", "$application": "psql"}
110	10	6	1	2026-11-25 17:00:36.837448+00	1	01a213a6-ee65-7738-b56a-864c40f1d790	Placed	{"n": 110}	{"$user": "regress_owner", "$application": "psql"}
111	11	6	1	2026-11-25 17:00:36.83747+00	1	01a213a6-ee65-778f-9695-aa372e5f029b	Placed	{"n": 111}	{"$user": "regress_owner", "$application": "psql"}
112	12	6	1	2026-11-25 17:00:36.837491+00	1	01a213a6-ee65-77e7-b466-339d6343255a	Placed	{"n": 112}	{"$user": "regress_owner", "$application": "psql"}
113	13	6	1	2026-11-25 17:00:36.837516+00	1	01a213a6-ee65-7850-a842-82592d022a6c	Placed	{"n": 113}	{"$user": "regress_owner", "$application": "psql"}
114	14	6	1	2026-11-25 17:00:36.837549+00	1	01a213a6-ee65-78db-8d25-3ba7abe39245	Placed	{"n": 114}	{"$user": "regress_owner", "$application": "psql"}
115	15	6	1	2026-11-25 17:00:36.837584+00	1	01a213a6-ee65-7964-b83e-9ee4cf11c324	Placed	{"n": 115}	{"$user": "regress_owner", "$application": "psql"}
116	16	6	1	2026-11-25 17:00:36.837606+00	1	01a213a6-ee65-79bf-9f48-0d2455d90999	Placed	{"n": 116}	{"$user": "regress_owner", "$application": "psql"}
117	17	6	1	2026-11-25 17:00:36.837628+00	1	01a213a6-ee65-7a17-a95a-39868abe8c4c	Placed	{"n": 117}	{"$user": "regress_owner", "$application": "psql"}
118	18	6	1	2026-11-25 17:00:36.83765+00	1	01a213a6-ee65-7a70-bcd1-b1d9d7337ff1	Placed	{"n": 118}	{"$user": "regress_owner", "$application": "psql"}
119	19	6	1	2026-11-25 17:00:36.837671+00	1	01a213a6-ee65-7ac9-b7b5-b955c38d82dc	Placed	{"n": 119}	{"$user": "regress_owner", "$application": "psql"}
120	20	6	1	2026-11-25 17:00:36.837694+00	1	01a213a6-ee65-7b25-b0d2-11fd7f3b12a2	Placed	{"n": 120}	{"$user": "regress_owner", "$application": "psql"}
121	1	7	1	2026-11-25 17:00:36.837716+00	1	01a213a6-ee65-7b7f-935e-638bce57de75	Placed	{"n": 121}	{"$user": "regress_owner", "$application": "psql"}
122	2	7	1	2026-11-25 17:00:36.837742+00	1	01a213a6-ee65-7beb-b85f-897919754b6f	Placed	{"n": 122}	{"$user": "regress_owner", "$application": "psql"}
123	3	7	1	2026-11-25 17:00:36.837764+00	1	01a213a6-ee65-7c43-820d-eb3ce25ba73f	Placed	{"n": 123}	{"$user": "regress_owner", "$application": "psql"}
124	4	7	1	2026-11-25 17:00:36.837785+00	1	01a213a6-ee65-7c9c-94d9-1d630aaa5f1b	Placed	{"n": 124}	{"$user": "regress_owner", "$application": "psql"}
125	5	7	1	2026-11-25 17:00:36.837807+00	1	01a213a6-ee65-7cf4-ac8a-4a1f5aeb0d8a	Placed	{"n": 125}	{"$user": "regress_owner", "$application": "psql"}
126	6	7	1	2026-11-25 17:00:36.837828+00	1	01a213a6-ee65-7d4c-af85-048ff1d92470	Placed	{"n": 126}	{"$user": "regress_owner", "$application": "psql"}
127	7	7	1	2026-11-25 17:00:36.83785+00	1	01a213a6-ee65-7da3-b1e2-83ebd4f9d6d6	Placed	{"n": 127}	{"$user": "regress_owner", "$application": "psql"}
128	8	7	1	2026-11-25 17:00:36.837871+00	1	01a213a6-ee65-7dfa-9f18-b22470093c31	Placed	{"n": 128}	{"$user": "regress_owner", "$application": "psql"}
129	9	7	1	2026-11-25 17:00:36.837896+00	1	01a213a6-ee65-7e63-a15c-709b59125394	Placed	{"n": 129}	{"$user": "regress_owner", "$application": "psql"}
130	10	7	1	2026-11-25 17:00:36.837947+00	1	01a213a6-ee65-7f35-96da-2552e5d0ce48	Placed	{"n": 130}	{"$user": "regress_owner", "$application": "psql"}
131	11	7	1	2026-11-25 17:00:36.83797+00	1	01a213a6-ee65-7f8f-b346-d4e94d03eb11	Placed	{"n": 131}	{"$user": "regress_owner", "$application": "psql"}
132	12	7	1	2026-11-25 17:00:36.837991+00	1	01a213a6-ee65-7fe9-8a34-96ace707d4d6	Placed	{"n": 132}	{"$user": "regress_owner", "$application": "psql"}
133	13	7	1	2026-11-25 17:00:36.838013+00	1	01a213a6-ee66-7043-b3b9-8d985c11a5c4	Placed	{"n": 133}	{"$user": "regress_owner", "$application": "psql"}
134	14	7	1	2026-11-25 17:00:36.838035+00	1	01a213a6-ee66-709b-85eb-ecd7493f05d5	Placed	{"n": 134}	{"$user": "regress_owner", "$application": "psql"}
135	15	7	1	2026-11-25 17:00:36.838056+00	1	01a213a6-ee66-70f3-8d39-2964b407fab0	Placed	{"n": 135}	{"$user": "regress_owner", "$application": "psql"}
136	16	7	1	2026-11-25 17:00:36.838082+00	1	01a213a6-ee66-715c-93ba-30b726b6f0f9	Placed	{"n": 136}	{"$user": "regress_owner", "$application": "psql"}
137	17	7	1	2026-11-25 17:00:36.838137+00	1	01a213a6-ee66-723f-b025-2acb9e666505	Placed	{"n": 137}	{"$user": "regress_owner", "$application": "psql"}
138	18	7	1	2026-11-25 17:00:36.83816+00	1	01a213a6-ee66-729c-a90a-394c612d41bb	Placed	{"n": 138}	{"$user": "regress_owner", "$application": "psql"}
139	19	7	1	2026-11-25 17:00:36.838182+00	1	01a213a6-ee66-72f5-9758-2983ad47761b	Placed	{"n": 139}	{"$user": "regress_owner", "$application": "psql"}
140	20	7	1	2026-11-25 17:00:36.838204+00	1	01a213a6-ee66-734d-9261-c02bbe3f94aa	Placed	{"n": 140}	{"$user": "regress_owner", "$application": "psql"}
141	1	8	1	2026-11-25 17:00:36.838225+00	1	01a213a6-ee66-73a6-bae7-b44c21fda3dc	Placed	{"n": 141}	{"$user": "regress_owner", "$application": "psql"}
142	2	8	1	2026-11-25 17:00:36.838247+00	1	01a213a6-ee66-73ff-aa76-ff4293d0cb0c	Placed	{"n": 142}	{"$user": "regress_owner", "$application": "psql"}
143	3	8	1	2026-11-25 17:00:36.838268+00	1	01a213a6-ee66-7457-a9a0-1ea9306bd840	Placed	{"n": 143}	{"$user": "regress_owner", "$application": "psql"}
144	4	8	1	2026-11-25 17:00:36.838294+00	1	01a213a6-ee66-74bf-8542-9868949b33c3	Placed	{"n": 144}	{"$user": "regress_owner", "$application": "psql"}
145	5	8	1	2026-11-25 17:00:36.838316+00	1	01a213a6-ee66-7518-9479-2861ac76d460	Placed	{"n": 145}	{"$user": "regress_owner", "$application": "psql"}
146	6	8	1	2026-11-25 17:00:36.838338+00	1	01a213a6-ee66-7574-9935-009ad8887bd6	Placed	{"n": 146}	{"$user": "regress_owner", "$application": "psql"}
147	7	8	1	2026-11-25 17:00:36.83836+00	1	01a213a6-ee66-75cd-b53b-ad8bc44e5cf9	Placed	{"n": 147}	{"$user": "regress_owner", "$application": "psql"}
148	8	8	1	2026-11-25 17:00:36.838381+00	1	01a213a6-ee66-7625-950a-5881cf21bc74	Placed	{"n": 148}	{"$user": "regress_owner", "$application": "psql"}
149	9	8	1	2026-11-25 17:00:36.838403+00	1	01a213a6-ee66-767c-9926-d2e790512074	Placed	{"n": 149}	{"$user": "regress_owner", "$application": "psql"}
150	10	8	1	2026-11-25 17:00:36.838424+00	1	01a213a6-ee66-76d5-ad86-cdbf3f0c697e	Placed	{"n": 150}	{"$user": "regress_owner", "$application": "psql"}
151	11	8	1	2026-11-25 17:00:36.838449+00	1	01a213a6-ee66-773d-a26e-faa6031d05c4	Placed	{"n": 151}	{"$user": "regress_owner", "$application": "psql"}
152	12	8	1	2026-11-25 17:00:36.838471+00	1	01a213a6-ee66-7795-bea9-a65a6187209d	Placed	{"n": 152}	{"$user": "regress_owner", "$application": "psql"}
153	13	8	1	2026-11-25 17:00:36.838493+00	1	01a213a6-ee66-77ed-999b-9da0a7f1dbd2	Placed	{"n": 153}	{"$user": "regress_owner", "$application": "psql"}
154	14	8	1	2026-11-25 17:00:36.838514+00	1	01a213a6-ee66-7845-b1fa-5d2d85467cdc	Placed	{"n": 154}	{"$user": "regress_owner", "$application": "psql"}
155	15	8	1	2026-11-25 17:00:36.838536+00	1	01a213a6-ee66-789e-b37e-7abcc72bc18a	Placed	{"n": 155}	{"$user": "regress_owner", "$application": "psql"}
156	16	8	1	2026-11-25 17:00:36.838558+00	1	01a213a6-ee66-78f9-a397-1f381a2a4125	Placed	{"n": 156}	{"$user": "regress_owner", "$application": "psql"}
157	17	8	1	2026-11-25 17:00:36.838579+00	1	01a213a6-ee66-7951-8fde-ccb9162498f5	Placed	{"n": 157}	{"$user": "regress_owner", "$application": "psql"}
158	18	8	1	2026-11-25 17:00:36.838605+00	1	01a213a6-ee66-79b8-83d1-cb3f99a81bb8	Placed	{"n": 158}	{"$user": "regress_owner", "$application": "psql"}
159	19	8	1	2026-11-25 17:00:36.838626+00	1	01a213a6-ee66-7a11-8534-55e8a7f9e556	Placed	{"n": 159}	{"$user": "regress_owner", "$application": "psql"}
160	20	8	1	2026-11-25 17:00:36.838648+00	1	01a213a6-ee66-7a6a-853f-285c4e5b5b43	Placed	{"n": 160}	{"$user": "regress_owner", "$application": "psql"}
161	1	9	1	2026-11-25 17:00:36.838669+00	1	01a213a6-ee66-7ac2-aa59-2dcc220932bf	Placed	{"n": 161}	{"$user": "regress_owner", "$application": "psql"}
162	2	9	1	2026-11-25 17:00:36.838691+00	1	01a213a6-ee66-7b1b-8796-9c44ee52831f	Placed	{"n": 162}	{"$user": "regress_owner", "$application": "psql"}
163	3	9	1	2026-11-25 17:00:36.838713+00	1	01a213a6-ee66-7b74-812e-de11212161a5	Placed	{"n": 163}	{"$user": "regress_owner", "$application": "psql"}
164	4	9	1	2026-11-25 17:00:36.838735+00	1	01a213a6-ee66-7bcd-842a-b9a6a0785c3c	Placed	{"n": 164}	{"$user": "regress_owner", "$application": "psql"}
165	5	9	1	2026-11-25 17:00:36.83876+00	1	01a213a6-ee66-7c36-91a2-b449dbed7df9	Placed	{"n": 165}	{"$user": "regress_owner", "$application": "psql"}
166	6	9	1	2026-11-25 17:00:36.838783+00	1	01a213a6-ee66-7c92-b685-f699a502ad9f	Placed	{"n": 166}	{"$user": "regress_owner", "$application": "psql"}
167	7	9	1	2026-11-25 17:00:36.838804+00	1	01a213a6-ee66-7cea-aed2-5976bfe4f874	Placed	{"n": 167}	{"$user": "regress_owner", "$application": "psql"}
168	8	9	1	2026-11-25 17:00:36.838826+00	1	01a213a6-ee66-7d42-92db-e8a69e4fc3f2	Placed	{"n": 168}	{"$user": "regress_owner", "$application": "psql"}
169	9	9	1	2026-11-25 17:00:36.838847+00	1	01a213a6-ee66-7d9a-8ed4-26779b6c3147	Placed	{"n": 169}	{"$user": "regress_owner", "$application": "psql"}
170	10	9	1	2026-11-25 17:00:36.838869+00	1	01a213a6-ee66-7df1-94e9-c6d3ebb58a48	Placed	{"n": 170}	{"$user": "regress_owner", "$application": "psql"}
171	11	9	1	2026-11-25 17:00:36.83889+00	1	01a213a6-ee66-7e49-8988-a43a72787c8f	Placed	{"n": 171}	{"$user": "regress_owner", "$application": "psql"}
172	12	9	1	2026-11-25 17:00:36.838912+00	1	01a213a6-ee66-7ea2-9e6c-26826811bb3e	Placed	{"n": 172}	{"$user": "regress_owner", "$application": "psql"}
173	13	9	1	2026-11-25 17:00:36.838937+00	1	01a213a6-ee66-7f08-9c4b-4f85aa119df4	Placed	{"n": 173}	{"$user": "regress_owner", "$application": "psql"}
174	14	9	1	2026-11-25 17:00:36.838958+00	1	01a213a6-ee66-7f61-babc-439c56e93464	Placed	{"n": 174}	{"$user": "regress_owner", "$application": "psql"}
175	15	9	1	2026-11-25 17:00:36.83898+00	1	01a213a6-ee66-7fbc-aa13-444cd2ee7e93	Placed	{"n": 175}	{"$user": "regress_owner", "$application": "psql"}
176	16	9	1	2026-11-25 17:00:36.839002+00	1	01a213a6-ee67-7013-a33e-f32ab4cc37d8	Placed	{"n": 176}	{"$user": "regress_owner", "$application": "psql"}
177	17	9	1	2026-11-25 17:00:36.839023+00	1	01a213a6-ee67-706c-a83d-88daadaa3cf4	Placed	{"n": 177}	{"$user": "regress_owner", "$application": "psql"}
178	18	9	1	2026-11-25 17:00:36.839045+00	1	01a213a6-ee67-70c5-8ef0-241950143a49	Placed	{"n": 178}	{"$user": "regress_owner", "$application": "psql"}
179	19	9	1	2026-11-25 17:00:36.839067+00	1	01a213a6-ee67-711d-a5b3-2aac7840f486	Placed	{"n": 179}	{"$user": "regress_owner", "$application": "psql"}
180	20	9	1	2026-11-25 17:00:36.839092+00	1	01a213a6-ee67-7185-8c5d-9d5d441b0042	Placed	{"n": 180}	{"$user": "regress_owner", "$application": "psql"}
181	1	10	1	2026-11-25 17:00:36.839114+00	1	01a213a6-ee67-71dd-8889-7bf17d1fccf6	Placed	{"n": 181}	{"$user": "regress_owner", "$application": "psql"}
182	2	10	1	2026-11-25 17:00:36.839164+00	1	01a213a6-ee67-72ab-9075-6c81fd822090	Placed	{"n": 182}	{"$user": "regress_owner", "$application": "psql"}
183	3	10	1	2026-11-25 17:00:36.839187+00	1	01a213a6-ee67-7309-909a-d5e2dec0b2a3	Placed	{"n": 183}	{"$user": "regress_owner", "$application": "psql"}
184	4	10	1	2026-11-25 17:00:36.839209+00	1	01a213a6-ee67-7362-8f48-99876c2f6839	Placed	{"n": 184}	{"$user": "regress_owner", "$application": "psql"}
185	5	10	1	2026-11-25 17:00:36.83923+00	1	01a213a6-ee67-73ba-b7cb-d9ea487c7b46	Placed	{"n": 185}	{"$user": "regress_owner", "$application": "psql"}
186	6	10	1	2026-11-25 17:00:36.839252+00	1	01a213a6-ee67-7413-970e-e944a25eaa87	Placed	{"n": 186}	{"$user": "regress_owner", "$application": "psql"}
187	7	10	1	2026-11-25 17:00:36.839277+00	1	01a213a6-ee67-747c-a437-48b16ef35538	Placed	{"n": 187}	{"$user": "regress_owner", "$application": "psql"}
188	8	10	1	2026-11-25 17:00:36.839299+00	1	01a213a6-ee67-74d3-ac81-619b02cf164a	Placed	{"n": 188}	{"$user": "regress_owner", "$application": "psql"}
189	9	10	1	2026-11-25 17:00:36.83932+00	1	01a213a6-ee67-752b-aff6-ba5cbc3ef5b5	Placed	{"n": 189}	{"$user": "regress_owner", "$application": "psql"}
190	10	10	1	2026-11-25 17:00:36.839342+00	1	01a213a6-ee67-7584-9066-87ef7731fde6	Placed	{"n": 190}	{"$user": "regress_owner", "$application": "psql"}
191	11	10	1	2026-11-25 17:00:36.839363+00	1	01a213a6-ee67-75db-b7ea-b42d553bed35	Placed	{"n": 191}	{"$user": "regress_owner", "$application": "psql"}
192	12	10	1	2026-11-25 17:00:36.839385+00	1	01a213a6-ee67-7634-b13e-649acb2d89c1	Placed	{"n": 192}	{"$user": "regress_owner", "$application": "psql"}
193	13	10	1	2026-11-25 17:00:36.839407+00	1	01a213a6-ee67-7690-b16d-135d4931bfd4	Placed	{"n": 193}	{"$user": "regress_owner", "$application": "psql"}
194	14	10	1	2026-11-25 17:00:36.839433+00	1	01a213a6-ee67-76f9-8da5-fff1193bddea	Placed	{"n": 194}	{"$user": "regress_owner", "$application": "psql"}
195	15	10	1	2026-11-25 17:00:36.839455+00	1	01a213a6-ee67-7754-adff-577f3d4ff587	Placed	{"n": 195}	{"$user": "regress_owner", "$application": "psql"}
196	16	10	1	2026-11-25 17:00:36.839477+00	1	01a213a6-ee67-77ae-b760-f55367c8dd6e	Placed	{"n": 196}	{"$user": "regress_owner", "$application": "psql"}
197	17	10	1	2026-11-25 17:00:36.839499+00	1	01a213a6-ee67-7807-bc8b-8114f3cfa3cc	Placed	{"n": 197}	{"$user": "regress_owner", "$application": "psql"}
198	18	10	1	2026-11-25 17:00:36.839521+00	1	01a213a6-ee67-7860-b76b-8b9dfe73bf68	Placed	{"n": 198}	{"$user": "regress_owner", "$application": "psql"}
199	19	10	1	2026-11-25 17:00:36.839543+00	1	01a213a6-ee67-78bc-8407-e8a222e9b410	Placed	{"n": 199}	{"$user": "regress_owner", "$application": "psql"}
200	20	10	1	2026-11-25 17:00:36.839565+00	1	01a213a6-ee67-7915-bade-276f4b50a286	Placed	{"n": 200}	{"$user": "regress_owner", "$application": "psql"}
201	201	1	201	2026-11-25 17:00:36.848071+00	1	01a213a6-ee70-71d6-a6d0-9eba8fde7c1b	A	{}	{"k": 1, "$user": "regress_owner", "$application": "psql"}
202	201	2	201	2026-11-25 17:00:36.848071+00	3	01a213a6-ee70-71e3-95db-c88ba1a05b3d	B	[1, "x"]	{"$user": "regress_owner", "$application": "psql"}
203	1	11	1	2026-11-25 17:00:36.84848+00	1	01a213a6-ee70-7817-b966-fe7cb7ce3866	Shipped	{}	{"$user": "regress_owner", "$application": "psql"}
204	204	1	204	2026-11-25 17:00:36.84848+00	1	00000000-0000-4000-8000-000000000001	Begun	1	{"$user": "regress_owner", "$application": "psql"}
205	205	1	205	2026-11-25 17:00:36.849484+00	1	01a213a6-ee71-7834-b234-3a828f2e94ee	Large	"c4ca4238a0b923820dcc509a6f75849bc81e728d9d4c2f636f067f89cc14862ceccbc87e4b5ce2fe28308fd9f2a7baf3a87ff679a2f3e71d9181a67b7542122ce4da3b7fbbce2345d7772b0674a318d51679091c5a880faf6fb5e6087eb1b2dc8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d45c48cce2e2d7fbdea1afc51c7c6ad26d3d9446802a44259755d38e6d163e8206512bd43d9caa6e02c990b0a82652dcac20ad4d76fe97759aa27a0c99bff6710c51ce410c124a10e0db5e4b97fc2af39aab3238922bcc25a6f606eb525ffdc569bf31c7ff062936a96d3c8bd1f8f2ff3c74d97b01eae257e44aa9d5bade97baf70efdf2ec9b086079795c442636b55fb6f4922f45568161a8cdf4ad2299f6d231f0e3dad99908345f7439f8ffabdffc498f13708210194c475687be6106a3b843c59dc048e8850243be8079a5c74d079b6d767d2f8ed5d21a44b0e5886680cb937693cfc748049e45d87b8c7d8b9aacd1ff1de774005f8da13f42943881c655f8e296a067a37563370ded05f5a3bf3ec4e732ced3463d06de0ca9a15b615367702e74f10e0327ad868d138f2b4fdd6f033e75ff09dd601bbe69f3510391521896ea9ab1baa0efb9e19094440c317e21b34173cb38f07f89ddbebc2ac9128303fc16a5320fa475530d9583c34fd356ef56364d3f0f495b6ab9dcf8d3b5c6e0b01182be0c5cdcd5072bb1864cdee4d3d6ee369853df766fa44e1ed0ff613f563bd1c383cd30b7c298ab50293adfecb7b1819ca14e7ea6328a42e0eb13d585e4c22a5bfc9e07964f8dddeb95fc584cd965da5771bce93e200c36f7cd9dfd0e5deaad67d8ab4f4c10bf22aa353e27879133cd645920e395fedad7bbbed0eca3fe2e03416a75f4cea9109507cacd8e2f2aefca1d0c6e83f027327d8461063f4ac58a617e62166fc8586dfa4d1bc0e1742c08bf7177163c833dff4b38fc8d2872f1ec66c8349cc7260ae62e3b1396831a8398fd9d4f495e875a2e075a1a4a6e1b9770f67c6a1e7ce56d3d6fa748ab6d9af3fd7642e92efb79421734881b53e1e1b18b6f457c545a9ded88f18ecee47145a72c0c0c7c76d30bd3dcaefc96f40275bdc0a2838023a778dfaecdc212708f721b7889a1158154dfa42caddbd0694a4e9bdc8d82c8d1619ad8176d665453cfb2e55f0a684eceee76fc522773286a895bc8436b53b3a3d6ab90ce0268229151c9bde119f61408e3afb633e50cdf1b20de6f46672b32a1f754ba1c09b3695e0cb6cde7f66f041e16a60928b05a7e228a89c3799093f65e080a295f8076b1c5722a46aa2072b030ba126b2f4b2374f342be9ed447f39f8317fbdb1988ef4c628eba0259144f683a84163b3523afe57c2e008bc8c03afdbd66e7929b125f8597834fa83a4ea5d2f1c4608232e07d3aa3d998e5135fc490ca45c00b1249bbe3554a4fdf6fb3295c76acbf4caaed33c36b1b5fc2cb1735b90b4568125ed6c3f678819b6e058a3f390d88e4c41f2747bfa2f1b5f87db14bfa6bb14875e45bba028a21ed380467cbbc409ec990f19c78c75bd1e06f215e2c420d928d4bf8ce0ff2ec19b37151432bb90e8976aab5298d5da10fe66f21dd2ddea18f00665ce8623e36bd4e3c7c5ad61ab143223efbc24c7d2583be69251d09bf41544a3365a46c9077ebb5e35c3fbd7939d674997cdb4692d34de8633c428dd2c7955ce926456240b2ff0100bde35f4a8d465e6e1edc05f3d8ab658c551d1fe173d08e959397adf34b1d77e88d7f033ab37c30201f73f142449d037028d43ec517d68b6edd3015b3edc9a11367b9778d5d219c5080b9a6a17bef029331cfe9fc289c3ff0af142b6d3bead98a92368d30a9594728bc39aa24be94b319d213ef815416f775098fe977004015c619393db85ed909c13838ff95ccfa94cebd9c7e1249ffc03eb9ded908c236bd1996d2a38a4a9316c49e5a833517c45d310707647966b7343c29048673252e490f7368613985ec49eb8f757ae6439e879bb2a54229abfcfa5649e7003b83dd475529492cc227532d17e56e07902b254dfad1098dce83da57b0395e163467c9dae521bf4b9ec30ad9f68f89b29639786cb62ef812b4ba287f5ee0bc9d43bbf5bbe87fb26657d5ff9020d2abefe558796b99584e2ef524fbf3d9fe611d5a8e90fefdc9ced3d2c21991e3bef5e069713af9fa6caac627ab1ccbdb62ec96e702f07f6425bf899139df5e1059396431415e770c6dd38b3eff8baf56627478ec76a704e9b52ec8956637a99787bd197eacd77acce5e6974ce5ac660610b44d9b9fed0ff9548c9e1074f5b3f9fc8ea15d152add0729465b9eea6e1cc6bb9f0cd2a47751a186ff0935e4cd5920aa6c7c996a5ee53a70fa97da629b098b75c294dffdc3e463904a3c65c2974270fd093ee8a9bf8ae7d0b2723d092b63885e0d7c260cc007e8b9d5f93f983524def3dca464469d2cf9f3e698d51a19d8a121ce581499d7b7016687f6ffaa6bb0b408017b62254211691b573278a4a86960eeb576a8fd4c9ec69975fd0b37cd7dbbb00f97ba6ce92bf5add2b44928ae11fb9384c4cf38708677c48c45147dee729311ef5b5c3003946c48feb160de1de89d9058fcb0b968dbbbd685ef059938ba799aaa845e1c2e8a762bd07e1cd7dca89a1678042477183b7ac3fda4fb5c6e93e74d3df8527599fa626424c56ff4ce4aaf9573aa5dff913df997aa0a080f42e6f13b3a2df133f073095dd202cb962ac59075b964b07152d234b70c8ffe9a587b126f152ed3d89a146b4453def184ad8f4755ff269862ea77393dd069059b7ef840f0c74a814ec9237b6ecec5decca5ed3d6b8079e2e7e7bacc9f276dc611d6ebaafc66cc0879c71b5db5cd1f491a404d6854880943e5c3cd9ca259b8619251a19057cff70779273e95aa61afa34a7f984eeabdbb0a7d494132ee565ded5353c5ee48d0b7d48c591b8f4309fc3d7152ba9336a670e36d0ed79bc4302522a2b2726fb0a03bb19f2d8d9524d7f1de29e6da19d22b51c68001e7e0e5442a0e188f5033bc65bf8d78622277c4e3988c7f88ebcb58c6ce932b957b6f332013d407166ec4fa56eb1e1f8cbe183b9e00da03b685a0dd18fb6a08af0923de01385974ed5904a438616ff7bdb3f74390f28b5d49b3020afeecd95b4009adf4ca8baa56554f96369ab93e4f3bb068c22903ce9225fca3e988c2af215d4e544d30a09c8844ba8f0936c20bd791130d6b62b24d495052a8ce66358eb576b8912c8a5e00132373a7031000fd987a3c9f87b8d5e957f297893487bd98fa830fa641347d1e990583c9c67424d369f3414728ef2217062e9a397a1dca429e7d70bc6ca7ef605fc8dba5425d6965fbd4c8fbe1fa8f15eda80c50adb0e71943adc8015cf37a749d808e46495a8da1e5352d03caeb3e3e393c77e35a4a3f3cbd1e429b5dc1d7f7abc18fcb43975065399b0d1e48e2a79ea27c279e471f4d180b08d62b00a1c9ac0159c94d8d0cbedc973445af2da6c4b761a28b734fe93831e3fb400ce8706409663226af2f3114485aa4e0a23b4140f6969d5213fd0ece03148e62e461eb73ce398c39f506af761d2277d853a92bd4c9ab730f5513206b999ec0d90d1fb82aa4b0af34c2313a562076992e50aa30777d5c17d4066b82ab86dff8a46af6ffa7cdfad1a5aaf8370ebeda47a1ff1c39766527f2b5d3e95d4a733fcfb77bd7e7e7757b1e12abcb736ab9a754ffb617a5878a7ab84fb43402106c575658472fa006f52e9102a8d3be2fe5614f42ba9893636638817772e42b59d74cff571fbb3149e9677a5989fd342ae44213df68868a4a042cf4fd6bfb47701cbc8a1653ada1ff8a7b5dc7a7d1f0ed65aaa29c04b1ef7e6c85504ce6e82442c770f7c8606f0bf8229696f7a3bb4700cfddef19fa23f82161242827b703e6acf9c726942a1e438af86134b65d0f10fe33d30dd76442e96da2f590cd7246bbde0051047b0d6f78f85517967795eeef66c225f7883bdcb8f53295a73878494e9bc8dd6c3c7104f045117b0e0a11a242b9765e79cbf113ffc221309746013ac554571fbd180e1c84c5bde74a8f110656874902f07378009cedebb6e872f539bef8c3f919874e9d76cdd60ea0045eb7a6ec44c54d29ed402eecca5b6365d9607ee5a9d336962c5349872ed9fc22fc182d371c3e9ed31609431fefc0e570cb3860f2a6d4b38c6490d9dcb88e0137649590b755372b040afada2557a7b2e94197ff767970b67041697cfecdb276f634854f3ef915e2e980c310aa1883c6411f7873cb83dacb17b0afc58a2fc6ed39fd083f55d4182bf88826dbd686fd640be98efaae0091fa301e613a597e50502f5ff68e3e25b9114205d4a0336dcbab05b9d5ad24f4333c7658a0e084b6fbb10729ed4da8c3d3f5a3ae7c985d8ce590ad8981ca2c8286f79f599540e65972dce68dad4d52d063967f0a70584d9ee44e457ddef7f2c4f25dc8fa8653644a684f98ea8fe223c713b77189a77"	{"$user": "regress_owner", "$application": "psql"}
206	206	1	206	2026-11-25 17:00:36.859999+00	1	01a213a6-ee7c-7081-bb18-1fdacb96219d	ProductReceived	{"sku": "SKU-1", "quantity": 10, "date_time": "2026-11-25T17:00:36.859933+00:00"}	{"$user": "regress_owner", "$application": "psql"}
207	206	2	206	2026-11-25 17:00:36.860597+00	1	01a213a6-ee7c-79a2-85d3-c7c68354f0dd	ProductShipped	{"sku": "SKU-1", "quantity": 2, "date_time": "2026-11-25T17:00:36.860556+00:00"}	{"$user": "regress_owner", "$application": "psql"}
208	206	3	206	2026-11-25 17:00:36.860881+00	1	01a213a6-ee7c-7e2b-906c-3102c27734dd	InventoryAdjusted	{"sku": "SKU-1", "reason": "cycle count", "quantity": 5, "date_time": "2026-11-25T17:00:36.860842+00:00"}	{"$user": "regress_owner", "$application": "psql"}
\.

--
-- Data for Name: snapshots; Type: TABLE DATA; Schema: event_store; Owner: regress_owner
--

COPY event_store.snapshots (stream_id, version, state_version, created_at, state) FROM stdin;
1	5	1	2026-11-25 17:00:36.856787+00	{"placed": 5}
\.

--
-- Data for Name: streams; Type: TABLE DATA; Schema: event_store; Owner: regress_owner
--

COPY event_store.streams (stream_id, category_id, base_version, created_at, stream) FROM stdin;
1	1	0	2026-11-25 17:00:36.825662+00	order-1
2	1	0	2026-11-25 17:00:36.826423+00	order-2
3	1	0	2026-11-25 17:00:36.826463+00	order-3
4	1	0	2026-11-25 17:00:36.826492+00	order-4
5	1	0	2026-11-25 17:00:36.826527+00	order-5
6	1	0	2026-11-25 17:00:36.826555+00	order-6
7	1	0	2026-11-25 17:00:36.826581+00	order-7
8	1	0	2026-11-25 17:00:36.826609+00	order-8
9	1	0	2026-11-25 17:00:36.826635+00	order-9
10	1	0	2026-11-25 17:00:36.826668+00	order-10
11	1	0	2026-11-25 17:00:36.826697+00	order-11
12	1	0	2026-11-25 17:00:36.826725+00	order-12
13	1	0	2026-11-25 17:00:36.826752+00	order-13
14	1	0	2026-11-25 17:00:36.826779+00	order-14
15	1	0	2026-11-25 17:00:36.826805+00	order-15
16	1	0	2026-11-25 17:00:36.826837+00	order-16
17	1	0	2026-11-25 17:00:36.826863+00	order-17
18	1	0	2026-11-25 17:00:36.82689+00	order-18
19	1	0	2026-11-25 17:00:36.826916+00	order-19
20	1	0	2026-11-25 17:00:36.826944+00	order-0
201	201	0	2026-11-25 17:00:36.848071+00	Müller's "stream"-1
204	204	0	2026-11-25 17:00:36.84848+00	plain
205	205	0	2026-11-25 17:00:36.849484+00	large-1
206	206	0	2026-11-25 17:00:36.859999+00	warehouse_product-SKU-1
\.

--
-- Data for Name: stock; Type: TABLE DATA; Schema: warehouse; Owner: regress_owner
--

COPY warehouse.stock (sku, quantity_on_hand, version, global_position, updated_at) FROM stdin;
SKU-1	5	3	208	2026-11-25 17:00:36.860881+00
\.

--
-- Name: events_global_position_seq; Type: SEQUENCE SET; Schema: event_store; Owner: regress_owner
--

SELECT pg_catalog.setval('event_store.events_global_position_seq', 209, true);

--
-- Name: categories categories_category_key; Type: CONSTRAINT; Schema: event_store; Owner: regress_owner
--

ALTER TABLE ONLY event_store.categories
    ADD CONSTRAINT categories_category_key UNIQUE (category);

--
-- Name: categories categories_pkey; Type: CONSTRAINT; Schema: event_store; Owner: regress_owner
--

ALTER TABLE ONLY event_store.categories
    ADD CONSTRAINT categories_pkey PRIMARY KEY (category_id);

--
-- Name: events events_event_id_key; Type: CONSTRAINT; Schema: event_store; Owner: regress_owner
--

ALTER TABLE ONLY event_store.events
    ADD CONSTRAINT events_event_id_key UNIQUE (event_id);

--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: event_store; Owner: regress_owner
--

ALTER TABLE ONLY event_store.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (global_position);

--
-- Name: events events_stream_id_version_key; Type: CONSTRAINT; Schema: event_store; Owner: regress_owner
--

ALTER TABLE ONLY event_store.events
    ADD CONSTRAINT events_stream_id_version_key UNIQUE (stream_id, version);

--
-- Name: snapshots snapshots_pkey; Type: CONSTRAINT; Schema: event_store; Owner: regress_owner
--

ALTER TABLE ONLY event_store.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (stream_id, version, state_version);

--
-- Name: streams streams_pkey; Type: CONSTRAINT; Schema: event_store; Owner: regress_owner
--

ALTER TABLE ONLY event_store.streams
    ADD CONSTRAINT streams_pkey PRIMARY KEY (stream_id);

--
-- Name: streams streams_stream_key; Type: CONSTRAINT; Schema: event_store; Owner: regress_owner
--

ALTER TABLE ONLY event_store.streams
    ADD CONSTRAINT streams_stream_key UNIQUE (stream);

--
-- Name: stock stock_pkey; Type: CONSTRAINT; Schema: warehouse; Owner: regress_owner
--

ALTER TABLE ONLY warehouse.stock
    ADD CONSTRAINT stock_pkey PRIMARY KEY (sku);

--
-- Name: INDEX categories_category_key; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.categories_category_key IS 'a category by its name';

--
-- Name: INDEX categories_pkey; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.categories_pkey IS 'one row an id';

--
-- Name: events_category_id_global_position_idx; Type: INDEX; Schema: event_store; Owner: regress_owner
--

CREATE INDEX events_category_id_global_position_idx ON event_store.events USING btree (category_id, global_position);

--
-- Name: INDEX events_category_id_global_position_idx; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.events_category_id_global_position_idx IS 'reads of a category';

--
-- Name: INDEX events_event_id_key; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.events_event_id_key IS 'repeated appends';

--
-- Name: INDEX events_pkey; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.events_pkey IS 'reads of the whole store';

--
-- Name: INDEX events_stream_id_version_key; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.events_stream_id_version_key IS 'reads of a stream, and its head';

--
-- Name: events_type_global_position_idx; Type: INDEX; Schema: event_store; Owner: regress_owner
--

CREATE INDEX events_type_global_position_idx ON event_store.events USING btree (type, global_position);

--
-- Name: INDEX events_type_global_position_idx; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.events_type_global_position_idx IS 'reads of types';

--
-- Name: INDEX snapshots_pkey; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.snapshots_pkey IS 'the newest snapshot of a stream';

--
-- Name: INDEX streams_pkey; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.streams_pkey IS 'a stream by its id';

--
-- Name: INDEX streams_stream_key; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON INDEX event_store.streams_stream_key IS 'a stream by its name, and lists of streams';

--
-- Name: INDEX stock_pkey; Type: COMMENT; Schema: warehouse; Owner: regress_owner
--

COMMENT ON INDEX warehouse.stock_pkey IS 'a product by its sku';

--
-- Name: categories append_only; Type: RULE; Schema: event_store; Owner: regress_owner
--

CREATE RULE append_only AS
    ON INSERT TO event_store.categories DO INSTEAD  DELETE FROM event_store.categories
  WHERE (( SELECT event_store.refuse_insert() AS refuse_insert) IS NULL);

--
-- Name: RULE append_only ON categories; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON RULE append_only ON event_store.categories IS 'Rows are added by the append calls only.';

--
-- Name: events append_only; Type: RULE; Schema: event_store; Owner: regress_owner
--

CREATE RULE append_only AS
    ON INSERT TO event_store.events DO INSTEAD  DELETE FROM event_store.events
  WHERE (( SELECT event_store.refuse_insert() AS refuse_insert) IS NULL);

--
-- Name: RULE append_only ON events; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON RULE append_only ON event_store.events IS 'Rows are added by the append calls only.';

--
-- Name: streams append_only; Type: RULE; Schema: event_store; Owner: regress_owner
--

CREATE RULE append_only AS
    ON INSERT TO event_store.streams DO INSTEAD  DELETE FROM event_store.streams
  WHERE (( SELECT event_store.refuse_insert() AS refuse_insert) IS NULL);

--
-- Name: RULE append_only ON streams; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON RULE append_only ON event_store.streams IS 'Rows are added by the append calls only.';

--
-- Name: categories append_only; Type: TRIGGER; Schema: event_store; Owner: regress_owner
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON event_store.categories FOR EACH STATEMENT EXECUTE FUNCTION event_store.refuse_change();

--
-- Name: TRIGGER append_only ON categories; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TRIGGER append_only ON event_store.categories IS 'Rows are never changed or removed.';

--
-- Name: events append_only; Type: TRIGGER; Schema: event_store; Owner: regress_owner
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON event_store.events FOR EACH STATEMENT EXECUTE FUNCTION event_store.refuse_change();

--
-- Name: TRIGGER append_only ON events; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TRIGGER append_only ON event_store.events IS 'Rows are never changed or removed.';

--
-- Name: streams append_only; Type: TRIGGER; Schema: event_store; Owner: regress_owner
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON event_store.streams FOR EACH STATEMENT EXECUTE FUNCTION event_store.refuse_change();

--
-- Name: TRIGGER append_only ON streams; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TRIGGER append_only ON event_store.streams IS 'Rows are never changed or removed.';

--
-- Name: categories append_only_rows; Type: TRIGGER; Schema: event_store; Owner: regress_owner
--

CREATE TRIGGER append_only_rows BEFORE DELETE OR UPDATE ON event_store.categories FOR EACH ROW EXECUTE FUNCTION event_store.refuse_change();

--
-- Name: TRIGGER append_only_rows ON categories; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TRIGGER append_only_rows ON event_store.categories IS 'Rows are never changed or removed.';

--
-- Name: events append_only_rows; Type: TRIGGER; Schema: event_store; Owner: regress_owner
--

CREATE TRIGGER append_only_rows BEFORE DELETE OR UPDATE ON event_store.events FOR EACH ROW EXECUTE FUNCTION event_store.refuse_change();

--
-- Name: TRIGGER append_only_rows ON events; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TRIGGER append_only_rows ON event_store.events IS 'Rows are never changed or removed.';

--
-- Name: streams append_only_rows; Type: TRIGGER; Schema: event_store; Owner: regress_owner
--

CREATE TRIGGER append_only_rows BEFORE DELETE OR UPDATE ON event_store.streams FOR EACH ROW EXECUTE FUNCTION event_store.refuse_change();

--
-- Name: TRIGGER append_only_rows ON streams; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TRIGGER append_only_rows ON event_store.streams IS 'Rows are never changed or removed.';

--
-- Name: events warehouse_stock; Type: TRIGGER; Schema: event_store; Owner: regress_owner
--

CREATE TRIGGER warehouse_stock AFTER INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION warehouse.project_stock();

--
-- Name: TRIGGER warehouse_stock ON events; Type: COMMENT; Schema: event_store; Owner: regress_owner
--

COMMENT ON TRIGGER warehouse_stock ON event_store.events IS 'Keeps warehouse.stock. Dropped by warehouse.drop_warehouse().';

--
-- Name: SCHEMA event_store; Type: ACL; Schema: -; Owner: postgres
--

REVOKE ALL ON SCHEMA event_store FROM regress_owner;
GRANT ALL ON SCHEMA event_store TO regress_owner WITH GRANT OPTION;
GRANT USAGE ON SCHEMA event_store TO regress_reader;
GRANT USAGE ON SCHEMA event_store TO regress_writer;
SET SESSION AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA event_store TO regress_partial;
RESET SESSION AUTHORIZATION;

--
-- Name: SCHEMA warehouse; Type: ACL; Schema: -; Owner: postgres
--

REVOKE ALL ON SCHEMA warehouse FROM regress_owner;
GRANT ALL ON SCHEMA warehouse TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION any_version(); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.any_version() FROM regress_owner;
GRANT ALL ON FUNCTION event_store.any_version() TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.any_version() TO regress_writer;

--
-- Name: FUNCTION append(stream text, type text, data jsonb, expected_version bigint, metadata jsonb, event_id uuid, schema_version integer); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.append(stream text, type text, data jsonb, expected_version bigint, metadata jsonb, event_id uuid, schema_version integer) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.append(stream text, type text, data jsonb, expected_version bigint, metadata jsonb, event_id uuid, schema_version integer) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.append(stream text, type text, data jsonb, expected_version bigint, metadata jsonb, event_id uuid, schema_version integer) TO regress_writer;

--
-- Name: FUNCTION append_events(stream text, events event_store.new_event[], expected_version bigint); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.append_events(stream text, events event_store.new_event[], expected_version bigint) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.append_events(stream text, events event_store.new_event[], expected_version bigint) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.append_events(stream text, events event_store.new_event[], expected_version bigint) TO regress_writer;

--
-- Name: FUNCTION append_json(stream text, events jsonb, expected_version bigint); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.append_json(stream text, events jsonb, expected_version bigint) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.append_json(stream text, events jsonb, expected_version bigint) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.append_json(stream text, events jsonb, expected_version bigint) TO regress_writer;

--
-- Name: FUNCTION append_streams(streams jsonb); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.append_streams(streams jsonb) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.append_streams(streams jsonb) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.append_streams(streams jsonb) TO regress_writer;

--
-- Name: FUNCTION create_store(if_not_exists boolean, type_index boolean); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.create_store(if_not_exists boolean, type_index boolean) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.create_store(if_not_exists boolean, type_index boolean) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION drop_store(with_events boolean); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.drop_store(with_events boolean) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.drop_store(with_events boolean) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION grant_reader(role_name text); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.grant_reader(role_name text) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.grant_reader(role_name text) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION grant_writer(role_name text); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.grant_writer(role_name text) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.grant_writer(role_name text) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION last_event(stream text, type text); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.last_event(stream text, type text) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.last_event(stream text, type text) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.last_event(stream text, type text) TO regress_reader;

--
-- Name: FUNCTION latest_snapshot(stream text, state_version integer, max_version bigint); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.latest_snapshot(stream text, state_version integer, max_version bigint) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.latest_snapshot(stream text, state_version integer, max_version bigint) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.latest_snapshot(stream text, state_version integer, max_version bigint) TO regress_reader;

--
-- Name: FUNCTION list_streams(category text, after_stream text, max_count bigint); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.list_streams(category text, after_stream text, max_count bigint) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.list_streams(category text, after_stream text, max_count bigint) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.list_streams(category text, after_stream text, max_count bigint) TO regress_reader;

--
-- Name: FUNCTION lock_store(); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.lock_store() FROM regress_owner;
GRANT ALL ON FUNCTION event_store.lock_store() TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.lock_store() TO regress_writer;

--
-- Name: FUNCTION new_event(type text, data jsonb, metadata jsonb, event_id uuid, schema_version integer); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.new_event(type text, data jsonb, metadata jsonb, event_id uuid, schema_version integer) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.new_event(type text, data jsonb, metadata jsonb, event_id uuid, schema_version integer) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.new_event(type text, data jsonb, metadata jsonb, event_id uuid, schema_version integer) TO regress_writer;

--
-- Name: FUNCTION no_stream(); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.no_stream() FROM regress_owner;
GRANT ALL ON FUNCTION event_store.no_stream() TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.no_stream() TO regress_writer;

--
-- Name: FUNCTION read_all(after_position bigint, max_count bigint, categories text[], types text[], backwards boolean, before_position bigint, raw boolean); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.read_all(after_position bigint, max_count bigint, categories text[], types text[], backwards boolean, before_position bigint, raw boolean) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.read_all(after_position bigint, max_count bigint, categories text[], types text[], backwards boolean, before_position bigint, raw boolean) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.read_all(after_position bigint, max_count bigint, categories text[], types text[], backwards boolean, before_position bigint, raw boolean) TO regress_reader;
SET SESSION AUTHORIZATION regress_owner;
GRANT ALL ON FUNCTION event_store.read_all(after_position bigint, max_count bigint, categories text[], types text[], backwards boolean, before_position bigint, raw boolean) TO regress_partial;
RESET SESSION AUTHORIZATION;

--
-- Name: FUNCTION read_category(category text, after_position bigint, max_count bigint, before_position bigint, types text[], backwards boolean, raw boolean); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.read_category(category text, after_position bigint, max_count bigint, before_position bigint, types text[], backwards boolean, raw boolean) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.read_category(category text, after_position bigint, max_count bigint, before_position bigint, types text[], backwards boolean, raw boolean) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.read_category(category text, after_position bigint, max_count bigint, before_position bigint, types text[], backwards boolean, raw boolean) TO regress_reader;

--
-- Name: FUNCTION read_stream(stream text, from_version bigint, max_count bigint, backwards boolean, to_version bigint, as_of timestamp with time zone, raw boolean); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.read_stream(stream text, from_version bigint, max_count bigint, backwards boolean, to_version bigint, as_of timestamp with time zone, raw boolean) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.read_stream(stream text, from_version bigint, max_count bigint, backwards boolean, to_version bigint, as_of timestamp with time zone, raw boolean) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.read_stream(stream text, from_version bigint, max_count bigint, backwards boolean, to_version bigint, as_of timestamp with time zone, raw boolean) TO regress_reader;

--
-- Name: FUNCTION refuse_change(); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.refuse_change() FROM regress_owner;
GRANT ALL ON FUNCTION event_store.refuse_change() TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION refuse_insert(); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.refuse_insert() FROM regress_owner;
GRANT ALL ON FUNCTION event_store.refuse_insert() TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION revoke_reader(role_name text); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.revoke_reader(role_name text) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.revoke_reader(role_name text) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION revoke_writer(role_name text); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.revoke_writer(role_name text) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.revoke_writer(role_name text) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION safe_position(); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.safe_position() FROM regress_owner;
GRANT ALL ON FUNCTION event_store.safe_position() TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.safe_position() TO regress_reader;

--
-- Name: FUNCTION save_snapshot(stream text, version bigint, state jsonb, state_version integer); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.save_snapshot(stream text, version bigint, state jsonb, state_version integer) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.save_snapshot(stream text, version bigint, state jsonb, state_version integer) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.save_snapshot(stream text, version bigint, state jsonb, state_version integer) TO regress_writer;

--
-- Name: FUNCTION stream_exists(); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.stream_exists() FROM regress_owner;
GRANT ALL ON FUNCTION event_store.stream_exists() TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.stream_exists() TO regress_writer;

--
-- Name: FUNCTION stream_version(stream text); Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE ALL ON FUNCTION event_store.stream_version(stream text) FROM regress_owner;
GRANT ALL ON FUNCTION event_store.stream_version(stream text) TO regress_owner WITH GRANT OPTION;
GRANT ALL ON FUNCTION event_store.stream_version(stream text) TO regress_reader;

--
-- Name: FUNCTION adjust_inventory(sku text, quantity bigint, reason text, date_time timestamp with time zone); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.adjust_inventory(sku text, quantity bigint, reason text, date_time timestamp with time zone) FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.adjust_inventory(sku text, quantity bigint, reason text, date_time timestamp with time zone) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION check_stock(OUT sku text, OUT projected_quantity bigint, OUT projected_version bigint, OUT projected_position bigint, OUT projected_at timestamp with time zone, OUT folded_quantity bigint, OUT folded_version bigint, OUT folded_position bigint, OUT folded_at timestamp with time zone); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.check_stock(OUT sku text, OUT projected_quantity bigint, OUT projected_version bigint, OUT projected_position bigint, OUT projected_at timestamp with time zone, OUT folded_quantity bigint, OUT folded_version bigint, OUT folded_position bigint, OUT folded_at timestamp with time zone) FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.check_stock(OUT sku text, OUT projected_quantity bigint, OUT projected_version bigint, OUT projected_position bigint, OUT projected_at timestamp with time zone, OUT folded_quantity bigint, OUT folded_version bigint, OUT folded_position bigint, OUT folded_at timestamp with time zone) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION create_warehouse(if_not_exists boolean); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.create_warehouse(if_not_exists boolean) FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.create_warehouse(if_not_exists boolean) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION drop_warehouse(); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.drop_warehouse() FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.drop_warehouse() TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION project_stock(); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.project_stock() FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.project_stock() TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION quantity_on_hand(sku text, as_of timestamp with time zone); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.quantity_on_hand(sku text, as_of timestamp with time zone) FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.quantity_on_hand(sku text, as_of timestamp with time zone) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION rebuild_stock(); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.rebuild_stock() FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.rebuild_stock() TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION receive_product(sku text, quantity bigint, date_time timestamp with time zone); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.receive_product(sku text, quantity bigint, date_time timestamp with time zone) FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.receive_product(sku text, quantity bigint, date_time timestamp with time zone) TO regress_owner WITH GRANT OPTION;

--
-- Name: FUNCTION ship_product(sku text, quantity bigint, date_time timestamp with time zone); Type: ACL; Schema: warehouse; Owner: postgres
--

REVOKE ALL ON FUNCTION warehouse.ship_product(sku text, quantity bigint, date_time timestamp with time zone) FROM regress_owner;
GRANT ALL ON FUNCTION warehouse.ship_product(sku text, quantity bigint, date_time timestamp with time zone) TO regress_owner WITH GRANT OPTION;

--
-- Name: TABLE all_events; Type: ACL; Schema: event_store; Owner: regress_owner
--

GRANT SELECT ON TABLE event_store.all_events TO regress_reader;

--
-- Name: TABLE in_flight; Type: ACL; Schema: event_store; Owner: postgres
--

REVOKE SELECT ON TABLE event_store.in_flight FROM regress_owner;
GRANT SELECT ON TABLE event_store.in_flight TO regress_owner WITH GRANT OPTION;
GRANT SELECT ON TABLE event_store.in_flight TO regress_reader;

--
--

