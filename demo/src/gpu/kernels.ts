// What the GPU computes, in WGSL: as few dispatches as a layer can be cut into, since a GPU waits for those and not for
// memory at this size. Sums are of 32-bit floats and weights are unpacked where they are used, so nothing is rounded.
// Vectors stand in fours. A binding's number is its place in the list that `Kernel.run` is given.
import type { Matrix } from '../cpu/gemma';

/** Tokens of a step, at most. */
export const BATCH = 8;
/** The largest logits that are read back; with equal ones more may be found. */
export const BEST = 64;
export const FOUND = 2 * BEST;
/** Of each row: how many were found, how many logits are NaN, and how many infinite; then token and logit of each. */
export const REPORT_WORDS = 4 + 2 * FOUND;

const LANES = 8; // that share a row of weights
const ROWS = 8; // of a workgroup
const THREADS = LANES * ROWS;
const WIDE = 256;

/** The sum of one number of each thread, in every thread. */
const SUM = (threads: number) => `
var<workgroup> parts: array<f32, ${threads}>;
fn total(value: f32, lane: u32) -> f32 {
  parts[lane] = value;
  workgroupBarrier();
  for (var reach = ${threads / 2}u; reach > 0u; reach /= 2u) {
    if (lane < reach) { parts[lane] += parts[lane + reach]; }
    workgroupBarrier();
  }
  let sum = parts[0];
  workgroupBarrier();
  return sum;
}`;

/** Where the matrix is read: `weigh(row, lane)` adds each token's part of the product to `sums`. */
const weigh = ({ columns, block, bits }: Matrix, tokens: number) => {
  const levels = 128 / bits; // in 16 bytes
  const pairs = bits === 4
    ? `let low = vec4f((vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(15)) - zero;
       let high = vec4f((vec4u(word) >> vec4u(4, 12, 20, 28)) & vec4u(15)) - zero;
       for (var t = 0u; t < ${tokens}u; t++) {
         let one = source[t * ${columns / 4}u + first];
         let other = source[t * ${columns / 4}u + first + 1u];
         (*sums)[t] += scale * (dot(low, vec4f(one.xz, other.xz)) + dot(high, vec4f(one.yw, other.yw)));
       }
       first += 2u;`
    : `let level = vec4f((vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(255)) - zero;
       for (var t = 0u; t < ${tokens}u; t++) { (*sums)[t] += scale * dot(level, source[t * ${columns / 4}u + first]); }
       first += 1u;`;
  return `
fn weigh(row: u32, lane: u32, sums: ptr<function, array<f32, ${tokens}>>) {
  for (var i = lane; i < ${columns / levels}u; i += ${LANES}u) {
    let four = levels[row * ${columns / levels}u + i];
    let scale = grid[row * ${columns / block}u + i / ${block / levels}u].x;
    let zero = grid[row * ${columns / block}u + i / ${block / levels}u].y;
    var first = i * ${levels / 4}u;
    for (var w = 0u; w < 4u; w++) {
      let word = four[w];
      ${pairs}
    }
  }
}`;
};

/** A matrix times each token's vector. `gated`: the matrix has the gate's rows and then those that it opens and shuts.
 * Bindings: levels, scales with zero points, source, result. */
