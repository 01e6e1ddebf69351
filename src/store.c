/*-------------------------------------------------------------------------
 *
 * store.c
 *	  Finding and opening the store's tables and indexes.
 *
 * The tables are ordinary ones that a user may dump and restore, extend by
 * columns, reindex, drop and make anew, so nothing about them is fixed: each
 * backend looks up their OIDs, column numbers and indexes by name and shape
 * when it first needs them, and forgets them all at the first relcache
 * invalidation that concerns one of them.  That there is no store is never
 * remembered, so that a session which failed before another called
 * create_store() works afterwards; that the store is without one of the tables
 * that it may be without, only until the next invalidation of any relation.
 *
 * A relation found in the cache or by its name may be gone by the time it is
 * locked.  es_store_open() therefore locks first, which processes pending
 * invalidations, and starts over when the cache has moved on; and so does the
 * look-up by name.  The table of events is the first that is locked, as it is
 * for dropping a store: while it is held, the others are there.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/store.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "utils/rls.h"

#include "compat.h"
#include "errors.h"
#include "store.h"

#define SEQUENCE_NAME "events_global_position_seq"

/*
 * A column that the code uses: not generated, of just this type, and not null.
 * One that is optional may be null, or missing.
 */
typedef struct EsColumnShape
{
	const char *name;
	Oid type;
	bool optional;
} EsColumnShape;

/* What a table is called and which columns of it the code uses. */
typedef struct EsTableShape
{
	const char *name;
	int ncolumns;
	EsColumnShape columns[ES_MAX_COLUMNS];
} EsTableShape;

/* Which table an index is on and which columns are its keys. */
typedef struct EsIndexShape
{
	EsTableId table;
	bool unique;
	bool optional;
	int nkeys;
	int keys[3];
} EsIndexShape;

static const EsTableShape table_shapes[ES_NUM_TABLES] = {
	[ES_CATEGORIES] =
		{
			"categories",
			CAT_NUM_COLUMNS,
			{
				{"category_id", INT8OID},
				{"category", TEXTOID},
			},
		},
	[ES_STREAMS] =
		{
			"streams",
			STR_NUM_COLUMNS,
			{
				{"stream_id", INT8OID},
				{"category_id", INT8OID},
				{"base_version", INT8OID},
				{"created_at", TIMESTAMPTZOID},
				{"stream", TEXTOID},
			},
		},
	[ES_EVENTS] =
		{
			"events",
			EV_NUM_COLUMNS,
			{
				{"global_position", INT8OID},
				{"stream_id", INT8OID},
				{"version", INT8OID},
				{"category_id", INT8OID},
				{"recorded_at", TIMESTAMPTZOID},
				{"schema_version", INT4OID},
				{"event_id", UUIDOID},
				{"type", TEXTOID},
				{"data", JSONBOID},
				{"metadata", JSONBOID},
				{"hash", BYTEAOID, true},
			},
		},
	[ES_SNAPSHOTS] =
		{
			"snapshots",
			SNAP_NUM_COLUMNS,
			{
				{"stream_id", INT8OID},
				{"version", INT8OID},
				{"state_version", INT4OID},
				{"created_at", TIMESTAMPTZOID},
				{"state", JSONBOID},
				{"type_digest", INT8OID, true},
			},
		},
	[ES_AGGREGATE_TYPES] =
		{
			"aggregate_types",
			AGG_NUM_COLUMNS,
			{
				{"category", TEXTOID},
				{"initial_state", JSONBOID},
				{"apply", TEXTOID},
				{"snapshot_every", INT4OID, true},
				{"state_version", INT4OID},
			},
		},
	[ES_EVENT_TYPES] =
		{
			"event_types",
			TYP_NUM_COLUMNS,
			{
				{"type", TEXTOID},
				{"schema_version", INT4OID},
				{"validator", TEXTOID, true},
				{"upcaster", TEXTOID, true},
				{"to_type", TEXTOID, true},
			},
		},
	[ES_HASH_CHAIN] =
		{
			"hash_chain",
			CHAIN_NUM_COLUMNS,
			{
				{"after_position", INT8OID},
			},
		},
	[ES_SEALED_HEADS] =
		{
			"sealed_heads",
			HEAD_NUM_COLUMNS,
			{
				{"stream_id", INT8OID},
				{"sealed_position", INT8OID},
				{"version", INT8OID},
				{"hash", BYTEAOID},
				{"stream", TEXTOID},
			},
		},
	[ES_PROJECTIONS] =
		{
			"projections",
			PROJ_NUM_COLUMNS,
			{
				{"projection", TEXTOID},
				{"mode", TEXTOID},
				{"handler", TEXTOID},
				{"reset", TEXTOID, true},
				{"categories", TEXTARRAYOID, true},
				{"types", TEXTARRAYOID, true},
				{"on_error", TEXTOID},
				{"max_attempts", INT4OID},
				{"retry_delay", INTERVALOID},
				{"start_position", INT8OID},
				{"generation", INT4OID},
				{"paused", BOOLOID},
			},
		},
	[ES_SUBSCRIPTIONS] =
		{
			"subscriptions",
			SUB_NUM_COLUMNS,
			{
				{"subscription", TEXTOID},
				{"categories", TEXTARRAYOID, true},
				{"types", TEXTARRAYOID, true},
				{"partitions", INT4OID},
				{"start_position", INT8OID},
				{"on_error", TEXTOID},
				{"max_attempts", INT4OID},
				{"retry_delay", INTERVALOID},
			},
		},
	[ES_HORIZON] =
		{
			"horizon",
			HOR_NUM_COLUMNS,
			{
				{"turn", INT8OID},
				{"safe_position", INT8OID},
			},
		},
};

