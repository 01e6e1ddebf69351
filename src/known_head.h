/*-------------------------------------------------------------------------
 *
 * known_head.h
 *	  The head of a stream that the transaction has locked and read to its end.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/known_head.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_KNOWN_HEAD_H
#define ES_KNOWN_HEAD_H

#include "stream.h"

extern void es_known_head_init(void);
extern void es_known_head_forget(void);
extern uint64 es_known_head_moment(void);
extern void es_known_head_note(const text *stream, const EsStream *row,
							   const EsHead *head, uint64 moment);
extern bool es_known_head_get(const text *stream, EsStream *row, EsHead *head);

#endif /* ES_KNOWN_HEAD_H */
