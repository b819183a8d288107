// One step of Gemma 3: a few tokens in, their logits out. The tokens may follow each other (a prompt) or belong to answers
// that grow side by side: each says where the keys and values that it looks back at lie.
#include "model.h"
#include "threads.h"
#include "vector.h"

typedef struct {
  const Model *model;
  const Layer *layer;
  const Token *tokens;
  uint32_t count, layer_number;
} Step;

typedef struct {
  const Matrix *matrices[3];
  float *results[3];
  const Rounded *rounded;
  uint32_t count, chunk;
} Products;

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

// A few microseconds of work: enough to be worth taking, little enough that nobody waits long for the last one.
static uint32_t rows_of_a_chunk(uint32_t columns) { return 4 + 40960 / columns / 4 * 4; }

static uint32_t chunks(const Matrix *matrix, uint32_t rows) { return (matrix->rows + rows - 1) / rows; }

static void product_chunk(const void *context, uint32_t item) {
  const Products *all = context;
  int which = 0;
  for (uint32_t here; item >= (here = chunks(all->matrices[which], all->chunk)); which++) item -= here;
  const Matrix *matrix = all->matrices[which];
  uint32_t first = item * all->chunk;
  multiply(matrix, all->rounded, all->count, first, smaller(first + all->chunk, matrix->rows), all->results[which]);
}

static void products(const Model *model, const float *vectors, uint32_t count, uint32_t matrices,
                     const Matrix *const *which, float *const *results) {
  Products all = {.rounded = &model->rounded, .count = count, .chunk = rows_of_a_chunk(which[0]->columns)};
  uint32_t items = 0;
  for (uint32_t i = 0; i < matrices; i++) {
    all.matrices[i] = which[i];
    all.results[i] = results[i];
    items += chunks(which[i], all.chunk);
  }
  Rounded rounded = model->rounded;
  round_vectors(vectors, count, which[0], &rounded);
  share(product_chunk, &all, items);
}

static void product(const Model *model, const float *vectors, uint32_t count, const Matrix *matrix, float *result) {
  products(model, vectors, count, 1, &matrix, &result);
}

// One head's attention for one token.
static void attend(const void *context, uint32_t item) {
  const Step *step = context;
  const Model *model = step->model;
  const Token *token = &step->tokens[item / model->heads];
  uint32_t head = item % model->heads, size = model->head_size, kv_width = model->kv_heads * size;
  float *query = model->queries + item * size, *attended = model->attended + item * size;
  float *scores = model->scores + item * model->positions;
  normalise(query, step->layer->query_norm, size, model->epsilon, query);
  uint32_t turn = token->position * (size / 2);
  rotate(query, step->layer->cosines + turn, step->layer->sines + turn, size);

  uint32_t end = token->position + 1, window = step->layer->window, start = window && end > window ? end - window : 0;
  uint32_t at = step->layer_number * 2 * kv_width + head / (model->heads / model->kv_heads) * size;
  for (uint32_t i = start; i < end; i++) {
    scores[i] = model->attention_scale * dot(query, token->cache[i] + at, size);
  }
  softmax(scores + start, end - start);
  for (uint32_t c = 0; c < size; c++) attended[c] = 0;
  for (uint32_t i = start; i < end; i++) {
    add_scaled(attended, scores[i], token->cache[i] + at + kv_width, size);
  }
}

static void attention(const Step *step) {
  const Model *model = step->model;
  const Layer *layer = step->layer;
  uint32_t size = model->head_size, kv_width = model->kv_heads * size;
  const Matrix *matrices[] = {&layer->query, &layer->key, &layer->value};
  float *results[] = {model->queries, model->keys, model->values};
  products(model, model->normed, step->count, 3, matrices, results);
  for (uint32_t t = 0; t < step->count; t++) {
    const Token *token = &step->tokens[t];
    uint32_t turn = token->position * (size / 2);
    float *kept = token->cache[token->position] + step->layer_number * 2 * kv_width;
    for (uint32_t head = 0; head < model->kv_heads; head++) {
      float *key = kept + head * size;
      normalise(model->keys + t * kv_width + head * size, layer->key_norm, size, model->epsilon, key);
      rotate(key, layer->cosines + turn, layer->sines + turn, size);
    }
    copy(model->values + t * kv_width, kept + kv_width, kv_width);
  }
  share(attend, step, step->count * model->heads);
  product(model, model->attended, step->count, &layer->output, model->projected);
}

typedef struct {
  const Model *model;
  const Layer *layer;
  uint32_t count, chunk;
} Gates;

static void gate_chunk(const void *context, uint32_t item) {
  const Gates *all = context;
  const Model *model = all->model;
  const Matrix *gate = &all->layer->gate, *up = &all->layer->up;
  uint32_t first = item * all->chunk, last = smaller(first + all->chunk, gate->rows), width = gate->rows;
  float *gates = model->gates, *ups = gates + BATCH * width;
  multiply(gate, &model->rounded, all->count, first, last, gates);
  multiply(up, &model->rounded, all->count, first, last, ups);
  for (uint32_t at = first; at < all->count * width; at += width) gate_by_gelu(gates + at, ups + at, last - first);
}

static void mlp(const Step *step) {
  const Model *model = step->model;
  const Layer *layer = step->layer;
  Rounded rounded = model->rounded;
  round_vectors(model->normed, step->count, &layer->gate, &rounded);
  Gates all = {model, layer, step->count, rows_of_a_chunk(2 * layer->gate.columns)};
  share(gate_chunk, &all, chunks(&layer->gate, all.chunk));
  product(model, model->gates, step->count, &layer->down, model->projected);
}

// The norm after a part, its addition to the residual stream, and the norm before the part that follows.
static void add_and_normalise(const Step *step, const float *after, const float *before) {
  const Model *model = step->model;
  uint32_t width = model->width;
  for (uint32_t t = 0; t < step->count; t++) {
    float *stream = model->stream + t * width, *change = model->projected + t * width;
    normalise(change, after, width, model->epsilon, change);
    add_scaled(stream, 1, change, width);
    normalise(stream, before, width, model->epsilon, model->normed + t * width);
  }
}

static void embed(const Model *model, uint32_t id, float *out) {
  const Matrix *table = &model->table;
  const uint8_t *levels = table->levels + id * table->columns;
  const float *scales = table->scales + id * (table->columns / table->block);
  for (uint32_t c = 0; c < table->columns; c++) {
    out[c] = ((float)levels[c] - 128) * scales[c / table->block] * model->embedding_scale;
  }
}

// Reads `count` tokens, at most BATCH, and writes the logits of the last `wanted` of them to `logits`, row by row.
__attribute__((export_name("step"))) void step(const Model *model, const Token *tokens, uint32_t count, uint32_t wanted,
                                               float *logits) {
  uint32_t width = model->width;
  for (uint32_t t = 0; t < count; t++) {
    embed(model, tokens[t].id, model->stream + t * width);
    normalise(model->stream + t * width, model->layers->input_norm, width, model->epsilon, model->normed + t * width);
  }
  for (uint32_t i = 0; i < model->layer_count; i++) {
    const Layer *layer = &model->layers[i];
    const Step here = {model, layer, tokens, count, i};
    attention(&here);
    add_and_normalise(&here, layer->after_attention_norm, layer->before_mlp_norm);
    mlp(&here);
    const float *following = i + 1 < model->layer_count ? model->layers[i + 1].input_norm : model->final_norm;
    add_and_normalise(&here, layer->after_mlp_norm, following);
  }
  if (wanted) product(model, model->normed + (count - wanted) * width, wanted, &model->table, logits);
}
