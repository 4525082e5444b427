import { setTimeout as sleep } from 'node:timers/promises';
import { text } from '../support/messages.ts';
import { SSE, streamOf, turn, user, assistant } from '../support/messages.ts';
import { leaveBehind } from '../support/recording.ts';
import { ask, askOften, pending } from './api.ts';
import { withDatabase, type BenchEngine } from './engines.ts';
import { quantile } from './load.ts';
import { randomText } from './random-text.ts';
import { startSidecar } from './start-up.ts';
import { milliseconds, shown, type Row } from './table.ts';
import { eventually } from './wait.ts';

/** Nobody listens there, and nothing is sent. */
const NO_UPSTREAM = 'http://127.0.0.1:9';
const LIST = '/api/conversations?limit=50';
const P50_GOAL = 2;
const MAX_GOAL = 50;
const TURNS = 20;
const START = Date.parse('2026-03-02T08:00:00Z');

/**
 * How long the list of conversations takes while the recorder works off a backlog: journal files of an earlier life,
 * two commits each, in conversations of 20 turns. Asked over the API every 5 ms until the backlog is gone.
 */
export async function measureReads(engine: BenchEngine, commits: number): Promise<Row[]> {
  return withDatabase(engine, async ({ dataDir, databaseUrl }) => {
    writeBacklog(dataDir, Math.round(commits / 2));
    const sidecar = await startSidecar(dataDir, NO_UPSTREAM, { databaseUrl });
    try {
      const total = await eventually(async () => {
        const left = await pending(sidecar);
        return left > 0 ? left : undefined;
      }, 30_000);
      // The first reads prepare their statements and find few rows.
      await ask(sidecar, LIST);
      const times: number[] = [];
      const begun = performance.now();
      let left = total;
      while (left > 0 && performance.now() - begun < 120_000) {
        for (let round = 0; round < 10; round++) {
          times.push((await ask(sidecar, LIST)).ms);
          await sleep(5);
        }
        left = await pending(sidecar);
      }
      const drained = (performance.now() - begun) / 1000;
      const quiet = quantile(await askOften(sidecar, LIST, 30), 0.5);
      const p50 = quantile(times, 0.5);
      const max = Math.max(...times);
      const remark = `of ${String(times.length)} in ${drained.toFixed(1)} s, ${String(total)} exchanges left behind`;
      return [
        milliseconds(
          `list of conversations while the recorder drains ${String(commits)} commits (${engine}), p50`,
          p50,
          P50_GOAL,
          `${remark}; p50 with nothing to do ${shown(quiet)} ms`,
        ),
        milliseconds(`… the longest (${engine})`, max, MAX_GOAL, `p99 ${shown(quantile(times, 0.99))} ms`),
      ];
    } finally {
      await sidecar.stop();
    }
  });
}

function writeBacklog(dataDir: string, exchanges: number): void {
  const random = randomText(3);
  for (let index = 0; index < exchanges; index += TURNS) {
    const session = `session-${String(index)}`;
    const messages: unknown[] = [user(random.prose(200))];
    for (let n = 0; n < TURNS && index + n < exchanges; n++) {
      const content = [text(random.prose(300))];
      leaveBehind(dataDir, {
        // Side by side, as sessions are.
        at: START + n * 30_000 + index,
        body: turn(session, messages),
        response: { headers: SSE, chunks: streamOf({ content }) },
      });
      messages.push(assistant(content), user(random.source(700)));
    }
  }
}
