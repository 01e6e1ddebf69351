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

/* Who was acting before es_act_as(). */
typedef struct EsActor
{
	Oid userid;
	int sec_context;
	int guc_level; /* 0 where the search path was not pinned */
} EsActor;

extern void es_spi_connect(void);
extern void es_execute(const char *statement);
extern bool es_lacks(const char *query);
extern int es_pin_search_path(void);
extern void es_execute_as(Oid role, const char *statement);
extern void es_act_as(EsActor *before, Oid owner, bool pin_search_path);
extern void es_act_for(EsActor *before, Oid owner);
extern void es_act_as_before(const EsActor *before);

#endif /* ES_PRIVILEGED_H */
