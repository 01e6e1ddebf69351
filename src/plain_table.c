/*-------------------------------------------------------------------------
 *
 * plain_table.c
 *	  What is kept for inserting into a table that is just as it was made.
 *
 * A plain table of the store has no columns but the store's, no CHECK, no
 * indexes but B-trees on columns that PostgreSQL itself can compare, and no
 * triggers on insert but AFTER ROW ones without a condition, which run once all
 * rows are written.  Then writing the rows runs nothing of the owner's, computes
 * nothing and refuses nothing but a duplicate key, and all that the executor is
 * told about the table can be kept from call to call: half of what it costs to
 * insert one row is to find that out.
 *
 * What is kept is dropped when the table or one of its indexes changes in any
 * way, and with triggers also when any function does.  Only the indexes
 * themselves are opened by each call, which locks them as an INSERT does; if
 * that shows that something has changed, this call goes the general way, and the
 * next finds it out anew.  An index that is about to go cannot be gone: whoever
 * drops it waits for those who hold the table's lock.
 *
 * Since nothing of anybody else's runs while rows are written, that never
 * happens inside of another insert into the same table.  So what an error leaves
 * behind is cleared by the next one that begins.  While triggers run, which may
 * append, what is kept is busy, and such an insert goes the general way.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/plain_table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "fault.h"
#include "plain_table.h"
#include "write.h"

/* A table with more indexes is not plain. */
#define MAX_INDEXES 16

/* Slots that are kept; a larger batch makes more for itself. */
#define MAX_KEPT_SLOTS 16

/*
 * One for each table of the store.  What it says counts once the table was
 * looked at to the end without an error, and as long as forget_table() has not
 * reset valid, which it does when the table or an index of it changes.
 */
struct EsPlainTable
{
	MemoryContext context;	/* all that is kept; NULL before the first look */
	MemoryContext triggers; /* in it, what triggers' functions keep */
	TupleDesc desc;
	EState *estate;
	ResultRelInfo *target;
	TupleTableSlot **slots;
	Oid table;
	int ncolumns; /* the store's, of which other tables decide, too */
	int nslots;
	int nindexes;
	Oid indexes[MAX_INDEXES];
	bool valid;
	bool complete;
	bool usable;	/* the table is plain */
	bool triggered; /* and has triggers */
	bool busy;		/* which run at the moment */
};

static EsPlainTable plain_tables[ES_NUM_TABLES];

/*
 * concerns
 *		Whether a relation is the table or one of its indexes.
 */
static bool
concerns(const EsPlainTable *plain, Oid relid)
{
	if (relid == InvalidOid || relid == plain->table)
		return true;
	for (int i = 0; i < plain->nindexes; i++)
	{
		if (relid == plain->indexes[i])
			return true;
	}
	return false;
}

/*
 * forget_table
 *		Relcache callback: what is kept of a relation's table is out of date.
 */
static void
forget_table(Datum arg, Oid relid)
{
	for (int i = 0; i < ES_NUM_TABLES; i++)
	{
		if (plain_tables[i].valid && concerns(&plain_tables[i], relid))
			plain_tables[i].valid = false;
	}
}

/*
 * forget_triggered
 *		Syscache callback: some function or language may have changed, and be a
 *		trigger's.
 */
static void
forget_triggered(Datum arg, int cache, uint32 hash)
{
	for (int i = 0; i < ES_NUM_TABLES; i++)
	{
		if (plain_tables[i].triggered)
			plain_tables[i].valid = false;
	}
}

/*
 * es_plain_tables_init
 *		Called once when the library is loaded.
 */
void
es_plain_tables_init(void)
{
	CacheRegisterRelcacheCallback(forget_table, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, forget_triggered, (Datum) 0);
	CacheRegisterSyscacheCallback(LANGOID, forget_triggered, (Datum) 0);
}

/*
 * has_plain_triggers
 *		Whether an insert fires no triggers of a table, or none but AFTER ROW
 *		ones without a condition.
 */
static bool
has_plain_triggers(const TriggerDesc *triggers)
{
	if (triggers == NULL)
		return true;
	if (triggers->trig_insert_before_row || triggers->trig_insert_instead_row ||
		triggers->trig_insert_before_statement ||
		triggers->trig_insert_after_statement || triggers->trig_insert_new_table)
		return false;
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		if (TRIGGER_FOR_INSERT(triggers->triggers[i].tgtype) &&
			triggers->triggers[i].tgqual != NULL)
			return false;
	}
	return true;
}

/*
 * has_plain_columns
 *		Whether a table has just the columns that it was made with, and their
 *		constraints.
 */
static bool
has_plain_columns(Relation rel, int ncolumns)
{
	TupleDesc desc = RelationGetDescr(rel);
	const TupleConstr *constr = desc->constr;

	return desc->natts == ncolumns &&
		(constr == NULL ||
		 (constr->num_check == 0 && !constr->has_generated_stored));
}

