/*-------------------------------------------------------------------------
 *
 * check.c
 *	  Checks of arguments: one clear error each.
 *
 * Functions that take "where" are used for the elements of a batch, too:
 * where names the element, as in "event 3", and is NULL for a single event.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/check.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "check.h"

/*
 * es_errwhere
 *		Adds the element of a batch that an error is about.
 */
int
es_errwhere(const char *where)
{
	if (where != NULL)
		errcontext("%s", where);
	return 0;
}

/*
 * es_check_not_null
 *		Raises 22004 when an argument is NULL.
 */
void
es_check_not_null(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
}

/*
 * es_stream_argument
 *		An argument that names a stream or raises 22004 or 22023.
 */
text *
es_stream_argument(FunctionCallInfo fcinfo, int arg)
{
	text *stream;

	es_check_not_null(fcinfo, arg, "stream");
	stream = PG_GETARG_TEXT_PP(arg);
	es_check_stream(stream, NULL);
	return stream;
}

/*
 * es_check_stream
 *		A stream's name: 1 to 1,024 bytes, its category not empty.
 */
void
es_check_stream(const text *stream, const char *where)
{
	int len = VARSIZE_ANY_EXHDR(stream);

	if (len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream must not be empty"),
				 errhint("Name it category-id, such as order-1042."),
				 es_errwhere(where)));
	if (len > ES_MAX_STREAM_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream name is too long"),
				 errdetail("It has %d bytes; the limit is %d.", len,
						   ES_MAX_STREAM_BYTES),
				 es_errwhere(where)));
	if (VARDATA_ANY(stream)[0] == '-')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("stream name \"%s\" has an empty category",
						text_to_cstring(stream)),
				 errhint("Name it category-id, such as order-1042."),
				 es_errwhere(where)));
}

/*
 * es_check_category
 *		A category that could exist: not empty, and without "-".
 */
void
es_check_category(const text *category)
{
	if (VARSIZE_ANY_EXHDR(category) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("category must not be empty"),
				 errhint("Leave the parameter out where all are meant.")));
	if (memchr(VARDATA_ANY(category), '-', VARSIZE_ANY_EXHDR(category)) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a category", text_to_cstring(category)),
				 errdetail(
					 "A category is what a stream's name has before its first \"-\"."),
				 errhint("Read a single stream with event_store.read_stream().")));
}

/*
 * es_check_type
 *		An event's type: 1 to 255 bytes.
 */
void
es_check_type(const text *type, const char *where)
{
	int len;

	if (type == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("event type must not be null"), es_errwhere(where)));
	len = VARSIZE_ANY_EXHDR(type);
	if (len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event type must not be empty"),
				 errhint("Name what happened, such as ProductShipped."),
				 es_errwhere(where)));
	if (len > ES_MAX_TYPE_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event type is too long"),
				 errdetail("It has %d bytes; the limit is %d.", len,
						   ES_MAX_TYPE_BYTES),
				 es_errwhere(where)));
}

/*
 * es_refuse_null
 *		22004: JSON that is to be stored is SQL's NULL.
 */
void
es_refuse_null(const char *what, const char *where)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", what),
			 errhint("Pass '{}' where there is nothing to say."),
			 es_errwhere(where)));
}

/*
 * es_check_data
 *		JSON that is to be stored: not JSON's null, and of a size that a row
 *		can hold.  The caller has refused SQL's NULL.
 */
void
es_check_data(Datum data, const char *what, const char *where)
{
	Size size = toast_raw_datum_size(data) - VARHDRSZ;
	Jsonb *json;

	if (size > ES_MAX_DATA_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s is too large", what),
				 errdetail("It has %zu bytes; the limit is %d.", size,
						   ES_MAX_DATA_BYTES),
				 errhint(
					 "Keep large documents elsewhere and their address in the event."),
				 es_errwhere(where)));
	json = DatumGetJsonbP(data);
	if (JB_ROOT_IS_SCALAR(json) && JBE_ISNULL(json->root.children[0]))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", what),
				 errdetail("It is JSON's null."),
				 errhint("Pass '{}' where there is nothing to say."),
				 es_errwhere(where)));
}

/*
 * es_check_schema_version
 *		Versions of an event's shape count from 1.
 */
void
es_check_schema_version(int32 schema_version, const char *where)
{
	if (schema_version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schema_version must be at least 1"),
				 errdetail("It is %d.", schema_version), es_errwhere(where)));
}

/*
 * es_check_expected_version
 *		0 and up, any, or stream exists.
 */
void
es_check_expected_version(int64 expected_version, const char *where)
{
	if (expected_version < 0 && expected_version != ES_ANY_VERSION &&
		expected_version != ES_STREAM_EXISTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid expected version: %lld",
						(long long) expected_version),
				 errhint(
					 "It is a version, event_store.no_stream(), event_store.stream_exists() or event_store.any_version()."),
				 es_errwhere(where)));
}

/*
 * es_count_argument
 *		A max_count: NULL is all; raises 22023 for a negative one.
 */
int64
es_count_argument(FunctionCallInfo fcinfo, int arg)
{
	int64 max_count = es_bigint_argument(fcinfo, arg, PG_INT64_MAX);

	if (max_count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_count must not be negative"),
				 errdetail("It is %lld.", (long long) max_count),
				 errhint("NULL stands for all, 0 for none.")));
	return max_count;
}

/*
 * es_bigint_argument
 *		An optional argument: NULL stands for the value given.
 */
int64
es_bigint_argument(FunctionCallInfo fcinfo, int arg, int64 if_null)
{
	return PG_ARGISNULL(arg) ? if_null : PG_GETARG_INT64(arg);
}

/*
 * es_boolean_argument
 *		An optional flag: NULL is false.
 */
bool
es_boolean_argument(FunctionCallInfo fcinfo, int arg)
{
	return !PG_ARGISNULL(arg) && PG_GETARG_BOOL(arg);
}

/*
 * es_check_not_negative
 *		A version or a position.
 */
void
es_check_not_negative(int64 value, const char *name)
{
	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", name),
				 errdetail("It is %lld.", (long long) value)));
}

/*
 * es_interval_within
 *		Whether an interval is between 0 and some days, in days and less.
 */
bool
es_interval_within(const Interval *interval, int days)
{
	return interval->month == 0 && interval->day >= 0 && interval->time >= 0 &&
		interval->day <= days &&
		interval->time <= (days - interval->day) * USECS_PER_DAY;
}

/*
 * es_check_writable
 *		Raises 25006 in a read-only transaction and during recovery.
 */
void
es_check_writable(const char *call)
{
	PreventCommandIfReadOnly(call);
	PreventCommandDuringRecovery(call);
	PreventCommandIfParallelMode(call);
}

/*
 * es_compare_texts
 *		Comparator of text pointers, by bytes, for qsort and bsearch.
 */
int
es_compare_texts(const void *a, const void *b)
{
	const text *left = *(text *const *) a;
	const text *right = *(text *const *) b;
	int left_len = VARSIZE_ANY_EXHDR(left);
	int right_len = VARSIZE_ANY_EXHDR(right);
	int order =
		memcmp(VARDATA_ANY(left), VARDATA_ANY(right), Min(left_len, right_len));

	return order != 0 ? order : (left_len > right_len) - (left_len < right_len);
}
