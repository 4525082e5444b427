import type { Database } from './database.ts';

/** Another process may delete something between each two tries, but hardly each time. */
const MOST_TRIES = 4;
const FOREIGN_KEY_VIOLATION = '23503';
const CHECK_VIOLATION = '23514';

/**
 * Runs a transaction, and again when it was refused because something is gone that was taken for stored: housekeeping
 * (perhaps another process's) has deleted a block or a node, or dropped a month of usage. The next tries take nothing
 * for known (`anew`): all content has to be prepared in full, and is asked for.
 */
export async function untilStored<T>(database: Database, work: (anew: boolean) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work(tries > 1);
    } catch (error) {
      if (tries === MOST_TRIES || !isGone(error)) throw error;
      database.known.forget();
    }
  }
}

/** Thrown in such a transaction, so that it is undone and begun again. */
export class GoneError extends Error {}

function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof GoneError) return true;
  const { code } = error as { code?: unknown };
  return (
    code === FOREIGN_KEY_VIOLATION ||
    (code === CHECK_VIOLATION && error.message.includes('no partition of relation'))
  );
}