static const EsIndexShape index_shapes[ES_NUM_INDEXES] =
	{[ES_CATEGORIES_BY_ID] = {ES_CATEGORIES, true, false, 1, {CAT_CATEGORY_ID}},
	 [ES_CATEGORIES_BY_NAME] = {ES_CATEGORIES, true, false, 1, {CAT_CATEGORY}},
	 [ES_STREAMS_BY_ID] = {ES_STREAMS, true, false, 1, {STR_STREAM_ID}},
	 [ES_STREAMS_BY_NAME] = {ES_STREAMS, true, false, 1, {STR_STREAM}},
	 [ES_EVENTS_BY_POSITION] = {ES_EVENTS, true, false, 1, {EV_GLOBAL_POSITION}},
	 [ES_EVENTS_BY_VERSION] = {ES_EVENTS, true, false, 2, {EV_STREAM_ID, EV_VERSION}},
	 [ES_EVENTS_BY_ID] = {ES_EVENTS, true, false, 1, {EV_EVENT_ID}},
	 [ES_EVENTS_BY_CATEGORY] =
		 {ES_EVENTS, false, false, 2, {EV_CATEGORY_ID, EV_GLOBAL_POSITION}},
	 [ES_EVENTS_BY_TYPE] = {ES_EVENTS, false, true, 2, {EV_TYPE, EV_GLOBAL_POSITION}},
	 [ES_SNAPSHOTS_BY_VERSION] = {ES_SNAPSHOTS,
								  true,
								  false,
								  3,
								  {SNAP_STREAM_ID, SNAP_VERSION,
								   SNAP_STATE_VERSION}},
	 [ES_AGGREGATE_TYPES_BY_CATEGORY] =
		 {ES_AGGREGATE_TYPES, true, false, 1, {AGG_CATEGORY}},
	 [ES_SEALED_HEADS_BY_STREAM] = {ES_SEALED_HEADS,
									true,
									false,
									2,
									{HEAD_STREAM_ID, HEAD_SEALED_POSITION}}};

/*
 * What this backend knows of the store; reset by invalidate_store().  The
 * generation tells users of it that it was.
 */
