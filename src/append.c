/*-------------------------------------------------------------------------
 *
 * append.c
 *	  Appending events to streams.
 *
 * The order of steps is what makes an append right:
 *
 *	 1. The tables, and the streams' locks.  From here on nobody else can append
 *		to them, and whoever did before has ended; see locks.c.
 *	 2. Each stream's row and head, with SnapshotSelf.
 *	 3. Retries, whose answer is where the events are already; see retry.c.
 *	 4. The expected versions.  A conflict raises before anything is drawn.
 *	 5. New categories, under the locks of their names.
 *	 6. The in-flight mark, and only then the positions; see position.c.
 *	 7. The rows, in the order drawn.
 *
 * Event ids are unique over the whole store, but the lock is the stream's: a
 * caller that gives one id to two streams at the same time runs into the
 * unique index, whose error is made ST003.
 *
 * At REPEATABLE READ and above, an append that expects something of a stream
 * which moved past the transaction's snapshot raises 40001, as an UPDATE of
 * such a row does: the decision was made on a past that is over.  An append
 * that expects nothing queues on the lock and never fails for a race.
 *
 * A guard, which checks a stream's version without appending to it, holds the
 * stream's lock like an append; under SERIALIZABLE it also reads the head with
 * the transaction's snapshot, so that the read is seen for what it is.  So does an
 * append with an expectation in a subtransaction, whose rollback, or error, gives the
 * stream's lock back while the caller knows what came of it.
 *
 * Ids of streams and categories are positions, too: that of the first event.
 *
 * Categories are opened once one of the streams turns out to be new.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/append.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "append.h"
#include "check.h"
#include "counters.h"
#include "errors.h"
#include "fault.h"
#include "hash_chain.h"
#include "hints.h"
#include "known_head.h"
#include "locks.h"
#include "metadata.h"
#include "position.h"
#include "retry.h"
#include "sequence.h"
#include "store.h"
#include "stream.h"
#include "uuid.h"
#include "validate.h"
#include "write.h"

/* Of how many streams of a call the processor fetches the rows in advance. */
#define MAX_PREFETCHED 16

/* What an append finds out about one of its streams. */
typedef struct StreamAppendState
{
	EsStreamAppend *append;
	bool exists;
	bool new_category; /* this append makes the category */
	text *category;	   /* its name, if the stream is new */
	bool retried;	   /* its events are there already */
	EsStream row;
	EsHead head;
	int64 *positions; /* of its events */
} StreamAppendState;

/*
 * The tables that an append writes to, and the index that leads to streams'
 * heads.  Categories are NULL until a stream turns out to be new.
 */
typedef struct AppendTables
{
	Relation categories;
	Relation streams;
	Relation events;
	Relation by_version;
} AppendTables;

/* What the events of a call have in common. */
typedef struct CallParts
{
	TimestampTz now;
	Jsonb *session_metadata; /* NULL for none */
	Datum metadata;			 /* of events that come without their own */
	EsHasher *hasher;		 /* NULL where there is no hash chain */
} CallParts;

/* An append that is writing its rows. */
typedef struct RunningAppend
{
	const StreamAppendState *states;
	int nstates;
	int asked; /* the stream that was asked for last */
	void *triggers_own;
} RunningAppend;

/*
 * The innermost of those of this backend, so that a trigger can tell its events
 * from those of a restore; set back when that append ends or fails.
 */
static RunningAppend *running = NULL;

/*
 * es_is_appending
 *		Whether an append of this backend is writing its rows at the moment.
 */
bool
es_is_appending(void)
{
	return running != NULL;
}

/*
 * es_appending_events
 *		How many events the append that is running writes, 0 when none is; and a place
 *		where the trigger of inline projections keeps something for the length of it.
 */
int64
es_appending_events(void ***triggers_own)
{
	int64 n = 0;

	if (running == NULL)
		return 0;
	for (int i = 0; i < running->nstates; i++)
		n += running->states[i].append->nevents;
	*triggers_own = &running->triggers_own;
	return n;
}

/*
 * es_appended_stream
 *		Name of a stream by its id, if the append that is running writes to it and
 *		is asked for its streams in their order, as triggers do; otherwise NULL.
 */
