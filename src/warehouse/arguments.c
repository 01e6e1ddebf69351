/*-------------------------------------------------------------------------
 *
 * arguments.c
 *	  The arguments of the warehouse's calls, checked.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/arguments.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "arguments.h"
#include "errors.h"

/*
 * wh_sku_argument
 *		The sku that was passed; raises WH003 for one that can't be.
 */
const char *
wh_sku_argument(FunctionCallInfo fcinfo, int n)
{
	const char *sku =
		PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));

	wh_product_check_sku(sku);
	return sku;
}

/*
 * wh_quantity_argument
 *		The quantity that was passed; raises WH002 for one that can't be.
 */
int64
wh_quantity_argument(FunctionCallInfo fcinfo, int n, WhEventType type,
					 const char *sku)
{
	int64 quantity = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT64(n);

	wh_product_check_quantity(sku, type, PG_ARGISNULL(n) ? NULL : &quantity);
	return quantity;
}

/*
 * wh_reason_argument
 *		The reason that was passed; raises WH004 where there is none.
 */
const char *
wh_reason_argument(FunctionCallInfo fcinfo, int n, const char *sku)
{
	const char *reason =
		PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));

	if (reason == NULL || wh_is_blank(reason, strlen(reason)))
		ereport(ERROR,
				(errcode(WH_ERR_REASON),
				 errmsg("adjustment of product \"%s\" has no reason", sku),
				 reason == NULL ? errdetail("The reason is null.")
								: errdetail("The reason is blank."),
				 errhint(
					 "Pass warehouse.adjust_inventory() a reason, such as 'cycle count'.")));
	return reason;
}

/*
 * wh_date_time_argument
 *		The time that was passed; raises WH005 for one that is none.
 */
TimestampTz
wh_date_time_argument(FunctionCallInfo fcinfo, int n, const char *sku)
{
	TimestampTz date_time = PG_ARGISNULL(n) ? 0 : PG_GETARG_TIMESTAMPTZ(n);

	if (PG_ARGISNULL(n) || TIMESTAMP_NOT_FINITE(date_time))
		ereport(ERROR,
				(errcode(WH_ERR_DATE_TIME),
				 errmsg("invalid date_time for product \"%s\"", sku),
				 PG_ARGISNULL(n) ? errdetail("The time is null.")
								 : errdetail("The time is infinite."),
				 errhint(
					 "Pass the time at which it happened, or leave date_time out for the current time.")));
	return date_time;
}
