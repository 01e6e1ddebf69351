/*-------------------------------------------------------------------------
 *
 * light_commit.c
 *	  Commits that need not wait for the disk.
 *
 * A transaction that takes a lease and does nothing else mostly loses nothing by being
 * lost in a crash: the events are delivered again, under a new token; poll.c knows when
 * it does.  So its commit need not wait for the disk, nor for standbys.  That the
 * transaction has done nothing else is told by the log: what its process wrote there last
 * is still what the lease wrote, and before that it had written nothing.  While the lease
 * is taken upcasters of the owner's may write, and triggers, which poll.c looks for.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/light_commit.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "utils/guc.h"

#include "light_commit.h"

/* Up to where the log has nothing else of this transaction; reset at its end. */
static XLogRecPtr light_end = InvalidXLogRecPtr;

/*
 * lighten
 *		Transaction callback: does not wait if the transaction has done nothing else.
 */
static void
lighten(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT && light_end != InvalidXLogRecPtr &&
		light_end == XactLastRecEnd)
		(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE)
		light_end = InvalidXLogRecPtr;
}

/*
 * es_light_commit_init
 *		Called once when the library is loaded.
 */
void
es_light_commit_init(void)
{
	RegisterXactCallback(lighten, NULL);
}

/*
 * es_light_commit_begin
 *		Whether the transaction has written nothing so far but what may be lost.
 */
bool
es_light_commit_begin(void)
{
	return XactLastRecEnd == light_end;
}

/*
 * es_light_commit_end
 *		What the transaction has written since it has begun may be lost.
 */
void
es_light_commit_end(bool begun)
{
	if (begun)
		light_end = XactLastRecEnd;
}
