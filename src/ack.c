/*-------------------------------------------------------------------------
 *
 * ack.c
 *	  The SQL calls with which consumers answer what was delivered.
 *
 * Whoever answers names the token of the lease, and is refused when there is a newer one.
 * A lease that has run out but that nobody has taken can still be answered; and an
 * answer can be repeated, as long as nobody has taken the partition after it.
 *
 * All that an answer changes is changed in the transaction of the caller: what a consumer
 * writes to this database in the same one takes effect with it, or not at all.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/ack.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "check.h"
#include "errors.h"
#include "set_aside.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_ack);
PG_FUNCTION_INFO_V1(event_store_nack);
PG_FUNCTION_INFO_V1(event_store_release);

/* The longest delay that a consumer can ask for, in days. */
#define MAX_DELAY_DAYS 365

/* An answer. */
typedef struct Answer
{
	char *name; /* of the subscription */
	int64 token;
	int64 position;
	Oid owner;
	EsPartition partition; /* locked */
} Answer;

/*
 * begin_answer
 *		Checks the arguments that all answers have.
 */
static void
begin_answer(FunctionCallInfo fcinfo, const char *call, Answer *answer)
{
	es_check_writable(call);
	es_require_subscriptions();
	es_check_not_null(fcinfo, 0, "subscription");
	es_check_not_null(fcinfo, 1, "token");
	answer->name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	answer->token = PG_GETARG_INT64(1);
	answer->owner = es_store_owner(ES_SUBSCRIPTIONS);
}

/*
 * read_position
 *		Checks the position that an answer is about.
 */
static void
read_position(FunctionCallInfo fcinfo, const char *name, Answer *answer)
{
	es_check_not_null(fcinfo, 2, name);
	answer->position = PG_GETARG_INT64(2);
	es_check_not_negative(answer->position, name);
}

/*
 * raise_lost
 *		ST006: there is a newer lease, or never was this one.
 */
static void
raise_lost(const Answer *answer, const EsPartition *partition)
{
	ereport(ERROR,
			(errcode(ES_ERR_LEASE_LOST),
			 errmsg("the lease of subscription \"%s\" is lost", answer->name),
			 partition == NULL || partition->consumer == NULL
				 ? errdetail("Token %lld was not given for any lease that there is.",
							 (long long) answer->token)
				 : errdetail("The token is %lld, the newest of partition %d is %lld; its last consumer was \"%s\".",
							 (long long) answer->token, partition->number,
							 (long long) partition->token, partition->consumer),
			 errhint(
				 "Undo what was done for events that were not acknowledged, and go on with event_store.poll().")));
}

/*
 * lock_partition
 *		Locks the partition of an answer; raises 42704 where there is no such
 *		subscription, ST006 where its token is not the newest.
 */
static void
lock_partition(Answer *answer)
{
	if (!es_partition_lock(answer->name, answer->owner,
						   es_token_partition(answer->token), &answer->partition))
	{
		(void) es_subscription_require(answer->name);
		raise_lost(answer, NULL);
	}
	if (answer->partition.token != answer->token ||
		answer->partition.consumer == NULL)
		raise_lost(answer, &answer->partition);
}

/*
 * refuse_undelivered
 *		22023: the position is not of an event that waits for an answer.
 */
static void
refuse_undelivered(const Answer *answer)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("position %lld was not delivered under this lease",
					(long long) answer->position),
			 errdetail("Events of subscription \"%s\" were delivered through position %lld.",
					   answer->name,
					   (long long) answer->partition.delivered_through)));
}

/*
 * ack_alone
 *		Acknowledges events of a stream that was delivered by itself.
 */
static void
ack_alone(const Answer *answer)
{
	const EsSubscription *subscription = es_subscription_require(answer->name);
	const EsPartition *partition = &answer->partition;
	EsFailedEvent event;
	bool failed; /* under this lease */

	if (!es_failed_event_find(subscription, partition->retried_stream,
							  partition->retried_version, &event))
		return; /* it was moved, or is acknowledged already */
	failed = event.token == answer->token;
	if (event.passed_version > 0)
	{
		if (answer->position >= event.global_position && !failed)
			es_passed_event_handled(subscription, &event);
		return;
	}
	es_set_aside_handled(subscription, &event,
						 failed ? Min(answer->position, event.global_position - 1)
								: answer->position);
	if (es_failed_event_find(subscription, event.stream_id, 0, &event) &&
		!es_set_aside_is_behind(subscription, &event, partition->checkpoint))
		es_failed_events_merge(subscription, event.stream_id);
}

/*
 * ack_set_aside
 *		Acknowledges events before the one that failed of streams that were set aside
 *		under this lease.
 */
static void
ack_set_aside(const Answer *answer)
{
	const EsSubscription *subscription = es_subscription_require(answer->name);
	EsFailedEvents failed;

	es_failed_events_of_lease(subscription, &answer->partition, &failed);
	for (int64 i = 0; i < failed.n; i++)
	{
		const EsFailedEvent *event = &failed.events[i];

		es_set_aside_handled(subscription, event,
							 Min(answer->position, event->global_position - 1));
	}
}