static struct
{
	bool valid;
	bool complete; /* but for tables that were not there */
	uint64 generation;
	Oid sequence;
	Oid tables[ES_NUM_TABLES];
	int column_counts[ES_NUM_TABLES];
	AttrNumber attnums[ES_NUM_TABLES][ES_MAX_COLUMNS];
	int offsets[ES_NUM_TABLES][ES_MAX_COLUMNS]; /* see find_offset() */
	Oid indexes[ES_NUM_INDEXES];
	NameData index_names[ES_NUM_INDEXES];
} store;

/*
 * invalidate_store
 *		Relcache callback: forgets the store when something of it changed.
 */
static void
invalidate_store(Datum arg, Oid relid)
{
	bool concerned = (relid == InvalidOid || relid == store.sequence);

	for (int i = 0; i < ES_NUM_TABLES && !concerned; i++)
		concerned = (relid == store.tables[i]);
	for (int i = 0; i < ES_NUM_INDEXES && !concerned; i++)
		concerned = (relid == store.indexes[i]);
	if (concerned)
	{
		store.complete = false;
		store.generation++;
	}

	/* what it does not have may be there now */
	store.valid = false;
}

/*
 * es_store_init
 *		Called once when the library is loaded.
 */
void
es_store_init(void)
{
	CacheRegisterRelcacheCallback(invalidate_store, (Datum) 0);
}

/*
 * find_relation
 *		OID of a relation of the store's schema, InvalidOid if it is not there
 *		or of another kind.
 */
static Oid
find_relation(const char *name, char relkind)
{
	Oid namespace = get_namespace_oid(ES_SCHEMA, true);
	Oid relid;

	if (!OidIsValid(namespace))
		return InvalidOid;
	relid = get_relname_relid(name, namespace);
	if (!OidIsValid(relid) || get_rel_relkind(relid) != relkind)
		return InvalidOid;
	return relid;
}

/*
 * es_store_exists
 *		Whether create_store() has been called in this database.
 */
bool
es_store_exists(void)
{
	return store.valid ||
		OidIsValid(find_relation(table_shapes[ES_EVENTS].name, RELKIND_RELATION));
}

/*
 * raise_damaged
 *		55000: something that create_store() made is not as it was.
 */
static void
raise_damaged(char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the event store is not as create_store() made it"),
			 errdetail_internal("%s", what),
			 errhint(
				 "Restore what was dropped, renamed or altered. After an update of the extension, event_store.upgrade_store() makes what is new.")));
}

/*
 * key_fits
 *		Whether a column of an index sorts as the column of the table does, and
 *		upwards: owners make indexes of their own, and none is to be taken for
 *		one of the store's.
 *
 * PostgreSQL has one way to sort each of the types, but for text.  To ask for
 * the default one would cost a session half of its first call.
 */
static bool
key_fits(Relation index, int key, Form_pg_attribute att)
{
	return index->rd_index->indkey.values[key] == att->attnum &&
		index->rd_indoption[key] == 0 &&
		index->rd_indcollation[key] == att->attcollation &&
		index->rd_opcintype[key] == att->atttypid &&
		index->rd_opfamily[key] < FirstNormalObjectId &&
		(att->atttypid != TEXTOID ||
		 index->rd_opfamily[key] == TEXT_BTREE_FAM_OID);
}

/*
 * index_fits
 *		Whether an index is a valid, whole-table B-tree with just these keys.
 */
static bool
index_fits(Relation rel, Relation index, const EsIndexShape *shape)
{
	Form_pg_index form = index->rd_index;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisvalid ||
		!form->indimmediate || form->indnkeyatts != shape->nkeys ||
		(shape->unique && !form->indisunique) ||
		RelationGetIndexPredicate(index) != NIL)
		return false;
	for (int i = 0; i < shape->nkeys; i++)
	{
		AttrNumber attnum = store.attnums[shape->table][shape->keys[i]];

		if (!key_fits(index, i, TupleDescAttr(RelationGetDescr(rel), attnum - 1)))
			return false;
	}
	return true;
}

