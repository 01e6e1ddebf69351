/*-------------------------------------------------------------------------
 *
 * event_hash.c
 *	  Hashes of events, each over the one before it in its stream.
 *
 * The canonical form of an event, of which its hash is the SHA-256, is part of
 * the contract, so that others can compute it, too.  One after the other, whole
 * numbers with the highest byte first:
 *
 *	tag				the 20 bytes "event_store event 1\n"
 *	before			32 bytes: hash of the event before it in its stream, zeros
 *					where that has none or there is none
 *	version			8 bytes
 *	global position	8 bytes
 *	recorded_at		8 bytes: microseconds since 1970-01-01 00:00:00 UTC
 *	schema_version	8 bytes
 *	event_id		16 bytes
 *	metadata		32 bytes: SHA-256 of its text
 *	data			32 bytes: SHA-256 of its text
 *	stream			8 bytes: how many follow, and its name
 *	type			the same
 *
 * The text of a jsonb is what a cast to text gives; texts are in UTF-8, whatever
 * the database's encoding.  One of SQL_ASCII is taken as it is.
 *
 * Data and metadata come in by their digests, so that a hash can be checked where
 * they are not at hand.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/event_hash.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/jsonb.h"

#include "event_hash.h"

#define EVENT_TAG "event_store event 1\n"

/* From PostgreSQL's first day to 1970. */
#define UNIX_EPOCH \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* How much of what is hashed is gathered: each update costs as much again. */
#define BUFFER_BYTES 512

/* Metadata up to this size is remembered with its digest. */
#define MAX_REMEMBERED_BYTES 512

struct EsHasher
{
	pg_cryptohash_ctx *context;
	int gathered; /* bytes in the buffer */
	uint8 buffer[BUFFER_BYTES];
};

/*
 * The metadata that was digested last, which most events share with the one
 * before, in whatever transaction; being what it says it is, never reset.
 */
static struct
{
	Size length; /* 0 for none */
	char jsonb[MAX_REMEMBERED_BYTES];
	EsHash digest;
} remembered;

StaticAssertDecl(ES_HASH_BYTES == PG_SHA256_DIGEST_LENGTH, "a hash is a SHA-256");
StaticAssertDecl(sizeof(EsHashValue) == VARHDRSZ + ES_HASH_BYTES,
				 "a hash follows its header");

/*
 * raise_failure
 *		XX000: the cryptographic library refuses.
 */
static void
raise_failure(EsHasher *hasher)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not compute a SHA-256: %s",
					pg_cryptohash_error(hasher->context))));
}

/*
 * es_hasher_begin
 *		Makes what hashes are computed with.  An error's clean-up frees it.
 */
