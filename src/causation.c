/*-------------------------------------------------------------------------
 *
 * causation.c
 *	  Metadata that says which event another one followed from.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/causation.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "check.h"
#include "jsonb_push.h"

PG_FUNCTION_INFO_V1(event_store_causation);

/*
 * attribute
 *		An attribute of an event; raises 22004 for a null.
 */
static Datum
attribute(HeapTupleHeader event, const char *name)
{
	bool isnull;
	Datum value = GetAttributeByName(event, name, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s of an event must not be null", name),
				 errhint("Pass what event_store.read_stream() returned.")));
	return value;
}

/*
 * event_store_causation
 *		causation(e event) returns jsonb: {"causation_id", "correlation_id"}
 *
 * The correlation is the event's, or its id where it has none.  Raises 22004.
 */
Datum
event_store_causation(PG_FUNCTION_ARGS)
{
	JsonbParseState *state = NULL;
	HeapTupleHeader event;
	Jsonb *metadata;
	JsonbValue id;
	JsonbValue correlation;

	es_check_not_null(fcinfo, 0, "e");
	event = PG_GETARG_HEAPTUPLEHEADER(0);
	id.type = jbvString;
	id.val.string.val = DatumGetCString(
		DirectFunctionCall1(uuid_out, attribute(event, "event_id")));
	id.val.string.len = strlen(id.val.string.val);
	metadata = DatumGetJsonbP(attribute(event, "metadata"));
	if (!JB_ROOT_IS_OBJECT(metadata) ||
		getKeyJsonValueFromContainer(&metadata->root, "correlation_id",
									 strlen("correlation_id"),
									 &correlation) == NULL ||
		correlation.type == jbvNull)
		correlation = id;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	es_push_key(&state, "causation_id");
	pushJsonbValue(&state, WJB_VALUE, &id);
	es_push_key(&state, "correlation_id");
	pushJsonbValue(&state, WJB_VALUE, &correlation);
	PG_RETURN_JSONB_P(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
