/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  The SQL call behind the view stats: how large and how busy the store is.
 *
 * All of it takes constant time, however large the store is.  Numbers of rows
 * are estimates: the planner's, the density of rows that VACUUM or ANALYZE saw
 * last times the present number of pages; and before either has come by, what
 * the server's statistics count, which a crash loses.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stats.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "funcapi.h"
#include "optimizer/plancat.h"
#include "storage/bufmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "counters.h"
#include "result_rows.h"
#include "stats.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_store_stats);

/*
 * es_estimate_rows
 *		About how many rows a table has.
 */
int64
es_estimate_rows(Relation rel)
{
	BlockNumber pages;
	double tuples;
	double all_visible;
	int64 live;

	if (RelationGetNumberOfBlocks(rel) == 0)
		return 0;
	if (rel->rd_rel->reltuples < 0)
	{
		live = DatumGetInt64(
			DirectFunctionCall1(pg_stat_get_live_tuples,
								ObjectIdGetDatum(RelationGetRelid(rel))));
		if (live > 0)
			return live;
	}
	estimate_rel_size(rel, NULL, &pages, &tuples, &all_visible);
	return (int64) tuples;
}

/*
 * table_bytes
 *		What a table takes on disk, with its indexes and its large values.
 */
static int64
table_bytes(Relation rel)
{
	return DatumGetInt64(
		DirectFunctionCall1(pg_total_relation_size,
							ObjectIdGetDatum(RelationGetRelid(rel))));
}

/*
 * other_bytes
 *		What the tables take whose rows the library knows by queries only.
 */
static int64
other_bytes(void)
{
	static const char *const tables[] = {"projection_checkpoints",
										 "projection_parked_events",
										 "subscription_partitions",
										 "subscription_failed_events"};
	Oid namespace = get_namespace_oid(ES_SCHEMA, false);
	int64 bytes = 0;

	for (int i = 0; i < lengthof(tables); i++)
	{
		Oid relid = get_relname_relid(tables[i], namespace);
		Relation rel =
			OidIsValid(relid) ? try_table_open(relid, AccessShareLock) : NULL;

		if (rel == NULL)
			continue;
		bytes += table_bytes(rel);
		table_close(rel, AccessShareLock);
	}
	return bytes;
}

/*
 * event_store_store_stats
 *		store_stats() returns one row: streams_estimate, events_estimate, bytes,
 *		appends, conflicts, idempotent_retries (all bigint), counted_since
 *		timestamptz
 *
 * The last four are NULL where nothing can be counted.  Raises ST002.
 */
Datum
event_store_store_stats(PG_FUNCTION_ARGS)
{
	TupleDesc desc;
	Datum values[7] = {0};
	bool nulls[7] = {false};
	uint64 counts[ES_NUM_COUNTERS];
	TimestampTz since;
	int64 bytes = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = ES_NUM_TABLES - 1; i >= 0; i--)
	{
		Relation rel;

		if (!es_store_has(i))
			continue;
		rel = es_store_open(i, AccessShareLock);
		if (i == ES_STREAMS)
			values[0] = Int64GetDatum(es_estimate_rows(rel));
		else if (i == ES_EVENTS)
			values[1] = Int64GetDatum(es_estimate_rows(rel));
		bytes += table_bytes(rel);
		table_close(rel, AccessShareLock);
	}
	values[2] = Int64GetDatum(bytes + other_bytes());
	if (es_read_counters(counts, &since))
	{
		for (int i = 0; i < ES_NUM_COUNTERS; i++)
			values[3 + i] = Int64GetDatum((int64) counts[i]);
		values[6] = TimestampTzGetDatum(since);
	}
	else
		memset(&nulls[3], true, 4 * sizeof(bool));
	PG_RETURN_DATUM(HeapTupleGetDatum(
		es_form_row(BlessTupleDesc(desc), values, nulls, lengthof(values))));
}
