import type { RequestHead } from '../../src/sidecar/core/frames.ts';
import { Preparation } from '../../src/sidecar/recorder/preparation.ts';
import { quantile } from './load.ts';
import type { Row } from './table.ts';
import { sessionTurns } from './turns.ts';

const FULL_GOAL = 4;
const INCREMENTAL_GOAL = 0.5;
const TURNS = 100;
const SIZE = 600_000;
/** How many of the session's last requests are sent, in turn. */
const LAST = 12;

/**
 * What the recorder's thread does with a body of 600 KB between the journal's bytes and the transaction: taking apart,
 * chain hashes, verifying, reading the facts. In full and from the body before take turns, in one process.
 */
export function measurePreparation(effort: number): Row[] {
  const turns = sessionTurns(TURNS, SIZE, LAST);
  const head: RequestHead = {
    id: 'bench',
    tenant: 'local',
    project: null,
    domain: '',
    method: 'POST',
    path: '/v1/messages?beta=true',
    httpVersion: '1.1',
    headers: turns[0]!.headers,
    credential: null,
    redactions: [],
  };
  const samples = { full: [] as number[], incremental: [] as number[] };
  const rounds = Math.max(2, Math.round(10 * effort));
  for (let round = -2; round < rounds; round++) {
    const preparation = new Preparation();
    for (const { body } of turns) {
      const incremental = timed(() => preparation.prepare(head, body));
      const isFirst = incremental.result.before === null;
      preparation.committed(incremental.result);
      const full = timed(() => new Preparation().prepare(head, body));
      if (round < 0 || isFirst) continue;
      samples.incremental.push(incremental.ms);
      samples.full.push(full.ms);
    }
  }
  return [
    rowOf('full', samples.full, FULL_GOAL),
    rowOf('incremental', samples.incremental, INCREMENTAL_GOAL),
  ];
}

function timed<T>(work: () => T): { result: T; ms: number } {
  const started = performance.now();
  const result = work();
  return { result, ms: performance.now() - started };
}

function rowOf(path: string, samples: number[], goal: number): Row {
  const [p50, p95, least] = [quantile(samples, 0.5), quantile(samples, 0.95), quantile(samples, 0)];
  return {
    what: `preparing a turn, ${path}, 600 KB, p50`,
    value: `${p50.toFixed(2)} ms (p95 ${p95.toFixed(2)} ms, least ${least.toFixed(2)} ms)`,
    goal: `≤ ${String(goal)} ms`,
    met: p50 <= goal,
    ofGoal: p50 / goal,
    numbers: { p50, p95, least },
  };
}
