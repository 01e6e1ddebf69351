/*-------------------------------------------------------------------------
 *
 * subscription_tables.h
 *	  The tables of subscriptions.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/subscription_tables.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SUBSCRIPTION_TABLES_H
#define ES_SUBSCRIPTION_TABLES_H

extern void es_make_subscription_tables(void);
extern bool es_subscription_tables_have_triggers(void);

#endif /* ES_SUBSCRIPTION_TABLES_H */
