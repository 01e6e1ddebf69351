/*-------------------------------------------------------------------------
 *
 * event_type.c
 *	  What is known of event types, by schema version.
 *
 * The table event_types says of a type at a schema version which function looks at
 * its data before it is stored, and which one makes it what it is at the next
 * version.  The owner of the store writes it, seldom, and it is small, so a session
 * keeps all of it.
 *
 * What is kept counts until the table changes: a trigger on it, and what PostgreSQL
 * itself tells of changed tables, reach every session with the commit.  It is read
 * with a fresh snapshot at every isolation level, as the catalogs are: old events
 * are to be read by the newest of functions.
 *
 * Reads hold on to what they began with; it is freed when their transaction ends.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_type.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "check.h"
#include "event_type.h"
#include "store.h"

PG_FUNCTION_INFO_V1(event_store_event_types_changed);

const EsHandlerKind es_validator_kind =
	{.noun = "a validator",
	 .arguments = "(jsonb)",
	 .nshapes = 1,
	 .shapes = {{"(jsonb)", 1, {ES_ARGUMENT_JSONB}}},
	 .result = BOOLOID,
	 .result_name = "boolean",
	 .things = "the event types",
	 .call = "event_store.create_event_type()"};

const EsHandlerKind es_upcaster_kind = {.noun = "an upcaster",
										.arguments = "(jsonb)",
										.nshapes = 1,
										.shapes = {{"(jsonb)",
													1,
													{ES_ARGUMENT_JSONB}}},
										.result = JSONBOID,
										.result_name = "jsonb",
										.things = "the event types",
										.call = "event_store.create_upcaster()"};

/* So many types are looked through one by one. */
#define A_FEW 8

/* What the session keeps; out of date when one of the two has moved on. */
static struct
{
	MemoryContext context; /* of the types; NULL before the first look */
	uint64 generation;	   /* of the store */
	uint64 changes;		   /* of functions */
	EsEventTypes *types;
	bool until_end; /* of the transaction: seen in parallel mode */
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
	if (kept.until_end && event != XACT_EVENT_PRE_COMMIT &&
		event != XACT_EVENT_PRE_PREPARE)
	{
		kept.until_end = false;
		kept.generation--;
	}
	if (retired == NULL || event == XACT_EVENT_PRE_COMMIT ||
		event == XACT_EVENT_PRE_PREPARE ||
		event == XACT_EVENT_PARALLEL_PRE_COMMIT)
		return;
	MemoryContextDelete(retired);
	retired = NULL;
}

/*
 * es_event_types_init
 *		Called once when the library is loaded.
 */
void
es_event_types_init(void)
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
										"event_store old event types",
										ALLOCSET_SMALL_SIZES);
	MemoryContextSetParent(kept.context, retired);
	kept.context = NULL;
}

/*
 * learn_function
 *		Looks at the function that a column names.
 */
static void
learn_function(EsTypeFunction *function, const EsHandlerKind *kind,
			   TupleTableSlot *row, int column, Oid owner)
{
	bool isnull;
	Datum signature = es_optional_column(row, ES_EVENT_TYPES, column, &isnull);
	HeapTuple tuple;
	Oid language;
	Oid oid;

	if (isnull)
		return;
	function->signature = TextDatumGetCString(signature);
	oid = es_handler_resolve(function->signature);
	function->flaw = es_handler_flaw(kind, oid, owner);
	if (function->flaw != NULL)
		return;
	tuple = es_handler_row(oid);
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	function->is_c = language == ClanguageId || language == INTERNALlanguageId;
	ReleaseSysCache(tuple);
	function->digest = es_handler_digest(oid);
	fmgr_info_cxt(oid, &function->function, CurrentMemoryContext);
}

/*
 * learn
 *		What a row says, in the current memory context.
 */
static void
learn(EsEventTypes *types, EsEventType *type, TupleTableSlot *row)
{
	bool isnull;
	Datum to_type = es_optional_column(row, ES_EVENT_TYPES, TYP_TO_TYPE, &isnull);

	memset(type, 0, sizeof(EsEventType));
	type->type = DatumGetTextPCopy(es_column(row, ES_EVENT_TYPES, TYP_TYPE));
	type->length = VARSIZE_ANY_EXHDR(type->type);
	type->schema_version =
		DatumGetInt32(es_column(row, ES_EVENT_TYPES, TYP_SCHEMA_VERSION));
	type->to_type = isnull ? type->type : DatumGetTextPCopy(to_type);
	learn_function(&type->validator, &es_validator_kind, row, TYP_VALIDATOR,
				   types->owner);
	learn_function(&type->upcaster, &es_upcaster_kind, row, TYP_UPCASTER,
				   types->owner);
	types->has_upcasters |= type->upcaster.signature != NULL;
}

/*
 * compare_to
 *		Order of a type at a version to one of the table's: by length, bytes and
 *		version, which is found out faster than that of names.
 */
static inline int
compare_to(const text *type, int32 schema_version, const EsEventType *other)
{
	int length = VARSIZE_ANY_EXHDR(type);
	int order;

	if (length != other->length)
		return length > other->length ? 1 : -1;
	order = memcmp(VARDATA_ANY(type), VARDATA_ANY(other->type), length);
	return order != 0 ? order
					  : (schema_version > other->schema_version) -
			(schema_version < other->schema_version);
}

/*
 * compare_types
 *		qsort comparator in that order.
 */
