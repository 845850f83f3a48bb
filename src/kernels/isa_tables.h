/* isa_tables.h - the tables that the files in isa/ define, and which of them this build
 * has. Internal to dispatch.c and isa/. */
#ifndef ATTI_ISA_TABLES_H
#define ATTI_ISA_TABLES_H

#include "atti_config.h"
#include "kernels/kernels.h"

extern const atti_kernels atti_kernels_ref;
extern const atti_kernels atti_kernels_avx2;
extern const atti_kernels atti_kernels_avx512;
extern const atti_kernels atti_kernels_avx512bf16;
extern const atti_kernels atti_kernels_amx;
extern const atti_kernels atti_kernels_neon;

#ifdef ATTI_ISA_AMX
#define ATTI_TABLE_AMX (&atti_kernels_amx)
#else
#define ATTI_TABLE_AMX NULL
#endif
#ifdef ATTI_ISA_AVX512BF16
#define ATTI_TABLE_AVX512BF16 (&atti_kernels_avx512bf16)
#else
#define ATTI_TABLE_AVX512BF16 NULL
#endif
#ifdef ATTI_ISA_AVX512
#define ATTI_TABLE_AVX512 (&atti_kernels_avx512)
#else
#define ATTI_TABLE_AVX512 NULL
#endif
#ifdef ATTI_ISA_AVX2
#define ATTI_TABLE_AVX2 (&atti_kernels_avx2)
#else
#define ATTI_TABLE_AVX2 NULL
#endif
#ifdef ATTI_ISA_NEON
#define ATTI_TABLE_NEON (&atti_kernels_neon)
#else
#define ATTI_TABLE_NEON NULL
#endif

#endif
