import { ask, askOften } from './api.ts';
import { withDatabase, type BenchEngine } from './engines.ts';
import { quantile } from './load.ts';
import { seedConversations } from './seed.ts';
import { startSidecar } from './start-up.ts';
import { milliseconds, note, shown, type Row } from './table.ts';
import { eventually } from './wait.ts';

const NO_UPSTREAM = 'http://127.0.0.1:9';
const TREE_GOAL = { pglite: 20, postgresql: 10 };
const LIST_GOAL = 20;

/**
 * The tree of a long conversation and the lists beside many conversations, over the API: from asking to the last byte
 * of the answer.
 */
export async function measureQueries(
  engine: BenchEngine,
  size: { turns: number; conversations: number; rounds: number },
): Promise<Row[]> {
  return withDatabase(engine, async ({ options, dataDir, databaseUrl }) => {
    const { firstIds } = await seedConversations(options, [
      { kind: 'many', conversations: size.conversations, length: 2 },
      { kind: 'long', conversations: 1, length: size.turns },
    ]);
    const sidecar = await startSidecar(dataDir, NO_UPSTREAM, { databaseUrl });
    try {
      const list = '/api/conversations?limit=50';
      await eventually(() => ask(sidecar, list), 30_000);
      const tree = `/api/conversations/${firstIds[1]!}`;
      const { text } = await ask(sidecar, tree);
      const shownTurns = (JSON.parse(text) as { requests?: unknown[] }).requests?.length ?? size.turns;
      if (shownTurns < size.turns) {
        throw new Error(`The tree has ${String(shownTurns)} of ${String(size.turns)}`);
      }
      const among = `${String(size.conversations)} conversations (${engine})`;
      const kilobytes = (Buffer.byteLength(text) / 1024).toFixed(0);
      const treeTimes = await askOften(sidecar, tree, size.rounds);
      const rows = [
        milliseconds(
          `tree of ${String(size.turns)} turns over the API (${engine}), p50`,
          quantile(treeTimes, 0.5),
          TREE_GOAL[engine],
          `p99 ${shown(quantile(treeTimes, 0.99))} ms, ${kilobytes} KB`,
        ),
      ];
      const requests = '/api/requests?limit=50';
      for (const [what, path, goal] of [
        ['conversations, first page', list, LIST_GOAL],
        ['conversations, of one project', `${list}&project=project-3`, LIST_GOAL],
        ['conversations, title search', `${list}&search=number%2077`, null],
        // None of these finds anything: whoever has to walk through all of it shows.
        ['conversations, running', `${list}&state=running`, LIST_GOAL],
        ['requests, running', `${requests}&state=running`, LIST_GOAL],
        ['requests, interrupted', `${requests}&state=interrupted`, LIST_GOAL],
        ['requests, status 304', `${requests}&status=304`, LIST_GOAL],
      ] as const) {
        const times = await askOften(sidecar, path, size.rounds);
        const name = `list of ${what}, of ${among}, p50`;
        const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
        const remark = `p99 ${shown(p99)} ms`;
        rows.push(
          goal === null
            ? note(name, `${shown(p50)} ms (${remark})`, { ms: p50 })
            : milliseconds(name, p50, goal, remark),
        );
      }
      return rows;
    } finally {
      await sidecar.stop();
    }
  });
}
