#include "product.h"
#include <wasm_simd128.h>

#define INLINE static inline __attribute__((always_inline))

enum { TILE = 4 }; // vectors that share one reading of the weights

INLINE float sum_lanes(v128_t v) {
  v128_t pairs = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(pairs, 0) + wasm_f32x4_extract_lane(pairs, 1);
}

// 16 bytes hold 32 levels of 4 bits: as eight lanes of 16 bits, lane k has the levels 4k to 4k + 3. A mask alone leaves
// level j multiplied by 16^j, in a lane that a product of 16 bits can take (the last needs a shift for its sign). So the
// vector's values are ordered by j within each 32, and the sums of j = 1 and 2 are shifted back once per block.
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

// One row's products with `n` vectors. A sum of 16 bits times 12 bits over a block's 8 terms per lane stays below 2^31.
INLINE void row_of_4_bits(const Matrix *m, const Rounded *x, uint32_t row, const int n, float *out) {
  const uint32_t block = m->block, columns = m->columns, blocks = columns / block;
  const uint8_t *levels = m->levels + row * (columns / 2);
  const v128_t mask0 = wasm_i16x8_splat(0x000f), mask1 = wasm_i16x8_splat(0x00f0), mask2 = wasm_i16x8_splat(0x0f00);
  v128_t totals[TILE];
  for (int t = 0; t < n; t++) totals[t] = wasm_f32x4_splat(0);
  for (uint32_t b = 0; b < blocks; b++) {
    v128_t ones[TILE], sixteens[TILE], squares[TILE]; // sums of levels times 1, 16 and 256
    for (int t = 0; t < n; t++) ones[t] = sixteens[t] = squares[t] = wasm_i32x4_splat(0);
    for (uint32_t c = b * block; c < (b + 1) * block; c += 32) {
      v128_t packed = wasm_v128_load(levels + c / 2);
      v128_t w0 = wasm_v128_and(packed, mask0), w1 = wasm_v128_and(packed, mask1);
      v128_t w2 = wasm_v128_and(packed, mask2), w3 = wasm_u16x8_shr(packed, 12);
      for (int t = 0; t < n; t++) {
        const int16_t *v = x->values + t * columns + c;
        ones[t] = wasm_i32x4_add(ones[t], wasm_i32x4_dot_i16x8(w0, wasm_v128_load(v)));
        sixteens[t] = wasm_i32x4_add(sixteens[t], wasm_i32x4_dot_i16x8(w1, wasm_v128_load(v + 8)));
        squares[t] = wasm_i32x4_add(squares[t], wasm_i32x4_dot_i16x8(w2, wasm_v128_load(v + 16)));
        ones[t] = wasm_i32x4_add(ones[t], wasm_i32x4_dot_i16x8(w3, wasm_v128_load(v + 24)));
      }
    }
    v128_t zero = wasm_i32x4_splat((int32_t)zero_point(m, row, b, blocks));
    float scale = m->scales[row * blocks + b];
    for (int t = 0; t < n; t++) {
      uint32_t at = t * blocks + b;
      v128_t sum = wasm_i32x4_add(wasm_i32x4_shr(sixteens[t], 4), wasm_i32x4_shr(squares[t], 8));
      sum = wasm_i32x4_sub(wasm_i32x4_add(sum, ones[t]), wasm_i32x4_mul(zero, wasm_v128_load(x->sums + 4 * at)));
      v128_t step = wasm_f32x4_splat(scale * x->scales[at]);
      totals[t] = wasm_f32x4_add(totals[t], wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), step));
    }
  }
  for (int t = 0; t < n; t++) out[t * m->rows + row] = sum_lanes(totals[t]);
}

INLINE void row_of_8_bits(const Matrix *m, const Rounded *x, uint32_t row, const int n, float *out) {
  const uint32_t block = m->block, columns = m->columns, blocks = columns / block;
  const uint8_t *levels = m->levels + row * columns;
  const v128_t zero = wasm_i32x4_splat(128);
  v128_t totals[TILE];
  for (int t = 0; t < n; t++) totals[t] = wasm_f32x4_splat(0);
  for (uint32_t b = 0; b < blocks; b++) {
    v128_t sums[TILE], others[TILE];
    for (int t = 0; t < n; t++) sums[t] = others[t] = wasm_i32x4_splat(0);
    for (uint32_t c = b * block; c < (b + 1) * block; c += 16) {
      v128_t w0 = wasm_u16x8_load8x8(levels + c), w1 = wasm_u16x8_load8x8(levels + c + 8);
      for (int t = 0; t < n; t++) {
        const int16_t *v = x->values + t * columns + c;
        sums[t] = wasm_i32x4_add(sums[t], wasm_i32x4_dot_i16x8(w0, wasm_v128_load(v)));
        others[t] = wasm_i32x4_add(others[t], wasm_i32x4_dot_i16x8(w1, wasm_v128_load(v + 8)));
      }
    }
    float scale = m->scales[row * blocks + b];
    for (int t = 0; t < n; t++) {
      uint32_t at = t * blocks + b;
      v128_t sum = wasm_i32x4_sub(wasm_i32x4_add(sums[t], others[t]),
                                  wasm_i32x4_mul(zero, wasm_v128_load(x->sums + 4 * at)));
      v128_t step = wasm_f32x4_splat(scale * x->scales[at]);
      totals[t] = wasm_f32x4_add(totals[t], wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), step));
    }
  }
  for (int t = 0; t < n; t++) out[t * m->rows + row] = sum_lanes(totals[t]);
}

INLINE void rows(const Matrix *m, const Rounded *x, const int n, uint32_t first, uint32_t last, float *out) {
  if (m->bits == 4) for (uint32_t row = first; row < last; row++) row_of_4_bits(m, x, row, n, out);
  else for (uint32_t row = first; row < last; row++) row_of_8_bits(m, x, row, n, out);
}

void multiply(const Matrix *m, const Rounded *rounded, uint32_t count, uint32_t first, uint32_t last, float *out) {
  uint32_t blocks = m->columns / m->block;
  for (uint32_t t = 0; t < count; t += TILE) {
    Rounded x = {rounded->values + t * m->columns, rounded->scales + t * blocks, rounded->sums + 4 * t * blocks};
    float *to = out + t * m->rows;
    switch (count - t) { // the number of vectors must be known when this is compiled, for its sums to stay in registers
    case 1: rows(m, &x, 1, first, last, to); break;
    case 2: rows(m, &x, 2, first, last, to); break;
    case 3: rows(m, &x, 3, first, last, to); break;
    default: rows(m, &x, 4, first, last, to);
    }
  }
}
