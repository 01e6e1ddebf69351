/*-------------------------------------------------------------------------
 *
 * stream.h
 *	  Streams and categories: finding them, and a stream's head.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_STREAM_H
#define ES_STREAM_H

#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

#include "event_hash.h"

/* A row of the table of streams. */
typedef struct EsStream
{
	int64 stream_id;
	int64 category_id;
	int64 base_version;
	TimestampTz created_at;
} EsStream;

/* Where a stream ends. */
typedef struct EsHead
{
	int64 version;			 /* 0 for a stream that does not exist */
	TimestampTz recorded_at; /* of its last event; the earliest for none */
	bool unseen;			 /* last event is past the transaction's
								 * snapshot, and not its own */
	EsHash hash;			 /* of its last event; none without a chain */
} EsHead;

extern int es_category_length(const char *stream, int len);
extern text *es_stream_category(const text *stream);
extern bool es_find_category(Relation categories, Snapshot snapshot,
							 const text *category, int64 *category_id);
extern bool es_find_stream(Relation streams, Snapshot snapshot,
						   const text *stream, EsStream *row);
extern void es_head_begin(EsHead *head, int64 base_version);
extern void es_head_note(EsHead *head, TupleTableSlot *event);
extern void es_stream_head_by_index(Relation events, Relation index,
									Snapshot snapshot, const EsStream *stream,
									EsHead *head);
extern void es_stream_head(Relation events, Snapshot snapshot,
						   const EsStream *stream, EsHead *head);
extern void es_register_look(Relation events, Relation streams,
							 const text *stream);
extern void es_register_locked_look(Relation events, Relation streams,
									const text *stream);

#endif /* ES_STREAM_H */
