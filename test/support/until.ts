import { setTimeout as delay } from 'node:timers/promises';

/** Asks again every 100 ms until there is an answer. Throws with what was last seen after `timeoutMs`. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | undefined>,
  seen: () => string = () => '',
): Promise<T> {
  for (const limit = Date.now() + timeoutMs; ;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > limit) throw new Error(`${what} did not appear in ${timeoutMs} ms\n${seen()}`.trim());
    await delay(100);
  }
}
