/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  Statements about the store's own tables that a session keeps planned.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/statement.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_STATEMENT_H
#define ES_STATEMENT_H

#include "executor/spi.h"
#include "utils/timestamp.h"

#include "privileged.h"

#define ES_MAX_STATEMENT_ARGUMENTS 16

/*
 * Changes a row that changes often, and is found as the one with the highest turn: each
 * turn is an entry of the index, behind which are no more dead versions than it has
 * changes.
 */
#define ES_CHANGES_OF_TURN 64
#define ES_CHANGED                                 \
	" changes = changes OPERATOR(pg_catalog.+) 1," \
	" turn = (changes OPERATOR(pg_catalog.+) 1)"   \
	" OPERATOR(pg_catalog./) " CppAsString2(ES_CHANGES_OF_TURN)

typedef struct EsStatement
{
	const char *text; /* constant, and everything in it is qualified */
	int expected;	  /* how it ends */
	int narguments;
	Oid types[ES_MAX_STATEMENT_ARGUMENTS];
	const char *things; /* that it is about, such as "projections" */
	bool by_index;		/* looks rows up; the table may be full of dead ones */
	SPIPlanPtr plan;	/* kept for the session; NULL before the first use */
} EsStatement;

extern uint64 es_statement_run(EsStatement *statement, const Datum *arguments,
							   const bool *missing);
extern void es_statements_begin(EsActor *before, Oid owner);
extern void es_statements_end(const EsActor *before);
extern uint64 es_statement_run_as(EsStatement *statement, Oid owner,
								  const Datum *arguments, const bool *missing);
extern Datum es_statement_column(uint64 row, int number, bool *isnull);
extern int64 es_statement_bigint(uint64 row, int number);
extern TimestampTz es_statement_time(uint64 row, int number, TimestampTz if_null);

#endif /* ES_STATEMENT_H */
