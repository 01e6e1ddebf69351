/*-------------------------------------------------------------------------
 *
 * store_read.h
 *	  Going through the events of the store in global order.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/store_read.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_STORE_READ_H
#define ES_STORE_READ_H

#include "utils/array.h"

#include "scan.h"

/* What is to be read. */
typedef struct EsReadRequest
{
	int64 after_position; /* where the reader stopped, to be told if it is none */
	EsRange range;
	int64 max_count;
	int64 stream_id; /* of one stream only, in the order of its versions; 0: all */
	EsRange versions;			  /* of that stream */
	const EsStreamFilter *filter; /* streams that may be left out; NULL: none */
	bool all_categories;
	int ncategories;
	text **categories;
	int ntypes;	  /* -1: all */
	text **types; /* sorted */
	bool raw;	  /* types are looked for as they are stored */
} EsReadRequest;

typedef struct EsStoreRead EsStoreRead;

extern int es_distinct_texts(ArrayType *array, const char *name, text ***result);
extern EsStoreRead *es_store_read_begin(const EsReadRequest *request);
extern void es_store_read_with_streams(EsStoreRead *read);
extern TupleTableSlot *es_store_read_next(EsStoreRead *read);
extern text *es_store_read_stream(EsStoreRead *read, TupleTableSlot *event);
extern int64 es_store_read_highest(const EsStoreRead *read);
extern void es_store_read_rewind(EsStoreRead *read);
extern void es_store_read_end(EsStoreRead *read);

#endif /* ES_STORE_READ_H */
