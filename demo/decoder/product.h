// Products with quantised weights: what MatMulNBits means, in whole numbers.
#pragma once
#include <stdint.h>

// A weight [rows, columns] in the layout of ONNX Runtime's MatMulNBits, as it lies in the file: along a row, blocks of
// `block` levels with one scale and one zero point each; value = scale * (level - zero point).
typedef struct {
  const uint8_t *levels; // 4 bits: two to a byte, the first in the low half
  const float *scales;   // [rows, blocks]
  const uint8_t *zeros;  // 4 bits, two to a byte, each row from a whole byte on; null: 2^(bits-1) everywhere
  uint32_t rows, columns, block, bits;
} Matrix;

// Vectors that are multiplied by a matrix, rounded to 16 bits block by block: 2^-16 of a block's largest value is less
// than what trained weights of 4 bits could tell apart, and the products are exact from there on.
typedef struct {
  int16_t *values; // in the order in which the product reads them (product.c)
  float *scales;   // [vectors, blocks]
  int32_t *sums;   // [vectors, blocks, 4]: sums of the values, in four parts
} Rounded;

// Rounds `count` vectors to be multiplied by matrices like `like`.
void round_vectors(const float *vectors, uint32_t count, const Matrix *like, Rounded *rounded);

// The rows from `first` to `last` (not included; both even) of the products with `count` vectors: out[vector, row].
void multiply(const Matrix *matrix, const Rounded *rounded, uint32_t count, uint32_t first, uint32_t last, float *out);