/*
 * find_index
 *		OID and name of the first index of the wanted shape, whatever it is
 *		called.
 */
static Oid
find_index(Relation rel, List *indexes, const EsIndexShape *shape, NameData *name)
{
	ListCell *lc;

	foreach (lc, indexes)
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);
		bool fits = index_fits(rel, index, shape);

		if (fits)
			*name = index->rd_rel->relname;
		index_close(index, AccessShareLock);
		if (fits)
			return lfirst_oid(lc);
	}
	return InvalidOid;
}

/*
 * is_column
 *		Whether a column of a table is as create_store() made it.
 */
static bool
is_column(TupleDesc desc, int i, const EsColumnShape *shape)
{
	Form_pg_attribute att = TupleDescAttr(desc, i);

	return !att->attisdropped &&
		strcmp(NameStr(att->attname), shape->name) == 0 &&
		att->atttypid == shape->type &&
		(es_never_null(desc, i) || shape->optional) && !att->attgenerated &&
		(shape->type != TEXTOID || att->attcollation == C_COLLATION_OID);
}

/*
 * find_column
 *		Number of a column that is as create_store() made it, or
 *		InvalidAttrNumber.
 */
static AttrNumber
find_column(Relation rel, const EsColumnShape *shape)
{
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		if (is_column(desc, i, shape))
			return i + 1;
	}
	return InvalidAttrNumber;
}

/*
 * find_offset
 *		Where in the data of every row a column is; -1 where that differs from row to
 *		row.
 */
static int
find_offset(Relation rel, AttrNumber attnum)
{
	TupleDesc desc = RelationGetDescr(rel);
	int offset = 0;

	for (int i = 0; i < attnum; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attlen <= 0 || !es_never_null(desc, i))
			return -1;
		offset = att_align_nominal(offset, att->attalign);
		if (i + 1 < attnum)
			offset += att->attlen;
	}
	return offset;
}

/*
 * count_columns
 *		Notes how many columns of a table are there.
 */
static void
count_columns(EsTableId table)
{
	int n = table_shapes[table].ncolumns;

	while (n > 0 && store.attnums[table][n - 1] == InvalidAttrNumber)
		n--;
	store.column_counts[table] = n;
}

/*
 * load_columns
 *		Column numbers of one table.
 */
static void
load_columns(EsTableId table, Relation rel)
{
	const EsTableShape *shape = &table_shapes[table];

	for (int i = 0; i < shape->ncolumns; i++)
	{
		AttrNumber attnum = find_column(rel, &shape->columns[i]);

		if (attnum == InvalidAttrNumber && !shape->columns[i].optional)
			raise_damaged(
				psprintf("Column \"%s\" of table \"%s.%s\" is missing or has changed.",
						 shape->columns[i].name, ES_SCHEMA, shape->name));
		store.attnums[table][i] = attnum;
		store.offsets[table][i] = find_offset(rel, attnum);
	}
	count_columns(table);
}

/*
 * load_indexes
 *		Indexes of one table.
 */
static void
load_indexes(EsTableId table, Relation rel)
{
	List *indexes = RelationGetIndexList(rel);

	for (int i = 0; i < ES_NUM_INDEXES; i++)
	{
		const EsIndexShape *shape = &index_shapes[i];

		if (shape->table != table)
			continue;
		store.indexes[i] = find_index(rel, indexes, shape, &store.index_names[i]);
		if (!OidIsValid(store.indexes[i]) && !shape->optional)
			raise_damaged(psprintf("An index of table \"%s.%s\" is missing.",
								   ES_SCHEMA, table_shapes[table].name));
	}
	list_free(indexes);
}

/*
 * open_by_name
 *		Opens a table of the store that the cache does not know yet; NULL when
 *		there is none.
 *
 * Another session may drop the table, and make one of the same name, while this
 * one waits for its lock.
 */
