/*-------------------------------------------------------------------------
 *
 * sequence.h
 *	  Whether the sequence of global positions is fit to draw from.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/sequence.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SEQUENCE_H
#define ES_SEQUENCE_H

#include "store.h"

extern void es_sequence_init(void);
extern void es_require_sequence(Relation events, Relation streams);
extern void es_distrust_sequence(void);
extern void es_raise_sequence_behind(const char *detail);
extern const char *es_sequence_flaw(void);
extern int64 es_repair_sequence(void);

#endif /* ES_SEQUENCE_H */
