/*-------------------------------------------------------------------------
 *
 * poll.c
 *	  The SQL call that delivers events of a subscription.
 *
 * poll() looks for the oldest event that is to be handled, leases the partition that it
 * is of, and delivers as many as are asked for of that.  Streams that are set aside, and
 * whose time has come, go first.  A consumer that polls again before it has answered gets
 * the partition that it has, under a new token: it is taken for one that was started
 * anew.
 *
 * The partitions are listed without a lock and looked at in the order of their events;
 * the one that is chosen is locked then.  If somebody has it locked, or has changed it
 * meanwhile, it is left alone; if not, what was found out about its failed events in
 * between holds, too, as they are not changed without it.  When nothing else is found,
 * all is listed anew after a moment, since who took that one may have left another, or
 * may have locked one only to move its checkpoint.  How that works with others at the
 * same time is said in lease.c, and which events may be delivered in store_read.c.
 *
 * What was delivered and not answered is delivered again, once the lease has run out;
 * if that is not answered either, half as much each time.  So a consumer that is too slow
 * for its lease gets as much as it can do, and an event that ends its consumer comes to
 * be delivered alone.  If that is not answered either, it counts as a failed attempt.
 *
 * A delivery may be lost in a crash, see light_commit.c, unless the events were delivered
 * before, or nobody has polled the partition since the session began: they may be what
 * crashes the server, which no session outlives.
 *
 * Checkpoints that are far behind without anything to be delivered are moved, so that the
 * same events of others are not looked at again and again; and those that streams wait
 * for, which are set aside and ahead of them.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/poll.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "check.h"
#include "event_columns.h"
#include "light_commit.h"
#include "position.h"
#include "registration.h"
#include "result_rows.h"
#include "set_aside.h"
#include "set_aside_streams.h"
#include "store.h"
#include "subscription_tables.h"
#include "wait.h"

PG_FUNCTION_INFO_V1(event_store_poll);

/* Columns of the result before those of the event. */
enum
{
	POLLED_PARTITION,
	POLLED_TOKEN,
	POLLED_ATTEMPTS
};

/* From so many failed events the streams that are set aside are listed. */
#define MAX_LISTED 256

/*
 * How often it is looked through the streams that are set aside; those that are left are
 * dealt with by the next poll, so that this one has an end.
 */
#define MAX_PASSES 64

/* A checkpoint that is so far behind is moved. */
#define FAR_BEHIND 1000

/*
 * How often the partitions are listed, when others are faster; and how often it is
 * waited for others who have some locked, who may leave one: a millisecond at first,
 * twice as long each time, 63 ms in all.
 */
#define MAX_ROUNDS 100
#define MAX_WAITS  6

/* The longest lease, in days. */
#define MAX_LEASE_DAYS 1

typedef struct Poll
{
	char *name;
	const EsSubscription *subscription;
	const char *consumer;
	int64 max_count;
	const Interval *lease;
	TimestampTz now;

	EsPartition *partitions;
	bool *open;		  /* it may be taken */
	bool *locked;	  /* by this look */
	bool fewer;		  /* may be taken than before */
	bool busy;		  /* somebody else was about to take what might have been */
	bool again;		  /* a further look may find something */
	bool has_locked;  /* some partition is locked by this call */
	bool must_last;	  /* it wrote what a crash may not undo */
	bool *touched;	  /* a failed event of it was changed */
	bool *waited_for; /* a stream that is set aside is ahead of it */
	EsSetAsideStreams set_aside;

	/* what is delivered */
	EsPartition *taken; /* NULL as long as nothing is */
	int64 token;
	int64 limit;
	int64 n;
	int64 first_position; /* of the first event */
	int64 position;		  /* of the last one */

	ReturnSetInfo *result;
	EsEventColumns *columns;
	MemoryContext row_context;
	Datum *values;
	bool *nulls;
} Poll;

/*
 * name_subscription
 *		Says in an error what it is about.
 */
static void
name_subscription(void *arg)
{
	errcontext("subscription \"%s\"", (const char *) arg);
}

