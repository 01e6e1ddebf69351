/*-------------------------------------------------------------------------
 *
 * projection_tables.h
 *	  The tables of projections.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_tables.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PROJECTION_TABLES_H
#define ES_PROJECTION_TABLES_H

extern void es_make_projection_tables(void);
extern void es_make_inline_trigger(void);
extern void es_drop_inline_trigger(void);

#endif /* ES_PROJECTION_TABLES_H */
