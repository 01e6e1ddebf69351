/*-------------------------------------------------------------------------
 *
 * errors.h
 *	  The warehouse's own error conditions, class WH.
 *
 * The SQL standard leaves classes that begin with I to Z to implementations.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/errors.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_ERRORS_H
#define WH_ERRORS_H

#include "utils/elog.h"

/* WH001: more is to be shipped than is on hand */
#define WH_ERR_NOT_ENOUGH MAKE_SQLSTATE('W', 'H', '0', '0', '1')

/* WH002: a quantity is null, too low for the command or not a whole number */
#define WH_ERR_QUANTITY MAKE_SQLSTATE('W', 'H', '0', '0', '2')

/* WH003: a sku is null, empty or too long to name a stream */
#define WH_ERR_SKU MAKE_SQLSTATE('W', 'H', '0', '0', '3')

/* WH004: an adjustment has no reason */
#define WH_ERR_REASON MAKE_SQLSTATE('W', 'H', '0', '0', '4')

/* WH005: a date_time is null or infinite */
#define WH_ERR_DATE_TIME MAKE_SQLSTATE('W', 'H', '0', '0', '5')

/* WH006: more would be on hand than a bigint can count */
#define WH_ERR_OVERFLOW MAKE_SQLSTATE('W', 'H', '0', '0', '6')

/* WH007: a product's stream holds, or was to get, an event of another type */
#define WH_ERR_EVENT_TYPE MAKE_SQLSTATE('W', 'H', '0', '0', '7')

/* WH008: the data of an event in a product's stream are not that type's */
#define WH_ERR_EVENT_DATA MAKE_SQLSTATE('W', 'H', '0', '0', '8')

/* WH009: create_warehouse() has not been called in this database */
#define WH_ERR_NO_WAREHOUSE MAKE_SQLSTATE('W', 'H', '0', '0', '9')

/* WH010: the state of an aggregate or a snapshot is no product's */
#define WH_ERR_STATE MAKE_SQLSTATE('W', 'H', '0', '1', '0')

#endif /* WH_ERRORS_H */
