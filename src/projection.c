/*-------------------------------------------------------------------------
 *
 * projection.c
 *	  The projections, as the registry has them.
 *
 * A projection is a read model that a handler keeps up to date: a function of the
 * owner of the store's, which is called with the events, one at a time or many.
 * The table projections says of each by which function, from which events and
 * how; how far it has come, projection_checkpoints does.
 *
 * The table is small and changes seldom, so a session keeps all of it, until it
 * changes: a trigger on it tells every session, with the commit.  It is read with
 * a fresh snapshot at every isolation level, as the catalogs are.
 *
 * What was read is good until the transaction ends, even if it is read anew
 * meanwhile.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "attempts.h"
#include "projection.h"
#include "store.h"
#include "store_read.h"

PG_FUNCTION_INFO_V1(event_store_projections_changed);

const EsHandlerKind es_projection_kind =
	{.noun = "a projection's handler",
	 .arguments =
		 "(event_store.event) or (event_store.event[]), or one of them and an integer, the generation,",
	 .nshapes = 4,
	 .shapes = {{"(event_store.event)", 1, {ES_ARGUMENT_EVENT}},
				{"(event_store.event[])", 1, {ES_ARGUMENT_EVENTS}},
				{"(event_store.event, integer)",
				 2,
				 {ES_ARGUMENT_EVENT, ES_ARGUMENT_INTEGER}},
				{"(event_store.event[], integer)",
				 2,
				 {ES_ARGUMENT_EVENTS, ES_ARGUMENT_INTEGER}}},
	 .result = VOIDOID,
	 .result_name = "void",
	 .things = "the projections",
	 .call = "event_store.create_projection(replace => true)"};

const EsHandlerKind es_reset_kind =
	{.noun = "a projection's reset",
	 .arguments = "nothing, or an integer, the generation,",
	 .nshapes = 2,
	 .shapes = {{"()", 0, {0}}, {"(integer)", 1, {ES_ARGUMENT_INTEGER}}},
	 .result = VOIDOID,
	 .result_name = "void",
	 .things = "the projections",
	 .call = "event_store.create_projection(replace => true)"};

/* What the session keeps; out of date when one of the two has moved on. */
static struct
{
	MemoryContext context; /* NULL before the first look */
	uint64 generation;	   /* of the store */
	uint64 changes;		   /* of functions */
	EsProjections *projections;
} kept;

/* What was kept before and may be in use; freed at the transaction's end. */
static MemoryContext retired = NULL;

/*
 * free_retired
 *		Transaction callback.
 */
static void
free_retired(XactEvent event, void *arg)
{
	if (retired == NULL ||
		(event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		 event != XACT_EVENT_PREPARE))
		return;
	MemoryContextDelete(retired);
	retired = NULL;
}

/*
 * es_projections_init
 *		Called once when the library is loaded.
 */
void
es_projections_init(void)
{
	RegisterXactCallback(free_retired, NULL);
}

/*
 * retire
 *		Puts what is kept aside.
 */
static void
retire(void)
{
	if (kept.context == NULL)
		return;
	if (retired == NULL)
		retired = AllocSetContextCreate(TopMemoryContext,
										"event_store old projections",
										ALLOCSET_SMALL_SIZES);
	MemoryContextSetParent(kept.context, retired);
	kept.context = NULL;
}

/*
 * learn_function
 *		Looks at the function that a column names.
 */
static void
learn_function(EsProjectionFunction *function, const EsHandlerKind *kind,
			   TupleTableSlot *row, int column, Oid owner)
{
	bool isnull;
	Datum signature = es_optional_column(row, ES_PROJECTIONS, column, &isnull);
	const EsHandlerShape *shape;
	Oid oid;

	if (isnull)
		return;
	function->signature = TextDatumGetCString(signature);
	oid = es_handler_resolve(function->signature);
	function->flaw = es_handler_flaw(kind, oid, owner);
	if (function->flaw != NULL)
		return;
	shape = &kind->shapes[es_handler_shape(kind, oid)];
	for (int i = 0; i < shape->narguments; i++)
	{
		function->takes_batch |= shape->arguments[i] == ES_ARGUMENT_EVENTS;
		function->takes_generation |= shape->arguments[i] == ES_ARGUMENT_INTEGER;
	}
	fmgr_info_cxt(oid, &function->function, CurrentMemoryContext);
}

/*
 * learn_texts
 *		The elements of a column of texts, sorted; -1 for all, where it is null.
 */
static int
learn_texts(TupleTableSlot *row, int column, text ***texts)
{
	bool isnull;
	Datum value = es_optional_column(row, ES_PROJECTIONS, column, &isnull);

	*texts = NULL;
	if (isnull)
		return -1;
	return es_distinct_texts(DatumGetArrayTypePCopy(value), "the array", texts);
}

/*
 * text_is
 *		Whether a column has a value.
 */
static bool
text_is(TupleTableSlot *row, int column, const char *value)
{
	return strcmp(TextDatumGetCString(es_column(row, ES_PROJECTIONS, column)),
				  value) == 0;
}

/*
 * learn
 *		What a row says, in the current memory context.
 */
