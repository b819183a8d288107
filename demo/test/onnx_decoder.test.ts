import { expect, test } from 'vitest';
import { OnnxDecoder } from '../src/onnx_decoder';

class Tensor {
  location = 'cpu';
  constructor(
    public type: string,
    public data: ArrayLike<unknown>,
    public dims: number[],
  ) {}
}
const library = { Tensor, DynamicCache: class { constructor(public entries: object) {} } };

/** A model whose cache grows by what it reads; notes what it is asked. */
function recorder() {
  const asked: { read: number[]; attended: number }[] = [];
  const forward = async ({ input_ids, attention_mask, past_key_values }: Record<string, any>) => {
    asked.push({ read: Array.from(input_ids.data, Number), attended: attention_mask.dims[1] });
    const past = past_key_values?.entries['past_key_values.0.key'].dims[2] ?? 0;
    const cache = new Tensor('float32', [], [1, 1, past + input_ids.dims[1], 1]);
    return { logits: new Tensor('float32', new Float32Array([1, 2]), [1, 1, 2]), 'present.0.key': cache };
  };
  return { asked, decoder: new OnnxDecoder(library as never, { forward } as never, {} as never) };
}

test('what all prompts begin with is read once', async () => {
  const { asked, decoder } = recorder();
  await decoder.begin([2, 5, 6]);
  for (const prompt of [[2, 5, 6, 7, 8], [2, 5, 6, 9]]) await decoder.step([prompt], null);
  expect(asked).toEqual([
    { read: [2, 5, 6], attended: 3 },
    { read: [7, 8], attended: 5 },
    { read: [9], attended: 4 },
  ]);
});

test('a prompt that begins otherwise, or goes no further, is read whole', async () => {
  const { asked, decoder } = recorder();
  await decoder.begin([2, 5, 6]);
  const { cache } = await decoder.step([[2, 5, 7, 8]], null);
  await decoder.step([[3]], cache);
  await decoder.step([[2, 5, 6]], null);
  expect(asked.slice(1)).toEqual([
    { read: [2, 5, 7, 8], attended: 4 },
    { read: [3], attended: 5 },
    { read: [2, 5, 6], attended: 3 },
  ]);
});
