/*-------------------------------------------------------------------------
 *
 * uuid.h
 *	  Event ids that the store makes.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/uuid.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_UUID_H
#define ES_UUID_H

#include "utils/uuid.h"

extern void es_uuid_generate(pg_uuid_t *uuid);

#endif /* ES_UUID_H */
