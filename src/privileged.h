/*-------------------------------------------------------------------------
 *
 * privileged.h
 *	  Running statements of our own as another role.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/privileged.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PRIVILEGED_H
#define ES_PRIVILEGED_H

extern void es_spi_connect(void);
extern void es_execute(const char *statement);
extern int es_pin_search_path(void);
extern void es_execute_as(Oid role, const char *statement);

#endif /* ES_PRIVILEGED_H */
