/*-------------------------------------------------------------------------
 *
 * aggregate_type.c
 *	  How the events of a category fold into a state.
 *
 * An aggregate type says of a category what state its streams begin with, and
 * which function applies an event to a state.  Types are the store's owner's.
 * The function runs as that owner, whoever loads an aggregate: see fold.c.
 *
 * A session looks at the function once, and again when any function changes, when
 * the type does, or the store; see handler.c.
 *
 * A snapshot is of use as long as what made its state is the same.  What tells
 * types apart is a digest of the initial state, of the upcasters, and of what the
 * catalogs say of the function: its source, its language, its settings.  For a
 * function in C that is its library and the name in it, not what the library
 * does; state_version is there to say that this has changed.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/aggregate_type.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "aggregate_type.h"
#include "check.h"
#include "compat.h"
#include "errors.h"
#include "event_type.h"
#include "handler.h"
#include "privileged.h"
#include "probe.h"
#include "rights.h"
#include "store.h"
#include "stream.h"

PG_FUNCTION_INFO_V1(event_store_create_aggregate_type);
PG_FUNCTION_INFO_V1(event_store_drop_aggregate_type);

static const EsHandlerKind apply_kind =
	{.noun = "an apply function",
	 .arguments = "(jsonb, event_store.event)",
	 .nshapes = 1,
	 .shapes = {{"(jsonb, event_store.event)",
				 2,
				 {ES_ARGUMENT_JSONB, ES_ARGUMENT_EVENT}}},
	 .result = JSONBOID,
	 .result_name = "jsonb",
	 .things = "the aggregate types",
	 .call = "event_store.create_aggregate_type()"};

/* Types that a session keeps. */
#define MAX_KEPT 16

/*
 * A type that was looked up: its row, and what that says.  It counts as long as
 * the row is this one, the store has not changed, and no function has.
 */
typedef struct KeptType
{
	MemoryContext context; /* NULL for an entry that was never used */
	uint64 generation;	   /* of the store */
	uint64 changes;		   /* of functions */
	MinimalTuple row;
	char *signature;
	char *flaw; /* why its function cannot be used; NULL for nothing */
	EsAggregateType type;
} KeptType;

static KeptType kept[MAX_KEPT];
static int next_kept = 0;

/*
 * What was looked up last, and in which view of the database: a call that loads,
 * decides and saves in one statement need not look up the row each time.
 *
 * A snapshot with the same xmax and the same transactions in progress below sees
 * the same of others.  Of its own transaction's changes it sees those of commands
 * before curcid; and a subtransaction that was rolled back has another id than
 * what comes after it.
 */
typedef struct SeenType
{
	KeptType *entry; /* NULL for none */
	uint64 generation;
	uint64 changes;
	LocalTransactionId lxid;
	SubTransactionId subid;
	CommandId curcid;
	TransactionId xmax;
	uint64 in_progress; /* hash */
	char category[ES_MAX_STREAM_BYTES + 1];
} SeenType;

static SeenType seen;

/* Finding a type ---------------------------------------------------------- */

/*
 * fetch_by_scan
 *		The row of a category, where a probe does not find it.
 */
static bool
fetch_by_scan(Relation types, Relation index, Datum category, TupleTableSlot *slot)
{
	IndexScanDesc scan = es_index_beginscan(types, index, GetActiveSnapshot(), 1);
	ScanKeyData key;
	bool found;

	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid,
						   index->rd_indcollation[0], F_TEXTEQ, category);
	index_rescan(scan, &key, 1, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	index_endscan(scan);
	return found;
}

/*
 * fetch_row
 *		The row of a category, as the calling query sees it.
 */
static bool
fetch_row(Relation types, const text *category, TupleTableSlot *slot)
{
	Relation index =
		es_store_open_index(ES_AGGREGATE_TYPES_BY_CATEGORY, AccessShareLock);
	Datum value = PointerGetDatum(category);
	bool found = es_probe(types, index, GetActiveSnapshot(), value, slot) ||
		fetch_by_scan(types, index, value, slot);

	index_close(index, NoLock);
	return found;
}

