/*-------------------------------------------------------------------------
 *
 * registration.c
 *	  Arguments that projections and subscriptions are registered with.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/registration.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "check.h"
#include "position.h"
#include "registration.h"
#include "store_read.h"

/*
 * es_check_name
 *		Raises 22023 for what is no name.
 */
void
es_check_name(const char *value, const char *name)
{
	if (*value == '\0' || strlen(value) > ES_MAX_NAME_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must have 1 to %d bytes", name, ES_MAX_NAME_BYTES),
				 errdetail("It has %d.", (int) strlen(value))));
}

/*
 * es_one_of
 *		A text argument that is one of two words; raises 22004 or 22023.
 */
const char *
es_one_of(FunctionCallInfo fcinfo, int arg, const char *name, const char *first,
		  const char *second)
{
	const char *value;

	es_check_not_null(fcinfo, arg, name);
	value = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	if (strcmp(value, first) != 0 && strcmp(value, second) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be %s or %s", name, first, second),
				 errdetail("It is \"%s\".", value)));
	return value;
}

/*
 * es_check_categories
 *		Checks an array of categories, or NULL.
 */
void
es_check_categories(FunctionCallInfo fcinfo, int arg)
{
	text **texts;
	int n;

	if (PG_ARGISNULL(arg))
		return;
	n = es_distinct_texts(PG_GETARG_ARRAYTYPE_P(arg), "categories", &texts);
	for (int i = 0; i < n; i++)
		es_check_category(texts[i]);
}

/*
 * es_check_types
 *		Checks an array of types, or NULL.
 */
void
es_check_types(FunctionCallInfo fcinfo, int arg)
{
	text **texts;
	int n;

	if (PG_ARGISNULL(arg))
		return;
	n = es_distinct_texts(PG_GETARG_ARRAYTYPE_P(arg), "types", &texts);
	for (int i = 0; i < n; i++)
		es_check_type(texts[i], NULL);
}

/*
 * es_position_argument
 *		A position to go on from; raises 22004, 22023, or ST008 for one beyond the
 *		store.
 */
int64
es_position_argument(FunctionCallInfo fcinfo, int arg, const char *name)
{
	int64 position;

	es_check_not_null(fcinfo, arg, name);
	position = PG_GETARG_INT64(arg);
	es_check_not_negative(position, name);
	es_check_within_store(position);
	return position;
}

/*
 * es_keeps_existing
 *		Whether what is there stays as it is; raises 42710 when the caller did not say
 *		what to do about it.
 */
bool
es_keeps_existing(FunctionCallInfo fcinfo, int if_not_exists, int replace,
				  const char *noun, const char *name)
{
	if (PG_GETARG_BOOL(replace))
		return false;
	if (!PG_GETARG_BOOL(if_not_exists))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("%s \"%s\" already exists", noun, name),
				 errhint(
					 "Pass replace => true to change it, or if_not_exists => true to keep it.")));
	ereport(NOTICE,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("%s \"%s\" already exists, skipping", noun, name)));
	return true;
}

/*
 * es_note_missing
 *		Tells that there was nothing to drop.
 */
void
es_note_missing(const char *noun, const char *name)
{
	ereport(NOTICE,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s \"%s\" does not exist, skipping", noun, name)));
}
