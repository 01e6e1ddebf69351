/*-------------------------------------------------------------------------
 *
 * product_event.h
 *	  The events of warehouse products: their types and their data.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/product_event.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_PRODUCT_EVENT_H
#define WH_PRODUCT_EVENT_H

#include "utils/numeric.h"
#include "utils/timestamp.h"

/* The events of a product's stream. */
typedef enum WhEventType
{
	WH_PRODUCT_RECEIVED,
	WH_PRODUCT_SHIPPED,
	WH_INVENTORY_ADJUSTED
} WhEventType;

#define WH_NUM_EVENT_TYPES (WH_INVENTORY_ADJUSTED + 1)

extern const char *wh_event_name(WhEventType type);
extern WhEventType wh_event_type(const char *name);
extern Datum wh_event_data(WhEventType type, const char *sku, int64 quantity,
						   const char *reason, TimestampTz date_time);
extern int64 wh_event_quantity(WhEventType type, const char *sku, Datum data);
extern bool wh_to_quantity(Numeric number, int64 *quantity);
extern bool wh_is_blank(const char *string, int len);

#endif /* WH_PRODUCT_EVENT_H */
