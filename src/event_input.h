/*-------------------------------------------------------------------------
 *
 * event_input.h
 *	  Events to append, as callers give them: JSON and arrays of new_event.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_input.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_EVENT_INPUT_H
#define ES_EVENT_INPUT_H

#include "access/htup.h"
#include "utils/array.h"

#include "append.h"

extern void es_check_distinct_ids(const EsStreamAppend *appends, int nappends);
extern void es_event_from_composite(HeapTupleHeader header, EsNewEvent *event,
									const char *where);
extern void es_events_from_array(ArrayType *array, EsStreamAppend *append);
extern void es_events_from_json(Jsonb *json, EsStreamAppend *append);
extern EsStreamAppend *es_appends_from_json(Jsonb *json, int *nappends);

#endif /* ES_EVENT_INPUT_H */
