/*-------------------------------------------------------------------------
 *
 * privileged.c
 *	  Running statements of our own as another role.
 *
 * The statements are constant text but for identifiers that went through
 * quote_identifier(), and name everything with its schema.  An error's
 * clean-up sets the role back.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/privileged.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "privileged.h"

/*
 * es_spi_connect
 *		SPI_connect, whose failure cannot be handled.
 */
void
es_spi_connect(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

/*
 * es_execute
 *		Runs a statement as the current role, between SPI_connect and
 *		SPI_finish of the caller.
 */
void
es_execute(const char *statement)
{
	int result = SPI_execute(statement, false, 0);

	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s: %s",
			 SPI_result_code_string(result), statement);
}

/*
 * es_lacks
 *		Whether a query of the catalogs finds nothing.  SPI is connected.
 */
bool
es_lacks(const char *query)
{
	if (SPI_execute(query, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look into the catalogs");
	return SPI_processed == 0;
}

/*
 * es_execute_as
 *		Runs a statement as another role, restricted, lest an event trigger of
 *		somebody's does more than it has to.
 */
void
es_execute_as(Oid role, const char *statement)
{
	Oid save_userid;
	int save_sec_context;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(role,
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	es_execute(statement);
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

/*
 * es_pin_search_path
 *		Sets a search path that nobody can put anything into, until AtEOXact_GUC()
 *		is called with the level that is returned, or an error's rollback.
 */
int
es_pin_search_path(void)
{
	int level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/*
 * es_act_as
 *		Goes on as an owner, restricted, until es_act_as_before() or an error's
 *		rollback.
 */
void
es_act_as(EsActor *before, Oid owner, bool pin_search_path)
{
	GetUserIdAndSecContext(&before->userid, &before->sec_context);
	SetUserIdAndSecContext(owner,
						   before->sec_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	before->guc_level = pin_search_path ? es_pin_search_path() : 0;
}

/*
 * es_act_for
 *		The same, with the search path pinned, but not restricted in a session that the
 *		owner has opened: what is run there gains nothing by it, not even at the end of
 *		the transaction.
 */
void
es_act_for(EsActor *before, Oid owner)
{
	GetUserIdAndSecContext(&before->userid, &before->sec_context);
	if (before->userid != owner || before->sec_context != 0 ||
		GetSessionUserId() != owner || GetAuthenticatedUserId() != owner)
	{
		es_act_as(before, owner, true);
		return;
	}
	before->guc_level = es_pin_search_path();
}

/*
 * es_act_as_before
 *		Goes on as whoever called.
 */
void
es_act_as_before(const EsActor *before)
{
	if (before->guc_level > 0)
		AtEOXact_GUC(false, before->guc_level);
	SetUserIdAndSecContext(before->userid, before->sec_context);
}