/*
 * find_sibling
 *		What a function in C has to be called with events as structs; NULL for
 *		none, and for a function that is not simply called.
 */
static EventStoreApply
find_sibling(Oid function)
{
	HeapTuple tuple = es_handler_row(function);
	EventStoreApply sibling = NULL;
	Form_pg_proc form;
	bool no_library;
	bool no_settings;
	Datum library;

	form = (Form_pg_proc) GETSTRUCT(tuple);
	library = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &no_library);
	(void) SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &no_settings);
	if (form->prolang == ClanguageId && !form->prosecdef && no_settings &&
		!no_library && !FmgrHookIsNeeded(function))
	{
		bool isnull;
		Datum name =
			SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);

		sibling = (EventStoreApply)
			load_external_function(TextDatumGetCString(library),
								   psprintf(EVENT_STORE_APPLY_PREFIX "%s",
											TextDatumGetCString(name)),
								   false, NULL);
	}
	ReleaseSysCache(tuple);
	return sibling;
}

/*
 * learn
 *		What a row says, in the current memory context.
 */
static void
learn(KeptType *entry, TupleTableSlot *row, Oid owner)
{
	EsAggregateType *type = &entry->type;
	bool isnull;
	Datum every =
		es_optional_column(row, ES_AGGREGATE_TYPES, AGG_SNAPSHOT_EVERY, &isnull);
	Oid function;

	entry->signature =
		TextDatumGetCString(es_column(row, ES_AGGREGATE_TYPES, AGG_APPLY));
	function = es_handler_resolve(entry->signature);
	entry->flaw = es_handler_flaw(&apply_kind, function, owner);
	if (entry->flaw != NULL)
		return;
	type->initial_state = PointerGetDatum(PG_DETOAST_DATUM_COPY(
		es_column(row, ES_AGGREGATE_TYPES, AGG_INITIAL_STATE)));
	type->snapshot_every = isnull ? 0 : DatumGetInt32(every);
	type->state_version =
		DatumGetInt32(es_column(row, ES_AGGREGATE_TYPES, AGG_STATE_VERSION));
	type->type_digest =
		(int64) es_digest_value(es_upcasters_digest(es_handler_digest(function)),
								type->initial_state);
	type->owner = owner;
	fmgr_info_cxt(function, &type->apply, CurrentMemoryContext);
	type->apply_struct = find_sibling(function);
}

/*
 * is_row
 *		Whether a type was learned from just this row, and that still counts.
 */
static bool
is_row(const KeptType *entry, MinimalTuple row)
{
	/* what can be mended by a GRANT of a role is looked at each time */
	return entry->context != NULL && entry->flaw == NULL &&
		entry->generation == es_store_generation() &&
		entry->changes == es_handler_changes() && entry->row != NULL &&
		entry->row->t_len == row->t_len &&
		memcmp(entry->row, row, row->t_len) == 0;
}

/*
 * keep
 *		Learns a type from its row and keeps it in place of the oldest.
 */
static KeptType *
keep(TupleTableSlot *slot, MinimalTuple row, Oid owner)
{
	KeptType *entry = &kept[next_kept];
	uint64 generation = es_store_generation();
	uint64 changes = es_handler_changes();
	MemoryContext caller;

	next_kept = (next_kept + 1) % MAX_KEPT;
	if (seen.entry == entry)
		seen.entry = NULL;
	entry->row = NULL;
	if (entry->context == NULL)
		entry->context = AllocSetContextCreate(TopMemoryContext,
											   "event_store aggregate type",
											   ALLOCSET_SMALL_SIZES);
	MemoryContextReset(entry->context);
	caller = MemoryContextSwitchTo(entry->context);
	learn(entry, slot, owner);
	entry->row = palloc(row->t_len);
	memcpy(entry->row, row, row->t_len);
	MemoryContextSwitchTo(caller);

	/* a change that came meanwhile is noticed by the next who asks */
	entry->generation = generation;
	entry->changes = changes;
	return entry;
}

