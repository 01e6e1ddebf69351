/*-------------------------------------------------------------------------
 *
 * set_aside_streams.c
 *	  Which streams of a subscription are set aside.
 *
 * Whoever reads on has to leave them out, and asks for each event.  Mostly there are few,
 * and they are listed at once; where there are many, as when what a consumer writes to
 * has been away, the first are, and the others are looked up.  So it costs the same,
 * however many there are.
 *
 * It is as of the time when it is listed, and to be listed anew after any change.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/set_aside_streams.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "failed_event.h"
#include "set_aside_streams.h"
#include "statement.h"

/* In the order of the primary key; the casts as in checkpoint.c. */
static EsStatement list_statement =
	{.text = "SELECT stream_id::pg_catalog.int8,"
			 " passed_version OPERATOR(pg_catalog.=) 0"
			 " FROM event_store.subscription_failed_events"
			 " WHERE subscription OPERATOR(pg_catalog.=) $1"
			 " ORDER BY stream_id, passed_version LIMIT $2",
	 .expected = SPI_OK_SELECT,
	 .narguments = 2,
	 .types = {TEXTOID, INT8OID},
	 .things = "subscriptions",
	 .by_index = true};

/*
 * take_rows
 *		Takes the streams from the rows that SPI has.
 */
static void
take_rows(EsSetAsideStreams *streams, int64 nrows)
{
	for (int64 i = 0; i < nrows; i++)
	{
		int64 stream_id = es_statement_bigint(i, 1);
		bool isnull;

		CHECK_FOR_INTERRUPTS();
		if (DatumGetBool(es_statement_column(i, 2, &isnull)))
			streams->stream_ids[streams->n++] = stream_id;
		streams->last = stream_id;
	}
}

/*
 * es_set_aside_streams
 *		Lists them, from so many failed events.
 */
void
es_set_aside_streams(const EsSubscription *subscription, int64 max_count,
					 EsSetAsideStreams *streams)
{
	Datum arguments[] = {CStringGetTextDatum(subscription->name),
						 Int64GetDatum(max_count)};
	MemoryContext caller = CurrentMemoryContext;
	EsActor before;
	int64 nrows;

	memset(streams, 0, sizeof(EsSetAsideStreams));
	streams->subscription = subscription;
	es_statements_begin(&before, subscription->owner);
	nrows = (int64) es_statement_run(&list_statement, arguments, NULL);
	streams->any_failed = nrows > 0;
	streams->stream_ids =
		MemoryContextAllocHuge(caller, Max(nrows, 1) * sizeof(int64));
	take_rows(streams, nrows);
	if (nrows < max_count)
		streams->last = PG_INT64_MAX;
	es_statements_end(&before);
}

/*
 * is_listed
 *		Whether a stream is in the list.
 */
static bool
is_listed(const EsSetAsideStreams *streams, int64 stream_id)
{
	int64 low = 0;
	int64 high = streams->n;

	while (low < high)
	{
		int64 middle = low + (high - low) / 2;

		if (streams->stream_ids[middle] == stream_id)
			return true;
		if (streams->stream_ids[middle] < stream_id)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/*
 * es_is_set_aside
 *		Whether a stream is set aside.
 */
bool
es_is_set_aside(EsSetAsideStreams *streams, int64 stream_id)
{
	EsFailedEvent event;

	if (likely(stream_id <= streams->last))
		return is_listed(streams, stream_id);
	if (streams->looked_up != stream_id)
	{
		streams->found =
			es_failed_event_find(streams->subscription, stream_id, 0, &event);
		streams->looked_up = stream_id;
	}
	return streams->found;
}