const text *
es_appended_stream(int64 stream_id)
{
	if (running == NULL)
		return NULL;
	for (int i = running->asked; i < Min(running->asked + 2, running->nstates);
		 i++)
	{
		if (running->states[i].row.stream_id == stream_id)
		{
			running->asked = i;
			return running->states[i].append->stream;
		}
	}
	return NULL;
}

/*
 * open_rest
 *		Opens what comes after events and streams.
 */
static void
open_rest(AppendTables *tables)
{
	tables->categories = NULL;
	tables->by_version =
		es_store_open_index(ES_EVENTS_BY_VERSION, RowExclusiveLock);
}

/*
 * open_and_lock
 *		Opens the tables and takes the locks of all streams of the call.
 *
 * A call over many streams takes the store lock before anything else.
 */
static void
open_and_lock(StreamAppendState *states, int n, AppendTables *tables)
{
	uint64 *keys = palloc(n * sizeof(uint64));

	for (int i = 0; i < n; i++)
	{
		keys[i] = es_stream_key(states[i].append->stream);
		if (i < MAX_PREFETCHED)
			es_hint_prefetch_page(keys[i]);
	}
	es_open_and_lock(keys, n, &tables->events, &tables->streams);
	for (int i = 0; i < Min(n, MAX_PREFETCHED); i++)
		es_hint_prefetch_row(keys[i]);
	open_rest(tables);
	pfree(keys);
}

/*
 * let_go
 *		Closes the tables and gives their locks back.
 */
static void
let_go(AppendTables *tables)
{
	index_close(tables->by_version, RowExclusiveLock);
	if (tables->categories != NULL)
		es_close_for_append(tables->categories);
	es_close_for_append(tables->streams);
	es_close_for_append(tables->events);
}

/*
 * reopen_all
 *		Opens them again.
 */
static void
reopen_all(AppendTables *tables)
{
	tables->events = es_open_for_append(ES_EVENTS);
	tables->streams = es_open_for_append(ES_STREAMS);
	open_rest(tables);
}

/*
 * close_all
 *		Closes the tables; their locks stay.
 */
static void
close_all(AppendTables *tables)
{
	index_close(tables->by_version, NoLock);
	if (tables->categories != NULL)
		table_close(tables->categories, NoLock);
	table_close(tables->streams, NoLock);
	table_close(tables->events, NoLock);
}

/*
 * find_head
 *		Looks up a stream's row and head, unless they are known.
 */
static void
find_head(StreamAppendState *state, const AppendTables *tables)
{
	state->new_category = false;
	state->exists =
		es_known_head_get(state->append->stream, &state->row, &state->head);
	if (state->exists)
		return;
	state->exists = es_find_stream(tables->streams, SnapshotSelf,
								   state->append->stream, &state->row);
	if (state->exists)
	{
		es_stream_head_by_index(tables->events, tables->by_version,
								SnapshotSelf, &state->row, &state->head);
		return;
	}
	es_head_begin(&state->head, 0);
}

/*
 * is_retry
 *		Whether the whole call is a retry of one that was stored.
 */
static bool
is_retry(StreamAppendState *states, int n, const AppendTables *tables)
{
	Relation index = es_store_open_index(ES_EVENTS_BY_ID, AccessShareLock);
	StreamAppendState *retried = NULL;
	StreamAppendState *fresh = NULL;

	for (int i = 0; i < n; i++)
	{
		if (states[i].append->nevents == 0)
			continue;
		states[i].retried =
			es_find_retry(states[i].append,
						  states[i].exists ? &states[i].row : NULL,
						  tables->events, index);
		if (states[i].retried)
			retried = &states[i];
		else
			fresh = &states[i];
	}
	index_close(index, AccessShareLock);
	if (retried != NULL && fresh != NULL)
		es_raise_duplicate(&retried->append->events[0].event_id,
						   "Only some of the streams of this call are stored.");
	return retried != NULL;
}

/*
 * has_given_ids
 *		Whether any event of the call came with an id.
 */
static bool
has_given_ids(const StreamAppendState *states, int n)
{
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < states[i].append->nevents; j++)
		{
			if (states[i].append->events[j].has_id)
				return true;
		}
	}
	return false;
}

/*
 * check_version
 *		Raises ST001, or 40001, when a stream is not where it is expected.
 */
