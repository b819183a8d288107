// Constants of WebGPU that TypeScript's library does not have.
declare const GPUBufferUsage: { readonly MAP_READ: number; readonly COPY_SRC: number; readonly COPY_DST: number; readonly STORAGE: number };
declare const GPUMapMode: { readonly READ: number };
