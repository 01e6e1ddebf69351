/*-------------------------------------------------------------------------
 *
 * handler.h
 *	  Functions of the users that the store calls.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/handler.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_HANDLER_H
#define ES_HANDLER_H

#include "access/htup.h"
#include "fmgr.h"

/* What a function may be called with. */
typedef enum EsArgument
{
	ES_ARGUMENT_JSONB,
	ES_ARGUMENT_EVENT,
	ES_ARGUMENT_EVENTS, /* an array of them */
	ES_ARGUMENT_INTEGER
} EsArgument;

typedef struct EsHandlerShape
{
	const char *signature; /* the arguments in one */
	int narguments;
	EsArgument arguments[2];
} EsHandlerShape;

#define ES_MAX_SHAPES 4

/* What a kind of function is called with, and what about it is said in errors. */
typedef struct EsHandlerKind
{
	const char *noun;	   /* such as "an apply function" */
	const char *arguments; /* for a hint: what it takes */
	int nshapes;
	EsHandlerShape shapes[ES_MAX_SHAPES];
	Oid result;
	const char *result_name;
	const char *things; /* whose owner it runs as, such as "the aggregate types" */
	const char *call; /* that names another */
} EsHandlerKind;

extern void es_handlers_init(void);
extern uint64 es_handler_changes(void);
extern HeapTuple es_handler_row(Oid function);
extern Oid es_handler_resolve(const char *signature);
extern int es_handler_shape(const EsHandlerKind *kind, Oid function);
extern char *es_handler_flaw(const EsHandlerKind *kind, Oid function, Oid owner);
extern void es_handler_raise(const EsHandlerKind *kind, const char *signature,
							 const char *flaw);
extern Oid es_handler_find(const EsHandlerKind *kind, const char *name);
extern void es_handler_require(const EsHandlerKind *kind, Oid function,
							   Oid owner);
extern char *es_handler_signature(Oid function);
extern uint64 es_handler_digest(Oid function);
extern uint64 es_digest_value(uint64 digest, Datum value);

#endif /* ES_HANDLER_H */