static int
compare_types(const void *a, const void *b)
{
	const EsEventType *left = a;

	return compare_to(left->type, left->schema_version, b);
}

/*
 * find_place
 *		Place of a type at a version, or of the first after it.
 */
static int
find_place(const EsEventTypes *types, const text *type, int32 schema_version)
{
	int low = 0;
	int high = types->n;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (compare_to(type, schema_version, &types->types[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * es_event_type_find
 *		A type at a schema version; NULL where nothing is known of it.
 */
const EsEventType *
es_event_type_find(const EsEventTypes *types, const text *type,
				   int32 schema_version)
{
	int place = find_place(types, type, schema_version);

	return place < types->n &&
			compare_to(type, schema_version, &types->types[place]) == 0
		? &types->types[place]
		: NULL;
}

/*
 * find_from
 *		The upcaster from a version of a type, from a place on; see es_upcaster_find().
 *
 * Of a few, comparing lengths and versions first is faster than to halve.
 */
static inline int
find_from(const EsEventTypes *types, int place, const text *type,
		  int32 schema_version)
{
	int length = VARSIZE_ANY_EXHDR(type);
	int found = ES_NEWEST;

	for (int i = place; i < types->n; i++)
	{
		const EsEventType *other = &types->types[i];
		int order;

		if (other->length > length)
			break;
		if (other->length != length || other->schema_version < schema_version ||
			other->upcaster.signature == NULL)
			continue;
		order = memcmp(VARDATA_ANY(type), VARDATA_ANY(other->type), length);
		if (order < 0)
			break;
		if (order > 0)
			continue;
		if (other->schema_version == schema_version)
			return i;
		found = ES_MISSING;
	}
	return found;
}

/*
 * es_upcaster_find
 *		Place of the upcaster from a version of a type; ES_NEWEST where there is none
 *		from it or a later one, ES_MISSING where there is from a later one.
 */
int
es_upcaster_find(const EsEventTypes *types, const text *type, int32 schema_version)
{
	return find_from(types,
					 types->n > A_FEW ? find_place(types, type, schema_version)
									  : 0,
					 type, schema_version);
}

/*
 * read_rows
 *		Reads the table, in the current memory context.
 */
static void
read_rows(EsEventTypes *types, Relation rel)
{
	Snapshot snapshot = RegisterSnapshot(
		IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	int size = 16;

	types->types = palloc(size * sizeof(EsEventType));
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (types->n == size)
		{
			size *= 2;
			types->types = repalloc(types->types, size * sizeof(EsEventType));
		}
		learn(types, &types->types[types->n++], slot);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	qsort(types->types, types->n, sizeof(EsEventType), compare_types);
	for (int i = 0; i < types->n; i++)
		types->types[i].next =
			es_upcaster_find(types, types->types[i].to_type,
							 types->types[i].schema_version + 1);
}

/*
 * read_table
 *		Reads the table, if the store has it, in the current memory context.
 */
static EsEventTypes *
read_table(void)
{
	EsEventTypes *types = palloc0(sizeof(EsEventTypes));
	Relation rel;

	if (!es_store_has(ES_EVENT_TYPES))
		return types;
	rel = es_store_open(ES_EVENT_TYPES, AccessShareLock);
	types->owner = rel->rd_rel->relowner;
	if (RelationGetNumberOfBlocks(rel) > 0)
		read_rows(types, rel);
	table_close(rel, AccessShareLock);
	return types;
}

/*
 * renew
 *		Learns all types anew.
 *
 * A change that comes meanwhile is noticed by the next who asks.  In parallel mode
 * no fresh snapshot can be taken, so what was seen there is no other transaction's.
 */
static void
renew(void)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store event types",
							  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	uint64 changes = es_handler_changes();
	uint64 generation;
	EsEventTypes *types;

	(void) es_store_has(ES_EVENT_TYPES);
	generation = es_store_generation();
	types = read_table();
	MemoryContextSwitchTo(caller);
	retire();
	MemoryContextSetParent(context, TopMemoryContext);
	kept.types = types;
	kept.context = context;
	kept.changes = changes;
	kept.generation = generation;
	kept.until_end = IsInParallelMode();
}

/*
 * es_event_types
 *		All types that something is known of, good until the transaction ends; NULL
 *		for none.
 */
const EsEventTypes *
es_event_types(void)
{
	/* a transaction that has its locks would not hear of it otherwise */
	AcceptInvalidationMessages();
	if (kept.context == NULL || kept.generation != es_store_generation() ||
		kept.changes != es_handler_changes())
		renew();
	return kept.types->n > 0 ? kept.types : NULL;
}

/*
 * es_upcasters_digest
 *		Adds what tells the upcasters from what they were before to a digest, which
 *		stays as it is where there are none.
 */
uint64
es_upcasters_digest(uint64 digest)
{
	const EsEventTypes *types = es_event_types();

	for (int i = 0; types != NULL && i < types->n; i++)
	{
		const EsEventType *type = &types->types[i];

		if (type->upcaster.signature == NULL)
			continue;
		digest = es_digest_value(digest, PointerGetDatum(type->type));
		digest = es_digest_value(digest, PointerGetDatum(type->to_type));
		digest = hash_combine64(digest, type->schema_version);
		digest = hash_combine64(digest, type->upcaster.digest);
	}
	return digest;
}

/*
 * event_store_event_types_changed
 *		Trigger on event_types: tells every session, once this one has committed.
 */
Datum
event_store_event_types_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("event_types_changed() must be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}
