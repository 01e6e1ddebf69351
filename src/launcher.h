/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The process that starts workers with the server.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/launcher.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_LAUNCHER_H
#define ES_LAUNCHER_H

extern void es_launcher_init(void);

#endif /* ES_LAUNCHER_H */
