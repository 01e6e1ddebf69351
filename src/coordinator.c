/*-------------------------------------------------------------------------
 *
 * coordinator.c
 *	  The process that keeps the workers of a database going.
 *
 * A worker runs handlers, and so must be connected as their owner: in a session
 * of somebody with more rights they could become that.  Who the owner is can be
 * seen only in the database.  That is what the coordinator is for: it is connected
 * as the bootstrap superuser, looks into the system catalogs and nowhere else, and
 * starts the workers as the owner of the table of projections.  It opens no table of
 * the store, lest it run something of that owner's, such as a function of an index.
 *
 * DROP DATABASE waits for all processes that are connected, five seconds.  It holds
 * a lock on the database meanwhile, which the coordinator finds out about, as it
 * tries that lock at intervals; it then ends the workers and itself.
 *
 * The launcher starts it, or start_worker() does.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/coordinator.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "children.h"
#include "store.h"
#include "worker_memory.h"
#include "worker_settings.h"

extern PGDLLEXPORT void event_store_coordinator_main(Datum arg);

/* How often the coordinator looks around, in milliseconds. */
#define LOOK_INTERVAL 1000

/* What this process looks after. */
static EsWorkers *workers;
static EsChild children[ES_MAX_WORKERS];
static Oid current_owner = InvalidOid; /* as whom they run */

/*
 * owner_of_projections
 *		Owner of the table of projections, InvalidOid where there is none.
 */
static Oid
owner_of_projections(void)
{
	Oid namespace = get_namespace_oid(ES_SCHEMA, true);
	Oid relid = OidIsValid(namespace)
		? get_relname_relid("projections", namespace)
		: InvalidOid;
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner = InvalidOid;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	if (((Form_pg_class) GETSTRUCT(tuple))->relkind == RELKIND_RELATION)
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * is_database_going
 *		Whether somebody has locked the database to drop it, or wants it for himself.
 */
static bool
is_database_going(void)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
	return LockAcquire(&tag, RowExclusiveLock, false, true) ==
		LOCKACQUIRE_NOT_AVAIL;
}

/*
 * look_around
 *		Finds out as whom workers are to run, and whether the database is going.
 */
static bool
look_around(Oid *owner)
{
	bool going;

	StartTransactionCommand();
	going = is_database_going();
	*owner = going ? InvalidOid : owner_of_projections();
	CommitTransactionCommand();
	return going;
}

/*
 * start_child
 *		Starts a worker, unless it runs.
 */
static void
start_child(int slot)
{
	EsWorkerStart start = {MyDatabaseId, current_owner, slot, MyProcPid};
	BackgroundWorker process;
	char name[BGW_MAXLEN];

	snprintf(name, sizeof(name), "event_store worker %d for %s", slot + 1,
			 NameStr(workers->database_name));
	es_child_describe(&process, "event_store_worker_main", "event_store worker",
					  name, &start, sizeof(start));
	es_child_start(&children[slot], &process);
}

/*
 * wanted_workers
 *		How many workers there are to be: one, which finds out how many projections
 *		there are, and one for each further of them.
 */
static int
wanted_workers(void)
{
	int projections = pg_atomic_read_u32(&workers->projections);

	if (!OidIsValid(current_owner))
		return 0;
	return Max(1, Min(projections, es_max_workers));
}

/*
 * look_after
 *		Starts and ends workers.
 */
static void
look_after(Oid owner)
{
	bool same = owner == current_owner;
	bool any = false;
	int wanted;

	for (int i = 0; i < ES_MAX_WORKERS; i++)
	{
		es_child_look(&children[i]);
		any |= children[i].handle != NULL;
	}
	if (!same && !any)
	{
		current_owner = owner;
		memset(children, 0, sizeof(children));
		same = true;
	}
	wanted = same ? wanted_workers() : 0;
	for (int i = 0; i < ES_MAX_WORKERS; i++)
	{
		if (i < wanted)
			start_child(i);
		else
			es_child_stop(&children[i]);
	}
}

/*
 * wait_a_while
 *		Waits until something happens, or it is time to look around.
 */
static void
wait_a_while(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 LOOK_INTERVAL, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	QueryCancelPending = false; /* there is nothing to cancel */
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/*
 * end_workers
 *		Ends all workers and waits until they have ended.
 */
static void
end_workers(void)
{
	for (int i = 0; i < ES_MAX_WORKERS; i++)
		es_child_stop(&children[i]);
	for (int i = 0; i < ES_MAX_WORKERS; i++)
	{
		if (children[i].handle != NULL)
			(void) WaitForBackgroundWorkerShutdown(children[i].handle);
	}
}

/*
 * open_connection
 *		Connects to the database that this process was started for.
 */
static void
open_connection(const EsCoordinatorStart *start)
{
	if (OidIsValid(start->database))
		BackgroundWorkerInitializeConnectionByOid(start->database, InvalidOid, 0);
	else
		BackgroundWorkerInitializeConnection(NameStr(start->database_name),
											 NULL, 0);
}

/*
 * give_up
 *		Leaves a database that is going.  Where it stays after all, the launcher comes
 *		back; start_worker() is not called again by itself.
 */
static void
give_up(void)
{
	ereport(LOG,
			(errmsg("event_store ends the workers of database \"%s\": somebody is dropping or copying it",
					NameStr(workers->database_name))));
	es_workers_forget(workers);
}

/*
 * event_store_coordinator_main
 *		Where the process begins.
 *
 * It ends with 0, so that the server does not start it again by itself: whoever
 * ended it, or dropped the database, means it.
 */
void
event_store_coordinator_main(Datum arg)
{
	EsCoordinatorStart start;
	bool going = false;
	Oid owner;

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	open_connection(&start);
	StartTransactionCommand();
	workers = es_workers_make();
	CommitTransactionCommand();
	if (workers->stopped || !es_workers_take_charge(workers))
		proc_exit(0);
	while (!ShutdownRequestPending && !workers->stopped && !going)
	{
		going = look_around(&owner);
		look_after(owner);
		if (!going)
			wait_a_while();
	}
	end_workers();
	if (going)
		give_up();
	proc_exit(0);
}
