/*-------------------------------------------------------------------------
 *
 * handler.c
 *	  Functions of the users that the store calls.
 *
 * They are stored as signatures, so that they are found again after a dump and
 * restore, and run as the owner of the table that names them, in a restricted
 * operation and with a search path that nobody else can put anything into:
 * whoever makes the store call them neither lends them their rights nor gains the
 * owner's.
 *
 * Whoever owns a function may replace it at any time.  So the store's owner runs those
 * only that are their own, a superuser's, or of a role of which they are a member.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/handler.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "compat.h"
#include "event_columns.h"
#include "handler.h"
#include "privileged.h"
#include "rights.h"

/* Counts changes of functions, at least those that matter; never reset. */
static uint64 function_changes = 0;

/*
 * note_change
 *		Syscache callback: some function may have changed.
 */
static void
note_change(Datum arg, int cache, uint32 hash)
{
	function_changes++;
}

/*
 * es_handlers_init
 *		Called once when the library is loaded.
 */
void
es_handlers_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, note_change, (Datum) 0);

	/* who may execute a function, and is whom */
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, note_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, note_change, (Datum) 0);
}

/*
 * es_handler_changes
 *		How often a function has changed: what was found out about one counts as long
 *		as this is the same.
 */
uint64
es_handler_changes(void)
{
	return function_changes;
}

/*
 * es_handler_row
 *		A function's row of pg_proc, to be released; 42883 when it was dropped since
 *		it was found.
 */
HeapTuple
es_handler_row(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("the function does not exist"),
				 errdetail("It was dropped a moment ago."),
				 errhint("Name another.")));
	return tuple;
}

/*
 * lookup
 *		The function of a signature as the caller's search path finds it; InvalidOid
 *		for none.
 */
static Oid
lookup(const char *signature)
{
	LOCAL_FCINFO(call, 1);
	Datum found;

	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = CStringGetTextDatum(signature);
	call->args[0].isnull = false;
	found = to_regprocedure(call);
	return call->isnull ? InvalidOid : DatumGetObjectId(found);
}

/*
 * es_handler_resolve
 *		The function of a signature, which names its schema; InvalidOid for none.
 *
 * Whoever may execute a function may do so without any right on its schema, but
 * only a superuser can name it without.
 */
Oid
es_handler_resolve(const char *signature)
{
	Oid userid;
	int sec_context;
	Oid found;

	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   sec_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	found = lookup(signature);
	SetUserIdAndSecContext(userid, sec_context);
	return found;
}

/*
 * argument_type
 *		The type of an argument.
 */
static Oid
argument_type(EsArgument argument)
{
	switch (argument)
	{
		case ES_ARGUMENT_JSONB:
			return JSONBOID;
		case ES_ARGUMENT_EVENT:
			return es_event_type();
		case ES_ARGUMENT_EVENTS:
			return get_array_type(es_event_type());
		case ES_ARGUMENT_INTEGER:
			return INT4OID;
	}
	return InvalidOid;
}

/*
 * has_shape
 *		Whether arguments are those of a shape.
 */
static bool
has_shape(const EsHandlerShape *shape, const Oid *arguments, int narguments)
{
	if (narguments != shape->narguments)
		return false;
	for (int i = 0; i < narguments; i++)
	{
		if (arguments[i] != argument_type(shape->arguments[i]))
			return false;
	}
	return true;
}

/*
 * es_handler_shape
 *		Which of a kind's shapes a function has, -1 for none.
 */
int
es_handler_shape(const EsHandlerKind *kind, Oid function)
{
	Oid *arguments;
	int narguments;

	(void) get_func_signature(function, &arguments, &narguments);
	for (int i = 0; i < kind->nshapes; i++)
	{
		if (has_shape(&kind->shapes[i], arguments, narguments))
			return i;
	}
	return -1;
}

/*
 * shape_flaw
 *		Why a function is none of a kind; NULL for nothing.
 */
static char *
shape_flaw(const EsHandlerKind *kind, Oid function)
{
	Oid *arguments;
	int narguments;
	Oid returns = get_func_signature(function, &arguments, &narguments);

	if (es_handler_shape(kind, function) < 0)
		return pstrdup("It takes other arguments.");
	if (returns != kind->result || get_func_retset(function))
		return psprintf("It does not return %s.", kind->result_name);
	if (get_func_prokind(function) != PROKIND_FUNCTION)
		return pstrdup("It is not a plain function.");
	return NULL;
}

/*
 * is_trusted
 *		Whether an owner may run code of a function's owner, who can replace it at any
 *		time: their own, a superuser's, or that of a role they are a member of.
 */
static bool
is_trusted(Oid function, Oid owner)
{
	HeapTuple tuple = es_handler_row(function);
	Oid function_owner;

	function_owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return superuser_arg(function_owner) ||
		is_member_of_role_nosuper(owner, function_owner);
}

/*
 * es_handler_flaw
 *		Why a function cannot be one of a kind that runs as this owner; NULL for
 *		nothing.
 */
