/*-------------------------------------------------------------------------
 *
 * write.h
 *	  Inserting rows into the store's tables.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/write.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_WRITE_H
#define ES_WRITE_H

#include "store.h"

/* How many rows are gathered before they are written; COPY's figure. */
#define ES_MAX_GATHERED_ROWS 1000

typedef struct EsWriter EsWriter;

extern EsWriter *es_write_begin(EsTableId table, Relation rel);
extern void es_write_row(EsWriter *writer, const Datum *values);
extern void es_write_flush(EsWriter *writer);
extern void es_write_end(EsWriter *writer);

#endif /* ES_WRITE_H */
