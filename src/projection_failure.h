/*-------------------------------------------------------------------------
 *
 * projection_failure.h
 *	  What is done about events that a projection fails at.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/projection_failure.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_PROJECTION_FAILURE_H
#define ES_PROJECTION_FAILURE_H

#include "projection_run.h"

extern bool es_run_is_of_one_event(const EsRun *run);
extern int64 es_run_smaller(const EsRun *run);
extern bool es_is_passing(const ErrorData *error);
extern void es_run_record_failure(const EsRun *run, const ErrorData *error);
extern bool es_run_in_subtransaction(EsRun *run, ErrorData **error);

#endif /* ES_PROJECTION_FAILURE_H */
