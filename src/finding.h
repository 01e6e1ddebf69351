/*-------------------------------------------------------------------------
 *
 * finding.h
 *	  What a check has found wrong, as rows of a result.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/finding.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_FINDING_H
#define ES_FINDING_H

#include "fmgr.h"
#include "nodes/execnodes.h"

/* The names of the checks, part of the calls' contract. */
#define ES_CHECK_STREAM		 "stream"
#define ES_CHECK_VERSION	 "version"
#define ES_CHECK_POSITION	 "position"
#define ES_CHECK_RECORDED_AT "recorded_at"
#define ES_CHECK_CATEGORY	 "category"
#define ES_CHECK_HASH		 "hash"
#define ES_CHECK_SEAL		 "seal"
#define ES_CHECK_SNAPSHOT	 "snapshot"
#define ES_CHECK_SEQUENCE	 "sequence"

/* The result of a call that checks. */
typedef struct EsFindings
{
	ReturnSetInfo *result;
	int64 left;			   /* how many more are wanted */
	MemoryContext context; /* reset after each */
} EsFindings;

extern void es_findings_begin(EsFindings *findings, FunctionCallInfo fcinfo,
							  int64 max_findings);
extern bool es_findings_done(const EsFindings *findings);
extern void es_finding_add(EsFindings *findings, const char *check_name,
						   text *stream, int64 version, int64 global_position,
						   const char *format, ...) pg_attribute_printf(6, 7);

#endif /* ES_FINDING_H */
