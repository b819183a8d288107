// The page's address says what to load: ?model=NAME&engine=mediapipe&device=wasm&dtype=q8&threads=1
import type { Device, EngineName, LoadOptions } from './engine';

const ENGINES: EngineName[] = ['pocketmoji', 'transformers.js', 'mediapipe'];
const DEVICES: Device[] = ['webgpu', 'wasm'];

/** What the query string asks for. Throws with the value and what it may be. `auto` false: wait for a call of load(). */
export function readAddress(query: string): { options: LoadOptions; auto: boolean } {
  const parameters = new URLSearchParams(query);
  const model = parameters.get('model') ?? 'model';
  if (!/^[\w.-]+$/.test(model) || model.startsWith('.')) {
    throw new Error(`?model=${model}: the name of a folder beside the page is expected (letters, digits, ".", "_", "-")`);
  }
  const engine = oneOf(parameters, 'engine', ENGINES);
  const device = oneOf(parameters, 'device', DEVICES);
  const dtype = parameters.get('dtype');
  const threads = Number(parameters.get('threads'));
  const options: LoadOptions = {
    model,
    ...(engine ? { engine } : {}),
    ...(device ? { device } : {}),
    ...(dtype ? { dtype } : {}),
    ...(threads > 0 ? { threads } : {}),
  };
  return { options, auto: parameters.get('load') !== 'manual' };
}

function oneOf<T extends string>(parameters: URLSearchParams, name: string, allowed: T[]): T | undefined {
  const value = parameters.get(name);
  if (value === null) return undefined;
  const found = allowed.find((one) => one === value);
  if (!found) throw new Error(`?${name}=${value}: ${allowed.join(' or ')} is expected`);
  return found;
}
