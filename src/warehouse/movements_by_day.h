/*-------------------------------------------------------------------------
 *
 * movements_by_day.h
 *	  What was moved of each product by day: an async projection.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/movements_by_day.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_MOVEMENTS_BY_DAY_H
#define WH_MOVEMENTS_BY_DAY_H

extern void wh_movements_create(void);
extern void wh_movements_drop(void);

#endif /* WH_MOVEMENTS_BY_DAY_H */
