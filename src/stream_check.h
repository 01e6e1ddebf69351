/*-------------------------------------------------------------------------
 *
 * stream_check.h
 *	  Checking the events of a stream, one after another.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream_check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_STREAM_CHECK_H
#define ES_STREAM_CHECK_H

#include "utils/timestamp.h"

#include "event_hash.h"
#include "finding.h"
#include "sealed_heads.h"

/*
 * What of an event is compared with its stream and with the event before it; what
 * comes after recorded_at only in a store with a hash chain.
 */
typedef struct EsCheckedEvent
{
	int64 version;
	int64 global_position;
	int64 category_id;
	TimestampTz recorded_at;
	int32 schema_version;
	const pg_uuid_t *event_id;
	const text *type;
	EsHash data; /* digests */
	EsHash metadata;
	EsCarriedHash carried;
	EsHash hash;
} EsCheckedEvent;

/* How hashes are checked. */
typedef struct EsChainCheck
{
	EsHasher *hasher;
	int64 start; /* position after which every event has a hash */
} EsChainCheck;

/* A stream whose events are being gone through. */
typedef struct EsStreamCheck
{
	EsFindings *findings;
	const EsChainCheck *chain; /* NULL: no hashes are checked */
	int64 stream_id;
	text *name; /* NULL: there is no such stream */
	int64 category_id;
	int64 base_version;
	int64 nevents;
	int64 version; /* of the event before, or the base version */
	int64 global_position;
	TimestampTz recorded_at;
	EsHash hash; /* that the event before carries */
} EsStreamCheck;

extern void es_stream_check_begin(EsStreamCheck *check, EsFindings *findings,
								  const EsChainCheck *chain, int64 stream_id);
extern void es_stream_check_exists(EsStreamCheck *check, text *name,
								   int64 category_id, int64 base_version);
extern void es_stream_check_event(EsStreamCheck *check,
								  const EsCheckedEvent *event);
extern void es_stream_check_sealed(const EsStreamCheck *check,
								   const EsSealedHead *head);
extern void es_stream_check_snapshot(const EsStreamCheck *check, int64 version);
extern void es_stream_check_end(const EsStreamCheck *check);

#endif /* ES_STREAM_CHECK_H */
