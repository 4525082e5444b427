import { beginRehash, endRehash, outdatedExchanges, storedLinkVersion } from '../store/link-version.ts';
import type { ScopePosition } from '../store/rebuild-scope.ts';
import type { ExchangeKey } from '../store/relink-list.ts';
import type { Database } from '../store/database.ts';
import { Preparation } from './preparation.ts';
import type { RunSlice } from './purge.ts';
import { rehashExchange } from './relink.ts';
import { ifReadable, inStore, RELINK_LIMITS, type RelinkContext } from './relink-slice.ts';
import { linkVersion } from './request-chain.ts';
import type { RecorderListener } from './thread.ts';

const SLICE_MS = 15;
const PAGE = 50;

/**
 * Computes link hashes of an older version anew, from the newest exchange on: whatever goes on now finds its parent
 * within moments. Nothing is linked by it but what was recorded meanwhile, which is put on the list at the end. Begins
 * anew when it was interrupted, and then finds less to do. Resolves with how many it were.
 */
export async function rehash(run: RunSlice, log: RecorderListener['onLog']): Promise<number> {
  if ((await run(({ db }) => storedLinkVersion(db))) >= linkVersion) return 0;
  await run(({ db }) => beginRehash(db));
  const context = { preparation: new Preparation(RELINK_LIMITS), transaction: inStore, log };
  let count = 0;
  let behind: ScopePosition | null = null;
  for (;;) {
    const after: ScopePosition | null = behind;
    const page: ScopePosition[] = await run(({ db }) => outdatedExchanges(db, linkVersion, after, PAGE));
    if (page.length === 0) break;
    behind = page.at(-1)!;
    for (let done = 0; done < page.length;) {
      const waiting = page.slice(done);
      done += await run((database) => rehashSome(database, context, waiting));
    }
    count += page.length;
  }
  await run(({ db }) => endRehash(db, linkVersion));
  return count;
}

/** Some from the front of `waiting`; how many. */
async function rehashSome(
  database: Database,
  context: RelinkContext,
  waiting: ExchangeKey[],
): Promise<number> {
  const begun = performance.now();
  const tenant = waiting[0]!.tenant;
  return context.transaction(database, tenant, async (tx) => {
    let done = 0;
    while (waiting[done]?.tenant === tenant && performance.now() - begun < SLICE_MS) {
      // A message thread: the exchange before it comes first.
      const stack: ExchangeKey[] = [waiting[done]!];
      while (stack.length > 0) {
        const key = stack.at(-1)!;
        const first = await ifReadable(context, key, () => rehashExchange(tx, context.preparation, key));
        if (first === null) stack.pop();
        else stack.push(first);
      }
      done++;
    }
    return done;
  });
}
