/*-------------------------------------------------------------------------
 *
 * write.c
 *	  Inserting rows into the store's tables.
 *
 * Every row that the store adds goes through here, and gets what an INSERT
 * gives it: defaults of columns that the owner added, generated columns,
 * constraints, index entries (deferred unique constraints, too), row and
 * statement triggers, and transition tables.  Rules and privileges are passed
 * by: whoever may execute the call may do what it does.
 *
 * Rows are gathered and written many at once, as COPY does, unless a BEFORE
 * ROW trigger would see the difference.  Such a trigger may change what an
 * event says but not what it is: an id, a version or a position that it
 * changes, or a row that it drops, is an error.
 *
 * For a table that has nothing of the owner's but AFTER ROW triggers all of this
 * comes down to the row, its index entries, and those; see plain_table.c.
 *
 * The table must be open and locked in ROW EXCLUSIVE mode.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/write.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "check.h"
#include "compat.h"
#include "fault.h"
#include "hash_chain.h"
#include "plain_table.h"
#include "write.h"

/* How many bytes are gathered before they are written; COPY's figure, too. */
#define MAX_GATHERED_BYTES 65535

/* Columns that a BEFORE ROW trigger must leave alone: the first of a table. */
static const int key_columns[ES_NUM_TABLES] = {
	[ES_CATEGORIES] = CAT_NUM_COLUMNS,
	[ES_STREAMS] = STR_NUM_COLUMNS,
	[ES_EVENTS] = EV_EVENT_ID + 1, /* with a hash chain all of them */
	[ES_SEALED_HEADS] = HEAD_NUM_COLUMNS,
};

struct EsWriter
{
	EsTableId table;
	Relation rel;
	EsPlainTable *plain; /* NULL for a table that is not plain */
	EState *estate;
	ResultRelInfo *rri;
	TransitionCaptureState *transition_capture;
	CommandId cid;
	bool row_by_row;  /* there is a BEFORE ROW trigger */
	bool fires_after; /* and there may be AFTER triggers */

	/* columns that are not the store's, by attribute number less one */
	ExprState **defaults; /* NULL where it is null */
	bool *ours;

	/* rows that wait to be written */
	int nslots; /* made so far */
	int nrows;
	Size nbytes;
	TupleTableSlot **slots;
};

/*
 * null_of_domain
 *		For a column of a domain, the null that it gets without a default: an
 *		expression, since the domain may refuse it; NULL for other columns.
 */
static Expr *
null_of_domain(Form_pg_attribute att)
{
	int32 typmod = att->atttypmod;
	Oid base_type;
	Const *null;

	if (get_typtype(att->atttypid) != TYPTYPE_DOMAIN)
		return NULL;
	base_type = getBaseTypeAndTypmod(att->atttypid, &typmod);
	null = makeConst(base_type, typmod, att->attcollation, att->attlen,
					 (Datum) 0, true, att->attbyval);
	return (Expr *) coerce_to_domain((Node *) null, base_type, typmod,
									 att->atttypid, COERCION_IMPLICIT,
									 COERCE_IMPLICIT_CAST, -1, false);
}

/*
 * prepare_columns
 *		Tells the store's columns from the others and compiles the defaults of
 *		those.
 */
static void
prepare_columns(EsWriter *writer, int ncolumns)
{
	TupleDesc desc = RelationGetDescr(writer->rel);

	writer->ours = palloc0(desc->natts * sizeof(bool));
	writer->defaults = palloc0(desc->natts * sizeof(ExprState *));
	for (int col = 0; col < ncolumns; col++)
		writer->ours[es_store_attnum(writer->table, col) - 1] = true;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Expr *expr;

		if (writer->ours[i] || att->attisdropped || att->attgenerated)
			continue;
		expr = (Expr *) build_column_default(writer->rel, i + 1);
		if (expr == NULL)
			expr = null_of_domain(att);
		if (expr != NULL)
			writer->defaults[i] = ExecInitExpr(expression_planner(expr), NULL);
	}
}