/*
 * event_store_ack
 *		ack(subscription, token, through_position) returns void
 *
 * Raises 22004, 22023 for a position that was not delivered, 25006, 40001, 42704,
 * ST006 where the lease is lost.
 */
Datum
event_store_ack(PG_FUNCTION_ARGS)
{
	Answer answer;
	EsPartition *partition = &answer.partition;
	bool alone;

	begin_answer(fcinfo, "ack()", &answer);
	read_position(fcinfo, "through_position", &answer);
	if (es_partition_ack_all(answer.name, answer.owner, answer.token,
							 answer.position))
		PG_RETURN_VOID();
	lock_partition(&answer);
	if (answer.position > partition->delivered_through)
		refuse_undelivered(&answer);
	alone = partition->retried_stream != 0;
	if (alone)
		ack_alone(&answer);
	else if (partition->nacked)
		ack_set_aside(&answer);
	es_partition_ack(answer.name, answer.owner, partition,
					 alone ? partition->checkpoint
						   : Max(partition->checkpoint, answer.position),
					 answer.position);
	PG_RETURN_VOID();
}

/*
 * find_event
 *		Finds the event that a consumer failed at; returns whether it was delivered
 *		under this lease.
 */
static bool
find_event(const Answer *answer, const EsSubscription *subscription,
		   EsUnhandled *unhandled)
{
	const EsPartition *partition = &answer->partition;
	EsReadRequest request;

	if (answer->position > partition->delivered_through ||
		(partition->retried_stream == 0 &&
		 answer->position <= partition->checkpoint))
		return false;
	es_subscription_request(subscription, &request);
	if (!es_event_at(&request, answer->position, unhandled))
		return false;
	if (partition->retried_stream != 0)
		return unhandled->stream_id == partition->retried_stream;
	return es_subscription_partition(subscription, unhandled->stream_id) ==
		partition->number;
}

/*
 * is_noted
 *		Whether an event has failed already as far as that goes: its stream was set aside
 *		under this lease, for this event or one before it.
 */
static bool
is_noted(const Answer *answer, const EsSubscription *subscription,
		 const EsUnhandled *unhandled)
{
	const EsPartition *partition = &answer->partition;
	int64 passed_version =
		partition->retried_stream != 0 ? partition->retried_version : 0;
	EsFailedEvent event;

	if (!es_failed_event_find(subscription, unhandled->stream_id,
							  passed_version, &event))
	{
		if (partition->retried_stream != 0)
			refuse_undelivered(answer);
		return false;
	}
	if (event.token == answer->token &&
		unhandled->global_position >= event.global_position)
		return true;
	if (unhandled->version < event.next_version ||
		(event.token != answer->token && partition->retried_stream == 0))
		refuse_undelivered(answer);
	return false;
}

/*
 * delay_argument
 *		How long to wait for the next attempt, in microseconds; -1 for as long as usual.
 */
static int64
delay_argument(FunctionCallInfo fcinfo)
{
	const Interval *delay;

	if (PG_ARGISNULL(4))
		return -1;
	delay = PG_GETARG_INTERVAL_P(4);
	if (!es_interval_within(delay, MAX_DELAY_DAYS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("delay must be between 0 and %d days", MAX_DELAY_DAYS)));
	return delay->time + delay->day * USECS_PER_DAY;
}

/*
 * event_store_nack
 *		nack(subscription, token, global_position, reason, delay) returns void
 *
 * Raises 22004, 22023 for a position that was not delivered, 25006, 40001, 42704,
 * ST006 where the lease is lost.
 */
Datum
event_store_nack(PG_FUNCTION_ARGS)
{
	Answer answer;
	EsUnhandled unhandled = {0};
	const EsSubscription *subscription;

	begin_answer(fcinfo, "nack()", &answer);
	read_position(fcinfo, "global_position", &answer);
	unhandled.reason =
		PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	unhandled.delay = delay_argument(fcinfo);
	lock_partition(&answer);
	subscription = es_subscription_require(answer.name);
	if (!find_event(&answer, subscription, &unhandled))
		refuse_undelivered(&answer);
	if (is_noted(&answer, subscription, &unhandled))
		PG_RETURN_VOID();
	unhandled.consumer = answer.partition.consumer;
	unhandled.first_version =
		es_set_aside_first(subscription, unhandled.stream_id, unhandled.version,
						   answer.partition.checkpoint);
	es_set_aside_fail(subscription, &answer.partition, &unhandled);
	es_partition_nack(answer.name, answer.owner, &answer.partition);
	PG_RETURN_VOID();
}

/*
 * event_store_release
 *		release(subscription, token) returns void
 *
 * Gives back what was not answered.  Raises 22004, 25006, 40001, 42704, ST006 where the
 * lease is lost.
 */
Datum
event_store_release(PG_FUNCTION_ARGS)
{
	Answer answer = {0};
	const EsSubscription *subscription;

	begin_answer(fcinfo, "release()", &answer);
	lock_partition(&answer);
	subscription = es_subscription_require(answer.name);
	es_partition_settle(subscription, &answer.partition);
	PG_RETURN_VOID();
}
