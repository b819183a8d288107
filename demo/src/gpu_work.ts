// What a GPU is told to do, counted, whoever tells it: a GPU at this size waits for dispatches and for what is read back.
// Software adapters count the same.
import type { GpuWork } from './engine';

const work: GpuWork = { dispatches: 0, bytes_read: 0 };
let counting = false;

/** From now on, in this thread. */
export function countGpuWork(): void {
  if (counting || typeof GPUDevice === 'undefined') return;
  counting = true;
  const pass = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = pass;
  pass.dispatchWorkgroups = function (...given) {
    work.dispatches++;
    return dispatchWorkgroups.apply(this, given);
  };
  pass.dispatchWorkgroupsIndirect = function (...given) {
    work.dispatches++;
    return dispatchWorkgroupsIndirect.apply(this, given);
  };
  const { mapAsync } = GPUBuffer.prototype;
  GPUBuffer.prototype.mapAsync = function (mode, offset, size) {
    if (mode & GPUMapMode.READ) work.bytes_read += size ?? this.size - (offset ?? 0);
    return mapAsync.call(this, mode, offset, size);
  };
}

/** All that was counted so far; null if nothing is. */
export function gpuWork(): GpuWork | null {
  return counting ? { ...work } : null;
}

/** What a further token took, from the counts after each. */
export function workOfAToken(counts: GpuWork[]): GpuWork | undefined {
  const [first, last] = [counts[0], counts.at(-1)];
  if (!first || !last || counts.length < 2) return undefined;
  const each = (name: keyof GpuWork) => (last[name] - first[name]) / (counts.length - 1);
  return { dispatches: each('dispatches'), bytes_read: each('bytes_read') };
}
