/**
 * Calls `work` for every item, `lanes` at a time, in order. The first failure aborts the signal of the others, waits until
 * they have ended, and is thrown.
 */
export async function inParallel<Item>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const stopped = new AbortController();
  const either = signal === undefined ? stopped.signal : AbortSignal.any([signal, stopped.signal]);
  const queue = items.values();
  let failure: { readonly error: unknown } | undefined;
  const lane = async () => {
    for (const item of queue) {
      if (either.aborted) return;
      await work(item, either).catch((error: unknown) => {
        failure ??= { error };
        stopped.abort(error);
      });
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  signal?.throwIfAborted();
  if (failure !== undefined) throw failure.error;
}
