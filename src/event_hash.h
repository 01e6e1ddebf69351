/*-------------------------------------------------------------------------
 *
 * event_hash.h
 *	  Hashes of events, each over the one before it in its stream.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_hash.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_EVENT_HASH_H
#define ES_EVENT_HASH_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

#define ES_HASH_BYTES 32

/* A SHA-256; all zeros stands for none. */
typedef struct EsHash
{
	uint8 bytes[ES_HASH_BYTES];
} EsHash;

/* The same as a value of type bytea. */
typedef struct EsHashValue
{
	int32 header;
	EsHash hash;
} EsHashValue;

/* The hash that an event carries. */
typedef enum EsCarriedHash
{
	ES_HASH_MISSING,
	ES_HASH_MALFORMED,
	ES_HASH_CARRIED
} EsCarriedHash;

/* What an event's hash is over. */
typedef struct EsHashedEvent
{
	EsHash before; /* hash of the event before */
	int64 version;
	int64 global_position;
	TimestampTz recorded_at;
	int32 schema_version;
	const pg_uuid_t *event_id;
	EsHash metadata; /* the digest of that */
	EsHash data;
	const text *stream;
	const text *type;
} EsHashedEvent;

typedef struct EsHasher EsHasher;

extern EsHasher *es_hasher_begin(void);
extern void es_hash_reset(EsHasher *hasher);
extern void es_hash_add(EsHasher *hasher, const void *bytes, Size length);
extern void es_hash_add_int64(EsHasher *hasher, int64 value);
extern void es_hash_add_text(EsHasher *hasher, const text *value);
extern void es_hash_get(EsHasher *hasher, EsHash *hash);
extern void es_hash_jsonb(EsHasher *hasher, Datum jsonb, EsHash *hash);
extern void es_hash_metadata(EsHasher *hasher, Datum metadata, EsHash *hash);
extern void es_hash_event(EsHasher *hasher, const EsHashedEvent *event,
						  EsHash *hash);
extern void es_hasher_end(EsHasher *hasher);

extern bool es_hash_equal(const EsHash *a, const EsHash *b);
extern Datum es_hash_value(EsHashValue *value, const EsHash *hash);
extern bool es_hash_from_value(Datum value, EsHash *hash);
extern EsCarriedHash es_carried_hash(Datum value, bool isnull, EsHash *hash);
extern void es_require_utf8(void);

#endif /* ES_EVENT_HASH_H */