EsHasher *
es_hasher_begin(void)
{
	EsHasher *hasher = palloc(sizeof(EsHasher));

	hasher->context = pg_cryptohash_create(PG_SHA256);
	if (hasher->context == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return hasher;
}

/*
 * es_hash_reset
 *		Begins with a new hash.
 */
void
es_hash_reset(EsHasher *hasher)
{
	hasher->gathered = 0;
	if (pg_cryptohash_init(hasher->context) < 0)
		raise_failure(hasher);
}

/*
 * update
 *		Takes bytes into the hash at once.
 */
static void
update(EsHasher *hasher, const void *bytes, Size length)
{
	if (pg_cryptohash_update(hasher->context, bytes, length) < 0)
		raise_failure(hasher);
}

/*
 * flush
 *		Takes in what was gathered.
 */
static void
flush(EsHasher *hasher)
{
	update(hasher, hasher->buffer, hasher->gathered);
	hasher->gathered = 0;
}

/*
 * es_hash_add
 *		Takes bytes into the hash.
 */
void
es_hash_add(EsHasher *hasher, const void *bytes, Size length)
{
	if (length > BUFFER_BYTES - hasher->gathered)
		flush(hasher);
	if (length > BUFFER_BYTES)
	{
		update(hasher, bytes, length);
		return;
	}
	memcpy(hasher->buffer + hasher->gathered, bytes, length);
	hasher->gathered += length;
}

/*
 * es_hash_add_int64
 *		Takes a number into the hash, highest byte first.
 */
void
es_hash_add_int64(EsHasher *hasher, int64 value)
{
	uint64 bytes = pg_hton64((uint64) value);

	es_hash_add(hasher, &bytes, sizeof(bytes));
}

/*
 * to_utf8
 *		A string in UTF-8, the same one if it is; of SQL_ASCII nobody knows.
 */
static char *
to_utf8(char *string, int *length)
{
	char *utf8 = GetDatabaseEncoding() == PG_SQL_ASCII
		? string
		: pg_server_to_any(string, *length, PG_UTF8);

	if (utf8 != string)
		*length = strlen(utf8);
	return utf8;
}

/*
 * es_hash_add_text
 *		Takes a text into the hash, its length first, in UTF-8.
 */
void
es_hash_add_text(EsHasher *hasher, const text *value)
{
	int length = VARSIZE_ANY_EXHDR(value);
	char *utf8 = to_utf8(VARDATA_ANY(value), &length);

	es_hash_add_int64(hasher, length);
	es_hash_add(hasher, utf8, length);
	if (utf8 != VARDATA_ANY(value))
		pfree(utf8);
}

/*
 * es_hash_get
 *		The hash of what was taken in.
 */
void
es_hash_get(EsHasher *hasher, EsHash *hash)
{
	flush(hasher);
	if (pg_cryptohash_final(hasher->context, hash->bytes, ES_HASH_BYTES) < 0)
		raise_failure(hasher);
}

/*
 * es_hash_jsonb
 *		The digest of data or metadata.
 */
void
es_hash_jsonb(EsHasher *hasher, Datum jsonb, EsHash *hash)
{
	Jsonb *json = DatumGetJsonbP(jsonb);
	char *json_text = JsonbToCString(NULL, &json->root, VARSIZE(json));
	int length = strlen(json_text);
	char *utf8 = to_utf8(json_text, &length);

	es_hash_reset(hasher);
	es_hash_add(hasher, utf8, length);
	es_hash_get(hasher, hash);
	if (utf8 != json_text)
		pfree(utf8);
	pfree(json_text);
	if ((Pointer) json != DatumGetPointer(jsonb))
		pfree(json);
}

/*
 * es_hash_metadata
 *		The digest of metadata.
 */
void
es_hash_metadata(EsHasher *hasher, Datum metadata, EsHash *hash)
{
	Jsonb *json = DatumGetJsonbP(metadata);
	Size length = VARSIZE(json);

	if (length == remembered.length && memcmp(json, remembered.jsonb, length) == 0)
		*hash = remembered.digest;
	else
	{
		es_hash_jsonb(hasher, JsonbPGetDatum(json), hash);
		if (length <= MAX_REMEMBERED_BYTES)
		{
			memcpy(remembered.jsonb, json, length);
			remembered.digest = *hash;
			remembered.length = length;
		}
	}
	if ((Pointer) json != DatumGetPointer(metadata))
		pfree(json);
}

/*
 * es_hash_event
 *		The hash of an event.
 */
void
es_hash_event(EsHasher *hasher, const EsHashedEvent *event, EsHash *hash)
{
	es_hash_reset(hasher);
	es_hash_add(hasher, EVENT_TAG, strlen(EVENT_TAG));
	es_hash_add(hasher, event->before.bytes, ES_HASH_BYTES);
	es_hash_add_int64(hasher, event->version);
	es_hash_add_int64(hasher, event->global_position);
	es_hash_add_int64(hasher, event->recorded_at + UNIX_EPOCH);
	es_hash_add_int64(hasher, event->schema_version);
	es_hash_add(hasher, event->event_id->data, UUID_LEN);
	es_hash_add(hasher, event->metadata.bytes, ES_HASH_BYTES);
	es_hash_add(hasher, event->data.bytes, ES_HASH_BYTES);
	es_hash_add_text(hasher, event->stream);
	es_hash_add_text(hasher, event->type);
	es_hash_get(hasher, hash);
}

/*
 * es_hasher_end
 *		Frees it.
 */
void
es_hasher_end(EsHasher *hasher)
{
	pg_cryptohash_free(hasher->context);
	pfree(hasher);
}

/*
 * es_hash_equal
 *		Whether two hashes are the same.
 */
bool
es_hash_equal(const EsHash *a, const EsHash *b)
{
	return memcmp(a->bytes, b->bytes, ES_HASH_BYTES) == 0;
}

/*
 * es_hash_value
 *		A hash as a bytea, which is in the memory given.
 */
Datum
es_hash_value(EsHashValue *value, const EsHash *hash)
{
	value->hash = *hash;
	SET_VARSIZE(value, sizeof(EsHashValue));
	return PointerGetDatum(value);
}

/*
 * es_hash_from_value
 *		The hash that is in a bytea; false, and no hash, where it has another
 *		length.
 */
bool
es_hash_from_value(Datum value, EsHash *hash)
{
	bytea *bytes = DatumGetByteaPP(value);
	bool fits = VARSIZE_ANY_EXHDR(bytes) == ES_HASH_BYTES;

	if (fits)
		memcpy(hash->bytes, VARDATA_ANY(bytes), ES_HASH_BYTES);
	else
		memset(hash, 0, sizeof(EsHash));
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return fits;
}

/*
 * es_carried_hash
 *		The hash that an event carries, given its column.
 */
EsCarriedHash
es_carried_hash(Datum value, bool isnull, EsHash *hash)
{
	if (!isnull)
		return es_hash_from_value(value, hash) ? ES_HASH_CARRIED
											   : ES_HASH_MALFORMED;
	memset(hash, 0, sizeof(EsHash));
	return ES_HASH_MISSING;
}

/*
 * es_require_utf8
 *		Raises 0A000 where texts cannot be hashed in UTF-8.
 */
void
es_require_utf8(void)
{
	int encoding = GetDatabaseEncoding();

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII ||
		OidIsValid(FindDefaultConversionProc(encoding, PG_UTF8)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a hash chain is not supported in a database with encoding %s",
					GetDatabaseEncodingName()),
			 errdetail(
				 "Hashes are over texts in UTF-8, into which PostgreSQL does not convert this encoding."),
			 errhint("Keep the store in a database with encoding UTF8.")));
}
