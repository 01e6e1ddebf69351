/*-------------------------------------------------------------------------
 *
 * jsonb_changes.c
 *	  What is different between two values of jsonb.
 *
 * The answer is an object with a key for each place where they differ: a JSON
 * pointer (RFC 6901), "" for the whole.  Its value is an object with what was
 * "before" and what is "after"; one of them is missing where something was added
 * or removed.  Objects are compared key by key, arrays element by element.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/jsonb_changes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "jsonb_changes.h"
#include "jsonb_push.h"

/* The members of an object or an array. */
typedef struct Members
{
	int n;
	JsonbValue *keys; /* of an object */
	JsonbValue *values;
} Members;

/* Two values to compare; NULL for one that is not there. */
typedef struct Pair
{
	const char *path;
	const JsonbValue *before;
	const JsonbValue *after;
} Pair;

/* What is being made, and what is still to be compared. */
typedef struct Changes
{
	JsonbParseState *state;
	List *pairs;
} Changes;

/*
 * root_value
 *		A jsonb as a value.
 */
static JsonbValue
root_value(Jsonb *jsonb)
{
	JsonbValue value;

	if (JB_ROOT_IS_SCALAR(jsonb))
	{
		(void) JsonbExtractScalar(&jsonb->root, &value);
		return value;
	}
	value.type = jbvBinary;
	value.val.binary.data = &jsonb->root;
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	return value;
}

/*
 * members_of
 *		Takes an object or an array apart.  Objects have their keys in order.
 */
static Members
members_of(const JsonbValue *container)
{
	JsonbContainer *data = container->val.binary.data;
	int size = JsonContainerSize(data);
	JsonbIterator *it = JsonbIteratorInit(data);
	Members members = {0};
	JsonbValue value;
	JsonbIteratorToken token;

	members.keys = palloc(Max(size, 1) * sizeof(JsonbValue));
	members.values = palloc(Max(size, 1) * sizeof(JsonbValue));
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			members.keys[members.n] = value;
		else if (token == WJB_VALUE || token == WJB_ELEM)
			members.values[members.n++] = value;
	}
	return members;
}

/*
 * compare_keys
 *		Order of two keys in an object: by length, then by bytes.
 */
static int
compare_keys(const JsonbValue *a, const JsonbValue *b)
{
	if (a->val.string.len != b->val.string.len)
		return a->val.string.len > b->val.string.len ? 1 : -1;
	return memcmp(a->val.string.val, b->val.string.val, a->val.string.len);
}

/*
 * add_pair
 *		Adds two values to those that are to be compared.
 */
static void
add_pair(Changes *changes, const char *path, const JsonbValue *before,
		 const JsonbValue *after)
{
	Pair *pair = palloc(sizeof(Pair));

	pair->path = path;
	pair->before = before;
	pair->after = after;
	changes->pairs = lappend(changes->pairs, pair);
}

/*
 * path_of_key
 *		A JSON pointer to the member of a key.
 */
static const char *
path_of_key(const char *path, const JsonbValue *key)
{
	StringInfoData member;

	initStringInfo(&member);
	appendStringInfo(&member, "%s/", path);
	for (int i = 0; i < key->val.string.len; i++)
	{
		char c = key->val.string.val[i];

		if (c == '~')
			appendStringInfoString(&member, "~0");
		else if (c == '/')
			appendStringInfoString(&member, "~1");
		else
			appendStringInfoChar(&member, c);
	}
	return member.data;
}

/*
 * pair_members
 *		Pairs the members of two objects, whose keys are in the same order.
 */
static void
pair_members(Changes *changes, const char *path, const Members *before,
			 const Members *after)
{
	int i = 0;
	int j = 0;

	while (i < before->n || j < after->n)
	{
		int order = -1;

		if (i == before->n)
			order = 1;
		else if (j < after->n)
			order = compare_keys(&before->keys[i], &after->keys[j]);
		add_pair(changes,
				 path_of_key(path,
							 order <= 0 ? &before->keys[i] : &after->keys[j]),
				 order <= 0 ? &before->values[i] : NULL,
				 order >= 0 ? &after->values[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

/*
 * pair_elements
 *		Pairs the elements of two arrays.
 */
static void
pair_elements(Changes *changes, const char *path, const Members *before,
			  const Members *after)
{
	for (int i = 0; i < Max(before->n, after->n); i++)
		add_pair(changes, psprintf("%s/%d", path, i),
				 i < before->n ? &before->values[i] : NULL,
				 i < after->n ? &after->values[i] : NULL);
}

/*
 * note
 *		Notes a difference.
 */
static void
note(Changes *changes, const Pair *pair)
{
	es_push_key(&changes->state, pair->path);
	pushJsonbValue(&changes->state, WJB_BEGIN_OBJECT, NULL);
	if (pair->before != NULL)
	{
		es_push_key(&changes->state, "before");
		pushJsonbValue(&changes->state, WJB_VALUE,
					   unconstify(JsonbValue *, pair->before));
	}
	if (pair->after != NULL)
	{
		es_push_key(&changes->state, "after");
		pushJsonbValue(&changes->state, WJB_VALUE,
					   unconstify(JsonbValue *, pair->after));
	}
	pushJsonbValue(&changes->state, WJB_END_OBJECT, NULL);
}

/*
 * are_equal
 *		Whether two values are.
 */
static bool
are_equal(const JsonbValue *a, const JsonbValue *b)
{
	Jsonb *left = JsonbValueToJsonb(unconstify(JsonbValue *, a));
	Jsonb *right = JsonbValueToJsonb(unconstify(JsonbValue *, b));

	return compareJsonbContainers(&left->root, &right->root) == 0;
}

/*
 * is_object
 *		Whether a value is an object.
 */
static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsObject(value->val.binary.data);
}

/*
 * is_array
 *		Whether a value is an array.
 */
static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data);
}

/*
 * compare
 *		Notes a difference, or adds the members of two objects or arrays.
 */
static void
compare(Changes *changes, const Pair *pair)
{
	bool is_there = pair->before != NULL && pair->after != NULL;

	if (is_there && is_object(pair->before) && is_object(pair->after))
	{
		Members before = members_of(pair->before);
		Members after = members_of(pair->after);

		pair_members(changes, pair->path, &before, &after);
	}
	else if (is_there && is_array(pair->before) && is_array(pair->after))
	{
		Members before = members_of(pair->before);
		Members after = members_of(pair->after);

		pair_elements(changes, pair->path, &before, &after);
	}
	else if (!is_there || !are_equal(pair->before, pair->after))
		note(changes, pair);
}

/*
 * es_jsonb_changes
 *		What is different between two values.
 */
Jsonb *
es_jsonb_changes(Jsonb *before, Jsonb *after)
{
	Changes changes = {0};
	JsonbValue left = root_value(before);
	JsonbValue right = root_value(after);

	add_pair(&changes, "", &left, &right);
	pushJsonbValue(&changes.state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < list_length(changes.pairs); i++)
	{
		CHECK_FOR_INTERRUPTS();
		compare(&changes, list_nth(changes.pairs, i));
	}
	return JsonbValueToJsonb(pushJsonbValue(&changes.state, WJB_END_OBJECT, NULL));
}