/*
 * begin_plain
 *		Starts inserting into a plain table.
 */
static EsWriter *
begin_plain(EsTableId table, Relation rel, EsPlainTable *plain)
{
	EsWriter *writer = palloc0(sizeof(EsWriter));

	writer->table = table;
	writer->rel = rel;
	writer->plain = plain;
	writer->estate = es_plain_state(plain);
	writer->rri = es_plain_target(plain);
	writer->slots = es_plain_slots(plain);
	writer->cid = GetCurrentCommandId(true);
	writer->estate->es_output_cid = writer->cid;
	writer->fires_after = es_plain_has_triggers(plain);
	if (writer->fires_after)
		AfterTriggerBeginQuery();
	return writer;
}

/*
 * begin_any
 *		Starts inserting into any table: opens its indexes and fires BEFORE
 *		STATEMENT triggers.
 */
static EsWriter *
begin_any(EsTableId table, Relation rel)
{
	EState *estate = CreateExecutorState();
	MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
	EsWriter *writer = palloc0(sizeof(EsWriter));
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = RowExclusiveLock;
	es_init_range_table(estate, rte);
	estate->es_output_cid = GetCurrentCommandId(true);

	writer->table = table;
	writer->rel = rel;
	writer->estate = estate;
	writer->cid = estate->es_output_cid;
	writer->rri = makeNode(ResultRelInfo);
	ExecInitResultRelation(estate, writer->rri, 1);
	ExecOpenIndices(writer->rri, false);
	writer->row_by_row = writer->rri->ri_TrigDesc != NULL &&
		writer->rri->ri_TrigDesc->trig_insert_before_row;
	writer->slots = palloc(ES_MAX_GATHERED_ROWS * sizeof(TupleTableSlot *));
	prepare_columns(writer, es_store_column_count(table));

	writer->fires_after = true;
	AfterTriggerBeginQuery();
	writer->transition_capture =
		MakeTransitionCaptureState(rel->trigdesc, RelationGetRelid(rel),
								   CMD_INSERT);
	ExecBSInsertTriggers(estate, writer->rri);
	MemoryContextSwitchTo(caller);
	return writer;
}

/*
 * es_write_begin
 *		Starts inserting into a table.
 *
 * The writer lives in the current memory context until es_write_end().  After an
 * error its clean-up frees all of it, but for what is kept of a plain table.
 */
EsWriter *
es_write_begin(EsTableId table, Relation rel)
{
	EsPlainTable *plain = es_plain_open(table, rel);
	EsWriter *writer =
		plain != NULL ? begin_plain(table, rel, plain) : begin_any(table, rel);

	ES_FAULT_POINT_OF(RelationGetRelationName(rel), "writing begun");
	return writer;
}

/*
 * finish_row
 *		Index entries and AFTER ROW triggers of a row that was written.
 */
static void
finish_row(EsWriter *writer, TupleTableSlot *slot)
{
	List *recheck = NIL;

	if (writer->rri->ri_NumIndices > 0)
		recheck = es_insert_index_tuples(writer->rri, slot, writer->estate);
	if (writer->fires_after)
		ExecARInsertTriggers(writer->estate, writer->rri, slot, recheck,
							 writer->transition_capture);
	list_free(recheck);
	ResetPerTupleExprContext(writer->estate);
}

/*
 * flush_rows
 *		Writes the rows that were gathered.
 */
static void
flush_rows(EsWriter *writer)
{
	MemoryContext caller;

	if (writer->nrows == 0)
		return;

	/* a table access method may leak in these calls */
	caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(writer->estate));
	if (writer->nrows == 1)
		table_tuple_insert(writer->rel, writer->slots[0], writer->cid, 0, NULL);
	else
		table_multi_insert(writer->rel, writer->slots, writer->nrows,
						   writer->cid, 0, NULL);

	/* of a plain table only index entries follow, each row's memory freed */
	if (writer->plain == NULL)
		MemoryContextSwitchTo(writer->estate->es_query_cxt);
	ES_FAULT_POINT_OF(RelationGetRelationName(writer->rel), "rows written");

	for (int i = 0; i < writer->nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		finish_row(writer, writer->slots[i]);
		ES_FAULT_POINT_OF(RelationGetRelationName(writer->rel), "row indexed");
		ExecClearTuple(writer->slots[i]);
	}
	MemoryContextSwitchTo(caller);
	writer->nrows = 0;
	writer->nbytes = 0;
}

