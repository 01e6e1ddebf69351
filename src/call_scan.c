/*-------------------------------------------------------------------------
 *
 * call_scan.c
 *	  Calls of the store in FROM, row by row.
 *
 * PostgreSQL runs a function in FROM to its end, into a tuplestore, and hands out
 * the rows from there.  For an append this is a good part of the call, for its
 * one row; for a read it is a copy of every row, and the whole result before the
 * first.  So the planner is given another way to run a call of the store: a
 * custom scan, which runs the same code row by row and makes the columns that the
 * query wants and no others.  Who may execute the call, when its arguments are
 * evaluated, how often it is run and that it is counted is as it was.
 *
 * A scan on the inner side of a join is begun anew for each outer row, where a
 * function scan reads its tuplestore again.  So a call is run again when its
 * arguments have changed, and rewound when they have not.  And where a row may be
 * looked at a second time after another session changed it (FOR UPDATE, UPDATE,
 * DELETE, MERGE), what PostgreSQL does about the function is left to it: such
 * queries have the function scan that they always had.
 *
 * A function counts as a call of the store when PostgreSQL would call this
 * library's code for it and nothing around that, such as settings of its own.
 * This is asked when a query is planned; altering the function makes plans be
 * made anew.  The library has to be loaded by then: the first query of a session
 * may have a function scan, which is slower and nothing else.
 *
 * Between two rows the tables and indexes of a read are open, and locked.  The
 * session itself cannot alter them then.  But a cursor that was declared before a
 * savepoint and is first fetched from after it could come to read by what was
 * made in between, and a rollback to the savepoint would take that away under
 * it.  So a call that begins in another subtransaction than its query is run to
 * its end, into a tuplestore.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/call_scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "call_scan.h"
#include "compat.h"

static const EsCallMethods *const calls[] = {
	&es_append_call,	  &es_append_events_call, &es_append_json_call,
	&es_read_stream_call, &es_last_event_call,	  &es_read_category_call,
	&es_read_all_call,
};

/* An argument: a value that is known, or what has to be evaluated. */
typedef struct Argument
{
	ExprState *expr; /* NULL for a value that is known */
	NullableDatum known;
} Argument;

/* A scan of a call, while it is executed. */
typedef struct CallScanState
{
	CustomScanState custom;
	const EsCallMethods *methods;
	FuncExpr *function;
	int narguments;
	Argument *arguments;
	int nwanted;
	AttrNumber *wanted; /* the columns of the scan's slot; 0 is a whole row */

	/* where a whole row is wanted: its type, and all that it is made of */
	TupleDesc type;
	Datum *values;
	bool *nulls;

	MemoryContext context; /* of the call; NULL before the first */
	void *call;			   /* NULL when none runs */

	/* where the query began, and the rows of a call that began elsewhere */
	SubTransactionId began_in;
	Tuplestorestate *rows; /* NULL if they are not kept */
	TupleTableSlot *row;   /* one of them */

	/* what the arguments depend on, once that was asked for */
	bool depends_known;
	Bitmapset *depends;
} CallScanState;

static Node *make_state(CustomScan *scan);
static Plan *make_plan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path,
					   List *tlist, List *clauses, List *plans);
