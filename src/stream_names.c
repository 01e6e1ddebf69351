/*-------------------------------------------------------------------------
 *
 * stream_names.c
 *	  Names of streams by their ids, for reads over many streams.
 *
 * A page of events tends to name the same streams again and again, so a read
 * keeps what it looked up: at most MAX_NAMES, then it starts anew, so that the
 * memory of a read over millions of streams stays bounded.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream_names.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "stream.h"
#include "stream_names.h"

#define MAX_NAMES 4096

typedef struct NameEntry
{
	int64 stream_id; /* hash key */
	text *name;
} NameEntry;

struct EsStreamNames
{
	Relation streams;
	Snapshot snapshot;
	MemoryContext context; /* of the table and the names; NULL at first */
	HTAB *table;
	int nnames;
};

/*
 * es_stream_names_begin
 *		Starts looking up names; everything is freed with the current context.
 */
EsStreamNames *
es_stream_names_begin(Relation streams, Snapshot snapshot)
{
	EsStreamNames *names = palloc0(sizeof(EsStreamNames));

	names->streams = streams;
	names->snapshot = snapshot;
	names->context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store stream names",
							  ALLOCSET_DEFAULT_SIZES);
	return names;
}

/*
 * start_anew
 *		Forgets all names.
 */
static void
start_anew(EsStreamNames *names)
{
	HASHCTL control = {.keysize = sizeof(int64),
					   .entrysize = sizeof(NameEntry),
					   .hcxt = names->context};

	MemoryContextReset(names->context);
	names->table = hash_create("event_store stream names", 64, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	names->nnames = 0;
}

/*
 * es_stream_names_get
 *		Name of the stream with an id, good until the next call; raises XX001
 *		for an event without a stream.
 */
text *
es_stream_names_get(EsStreamNames *names, int64 stream_id)
{
	NameEntry *entry;
	bool found;
	MemoryContext caller;

	if (names->table == NULL || names->nnames == MAX_NAMES)
		start_anew(names);
	entry = hash_search(names->table, &stream_id, HASH_ENTER, &found);
	if (found)
		return entry->name;

	caller = MemoryContextSwitchTo(names->context);
	entry->name = es_find_stream_name(names->streams, names->snapshot, stream_id);
	MemoryContextSwitchTo(caller);
	if (entry->name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("an event belongs to stream %lld, which does not exist",
						(long long) stream_id)));
	names->nnames++;
	return entry->name;
}
