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

#include "projection.h"

extern void es_require_generations(const EsProjection *projection);
extern bool es_switch_generation(const char *name, bool wait);

#endif /* ES_REBUILD_H */
