/*-------------------------------------------------------------------------
 *
 * wait.h
 *	  Waiting for something, without a snapshot in hand.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/wait.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_WAIT_H
#define ES_WAIT_H

#include "fmgr.h"
#include "storage/condition_variable.h"
#include "utils/timestamp.h"

/* What there is to say about what is waited for; NULL to go on waiting. */
typedef const char *(*EsWaitLook)(void *arg);

/* What is waited for. */
typedef struct EsWait
{
	EsWaitLook look;
	void *arg;
	TimestampTz until;
	ConditionVariable *changed; /* tells to look again; NULL for none */
	long look_interval; /* looks are at most so far apart, in milliseconds */
} EsWait;

extern void es_check_can_wait(FunctionCallInfo fcinfo, const char *what,
							  const char *call);
extern TimestampTz es_until_argument(FunctionCallInfo fcinfo, int timeout);
extern void es_sleep(long milliseconds);
extern Datum es_wait(FunctionCallInfo fcinfo, const EsWait *wait);

#endif /* ES_WAIT_H */
