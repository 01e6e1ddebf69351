/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *	  Keeping states of aggregates at versions of their streams.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/snapshot.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SNAPSHOT_H
#define ES_SNAPSHOT_H

extern void es_snapshot_init(void);

#endif /* ES_SNAPSHOT_H */
