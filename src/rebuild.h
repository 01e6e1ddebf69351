/*-------------------------------------------------------------------------
 *
 * rebuild.h
 *	  Building what a projection's handler writes anew.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/rebuild.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_REBUILD_H
#define ES_REBUILD_H

#include "c.h"

extern bool es_switch_generation(const char *name);

#endif /* ES_REBUILD_H */
