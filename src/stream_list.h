/*-------------------------------------------------------------------------
 *
 * stream_list.h
 *	  Going through streams by their names.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream_list.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_STREAM_LIST_H
#define ES_STREAM_LIST_H

#include "stream.h"

typedef struct EsStreamList EsStreamList;

extern EsStreamList *es_stream_list_begin(text *category, text *after_stream);
extern text *es_stream_list_next(EsStreamList *list, EsStream *row);
extern void es_stream_list_end(EsStreamList *list);

#endif /* ES_STREAM_LIST_H */