export function product(matrix: Matrix, tokens: number, gated: boolean): string {
  const rows = gated ? matrix.rows / 2 : matrix.rows;
  const gelu = `
fn gelu(x: f32) -> f32 {
  let inner = 0.7978845608028654 * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + tanh(clamp(inner, -15.0, 15.0)));
}`;
  const write = (value: string) => `result[t * ${rows}u + row] = ${value};`;
  return `
@group(0) @binding(0) var<storage, read> levels: array<vec4u>;
@group(0) @binding(1) var<storage, read> grid: array<vec2f>;
@group(0) @binding(2) var<storage, read> source: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;
var<workgroup> parts: array<array<f32, ${gated ? 2 * THREADS : THREADS}>, ${tokens}>;
${gated ? gelu : ''}
${weigh(matrix, tokens)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % ${LANES}u;
  let row = group.x * ${ROWS}u + thread / ${LANES}u;
  if (row < ${rows}u) {
    var sums: array<f32, ${tokens}>;
    weigh(row, lane, &sums);
    for (var t = 0u; t < ${tokens}u; t++) { parts[t][thread] = sums[t]; }
    ${gated ? `var ups: array<f32, ${tokens}>;
    weigh(row + ${rows}u, lane, &ups);
    for (var t = 0u; t < ${tokens}u; t++) { parts[t][${THREADS}u + thread] = ups[t]; }` : ''}
  }
  workgroupBarrier();
  for (var t = lane; t < ${tokens}u; t += ${LANES}u) {
    if (row >= ${rows}u) { continue; }
    let begin = thread - lane;
    var sum = 0.0;
    for (var i = 0u; i < ${LANES}u; i++) { sum += parts[t][begin + i]; }
    ${gated ? `var up = 0.0;
    for (var i = 0u; i < ${LANES}u; i++) { up += parts[t][${THREADS}u + begin + i]; }
    ${write('gelu(sum) * up')}` : write('sum')}
  }
}`;
}

export const productGroups = (rows: number) => Math.ceil(rows / ROWS);

/** Looks a token's row up and normalises it. Bindings: levels, scales, tokens, the norm's weights, stream, normed. */
export function embed({ columns, block }: Matrix, scale: number, epsilon: number): string {
  return `
@group(0) @binding(0) var<storage, read> levels: array<u32>;
@group(0) @binding(1) var<storage, read> grid: array<vec2f>;
@group(0) @binding(2) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(3) var<storage, read> weights: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> stream: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> normed: array<vec4f>;
${SUM(THREADS)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = tokens[group.y].x;
  let start = group.y * ${columns / 4}u;
  var squares = 0.0;
  for (var i = lane; i < ${columns / 4}u; i += ${THREADS}u) {
    let word = levels[row * ${columns / 4}u + i];
    let step = grid[row * ${columns / block}u + i / ${block / 4}u];
    let value = (vec4f((vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(255)) - step.y) * step.x * ${float(scale)};
    stream[start + i] = value;
    squares += dot(value, value);
  }
  let by = inverseSqrt(total(squares, lane) / ${columns}.0 + ${float(epsilon)});
  for (var i = lane; i < ${columns / 4}u; i += ${THREADS}u) { normed[start + i] = stream[start + i] * by * weights[i]; }
}`;
}

/** The norm after a part, its addition to the stream, and the norm before the part that follows.
 * Bindings: change, the first norm's weights, the second's, stream, normed. */
export function addAndNormalise(width: number, epsilon: number): string {
  return `
@group(0) @binding(0) var<storage, read> change: array<vec4f>;
@group(0) @binding(1) var<storage, read> after: array<vec4f>;
@group(0) @binding(2) var<storage, read> before: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> stream: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> normed: array<vec4f>;
${SUM(THREADS)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.y * ${width / 4}u;
  var squares = 0.0;
  for (var i = lane; i < ${width / 4}u; i += ${THREADS}u) { squares += dot(change[start + i], change[start + i]); }
  let by = inverseSqrt(total(squares, lane) / ${width}.0 + ${float(epsilon)});
  squares = 0.0;
  for (var i = lane; i < ${width / 4}u; i += ${THREADS}u) {
    let value = stream[start + i] + change[start + i] * by * after[i];
    stream[start + i] = value;
    squares += dot(value, value);
  }
  let next = inverseSqrt(total(squares, lane) / ${width}.0 + ${float(epsilon)});
  for (var i = lane; i < ${width / 4}u; i += ${THREADS}u) { normed[start + i] = stream[start + i] * next * before[i]; }
}`;
}

export interface Heads {
  heads: number;
  kvHeads: number;
  headSize: number;
}