/*
 * find_kept
 *		The type of a row, from what is kept or anew.
 */
static KeptType *
find_kept(TupleTableSlot *slot, Oid owner)
{
	bool should_free;
	MinimalTuple row = ExecFetchSlotMinimalTuple(slot, &should_free);
	KeptType *entry = NULL;

	for (int i = 0; i < MAX_KEPT && entry == NULL; i++)
	{
		if (is_row(&kept[i], row))
			entry = &kept[i];
	}
	if (entry == NULL)
		entry = keep(slot, row, owner);
	if (should_free)
		heap_free_minimal_tuple(row);
	return entry;
}

/*
 * hash_in_progress
 *		What stands for the transactions that a snapshot holds for in progress.
 */
static uint64
hash_in_progress(Snapshot snapshot)
{
	return hash_bytes_extended((const unsigned char *) snapshot->xip,
							   snapshot->xcnt * sizeof(TransactionId),
							   snapshot->xcnt);
}

/*
 * is_seen
 *		Whether the type of a category was looked up in the very view of the
 *		database that the active snapshot is.
 */
static bool
is_seen(const text *category)
{
	Snapshot snapshot = GetActiveSnapshot();

	return seen.entry != NULL && seen.generation == es_store_generation() &&
		seen.changes == es_handler_changes() && seen.lxid == es_local_xid() &&
		seen.subid == GetCurrentSubTransactionId() &&
		seen.curcid == snapshot->curcid && seen.xmax == snapshot->xmax &&
		seen.in_progress == hash_in_progress(snapshot) &&
		strlen(seen.category) == VARSIZE_ANY_EXHDR(category) &&
		memcmp(seen.category, VARDATA_ANY(category),
			   VARSIZE_ANY_EXHDR(category)) == 0;
}

/*
 * note_seen
 *		Remembers what a category's type is in the active snapshot, if that is one
 *		of those that SeenType is about.
 */
static void
note_seen(const text *category, KeptType *entry)
{
	Snapshot snapshot = GetActiveSnapshot();
	int length = VARSIZE_ANY_EXHDR(category);

	seen.entry = NULL;
	if (!IsMVCCSnapshot(snapshot) || snapshot->takenDuringRecovery ||
		snapshot->suboverflowed || length > ES_MAX_STREAM_BYTES)
		return;
	memcpy(seen.category, VARDATA_ANY(category), length);
	seen.category[length] = '\0';
	seen.generation = entry->generation;
	seen.changes = entry->changes;
	seen.lxid = es_local_xid();
	seen.subid = GetCurrentSubTransactionId();
	seen.curcid = snapshot->curcid;
	seen.xmax = snapshot->xmax;
	seen.in_progress = hash_in_progress(snapshot);
	seen.entry = entry;
}

/*
 * look_up
 *		The type of a category by its row, NULL when there is none.
 */
