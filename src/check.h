/*-------------------------------------------------------------------------
 *
 * check.h
 *	  Checks of arguments: one clear error each.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_CHECK_H
#define ES_CHECK_H

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "event_store_api.h"

/* Expected versions that are not a version, beside 0 for "no stream". */
#define ES_ANY_VERSION	 EVENT_STORE_ANY_VERSION
#define ES_STREAM_EXISTS EVENT_STORE_STREAM_EXISTS

#define ES_MAX_STREAM_BYTES EVENT_STORE_MAX_STREAM_BYTES
#define ES_MAX_TYPE_BYTES	255
#define ES_MAX_DATA_BYTES	(250 * 1024 * 1024)

extern int es_errwhere(const char *where);
extern void es_check_not_null(FunctionCallInfo fcinfo, int arg, const char *name);
extern text *es_stream_argument(FunctionCallInfo fcinfo, int arg);
extern void es_check_stream(const text *stream, const char *where);
extern void es_check_category(const text *category);
extern void es_check_type(const text *type, const char *where);
extern void es_check_data(Datum data, const char *what, const char *where);
extern void es_check_schema_version(int32 schema_version, const char *where);
extern void es_check_expected_version(int64 expected_version, const char *where);
extern void es_refuse_null(const char *what, const char *where);
extern int64 es_count_argument(FunctionCallInfo fcinfo, int arg);
extern int64 es_bigint_argument(FunctionCallInfo fcinfo, int arg, int64 if_null);
extern bool es_boolean_argument(FunctionCallInfo fcinfo, int arg);
extern void es_check_not_negative(int64 value, const char *name);
extern bool es_interval_within(const Interval *interval, int days);
extern void es_check_writable(const char *call);
extern int es_compare_texts(const void *a, const void *b);

#endif /* ES_CHECK_H */