/** Normalises and turns a head of a query in its place, and of a key into the cache, where the value goes as well.
 * Bindings: tokens, the query norm's weights, the key norm's, cosines with sines, queries with keys and values, keys, values. */
export function turn({ heads, kvHeads, headSize }: Heads, epsilon: number): string {
  const half = headSize / 2;
  return `
@group(0) @binding(0) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(1) var<storage, read> query_norm: array<f32>;
@group(0) @binding(2) var<storage, read> key_norm: array<f32>;
@group(0) @binding(3) var<storage, read> turns: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> vectors: array<f32>;
@group(0) @binding(5) var<storage, read_write> keys: array<f32>;
@group(0) @binding(6) var<storage, read_write> values: array<f32>;
${SUM(THREADS)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = tokens[group.y];
  let head = group.x;
  let start = (group.y * ${heads + 2 * kvHeads}u + head) * ${headSize}u;
  if (head >= ${heads + kvHeads}u) {
    let kept = (token.z * ${kvHeads}u + head - ${heads + kvHeads}u) * ${headSize}u;
    for (var i = lane; i < ${headSize}u; i += ${THREADS}u) { values[kept + i] = vectors[start + i]; }
    return;
  }
  var squares = 0.0;
  for (var i = lane; i < ${headSize}u; i += ${THREADS}u) { squares += vectors[start + i] * vectors[start + i]; }
  let by = inverseSqrt(total(squares, lane) / ${headSize}.0 + ${float(epsilon)});
  for (var i = lane; i < ${half}u; i += ${THREADS}u) {
    let angle = turns[token.y * ${half}u + i];
    var one = vectors[start + i] * by;
    var other = vectors[start + ${half}u + i] * by;
    if (head < ${heads}u) {
      one *= query_norm[i];
      other *= query_norm[${half}u + i];
      vectors[start + i] = one * angle.x - other * angle.y;
      vectors[start + ${half}u + i] = other * angle.x + one * angle.y;
    } else {
      let kept = (token.z * ${kvHeads}u + head - ${heads}u) * ${headSize}u;
      one *= key_norm[i];
      other *= key_norm[${half}u + i];
      keys[kept + i] = one * angle.x - other * angle.y;
      keys[kept + ${half}u + i] = other * angle.x + one * angle.y;
    }
  }
}`;
}

/** Attention of a head of a token. Bindings: tokens, the places in the cache of each token's row, queries, keys, values,
 * attended. `window` 0: all positions are seen. */
export function attend({ heads, kvHeads, headSize }: Heads, positions: number, scale: number, window: number): string {
  const fours = headSize / 4;
  return `
@group(0) @binding(0) var<storage, read> tokens: array<vec4u>;
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(3) var<storage, read> keys: array<vec4f>;
@group(0) @binding(4) var<storage, read> values: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> attended: array<vec4f>;
var<workgroup> scores: array<f32, ${positions}>;
var<workgroup> query: array<vec4f, ${fours}>;
var<workgroup> highest: array<f32, ${THREADS}>;
${SUM(THREADS)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let token = tokens[group.y];
  let end = token.y + 1u;
  let start = ${window ? `select(0u, end - ${window}u, end > ${window}u)` : '0u'};
  let here = (group.y * ${heads + 2 * kvHeads}u + group.x) * ${fours}u;
  let kv = group.x / ${heads / kvHeads}u;
  let list = token.w * ${positions}u;
  for (var i = lane; i < ${fours}u; i += ${THREADS}u) { query[i] = vectors[here + i]; }
  workgroupBarrier();
  var most = -3e38;
  for (var p = start + lane; p < end; p += ${THREADS}u) {
    let at = (places[list + p] * ${kvHeads}u + kv) * ${fours}u;
    var score = 0.0;
    for (var i = 0u; i < ${fours}u; i++) { score += dot(query[i], keys[at + i]); }
    score *= ${float(scale)};
    scores[p] = score;
    most = max(most, score);
  }
  highest[lane] = most;
  workgroupBarrier();
  for (var i = 0u; i < ${THREADS}u; i++) { most = max(most, highest[i]); }
  var share = 0.0;
  for (var p = start + lane; p < end; p += ${THREADS}u) {
    let weight = exp(scores[p] - most);
    scores[p] = weight;
    share += weight;
  }
  let whole = total(share, lane);
  for (var i = lane; i < ${fours}u; i += ${THREADS}u) {
    var sum = vec4f();
    for (var p = start; p < end; p++) { sum += scores[p] * values[(places[list + p] * ${kvHeads}u + kv) * ${fours}u + i]; }
    attended[(group.y * ${heads}u + group.x) * ${fours}u + i] = sum / whole;
  }
}`;
}

