/*-------------------------------------------------------------------------
 *
 * plain_table.h
 *	  What is kept for inserting into a table that is just as it was made.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/plain_table.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PLAIN_TABLE_H
#define ES_PLAIN_TABLE_H

#include "nodes/execnodes.h"

#include "store.h"

typedef struct EsPlainTable EsPlainTable;

extern void es_plain_tables_init(void);
extern EsPlainTable *es_plain_open(EsTableId table, Relation rel);
extern ResultRelInfo *es_plain_target(EsPlainTable *plain);
extern EState *es_plain_state(EsPlainTable *plain);
extern TupleTableSlot **es_plain_slots(EsPlainTable *plain);
extern void es_plain_need_slot(EsPlainTable *plain, int row);
extern bool es_plain_has_triggers(const EsPlainTable *plain);
extern void es_plain_fire(EsPlainTable *plain);
extern void es_plain_close(EsPlainTable *plain);

#endif /* ES_PLAIN_TABLE_H */
