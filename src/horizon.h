/*-------------------------------------------------------------------------
 *
 * horizon.h
 *	  How far standbys may read.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/horizon.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_HORIZON_H
#define ES_HORIZON_H

extern void es_make_horizon_table(void);
extern bool es_horizon_publish(int64 safe_position);
extern bool es_horizon_find(int64 *safe_position);
extern int64 es_horizon(void);

#endif /* ES_HORIZON_H */