/*
 * next_slot
 *		An empty slot for the next row.
 */
static TupleTableSlot *
next_slot(EsWriter *writer)
{
	if (writer->plain != NULL)
		es_plain_need_slot(writer->plain, writer->nrows);
	else if (writer->nrows == writer->nslots)
		writer->slots[writer->nslots++] =
			table_slot_create(writer->rel, &writer->estate->es_tupleTable);
	return ExecClearTuple(writer->slots[writer->nrows]);
}

/*
 * fill_defaults
 *		Puts the defaults of columns that are not the store's into a slot.
 */
static void
fill_defaults(EsWriter *writer, TupleTableSlot *slot)
{
	ExprContext *econtext = GetPerTupleExprContext(writer->estate);

	for (int i = 0; i < RelationGetDescr(writer->rel)->natts; i++)
	{
		slot->tts_values[i] = (Datum) 0;
		slot->tts_isnull[i] = !writer->ours[i];
		if (writer->defaults[i] != NULL)
			slot->tts_values[i] =
				ExecEvalExprSwitchContext(writer->defaults[i], econtext,
										  &slot->tts_isnull[i]);
	}
}

/*
 * fill_slot
 *		Puts a row into a slot.
 */
static void
fill_slot(EsWriter *writer, TupleTableSlot *slot, const Datum *values)
{
	TupleDesc desc = RelationGetDescr(writer->rel);
	int ncolumns = es_store_column_count(writer->table);

	if (writer->plain == NULL)
		fill_defaults(writer, slot);
	for (int col = 0; col < ncolumns; col++)
	{
		int i = es_store_attnum(writer->table, col) - 1;

		slot->tts_values[i] = values[col];
		slot->tts_isnull[i] = false;
		if (TupleDescAttr(desc, i)->attlen == -1)
			writer->nbytes += VARSIZE_ANY(DatumGetPointer(values[col]));
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(writer->rel);
}

/*
 * check_keys
 *		Raises 09000 when a BEFORE ROW trigger has changed what a row is.
 */
static void
check_keys(EsWriter *writer, TupleTableSlot *slot, const Datum *values)
{
	int n = writer->table == ES_EVENTS && es_has_hash_chain()
		? es_store_column_count(ES_EVENTS)
		: key_columns[writer->table];

	for (int col = 0; col < n; col++)
	{
		AttrNumber attnum = es_store_attnum(writer->table, col);
		Form_pg_attribute att =
			TupleDescAttr(RelationGetDescr(writer->rel), attnum - 1);
		bool isnull;
		Datum value = slot_getattr(slot, attnum, &isnull);

		if (isnull ||
			!datum_image_eq(value, values[col], att->attbyval, att->attlen))
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
					 errmsg("a BEFORE ROW trigger on \"%s\" changed column \"%s\"",
							RelationGetRelationName(writer->rel),
							NameStr(att->attname)),
					 n < es_store_column_count(writer->table)
						 ? errhint("A trigger may change an event's type, data and metadata only.")
						 : errhint("A trigger may change nothing of such a row.")));
	}
}

/*
 * check_content
 *		Checks the type and the data that BEFORE ROW triggers left as those of a
 *		caller are checked.  A null is found by the constraints.
 */
static void
check_content(TupleTableSlot *slot)
{
	bool isnull;
	Datum value;

	value = slot_getattr(slot, es_store_attnum(ES_EVENTS, EV_TYPE), &isnull);
	if (!isnull)
		es_check_type(DatumGetTextPP(value), NULL);
	value = slot_getattr(slot, es_store_attnum(ES_EVENTS, EV_DATA), &isnull);
	if (!isnull)
		es_check_data(value, "event data", NULL);
}