static Relation
open_by_name(EsTableId table)
{
	for (;;)
	{
		Oid relid = find_relation(table_shapes[table].name, RELKIND_RELATION);
		Relation rel;

		if (!OidIsValid(relid))
			return NULL;
		rel = try_table_open(relid, AccessShareLock);
		if (rel != NULL)
			return rel;
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * load_table
 *		Looks up a table, its columns and its indexes.
 *
 * Inheritance would let rows be changed through a parent, past the append-only
 * triggers, and show a child's rows beside the store's.
 */
static void
load_table(EsTableId table)
{
	const char *name = table_shapes[table].name;
	Relation rel = open_by_name(table);

	if (rel == NULL && table >= ES_FIRST_OPTIONAL)
	{
		store.tables[table] = InvalidOid;
		return;
	}
	if (rel == NULL)
		raise_damaged(psprintf("Table \"%s.%s\" is missing.", ES_SCHEMA, name));
	store.tables[table] = RelationGetRelid(rel);
	if (has_superclass(RelationGetRelid(rel)) ||
		find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" of the event store takes part in inheritance",
						ES_SCHEMA, name),
				 errhint(
					 "Undo it with ALTER TABLE ... NO INHERIT or DETACH PARTITION.")));
	load_columns(table, rel);
	load_indexes(table, rel);
	table_close(rel, AccessShareLock);
}

/*
 * raise_no_store
 *		ST002: create_store() has not been called.
 */
static void
raise_no_store(void)
{
	ereport(ERROR,
			(errcode(ES_ERR_NO_STORE),
			 errmsg("there is no event store in database \"%s\"",
					get_database_name(MyDatabaseId)),
			 errdetail("Table \"%s.%s\" does not exist.", ES_SCHEMA,
					   table_shapes[ES_EVENTS].name),
			 errhint("Create it with: SELECT event_store.create_store();")));
}

/*
 * load_hash_chain
 *		A store that has a hash chain has two tables and a column for it; in
 *		another, a column of that name is the owner's own.
 */
static void
load_hash_chain(void)
{
	static const EsTableId tables[] = {ES_HASH_CHAIN, ES_SEALED_HEADS};
	AttrNumber *hash = &store.attnums[ES_EVENTS][EV_HASH];

	if (!OidIsValid(store.tables[ES_HASH_CHAIN]) &&
		!OidIsValid(store.tables[ES_SEALED_HEADS]))
	{
		*hash = InvalidAttrNumber;
		count_columns(ES_EVENTS);
		return;
	}
	for (int i = 0; i < lengthof(tables); i++)
	{
		if (!OidIsValid(store.tables[tables[i]]))
			raise_damaged(psprintf("Table \"%s.%s\" is missing.", ES_SCHEMA,
								   table_shapes[tables[i]].name));
	}
	if (*hash == InvalidAttrNumber)
		raise_damaged(
			psprintf("Column \"%s\" of table \"%s.%s\" is missing or has changed.",
					 table_shapes[ES_EVENTS].columns[EV_HASH].name, ES_SCHEMA,
					 table_shapes[ES_EVENTS].name));
}

/*
 * is_up_to_date
 *		Whether what is known holds, given that nothing of it has changed: unless a
 *		table is there that was not.
 *
 * Invalidations that arrive on the way have the next call look again.
 */
static bool
is_up_to_date(void)
{
	if (!store.complete)
		return false;
	store.valid = true;
	for (int i = ES_FIRST_OPTIONAL; i < ES_NUM_TABLES; i++)
	{
		if (!OidIsValid(store.tables[i]) &&
			OidIsValid(find_relation(table_shapes[i].name, RELKIND_RELATION)))
		{
			store.complete = false;
			store.generation++;
			store.valid = false;
		}
	}
	return store.complete;
}

/*
 * load_store
 *		Fills the cache; raises ST002 when there is no store.
 *
 * If an invalidation arrives on the way, the answer serves the caller, who
 * checks it once the table is locked, and the next one looks everything up
 * again.
 */
