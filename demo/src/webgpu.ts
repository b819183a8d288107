// What this browser's WebGPU adapter is, however it disappoints. Works on the page and in a worker.
import type { Adapter } from './engine';
import { within } from './time_limit';

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
] as const;
const LIMIT_MS = 10_000;
// While its GPU process starts, or starts anew, Chromium may give no adapter that it gives a moment later (an H200 did).
const ASKED_AGAIN_MS = [150, 350];

export interface Probe {
  adapter: Adapter | null;
  /** Why there is none that could be used, in words; null if there is one. */
  problem: string | null;
}

type Described = Partial<Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'description' | 'isFallbackAdapter'>>;
/** As browsers had it before `info`: Chromium until 126. */
type Older = GPUAdapter & { requestAdapterInfo?: () => Promise<Described>; isFallbackAdapter?: boolean };

let probed: Promise<Probe> | undefined;

/** The adapter that an inference runtime would get, if it gives a device. Never fails, and never waits for ever. */
export function probeWebGpu(): Promise<Probe> {
  probed ??= within(LIMIT_MS, 'WebGPU', ask()).catch((error: unknown) => ({
    adapter: null,
    problem: `this browser's WebGPU does not work (${(error as Error)?.message ?? error})`,
  }));
  return probed;
}

export async function probeAdapter(): Promise<Adapter | null> {
  return (await probeWebGpu()).adapter;
}

/** The faster adapter, asked for again where there is none at first; null after half a second without one. */
export async function requestAdapter(): Promise<GPUAdapter | null> {
  if (!navigator.gpu) return null;
  const once = () => navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  let adapter = await once();
  for (const wait of ASKED_AGAIN_MS) {
    if (adapter) break;
    await new Promise((resolve) => setTimeout(resolve, wait));
    adapter = await once();
  }
  return adapter;
}

async function ask(): Promise<Probe> {
  const adapter = (await requestAdapter()) as Older | null;
  if (!adapter) return { adapter: null, problem: 'this browser gives no WebGPU adapter' };
  const info: Described = adapter.info ?? (await adapter.requestAdapterInfo?.().catch(() => ({}))) ?? {};
  const { vendor = '', architecture = '', description = '' } = info;
  const found = {
    vendor,
    architecture,
    description,
    is_fallback: (info.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false) || architecture === 'swiftshader',
    features: [...(adapter.features ?? [])].sort(),
    limits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits?.[name] ?? 0])),
  };
  (await adapter.requestDevice()).destroy(); // an adapter that gives no device is none
  return { adapter: found, problem: null };
}

/** Calls `onLost` when a device that anyone here asked for is lost; one that was given back is not. */
export function watchDevices(onLost: (reason: string) => void): void {
  if (typeof GPUAdapter === 'undefined') return;
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...options) {
    const device = await request.apply(this, options);
    void device.lost?.then(({ reason, message }) => reason !== 'destroyed' && onLost(message || 'it was reset'));
    return device;
  };
}
