/*-------------------------------------------------------------------------
 *
 * projection_calls.c
 *	  The SQL calls that make and change projections.
 *
 * Each of them takes the registry against others that change it, to the end of
 * the transaction, and then the lock of the projection, so that nobody runs it.
 *
 * An inline projection is up to date with every append from some moment on, and
 * that moment must not fall into an append.  So the store lock is taken whenever
 * a projection becomes inline, or goes on: no append is under way, the events so
 * far are handled, and whoever appends next finds the registry changed.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_calls.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "append.h"
#include "attempts.h"
#include "check.h"
#include "locks.h"
#include "position.h"
#include "privileged.h"
#include "projection_calls.h"
#include "projection_run.h"
#include "projection_tables.h"
#include "rebuild.h"
#include "registration.h"
#include "rights.h"
#include "store.h"
#include "worker_memory.h"

PG_FUNCTION_INFO_V1(event_store_create_projection);
PG_FUNCTION_INFO_V1(event_store_pause_projection);
PG_FUNCTION_INFO_V1(event_store_resume_projection);
PG_FUNCTION_INFO_V1(event_store_drop_projection);

/* Arguments of create_projection(). */
enum
{
	ARG_NAME,
	ARG_HANDLER,
	ARG_MODE,
	ARG_CATEGORIES,
	ARG_TYPES,
	ARG_RESET,
	ARG_ON_ERROR,
	ARG_MAX_ATTEMPTS,
	ARG_RETRY_DELAY,
	ARG_START_POSITION,
	ARG_IF_NOT_EXISTS,
	ARG_REPLACE
};

/*
 * es_change_projections
 *		Runs a statement on the registry as its owner; returns the number of rows.
 *		55000 where a rule of the owner's makes something else of it.
 */
uint64
es_change_projections(const char *statement, int nargs, Oid *types,
					  Datum *values, const char *nulls, int expected)
{
	EsActor before;
	uint64 rows;
	int result;

	es_spi_connect();
	es_act_as(&before, es_store_owner(ES_PROJECTIONS), true);
	result =
		SPI_execute_with_args(statement, nargs, types, values, nulls, false, 0);
	rows = SPI_processed;
	if (result != expected)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not change the projections"),
				 errdetail("The statement ended as %s.",
						   SPI_result_code_string(result)),
				 errhint("Drop the rules on event_store.projections.")));
	es_act_as_before(&before);
	SPI_finish();
	es_wake_at_end(); /* there may be something to do for a worker */
	return rows;
}

/*
 * es_lock_projections
 *		Takes the registry against others that change it.
 */
void
es_lock_projections(void)
{
	es_require_projections();
	(void) es_change_projections("LOCK TABLE event_store.projections"
								 " IN SHARE ROW EXCLUSIVE MODE",
								 0, NULL, NULL, NULL, SPI_OK_UTILITY);
}

/*
 * es_try_lock_projections
 *		The same, unless somebody else has it; returns whether it was had.
 */
bool
es_try_lock_projections(void)
{
	Oid registry =
		es_store_lock(ES_PROJECTIONS, AccessShareLock, CurrentResourceOwner);

	return ConditionalLockRelationOid(registry, ShareRowExclusiveLock);
}

/*
 * refuse_here
 *		Raises 25001 at REPEATABLE READ and above, where the registry and what handlers
 *		have written could be changed as they were and not as they are; 55000 in the
 *		middle of an append; and 55006 while this very session runs the projection, whose
 *		handler it would be that calls.
 */
static void
refuse_here(const char *call, const char *name)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot call %s at this isolation level", call),
				 errdetail(
					 "It would see the projections as they were when the transaction took its snapshot."),
				 errhint("Call it at READ COMMITTED.")));
	if (es_is_appending())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot call %s in the middle of an append", call),
				 errhint("Call it once the append has returned.")));
	es_refuse_running(name);
}

/*
 * es_begin_projection_call
 *		Checks who calls a call about a projection and what about, and takes the
 *		registry; returns the projection's name.
 */
