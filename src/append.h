/*-------------------------------------------------------------------------
 *
 * append.h
 *	  Appending events to streams.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/append.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_APPEND_H
#define ES_APPEND_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

/* An event to append, its parts checked. */
typedef struct EsNewEvent
{
	text *type;
	Datum data;		 /* jsonb */
	Jsonb *metadata; /* NULL for none */
	bool has_id;	 /* false: the store makes one */
	pg_uuid_t event_id;
	int32 schema_version;
} EsNewEvent;

/* What one call appends to one stream, and how that went. */
typedef struct EsStreamAppend
{
	text *stream;
	int64 expected_version;
	int nevents; /* 0: only check the version */
	EsNewEvent *events;

	/* set by es_append() */
	int64 version;		   /* of the last event; of a guard, the stream's */
	int64 global_position; /* of the last event; 0 for a guard */
} EsStreamAppend;

extern bool es_is_appending(void);
extern int64 es_appending_events(void ***triggers_own);
extern const text *es_appended_stream(int64 stream_id);
extern void es_append(EsStreamAppend *appends, int nappends);

#endif /* ES_APPEND_H */
