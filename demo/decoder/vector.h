// Arithmetic on vectors of 32-bit floats whose length is a multiple of 4.
#pragma once
#include <stdint.h>

float dot(const float *a, const float *b, uint32_t length);
void copy(const float *from, float *to, uint32_t length);
// sum += factor * vector
void add_scaled(float *sum, float factor, const float *vector, uint32_t length);
// RMSNorm; `out` may be `vector` itself.
void normalise(const float *vector, const float *weights, uint32_t length, float epsilon, float *out);
// Rotary embedding: element i turns with element i + length / 2.
void rotate(float *vector, const float *cosines, const float *sines, uint32_t length);
void softmax(float *scores, uint32_t length); // any length
// gates = gelu(gates) * ups, with tanh's approximation of gelu
void gate_by_gelu(float *gates, const float *ups, uint32_t length);