/** The largest logits of a row that may be said: the smallest of them is found byte by byte of its bits, then all from it on
 * are reported, in no order. Bindings: logits, a bit for each token that may be said, report. */
export function largest(vocabulary: number): string {
  return `
@group(0) @binding(0) var<storage, read> logits: array<u32>;
@group(0) @binding(1) var<storage, read> allowed: array<u32>;
@group(0) @binding(2) var<storage, read_write> report: array<u32>;
var<workgroup> counts: array<atomic<u32>, 256>;
var<workgroup> odd: array<atomic<u32>, 2>;
var<workgroup> found: atomic<u32>;
var<workgroup> least: u32;
var<workgroup> wanted: u32;

fn may(row: u32, token: u32) -> bool { return ((allowed[row * ${Math.ceil(vocabulary / 32)}u + token / 32u] >> (token % 32u)) & 1u) == 1u; }
// Bits in the order of the numbers that they are.
fn ordered(bits: u32) -> u32 { return bits ^ select(0x80000000u, 0xffffffffu, bits >> 31u == 1u); }

@compute @workgroup_size(${WIDE})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y;
  let start = row * ${vocabulary}u;
  if (lane == 0u) { least = 0u; wanted = ${BEST}u; }
  for (var shift = 24u; ; shift -= 8u) {
    atomicStore(&counts[lane], 0u);
    workgroupBarrier();
    let above = workgroupUniformLoad(&least);
    for (var token = lane; token < ${vocabulary}u; token += ${WIDE}u) {
      let bits = logits[start + token];
      if (shift == 24u && (bits & 0x7f800000u) == 0x7f800000u) { atomicAdd(&odd[select(1u, 0u, (bits & 0x7fffffu) != 0u)], 1u); }
      let key = ordered(bits);
      // The bytes before this one must be those that were found; there are none before the first.
      if (may(row, token) && (shift == 24u || (key >> (shift + 8u)) == (above >> (shift + 8u)))) {
        atomicAdd(&counts[(key >> shift) & 255u], 1u);
      }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var byte = 255u;
      var left = wanted;
      for (; byte > 0u; byte--) {
        let count = atomicLoad(&counts[byte]);
        if (count >= left) { break; }
        left -= count;
      }
      wanted = left;
      least |= byte << shift;
    }
    workgroupBarrier();
    if (shift == 0u) { break; }
  }
  let from_on = workgroupUniformLoad(&least);
  for (var token = lane; token < ${vocabulary}u; token += ${WIDE}u) {
    let bits = logits[start + token];
    if (may(row, token) && ordered(bits) >= from_on) {
      let at = atomicAdd(&found, 1u);
      if (at < ${FOUND}u) {
        report[row * ${REPORT_WORDS}u + 4u + 2u * at] = token;
        report[row * ${REPORT_WORDS}u + 5u + 2u * at] = bits;
      }
    }
  }
  workgroupBarrier();
  if (lane == 0u) {
    report[row * ${REPORT_WORDS}u] = atomicLoad(&found);
    report[row * ${REPORT_WORDS}u + 1u] = atomicLoad(&odd[0]);
    report[row * ${REPORT_WORDS}u + 2u] = atomicLoad(&odd[1]);
  }
}`;
}

const float = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(Math.fround(value)));
