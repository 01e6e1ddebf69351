/*-------------------------------------------------------------------------
 *
 * stream_check.c
 *	  Checking the events of a stream, one after another.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/stream_check.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "stream_check.h"

/*
 * es_stream_check_begin
 *		Starts going through the events that have a stream's id, of which nothing
 *		else is known.
 */
void
es_stream_check_begin(EsStreamCheck *check, EsFindings *findings,
					  const EsChainCheck *chain, int64 stream_id)
{
	memset(check, 0, sizeof(EsStreamCheck));
	check->findings = findings;
	check->chain = chain;
	check->stream_id = stream_id;
	check->recorded_at = DT_NOBEGIN;
}

/*
 * es_stream_check_exists
 *		The stream exists: what its row says.
 */
void
es_stream_check_exists(EsStreamCheck *check, text *name, int64 category_id,
					   int64 base_version)
{
	check->name = name;
	check->category_id = category_id;
	check->base_version = base_version;
	check->version = base_version;
	if (base_version < 0)
		es_finding_add(check->findings, ES_CHECK_VERSION, name, 0, 0,
					   "The base version is %lld.", (long long) base_version);
}

/*
 * check_version
 *		An event's version is the one after the version before.
 */
static void
check_version(const EsStreamCheck *check, int64 version, int64 position)
{
	int64 expected;

	if (version <= check->version)
	{
		if (check->nevents > 0)
			es_finding_add(check->findings, ES_CHECK_VERSION, check->name,
						   version, position, "It is there twice.");
		else
			es_finding_add(check->findings, ES_CHECK_VERSION, check->name,
						   version, position,
						   "It is not above the base version %lld.",
						   (long long) check->base_version);
		return;
	}
	expected = check->version + 1;
	if (version == expected)
		return;
	if (version == expected + 1)
		es_finding_add(check->findings, ES_CHECK_VERSION, check->name, version,
					   position, "Version %lld before it is missing.",
					   (long long) expected);
	else
		es_finding_add(check->findings, ES_CHECK_VERSION, check->name, version,
					   position, "Versions %lld to %lld before it are missing.",
					   (long long) expected, (long long) version - 1);
}

/*
 * is_own_hash
 *		Whether the hash that an event carries is the one that it should.
 */
static bool
is_own_hash(const EsStreamCheck *check, const EsCheckedEvent *event)
{
	EsHashedEvent hashed;
	EsHash hash;

	if (event->carried != ES_HASH_CARRIED)
		return false;
	hashed.before = check->hash;
	hashed.version = event->version;
	hashed.global_position = event->global_position;
	hashed.recorded_at = event->recorded_at;
	hashed.schema_version = event->schema_version;
	hashed.event_id = event->event_id;
	hashed.metadata = event->metadata;
	hashed.data = event->data;
	hashed.stream = check->name;
	hashed.type = event->type;
	es_hash_event(check->chain->hasher, &hashed, &hash);
	return es_hash_equal(&hash, &event->hash);
}

/*
 * check_hash
 *		Checks the hash of an event, given that of the event before it.
 *
 * The next is checked against what this one carries, right or wrong, so that
 * each event that is not what it was is found once.
 */
static void
check_hash(const EsStreamCheck *check, const EsCheckedEvent *event)
{
	if (check->chain == NULL)
		return;
	if (event->carried != ES_HASH_MISSING)
	{
		if (!is_own_hash(check, event))
			es_finding_add(check->findings, ES_CHECK_HASH, check->name,
						   event->version, event->global_position,
						   "Its hash is not that of what it says and of the event before it.");
	}
	else if (event->global_position > check->chain->start)
		es_finding_add(check->findings, ES_CHECK_HASH, check->name,
					   event->version, event->global_position,
					   "It has no hash, as every event after global position %lld should.",
					   (long long) check->chain->start);
}

/*
 * compare
 *		Compares an event with its stream and with the event before it.
 */
static void
compare(const EsStreamCheck *check, const EsCheckedEvent *event)
{
	check_version(check, event->version, event->global_position);
	if (event->global_position <= check->global_position)
		es_finding_add(check->findings, ES_CHECK_POSITION, check->name,
					   event->version, event->global_position,
					   "It is not above %lld, where the event before it is.",
					   (long long) check->global_position);
	if (event->recorded_at < check->recorded_at)
		es_finding_add(check->findings, ES_CHECK_RECORDED_AT, check->name,
					   event->version, event->global_position,
					   "It was recorded at %s, before the event before it.",
					   timestamptz_to_str(event->recorded_at));
	if (event->category_id != check->category_id)
		es_finding_add(check->findings, ES_CHECK_CATEGORY, check->name,
					   event->version, event->global_position,
					   "It is of category %lld, its stream of category %lld.",
					   (long long) event->category_id,
					   (long long) check->category_id);
	check_hash(check, event);
}

/*
 * es_stream_check_event
 *		Checks the next event.
 */
void
es_stream_check_event(EsStreamCheck *check, const EsCheckedEvent *event)
{
	if (check->name != NULL)
		compare(check, event);
	else if (check->nevents == 0)
		es_finding_add(check->findings, ES_CHECK_STREAM, NULL, event->version,
					   event->global_position,
					   "It belongs to stream %lld, which does not exist.",
					   (long long) check->stream_id);
	check->nevents++;
	check->version = event->version;
	check->global_position = event->global_position;
	check->recorded_at = event->recorded_at;
	if (check->chain != NULL)
		check->hash = event->hash;
}

/*
 * es_stream_check_sealed
 *		Checks what the record of seals says of the stream, whose events have been
 *		checked up to that version, or all.
 */
void
es_stream_check_sealed(const EsStreamCheck *check, const EsSealedHead *head)
{
	if (check->name == NULL || check->nevents == 0 ||
		head->version != check->version)
		es_finding_add(check->findings, ES_CHECK_SEAL, head->stream,
					   head->version, 0,
					   "It was sealed at this version, which is missing.");
	else if (!es_hash_equal(&head->hash, &check->hash))
		es_finding_add(check->findings, ES_CHECK_SEAL, check->name,
					   head->version, check->global_position,
					   "Its hash is not the one that was sealed.");
}

/*
 * es_stream_check_snapshot
 *		A snapshot is of a version that its stream has come to; all events have
 *		been checked.
 */
void
es_stream_check_snapshot(const EsStreamCheck *check, int64 version)
{
	if (check->name == NULL)
		es_finding_add(check->findings, ES_CHECK_SNAPSHOT, NULL, version, 0,
					   "It is of stream %lld, which does not exist.",
					   (long long) check->stream_id);
	else if (version < 1 || version > check->version)
		es_finding_add(check->findings, ES_CHECK_SNAPSHOT, check->name, version,
					   0, "The stream's version is %lld.",
					   (long long) check->version);
}

/*
 * es_stream_check_end
 *		A stream has events, or had some once.
 */
void
es_stream_check_end(const EsStreamCheck *check)
{
	if (check->name != NULL && check->nevents == 0 && check->base_version == 0)
		es_finding_add(check->findings, ES_CHECK_STREAM, check->name, 0, 0,
					   "It has no events.");
}