static void
check_version(const StreamAppendState *state)
{
	int64 expected = state->append->expected_version;
	int64 actual = state->head.version;
	char *stream;

	if (actual > PG_INT64_MAX - state->append->nevents)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("stream \"%s\" has no versions left",
						text_to_cstring(state->append->stream)),
				 errdetail("Its version is %lld.", (long long) actual)));
	if (expected == ES_ANY_VERSION)
		return;
	if (!state->head.unseen &&
		(expected == ES_STREAM_EXISTS ? actual > 0 : actual == expected))
		return;

	es_count(ES_COUNT_CONFLICTS);
	if (state->head.unseen)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access to stream \"%s\" due to a concurrent append",
						text_to_cstring(state->append->stream)),
				 errhint("Retry the transaction.")));
	stream = text_to_cstring(state->append->stream);
	ereport(ERROR,
			(errcode(ES_ERR_VERSION_CONFLICT),
			 errmsg("stream \"%s\" is not at the expected version", stream),
			 errdetail("Stream \"%s\": expected version %lld, actual version %lld.",
					   stream, (long long) expected, (long long) actual),
			 errhint("Read the stream again and decide on its current version.")));
}

/*
 * register_guards
 *		Registers those of the streams that are guards; returns how many are.
 */
static int
register_guards(StreamAppendState *states, int n, const AppendTables *tables)
{
	int nguards = 0;

	for (int i = 0; i < n; i++)
	{
		if (states[i].append->nevents > 0)
			continue;
		es_register_look(tables->events, tables->streams,
						 states[i].append->stream);
		nguards++;
	}
	return nguards;
}

/*
 * find_categories
 *		Looks up the categories of streams that are new; returns how many were
 *		not found, whose streams have new_category set.
 */
static int
find_categories(StreamAppendState *states, int n, AppendTables *tables)
{
	int missing = 0;

	for (int i = 0; i < n; i++)
	{
		StreamAppendState *state = &states[i];

		if (state->exists || state->append->nevents == 0)
			continue;
		if (tables->categories == NULL)
			tables->categories = es_open_for_append(ES_CATEGORIES);
		if (state->category == NULL)
			state->category = es_stream_category(state->append->stream);
		state->new_category =
			!es_find_category(tables->categories, SnapshotSelf, state->category,
							  &state->row.category_id);
		if (state->new_category)
			missing++;
	}
	return missing;
}

/*
 * lock_categories
 *		Takes the locks of categories that were not found.
 *
 * Where the transaction may not wait with its tables locked, it lets go of
 * them, and false is returned: nothing that was read of them counts any more.
 */
static bool
lock_categories(StreamAppendState *states, int n, AppendTables *tables, bool wait)
{
	uint64 *keys = palloc_extended(n * sizeof(uint64), MCXT_ALLOC_HUGE);
	int nkeys = 0;
	bool locked;

	for (int i = 0; i < n; i++)
	{
		if (states[i].new_category)
			keys[nkeys++] = es_category_key(states[i].category);
	}
	locked = es_lock_streams(keys, nkeys, false) ||
		es_lock_own_store(tables->events) ||
		(wait && es_lock_streams(keys, nkeys, true));
	if (!locked)
	{
		let_go(tables);
		(void) es_lock_streams(keys, nkeys, true);
		reopen_all(tables);
	}
	pfree(keys);
	return locked;
}

/*
 * decide
 *		Steps 2 to 4: whether there is anything to do but to answer a retry.
 */
static bool
decide(StreamAppendState *states, int n, const AppendTables *tables,
	   bool given_ids)
{
	for (int i = 0; i < n; i++)
	{
		find_head(&states[i], tables);
		if (states[i].append->expected_version != ES_ANY_VERSION)
			es_register_locked_look(tables->events, tables->streams,
									states[i].append->stream);
	}
	ES_FAULT_POINT("append: heads read");
	if (given_ids && is_retry(states, n, tables))
		return false;
	for (int i = 0; i < n; i++)
		check_version(&states[i]);
	ES_FAULT_POINT("append: versions checked");
	return true;
}

/*
 * draw_positions
 *		Places the mark and draws the positions of all events of the call;
 *		returns the first.
 */
