/*-------------------------------------------------------------------------
 *
 * product_state.h
 *	  A product's state as jsonb.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/product_state.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_PRODUCT_STATE_H
#define WH_PRODUCT_STATE_H

#include "product.h"

/* Of a product before its first event. */
#define WH_INITIAL_STATE "{\"quantity_on_hand\": 0}"

extern void wh_state_read(Datum state, WhProduct *product);
extern WhProduct *wh_state_expand(Datum state, MemoryContext parent,
								  Datum *expanded);

#endif /* WH_PRODUCT_STATE_H */