static void begin_scan(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *next_row(CustomScanState *node);
static void end_scan(CustomScanState *node);
static void begin_anew(CustomScanState *node);
static void explain_scan(CustomScanState *node, List *ancestors,
						 ExplainState *es);

static const CustomPathMethods path_methods = {
	.CustomName = "EventStoreCall",
	.PlanCustomPath = make_plan,
};

static const CustomScanMethods scan_methods = {
	.CustomName = "EventStoreCall",
	.CreateCustomScanState = make_state,
};

static const CustomExecMethods exec_methods = {
	.CustomName = "EventStoreCall",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = next_row,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = begin_anew,
	.ExplainCustomScan = explain_scan,
};

/* Who had the hook before; set when the library is loaded. */
static set_rel_pathlist_hook_type outer_hook = NULL;

/* Planning ---------------------------------------------------------------- */

/*
 * find_symbol
 *		Which call of the store has a C function of this name, -1 for none.
 */
static int
find_symbol(const char *symbol)
{
	for (int i = 0; i < lengthof(calls); i++)
	{
		if (strcmp(symbol, calls[i]->symbol) == 0)
			return i;
	}
	return -1;
}

/*
 * find_call
 *		Which call of the store a function is, -1 for none.
 */
static int
find_call(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	int call = -1;
	FmgrInfo found;

	if (!HeapTupleIsValid(tuple))
		return -1;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId)
	{
		bool isnull;
		Datum symbol =
			SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);

		call = find_symbol(TextDatumGetCString(symbol));
	}
	ReleaseSysCache(tuple);
	if (call < 0 || get_typtype(get_func_rettype(function)) != TYPTYPE_COMPOSITE)
		return -1;
	fmgr_info(function, &found);
	return found.fn_addr == calls[call]->function && !found.fn_strict ? call : -1;
}

/*
 * looks_once
 *		Whether a query, and all that it is part of, never looks at a row a second
 *		time after another session changed it.
 */
static bool
looks_once(const PlannerInfo *root)
{
	for (; root != NULL; root = root->parent_root)
	{
		if ((root->parse->commandType != CMD_SELECT &&
			 root->parse->commandType != CMD_INSERT) ||
			root->parse->rowMarks != NIL)
			return false;
	}
	return true;
}

/*
 * called_function
 *		The function of a range table entry that is nothing but one call; NULL
 *		for any other.
 */
static FuncExpr *
called_function(const RangeTblEntry *rte)
{
	const RangeTblFunction *function;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1 ||
		rte->funcordinality)
		return NULL;
	function = linitial_node(RangeTblFunction, rte->functions);
	if (!IsA(function->funcexpr, FuncExpr) || function->funccolnames != NIL ||
		contain_subplans(function->funcexpr))
		return NULL;
	return (FuncExpr *) function->funcexpr;
}

/*
 * replace_path
 *		Plans a relation as a call of the store.
 *
 * What the call itself costs is left out, once as always: PostgreSQL takes
 * whatever is in a custom path for the price of each time that it is begun anew,
 * and for a function scan the reading of its rows only.
 */
static void
replace_path(RelOptInfo *rel, int call)
{
	Path *function_scan = linitial(rel->pathlist);
	CustomPath *path = makeNode(CustomPath);

	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.param_info = function_scan->param_info;
	path->path.rows = function_scan->rows;
	path->path.startup_cost = 0;
	path->path.total_cost =
		function_scan->total_cost - function_scan->startup_cost;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_private = list_make1(makeInteger(call));
	path->methods = &path_methods;
	rel->pathlist = list_make1(path);
}

/*
 * has_function_scan
 *		Whether a relation is to be read by a function scan and nothing else: not
 *		if it is known to be empty, or somebody else has found a way to read it.
 */
static bool
has_function_scan(const RelOptInfo *rel)
{
	return list_length(rel->pathlist) == 1 &&
		((Path *) linitial(rel->pathlist))->pathtype == T_FunctionScan;
}

/*
 * consider_call
 *		Planner hook: what a relation can be read by.
 */
static void
consider_call(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	FuncExpr *function = called_function(rte);
	int call;

	if (outer_hook != NULL)
		outer_hook(root, rel, rti, rte);
	if (function == NULL || rel->reloptkind != RELOPT_BASEREL ||
		!has_function_scan(rel) || !looks_once(root))
		return;
	call = find_call(function->funcid);
	if (call >= 0)
		replace_path(rel, call);
}

/*
 * add_columns
 *		Adds those columns of a relation to a target list that some expressions
 *		are made of.
 */