/*
 * is_unanswered
 *		Whether a partition has events delivered that were not answered.
 */
static bool
is_unanswered(const EsPartition *partition)
{
	return partition->leased_until != DT_NOBEGIN;
}

/*
 * is_own
 *		Whether it is this consumer's, on a lease that goes on.
 */
static bool
is_own(const Poll *poll, const EsPartition *partition)
{
	return is_unanswered(partition) && partition->leased_until > poll->now &&
		partition->consumer != NULL &&
		strcmp(partition->consumer, poll->consumer) == 0;
}

/*
 * open_own
 *		Allows to take only what this consumer has; returns whether there is any.
 */
static bool
open_own(Poll *poll)
{
	bool any = false;

	for (int i = 0; i < poll->subscription->partitions; i++)
	{
		poll->open[i] = is_own(poll, &poll->partitions[i]);
		any |= poll->open[i];
	}
	return any;
}

/*
 * open_all
 *		Allows to take what nobody has.
 */
static void
open_all(Poll *poll)
{
	for (int i = 0; i < poll->subscription->partitions; i++)
	{
		const EsPartition *partition = &poll->partitions[i];

		poll->open[i] = !is_unanswered(partition) ||
			partition->leased_until <= poll->now || is_own(poll, partition);
	}
}

/*
 * lock
 *		Locks a partition; returns false where somebody else was faster.
 */
static bool
lock(Poll *poll, EsPartition *partition)
{
	if (poll->locked[partition->number])
		return true;
	if (es_partition_try_lock(poll->subscription, partition))
	{
		poll->locked[partition->number] = true;
		poll->has_locked = true;
		return true;
	}
	poll->open[partition->number] = false;
	poll->fewer = true;
	poll->busy = true;
	return false;
}

/*
 * list_set_aside
 *		Lists the streams that are set aside, anew after a change.
 */
static void
list_set_aside(Poll *poll)
{
	es_set_aside_streams(poll->subscription, MAX_LISTED, &poll->set_aside);
}

/*
 * describe_unanswered
 *		What is to be said of an event that was delivered alone and not answered;
 *		returns false where that is not known any more.
 */
static bool
describe_unanswered(Poll *poll, const EsPartition *partition,
					EsUnhandled *unhandled)
{
	EsReadRequest request;

	es_subscription_request(poll->subscription, &request);
	if (!es_event_at(&request, partition->delivered_through, unhandled))
		return false;
	unhandled->first_version = unhandled->version;
	unhandled->consumer = partition->consumer;
	unhandled->reason = "not answered";
	unhandled->delay = -1;
	return true;
}

/*
 * settle
 *		Counts it as a failed attempt if a partition, which is locked, had an event
 *		delivered alone again and again, without an answer; returns whether it had.
 */
static bool
settle(Poll *poll, EsPartition *partition)
{
	EsUnhandled unhandled;
	EsFailedEvent event;

	if (!is_unanswered(partition) || partition->deliveries < 2 ||
		partition->delivered > 1)
		return false;
	if (describe_unanswered(poll, partition, &unhandled) &&
		es_failed_event_find(poll->subscription, unhandled.stream_id,
							 partition->retried_version,
							 &event) == (partition->retried_stream != 0))
	{
		es_set_aside_fail(poll->subscription, partition, &unhandled);
		poll->must_last = true;
		poll->again = true;
		list_set_aside(poll);
	}
	es_partition_settle(poll->subscription, partition);
	return true;
}

/*
 * unanswered_deliveries
 *		How often in a row a partition's events have been delivered without an answer: of
 *		a stream that is set aside, or of those after the checkpoint, for NULL.
 */
static int32
unanswered_deliveries(const EsPartition *partition, const EsFailedEvent *event)
{
	int64 stream_id = event != NULL ? event->stream_id : 0;
	int64 passed_version = event != NULL ? event->passed_version : 0;

	return is_unanswered(partition) && partition->retried_stream == stream_id &&
			partition->retried_version == passed_version
		? partition->deliveries
		: 0;
}

