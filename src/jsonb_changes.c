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

#include "jsonb_changes.h"

/* The members of an object or an array. */
typedef struct Members
{
	int n;
	JsonbValue *keys; /* NULL for an array */
	JsonbValue *values;
} Members;

/* What is being made. */
typedef struct Changes
{
	JsonbParseState *state;
	StringInfoData path;
} Changes;

static void compare(Changes *changes, const JsonbValue *before,
					const JsonbValue *after);

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
	bool is_object = JsonContainerIsObject(data);
	int size = JsonContainerSize(data);
	JsonbIterator *it = JsonbIteratorInit(data);
	Members members = {0};
	JsonbValue value;
	JsonbIteratorToken token;

	members.keys = is_object ? palloc(Max(size, 1) * sizeof(JsonbValue)) : NULL;
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
 * append_key
 *		Adds a key to a JSON pointer.
 */
static void
append_key(StringInfo path, const JsonbValue *key)
{
	appendStringInfoChar(path, '/');
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
 * compare_objects
 *		Compares two objects, both with their keys in the same order.
 */
static void
compare_objects(Changes *changes, const Members *before, const Members *after)
{
	int i = 0;
	int j = 0;
	int length = changes->path.len;

	while (i < before->n || j < after->n)
	{
		int order = i == before->n ? 1
			: j == after->n		   ? -1
							: compare_keys(&before->keys[i], &after->keys[j]);

		append_key(&changes->path,
				   order <= 0 ? &before->keys[i] : &after->keys[j]);
		compare(changes, order <= 0 ? &before->values[i] : NULL,
				order >= 0 ? &after->values[j] : NULL);
		i += order <= 0;
		j += order >= 0;
		changes->path.data[changes->path.len = length] = '\0';
	}
}

/*
 * compare_arrays
 *		Compares two arrays, element by element.
 */
static void
compare_arrays(Changes *changes, const Members *before, const Members *after)
{
	int length = changes->path.len;

	for (int i = 0; i < Max(before->n, after->n); i++)
	{
		appendStringInfo(&changes->path, "/%d", i);
		compare(changes, i < before->n ? &before->values[i] : NULL,
				i < after->n ? &after->values[i] : NULL);
		changes->path.data[changes->path.len = length] = '\0';
	}
}

/*
 * push
 *		Adds a key and a value to what is being made.
 */
static void
push(Changes *changes, const char *key, int length, const JsonbValue *value)
{
	JsonbValue name = {.type = jbvString,
					   .val.string = {.len = length, .val = pstrdup(key)}};

	pushJsonbValue(&changes->state, WJB_KEY, &name);
	if (value != NULL)
		pushJsonbValue(&changes->state, WJB_VALUE,
					   unconstify(JsonbValue *, value));
}

/*
 * note
 *		Notes a difference at the current path.
 */
static void
note(Changes *changes, const JsonbValue *before, const JsonbValue *after)
{
	push(changes, changes->path.data, changes->path.len, NULL);
	pushJsonbValue(&changes->state, WJB_BEGIN_OBJECT, NULL);
	if (before != NULL)
		push(changes, "before", strlen("before"), before);
	if (after != NULL)
		push(changes, "after", strlen("after"), after);
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
 *		Notes the differences between two values; NULL is one that is not there.
 */
static void
compare(Changes *changes, const JsonbValue *before, const JsonbValue *after)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (before == NULL || after == NULL)
		note(changes, before, after);
	else if ((is_object(before) && is_object(after)) ||
			 (is_array(before) && is_array(after)))
	{
		Members left = members_of(before);
		Members right = members_of(after);

		if (left.keys != NULL)
			compare_objects(changes, &left, &right);
		else
			compare_arrays(changes, &left, &right);
	}
	else if (!are_equal(before, after))
		note(changes, before, after);
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
	pushJsonbValue(&changes.state, WJB_BEGIN_OBJECT, NULL);
	compare(&changes, &left, &right);
	return JsonbValueToJsonb(pushJsonbValue(&changes.state, WJB_END_OBJECT, NULL));
}
