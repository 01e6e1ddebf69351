/*-------------------------------------------------------------------------
 *
 * worker_settings.c
 *	  The settings of workers.
 *
 * All of them are the server's: in its configuration file, and read again when
 * that is.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/worker_settings.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "worker_memory.h"
#include "worker_settings.h"

/* event_store.databases: names, comma-separated. */
char *es_databases;

/* event_store.max_workers: of each database. */
int es_max_workers;

/* event_store.poll_interval, in milliseconds. */
int es_poll_interval;

/* event_store.batch_time, in milliseconds. */
int es_batch_time;

/*
 * check_databases
 *		Check hook: a list of names.
 */
static bool
check_databases(char **newval, void **extra, GucSource source)
{
	char *copy = pstrdup(*newval);
	List *names;
	bool valid = SplitGUCList(copy, ',', &names);

	if (!valid)
		GUC_check_errdetail("It is no list of names separated by commas.");
	list_free(names);
	pfree(copy);
	return valid;
}

/*
 * es_worker_settings_init
 *		Called once when the library is loaded.
 */
void
es_worker_settings_init(void)
{
	DefineCustomStringVariable("event_store.databases",
							   "Databases whose projections the server runs.",
							   "Names separated by commas; needs the library in shared_preload_libraries.",
							   &es_databases, "", PGC_SIGHUP, GUC_LIST_INPUT,
							   check_databases, NULL, NULL);
	DefineCustomIntVariable("event_store.max_workers",
							"How many processes may run the projections of a database at the same time.",
							NULL, &es_max_workers, 2, 1, ES_MAX_WORKERS,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("event_store.poll_interval",
							"After what time a worker looks for events that nobody told it of.",
							NULL, &es_poll_interval, 1000, 1, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("event_store.batch_time",
							"About how long a transaction of a worker takes while there are events to handle.",
							NULL, &es_batch_time, 200, 1, INT_MAX, PGC_SIGHUP,
							GUC_UNIT_MS, NULL, NULL, NULL);
}
