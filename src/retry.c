/*-------------------------------------------------------------------------
 *
 * retry.c
 *	  Appends that are repeated.
 *
 * A caller that did not hear the answer repeats its call with the same event
 * ids.  If all its events are there, in one run and in this order, in this
 * stream, with the same types and data, their places are the answer and nothing
 * is stored, whatever version is expected.  Anything else about an id that is
 * there is an error: part of a batch, another order, another stream.
 *
 * The caller of these functions holds the stream's lock: of two retries that
 * race each other, the second finds the first's events.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/retry.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "compat.h"
#include "errors.h"
#include "retry.h"
#include "store.h"

/* An event that is stored, as a retry compares it. */
typedef struct StoredEvent
{
	int64 stream_id;
	int64 version;
	int64 global_position;
	bool same; /* type and data are the given event's */
} StoredEvent;

/*
 * find_event
 *		Looks up a stored event by its id, and compares it with the one given.
 */
static bool
find_event(Relation events, Relation index, const EsNewEvent *event,
		   StoredEvent *stored)
{
	TupleTableSlot *slot = table_slot_create(events, NULL);
	IndexScanDesc scan = es_index_beginscan(events, index, SnapshotSelf, 1);
	ScanKeyData key;
	bool found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(&event->event_id));
	index_rescan(scan, &key, 1, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	if (found)
	{
		text *type = DatumGetTextPP(es_column(slot, ES_EVENTS, EV_TYPE));
		Jsonb *data = DatumGetJsonbP(es_column(slot, ES_EVENTS, EV_DATA));
		Jsonb *given = DatumGetJsonbP(event->data);

		stored->stream_id =
			DatumGetInt64(es_column(slot, ES_EVENTS, EV_STREAM_ID));
		stored->version = DatumGetInt64(es_column(slot, ES_EVENTS, EV_VERSION));
		stored->global_position =
			DatumGetInt64(es_column(slot, ES_EVENTS, EV_GLOBAL_POSITION));
		stored->same = es_compare_texts(&type, &event->type) == 0 &&
			compareJsonbContainers(&data->root, &given->root) == 0;
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/*
 * es_raise_duplicate
 *		ST003: an id is taken.
 */
void
es_raise_duplicate(const pg_uuid_t *event_id, const char *why)
{
	char *id =
		DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(event_id)));

	ereport(ERROR,
			(errcode(ES_ERR_DUPLICATE_EVENT),
			 errmsg("event id %s is already taken", id),
			 errdetail_internal("%s", why),
			 errhint("Repeat a call just as it was, or give new events new ids.")));
}

/*
 * es_find_retry
 *		Whether a stream's events are all stored already, in which case their
 *		places are set; raises ST003 when only some are, or are others.
 */
bool
es_find_retry(EsStreamAppend *append, const EsStream *row, Relation events,
			  Relation index)
{
	StoredEvent stored;
	int64 first_version = 0;
	int nfound = 0;
	const pg_uuid_t *taken = NULL;
	MemoryContext event_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store retried event",
							  ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < append->nevents; i++)
	{
		EsNewEvent *event = &append->events[i];
		MemoryContext caller = MemoryContextSwitchTo(event_context);
		bool found;

		CHECK_FOR_INTERRUPTS();
		found = event->has_id && find_event(events, index, event, &stored);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(event_context);
		if (!found)
			continue;
		taken = &event->event_id;
		if (row == NULL || stored.stream_id != row->stream_id)
			es_raise_duplicate(taken, "It is in another stream.");
		if (!stored.same)
			es_raise_duplicate(taken, "It has another type or other data.");
		if (nfound == 0)
			first_version = stored.version - i;
		if (nfound != i || stored.version != first_version + i)
			es_raise_duplicate(taken,
							   "It is not stored in the place where this call has it.");
		nfound++;
		append->version = stored.version;
		append->global_position = stored.global_position;
	}
	MemoryContextDelete(event_context);
	if (nfound > 0 && nfound < append->nevents)
		es_raise_duplicate(taken,
						   "Only some of the events of this call are stored.");
	return nfound > 0;
}