static int64
draw_positions(StreamAppendState *states, int n, const AppendTables *tables)
{
	int64 first = 0;

	es_require_sequence(tables->events, tables->streams);
	ES_FAULT_POINT("append: sequence checked");
	es_place_mark();
	for (int i = 0; i < n; i++)
	{
		EsStreamAppend *append = states[i].append;

		states[i].positions =
			palloc_extended(Max(append->nevents, 1) * sizeof(int64),
							MCXT_ALLOC_HUGE);
		for (int j = 0; j < append->nevents; j++)
		{
			CHECK_FOR_INTERRUPTS();
			states[i].positions[j] = es_draw_position();
			if (first == 0)
				first = states[i].positions[j];
			ES_FAULT_POINT("append: position drawn");
		}
	}
	return first;
}

/*
 * compare_categories
 *		qsort comparator of pointers to states with a new category: by that, and
 *		in the order of the call.
 */
static int
compare_categories(const void *a, const void *b)
{
	const StreamAppendState *left = *(StreamAppendState *const *) a;
	const StreamAppendState *right = *(StreamAppendState *const *) b;
	int order = es_compare_texts(&left->category, &right->category);

	return order != 0 ? order
					  : (left->positions[0] > right->positions[0]) -
			(left->positions[0] < right->positions[0]);
}

/*
 * write_categories
 *		Stores the new categories, which several streams may share.
 */
static void
write_categories(StreamAppendState *states, int n, Relation categories)
{
	EsWriter *writer = es_write_begin(ES_CATEGORIES, categories);
	StreamAppendState **sorted =
		palloc_extended(n * sizeof(StreamAppendState *), MCXT_ALLOC_HUGE);
	int nsorted = 0;

	for (int i = 0; i < n; i++)
	{
		if (states[i].new_category)
			sorted[nsorted++] = &states[i];
	}
	qsort(sorted, nsorted, sizeof(StreamAppendState *), compare_categories);
	for (int i = 0; i < nsorted; i++)
	{
		Datum values[CAT_NUM_COLUMNS];

		if (i > 0 &&
			es_compare_texts(&sorted[i - 1]->category, &sorted[i]->category) == 0)
		{
			sorted[i]->row.category_id = sorted[i - 1]->row.category_id;
			continue;
		}
		sorted[i]->row.category_id = sorted[i]->positions[0];
		values[CAT_CATEGORY_ID] = Int64GetDatum(sorted[i]->row.category_id);
		values[CAT_CATEGORY] = PointerGetDatum(sorted[i]->category);
		es_write_row(writer, values);
	}
	pfree(sorted);
	es_write_end(writer);
}

/*
 * write_streams
 *		Stores the new streams.
 */
static void
write_streams(StreamAppendState *states, int n, Relation streams, TimestampTz now)
{
	EsWriter *writer = NULL;

	for (int i = 0; i < n; i++)
	{
		Datum values[STR_NUM_COLUMNS];

		if (states[i].exists || states[i].append->nevents == 0)
			continue;
		if (writer == NULL)
			writer = es_write_begin(ES_STREAMS, streams);
		states[i].row.stream_id = states[i].positions[0];
		values[STR_STREAM_ID] = Int64GetDatum(states[i].row.stream_id);
		values[STR_CATEGORY_ID] = Int64GetDatum(states[i].row.category_id);
		values[STR_BASE_VERSION] = Int64GetDatum(0);
		values[STR_CREATED_AT] = TimestampTzGetDatum(now);
		values[STR_STREAM] = PointerGetDatum(states[i].append->stream);
		es_write_row(writer, values);
	}
	if (writer != NULL)
		es_write_end(writer);
}

/*
 * hash_event
 *		Computes an event's hash, by which the stream's head moves on.
 */
