--
-- Limits: names, sizes, batches.
--

-- Names in any script, with quotes, blanks, line ends and backslashes.
CREATE TABLE regress_limits (n int, name text);
INSERT INTO regress_limits VALUES
	(1, 'limits''s-"quoted"'), (2, 'limits $1 %s \-\'), (3, E'limits\n\t-\r\n'), (4, 'limits-ünï-çødé'),
	(5, 'склад-товар-1'), (6, '倉庫-商品'), (7, 'مستودع-١'), (8, '📦-💶'), (9, 'कोष-१'), (10, ' -'), (11, 'limits;DROP TABLE x;--'),
	(12, 'limits-{"json": 1}'), (13, 'NULL'), (14, 'a' || U&'\0301' || '-1'), (15, U&'\00E1-1');
SELECT n, a.version FROM regress_limits, LATERAL event_store.append(name, name, jsonb_build_object(name, name), 0) a ORDER BY n;
SELECT n, (SELECT version FROM event_store.append_json(name, jsonb_build_array(jsonb_build_object('type', name, 'data', 1)), 1)) AS version
  FROM regress_limits ORDER BY n;
SELECT n, count(*) AS events, bool_and(e.stream = name) AS stream, bool_and(e.type = name) AS type,
	   min(event_store.stream_version(name)) AS version, bool_or(e.data = jsonb_build_object(name, name)) AS data
  FROM regress_limits, LATERAL event_store.read_stream(name) e
 GROUP BY n ORDER BY n;
SELECT n, (SELECT count(*) FROM event_store.read_category(split_part(name, '-', 1)) e WHERE e.stream = name) AS in_category,
	   (SELECT count(*) FROM event_store.read_all(types => ARRAY[name]) e WHERE e.stream = name) AS of_type,
	   (SELECT count(*) FROM event_store.list_streams(split_part(name, '-', 1)) s WHERE s.stream = name) AS listed
  FROM regress_limits ORDER BY n;
DROP TABLE regress_limits;

-- A stream of 1,024 bytes, an event type of 255; bytes, not characters.
SELECT a.version, length(stream), octet_length(stream)
  FROM (VALUES (rpad('limits-', 1024, 'x')), (repeat('limits', 170) || 'limi'), ('limits-x' || repeat('ü', 508))) v(stream),
	   LATERAL event_store.append(stream, repeat('t', 255), '{}') a
 ORDER BY 2, 3;
SELECT version, octet_length(type) FROM event_store.read_stream(rpad('limits-', 1024, 'x'));
SELECT version, state FROM event_store.append(rpad('limits-', 1024, 'x'), repeat('ü', 127) || 't', '{}'),
	   LATERAL (SELECT event_store.save_snapshot(rpad('limits-', 1024, 'x'), 1, '1')::text AS state) s;
SELECT version, event_store.stream_version(stream) FROM event_store.latest_snapshot(rpad('limits-', 1024, 'x'));
SELECT event_store.append(rpad('limits-', 1025, 'x'), 'T', '{}');
\echo :LAST_ERROR_SQLSTATE
\pset format unaligned
\pset tuples_only on
SELECT regress_help.refused($$SELECT event_store.append('limits-x' || repeat('ü', 509), 'T', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append(repeat('x', 100000), 'T', '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append_json(repeat('x', 1025), '[{"type": "T", "data": {}}]')$$);
SELECT regress_help.refused($$SELECT event_store.append('limits-bad', repeat('t', 256), '{}')$$);
SELECT regress_help.refused($$SELECT event_store.append('limits-bad', repeat('ü', 128), '{}')$$);
SELECT regress_help.refused($$SELECT event_store.read_stream(repeat('x', 1025))$$);
SELECT regress_help.refused($$SELECT event_store.stream_version(repeat('x', 1025))$$);
SELECT regress_help.refused($$SELECT event_store.last_event(repeat('x', 1025))$$);
SELECT regress_help.refused($$SELECT event_store.save_snapshot(repeat('x', 1025), 1, '{}')$$);
SELECT regress_help.refused($$SELECT event_store.latest_snapshot(repeat('x', 1025))$$);
\pset tuples_only off
\pset format aligned
-- a category or a type that no event can have is merely one without events
SELECT count(*) FROM event_store.read_category(repeat('x', 1025));
SELECT count(*) FROM event_store.read_all(categories => ARRAY[repeat('x', 1025)], types => ARRAY[repeat('t', 256), '']);
SELECT count(*) FROM event_store.list_streams(repeat('x', 1025), repeat('y', 1025));

-- A batch of 100,000 events.
SELECT version, global_position AS place
  FROM event_store.append_json('limits_batch-1',
	(SELECT jsonb_agg(jsonb_build_object('type', 'T', 'data', jsonb_build_object('n', n))) FROM generate_series(1, 100000) n), 0) \gset
SELECT :version AS version;
SELECT count(*), min(version), max(version), max(global_position) = :place AS last_place,
	   max(global_position) - min(global_position) AS apart, sum((data ->> 'n')::bigint),
	   bool_and(version = (data ->> 'n')::bigint) AS in_order
  FROM event_store.read_stream('limits_batch-1');
SELECT count(*), count(DISTINCT event_id) FROM event_store.read_category('limits_batch');
SELECT version FROM event_store.append_events('limits_batch-2',
	ARRAY(SELECT event_store.new_event('T', to_jsonb(n)) FROM generate_series(1, 100000) n), 0);
SELECT count(*), min(version), max(version), max(global_position) - min(global_position) AS apart,
	   bool_and(to_jsonb(version) = data) AS in_order
  FROM event_store.read_stream('limits_batch-2');

-- 200 MB of data work; more than a row can hold is refused everywhere.
SELECT version FROM event_store.append('limits_size-1', 'Large', to_jsonb(repeat('x', 200 * 1024 * 1024)));
SELECT version, length(data #>> '{}') FROM event_store.read_stream('limits_size-1');
CREATE FUNCTION regress_help.too_large()
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	-- one byte more than is allowed
	large jsonb := jsonb_build_object('x', repeat('x', 250 * 1024 * 1024 - 12));
	call text;
	detail text;
	hint text;
	context text;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		'event_store.append(''limits_size-1'', ''T'', $1)',
		'event_store.append(''limits_size-1'', ''T'', ''{}'', metadata => $1)',
		'event_store.append_events(''limits_size-1'', ARRAY[event_store.new_event(''T'', ''1''), event_store.new_event(''T'', $1)])',
		'event_store.append_json(''limits_size-1'', jsonb_build_array(''{"type": "T", "data": 1}''::jsonb,
			jsonb_build_object(''type'', ''T'', ''data'', $1)))',
		'event_store.append_json(''limits_size-1'', jsonb_build_array(jsonb_build_object(''type'', ''T'', ''data'', 1, ''metadata'', $1)))',
		'event_store.append_streams(jsonb_build_array(jsonb_build_object(
			''stream'', ''limits_size-1'', ''expected_version'', event_store.any_version(),
			''events'', jsonb_build_array(''{"type": "T", "data": 1}''::jsonb, jsonb_build_object(''type'', ''T'', ''data'', $1)))))',
		'event_store.save_snapshot(''limits_size-1'', 1, $1)',
		-- beyond 256 MB, in one event or in all together, jsonb refuses before the call is reached
		'event_store.append_json(''limits_size-1'', jsonb_build_array(
			jsonb_build_object(''type'', ''T'', ''data'', $1, ''metadata'', repeat(''x'', 6 * 1024 * 1024))))',
		'event_store.append_json(''limits_size-1'', jsonb_build_array(
			jsonb_build_object(''type'', ''T'', ''data'', $1), repeat(''x'', 6 * 1024 * 1024)))',
		'event_store.append_streams(jsonb_build_array(jsonb_build_object(
			''stream'', ''limits_size-1'', ''expected_version'', event_store.any_version(),
			''events'', jsonb_build_array(jsonb_build_object(''type'', ''T'', ''data'', $1), repeat(''x'', 6 * 1024 * 1024)))))']
	LOOP
		BEGIN
			EXECUTE 'SELECT ' || call USING large;
			RETURN NEXT 'not refused';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
			RETURN NEXT concat_ws(' | ', SQLSTATE || ': ' || SQLERRM, 'detail: ' || nullif(detail, ''), 'hint: ' || nullif(hint, ''),
								  'context: ' || substring(context FROM '^[a-z0-9, ]*event [0-9]+'));
		END;
	END LOOP;
END
$$;
\pset format unaligned
\pset tuples_only on
SELECT regress_help.too_large();
\pset tuples_only off
\pset format aligned
DROP FUNCTION regress_help.too_large;
SELECT event_store.stream_version('limits_size-1');