static void
learn(EsProjection *projection, TupleTableSlot *row, Oid owner)
{
	memset(projection, 0, sizeof(EsProjection));
	projection->name =
		TextDatumGetCString(es_column(row, ES_PROJECTIONS, PROJ_PROJECTION));
	projection->is_inline = text_is(row, PROJ_MODE, ES_MODE_INLINE);
	projection->parks = text_is(row, PROJ_ON_ERROR, ES_ON_ERROR_PARK);
	projection->paused =
		DatumGetBool(es_column(row, ES_PROJECTIONS, PROJ_PAUSED));
	learn_function(&projection->handler, &es_projection_kind, row, PROJ_HANDLER,
				   owner);
	learn_function(&projection->reset, &es_reset_kind, row, PROJ_RESET, owner);
	projection->ncategories =
		learn_texts(row, PROJ_CATEGORIES, &projection->categories);
	projection->all_categories = projection->ncategories < 0;
	projection->ntypes = learn_texts(row, PROJ_TYPES, &projection->types);
	projection->max_attempts =
		DatumGetInt32(es_column(row, ES_PROJECTIONS, PROJ_MAX_ATTEMPTS));
	projection->retry_delay = es_interval_microseconds(
		DatumGetIntervalP(es_column(row, ES_PROJECTIONS, PROJ_RETRY_DELAY)));
	projection->start_position =
		DatumGetInt64(es_column(row, ES_PROJECTIONS, PROJ_START_POSITION));
	projection->generation =
		DatumGetInt32(es_column(row, ES_PROJECTIONS, PROJ_GENERATION));
}

/*
 * compare_projections
 *		qsort comparator by name.
 */
static int
compare_projections(const void *a, const void *b)
{
	return strcmp(((const EsProjection *) a)->name,
				  ((const EsProjection *) b)->name);
}

/*
 * read_rows
 *		Reads the table, in the current memory context.
 */
static void
read_rows(EsProjections *all, Relation rel)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	int size = 8;

	all->projections = palloc(size * sizeof(EsProjection));
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (all->n == size)
		{
			size *= 2;
			all->projections =
				repalloc(all->projections, size * sizeof(EsProjection));
		}
		learn(&all->projections[all->n++], slot, all->owner);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	qsort(all->projections, all->n, sizeof(EsProjection), compare_projections);
}

/*
 * read_table
 *		Reads the table, if the store has it, in the current memory context.
 */
static EsProjections *
read_table(void)
{
	EsProjections *all = palloc0(sizeof(EsProjections));
	Relation rel;

	if (!es_store_has(ES_PROJECTIONS))
		return all;
	rel = es_store_open(ES_PROJECTIONS, AccessShareLock);
	all->owner = rel->rd_rel->relowner;
	if (RelationGetNumberOfBlocks(rel) > 0)
		read_rows(all, rel);
	table_close(rel, AccessShareLock);
	return all;
}

/*
 * renew
 *		Learns all projections anew.  A change that comes meanwhile is noticed by the
 *		next who asks.
 */
static void
renew(void)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store projections",
							  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	uint64 changes = es_handler_changes();
	uint64 generation;
	EsProjections *projections;

	(void) es_store_has(ES_PROJECTIONS);
	generation = es_store_generation();
	projections = read_table();
	MemoryContextSwitchTo(caller);
	retire();
	MemoryContextSetParent(context, TopMemoryContext);
	kept.projections = projections;
	kept.context = context;
	kept.changes = changes;
	kept.generation = generation;
}

/*
 * es_projections
 *		All projections, good until the transaction ends.
 */
const EsProjections *
es_projections(void)
{
	/* a transaction that has its locks would not hear of it otherwise */
	AcceptInvalidationMessages();
	if (kept.context == NULL || kept.generation != es_store_generation() ||
		kept.changes != es_handler_changes())
		renew();
	return kept.projections;
}

/*
 * es_projection_find
 *		A projection by its name, NULL for none.
 */
const EsProjection *
es_projection_find(const EsProjections *all, const char *name)
{
	for (int i = 0; i < all->n; i++)
	{
		if (strcmp(all->projections[i].name, name) == 0)
			return &all->projections[i];
	}
	return NULL;
}

/*
 * es_projection_require
 *		A projection by its name; raises 42704 when there is none.
 */
const EsProjection *
es_projection_require(const EsProjections *all, const char *name)
{
	const EsProjection *projection = es_projection_find(all, name);

	if (projection == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("projection \"%s\" does not exist", name),
				 errhint("The view event_store.projection_status lists them.")));
	return projection;
}

/*
 * es_require_projections
 *		Raises 55000 for a store of before 0.2.0.
 */
void
es_require_projections(void)
{
	if (!es_store_has(ES_PROJECTIONS))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the event store has no projections"),
				 errdetail("An older release made it."),
				 errhint("Upgrade it with: SELECT event_store.upgrade_store();")));
}

/*
 * es_projection_prepare
 *		Gets ready to call a projection's handler, with room for two arguments; raises
 *		55000 when it cannot be used.
 */
void
es_projection_prepare(const EsProjection *projection, int32 generation,
					  FmgrInfo *function, FunctionCallInfo fcinfo)
{
	const EsProjectionFunction *handler = &projection->handler;

	if (handler->flaw != NULL)
		es_handler_raise(&es_projection_kind, handler->signature, handler->flaw);
	fmgr_info_copy(function, unconstify(FmgrInfo *, &handler->function),
				   CurrentMemoryContext);
	InitFunctionCallInfoData(*fcinfo, function, handler->takes_generation ? 2 : 1,
							 InvalidOid, NULL, NULL);
	fcinfo->args[1].value = Int32GetDatum(generation);
	fcinfo->args[1].isnull = false;
}

/*
 * es_projection_hand_over
 *		Calls the handler with an event or an array of them.  What calls before it
 *		wrote can be seen by the active snapshot, which must be nobody else's.
 */
void
es_projection_hand_over(FunctionCallInfo fcinfo, Datum events)
{
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	fcinfo->args[0].value = events;
	fcinfo->args[0].isnull = false;
	fcinfo->isnull = false;
	(void) FunctionCallInvoke(fcinfo);
}

/*
 * event_store_projections_changed
 *		Trigger on projections: tells every session, once this one has committed.
 */
Datum
event_store_projections_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("projections_changed() must be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}
