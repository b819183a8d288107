// A model that Transformers.js has loaded, step by step: its generate() reads the prompt anew for every answer.
import type { PreTrainedModel, PreTrainedTokenizer, Tensor } from '@huggingface/transformers';
import type { Decoder } from './decoding';

type Library = typeof import('@huggingface/transformers');
type Cache = Record<string, Tensor>;

export class OnnxDecoder implements Decoder {
  private beginning: { tokens: number[]; cache: Cache } | null = null;

  constructor(
    private library: Library,
    private model: PreTrainedModel,
    private tokenizer: PreTrainedTokenizer,
  ) {}

  /** Reads what all prompts begin with, once and for all: a prompt that does is read from there on. */
  async begin(tokens: number[]): Promise<void> {
    const { cache } = await this.step([tokens], null);
    this.beginning = { tokens, cache };
  }

  async step(rows: number[][], cache: Cache | null): Promise<{ logits: Float32Array[]; cache: Cache }> {
    const shared = this.beginning;
    if (cache || !shared || rows[0]!.length <= shared.tokens.length || shared.tokens.some((token, i) => token !== rows[0]![i])) {
      const output = await this.run(rows, cache);
      if (cache) await this.forget(cache);
      return output;
    }
    return this.run(
      rows.map((row) => row.slice(shared.tokens.length)),
      shared.cache,
    );
  }

  private async run(rows: number[][], cache: Cache | null): Promise<{ logits: Float32Array[]; cache: Cache }> {
    const { Tensor, DynamicCache } = this.library;
    const length = rows[0]!.length;
    const past = cache ? (Object.values(cache)[0]?.dims[2] ?? 0) : 0;
    const whole = (data: number[], dims: number[]) => new Tensor('int64', BigInt64Array.from(data, BigInt), dims);
    const output = (await this.model.forward({
      input_ids: whole(rows.flat(), [rows.length, length]),
      attention_mask: whole(new Array(rows.length * (past + length)).fill(1), [rows.length, past + length]),
      num_logits_to_keep: whole([1], []),
      past_key_values: cache && new DynamicCache(cache),
    })) as Record<string, Tensor>;
    const { logits } = output;
    if (!logits) throw new Error('the model has no output "logits"');
    const vocabulary = logits.dims.at(-1)!;
    const data = logits.data as Float32Array;
    const kept = data.length / rows.length; // a model that cannot keep only the last position gives all
    const grown: Cache = {};
    for (const [name, tensor] of Object.entries(output)) {
      if (name.startsWith('present')) grown[name.replace('present', 'past_key_values')] = tensor;
    }
    return { logits: rows.map((_, i) => data.slice((i + 1) * kept - vocabulary, (i + 1) * kept)), cache: grown };
  }

  async repeat(cache: Cache, rows: number): Promise<Cache> {
    const repeated: Cache = {};
    for (const [name, tensor] of Object.entries(cache)) {
      const one = (await onHost(tensor)) as Float32Array;
      const all = new (one.constructor as Float32ArrayConstructor)(one.length * rows);
      for (let row = 0; row < rows; row++) all.set(one, row * one.length);
      repeated[name] = new this.library.Tensor(tensor.type, all, [rows, ...tensor.dims.slice(1)]);
    }
    await this.forget(cache);
    return repeated;
  }

  async forget(cache: Cache): Promise<void> {
    for (const tensor of Object.values(cache)) if (tensor.location === 'gpu-buffer') tensor.dispose();
  }

  spell(tokens: number[]): string {
    return this.tokenizer.decode(tokens, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }
}

/** A tensor's values, wherever they are: on WebGPU the cache stays on the GPU. */
async function onHost(tensor: Tensor): Promise<unknown> {
  if (tensor.location !== 'gpu-buffer') return tensor.data;
  return (tensor as unknown as { ort_tensor: { getData(): Promise<unknown> } }).ort_tensor.getData();
}
