// Download progress in bytes, counted where the bytes come in.
import type { Download } from './engine';

export type OnProgress = (download: Download) => void;

/** `response` with the same content, each chunk of which is reported to `onProgress` under the name `file`. */
export function counted(response: Response, file: string, onProgress: OnProgress): Response {
  if (!response.ok || !response.body) return response;
  const total = Number(response.headers.get('content-length') ?? 0);
  let loaded = 0;
  onProgress({ file, loaded, total });
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      onProgress({ file, loaded, total });
      controller.enqueue(chunk);
    },
  });
  const body = (response.body as ReadableStream<Uint8Array>).pipeThrough(
    counter as unknown as ReadableWritablePair<Uint8Array, Uint8Array>,
  );
  return new Response(body as unknown as BodyInit, { status: response.status, headers: response.headers });
}
