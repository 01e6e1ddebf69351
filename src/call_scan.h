/*-------------------------------------------------------------------------
 *
 * call_scan.h
 *	  Calls of the store in FROM, row by row.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/call_scan.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_CALL_SCAN_H
#define ES_CALL_SCAN_H

#include "access/attnum.h"
#include "fmgr.h"

/*
 * How a call is run row by row.
 *
 * What begin and rewind allocate lives until end; what next does, for a row.  The
 * wanted attributes of the result type, by number, are the only ones that next
 * gives, in their order.  Rewinding gives the same rows again.
 */
typedef struct EsCallMethods
{
	PGFunction function; /* which does the same at once */
	const char *symbol;	 /* its name */
	void *(*begin)(FunctionCallInfo fcinfo, Oid type, const AttrNumber *wanted,
				   int nwanted);
	bool (*next)(void *call, Datum *values, bool *nulls);
	void (*rewind)(void *call);
	void (*end)(void *call);
} EsCallMethods;

extern const EsCallMethods es_append_call;
extern const EsCallMethods es_append_events_call;
extern const EsCallMethods es_append_json_call;
extern const EsCallMethods es_read_stream_call;
extern const EsCallMethods es_last_event_call;
extern const EsCallMethods es_read_category_call;
extern const EsCallMethods es_read_all_call;

extern Datum es_put_rows(FunctionCallInfo fcinfo, const EsCallMethods *methods);
extern void es_call_scan_init(void);

#endif /* ES_CALL_SCAN_H */
