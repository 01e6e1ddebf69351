/*-------------------------------------------------------------------------
 *
 * product.h
 *	  A warehouse product: its stream, its state and the rules it keeps.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/product.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_PRODUCT_H
#define WH_PRODUCT_H

#include "event_store_api.h"

#include "product_event.h"

/* Category of the products' streams, and what comes before the sku in one. */
#define WH_CATEGORY		 "warehouse_product"
#define WH_STREAM_PREFIX WH_CATEGORY "-"

/* A product's state, folded from its events; version 0 for none. */
typedef struct WhProduct
{
	const char *sku;
	int64 quantity;			 /* on hand */
	int64 version;			 /* of the last event applied */
	int64 global_position;	 /* of that event */
	TimestampTz recorded_at; /* of that event */
} WhProduct;

extern void wh_product_check_sku(const char *sku);
extern char *wh_product_stream(const char *sku);
extern const char *wh_product_sku(const char *stream);
extern const char *wh_product_require_sku(const char *stream);
extern void wh_product_init(WhProduct *product, const char *sku);
extern void wh_product_check_quantity(const char *sku, WhEventType type,
									  const int64 *quantity);
extern void wh_product_change(WhProduct *product, WhEventType type,
							  int64 quantity);
extern bool wh_product_try_apply(WhProduct *product,
								 const EventStoreEvent *event);
extern void wh_product_apply(WhProduct *product, const EventStoreEvent *event);
extern void wh_product_load(WhProduct *product, const char *sku, bool for_update);
extern void wh_product_fold_locked(WhProduct *product, const char *sku);
extern void wh_product_fold(WhProduct *product, const char *sku,
							const TimestampTz *as_of);

#endif /* WH_PRODUCT_H */
