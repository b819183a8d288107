#include "vector.h"
#include <wasm_simd128.h>

static float sum_lanes(v128_t v) {
  v128_t pairs = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(pairs, 0) + wasm_f32x4_extract_lane(pairs, 1);
}

float dot(const float *a, const float *b, uint32_t length) {
  v128_t sum = wasm_f32x4_splat(0), other = sum;
  uint32_t i = 0;
  for (; i + 8 <= length; i += 8) {
    sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(a + i), wasm_v128_load(b + i)));
    other = wasm_f32x4_add(other, wasm_f32x4_mul(wasm_v128_load(a + i + 4), wasm_v128_load(b + i + 4)));
  }
  if (i < length) sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(a + i), wasm_v128_load(b + i)));
  return sum_lanes(wasm_f32x4_add(sum, other));
}

void copy(const float *from, float *to, uint32_t length) {
  for (uint32_t i = 0; i < length; i += 4) wasm_v128_store(to + i, wasm_v128_load(from + i));
}

void add_scaled(float *sum, float factor, const float *vector, uint32_t length) {
  v128_t factors = wasm_f32x4_splat(factor);
  for (uint32_t i = 0; i < length; i += 4) {
    wasm_v128_store(sum + i, wasm_f32x4_add(wasm_v128_load(sum + i), wasm_f32x4_mul(factors, wasm_v128_load(vector + i))));
  }
}

void normalise(const float *vector, const float *weights, uint32_t length, float epsilon, float *out) {
  float scale = 1 / __builtin_sqrtf(dot(vector, vector, length) / (float)length + epsilon);
  v128_t scales = wasm_f32x4_splat(scale);
  for (uint32_t i = 0; i < length; i += 4) {
    v128_t scaled = wasm_f32x4_mul(wasm_v128_load(vector + i), scales);
    wasm_v128_store(out + i, wasm_f32x4_mul(scaled, wasm_v128_load(weights + i)));
  }
}

void rotate(float *vector, const float *cosines, const float *sines, uint32_t length) {
  uint32_t half = length / 2;
  for (uint32_t i = 0; i < half; i++) {
    float a = vector[i], b = vector[i + half];
    vector[i] = a * cosines[i] - b * sines[i];
    vector[i + half] = b * cosines[i] + a * sines[i];
  }
}

// e^x to the last bit or two of 32: 2^n times a polynomial on half a power of two to each side. NaN stays NaN.
static v128_t exponential(v128_t x) {
  x = wasm_f32x4_max(wasm_f32x4_min(x, wasm_f32x4_splat(88)), wasm_f32x4_splat(-87));
  v128_t n = wasm_f32x4_nearest(wasm_f32x4_mul(x, wasm_f32x4_splat(1.44269504f)));
  // ln 2 in two parts, so that nothing is lost when n times it is taken away
  v128_t r = wasm_f32x4_sub(x, wasm_f32x4_mul(n, wasm_f32x4_splat(0.693359375f)));
  r = wasm_f32x4_sub(r, wasm_f32x4_mul(n, wasm_f32x4_splat(-2.12194440e-4f)));
  static const float terms[] = {1 / 720.f, 1 / 120.f, 1 / 24.f, 1 / 6.f, 1 / 2.f, 1, 1};
  v128_t sum = wasm_f32x4_splat(1 / 5040.f);
  for (int i = 0; i < 7; i++) sum = wasm_f32x4_add(wasm_f32x4_mul(sum, r), wasm_f32x4_splat(terms[i]));
  v128_t power = wasm_i32x4_shl(wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127)), 23);
  return wasm_f32x4_mul(sum, power);
}

void softmax(float *scores, uint32_t length) {
  float largest = scores[0], sum = 0;
  for (uint32_t i = 1; i < length; i++) largest = scores[i] > largest ? scores[i] : largest;
  for (uint32_t i = 0; i < length; i++) {
    scores[i] = wasm_f32x4_extract_lane(exponential(wasm_f32x4_splat(scores[i] - largest)), 0);
    sum += scores[i];
  }
  for (uint32_t i = 0; i < length; i++) scores[i] /= sum;
}

// (1 + tanh(u)) / 2 = 1 / (1 + e^(-2u))
void gate_by_gelu(float *gates, const float *ups, uint32_t length) {
  const v128_t one = wasm_f32x4_splat(1), cubed = wasm_f32x4_splat(0.044715f);
  const v128_t slope = wasm_f32x4_splat(-2 * 0.7978845608f); // -2 sqrt(2 / pi)
  for (uint32_t i = 0; i < length; i += 4) {
    v128_t x = wasm_v128_load(gates + i);
    v128_t bent = wasm_f32x4_add(one, wasm_f32x4_mul(cubed, wasm_f32x4_mul(x, x)));
    v128_t power = exponential(wasm_f32x4_mul(slope, wasm_f32x4_mul(x, bent)));
    v128_t gelu = wasm_f32x4_div(x, wasm_f32x4_add(one, power));
    wasm_v128_store(gates + i, wasm_f32x4_mul(gelu, wasm_v128_load(ups + i)));
  }
}
