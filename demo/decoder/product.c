#include "product.h"
#include <wasm_simd128.h>

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 2, TILE = 3 }; // rows and vectors that are multiplied together

INLINE float sum_lanes(v128_t v) {
  v128_t pairs = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(pairs, 0) + wasm_f32x4_extract_lane(pairs, 1);
}

// 32 levels are taken in four parts, as numbers of 16 bits. Of 4 bits, 16 bytes hold them: as eight lanes of 16 bits,
// lane k has the levels 4k to 4k + 3, and part p is the p-th of each. Vectors are ordered like that as well.
INLINE v128_t part_of(const uint8_t *levels, const uint32_t bits, const int part) {
  if (bits == 8) return wasm_u16x8_load8x8(levels + 8 * part);
  return wasm_v128_and(wasm_u16x8_shr(wasm_v128_load(levels), 4 * part), wasm_i16x8_splat(15));
}

void round_vectors(const float *vectors, uint32_t count, const Matrix *like, Rounded *rounded) {
  uint32_t columns = like->columns, block = like->block, blocks = columns / block;
  for (uint32_t i = 0; i < count * blocks; i++) {
    const float *x = vectors + i * block;
    int16_t *values = rounded->values + i * block;
    v128_t largest = wasm_f32x4_splat(0);
    for (uint32_t c = 0; c < block; c += 4) largest = wasm_f32x4_max(largest, wasm_f32x4_abs(wasm_v128_load(x + c)));
    largest = wasm_f32x4_max(largest, wasm_i32x4_shuffle(largest, largest, 2, 3, 0, 1));
    largest = wasm_f32x4_max(largest, wasm_i32x4_shuffle(largest, largest, 1, 0, 3, 2)); // NaN stays NaN
    float top = wasm_f32x4_extract_lane(largest, 0);
    v128_t steps = wasm_f32x4_splat(top > 0 ? 32767 / top : 0);
    v128_t sums = wasm_i32x4_splat(0);
    for (uint32_t c = 0; c < block; c += 32) {
      v128_t part[4]; // eight values each, in their own order
      for (int p = 0; p < 4; p++) {
        v128_t low = wasm_f32x4_nearest(wasm_f32x4_mul(wasm_v128_load(x + c + 8 * p), steps));
        v128_t high = wasm_f32x4_nearest(wasm_f32x4_mul(wasm_v128_load(x + c + 8 * p + 4), steps));
        part[p] = wasm_i16x8_narrow_i32x4(wasm_i32x4_trunc_sat_f32x4(low), wasm_i32x4_trunc_sat_f32x4(high));
        sums = wasm_i32x4_add(sums, wasm_i32x4_extadd_pairwise_i16x8(part[p]));
      }
      if (like->bits == 4) {
        v128_t a = wasm_i16x8_shuffle(part[0], part[1], 0, 4, 8, 12, 1, 5, 9, 13);
        v128_t b = wasm_i16x8_shuffle(part[2], part[3], 0, 4, 8, 12, 1, 5, 9, 13);
        v128_t d = wasm_i16x8_shuffle(part[0], part[1], 2, 6, 10, 14, 3, 7, 11, 15);
        v128_t e = wasm_i16x8_shuffle(part[2], part[3], 2, 6, 10, 14, 3, 7, 11, 15);
        part[0] = wasm_i64x2_shuffle(a, b, 0, 2);
        part[1] = wasm_i64x2_shuffle(a, b, 1, 3);
        part[2] = wasm_i64x2_shuffle(d, e, 0, 2);
        part[3] = wasm_i64x2_shuffle(d, e, 1, 3);
      }
      for (int p = 0; p < 4; p++) wasm_v128_store(values + c + 8 * p, part[p]);
    }
    rounded->scales[i] = top / 32767;
    wasm_v128_store(rounded->sums + 4 * i, sums);
  }
}

INLINE uint32_t zero_point(const Matrix *m, uint32_t row, uint32_t b, uint32_t blocks) {
  if (!m->zeros) return 1u << (m->bits - 1);
  return m->zeros[row * ((blocks + 1) / 2) + b / 2] >> (4 * (b & 1)) & 15;
}

// Products of `rows` rows with `n` vectors. Both are known when this is compiled, so that the sums stay in registers. Each
// sum fits in 32 bits: of at most 256 products of 8 bits and 16 bits, in four lanes.
INLINE void some_rows(const Matrix *m, const Rounded *x, uint32_t row, const uint32_t bits, const int rows, const int n,
                      float *out) {
  const uint32_t block = m->block, columns = m->columns, blocks = columns / block, bytes = columns * bits / 8;
  const uint8_t *levels = m->levels + row * bytes;
  v128_t totals[ROWS][TILE];
  for (int r = 0; r < rows; r++) for (int t = 0; t < n; t++) totals[r][t] = wasm_f32x4_splat(0);
  for (uint32_t b = 0; b < blocks; b++) {
    v128_t sums[ROWS][TILE];
    for (int r = 0; r < rows; r++) for (int t = 0; t < n; t++) sums[r][t] = wasm_i32x4_splat(0);
    for (uint32_t c = b * block; c < (b + 1) * block; c += 32) {
      for (int part = 0; part < 4; part++) {
        v128_t weights[ROWS];
        for (int r = 0; r < rows; r++) weights[r] = part_of(levels + r * bytes + c * bits / 8, bits, part);
        for (int t = 0; t < n; t++) {
          v128_t values = wasm_v128_load(x->values + t * columns + c + 8 * part);
          for (int r = 0; r < rows; r++) {
            sums[r][t] = wasm_i32x4_add(sums[r][t], wasm_i32x4_dot_i16x8(weights[r], values));
          }
        }
      }
    }
    for (int r = 0; r < rows; r++) {
      v128_t zero = wasm_i32x4_splat((int32_t)zero_point(m, row + r, b, blocks));
      float scale = m->scales[(row + r) * blocks + b];
      for (int t = 0; t < n; t++) {
        uint32_t at = t * blocks + b;
        v128_t sum = wasm_i32x4_sub(sums[r][t], wasm_i32x4_mul(zero, wasm_v128_load(x->sums + 4 * at)));
        v128_t step = wasm_f32x4_splat(scale * x->scales[at]);
        totals[r][t] = wasm_f32x4_add(totals[r][t], wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), step));
      }
    }
  }
  for (int r = 0; r < rows; r++) for (int t = 0; t < n; t++) out[t * m->rows + row + r] = sum_lanes(totals[r][t]);
}

// Two rows of 4 bits share what is read of the vectors. Of 8 bits one at a time is faster: the weights come from far away.
INLINE void all_rows(const Matrix *m, const Rounded *x, const int n, uint32_t first, uint32_t last, float *out) {
  if (m->bits == 4) for (uint32_t row = first; row < last; row += ROWS) some_rows(m, x, row, 4, ROWS, n, out);
  else for (uint32_t row = first; row < last; row++) some_rows(m, x, row, 8, 1, n, out);
}

void multiply(const Matrix *m, const Rounded *rounded, uint32_t count, uint32_t first, uint32_t last, float *out) {
  uint32_t blocks = m->columns / m->block;
  for (uint32_t t = 0; t < count; t += TILE) {
    Rounded x = {rounded->values + t * m->columns, rounded->scales + t * blocks, rounded->sums + 4 * t * blocks};
    float *to = out + t * m->rows;
    switch (count - t) {
    case 1: all_rows(m, &x, 1, first, last, to); break;
    case 2: all_rows(m, &x, 2, first, last, to); break;
    default: all_rows(m, &x, TILE, first, last, to);
    }
  }
}
