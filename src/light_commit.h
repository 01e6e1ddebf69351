/*-------------------------------------------------------------------------
 *
 * light_commit.h
 *	  Commits that need not wait for the disk.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/light_commit.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_LIGHT_COMMIT_H
#define ES_LIGHT_COMMIT_H

extern void es_light_commit_init(void);
extern bool es_light_commit_begin(void);
extern void es_light_commit_end(bool begun);

#endif /* ES_LIGHT_COMMIT_H */
