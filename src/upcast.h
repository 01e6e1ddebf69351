/*-------------------------------------------------------------------------
 *
 * upcast.h
 *	  Making old events what they would be today.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/upcast.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_UPCAST_H
#define ES_UPCAST_H

#include "executor/tuptable.h"

#include "event_type.h"

typedef struct EsUpcasting EsUpcasting;

/* What upcasters change of an event. */
typedef struct EsUpcast
{
	text *type;
	int32 schema_version;
	Datum data;
} EsUpcast;

extern EsUpcasting *es_upcasting(bool raw);
extern EsUpcasting *es_upcasting_by(const EsEventTypes *types);
extern bool es_upcast(EsUpcasting *upcasting, EsUpcast *upcast,
					  int64 global_position);
extern bool es_upcast_event(EsUpcasting *upcasting, TupleTableSlot *event,
							EsUpcast *upcast);
extern const text *es_upcast_name(EsUpcasting *upcasting, TupleTableSlot *event);
extern int es_upcast_sources(const EsUpcasting *upcasting, text ***types,
							 int ntypes);

#endif /* ES_UPCAST_H */
