/*-------------------------------------------------------------------------
 *
 * worker_settings.h
 *	  The settings of workers.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/worker_settings.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_WORKER_SETTINGS_H
#define ES_WORKER_SETTINGS_H

extern char *es_databases;
extern int es_max_workers;
extern int es_poll_interval;
extern int es_batch_time;

extern void es_worker_settings_init(void);

#endif /* ES_WORKER_SETTINGS_H */