static void
load_store(void)
{
	uint64 generation;
	Relation events;

	if (is_up_to_date())
		return;
	AcceptInvalidationMessages();
	generation = store.generation;
	events = open_by_name(ES_EVENTS);
	if (events == NULL)
		raise_no_store();
	for (int i = 0; i < ES_NUM_TABLES; i++)
		load_table(i);
	load_hash_chain();
	store.sequence = find_relation(SEQUENCE_NAME, RELKIND_SEQUENCE);
	if (!OidIsValid(store.sequence))
		raise_damaged(psprintf("Sequence \"%s.%s\" is missing.", ES_SCHEMA,
							   SEQUENCE_NAME));
	table_close(events, AccessShareLock);
	store.complete = store.valid = (generation == store.generation);
}

/*
 * ensure_store
 *		Fills the cache if need be, or raises ST002.
 */
static inline void
ensure_store(void)
{
	if (unlikely(!store.valid))
		load_store();
}

/*
 * es_store_events
 *		OID of the table of events by its name alone, be the store as it may;
 *		raises ST002 when there is none.
 */
Oid
es_store_events(void)
{
	Oid relid = find_relation(table_shapes[ES_EVENTS].name, RELKIND_RELATION);

	if (!OidIsValid(relid))
		raise_no_store();
	return relid;
}

/*
 * es_store_generation
 *		Changes whenever what is known of the store was forgotten.
 */
uint64
es_store_generation(void)
{
	return store.generation;
}

/*
 * es_store_sequence
 *		OID of the sequence of global positions.
 */
Oid
es_store_sequence(void)
{
	ensure_store();
	return store.sequence;
}

/*
 * es_store_index
 *		OID of an index of the store; InvalidOid for an optional one that is
 *		not there.
 */
Oid
es_store_index(EsIndexId index)
{
	ensure_store();
	return store.indexes[index];
}

/*
 * es_store_index_name
 *		Name of an index as this backend knows it, which looks nothing up and so
 *		may be asked for while an error is handled.
 */
const char *
es_store_index_name(EsIndexId index)
{
	return NameStr(store.index_names[index]);
}

/*
 * es_store_column_count
 *		How many columns of a table are the store's; those that an optional one
 *		would make more come last.
 */
int
es_store_column_count(EsTableId table)
{
	ensure_store();
	return store.column_counts[table];
}

/*
 * es_store_attnum
 *		Number of a column of a table of the store.
 */
AttrNumber
es_store_attnum(EsTableId table, int column)
{
	ensure_store();
	return store.attnums[table][column];
}

/*
 * es_column
 *		A column of a row of the store; none of them is ever null.
 */
Datum
es_column(TupleTableSlot *slot, EsTableId table, int column)
{
	bool isnull;
	Datum value = slot_getattr(slot, es_store_attnum(table, column), &isnull);

	if (unlikely(isnull))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("column \"%s\" of table \"%s.%s\" is null",
						table_shapes[table].columns[column].name, ES_SCHEMA,
						table_shapes[table].name)));
	return value;
}

/*
 * es_store_offset
 *		Where in the data of every row that has it a column is; -1 where that differs.
 */
int
es_store_offset(EsTableId table, int column)
{
	ensure_store();
	return store.offsets[table][column];
}

/*
 * es_bigint_column
 *		A column that is a bigint, read where it is in the row, without what is before it.
 */
int64
es_bigint_column(TupleTableSlot *slot, EsTableId table, int column)
{
	AttrNumber attnum = es_store_attnum(table, column);
	int offset = store.offsets[table][column];

	if (likely(offset >= 0 && TTS_IS_BUFFERTUPLE(slot)))
	{
		HeapTupleHeader row =
			((BufferHeapTupleTableSlot *) slot)->base.tuple->t_data;

		if (likely(HeapTupleHeaderGetNatts(row) >= attnum))
			return *(int64 *) ((char *) row + row->t_hoff + offset);
	}
	return DatumGetInt64(es_column(slot, table, column));
}