/*
 * choose
 *		Chooses a partition, which is locked, to be delivered; event is what is delivered
 *		of it by itself, NULL for none.
 */
static void
choose(Poll *poll, EsPartition *partition, const EsFailedEvent *event)
{
	poll->taken = partition;
	poll->token = es_next_token(partition);
	poll->limit = poll->max_count;
	if (unanswered_deliveries(partition, event) >= 2)
		poll->limit = Min(poll->limit, Max(partition->delivered / 2, 1));
	poll->n = 0;
}

/*
 * put_event
 *		Adds an event to the result.
 */
static void
put_event(Poll *poll, EsStoreRead *read, TupleTableSlot *event, int32 attempts)
{
	MemoryContext caller = MemoryContextSwitchTo(poll->row_context);
	TupleDesc desc = poll->result->setDesc;
	text *stream = es_store_read_stream(read, event);
	XLogRecPtr written = XactLastRecEnd;

	es_event_columns_fill(poll->columns, event, stream, poll->values,
						  poll->nulls);
	if (XactLastRecEnd != written)
		poll->must_last = true; /* by an upcaster, for all that is known */
	poll->values[POLLED_PARTITION] = Int32GetDatum(poll->taken->number);
	poll->values[POLLED_TOKEN] = Int64GetDatum(poll->token);
	poll->values[POLLED_ATTEMPTS] = Int32GetDatum(attempts);
	poll->nulls[POLLED_PARTITION] = poll->nulls[POLLED_TOKEN] =
		poll->nulls[POLLED_ATTEMPTS] = false;
	tuplestore_putvalues(poll->result->setResult, desc, poll->values,
						 poll->nulls);
	poll->position = es_bigint_column(event, ES_EVENTS, EV_GLOBAL_POSITION);
	if (poll->n++ == 0)
		poll->first_position = poll->position;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(poll->row_context);
}

/*
 * lease
 *		Leases the partition that was chosen; event is what was delivered of it by itself,
 *		NULL for none.
 */
static void
lease(Poll *poll, const EsFailedEvent *event)
{
	EsPartition *partition = poll->taken;
	EsDelivery delivery = {0};

	delivery.token = poll->token;
	delivery.consumer = poll->consumer;
	delivery.lease = poll->lease;
	delivery.delivered = poll->n;
	delivery.delivered_through = poll->position;
	delivery.deliveries = unanswered_deliveries(partition, event) + 1;
	if (delivery.deliveries > 1 || partition->polled_at < MyStartTimestamp)
		poll->must_last = true; /* the events may be what ends the server */
	if (event != NULL)
	{
		delivery.retried_stream = event->stream_id;
		delivery.retried_version = event->passed_version;
	}
	es_partition_lease(poll->subscription, partition, &delivery);
}

/*
 * put_set_aside
 *		Adds the events of a stream that is set aside to the result, and leases the
 *		partition; returns false where there are none.
 */
static bool
put_set_aside(Poll *poll, const EsFailedEvent *event)
{
	EsPartition *partition = &poll->partitions[event->partition];
	EsStoreRead *read = es_set_aside_read(poll->subscription, event, partition);
	bool alone = event->failed_version >= event->next_version;
	TupleTableSlot *slot;

	choose(poll, partition, event);
	if (alone)
		poll->limit = Min(poll->limit, 1);
	while (poll->n < poll->limit &&
		   (slot = event->passed_version > 0
				? es_store_read_next(read)
				: es_set_aside_next(read, poll->subscription)) != NULL)
	{
		int64 version = es_bigint_column(slot, ES_EVENTS, EV_VERSION);

		put_event(poll, read, slot,
				  version == event->failed_version ? event->attempts : 0);
	}
	es_store_read_end(read);
	if (poll->n == 0)
	{
		poll->taken = NULL;
		return false;
	}
	lease(poll, event);
	return true;
}

/*
 * merge
 *		Has a stream that was set aside be read together with the others again.
 *
 * What is on lease of the partition was delivered without the stream's events, and
 * must not be acknowledged past them any more.
 */
