/*-------------------------------------------------------------------------
 *
 * finding.c
 *	  What a check has found wrong, as rows of a result.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/finding.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "check.h"
#include "finding.h"
#include "result_rows.h"

/*
 * es_findings_begin
 *		Starts the result of a call, a set of the type finding.
 */
void
es_findings_begin(EsFindings *findings, FunctionCallInfo fcinfo,
				  int64 max_findings)
{
	es_check_not_negative(max_findings, "max_findings");
	InitMaterializedSRF(fcinfo, MAT_SRF_BLESS);
	findings->result = (ReturnSetInfo *) fcinfo->resultinfo;
	findings->left = max_findings;
	findings->context =
		AllocSetContextCreate(CurrentMemoryContext, "event_store finding",
							  ALLOCSET_DEFAULT_SIZES);
}

/*
 * es_findings_done
 *		Whether the caller wants no more.
 */
bool
es_findings_done(const EsFindings *findings)
{
	return findings->left == 0;
}

/*
 * es_finding_add
 *		Adds a row.  The stream may be NULL, and version and position 0 for none;
 *		the detail is made as by printf.
 */
void
es_finding_add(EsFindings *findings, const char *check_name, text *stream,
			   int64 version, int64 global_position, const char *format, ...)
{
	MemoryContext caller;
	Datum values[5];
	bool nulls[5] = {false, stream == NULL, version == 0, global_position == 0,
					 false};
	StringInfoData detail;
	int more;

	if (es_findings_done(findings))
		return;
	caller = MemoryContextSwitchTo(findings->context);
	initStringInfo(&detail);
	do
	{
		va_list args;

		va_start(args, format);
		more = appendStringInfoVA(&detail, format, args);
		va_end(args);
		enlargeStringInfo(&detail, more);
	} while (more > 0);

	values[0] = CStringGetTextDatum(check_name);
	values[1] = PointerGetDatum(stream);
	values[2] = Int64GetDatum(version);
	values[3] = Int64GetDatum(global_position);
	values[4] = CStringGetTextDatum(detail.data);
	es_put_row(findings->result, values, nulls, lengthof(values));
	MemoryContextSwitchTo(caller);
	MemoryContextReset(findings->context);
	findings->left--;
}