static List *
add_columns(List *columns, Index rti, List *exprs)
{
	ListCell *lc;

	foreach (lc, pull_var_clause((Node *) exprs, PVC_RECURSE_PLACEHOLDERS))
	{
		Var *var = lfirst_node(Var, lc);

		/* conditions of a join are on columns of others, too */
		if (var->varno == rti && tlist_member((Expr *) var, columns) == NULL)
			columns =
				lappend(columns,
						makeTargetEntry((Expr *) copyObject(var),
										list_length(columns) + 1, NULL, false));
	}
	return columns;
}

/*
 * wanted_columns
 *		The columns that a scan has to give: those of its target list first, as
 *		then they need no projection; those of the path for a target list that
 *		is put in the place of this one later; and those of its conditions.
 */
static List *
wanted_columns(CustomPath *path, List *tlist, List *conditions)
{
	Index rti = path->path.parent->relid;
	List *columns = add_columns(NIL, rti, tlist);

	columns = add_columns(columns, rti, path->path.pathtarget->exprs);
	return add_columns(columns, rti, conditions);
}

/*
 * make_plan
 *		The plan of a call.  The function itself is among the expressions, so
 *		that parameters are put into it, and that altering it undoes the plan.
 */
static Plan *
make_plan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist,
		  List *clauses, List *plans)
{
	FuncExpr *function = called_function(planner_rt_fetch(rel->relid, root));
	CustomScan *scan = makeNode(CustomScan);
	List *conditions = extract_actual_clauses(clauses, false);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = conditions;
	scan->flags = path->flags;
	scan->custom_exprs = list_make1(copyObject(function));
	scan->custom_private = path->custom_private;
	scan->custom_scan_tlist = wanted_columns(path, tlist, conditions);
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

/* Execution --------------------------------------------------------------- */

/*
 * make_state
 *		The state of a scan, as it is before it begins.
 */
static Node *
make_state(CustomScan *scan)
{
	CallScanState *state = palloc0(sizeof(CallScanState));

	NodeSetTag(state, T_CustomScanState);
	state->custom.methods = &exec_methods;
	state->methods = calls[intVal(linitial(scan->custom_private))];
	state->function = linitial_node(FuncExpr, scan->custom_exprs);
	return (Node *) state;
}

/*
 * bound_parameter
 *		The value bound to the statement that an argument is; NULL for another argument.
 *		It stays as it is while the query runs, so it is taken without compiling an
 *		expression for it.  PL/pgSQL works its own out when they are asked for.
 */
static const ParamExternData *
bound_parameter(const ParamListInfoData *params, const Expr *expr)
{
	const Param *param = (const Param *) expr;

	if (params == NULL || params->paramFetch != NULL || !IsA(expr, Param) ||
		param->paramkind != PARAM_EXTERN || param->paramid <= 0 ||
		param->paramid > params->numParams ||
		params->params[param->paramid - 1].ptype != param->paramtype)
		return NULL;
	return &params->params[param->paramid - 1];
}

/*
 * prepare_arguments
 *		Compiles the arguments that are neither constants nor bound to the statement.
 */
static void
prepare_arguments(CallScanState *state)
{
	const ParamListInfoData *params =
		state->custom.ss.ps.state->es_param_list_info;
	ListCell *lc;

	state->arguments =
		palloc0(list_length(state->function->args) * sizeof(Argument));
	foreach (lc, state->function->args)
	{
		Argument *argument = &state->arguments[state->narguments++];
		Expr *expr = lfirst(lc);
		const ParamExternData *bound = bound_parameter(params, expr);

		if (IsA(expr, Const))
		{
			argument->known.value = ((Const *) expr)->constvalue;
			argument->known.isnull = ((Const *) expr)->constisnull;
		}
		else if (bound != NULL)
		{
			argument->known.value = bound->value;
			argument->known.isnull = bound->isnull;
		}
		else
			argument->expr = ExecInitExpr(expr, &state->custom.ss.ps);
	}
}

/*
 * prepare_columns
 *		Notes which attributes of the function's type are wanted.
 */
static void
prepare_columns(CallScanState *state, List *tlist)
{
	bool whole = false;
	ListCell *lc;

	state->wanted = palloc(list_length(tlist) * sizeof(AttrNumber));
	foreach (lc, tlist)
	{
		Var *var = castNode(Var, lfirst_node(TargetEntry, lc)->expr);

		state->wanted[state->nwanted++] = var->varattno;
		whole |= var->varattno == 0;
	}
	if (!whole)
		return;
	state->type =
		lookup_rowtype_tupdesc_copy(state->function->funcresulttype, -1);
	state->values = palloc(state->type->natts * sizeof(Datum));
	state->nulls = palloc(state->type->natts * sizeof(bool));
}

/*
 * begin_scan
 *		Makes a scan ready to run; refuses it to roles that may not execute the
 *		function.
 */
static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
	CallScanState *state = (CallScanState *) node;
	CustomScan *scan = castNode(CustomScan, node->ss.ps.plan);

	if (!es_may_execute(state->function->funcid))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION,
					   get_func_name(state->function->funcid));
	InvokeFunctionExecuteHook(state->function->funcid);
	state->began_in = GetCurrentSubTransactionId();
	prepare_arguments(state);
	prepare_columns(state, scan->custom_scan_tlist);
}

