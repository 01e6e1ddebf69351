/*-------------------------------------------------------------------------
 *
 * metadata.c
 *	  An event's metadata: the store's, the session's and the caller's.
 *
 * The store sets $user and $application.  The setting event_store.metadata
 * holds keys that a session or transaction gives to all its events, such as a
 * correlation id; the keys that come with an event win over it.  Keys that
 * begin with $ are the store's alone.
 *
 * $user is the role that the session acts as: the one set by SET ROLE, if
 * any, and not the owner of a SECURITY DEFINER function on the way.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/metadata.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "check.h"
#include "jsonb_push.h"
#include "metadata.h"

/* Setting event_store.metadata; reset by SET and at the end of SET LOCAL. */
static char *session_metadata = NULL;

/*
 * The metadata of events that come without any, in a session that gives none,
 * as it was made last: in TopMemoryContext, for this role under this
 * application_name.  Made anew when one of them is another; forget_metadata()
 * resets it when a role may have got another name.
 */
static Jsonb *kept = NULL;
static Oid kept_user;
static char kept_application[NAMEDATALEN];
static uint64 role_changes = 0;

/*
 * forget_metadata
 *		Syscache callback: a role has changed.
 */
static void
forget_metadata(Datum arg, int cacheid, uint32 hashvalue)
{
	kept_user = InvalidOid;
	role_changes++;
}

/*
 * es_metadata_init
 *		Called once when the library is loaded.
 */
void
es_metadata_init(void)
{
	CacheRegisterSyscacheCallback(AUTHOID, forget_metadata, (Datum) 0);
	DefineCustomStringVariable("event_store.metadata",
							   "JSON object that is added to the metadata of every event the session appends.",
							   "The keys that come with an event win over it.",
							   &session_metadata, "", PGC_USERSET, 0, NULL,
							   NULL, NULL);
}

/*
 * es_check_metadata
 *		Metadata given by a caller or a session: an object without the store's
 *		keys.  NULL is none.
 */
void
es_check_metadata(const Jsonb *metadata, const char *where)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (metadata == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(metadata))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metadata must be a JSON object"), es_errwhere(where)));
	es_check_data(JsonbPGetDatum(metadata), "metadata", where);

	iterator = JsonbIteratorInit((JsonbContainer *) &metadata->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY && value.val.string.len > 0 &&
			value.val.string.val[0] == '$')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("metadata key \"%.*s\" is reserved",
							value.val.string.len, value.val.string.val),
					 errdetail("Keys that begin with $ are set by the store."),
					 es_errwhere(where)));
	}
}

/*
 * name_setting
 *		Error context callback: which JSON was being read.
 */
static void
name_setting(void *arg)
{
	errcontext("setting \"event_store.metadata\"");
}

/*
 * es_session_metadata
 *		The setting as JSON, NULL when it is empty; raises 22P02 or 22023 when
 *		it is not an object that could be used.
 */
Jsonb *
es_session_metadata(void)
{
	ErrorContextCallback context;
	Jsonb *metadata;

	if (session_metadata == NULL || session_metadata[0] == '\0')
		return NULL;

	context.callback = name_setting;
	context.arg = NULL;
	context.previous = error_context_stack;
	error_context_stack = &context;
	metadata = DatumGetJsonbP(
		DirectFunctionCall1(jsonb_in, CStringGetDatum(session_metadata)));
	es_check_metadata(metadata, NULL);
	error_context_stack = context.previous;
	return metadata;
}

/*
 * push_string
 *		Adds a key with a string to an object under construction.
 */
static void
push_string(JsonbParseState **state, const char *key, const char *string)
{
	JsonbValue value;

	es_push_key(state, key);
	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/*
 * push_members
 *		Adds all members of an object to one under construction.
 */
static void
push_members(JsonbParseState **state, Jsonb *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY || token == WJB_VALUE)
			pushJsonbValue(state, token, &value);
	}
}

/*
 * current_application
 *		The session's application_name.
 */
static const char *
current_application(void)
{
	return application_name != NULL ? application_name : "";
}

/*
 * build
 *		Puts metadata together.
 *
 * Of a key that is pushed twice the later value stays, so the caller's win.
 */
static Jsonb *
build(Jsonb *session, Jsonb *own)
{
	JsonbParseState *state = NULL;
	JsonbValue *result;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_string(&state, "$user", GetUserNameFromId(GetOuterUserId(), false));
	push_string(&state, "$application", current_application());
	if (session != NULL)
		push_members(&state, session);
	if (own != NULL)
		push_members(&state, own);
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}

/*
 * renew_kept
 *		Makes what is remembered for events without metadata.
 */
static void
renew_kept(void)
{
	uint64 changes_before = role_changes;
	Jsonb *made = build(NULL, NULL);
	Size size = VARSIZE(made);
	Jsonb *old = kept;

	kept = memcpy(MemoryContextAlloc(TopMemoryContext, size), made, size);
	kept_user = changes_before == role_changes ? GetOuterUserId() : InvalidOid;
	strlcpy(kept_application, current_application(), sizeof(kept_application));
	if (old != NULL)
		pfree(old);
	pfree(made);
}

/*
 * is_kept_current
 *		Whether what is remembered is for this role and application.
 *
 * A name that was too long to be remembered is never the same.
 */
static bool
is_kept_current(void)
{
	return kept != NULL && kept_user == GetOuterUserId() &&
		strcmp(kept_application, current_application()) == 0;
}

/*
 * es_build_metadata
 *		The metadata to store with an event, from what the session and the
 *		caller give; both may be NULL and have been checked.  The result is the
 *		caller's.
 */
Datum
es_build_metadata(Jsonb *session, Jsonb *own)
{
	if (session != NULL || own != NULL)
		return JsonbPGetDatum(build(session, own));
	if (!is_kept_current())
		renew_kept();
	return datumCopy(JsonbPGetDatum(kept), false, -1);
}
