/*-------------------------------------------------------------------------
 *
 * known_head.c
 *	  The head of a stream that the transaction has locked and read to its end.
 *
 * A command locks a stream, folds it, decides, and appends: what the fold saw
 * last is what the append would look up again.  So it is kept from the one to
 * the other, for one stream.
 *
 * What makes that right is the stream's lock, which the transaction holds when
 * the head is noted and still holds when it is asked for: nobody else can have
 * appended.  It is forgotten at every append of the transaction, at the end of
 * the transaction, whenever a subtransaction rolls back, which may give the
 * lock back, and when anything of the store changes.  Transactions that keep one
 * snapshot look again, as they have to compare the head with it.  Rows that the
 * transaction itself puts into the tables past the calls are not noticed, and
 * the unique index refuses the append.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/known_head.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "check.h"
#include "known_head.h"
#include "store.h"

/* Reset by es_known_head_forget(). */
static struct
{
	bool valid;
	uint64 generation; /* of the store */
	EsStream row;
	EsHead head;
	int length;
	char stream[ES_MAX_STREAM_BYTES];
} known;

/* Counts how often something was forgotten, or would have been; never reset. */
static uint64 times_forgotten = 0;

/*
 * forget_at_end
 *		Transaction callback.
 */
static void
forget_at_end(XactEvent event, void *arg)
{
	es_known_head_forget();
}

/*
 * forget_at_rollback
 *		Subtransaction callback.
 */
static void
forget_at_rollback(SubXactEvent event, SubTransactionId subid,
				   SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		es_known_head_forget();
}

/*
 * es_known_head_init
 *		Called once when the library is loaded.
 */
void
es_known_head_init(void)
{
	RegisterXactCallback(forget_at_end, NULL);
	RegisterSubXactCallback(forget_at_rollback, NULL);
}

/*
 * es_known_head_forget
 *		Forgets what was noted, and what is being read to be noted.
 */
void
es_known_head_forget(void)
{
	known.valid = false;
	times_forgotten++;
}

/*
 * es_known_head_moment
 *		What es_known_head_note() wants to be told from before the head was read.
 */
uint64
es_known_head_moment(void)
{
	return times_forgotten;
}

/*
 * es_known_head_note
 *		Notes where a stream ends, which the transaction has locked and then read.
 */
void
es_known_head_note(const text *stream, const EsStream *row, const EsHead *head,
				   uint64 moment)
{
	if (IsolationUsesXactSnapshot() || moment != times_forgotten)
		return;
	known.valid = false;
	known.length = VARSIZE_ANY_EXHDR(stream);
	memcpy(known.stream, VARDATA_ANY(stream), known.length);
	known.row = *row;
	known.head = *head;
	known.generation = es_store_generation();
	known.valid = true;
}

/*
 * es_known_head_get
 *		Where a stream ends, if that was noted.
 */
bool
es_known_head_get(const text *stream, EsStream *row, EsHead *head)
{
	if (!known.valid || known.generation != es_store_generation() ||
		known.length != VARSIZE_ANY_EXHDR(stream) ||
		memcmp(known.stream, VARDATA_ANY(stream), known.length) != 0)
		return false;
	*row = known.row;
	*head = known.head;
	return true;
}
