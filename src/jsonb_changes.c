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
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "jsonb_changes.h"
#include "jsonb_push.h"

/* The members of an object or an array. */
typedef struct Members
{
	int n;
	JsonbValue *keys; /* of an object */
	JsonbValue *values;
} Members;

/* Two different values; NULL for one that is not there. */
typedef struct Pair
{
	const struct Pair *parent; /* NULL for the whole */
	const JsonbValue *key;	   /* its place there; NULL in an array */
	int index;
	const JsonbValue *before;
	const JsonbValue *after;
} Pair;

/* What is being made, and what is still to be looked into. */
typedef struct Changes
{
	JsonbParseState *state;
	List *pairs;
	StringInfoData path; /* of the difference that is noted */
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
 * allocate
 *		Room for some values.
 */
static JsonbValue *
allocate(int n)
{
	return palloc_extended(Max(n, 1) * sizeof(JsonbValue), MCXT_ALLOC_HUGE);
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

	members.keys = allocate(JsonContainerIsObject(data) ? size : 0);
	members.values = allocate(size);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
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
 * are_same
 *		Whether two values are, as far as that is told without looking into them:
 *		two containers that are stored alike.
 */
static bool
are_same(const JsonbValue *a, const JsonbValue *b)
{
	if (a == NULL || b == NULL || a->type != b->type)
		return false;
	switch (a->type)
	{
		case jbvNull:
			return true;
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvString:
			return compare_keys(a, b) == 0;
		case jbvNumeric:
			return DatumGetBool(
				DirectFunctionCall2(numeric_eq, NumericGetDatum(a->val.numeric),
									NumericGetDatum(b->val.numeric)));
		default:
			return a->val.binary.len == b->val.binary.len &&
				memcmp(a->val.binary.data, b->val.binary.data,
					   a->val.binary.len) == 0;
	}
}

/*
 * add_pair
 *		Adds two values to those that are to be looked into, unless they are the
 *		same.
 */
static void
add_pair(Changes *changes, const Pair *parent, const JsonbValue *key, int index,
		 const JsonbValue *before, const JsonbValue *after)
{
	Pair *pair;

	CHECK_FOR_INTERRUPTS();
	if (are_same(before, after))
		return;
	pair = palloc(sizeof(Pair));
	pair->parent = parent;
	pair->key = key;
	pair->index = index;
	pair->before = before;
	pair->after = after;
	changes->pairs = lappend(changes->pairs, pair);
}

/*
 * append_key
 *		Adds a key to a JSON pointer.
 */
static void
append_key(StringInfo path, const JsonbValue *key)
{
	for (int i = 0; i < key->val.string.len; i++)
	{
		char c = key->val.string.val[i];

		if (c == '~')
			appendStringInfoString(path, "~0");
		else if (c == '/')
			appendStringInfoString(path, "~1");
		else
			appendStringInfoChar(path, c);
	}
}

/*
 * append_path
 *		The JSON pointer to a pair's place.
 */
static void
append_path(StringInfo path, const Pair *pair)
{
	List *steps = NIL;

	for (; pair->parent != NULL; pair = pair->parent)
		steps = lappend(steps, unconstify(Pair *, pair));
	for (int i = list_length(steps) - 1; i >= 0; i--)
	{
		const Pair *step = list_nth(steps, i);

		appendStringInfoChar(path, '/');
		if (step->key != NULL)
			append_key(path, step->key);
		else
			appendStringInfo(path, "%d", step->index);
	}
	list_free(steps);
}

/*
 * pair_members
 *		Pairs the members of two objects, whose keys are in the same order.
 */
static void
pair_members(Changes *changes, const Pair *parent, const Members *before,
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
		add_pair(changes, parent, order <= 0 ? &before->keys[i] : &after->keys[j],
				 0, order <= 0 ? &before->values[i] : NULL,
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
pair_elements(Changes *changes, const Pair *parent, const Members *before,
			  const Members *after)
{
	for (int i = 0; i < Max(before->n, after->n); i++)
		add_pair(changes, parent, NULL, i,
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
	resetStringInfo(&changes->path);
	append_path(&changes->path, pair);
	es_push_key(&changes->state, pstrdup(changes->path.data));
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
 * look_into
 *		Pairs the members of two objects or arrays, or notes a difference.
 */
static void
look_into(Changes *changes, const Pair *pair)
{
	Members before;
	Members after;
	bool objects;

	if (pair->before == NULL || pair->after == NULL)
	{
		note(changes, pair);
		return;
	}
	objects = is_object(pair->before) && is_object(pair->after);
	if (!objects && !(is_array(pair->before) && is_array(pair->after)))
	{
		note(changes, pair);
		return;
	}
	before = members_of(pair->before);
	after = members_of(pair->after);
	if (objects)
		pair_members(changes, pair, &before, &after);
	else
		pair_elements(changes, pair, &before, &after);
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

	initStringInfo(&changes.path);
	add_pair(&changes, NULL, NULL, 0, &left, &right);
	pushJsonbValue(&changes.state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < list_length(changes.pairs); i++)
	{
		CHECK_FOR_INTERRUPTS();
		look_into(&changes, list_nth(changes.pairs, i));
	}
	return JsonbValueToJsonb(pushJsonbValue(&changes.state, WJB_END_OBJECT, NULL));
}
