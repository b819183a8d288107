// Some promises of a browser are never settled: storage in a broken profile, a GPU process that hangs.

/** `promise`, or a failure after so many milliseconds that says what was waited for. */
export function within<T>(milliseconds: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${milliseconds / 1000} s`)), milliseconds);
  });
  return Promise.race([promise, over]).finally(() => clearTimeout(timer));
}
