/*-------------------------------------------------------------------------
 *
 * page_hints.c
 *	  In which buffers pages were last seen.
 *
 * To find the buffer of a page PostgreSQL looks it up in a hash table that all
 * sessions share: a lock, and three or four places in memory that a busy server has
 * in no processor's cache, half a microsecond each time.  An append reads four pages
 * of which one is never like the last, so it first looks whether a page is still in
 * the buffer that it was last seen in, by any session.  PostgreSQL itself tells,
 * and pins the buffer if it is.
 *
 * A page that is found so does not count as used when PostgreSQL looks for a buffer
 * to be emptied.  So every few times a page is looked up in the usual way.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/page_hints.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/rel.h"

#include "compat.h"
#include "hint_memory.h"
#include "page_hints.h"

/* One of so many reads is by the usual way. */
#define USUAL_ONE_OF 8

/* The hints, and their number less one; NULL before they are known. */
static Buffer *hints = NULL;
static uint32 mask = 0;

/* Counts reads; never reset. */
static uint32 nreads = 0;

/*
 * hint_at
 *		The hint at a page, NULL if there can be none.  Pages of a relation that are
 *		side by side have theirs side by side.
 */
static inline Buffer *
hint_at(Relation rel, BlockNumber block)
{
	if (unlikely(hints == NULL))
	{
		uint32 npages;

		hints = es_page_hint_memory(&npages);
		if (hints == NULL)
			return NULL;
		mask = npages - 1;
	}
	return &hints[(murmurhash32(es_file_number(rel) ^ MyDatabaseId << 16) + block) &
				  mask];
}

/*
 * try_hint
 *		The page's buffer, pinned, if it is where the hint says.
 */
static inline Buffer
try_hint(Relation rel, BlockNumber block, const Buffer *hint)
{
	Buffer buffer = hint != NULL ? *hint : InvalidBuffer;

	if (!BufferIsValid(buffer) || nreads++ % USUAL_ONE_OF == 0 ||
		!es_read_recent_buffer(rel, block, buffer))
		return InvalidBuffer;
	pgstat_count_buffer_read(rel);
	pgstat_count_buffer_hit(rel);
	return buffer;
}

/*
 * read_and_note
 *		Reads a page in the usual way.
 */
static Buffer
read_and_note(Relation rel, BlockNumber block, Buffer *hint)
{
	Buffer buffer = ReadBuffer(rel, block);

	if (hint != NULL && !BufferIsLocal(buffer))
		*hint = buffer;
	return buffer;
}

/*
 * es_read_page
 *		Reads a page of a relation, as ReadBuffer does.
 */
Buffer
es_read_page(Relation rel, BlockNumber block)
{
	Buffer *hint = hint_at(rel, block);
	Buffer buffer = try_hint(rel, block, hint);

	return BufferIsValid(buffer) ? buffer : read_and_note(rel, block, hint);
}

/*
 * es_read_page_if_there
 *		The same for a page that may be beyond the end; InvalidBuffer then.
 */
Buffer
es_read_page_if_there(Relation rel, BlockNumber block)
{
	Buffer *hint = hint_at(rel, block);
	Buffer buffer = try_hint(rel, block, hint);

	if (!BufferIsValid(buffer) && block < RelationGetNumberOfBlocks(rel))
		buffer = read_and_note(rel, block, hint);
	return buffer;
}