static void
hash_event(StreamAppendState *state, const Datum *values,
		   const CallParts *parts, EsHashValue *hash)
{
	EsHashedEvent hashed;

	hashed.before = state->head.hash;
	hashed.version = DatumGetInt64(values[EV_VERSION]);
	hashed.global_position = DatumGetInt64(values[EV_GLOBAL_POSITION]);
	hashed.recorded_at = DatumGetTimestampTz(values[EV_RECORDED_AT]);
	hashed.schema_version = DatumGetInt32(values[EV_SCHEMA_VERSION]);
	hashed.event_id = DatumGetUUIDP(values[EV_EVENT_ID]);
	es_hash_metadata(parts->hasher, values[EV_METADATA], &hashed.metadata);
	es_hash_jsonb(parts->hasher, values[EV_DATA], &hashed.data);
	hashed.stream = state->append->stream;
	hashed.type = DatumGetTextPP(values[EV_TYPE]);
	es_hash_event(parts->hasher, &hashed, &state->head.hash);
	(void) es_hash_value(hash, &state->head.hash);
}

/*
 * write_event
 *		Stores one event of a stream, counted from 0, which becomes the result.
 */
static void
write_event(StreamAppendState *state, int i, EsWriter *writer,
			const CallParts *parts, TimestampTz recorded_at)
{
	EsStreamAppend *append = state->append;
	EsNewEvent *event = &append->events[i];
	EsHashValue hash;
	Datum values[EV_NUM_COLUMNS];

	if (!event->has_id)
		es_uuid_generate(&event->event_id);

	append->version = state->head.version + i + 1;
	append->global_position = state->positions[i];
	values[EV_GLOBAL_POSITION] = Int64GetDatum(append->global_position);
	values[EV_STREAM_ID] = Int64GetDatum(state->row.stream_id);
	values[EV_VERSION] = Int64GetDatum(append->version);
	values[EV_CATEGORY_ID] = Int64GetDatum(state->row.category_id);
	values[EV_RECORDED_AT] = TimestampTzGetDatum(recorded_at);
	values[EV_SCHEMA_VERSION] = Int32GetDatum(event->schema_version);
	values[EV_EVENT_ID] = UUIDPGetDatum(&event->event_id);
	values[EV_TYPE] = PointerGetDatum(event->type);
	values[EV_DATA] = event->data;
	values[EV_METADATA] = event->metadata == NULL
		? parts->metadata
		: es_build_metadata(parts->session_metadata, event->metadata);
	values[EV_HASH] = PointerGetDatum(&hash);
	if (parts->hasher != NULL)
		hash_event(state, values, parts, &hash);
	es_write_row(writer, values);
}

/*
 * write_events
 *		Stores the events of one stream.
 *
 * Each event's own memory is in a context that is reset after it.
 */
