/*-------------------------------------------------------------------------
 *
 * stock.h
 *	  The table of the stock: finding it, acting for it, making its rows.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/stock.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_STOCK_H
#define WH_STOCK_H

#include "access/attnum.h"
#include "utils/rel.h"

#include "product.h"

#define WH_SCHEMA  "warehouse"
#define WH_STOCK   "stock"
#define WH_TRIGGER "warehouse_stock"

/* Who was acting before wh_stock_act_as_owner(). */
typedef struct WhActor
{
	Oid userid;
	int sec_context;
	int guc_level;
} WhActor;

extern Oid wh_stock_find(void);
extern Oid wh_stock_require(void);
extern Relation wh_stock_open(LOCKMODE lockmode);
extern AttrNumber wh_column(Relation rel, const char *name, Oid type);
extern void wh_stock_act_as_owner(WhActor *before);
extern void wh_stock_act_as_before(const WhActor *before);
extern void wh_stock_write(const WhProduct *product);
extern int64 wh_stock_rebuild(void);
extern void wh_spi_connect(void);
extern void wh_warehouse_require(void);

#endif /* WH_STOCK_H */