char *
es_begin_projection_call(FunctionCallInfo fcinfo, const char *call)
{
	char *name;
	es_check_not_null(fcinfo, 0, "name");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	es_check_writable(call);
	es_require_store_owner(call);
	refuse_here(call, name);
	es_lock_projections();
	return name;
}

/*
 * text_of
 *		A text argument, as it is or NULL.
 */
static const char *
text_of(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

/*
 * resolved
 *		The signature of a function that the caller may name.
 */
static Datum
resolved(const EsHandlerKind *kind, const char *name, Oid owner)
{
	Oid function = es_handler_find(kind, name);

	es_handler_require(kind, function, owner);
	return CStringGetTextDatum(es_handler_signature(function));
}

/*
 * store_projection
 *		Writes a projection's row, new or in place of the one that is there.
 */
static void
store_projection(FunctionCallInfo fcinfo, bool exists, bool paused)
{
	Oid types[] = {TEXTOID,		 TEXTOID,	   TEXTOID, TEXTOID,
				   TEXTARRAYOID, TEXTARRAYOID, TEXTOID, INT4OID,
				   INTERVALOID,	 INT8OID,	   BOOLOID};
	static const int arguments[] = {ARG_NAME,		 ARG_MODE,
									ARG_HANDLER,	 ARG_RESET,
									ARG_CATEGORIES,	 ARG_TYPES,
									ARG_ON_ERROR,	 ARG_MAX_ATTEMPTS,
									ARG_RETRY_DELAY, ARG_START_POSITION};
	Oid owner = es_store_owner(ES_PROJECTIONS);
	Datum values[lengthof(types)];
	char nulls[lengthof(types)];

	for (int i = 0; i < lengthof(arguments); i++)
	{
		nulls[i] = PG_ARGISNULL(arguments[i]) ? 'n' : ' ';
		values[i] = PG_GETARG_DATUM(arguments[i]);
	}
	values[lengthof(arguments)] = BoolGetDatum(paused);
	nulls[lengthof(arguments)] = ' ';
	values[2] =
		resolved(&es_projection_kind, text_of(fcinfo, ARG_HANDLER), owner);
	if (!PG_ARGISNULL(ARG_RESET))
		values[3] = resolved(&es_reset_kind, text_of(fcinfo, ARG_RESET), owner);
	(void) es_change_projections(exists ? "UPDATE event_store.projections SET"
										  " mode = $2, handler = $3, reset = $4,"
										  " categories = $5, types = $6,"
										  " on_error = $7, max_attempts = $8,"
										  " retry_delay = $9, start_position = $10,"
										  " paused = $11"
										  " WHERE projection"
										  " OPERATOR(pg_catalog.=) $1"
										: "INSERT INTO event_store.projections"
										  " (projection, mode, handler, reset,"
										  " categories, types, on_error,"
										  " max_attempts, retry_delay,"
										  " start_position, generation, paused)"
										  " VALUES ($1, $2, $3, $4, $5, $6, $7,"
										  " $8, $9, $10, 1, $11)",
								 lengthof(types), types, values, nulls,
								 exists ? SPI_OK_UPDATE : SPI_OK_INSERT);
}

/*
 * set_trigger
 *		Hangs the trigger of inline projections on the events, or takes it away, as
 *		there are some or none.  To take it away waits for all who read the events.
 */
static void
set_trigger(void)
{
	const EsProjections *all = es_projections();
	bool needed = false;
	EsActor before;

	for (int i = 0; i < all->n; i++)
		needed |= all->projections[i].is_inline;
	es_spi_connect();
	es_act_as(&before, es_store_owner(ES_EVENTS), true);
	if (needed)
		es_make_inline_trigger();
	else
		es_drop_inline_trigger();
	es_act_as_before(&before);
	SPI_finish();
}

/*
 * set_paused
 *		Changes whether a projection is paused.
 */
static void
set_paused(const char *name, bool paused)
{
	Oid types[] = {TEXTOID, BOOLOID};
	Datum values[] = {CStringGetTextDatum(name), BoolGetDatum(paused)};

	(void) es_change_projections("UPDATE event_store.projections"
								 " SET paused = $2 WHERE projection"
								 " OPERATOR(pg_catalog.=) $1",
								 lengthof(types), types, values, NULL,
								 SPI_OK_UPDATE);
}

/*
 * es_go_inline
 *		Has an inline projection that is paused handle all events so far, and take part
 *		in every append from then on.  The store lock is held.
 *
 * What its handler appends meanwhile comes last, as it does in the order of events.
 */
void
es_go_inline(const char *name, int32 generation)
{
	es_projection_catch_up(name, generation);
	set_paused(name, false);
	set_trigger();
}

/*
 * leave_inline
 *		Notes how far an inline projection has come that no longer takes part in
 *		appends.
 */
static void
leave_inline(const EsProjection *projection)
{
	EsCheckpointKey key = {projection->name, projection->generation};

	es_checkpoint_move(&key, es_last_position(), 0, 0);
}

/*
 * es_pause_inline
 *		Has an inline projection take no part in appends.  The store lock is held.
 */
void
es_pause_inline(const EsProjection *projection)
{
	leave_inline(projection);
	set_paused(projection->name, true);
}

/*
 * lock_for_change
 *		Waits until nobody runs a projection, or the next generation of it, and nobody
 *		can to the end of the transaction; if it is or becomes inline, nobody appends
 *		either.
 *
 * In this order, as whoever runs it may append.
 */
static void
lock_for_change(const EsProjection *projection, bool becomes_inline)
{
	int32 newest = es_checkpoint_newest(projection->name);

	if (newest > projection->generation)
		(void) es_lock_projection(projection->name, newest, true);
	(void) es_lock_projection(projection->name, projection->generation, true);
	if (projection->is_inline || becomes_inline)
		es_lock_store();
}

/*
 * replace_projection
 *		Changes a projection, which goes on from where it is.
 */
static void
replace_projection(FunctionCallInfo fcinfo, const EsProjection *projection,
				   bool becomes_inline)
{
	EsProjection old = *projection;

	lock_for_change(&old, becomes_inline);
	if (old.is_inline && !old.paused)
		leave_inline(&old);
	store_projection(fcinfo, true, old.paused || becomes_inline);
	if (es_checkpoint_newest(old.name) > old.generation)
		es_require_generations(es_projection_require(es_projections(), old.name));
	if (becomes_inline && !old.paused)
		es_go_inline(old.name, old.generation);
	else if (old.is_inline)
		set_trigger();
}

/*
 * make_projection
 *		Makes a projection that is not there.
 */
static void
make_projection(FunctionCallInfo fcinfo, const char *name, bool is_inline)
{
	EsCheckpointKey key = {name, 1};

	if (is_inline)
		es_lock_store();
	store_projection(fcinfo, false, is_inline);
	es_checkpoint_create(&key,
						 es_position_argument(fcinfo, ARG_START_POSITION,
											  "start_position"),
						 -1);
	if (is_inline)
		es_go_inline(name, key.generation);
}

/*
 * event_store_create_projection
 *		create_projection(name, handler, mode, categories, types, reset, on_error,
 *		max_attempts, retry_delay, start_position, if_not_exists, replace)
 *		returns void
 *
 * Raises 22004, 22023, 42501 unless the caller owns the store, 42710, 42883, 42725,
 * 42804, ST008, and what the handler of an inline projection raises.
 */
Datum
event_store_create_projection(PG_FUNCTION_ARGS)
{
	char *name = es_begin_projection_call(fcinfo, "create_projection()");
	const EsProjection *projection;
	bool is_inline;

	es_check_name(name, "name");
	es_check_not_null(fcinfo, ARG_HANDLER, "handler");
	is_inline =
		strcmp(es_one_of(fcinfo, ARG_MODE, "mode", ES_MODE_INLINE, ES_MODE_ASYNC),
			   ES_MODE_INLINE) == 0;
	es_check_categories(fcinfo, ARG_CATEGORIES);
	es_check_types(fcinfo, ARG_TYPES);
	(void) es_one_of(fcinfo, ARG_ON_ERROR, "on_error", ES_ON_ERROR_STOP,
					 ES_ON_ERROR_PARK);
	es_check_attempts(fcinfo, ARG_MAX_ATTEMPTS, ARG_RETRY_DELAY);
	(void) es_position_argument(fcinfo, ARG_START_POSITION, "start_position");
	es_check_not_null(fcinfo, ARG_IF_NOT_EXISTS, "if_not_exists");
	es_check_not_null(fcinfo, ARG_REPLACE, "replace");

	projection = es_projection_find(es_projections(), name);
	if (projection == NULL)
		make_projection(fcinfo, name, is_inline);
	else if (!es_keeps_existing(fcinfo, ARG_IF_NOT_EXISTS, ARG_REPLACE,
								"projection", name))
		replace_projection(fcinfo, projection, is_inline);
	PG_RETURN_VOID();
}

/*
 * event_store_pause_projection
 *		pause_projection(name) returns void
 *
 * Raises 22004, 42501 unless the caller owns the store, 42704.
 */
Datum
event_store_pause_projection(PG_FUNCTION_ARGS)
{
	char *name = es_begin_projection_call(fcinfo, "pause_projection()");
	EsProjection old = *es_projection_require(es_projections(), name);

	if (old.paused)
		PG_RETURN_VOID();
	lock_for_change(&old, false);
	if (old.is_inline)
		es_pause_inline(&old);
	else
		set_paused(name, true);
	PG_RETURN_VOID();
}

/*
 * event_store_resume_projection
 *		resume_projection(name) returns void
 *
 * Raises 22004, 42501 unless the caller owns the store, 42704, and what the handler
 * of an inline projection raises.
 */
Datum
event_store_resume_projection(PG_FUNCTION_ARGS)
{
	char *name = es_begin_projection_call(fcinfo, "resume_projection()");
	EsProjection old = *es_projection_require(es_projections(), name);
	EsCheckpointKey key = {name, old.generation};

	lock_for_change(&old, false);
	es_checkpoint_restart(&key);
	if (old.paused && old.is_inline)
		es_go_inline(name, old.generation);
	else if (old.paused)
		set_paused(name, false);
	PG_RETURN_VOID();
}

/*
 * forget
 *		Removes the rows of a projection.
 */
static void
forget(const EsProjection *projection)
{
	EsCheckpointKey key = {projection->name, projection->generation};
	EsCheckpointKey newest = {projection->name,
							  es_checkpoint_newest(projection->name)};
	Oid types[] = {TEXTOID};
	Datum values[] = {CStringGetTextDatum(projection->name)};

	es_checkpoint_delete(&newest);
	es_checkpoint_delete(&key);
	(void) es_change_projections("DELETE FROM"
								 " event_store.projection_parked_events"
								 " WHERE projection OPERATOR(pg_catalog.=) $1",
								 lengthof(types), types, values, NULL,
								 SPI_OK_DELETE);
	(void) es_change_projections("DELETE FROM event_store.projections"
								 " WHERE projection OPERATOR(pg_catalog.=) $1",
								 lengthof(types), types, values, NULL,
								 SPI_OK_DELETE);
}

/*
 * event_store_drop_projection
 *		drop_projection(name, if_exists) returns void
 *
 * Raises 22004, 42501 unless the caller owns the store, 42704.
 */
Datum
event_store_drop_projection(PG_FUNCTION_ARGS)
{
	char *name = es_begin_projection_call(fcinfo, "drop_projection()");
	const EsProjection *found = es_projection_find(es_projections(), name);
	EsProjection old;

	es_check_not_null(fcinfo, 1, "if_exists");
	if (found == NULL && PG_GETARG_BOOL(1))
	{
		es_note_missing("projection", name);
		PG_RETURN_VOID();
	}
	old = *es_projection_require(es_projections(), name);
	lock_for_change(&old, false);
	forget(&old);
	if (old.is_inline)
		set_trigger();
	PG_RETURN_VOID();
}