static void
merge(Poll *poll, EsPartition *partition, const EsFailedEvent *event)
{
	if (is_unanswered(partition))
		es_partition_settle(poll->subscription, partition);
	es_failed_events_merge(poll->subscription, event->stream_id);
}

/*
 * end_set_aside
 *		Deals with a stream that is set aside and has nothing to be delivered: it is read
 *		together with the others again, unless it is ahead of them; returns false then.
 */
static bool
end_set_aside(Poll *poll, const EsFailedEvent *event)
{
	EsPartition *partition = &poll->partitions[event->partition];

	if (event->passed_version > 0)
		es_failed_event_delete(poll->subscription, event);
	else if (event->failed_version >= event->next_version)
		es_failed_event_go_on(poll->subscription, event,
							  event->failed_version + 1, event->ahead_position);
	else if (event->ahead_position <= partition->checkpoint)
		merge(poll, partition, event);
	else
		return false;
	if (!poll->touched[partition->number])
		es_partition_move(poll->subscription, partition, partition->checkpoint);
	poll->touched[partition->number] = true;
	return true;
}

/*
 * deliver_due
 *		Delivers the first stream that is set aside and has something to be delivered now,
 *		of a partition that may be taken; deals with those before it that have nothing,
 *		and says if that has changed what is due.
 */
static bool
deliver_due(Poll *poll, bool *changed)
{
	EsFailedEvents due;

	es_failed_events_due(poll->subscription, poll->now, &due);
	*changed = false;
	for (int64 i = 0; i < due.n; i++)
	{
		const EsFailedEvent *event = &due.events[i];
		EsPartition *partition = &poll->partitions[event->partition];

		CHECK_FOR_INTERRUPTS();
		if (!poll->open[event->partition] || !lock(poll, partition))
			continue;
		if (settle(poll, partition))
		{
			*changed = true;
			return false;
		}
		if (put_set_aside(poll, event))
			return true;
		if (end_set_aside(poll, event))
			*changed = true;
		else
			poll->waited_for[event->partition] = true;
	}
	return false;
}

/*
 * deliver_set_aside
 *		Delivers a stream that is set aside, if it is time for one.
 */
static bool
deliver_set_aside(Poll *poll)
{
	bool changed = poll->set_aside.any_failed;

	for (int i = 0; changed && i < MAX_PASSES; i++)
	{
		if (deliver_due(poll, &changed))
			return true;
		if (changed)
			list_set_aside(poll);
	}
	return false;
}

/*
 * lowest_checkpoint
 *		The lowest checkpoint of the partitions that may be taken; -1 where none may.
 */
static int64
lowest_checkpoint(const Poll *poll)
{
	int64 lowest = -1;

	for (int i = 0; i < poll->subscription->partitions; i++)
	{
		if (poll->open[i] &&
			(lowest < 0 || poll->partitions[i].checkpoint < lowest))
			lowest = poll->partitions[i].checkpoint;
	}
	return lowest;
}

/*
 * is_elsewhere
 *		Whether a stream is of a partition that is not delivered.
 */
static bool
is_elsewhere(void *arg, int64 stream_id)
{
	const Poll *poll = arg;
	int32 number = es_subscription_partition(poll->subscription, stream_id);

	return poll->taken != NULL ? number != poll->taken->number
							   : !poll->open[number];
}

/*
 * is_wanted
 *		Whether an event is the next to be delivered; chooses its partition if none is.
 */
static bool
is_wanted(Poll *poll, TupleTableSlot *event)
{
	int64 stream_id = es_bigint_column(event, ES_EVENTS, EV_STREAM_ID);
	EsPartition *partition =
		&poll->partitions[es_subscription_partition(poll->subscription, stream_id)];

	if (is_elsewhere(poll, stream_id))
		return false;
	if (es_bigint_column(event, ES_EVENTS, EV_GLOBAL_POSITION) <=
			partition->checkpoint ||
		es_is_set_aside(&poll->set_aside, stream_id))
		return false;
	if (poll->taken != NULL)
		return true;
	if (!lock(poll, partition))
		return false;
	if (settle(poll, partition) && es_is_set_aside(&poll->set_aside, stream_id))
		return false;
	choose(poll, partition, NULL);
	return true;
}

