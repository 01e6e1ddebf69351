/*-------------------------------------------------------------------------
 *
 * subscription.h
 *	  The subscriptions, as the registry has them.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/subscription.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SUBSCRIPTION_H
#define ES_SUBSCRIPTION_H

#include "store_read.h"

typedef struct EsSubscription
{
	char *name;
	const char *flaw; /* why it cannot be used; NULL for nothing */
	Oid owner;		  /* of the tables */
	bool all_categories;
	int ncategories;
	text **categories; /* sorted */
	int ntypes;		   /* -1: all */
	text **types;	   /* sorted */
	int32 partitions;
	bool passes; /* a parked event is passed by its stream, which waits otherwise */
	int32 max_attempts;
	int64 retry_delay; /* microseconds */
} EsSubscription;

/* What later events of a stream do when one is parked, as the registry has it. */
#define ES_ON_ERROR_WAIT "wait"
#define ES_ON_ERROR_PASS "pass"

/* The most partitions of a subscription; a token has room for as many. */
#define ES_MAX_PARTITIONS 256

extern void es_require_subscriptions(void);
extern EsSubscription *es_subscription_find(const char *name);
extern EsSubscription *es_subscription_require(const char *name);
extern int32 es_subscription_partition(const EsSubscription *subscription,
									   int64 stream_id);
extern void es_subscription_request(const EsSubscription *subscription,
									EsReadRequest *request);

#endif /* ES_SUBSCRIPTION_H */
