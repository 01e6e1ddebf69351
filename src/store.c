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
 * create_store() works afterwards.
 *
 * A relation found in the cache may be gone by the time it is locked.
 * es_store_open() therefore locks first, which processes pending
 * invalidations, and starts over when the cache has moved on.
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
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "errors.h"
#include "store.h"

#define SEQUENCE_NAME "events_global_position_seq"

/* What a table is called and which columns of it the code uses. */
typedef struct EsTableShape
{
	const char *name;
	int ncolumns;
	const char *columns[ES_MAX_COLUMNS];
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

static const EsTableShape table_shapes[ES_NUM_TABLES] =
	{[ES_CATEGORIES] = {"categories", CAT_NUM_COLUMNS, {"category_id", "category"}},
	 [ES_STREAMS] = {"streams",
					 STR_NUM_COLUMNS,
					 {"stream_id", "category_id", "base_version", "created_at",
					  "stream"}},
	 [ES_EVENTS] = {"events",
					EV_NUM_COLUMNS,
					{"global_position", "stream_id", "version", "category_id",
					 "recorded_at", "schema_version", "event_id", "type",
					 "data", "metadata"}},
	 [ES_SNAPSHOTS] = {"snapshots",
					   SNAP_NUM_COLUMNS,
					   {"stream_id", "version", "state_version", "created_at",
						"state"}}};

static const EsIndexShape index_shapes[ES_NUM_INDEXES] =
	{[ES_CATEGORIES_BY_NAME] = {ES_CATEGORIES, true, false, 1, {CAT_CATEGORY}},
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
								   SNAP_STATE_VERSION}}};

/*
 * What this backend knows of the store; reset by invalidate_store().  The
 * generation tells users of it that it was.
 */
static struct
{
	bool valid;
	uint64 generation;
	Oid sequence;
	Oid tables[ES_NUM_TABLES];
	AttrNumber attnums[ES_NUM_TABLES][ES_MAX_COLUMNS];
	Oid indexes[ES_NUM_INDEXES];
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
		store.valid = false;
		store.generation++;
	}
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
 *		A table of the store lacks something that create_store() gave it.
 */
static void
raise_damaged(const char *what, const char *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the event store lacks %s", what),
			 errdetail("Table \"%s.%s\" is not as create_store() made it.",
					   ES_SCHEMA, table),
			 errhint("Restore what was dropped or renamed.")));
}

/*
 * index_fits
 *		Whether a valid, whole-table index has just these keys.
 */
static bool
index_fits(HeapTuple tuple, const EsIndexShape *shape)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);

	if (!index->indisvalid || !index->indimmediate ||
		index->indnkeyatts != shape->nkeys ||
		(shape->unique && !index->indisunique) ||
		!heap_attisnull(tuple, Anum_pg_index_indpred, NULL))
		return false;
	for (int i = 0; i < shape->nkeys; i++)
	{
		if (index->indkey.values[i] != store.attnums[shape->table][shape->keys[i]])
			return false;
	}
	return true;
}

/*
 * find_index
 *		OID of the first index of the wanted shape, whatever its name.
 */
static Oid
find_index(List *indexes, const EsIndexShape *shape)
{
	ListCell *lc;

	foreach (lc, indexes)
	{
		Oid relid = lfirst_oid(lc);
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(relid));
		bool fits;

		if (!HeapTupleIsValid(tuple))
			continue;
		fits = index_fits(tuple, shape);
		ReleaseSysCache(tuple);
		if (fits)
			return relid;
	}
	return InvalidOid;
}

/*
 * load_columns
 *		Column numbers of one table.
 */
static void
load_columns(EsTableId table)
{
	const EsTableShape *shape = &table_shapes[table];

	for (int i = 0; i < shape->ncolumns; i++)
	{
		AttrNumber attnum = get_attnum(store.tables[table], shape->columns[i]);

		if (attnum == InvalidAttrNumber)
			raise_damaged(psprintf("column \"%s\"", shape->columns[i]),
						  shape->name);
		store.attnums[table][i] = attnum;
	}
}

/*
 * load_indexes
 *		Indexes of one table, which is opened for it.
 */
static void
load_indexes(EsTableId table)
{
	Relation rel = table_open(store.tables[table], AccessShareLock);
	List *indexes = RelationGetIndexList(rel);

	for (int i = 0; i < ES_NUM_INDEXES; i++)
	{
		const EsIndexShape *shape = &index_shapes[i];

		if (shape->table != table)
			continue;
		store.indexes[i] = find_index(indexes, shape);
		if (!OidIsValid(store.indexes[i]) && !shape->optional)
			raise_damaged("an index that it reads by", table_shapes[table].name);
	}
	list_free(indexes);
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
 * load_tables
 *		Looks up the tables and their columns; raises ST002 when there is no
 *		store.
 */
static void
load_tables(void)
{
	if (!OidIsValid(find_relation(table_shapes[ES_EVENTS].name, RELKIND_RELATION)))
		raise_no_store();
	for (int i = 0; i < ES_NUM_TABLES; i++)
	{
		store.tables[i] = find_relation(table_shapes[i].name, RELKIND_RELATION);
		if (!OidIsValid(store.tables[i]))
			raise_damaged(psprintf("table \"%s\"", table_shapes[i].name),
						  table_shapes[i].name);
		load_columns(i);
	}
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

	AcceptInvalidationMessages();
	generation = store.generation;
	load_tables();
	store.sequence = find_relation(SEQUENCE_NAME, RELKIND_SEQUENCE);
	if (!OidIsValid(store.sequence))
		raise_damaged("its sequence \"" SEQUENCE_NAME "\"",
					  table_shapes[ES_EVENTS].name);
	for (int i = 0; i < ES_NUM_TABLES; i++)
		load_indexes(i);
	store.valid = (generation == store.generation);
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
 * es_store_table
 *		OID of a table of the store, which may be gone before it is locked.
 */
Oid
es_store_table(EsTableId table)
{
	ensure_store();
	return store.tables[table];
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
 *		Locks a relation that is cached, for the current resource owner, and
 *		returns its OID; starts over when the lock shows that it is another.
 */
static Oid
lock_cached(const Oid *cached, LOCKMODE lockmode)
{
	for (;;)
	{
		Oid relid;

		ensure_store();
		relid = *cached;
		LockRelationOid(relid, lockmode);
		ensure_store();
		if (likely(*cached == relid))
			return relid;
		UnlockRelationOid(relid, lockmode);
	}
}

/*
 * es_store_open
 *		Opens a table of the store under a lock, which belongs to the current
 *		resource owner.  Raises ST002 when there is no store.
 */
Relation
es_store_open(EsTableId table, LOCKMODE lockmode)
{
	Relation rel =
		table_open(lock_cached(&store.tables[table], lockmode), NoLock);

	if (unlikely(rel->rd_rel->relrowsecurity))
		refuse_row_security(rel);
	return rel;
}

/*
 * es_store_open_sequence
 *		Opens the sequence of global positions as es_store_open() does a table.
 */
Relation
es_store_open_sequence(LOCKMODE lockmode)
{
	return relation_open(lock_cached(&store.sequence, lockmode), NoLock);
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
