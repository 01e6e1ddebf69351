/*-------------------------------------------------------------------------
 *
 * lease.h
 *	  The partitions of subscriptions: how far each is, and who has it.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/lease.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_LEASE_H
#define ES_LEASE_H

#include "utils/timestamp.h"

#include "subscription.h"

/* A partition of a subscription. */
typedef struct EsPartition
{
	int32 number;
	int64 turn;
	int64 changes; /* differs when anything of it, or of its failed events, does */
	int64 checkpoint;
	int64 token;
	char *consumer;			  /* NULL before the first */
	TimestampTz leased_until; /* DT_NOBEGIN: all that was delivered is answered */
	int64 delivered;
	int64 delivered_through;
	int32 deliveries;	   /* in a row, without an answer */
	bool nacked;		   /* in this lease */
	int64 retried_stream;  /* that was delivered by itself; 0 for none */
	int64 retried_version; /* its passed_version */
	TimestampTz polled_at; /* DT_NOBEGIN: never */
	TimestampTz acked_at;
} EsPartition;

/* What is delivered under a new lease. */
typedef struct EsDelivery
{
	int64 token;
	const char *consumer;
	const Interval *lease;
	int64 delivered;
	int64 delivered_through;
	int32 deliveries;
	int64 retried_stream; /* 0 for none */
	int64 retried_version;
} EsDelivery;

extern int32 es_partitions_find(const EsSubscription *subscription,
								EsPartition **partitions);
extern void es_check_partitions(const EsSubscription *subscription, int32 n);
extern bool es_partition_try_lock(const EsSubscription *subscription,
								  EsPartition *partition);
extern bool es_partition_lock(const char *subscription, Oid owner, int32 number,
							  EsPartition *partition);
extern int64 es_next_token(const EsPartition *partition);
extern int32 es_token_partition(int64 token);
extern void es_partition_create(const EsSubscription *subscription,
								int32 number, int64 checkpoint);
extern void es_partition_lease(const EsSubscription *subscription,
							   EsPartition *partition,
							   const EsDelivery *delivery);
extern void es_partition_move(const EsSubscription *subscription,
							  EsPartition *partition, int64 checkpoint);
extern void es_partition_settle(const EsSubscription *subscription,
								EsPartition *partition);
extern bool es_partition_ack_all(const char *subscription, Oid owner,
								 int64 token, int64 through_position);
extern void es_partition_ack(const char *subscription, Oid owner,
							 EsPartition *partition, int64 checkpoint,
							 int64 through_position);
extern void es_partition_nack(const char *subscription, Oid owner,
							  EsPartition *partition);
extern void es_partition_reset(const EsSubscription *subscription,
							   EsPartition *partition, int64 checkpoint);
extern void es_partitions_delete(const char *subscription, Oid owner);

#endif /* ES_LEASE_H */