static void
write_events(StreamAppendState *state, EsWriter *writer, const CallParts *parts,
			 MemoryContext event_context)
{
	TimestampTz recorded_at = Max(parts->now, state->head.recorded_at);
	MemoryContext caller = MemoryContextSwitchTo(event_context);

	for (int i = 0; i < state->append->nevents; i++)
	{
		CHECK_FOR_INTERRUPTS();
		write_event(state, i, writer, parts, recorded_at);
		MemoryContextReset(event_context);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * begin_parts
 *		Finds out what the events of the call have in common.
 */
static void
begin_parts(CallParts *parts)
{
	parts->session_metadata = es_session_metadata();
	parts->metadata = es_build_metadata(parts->session_metadata, NULL);
	parts->hasher = es_has_hash_chain() ? es_hasher_begin() : NULL;
}

/*
 * write_all
 *		Stores what is new: categories, streams, events.
 */
static void
write_all(StreamAppendState *states, int n, AppendTables *tables,
		  int new_categories, CallParts *parts, int64 outer_writing)
{
	MemoryContext event_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store event",
							  ALLOCSET_DEFAULT_SIZES);
	EsWriter *writer;

	parts->now = GetCurrentTimestamp();
	if (new_categories > 0)
		write_categories(states, n, tables->categories);
	write_streams(states, n, tables->streams, parts->now);
	writer = es_write_begin(ES_EVENTS, tables->events);
	for (int i = 0; i < n; i++)
		write_events(&states[i], writer, parts, event_context);
	es_write_flush(writer);
	es_end_writing(outer_writing);
	if (parts->hasher != NULL)
		es_hasher_end(parts->hasher);
	es_write_end(writer);
	MemoryContextDelete(event_context);
}

/*
 * violates
 *		Whether an error is a violation of one of the store's unique indexes.
 */
static bool
violates(const ErrorData *error, EsIndexId index)
{
	return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION &&
		error->schema_name != NULL && error->constraint_name != NULL &&
		strcmp(error->schema_name, ES_SCHEMA) == 0 &&
		strcmp(error->constraint_name, es_store_index_name(index)) == 0;
}

/*
 * rethrow_collision
 *		In a PG_CATCH: makes a unique violation of event ids ST003 and one of
 *		positions ST009, and throws all other errors again.
 */
static void
rethrow_collision(MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (violates(error, ES_EVENTS_BY_ID))
	{
		FlushErrorState();
		ereport(ERROR,
				(errcode(ES_ERR_DUPLICATE_EVENT),
				 errmsg("event id is already taken"),
				 error->detail ? errdetail_internal("%s", error->detail) : 0,
				 errhint(
					 "Repeat a call just as it was, or give new events new ids.")));
	}
	if (violates(error, ES_EVENTS_BY_POSITION) ||
		violates(error, ES_STREAMS_BY_ID) || violates(error, ES_CATEGORIES_BY_ID))
	{
		FlushErrorState();
		es_distrust_sequence();
		es_raise_sequence_behind(error->detail);
	}
	PG_RE_THROW();
}

/*
 * store_new
 *		Steps 6 and 7: what is done once nothing can be refused any more but by
 *		the owner's triggers and constraints.
 */
static void
store_new(StreamAppendState *states, int n, AppendTables *tables,
		  int new_categories)
{
	MemoryContext context = CurrentMemoryContext;
	RunningAppend append = {states, n, 0, NULL};
	RunningAppend *outer = running;
	int64 outer_writing;
	CallParts parts;

	es_known_head_forget();
	begin_parts(&parts);
	outer_writing = es_begin_writing(draw_positions(states, n, tables));

	PG_TRY();
	{
		running = &append;
		write_all(states, n, tables, new_categories, &parts, outer_writing);
		es_known_head_forget(); /* a trigger may have noted one */
		running = outer;
	}
	PG_CATCH();
	{
		running = outer;
		es_end_writing(outer_writing);
		rethrow_collision(context);
	}
	PG_END_TRY();
}

/*
 * settle
 *		Steps 2 to 5: finds out what there is to store, until nobody else can
 *		change that.  Returns whether there is anything but an answer to a retry
 *		to be given, and how many categories are new.
 */
static bool
settle(StreamAppendState *states, int n, AppendTables *tables, bool wait,
	   int *new_categories)
{
	bool given_ids = has_given_ids(states, n);

	do
	{
		if (!decide(states, n, tables, given_ids))
			return false;
		*new_categories = find_categories(states, n, tables);
		if (*new_categories == 0)
			return true;
	} while (!lock_categories(states, n, tables, wait));

	ES_FAULT_POINT("append: categories locked");

	/* somebody else may have made them before they were locked */
	*new_categories = find_categories(states, n, tables);
	return true;
}

/*
 * es_append
 *		Appends to one or several different streams, all or nothing.
 *
 * The parts of the events and the names have been checked, and that the
 * transaction may write.  Raises ST001, ST003, ST005, ST009, 40001, ST002 and
 * what validators and the owner's triggers and constraints raise.
 */
void
es_append(EsStreamAppend *appends, int nappends)
{
	StreamAppendState *states = palloc0(nappends * sizeof(StreamAppendState));
	AppendTables tables;
	bool wait = es_holds_locks();
	int new_categories;

	es_refuse_while_validating();
	for (int i = 0; i < nappends; i++)
		states[i].append = &appends[i];

	open_and_lock(states, nappends, &tables);
	if (!settle(states, nappends, &tables, wait, &new_categories))
		es_count(ES_COUNT_RETRIES);
	else if (register_guards(states, nappends, &tables) < nappends)
	{
		for (int i = 0; i < nappends; i++)
			es_validate(&appends[i]);
		store_new(states, nappends, &tables, new_categories);
		ES_FAULT_POINT("append: stored");
		es_count(ES_COUNT_APPENDS);
	}
	for (int i = 0; i < nappends; i++)
	{
		if (appends[i].nevents == 0)
		{
			appends[i].version = states[i].head.version;
			appends[i].global_position = 0;
		}
	}
	close_all(&tables);
	pfree(states);
}
