/*-------------------------------------------------------------------------
 *
 * stock_row.h
 *	  One row of the stock: reading it and bringing it up to date.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/stock_row.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_STOCK_ROW_H
#define WH_STOCK_ROW_H

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "product.h"

/* A product's row, as whoever holds the product's stream has read it. */
typedef struct WhStockRow
{
	Relation rel;
	TupleTableSlot *slot; /* empty when there is no row */
} WhStockRow;

extern bool wh_stock_row_open(WhStockRow *row, const char *sku,
							  WhProduct *product);
extern bool wh_stock_row_update(WhStockRow *row, const WhProduct *product);
extern void wh_stock_row_close(WhStockRow *row);

#endif /* WH_STOCK_ROW_H */
