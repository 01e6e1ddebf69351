/*-------------------------------------------------------------------------
 *
 * warehouse.c
 *	  The library's start.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/warehouse.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "projection.h"

PG_MODULE_MAGIC;

void _PG_init(void);

/*
 * _PG_init
 *		Called once when the library is loaded.
 */
void
_PG_init(void)
{
	wh_projection_init();
}
