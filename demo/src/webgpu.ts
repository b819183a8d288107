// What this browser's WebGPU adapter is. Works on the page and in a worker.
import type { Adapter } from './engine';

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupStorageSize',
] as const;

/** The adapter that an inference runtime would get, or null if there is none. */
export async function probeAdapter(): Promise<Adapter | null> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  return {
    vendor,
    architecture,
    description,
    is_fallback: isFallbackAdapter || architecture === 'swiftshader',
    features: [...adapter.features].sort(),
    limits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  };
}