/*
 * evaluate
 *		Fills in the arguments of a call, in its memory context.
 */
static void
evaluate(CallScanState *state, FunctionCallInfo fcinfo)
{
	ExprContext *econtext = state->custom.ss.ps.ps_ExprContext;

	for (int i = 0; i < state->narguments; i++)
	{
		Argument *argument = &state->arguments[i];

		if (argument->expr == NULL)
			fcinfo->args[i] = argument->known;
		else
			fcinfo->args[i].value =
				ExecEvalExpr(argument->expr, econtext, &fcinfo->args[i].isnull);
	}
}

/*
 * begin_call
 *		Begins the call with the attributes that are wanted, or all of them.
 */
static void *
begin_call(CallScanState *state, FunctionCallInfo fcinfo)
{
	Oid type = state->function->funcresulttype;
	AttrNumber *all;

	if (state->type == NULL)
		return state->methods->begin(fcinfo, type, state->wanted, state->nwanted);
	all = palloc(state->type->natts * sizeof(AttrNumber));
	for (int i = 0; i < state->type->natts; i++)
		all[i] = i + 1;
	return state->methods->begin(fcinfo, type, all, state->type->natts);
}

/*
 * start_call
 *		Evaluates the arguments and begins the call.  What track_functions counts
 *		as its time is that of the beginning.
 */
static void
start_call(CallScanState *state)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	FmgrInfo function = {.fn_oid = state->function->funcid,
						 .fn_stats = TRACK_FUNC_PL}; /* as all in C */
	PgStat_FunctionCallUsage usage;
	MemoryContext caller;

	if (state->context == NULL)
		state->context =
			AllocSetContextCreate(state->custom.ss.ps.state->es_query_cxt,
								  "event_store call", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(state->context);
	InitFunctionCallInfoData(*fcinfo, &function, state->narguments, InvalidOid,
							 NULL, NULL);
	evaluate(state, fcinfo);
	pgstat_init_function_usage(fcinfo, &usage);
	state->call = begin_call(state, fcinfo);
	pgstat_end_function_usage(&usage, true);
	MemoryContextSwitchTo(caller);
}

/*
 * finish_call
 *		Ends the call, if one runs, and frees its memory.
 */
