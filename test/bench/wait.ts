import { setTimeout as sleep } from 'node:timers/promises';

/** Tries until `read` does not throw and gives something; throws the last error after `limitMs`. */
export async function eventually<T>(
  read: () => T | undefined | Promise<T | undefined>,
  limitMs = 10_000,
): Promise<T> {
  for (const end = performance.now() + limitMs; ;) {
    let failure: unknown = new Error('This did not come true in time');
    try {
      const value = await read();
      if (value !== undefined) return value;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) throw failure;
    await sleep(10);
  }
}
