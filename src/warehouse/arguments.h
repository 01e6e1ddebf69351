/*-------------------------------------------------------------------------
 *
 * arguments.h
 *	  The arguments of the warehouse's calls, checked.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/arguments.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_ARGUMENTS_H
#define WH_ARGUMENTS_H

#include "fmgr.h"

#include "product.h"

extern const char *wh_sku_argument(FunctionCallInfo fcinfo, int n);
extern int64 wh_quantity_argument(FunctionCallInfo fcinfo, int n,
								  WhEventType type, const char *sku);
extern const char *wh_reason_argument(FunctionCallInfo fcinfo, int n,
									  const char *sku);
extern TimestampTz wh_date_time_argument(FunctionCallInfo fcinfo, int n,
										 const char *sku);

#endif /* WH_ARGUMENTS_H */