static void
finish_call(CallScanState *state)
{
	MemoryContext caller;

	ExecClearTuple(state->custom.ss.ss_ScanTupleSlot);
	if (state->call == NULL)
		return;
	if (state->rows != NULL)
	{
		ExecClearTuple(state->row);
		tuplestore_end(state->rows);
		state->rows = NULL;
	}
	else
	{
		caller = MemoryContextSwitchTo(state->context);
		state->methods->end(state->call);
		MemoryContextSwitchTo(caller);
	}
	MemoryContextReset(state->context);
	state->call = NULL;
}

/*
 * fill_from_row
 *		Fills the scan's slot from a row all of whose attributes are at hand.
 */
static void
fill_from_row(CallScanState *state, TupleTableSlot *slot)
{
	for (int i = 0; i < state->nwanted; i++)
	{
		AttrNumber attribute = state->wanted[i];

		if (attribute == 0)
		{
			slot->tts_values[i] = HeapTupleGetDatum(
				heap_form_tuple(state->type, state->values, state->nulls));
			slot->tts_isnull[i] = false;
		}
		else
		{
			slot->tts_values[i] = state->values[attribute - 1];
			slot->tts_isnull[i] = state->nulls[attribute - 1];
		}
	}
}

/*
 * fill_slot
 *		Puts the next row of the call into the scan's empty slot; false at the
 *		end.
 */
static bool
fill_slot(CallScanState *state, TupleTableSlot *slot)
{
	if (state->type == NULL)
		return state->methods->next(state->call, slot->tts_values,
									slot->tts_isnull);
	if (!state->methods->next(state->call, state->values, state->nulls))
		return false;
	fill_from_row(state, slot);
	return true;
}

/*
 * keep_rows
 *		Runs a call to its end and keeps its rows.
 */