/*
 * es_optional_column
 *		A column of a row of the store that may be null, or missing.
 */
Datum
es_optional_column(TupleTableSlot *slot, EsTableId table, int column, bool *isnull)
{
	AttrNumber attnum = es_store_attnum(table, column);

	*isnull = true;
	return attnum == InvalidAttrNumber ? (Datum) 0
									   : slot_getattr(slot, attnum, isnull);
}

/*
 * es_store_has
 *		Whether the store has a table that older releases did not make.
 */
bool
es_store_has(EsTableId table)
{
	ensure_store();
	return OidIsValid(store.tables[table]);
}

/*
 * refuse_row_security
 *		The calls see whole tables or nothing.
 */
static void
refuse_row_security(Relation rel)
{
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row-level security on table \"%s\" is not supported by the event store",
						RelationGetRelationName(rel)),
				 errhint("Disable it with: ALTER TABLE event_store.%s DISABLE ROW LEVEL SECURITY;",
						 RelationGetRelationName(rel))));
}

/*
 * lock_cached
 *		Locks a relation that is cached, for a resource owner, and returns its
 *		OID; starts over when the lock shows that it is another.
 *
 * Only the lock is booked to that owner: whatever else is opened on the way is
 * the current one's, who is there to clean up after an error.
 */
static Oid
lock_cached(const Oid *cached, LOCKMODE lockmode, ResourceOwner owner)
{
	ResourceOwner current = CurrentResourceOwner;

	for (;;)
	{
		Oid relid;

		ensure_store();
		relid = *cached;
		CurrentResourceOwner = owner;
		LockRelationOid(relid, lockmode);
		CurrentResourceOwner = current;
		ensure_store();
		if (likely(*cached == relid))
			return relid;
		CurrentResourceOwner = owner;
		UnlockRelationOid(relid, lockmode);
		CurrentResourceOwner = current;
	}
}

/*
 * es_store_lock
 *		Locks a table of the store, for a resource owner, and returns its OID.
 *		Raises ST002 when there is no store.
 */
Oid
es_store_lock(EsTableId table, LOCKMODE lockmode, ResourceOwner owner)
{
	return lock_cached(&store.tables[table], lockmode, owner);
}

/*
 * es_store_open_locked
 *		Opens a table of the store that es_store_lock() has locked.
 */
Relation
es_store_open_locked(Oid relid)
{
	Relation rel = table_open(relid, NoLock);

	if (unlikely(rel->rd_rel->relrowsecurity))
		refuse_row_security(rel);
	return rel;
}

/*
 * es_store_open
 *		Opens a table of the store under a lock, which belongs to the current
 *		resource owner.  Raises ST002 when there is no store.
 */
Relation
es_store_open(EsTableId table, LOCKMODE lockmode)
{
	return es_store_open_locked(
		es_store_lock(table, lockmode, CurrentResourceOwner));
}

/*
 * es_store_lock_sequence
 *		Locks the sequence of global positions as es_store_lock() does a table.
 */
Oid
es_store_lock_sequence(LOCKMODE lockmode, ResourceOwner owner)
{
	return lock_cached(&store.sequence, lockmode, owner);
}

/*
 * es_store_open_sequence
 *		Opens the sequence of global positions as es_store_open() does a table.
 */
Relation
es_store_open_sequence(LOCKMODE lockmode)
{
	return relation_open(es_store_lock_sequence(lockmode, CurrentResourceOwner),
						 NoLock);
}

/*
 * es_store_owner
 *		Owner of a table.
 */
Oid
es_store_owner(EsTableId table)
{
	Relation rel = es_store_open(table, AccessShareLock);
	Oid owner = rel->rd_rel->relowner;

	table_close(rel, NoLock);
	return owner;
}

/*
 * es_store_open_index
 *		Opens an index of the store; its table must be open.
 */
Relation
es_store_open_index(EsIndexId index, LOCKMODE lockmode)
{
	return index_open(es_store_index(index), lockmode);
}
