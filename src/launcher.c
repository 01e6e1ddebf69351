/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The process that starts workers with the server.
 *
 * With the library in shared_preload_libraries the server starts it once recovery
 * has finished: on a standby that is when it is promoted.  It keeps a coordinator
 * going for each database of event_store.databases, unless stop_worker() was called
 * there.  It is connected to no database and runs no SQL.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/launcher.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "children.h"
#include "launcher.h"
#include "worker_memory.h"
#include "worker_settings.h"

extern PGDLLEXPORT void event_store_launcher_main(Datum arg);

/* How often the launcher looks after the coordinators, in milliseconds. */
#define LOOK_INTERVAL 1000

/* A database of the setting. */
typedef struct Database
{
	NameData name;
	bool wanted; /* it is in the setting now */
	EsChild coordinator;
	struct Database *next;
} Database;

/* All that were in the setting since the launcher started. */
static Database *databases = NULL;

/*
 * es_launcher_init
 *		Called once when the library is loaded: registers the launcher if that is
 *		while the server starts.
 */
void
es_launcher_init(void)
{
	BackgroundWorker process;

	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	es_child_describe(&process, "event_store_launcher_main",
					  "event_store launcher", "event_store launcher", "", 0);
	process.bgw_flags = BGWORKER_SHMEM_ACCESS;
	process.bgw_restart_time = 5;
	process.bgw_notify_pid = 0;
	RegisterBackgroundWorker(&process);
}

/*
 * note_database
 *		Notes that a database is wanted.
 */
static void
note_database(const char *name)
{
	Database *database = databases;
	NameData wanted;

	namestrcpy(&wanted, name);
	while (database != NULL &&
		   strcmp(NameStr(database->name), NameStr(wanted)) != 0)
		database = database->next;
	if (database == NULL)
	{
		database = MemoryContextAllocZero(TopMemoryContext, sizeof(Database));
		namestrcpy(&database->name, name);
		database->next = databases;
		databases = database;
	}
	database->wanted = true;
}

/*
 * read_setting
 *		Notes which databases are wanted.
 */
static void
read_setting(void)
{
	char *copy = pstrdup(es_databases);
	List *names = NIL;

	for (Database *database = databases; database != NULL;
		 database = database->next)
		database->wanted = false;
	if (SplitGUCList(copy, ',', &names))
	{
		for (int i = 0; i < list_length(names); i++)
			note_database(list_nth(names, i));
	}
	list_free(names);
	pfree(copy);
}

/*
 * look_after
 *		Starts the coordinator of a database, or ends it.
 */
static void
look_after(Database *database)
{
	EsCoordinatorStart start = {InvalidOid};
	BackgroundWorker process;
	char name[BGW_MAXLEN];
	bool running;

	es_child_look(&database->coordinator);
	if (!database->wanted)
	{
		es_child_stop(&database->coordinator);
		return;
	}
	if (es_workers_are_stopped(NameStr(database->name), &running) || running)
		return;
	start.database_name = database->name;
	snprintf(name, sizeof(name), "event_store coordinator for %s",
			 NameStr(database->name));
	es_child_describe(&process, "event_store_coordinator_main",
					  "event_store coordinator", name, &start, sizeof(start));
	es_child_start(&database->coordinator, &process);
}

/*
 * event_store_launcher_main
 *		Where the process begins.
 */
void
event_store_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	read_setting();
	while (!ShutdownRequestPending)
	{
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			read_setting();
		}
		for (Database *database = databases; database != NULL;
			 database = database->next)
			look_after(database);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_INTERVAL, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	for (Database *database = databases; database != NULL;
		 database = database->next)
		es_child_stop(&database->coordinator);

	/* restarted by the server unless that shuts down */
	proc_exit(1);
}