static void
keep_rows(CallScanState *state)
{
	ScanState *ss = &state->custom.ss;
	TupleTableSlot *slot = ss->ss_ScanTupleSlot;
	MemoryContext rows_context = ss->ps.state->es_query_cxt;
	MemoryContext caller = MemoryContextSwitchTo(rows_context);

	state->rows = tuplestore_begin_heap(false, false, work_mem);
	if (state->row == NULL)
		state->row =
			ExecInitExtraTupleSlot(ss->ps.state, slot->tts_tupleDescriptor,
								   &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(ss->ps.ps_ExprContext->ecxt_per_tuple_memory);
	while (fill_slot(state, ExecClearTuple(slot)))
	{
		CHECK_FOR_INTERRUPTS();
		tuplestore_puttupleslot(state->rows, ExecStoreVirtualTuple(slot));
		ResetExprContext(ss->ps.ps_ExprContext);
	}
	MemoryContextSwitchTo(state->context);
	state->methods->end(state->call);
	MemoryContextSwitchTo(caller);
}

/*
 * give_row
 *		Puts the next of the rows that were kept into the scan's empty slot.
 */
static void
give_row(CallScanState *state, TupleTableSlot *slot)
{
	int natts = slot->tts_tupleDescriptor->natts;

	if (!tuplestore_gettupleslot(state->rows, true, false, state->row))
		return;
	slot_getallattrs(state->row);
	memcpy(slot->tts_values, state->row->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, state->row->tts_isnull, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
}

/*
 * fetch
 *		The next row of the call in the scan's slot; an empty slot at the end.
 */
static TupleTableSlot *
fetch(CallScanState *state)
{
	TupleTableSlot *slot = state->custom.ss.ss_ScanTupleSlot;
	ExprContext *econtext = state->custom.ss.ps.ps_ExprContext;
	MemoryContext caller;

	if (state->call == NULL)
	{
		start_call(state);
		if (GetCurrentSubTransactionId() != state->began_in)
			keep_rows(state);
	}
	ExecClearTuple(slot);
	if (state->rows != NULL)
	{
		give_row(state, slot);
		return slot;
	}
	caller = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	if (fill_slot(state, slot))
		ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(caller);
	return slot;
}

/*
 * next_row
 *		The next row that meets the conditions, projected.
 */
static TupleTableSlot *
next_row(CustomScanState *node)
{
	CallScanState *state = (CallScanState *) node;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	ProjectionInfo *projection = node->ss.ps.ps_ProjInfo;

	for (;;)
	{
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		ResetExprContext(econtext);
		slot = fetch(state);
		if (TupIsNull(slot))
			return projection ? ExecClearTuple(projection->pi_state.resultslot)
							  : slot;
		econtext->ecxt_scantuple = slot;
		if (ExecQual(node->ss.ps.qual, econtext))
			return projection ? ExecProject(projection) : slot;
		InstrCountFiltered1(node, 1);
	}
}

/*
 * end_scan
 *		Frees what a scan holds.
 */
static void
end_scan(CustomScanState *node)
{
	finish_call((CallScanState *) node);
}

/*
 * add_executor_parameters
 *		Adds the numbers of the parameters in an expression that the executor sets.
 *
 * pull_paramids() of some minor releases adds those that are bound to the statement,
 * too, which have numbers of their own.
 */
static bool
add_executor_parameters(Node *node, Bitmapset **numbers)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
	{
		const Param *param = (const Param *) node;

		if (param->paramkind == PARAM_EXEC)
			*numbers = bms_add_member(*numbers, param->paramid);
		return false;
	}
	return expression_tree_walker(node, add_executor_parameters, numbers);
}

/*
 * has_changed
 *		Whether an argument of the call is to be evaluated anew.
 */
static bool
has_changed(CallScanState *state)
{
	if (!state->depends_known)
	{
		MemoryContext caller =
			MemoryContextSwitchTo(state->custom.ss.ps.state->es_query_cxt);

		(void) add_executor_parameters((Node *) state->function, &state->depends);
		state->depends_known = true;
		MemoryContextSwitchTo(caller);
	}
	return bms_overlap(state->custom.ss.ps.chgParam, state->depends);
}

/*
 * begin_anew
 *		Starts over: with another call if an argument has changed, else with the
 *		rows of this one.
 */
static void
begin_anew(CustomScanState *node)
{
	CallScanState *state = (CallScanState *) node;
	MemoryContext caller;

	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	if (state->call == NULL)
		return;
	if (has_changed(state))
	{
		finish_call(state);
		return;
	}
	if (state->rows != NULL)
	{
		tuplestore_rescan(state->rows);
		return;
	}
	caller = MemoryContextSwitchTo(state->context);
	state->methods->rewind(state->call);
	MemoryContextSwitchTo(caller);
}

/*
 * explain_scan
 *		Tells the call.
 */
static void
explain_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	Node *function = (Node *) ((CallScanState *) node)->function;
	List *context =
		set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, ancestors);

	ExplainPropertyText("Function Call",
						deparse_expression(function, context, es->verbose, false),
						es);
}

/* Without a scan ---------------------------------------------------------- */

/*
 * es_put_rows
 *		Runs a call to its end and puts all of its rows into a set-returning
 *		function's result.
 */
Datum
es_put_rows(FunctionCallInfo fcinfo, const EsCallMethods *methods)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store row",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	int natts;
	AttrNumber *wanted;
	Datum *values;
	bool *nulls;
	void *call;

	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	natts = result->setDesc->natts;
	wanted = palloc(natts * sizeof(AttrNumber));
	for (int i = 0; i < natts; i++)
		wanted[i] = i + 1;
	values = palloc(natts * sizeof(Datum));
	nulls = palloc(natts * sizeof(bool));

	call = methods->begin(fcinfo, result->setDesc->tdtypeid, wanted, natts);
	MemoryContextSwitchTo(row_context);
	while (methods->next(call, values, nulls))
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(caller);
	methods->end(call);
	MemoryContextDelete(row_context);
	return (Datum) 0;
}

/*
 * es_call_scan_init
 *		Called once when the library is loaded.
 */
void
es_call_scan_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
	outer_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = consider_call;
}
