/*-------------------------------------------------------------------------
 *
 * bits.h
 *	  Mixing the bits of a number.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/bits.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_BITS_H
#define ES_BITS_H

/*
 * es_mix_bits
 *		Mixes the bits as MurmurHash3 does it at its end (Austin Appleby, public domain):
 *		every bit has its say in all others.  Partitions of subscriptions depend on it.
 */
static inline uint64
es_mix_bits(uint64 bits)
{
	bits ^= bits >> 33;
	bits *= UINT64CONST(0xff51afd7ed558ccd);
	bits ^= bits >> 33;
	bits *= UINT64CONST(0xc4ceb9fe1a85ec53);
	return bits ^ bits >> 33;
}

#endif /* ES_BITS_H */
