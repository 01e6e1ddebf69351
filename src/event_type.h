/*-------------------------------------------------------------------------
 *
 * event_type.h
 *	  What is known of event types, by schema version.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_type.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_EVENT_TYPE_H
#define ES_EVENT_TYPE_H

#include "fmgr.h"

#include "handler.h"

/* A function of a type; signature is NULL where there is none. */
typedef struct EsTypeFunction
{
	char *signature;
	char *flaw;	   /* why it cannot be used; NULL for nothing */
	bool is_c;	   /* in C or PostgreSQL's own: no SQL by the search path */
	uint64 digest; /* tells it from what it was before */
	FmgrInfo function;
} EsTypeFunction;

/* A type at a schema version. */
typedef struct EsEventType
{
	text *type;
	int length; /* of its name */
	int32 schema_version;
	EsTypeFunction validator;
	EsTypeFunction upcaster; /* to the next version */
	text *to_type;			 /* its name there */

	/* what comes after the upcaster: another's place, ES_NEWEST or ES_MISSING */
	int next;
} EsEventType;

#define ES_NEWEST  (-1)
#define ES_MISSING (-2) /* a later version has an upcaster, this one has none */

/* All of them, in an order of their own, which puts versions of a type together. */
typedef struct EsEventTypes
{
	Oid owner; /* whom their functions run as */
	bool has_upcasters;
	int n;
	EsEventType *types;
} EsEventTypes;

extern const EsHandlerKind es_validator_kind;
extern const EsHandlerKind es_upcaster_kind;

extern void es_event_types_init(void);
extern const EsEventTypes *es_event_types(void);
extern uint64 es_upcasters_digest(uint64 digest);
extern const EsEventType *es_event_type_find(const EsEventTypes *types,
											 const text *type,
											 int32 schema_version);
extern int es_upcaster_find(const EsEventTypes *types, const text *type,
							int32 schema_version);

#endif /* ES_EVENT_TYPE_H */
