/*-------------------------------------------------------------------------
 *
 * validate.h
 *	  Looking at the data of events before they are stored.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/validate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_VALIDATE_H
#define ES_VALIDATE_H

#include "append.h"

extern void es_refuse_while_validating(void);
extern void es_validate(const EsStreamAppend *append);

#endif /* ES_VALIDATE_H */
