/*-------------------------------------------------------------------------
 *
 * rights.h
 *	  Who may do what: the store's owner, readers and writers.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/rights.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_RIGHTS_H
#define ES_RIGHTS_H

extern void es_lock_schema(void);
extern void es_require_extension_owner(void);
extern void es_require_store_owner(const char *call);
extern void es_grant_to_owner(Oid role);
extern void es_grant_new_calls(void);

#endif /* ES_RIGHTS_H */