/*
 * move_past
 *		Moves the checkpoints of partitions that have nothing to be delivered up to a
 *		position, where that is worth it; not of the one that is delivered.
 */
static void
move_past(Poll *poll, int64 position)
{
	for (int i = 0; i < poll->subscription->partitions; i++)
	{
		EsPartition *partition = &poll->partitions[i];
		bool waited_for = poll->waited_for[i];

		if (!poll->open[i] || partition == poll->taken ||
			partition->checkpoint >= position)
			continue;
		if (!waited_for && position - partition->checkpoint < FAR_BEHIND)
			continue;
		if (!lock(poll, partition))
			continue;
		es_partition_move(poll->subscription, partition, position);
		partition->checkpoint = position;
		poll->again |= waited_for;
	}
}

/*
 * read_on
 *		Delivers events after a position; returns up to where there are none that may be
 *		delivered, if there are none.
 */
static int64
read_on(Poll *poll, int64 after_position)
{
	EsStreamFilter filter = {is_elsewhere, poll};
	EsReadRequest request;
	EsStoreRead *read;
	TupleTableSlot *event;
	int64 highest;

	es_subscription_request(poll->subscription, &request);
	request.after_position = after_position;
	request.range.lowest = after_position + 1;
	request.filter = &filter;
	read = es_store_read_begin(&request);
	while (!poll->fewer && (poll->taken == NULL || poll->n < poll->limit) &&
		   (event = es_store_read_next(read)) != NULL)
	{
		if (is_wanted(poll, event))
			put_event(poll, read, event, 0);
	}
	highest = es_store_read_highest(read);
	es_store_read_end(read);
	return highest;
}

/*
 * deliver_next
 *		Delivers events after the checkpoints.  If the partition that is behind all
 *		others cannot be taken, reading begins anew, after the next one.
 */
static bool
deliver_next(Poll *poll)
{
	int64 highest = 0;

	do
	{
		int64 lowest = lowest_checkpoint(poll);

		if (lowest < 0)
			return false;
		poll->fewer = false;
		highest = read_on(poll, lowest);
	} while (poll->fewer);
	if (poll->taken != NULL)
		lease(poll, NULL);
	move_past(poll, poll->taken != NULL ? poll->first_position : highest);
	return poll->taken != NULL;
}

/*
 * deliver_from
 *		Delivers events of partitions that may be taken.
 */
static bool
deliver_from(Poll *poll)
{
	return deliver_set_aside(poll) || deliver_next(poll);
}

/*
 * list_partitions
 *		Lists the partitions, and reads what the subscription is after that: whoever
 *		changes which events it has changes them, too, or makes others.  Returns false
 *		where they are not those of the subscription.
 */
static bool
list_partitions(Poll *poll)
{
	const EsSubscription *before = es_subscription_require(poll->name);
	int32 n = es_partitions_find(before, &poll->partitions);

	poll->subscription = es_subscription_require(poll->name);
	if (poll->subscription->partitions != before->partitions)
		return false;
	es_check_partitions(poll->subscription, n);
	return true;
}

/*
 * look
 *		Lists the partitions and delivers events of one, if there are any.
 */
static bool
look(Poll *poll)
{
	int32 n;

	poll->now = GetCurrentTimestamp();
	poll->busy = false;
	poll->again = !list_partitions(poll);
	if (poll->again)
		return false;
	n = poll->subscription->partitions;
	list_set_aside(poll);
	poll->open = palloc0(n * sizeof(bool));
	poll->touched = palloc0(n * sizeof(bool));
	poll->waited_for = palloc0(n * sizeof(bool));
	poll->locked = palloc0(n * sizeof(bool));
	for (int i = 0; i < n; i++)
		es_check_within_store(poll->partitions[i].checkpoint);
	if (open_own(poll) && deliver_from(poll))
		return true;
	if (poll->again)
		return false;
	open_all(poll);
	return deliver_from(poll);
}