/*
 * is_plain_index
 *		Whether an index is a B-tree on columns, checked at once, whose operators
 *		are PostgreSQL's.
 */
static bool
is_plain_index(Relation index)
{
	if (index->rd_rel->relam != BTREE_AM_OID ||
		!index->rd_index->indimmediate || index->rd_index->indisexclusion ||
		RelationGetIndexExpressions(index) != NIL ||
		RelationGetIndexPredicate(index) != NIL)
		return false;
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		if (index->rd_opfamily[i] >= FirstNormalObjectId)
			return false;
	}
	return true;
}

/*
 * note_indexes
 *		Notes the indexes of a table for the executor; returns whether they are
 *		plain ones.
 */
static bool
note_indexes(EsPlainTable *plain, Relation rel)
{
	ResultRelInfo *target = plain->target;
	List *indexes = RelationGetIndexList(rel);
	bool all_plain = list_length(indexes) <= MAX_INDEXES;
	ListCell *lc;

	target->ri_IndexRelationDescs = palloc0(MAX_INDEXES * sizeof(Relation));
	target->ri_IndexRelationInfo = palloc0(MAX_INDEXES * sizeof(IndexInfo *));
	foreach (lc, indexes)
	{
		Relation index;

		if (!all_plain)
			break;
		index = index_open(lfirst_oid(lc), RowExclusiveLock);
		ES_FAULT_POINT_OF(RelationGetRelationName(rel), "index looked at");
		all_plain = is_plain_index(index);
		plain->indexes[plain->nindexes] = lfirst_oid(lc);
		target->ri_IndexRelationInfo[plain->nindexes] = BuildIndexInfo(index);
		plain->nindexes++;
		index_close(index, RowExclusiveLock);
	}
	target->ri_NumIndices = plain->nindexes;
	list_free(indexes);
	return all_plain;
}

/*
 * note_triggers
 *		Notes the triggers of a table for the executor, with a slot for the rows
 *		that they get.
 */
static void
note_triggers(EsPlainTable *plain, Relation rel)
{
	ResultRelInfo *target = plain->target;
	int n;

	plain->triggered =
		rel->trigdesc != NULL && rel->trigdesc->trig_insert_after_row;
	if (!plain->triggered)
		return;
	plain->triggers =
		AllocSetContextCreate(plain->context, "event_store triggers",
							  ALLOCSET_SMALL_SIZES);
	target->ri_TrigDesc = CopyTriggerDesc(rel->trigdesc);
	n = target->ri_TrigDesc->numtriggers;
	target->ri_TrigFunctions = palloc0(n * sizeof(FmgrInfo));
	target->ri_TrigWhenExprs = palloc0(n * sizeof(ExprState *));
	target->ri_TrigOldSlot =
		MakeSingleTupleTableSlot(plain->desc, table_slot_callbacks(rel));
	plain->estate->es_opened_result_relations = list_make1(target);
}

/*
 * keep
 *		Makes what is kept of a table with plain columns; returns whether its
 *		indexes are plain, too.
 */
