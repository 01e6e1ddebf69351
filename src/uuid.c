/*-------------------------------------------------------------------------
 *
 * uuid.c
 *	  Event ids that the store makes: UUIDv7 of RFC 9562.
 *
 * 48 bits of Unix time in milliseconds, 12 bits of the fraction of the
 * millisecond (method 3 of section 6.2) and 62 random bits.  Time leads, so
 * that the index of event ids grows at its right edge; inside a backend the
 * 60 bits of time always ascend, also when the clock steps back.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/uuid.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "uuid.h"

#define RANDOM_BYTES 8 /* used of each id's 16 */
#define POOL_IDS	 128

/* Units of the 12 bits of fraction in one millisecond. */
#define FRACTIONS 4096

/*
 * Random bytes drawn ahead for the next ids, and the last id's time in
 * fractions of a millisecond; nothing resets them.  A backend fills its pool
 * itself, so no two share one.
 */
static unsigned char pool[POOL_IDS * RANDOM_BYTES];
static int pool_used = sizeof(pool);
static uint64 last_time = 0;

/*
 * next_time
 *		Now, in fractions of a millisecond, or just above the last answer.
 */
static uint64
next_time(void)
{
	struct timespec now;
	uint64 time;

	clock_gettime(CLOCK_REALTIME, &now);
	time = ((uint64) now.tv_sec * 1000 + now.tv_nsec / 1000000) * FRACTIONS +
		(uint64) (now.tv_nsec % 1000000) * FRACTIONS / 1000000;
	if (time <= last_time)
		time = last_time + 1;
	last_time = time;
	return time;
}

/*
 * es_uuid_generate
 *		Makes the next id.
 */
void
es_uuid_generate(pg_uuid_t *uuid)
{
	uint64 time = next_time();
	uint64 milliseconds = time / FRACTIONS;
	uint32 fraction = time % FRACTIONS;

	if (pool_used == sizeof(pool))
	{
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		pool_used = 0;
	}

	for (int i = 0; i < 6; i++)
		uuid->data[i] = (unsigned char) (milliseconds >> (40 - 8 * i));
	uuid->data[6] = 0x70 | (fraction >> 8); /* version 7 */
	uuid->data[7] = fraction & 0xff;
	memcpy(&uuid->data[8], &pool[pool_used], RANDOM_BYTES);
	uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80; /* variant 10 */
	pool_used += RANDOM_BYTES;
}