/*
 * may_wait
 *		Whether to wait for those who have a partition locked.
 *
 * Not with a lock of this call in hand that others would then wait for; nor where the
 * transaction has a snapshot that will not show what they have done, which would only
 * give them the time for a change that fails this one.
 */
static bool
may_wait(const Poll *poll)
{
	return poll->busy && !poll->has_locked && !IsolationUsesXactSnapshot();
}

/*
 * deliver
 *		Delivers events, if there are any.
 */
static void
deliver(Poll *poll)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext look_context =
		AllocSetContextCreate(caller, "event_store poll", ALLOCSET_DEFAULT_SIZES);
	int nwaits = 0;

	poll->row_context =
		AllocSetContextCreate(caller, "event_store row", ALLOCSET_DEFAULT_SIZES);
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		bool done;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(look_context);
		done = look(poll);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(look_context);
		if (done)
			break;
		if (poll->again)
			continue;
		if (!may_wait(poll) || nwaits == MAX_WAITS)
			break;
		es_sleep(1L << nwaits++);
	}
}

/*
 * prepare_rows
 *		Gets ready to fill the result.
 */
static void
prepare_rows(Poll *poll)
{
	TupleDesc desc = poll->result->setDesc;
	AttrNumber *wanted = palloc(desc->natts * sizeof(AttrNumber));
	Relation events = es_store_open(ES_EVENTS, AccessShareLock);

	for (int i = 0; i < desc->natts; i++)
		wanted[i] = i + 1;
	poll->columns = es_event_columns(desc->tdtypeid, wanted, desc->natts,
									 es_upcasting(false));
	poll->values = palloc0(desc->natts * sizeof(Datum));
	poll->nulls = palloc0(desc->natts * sizeof(bool));
	table_close(events, NoLock);
}

/*
 * read_arguments
 *		Checks what a consumer asks for.
 */
static void
read_arguments(FunctionCallInfo fcinfo, Poll *poll)
{
	es_check_not_null(fcinfo, 0, "subscription");
	es_check_not_null(fcinfo, 1, "consumer");
	poll->consumer = text_to_cstring(PG_GETARG_TEXT_PP(1));
	es_check_name(poll->consumer, "consumer");
	poll->max_count = es_count_argument(fcinfo, 2);
	es_check_not_null(fcinfo, 3, "lease");
	poll->lease = PG_GETARG_INTERVAL_P(3);
	if (!es_interval_within(poll->lease, MAX_LEASE_DAYS) ||
		poll->lease->day + poll->lease->time == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lease must be more than 0 and at most %d day",
						MAX_LEASE_DAYS)));
}

/*
 * event_store_poll
 *		poll(subscription, consumer, max_count, lease) returns setof polled_event
 *
 * The next events of one partition, under a lease.  Raises 22004, 22023, 25006 in a
 * read-only transaction and on a standby, 40001 where a transaction at REPEATABLE READ
 * sees the partitions as they were, 42704, ST008 where a checkpoint is beyond the
 * store.
 */
Datum
event_store_poll(PG_FUNCTION_ARGS)
{
	Poll poll = {0};
	ErrorContextCallback callback;
	bool light;

	es_check_writable("poll()");
	es_require_subscriptions();
	read_arguments(fcinfo, &poll);
	poll.name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	InitMaterializedSRF(fcinfo, 0);
	poll.result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (poll.max_count == 0)
	{
		(void) es_subscription_require(poll.name);
		return (Datum) 0;
	}
	callback.callback = name_subscription;
	callback.arg = poll.name;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	light = es_light_commit_begin();
	prepare_rows(&poll);
	deliver(&poll);
	es_light_commit_end(light && !poll.must_last &&
						!es_subscription_tables_have_triggers());
	error_context_stack = callback.previous;
	return (Datum) 0;
}