static KeptType *
look_up(const text *category)
{
	Relation types = es_store_open(ES_AGGREGATE_TYPES, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(types, NULL);
	KeptType *entry = NULL;

	if (fetch_row(types, category, slot))
		entry = find_kept(slot, types->rd_rel->relowner);
	ExecDropSingleTupleTableSlot(slot);
	table_close(types, NoLock);
	return entry;
}

/*
 * find_type
 *		The type of a category, NULL when there is none.
 */
static KeptType *
find_type(const text *category)
{
	KeptType *entry;

	if (is_seen(category))
		return seen.entry;
	if (!es_store_has(ES_AGGREGATE_TYPES))
		return NULL;
	entry = look_up(category);
	if (entry != NULL && entry->flaw == NULL)
		note_seen(category, entry);
	return entry;
}

/*
 * find_current
 *		The type of a category, NULL when there is none, and the event types that its
 *		digest counts in.
 *
 * Either may change while the other is looked up.
 */
static KeptType *
find_current(const text *category, const EsEventTypes **event_types)
{
	KeptType *entry;

	do
	{
		CHECK_FOR_INTERRUPTS();
		*event_types = es_event_types();
		entry = find_type(category);
		AcceptInvalidationMessages();
	} while (entry != NULL && entry->flaw == NULL &&
			 (entry->generation != es_store_generation() ||
			  entry->changes != es_handler_changes() ||
			  *event_types != es_event_types()));
	return entry;
}

/*
 * copy_type
 *		A type in the caller's memory.
 */
static void
copy_type(const KeptType *entry, const EsEventTypes *event_types,
		  EsAggregateType *type)
{
	*type = entry->type;
	type->event_types = event_types;
	type->initial_state = datumCopy(type->initial_state, false, -1);
	fmgr_info_copy(&type->apply, unconstify(FmgrInfo *, &entry->type.apply),
				   CurrentMemoryContext);
	type->changes = entry->changes;
	type->generation = entry->generation;
}

/*
 * es_aggregate_type_is_current
 *		Whether no function and no upcaster has changed since a type was looked up: one
 *		that was replaced in the middle of a fold has made a part of its state.
 */
bool
es_aggregate_type_is_current(const EsAggregateType *type)
{
	AcceptInvalidationMessages();
	return type->changes == es_handler_changes() &&
		type->generation == es_store_generation();
}

/*
 * es_aggregate_type_get
 *		The aggregate type of a stream's category; false when there is none, or
 *		its function cannot be used: for those who can do without, as a snapshot
 *		saves nobody but time.
 */
bool
es_aggregate_type_get(const text *stream, EsAggregateType *type)
{
	const EsEventTypes *event_types;
	KeptType *entry = find_current(es_stream_category(stream), &event_types);

	if (entry == NULL || entry->flaw != NULL)
		return false;
	copy_type(entry, event_types, type);
	return true;
}

/*
 * es_aggregate_type_require
 *		The same; raises ST004 when there is none, 55000 when its function cannot
 *		be used.
 */
void
es_aggregate_type_require(const text *stream, EsAggregateType *type)
{
	text *category = es_stream_category(stream);
	const EsEventTypes *event_types;
	KeptType *entry = find_current(category, &event_types);

	if (entry == NULL)
		ereport(ERROR,
				(errcode(ES_ERR_NO_AGGREGATE_TYPE),
				 errmsg("stream \"%s\" has no aggregate type",
						text_to_cstring(stream)),
				 errdetail("No aggregate type is of category \"%s\".",
						   text_to_cstring(category)),
				 errhint("Create one with event_store.create_aggregate_type().")));
	if (entry->flaw != NULL)
		es_handler_raise(&apply_kind, entry->signature, entry->flaw);
	copy_type(entry, event_types, type);
}

/* Making and dropping types ----------------------------------------------- */

/*
 * positive_argument
 *		An integer argument of at least 1, or 22023.
 */
static int32
positive_argument(FunctionCallInfo fcinfo, int arg, const char *name)
{
	int32 value = PG_GETARG_INT32(arg);

	if (value < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be at least 1", name),
				 errdetail("It is %d.", value),
				 errhint("Leave it out for the default.")));
	return value;
}

/*
 * require_table
 *		Raises 55000 for a store of before 0.2.0.
 */
static void
require_table(void)
{
	if (!es_store_has(ES_AGGREGATE_TYPES))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the event store has no aggregate types"),
				 errdetail("An older release made it."),
				 errhint("Upgrade it with: SELECT event_store.upgrade_store();")));
}

/*
 * change_types
 *		Runs a statement on the table of types; returns the number of rows.  55000
 *		where a rule of the owner's makes something else of it.
 */
