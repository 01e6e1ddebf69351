/*-------------------------------------------------------------------------
 *
 * projection.h
 *	  The trigger that keeps the stock.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/projection.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_PROJECTION_H
#define WH_PROJECTION_H

extern void wh_projection_init(void);

#endif /* WH_PROJECTION_H */
