/*-------------------------------------------------------------------------
 *
 * event_struct.h
 *	  An event as C sees it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_struct.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_EVENT_STRUCT_H
#define ES_EVENT_STRUCT_H

#include "executor/tuptable.h"

#include "check.h"
#include "event_store_api.h"
#include "store.h"
#include "upcast.h"

/* What reading many events looks up once; and the type of the one read last. */
typedef struct EsEventReader
{
	AttrNumber numbers[EV_NUM_COLUMNS];
	char type[ES_MAX_TYPE_BYTES + 1];
	EsUpcasting *upcasting; /* NULL where nothing is to be done */
} EsEventReader;

extern void es_event_reader_init(EsEventReader *reader, EsUpcasting *upcasting);
extern void es_event_read(EsEventReader *reader, TupleTableSlot *slot,
						  EventStoreEvent *event);

#endif /* ES_EVENT_STRUCT_H */
