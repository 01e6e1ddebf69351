/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  Statements about the store's own tables that a session keeps planned.
 *
 * They are for what is read and written once a batch of events.  Each runs as the
 * owner of the tables, restricted and with the search path pinned, whoever calls.
 *
 * A table whose rows change with every batch is small, but may be full of dead rows
 * while somebody holds an old snapshot.  A plan that reads it by its index stays good
 * then; PostgreSQL, which plans for the table as it is once, would rather read it as
 * a whole.  So such statements are planned, once for all arguments, with index scans
 * only.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/statement.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/guc.h"

#include "statement.h"

/*
 * prepare
 *		Plans a statement, for the session.
 */
static void
prepare(EsStatement *statement)
{
	SPIPlanPtr plan =
		SPI_prepare_cursor(statement->text, statement->narguments,
						   statement->types,
						   statement->by_index ? CURSOR_OPT_GENERIC_PLAN : 0);

	if (plan == NULL)
		elog(ERROR, "could not plan: %s", statement->text);
	SPI_keepplan(plan);
	statement->plan = plan;
}

/*
 * force_index_scans
 *		Leaves the planner nothing else; returns the level of settings to go back to.
 *		A plan may be made anew at any use.
 */
static int
force_index_scans(void)
{
	static const char *const settings[] = {"enable_seqscan",
										   "enable_bitmapscan", "enable_sort"};
	int level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/*
 * execute
 *		Executes a statement's plan; returns how it ended.
 */
static int
execute(EsStatement *statement, const Datum *arguments, const bool *missing)
{
	char nulls[ES_MAX_STATEMENT_ARGUMENTS];

	if (statement->plan == NULL)
		prepare(statement);
	for (int i = 0; i < statement->narguments; i++)
		nulls[i] = missing != NULL && missing[i] ? 'n' : ' ';
	return SPI_execute_plan(statement->plan, unconstify(Datum *, arguments),
							nulls, false, 0);
}

/*
 * forget
 *		Forgets the plan of a statement that a rule has made something else of: PostgreSQL
 *		does not make a plan anew that has come to be nothing.
 */
static void
forget(EsStatement *statement)
{
	(void) SPI_freeplan(statement->plan);
	statement->plan = NULL;
}

/*
 * es_statement_run
 *		Runs a statement, between es_statements_begin() and es_statements_end(); returns
 *		the number of rows, which SPI has.  Raises 55000 where a rule of the owner's
 *		makes something else of it.
 */
uint64
es_statement_run(EsStatement *statement, const Datum *arguments,
				 const bool *missing)
{
	int level = statement->by_index ? force_index_scans() : 0;
	int result = execute(statement, arguments, missing);

	if (level > 0)
		AtEOXact_GUC(false, level);
	if (result != statement->expected)
	{
		forget(statement);
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not change the %s", statement->things),
				 errdetail("The statement ended as %s.",
						   SPI_result_code_string(result)),
				 errhint("Drop the rules on the tables of %s.",
						 statement->things)));
	}
	return SPI_processed;
}

/*
 * es_statements_begin
 *		Gets ready to run statements as the owner of the tables.
 */
void
es_statements_begin(EsActor *before, Oid owner)
{
	es_spi_connect();
	es_act_as(before, owner, true);
}

/*
 * es_statements_end
 *		Goes on as whoever called; what SPI had is gone.
 */
void
es_statements_end(const EsActor *before)
{
	es_act_as_before(before);
	SPI_finish();
}

/*
 * es_statement_run_as
 *		Runs a statement of which nothing but the number of rows is wanted.
 */
uint64
es_statement_run_as(EsStatement *statement, Oid owner, const Datum *arguments,
					const bool *missing)
{
	EsActor before;
	uint64 rows;

	es_statements_begin(&before, owner);
	rows = es_statement_run(statement, arguments, missing);
	es_statements_end(&before);
	return rows;
}

/*
 * es_statement_column
 *		A column of a row that SPI has, by its number from 1; 0 for null.
 */
Datum
es_statement_column(uint64 row, int number, bool *isnull)
{
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
								number, isnull);

	return *isnull ? (Datum) 0 : value;
}

/*
 * es_statement_bigint
 *		A column that is a bigint; 0 for null.
 */
int64
es_statement_bigint(uint64 row, int number)
{
	bool isnull;

	return DatumGetInt64(es_statement_column(row, number, &isnull));
}

/*
 * es_statement_time
 *		A column that is a timestamptz.
 */
TimestampTz
es_statement_time(uint64 row, int number, TimestampTz if_null)
{
	bool isnull;
	Datum value = es_statement_column(row, number, &isnull);

	return isnull ? if_null : DatumGetTimestampTz(value);
}
