// A Gemma 3 in memory. Every field is 32 bits wide: gemma.ts writes these structs word by word.
#pragma once
#include "product.h"

typedef struct {
  Matrix query, key, value, output, gate, up, down;
  const float *input_norm, *query_norm, *key_norm, *after_attention_norm, *before_mlp_norm, *after_mlp_norm;
  const float *cosines, *sines; // [positions, head_size / 2]
  uint32_t window;              // how many positions attention sees; 0: all
} Layer;

typedef struct {
  const Layer *layers;
  uint32_t layer_count, width, mlp_width, heads, kv_heads, head_size, positions;
  Matrix table; // of embeddings, and the head
  const float *final_norm;
  float embedding_scale, attention_scale, epsilon;
  // Room for a step of BATCH tokens.
  float *stream, *normed, *queries, *keys, *values, *attended, *projected, *gates, *scores;
  Rounded rounded;
} Model;

typedef struct {
  uint32_t id, position;
  float *const *cache; // for each position up to its own: keys and values [layer, key or value, kv_heads * head_size]
} Token;

enum { BATCH = 8 };