/*
 * fire_before_row
 *		Fires the BEFORE ROW triggers; a row they drop is an error.
 */
static void
fire_before_row(EsWriter *writer, TupleTableSlot *slot, const Datum *values)
{
	if (!ExecBRInsertTriggers(writer->estate, writer->rri, slot))
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("a BEFORE ROW trigger on \"%s\" dropped a row",
						RelationGetRelationName(writer->rel)),
				 errhint("Raise an error in the trigger to refuse an append.")));
	check_keys(writer, slot, values);
	if (writer->table == ES_EVENTS)
		check_content(slot);
}

/*
 * check_row
 *		Fires the BEFORE ROW triggers and checks constraints, of a table that may
 *		have some.
 */
static void
check_row(EsWriter *writer, TupleTableSlot *slot, const Datum *values)
{
	TupleConstr *constr = RelationGetDescr(writer->rel)->constr;

	if (writer->row_by_row)
		fire_before_row(writer, slot, values);
	if (constr == NULL)
		return;
	if (constr->has_generated_stored)
		ExecComputeStoredGenerated(writer->rri, writer->estate, slot, CMD_INSERT);
	ExecConstraints(writer->rri, slot, writer->estate);
}

/*
 * es_write_row
 *		Inserts a row, or gathers it to be inserted with others; the values
 *		are those of the table's column enum, none of them null, and are
 *		copied.
 */
void
es_write_row(EsWriter *writer, const Datum *values)
{
	MemoryContext caller = MemoryContextSwitchTo(writer->estate->es_query_cxt);
	TupleTableSlot *slot = next_slot(writer);

	fill_slot(writer, slot, values);
	if (writer->plain == NULL)
		check_row(writer, slot, values);
	ExecMaterializeSlot(slot);
	ResetPerTupleExprContext(writer->estate);

	ES_FAULT_POINT_OF(RelationGetRelationName(writer->rel), "row gathered");
	writer->nrows++;
	if (writer->row_by_row || writer->nrows == ES_MAX_GATHERED_ROWS ||
		writer->nbytes > MAX_GATHERED_BYTES)
		flush_rows(writer);
	MemoryContextSwitchTo(caller);
}

/*
 * es_write_flush
 *		Writes the rows that are left.  Only AFTER triggers are still to come.
 */
void
es_write_flush(EsWriter *writer)
{
	MemoryContext caller = MemoryContextSwitchTo(writer->estate->es_query_cxt);

	flush_rows(writer);
	MemoryContextSwitchTo(caller);
}

/*
 * end_any
 *		Fires the AFTER triggers that are due.
 */
static void
end_any(EsWriter *writer)
{
	EState *estate = writer->estate;
	MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);

	ExecASInsertTriggers(estate, writer->rri, writer->transition_capture);
	AfterTriggerEndQuery(estate);

	ExecResetTupleTable(estate->es_tupleTable, false);
	ExecCloseResultRelations(estate);
	ExecCloseRangeTableRelations(estate);
	MemoryContextSwitchTo(caller);
	FreeExecutorState(estate);
}

/*
 * end_plain
 *		Fires the triggers that are due, and leaves what is kept for the next
 *		call.
 */
static void
end_plain(EsWriter *writer)
{
	if (writer->fires_after)
		es_plain_fire(writer->plain);
	es_plain_close(writer->plain);
	pfree(writer);
}

/*
 * es_write_end
 *		Writes what is left, fires the AFTER triggers that are due, and frees
 *		the writer.
 */
void
es_write_end(EsWriter *writer)
{
	es_write_flush(writer);
	ES_FAULT_POINT_OF(RelationGetRelationName(writer->rel), "rows finished");
	if (writer->plain != NULL)
		end_plain(writer);
	else
		end_any(writer);
}
