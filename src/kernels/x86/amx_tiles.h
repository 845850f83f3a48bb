/* amx_tiles.h - the tile instructions that bf16 kernels need. Eight tiles of 16 rows of 64
 * bytes; numbers of tiles are literals.
 *
 * The compilers' intrinsics do not say that they read and write memory: T_FENCE keeps
 * ordinary loads and stores on their side of it. */
#ifndef ATTI_AMX_TILES_H
#define ATTI_AMX_TILES_H

#include <immintrin.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes_a_row[16];
    uint8_t rows[16];
} tile_config;
_Static_assert(sizeof(tile_config) == 64, "what ldtilecfg reads");

static const tile_config tile_config_full = {
    .palette = 1,
    .bytes_a_row = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

#define T_CONFIG()           _tile_loadconfig(&tile_config_full)
#define T_RELEASE()          _tile_release()
#define T_ZERO(t)            _tile_zero(t)
#define T_LOAD(t, p, bytes)  _tile_loadd(t, p, (size_t)(bytes))
#define T_STORE(t, p, bytes) _tile_stored(t, p, (size_t)(bytes))
#define T_DOT(c, a, b)       _tile_dpbf16ps(c, a, b)
#define T_FENCE()            atomic_signal_fence(memory_order_seq_cst)

#endif