static bool
keep(EsPlainTable *plain, Relation rel)
{
	MemoryContext caller;
	bool all_plain;

	if (plain->context == NULL)
		plain->context =
			AllocSetContextCreate(CacheMemoryContext, "event_store plain table",
								  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(plain->context);
	caller = MemoryContextSwitchTo(plain->context);
	plain->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	plain->estate = CreateExecutorState();
	plain->target = makeNode(ResultRelInfo);
	plain->target->ri_RangeTableIndex = 1;
	plain->slots = palloc(ES_MAX_GATHERED_ROWS * sizeof(TupleTableSlot *));
	note_triggers(plain, rel);
	all_plain = note_indexes(plain, rel);
	MemoryContextSwitchTo(caller);
	return all_plain;
}

/*
 * look_at
 *		Finds out whether a table is plain, and what there is to keep.
 */
static void
look_at(EsPlainTable *plain, Relation rel, int ncolumns)
{
	plain->complete = false;
	plain->triggered = false;
	plain->table = RelationGetRelid(rel);
	plain->ncolumns = ncolumns;
	plain->nindexes = 0;
	plain->nslots = 0;

	/* a change that arrives from here on is noticed */
	plain->valid = true;
	plain->usable = has_plain_columns(rel, ncolumns) &&
		has_plain_triggers(rel->trigdesc) && keep(plain, rel);
	plain->complete = true;
}

/*
 * open_indexes
 *		Opens and locks the indexes for one call.
 */
static void
open_indexes(EsPlainTable *plain)
{
	for (int i = 0; i < plain->nindexes; i++)
		plain->target->ri_IndexRelationDescs[i] =
			index_open(plain->indexes[i], RowExclusiveLock);
}

/*
 * close_indexes
 *		Closes them again.  Their locks stay to the end of the transaction, as
 *		the table's does: the next call gets them for less, and it costs less to
 *		give them back all at once.
 */
static void
close_indexes(EsPlainTable *plain)
{
	for (int i = 0; i < plain->nindexes; i++)
		index_close(plain->target->ri_IndexRelationDescs[i], NoLock);
}

/*
 * is_known
 *		Whether what is kept is of this table as it is.
 */
static bool
is_known(const EsPlainTable *plain, Relation rel, int ncolumns)
{
	return plain->valid && plain->complete && plain->ncolumns == ncolumns &&
		plain->table == RelationGetRelid(rel);
}

/*
 * es_plain_open
 *		Opens a table's indexes for one call's inserts; NULL when it is not
 *		plain, or changes so fast that it is not known to be, or its triggers are
 *		running.
 *
 * The table must be open and locked in ROW EXCLUSIVE mode.
 */
EsPlainTable *
es_plain_open(EsTableId table, Relation rel)
{
	EsPlainTable *plain = &plain_tables[table];
	int ncolumns = es_store_column_count(table);

	if (plain->busy)
		return NULL;
	if (!is_known(plain, rel, ncolumns))
		look_at(plain, rel, ncolumns);
	if (!plain->valid || !plain->usable)
		return NULL;
	open_indexes(plain);
	if (!plain->valid)
	{
		close_indexes(plain);
		return NULL;
	}
	plain->target->ri_RelationDesc = rel;
	for (int i = 0; i < plain->nslots; i++)
		ExecClearTuple(plain->slots[i]);
	return plain;
}

/*
 * es_plain_target
 *		The table as the executor wants it described.
 */
ResultRelInfo *
es_plain_target(EsPlainTable *plain)
{
	return plain->target;
}

/*
 * es_plain_state
 *		An executor state for nothing but such inserts.
 */
EState *
es_plain_state(EsPlainTable *plain)
{
	return plain->estate;
}

/*
 * es_plain_slots
 *		Slots for the rows of a batch; each has to be asked for in its turn.
 */
TupleTableSlot **
es_plain_slots(EsPlainTable *plain)
{
	return plain->slots;
}

/*
 * es_plain_need_slot
 *		Makes the slot of a row, counted from 0, unless it is there.
 */
void
es_plain_need_slot(EsPlainTable *plain, int row)
{
	const TupleTableSlotOps *ops;
	MemoryContext caller;

	if (likely(row < plain->nslots))
		return;
	Assert(row == plain->nslots && row < ES_MAX_GATHERED_ROWS);
	ops = table_slot_callbacks(plain->target->ri_RelationDesc);
	caller = MemoryContextSwitchTo(plain->context);
	plain->slots[row] = MakeSingleTupleTableSlot(plain->desc, ops);
	plain->nslots++;
	MemoryContextSwitchTo(caller);
}

/*
 * es_plain_has_triggers
 *		Whether the rows are to be queued for triggers.
 */
bool
es_plain_has_triggers(const EsPlainTable *plain)
{
	return plain->triggered;
}

/*
 * close_others
 *		Closes the relations that triggers have queued rows of for us to fire
 *		the triggers of; the slots for these are not kept.
 */
static void
close_others(EsPlainTable *plain)
{
	EState *estate = plain->estate;

	if (likely(estate->es_trig_target_relations == NIL))
		return;
	plain->valid = false;
	estate->es_opened_result_relations = NIL;
	ExecResetTupleTable(estate->es_tupleTable, false);
	ExecCloseResultRelations(estate);
	estate->es_tupleTable = NIL;
	estate->es_trig_target_relations = NIL;
}

/*
 * forget_functions
 *		Forgets the triggers' functions if one of them keeps something from call
 *		to call, which may count on being forgotten when a statement ends.
 */
static void
forget_functions(EsPlainTable *plain)
{
	ResultRelInfo *target = plain->target;
	int n = target->ri_TrigDesc->numtriggers;

	for (int i = 0; i < n; i++)
	{
		if (target->ri_TrigFunctions[i].fn_extra != NULL)
		{
			memset(target->ri_TrigFunctions, 0, n * sizeof(FmgrInfo));
			MemoryContextReset(plain->triggers);
			break;
		}
	}
}

/*
 * es_plain_fire
 *		Fires the triggers that the rows were queued for.
 *
 * After an error the slot of the triggers' rows may hold what the abort gives
 * back, so nothing is used again.
 */
void
es_plain_fire(EsPlainTable *plain)
{
	MemoryContext caller = MemoryContextSwitchTo(plain->triggers);

	plain->busy = true;
	PG_TRY();
	{
		AfterTriggerEndQuery(plain->estate);
		close_others(plain);
		forget_functions(plain);
	}
	PG_CATCH();
	{
		plain->valid = false;
		plain->busy = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	plain->busy = false;
	MemoryContextSwitchTo(caller);
}

/*
 * es_plain_close
 *		Closes the indexes again.
 */
void
es_plain_close(EsPlainTable *plain)
{
	while (plain->nslots > MAX_KEPT_SLOTS)
		ExecDropSingleTupleTableSlot(plain->slots[--plain->nslots]);
	close_indexes(plain);
	plain->target->ri_RelationDesc = NULL;
}
