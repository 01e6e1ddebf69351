/*-------------------------------------------------------------------------
 *
 * event_rows.h
 *	  Events as result rows.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_rows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_EVENT_ROWS_H
#define ES_EVENT_ROWS_H

#include "executor/tuptable.h"
#include "fmgr.h"

typedef struct EsEventRows EsEventRows;

extern EsEventRows *es_event_rows_begin(FunctionCallInfo fcinfo);
extern void es_event_rows_put(EsEventRows *rows, TupleTableSlot *slot,
							  text *stream);

#endif /* ES_EVENT_ROWS_H */
