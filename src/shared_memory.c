/*-------------------------------------------------------------------------
 *
 * shared_memory.c
 *	  Shared memory for a library that need not be preloaded.
 *
 * The few kilobytes are taken from what the server keeps in reserve for such late
 * comers, by the first backend that asks.  The reserve may be used up.
 *
 * Names of structures end in a number that changes with them, as the memory
 * outlives an upgrade of the library.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/shared_memory.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "shared_memory.h"

/*
 * es_shared_memory
 *		A structure in shared memory, made if there is none; NULL if there is no room,
 *		which the server log gets, with what is lost by it.  AddinShmemInitLock is
 *		held.
 *
 * ShmemInitStruct holds no lock any more when it raises that there is no room,
 * and has changed nothing, so the error can be let go here.
 */
void *
es_shared_memory(const char *name, Size size, void (*prepare)(void *memory),
				 const char *lost)
{
	MemoryContext context = CurrentMemoryContext;
	void *volatile memory = NULL;
	bool found;

	PG_TRY();
	{
		memory = ShmemInitStruct(name, size, &found);
		if (!found)
		{
			memset(memory, 0, size);
			prepare(memory);
		}
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_OUT_OF_MEMORY)
			PG_RE_THROW();
		FlushErrorState();
		HOLD_INTERRUPTS(); /* as the caller's lock did, until the error */
		ereport(LOG, (errmsg("event_store %s: %s", lost, error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	return memory;
}
