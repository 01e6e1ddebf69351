/*-------------------------------------------------------------------------
 *
 * event_store_api.h
 *	  What another extension's C code may call of the event store.
 *
 * The library of event_store is found and checked at the first use:
 *
 *		const EventStoreApi *store = event_store_api();
 *
 *		version = store->lock_stream(stream);
 *		store->fold_locked(stream, apply, &state);
 *		... decide ...
 *		store->append(stream, &shipped, 1, version, &appended);
 *
 * These calls check no privileges: whoever may execute the SQL function that
 * makes them may do what it does.  They raise the same errors as the SQL
 * calls of the same names, ST002 among them when there is no store.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_store_api.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENT_STORE_API_H
#define EVENT_STORE_API_H

#include "fmgr.h"
#include "utils/timestamp.h"

/* Raised whenever a struct below changes other than by EventStoreApi growing. */
#define EVENT_STORE_API_VERSION 1

/* Expected versions that are not a version. */
#define EVENT_STORE_NO_STREAM	  0
#define EVENT_STORE_ANY_VERSION	  (-2)
#define EVENT_STORE_STREAM_EXISTS (-4)

/* Bytes that a stream's name may have. */
#define EVENT_STORE_MAX_STREAM_BYTES 1024

/* One event, as a fold sees it; the pointers live until the visit returns. */
typedef struct EventStoreEvent
{
	int64 global_position;
	int64 version;
	TimestampTz recorded_at;
	int32 schema_version;
	const char *type;
	Datum data;		/* jsonb, possibly toasted */
	Datum metadata; /* jsonb, possibly toasted */
} EventStoreEvent;

/*
 * Called for each event in turn, in a memory context that is reset after it;
 * what is to be kept goes into arg.
 */
typedef void (*EventStoreVisit)(const EventStoreEvent *event, void *arg);

/*
 * Called with the state of a snapshot, jsonb, before the events after its
 * version: what was made of events before, if any, does not count.
 */
typedef void (*EventStoreRestore)(int64 version, Datum state, void *arg);

/*
 * An apply function in C may have a sibling, which the store calls in its place.
 * That is spared making the event a row value, which is most of what applying it
 * costs.  It does what the function does, for events that are not stored yet, too,
 * whose position and time are 0; and it runs no SQL, as the search path is the
 * caller's:
 *
 *		PG_FUNCTION_INFO_V1(apply_account);
 *		EVENT_STORE_APPLY(apply_account);
 *
 * The state is jsonb, or the expanded object that the sibling returned before;
 * what it returns is kept by the rules of apply functions.  The function itself
 * must be neither SECURITY DEFINER nor have settings of its own.
 */
typedef Datum (*EventStoreApply)(Datum state, const char *stream,
								 const EventStoreEvent *event);

#define EVENT_STORE_APPLY_PREFIX "event_store_apply_"
#define EVENT_STORE_APPLY(name)                                           \
	extern PGDLLEXPORT Datum event_store_apply_##name(Datum state,        \
													  const char *stream, \
													  const EventStoreEvent *event)

/* An event to append. */
typedef struct EventStoreNewEvent
{
	const char *type;
	Datum data;			  /* jsonb */
	Datum metadata;		  /* jsonb; 0 for none */
	const void *event_id; /* 16 bytes of a UUID; NULL: the store makes one */
	int32 schema_version; /* 0 stands for 1 */
} EventStoreNewEvent;

/* Where the last event of an append is. */
typedef struct EventStoreAppended
{
	int64 version;
	int64 global_position;
} EventStoreAppended;

typedef struct EventStoreApi
{
	int api_version;
	size_t size; /* of this struct, in the library: it grows at its end */

	/*
	 * Takes the stream's lock to the end of the transaction and returns its
	 * version, 0 for a stream that does not exist: nobody else can append to
	 * it from here on.
	 */
	int64 (*lock_stream)(const char *stream);

	/*
	 * Visits all events of a stream that lock_stream holds, by version, the
	 * transaction's own included, whatever its isolation level.
	 */
	void (*fold_locked)(const char *stream, EventStoreVisit visit, void *arg);

	/*
	 * Visits the events of a stream as the active snapshot sees them, by
	 * version, those recorded later than as_of left out; NULL for all.
	 */
	void (*fold)(const char *stream, const TimestampTz *as_of,
				 EventStoreVisit visit, void *arg);

	/* Appends events to a stream, all or none, as the SQL calls do. */
	void (*append)(const char *stream, const EventStoreNewEvent *new_events,
				   int nevents, int64 expected_version,
				   EventStoreAppended *appended);

	/*
	 * Name of the stream with this id, palloc'd, the transaction's own
	 * included: for triggers on the table of events.
	 */
	char *(*stream_name)(int64 stream_id);

	/*
	 * Whether an append is writing at the moment: in a trigger on the table of
	 * events, that the event is an append's and does not come with a restore,
	 * which copies rows in whatever order and without any lock.
	 */
	bool (*is_appending)(void);

	/* Holds off every other append until the transaction ends. */
	void (*lock_store)(void);

	/*
	 * Visits what the state of an aggregate rests on: the newest snapshot that
	 * its aggregate type takes, and the events after it; a short stream's events
	 * from the first on.  for_update does what lock_stream does before, and what
	 * fold_locked does then.
	 */
	void (*load)(const char *stream, bool for_update, EventStoreRestore restore,
				 EventStoreVisit visit, void *arg);

	/*
	 * Appends as append does, and takes the snapshot that the stream's aggregate
	 * type has due, if the stream is not short.
	 */
	void (*save)(const char *stream, const EventStoreNewEvent *new_events,
				 int nevents, int64 expected_version,
				 EventStoreAppended *appended);

	/*
	 * Applies an event to an aggregate and remembers it, as the SQL call does.
	 * The aggregate and the result are of the type event_store.aggregate.
	 */
	Datum (*add_event)(Datum aggregate, const EventStoreNewEvent *new_event);
} EventStoreApi;

/*
 * event_store_api
 *		The calls of the installed event_store library.
 *
 * Raises 55000 when that library is of another API version, or an older one
 * that lacks calls.
 */
static inline const EventStoreApi *
event_store_api(void)
{
	/* set once a backend: a loaded library is never unloaded */
	static const EventStoreApi *api = NULL;

	if (api == NULL)
	{
		const EventStoreApi *(*get_api)(void);
		const EventStoreApi *found;

		get_api = (const EventStoreApi *(*) (void) )
			load_external_function("$libdir/event_store", "event_store_get_api",
								   true, NULL);
		found = get_api();
		if (found->api_version != EVENT_STORE_API_VERSION ||
			found->size < sizeof(EventStoreApi))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("library event_store does not offer the API that is needed"),
					 errdetail("It has version %d of %zu bytes, but version %d of %zu bytes is needed.",
							   found->api_version, found->size,
							   EVENT_STORE_API_VERSION, sizeof(EventStoreApi)),
					 errhint(
						 "Install releases of the extensions that belong together, and reconnect.")));
		api = found;
	}
	return api;
}

#endif /* EVENT_STORE_API_H */