char *
es_handler_flaw(const EsHandlerKind *kind, Oid function, Oid owner)
{
	char *flaw;

	if (!OidIsValid(function))
		return pstrdup("There is no such function.");
	flaw = shape_flaw(kind, function);
	if (flaw != NULL)
		return flaw;
	if (!is_trusted(function, owner))
		return psprintf("It belongs to neither role \"%s\", which owns %s and as which it would run, nor a role that this is a member of, nor a superuser.",
						GetUserNameFromId(owner, false), kind->things);
	if (!es_role_may_execute(function, owner))
		return psprintf("Role \"%s\", the owner of %s, may not execute it.",
						GetUserNameFromId(owner, false), kind->things);
	return NULL;
}

/*
 * es_handler_raise
 *		55000: a function is not what it was.
 */
void
es_handler_raise(const EsHandlerKind *kind, const char *signature,
				 const char *flaw)
{
	const char *noun = strchr(kind->noun, ' ') + 1; /* without the article */

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s %s cannot be used", noun, signature),
			 errdetail_internal("%s", flaw),
			 errhint("Restore it, or name another with %s.", kind->call)));
}

/*
 * complete_signature
 *		The signature that a name stands for: that of the one function of the name that
 *		has a shape of the kind, or of the first shape where there is none.  Raises
 *		42725 where there are several.
 */
static const char *
complete_signature(const EsHandlerKind *kind, const char *name)
{
	const char *found = NULL;

	for (int i = 0; i < kind->nshapes && kind->nshapes > 1; i++)
	{
		const char *signature = psprintf("%s%s", name, kind->shapes[i].signature);

		if (!OidIsValid(lookup(signature)))
			continue;
		if (found != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
					 errmsg("function name \"%s\" is not unique", name),
					 errdetail("There are %s and %s.", found, signature),
					 errhint("Give its signature instead.")));
		found = signature;
	}
	return found != NULL ? found
						 : psprintf("%s%s", name, kind->shapes[0].signature);
}

/*
 * es_handler_find
 *		The function that a caller names, by its name alone or as a signature.
 *		Raises 42883, 42725 where the name stands for several, and 42804 for a function
 *		that is none of the kind.
 */
Oid
es_handler_find(const EsHandlerKind *kind, const char *name)
{
	const char *signature =
		strchr(name, '(') != NULL ? name : complete_signature(kind, name);
	Oid function = DatumGetObjectId(
		DirectFunctionCall1(regprocedurein, CStringGetDatum(signature)));
	const char *flaw = shape_flaw(kind, function);

	if (flaw != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function %s cannot be %s", signature, kind->noun),
				 errdetail_internal("%s", flaw),
				 errhint("%c%s takes %s and returns %s.",
						 pg_toupper((unsigned char) kind->noun[0]),
						 kind->noun + 1, kind->arguments, kind->result_name)));
	return function;
}

/*
 * es_handler_require
 *		Raises 42501 unless the caller may execute a function, and the owner whom
 *		it will run as.
 */
void
es_handler_require(const EsHandlerKind *kind, Oid function, Oid owner)
{
	char *flaw;

	if (!es_may_execute(function))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION,
					   get_func_name(function));
	flaw = es_handler_flaw(kind, function, owner);
	if (flaw != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("function %s cannot run as the owner of %s",
						format_procedure(function), kind->things),
				 errdetail_internal("%s", flaw),
				 errhint(
					 "GRANT EXECUTE on the function to that role, or let it own the function.")));
}

/*
 * es_handler_signature
 *		A function's signature, which names it whatever the search path is.
 */
char *
es_handler_signature(Oid function)
{
	return format_procedure_extended(function, FORMAT_PROC_FORCE_QUALIFY);
}

/*
 * es_digest_value
 *		Adds a value of variable length to a digest.
 */
uint64
es_digest_value(uint64 digest, Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	return hash_combine64(digest,
						  hash_bytes_extended((unsigned char *) VARDATA_ANY(bytes),
											  VARSIZE_ANY_EXHDR(bytes), 1));
}

/*
 * es_handler_digest
 *		What tells a function from what it was before, or from another.
 */
uint64
es_handler_digest(Oid function)
{
	static const AttrNumber attributes[] = {Anum_pg_proc_prosrc,
											Anum_pg_proc_probin,
											Anum_pg_proc_prosqlbody,
											Anum_pg_proc_proconfig};
	HeapTuple tuple = es_handler_row(function);
	char *language;
	uint64 digest;

	language =
		get_language_name(((Form_pg_proc) GETSTRUCT(tuple))->prolang, false);
	digest = hash_bytes_extended((unsigned char *) language, strlen(language), 0);
	for (int i = 0; i < lengthof(attributes); i++)
	{
		bool isnull;
		Datum value = SysCacheGetAttr(PROCOID, tuple, attributes[i], &isnull);

		digest =
			isnull ? hash_combine64(digest, 0) : es_digest_value(digest, value);
	}
	ReleaseSysCache(tuple);
	return digest;
}