static uint64
change_types(const char *statement, int nargs, Oid *types, Datum *values,
			 const char *nulls, int expected)
{
	uint64 rows;
	int result;

	es_spi_connect();
	result =
		SPI_execute_with_args(statement, nargs, types, values, nulls, false, 0);
	rows = SPI_processed;
	if (result != expected)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not change the aggregate types"),
				 errdetail("The statement ended as %s.",
						   SPI_result_code_string(result)),
				 errhint("Drop the rules on event_store.aggregate_types.")));
	SPI_finish();
	return rows;
}

/*
 * store_type
 *		Stores a type in place of what the category had.
 */
static void
store_type(Datum *values, const char *nulls)
{
	Oid types[] = {TEXTOID, JSONBOID, TEXTOID, INT4OID, INT4OID};

	(void) change_types("INSERT INTO event_store.aggregate_types"
						" (category, initial_state, apply, snapshot_every,"
						" state_version) VALUES ($1, $2, $3, $4, $5)"
						" ON CONFLICT (category) DO UPDATE"
						" SET initial_state = EXCLUDED.initial_state,"
						" apply = EXCLUDED.apply,"
						" snapshot_every = EXCLUDED.snapshot_every,"
						" state_version = EXCLUDED.state_version",
						lengthof(types), types, values, nulls, SPI_OK_INSERT);
}

/*
 * event_store_create_aggregate_type
 *		create_aggregate_type(category, initial_state, apply, snapshot_every,
 *		state_version) returns void
 *
 * Raises 22004, 22023, 42501 unless the caller owns the store, 42883, 42804.
 */
Datum
event_store_create_aggregate_type(PG_FUNCTION_ARGS)
{
	Datum values[5];
	char nulls[] = "     ";
	Oid function;

	es_check_not_null(fcinfo, 0, "category");
	es_check_category(PG_GETARG_TEXT_PP(0));
	es_check_not_null(fcinfo, 1, "initial_state");
	es_check_data(PG_GETARG_DATUM(1), "initial_state", NULL);
	es_check_not_null(fcinfo, 2, "apply");
	es_check_not_null(fcinfo, 4, "state_version");
	es_check_writable("create_aggregate_type()");
	es_require_store_owner("create_aggregate_type()");
	require_table();

	function =
		es_handler_find(&apply_kind, text_to_cstring(PG_GETARG_TEXT_PP(2)));
	es_handler_require(&apply_kind, function, es_store_owner(ES_AGGREGATE_TYPES));
	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = CStringGetTextDatum(es_handler_signature(function));
	values[3] = (Datum) 0;
	if (PG_ARGISNULL(3))
		nulls[3] = 'n';
	else
		values[3] = Int32GetDatum(positive_argument(fcinfo, 3, "snapshot_every"));
	values[4] = Int32GetDatum(positive_argument(fcinfo, 4, "state_version"));
	store_type(values, nulls);
	PG_RETURN_VOID();
}

/*
 * event_store_drop_aggregate_type
 *		drop_aggregate_type(category) returns void
 *
 * Raises 22004, 42501 unless the caller owns the store, ST004.
 */
Datum
event_store_drop_aggregate_type(PG_FUNCTION_ARGS)
{
	Oid types[] = {TEXTOID};
	Datum values[1];
	uint64 dropped;

	es_check_not_null(fcinfo, 0, "category");
	es_check_writable("drop_aggregate_type()");
	es_require_store_owner("drop_aggregate_type()");
	require_table();
	values[0] = PG_GETARG_DATUM(0);
	dropped = change_types("DELETE FROM event_store.aggregate_types"
						   " WHERE category OPERATOR(pg_catalog.=) $1",
						   lengthof(types), types, values, NULL, SPI_OK_DELETE);
	if (dropped == 0)
		ereport(ERROR,
				(errcode(ES_ERR_NO_AGGREGATE_TYPE),
				 errmsg("no aggregate type is of category \"%s\"",
						text_to_cstring(PG_GETARG_TEXT_PP(0))),
				 errhint("The table event_store.aggregate_types lists them.")));
	PG_RETURN_VOID();
}
