import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf, openRoute, quantile, rotated, type Route } from './load.ts';
import { startNode, type ReadyProcess } from './processes.ts';
import { startSidecar } from './start-up.ts';
import { figure, milliseconds, note, type Row } from './table.ts';

const SIZES = [
  { label: '5 KB', bytes: 5_000, thinkingGoal: 2, rounds: 60 },
  { label: '200 KB', bytes: 200_000, thinkingGoal: 1.5, rounds: 40 },
  { label: '1 MB', bytes: 1_000_000, thinkingGoal: 1.2, rounds: 25 },
];
const INSTANT_GOAL = 2;
/** In which the recorder stores the last exchange. */
const PAUSE_MS = 25;
/** A bare pipe that adds less than this was not measured but drowned. */
const NOISE_MS = 0.05;

/** An upstream, a bare pipe and our sidecar with recording on, each a process of its own, and what they add. */
export async function measureForwarding(effort: number): Promise<Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'nexus-bench-'));
  const here = import.meta.dirname;
  const running: ReadyProcess[] = [];
  const start = async (starting: Promise<ReadyProcess>, url: string): Promise<string> => {
    const process = await starting;
    running.push(process);
    return String(process.line[url]);
  };
  try {
    const direct = await start(startNode([join(here, 'upstream.ts')]), 'url');
    const bare = await start(startNode([join(here, 'bare-pipe.ts'), direct]), 'url');
    const sidecar = await start(startSidecar(dataDir, direct), 'baseUrl');
    return await measureLatency({ direct, bare, sidecar }, effort);
  } finally {
    await Promise.all(running.map((process) => process.stop()));
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/**
 * Added time to first byte and per chunk, each as the median over the direct way. The three ways take turns within each
 * round, with a pause behind each: what the recorder does after an exchange would be counted for the next way. The
 * direct way tells what the machine costs; the bare pipe is the unit of the ratios.
 */
async function measureLatency(
  urls: { direct: string; bare: string; sidecar: string },
  effort: number,
): Promise<Row[]> {
  const routes = [
    openRoute('direct', urls.direct),
    openRoute('bare', urls.bare),
    openRoute('sidecar', urls.sidecar),
  ];
  const rows: Row[] = [];
  for (const think of [20, 0]) {
    for (const size of SIZES) {
      const addedBy = await firstBytes(routes, size.bytes, think, Math.round(size.rounds * effort));
      const added = { bare: addedBy('bare'), sidecar: addedBy('sidecar') };
      const goal = think > 0 ? size.thinkingGoal : INSTANT_GOAL;
      const what = `added time to first byte, ${size.label}, upstream ${think > 0 ? 'thinks 20 ms' : 'instant'}`;
      const value = `${added.sidecar.toFixed(2)} ms; bare pipe ${added.bare.toFixed(2)} ms`;
      const numbers = { sidecarMs: added.sidecar, bareMs: added.bare };
      if (added.bare < NOISE_MS) {
        rows.push(note(what, `${value}: the machine is too noisy for a ratio`, numbers));
        continue;
      }
      const ratio = added.sidecar / added.bare;
      rows.push(
        figure({
          what,
          measured: ratio,
          goal,
          value: `${ratio.toFixed(2)}× (${value})`,
          goalText: `≤ ${String(goal)}×`,
          numbers: { ratio, ...numbers },
        }),
      );
    }
  }
  rows.push(...(await chunks(routes, Math.round(6 * effort))));
  for (const route of routes) route.close();
  return rows;
}

/**
 * Sends `rounds` requests of so many bytes along each route in turn, to an upstream that thinks for so many ms. What a
 * route adds to the way named `direct` at the median, in ms.
 */
export async function firstBytes(
  routes: Route[],
  bytes: number,
  think: number,
  rounds: number,
): Promise<(name: string) => number> {
  const samples = new Map<string, number[]>(routes.map((route) => [route.name, []]));
  for (let round = -3; round < rounds; round++) {
    const body = bodyOf(bytes, round);
    for (const route of rotated(routes, round + 3)) {
      await sleep(PAUSE_MS);
      const sample = await route.post(body, { think });
      if (round >= 0) samples.get(route.name)!.push(sample.firstByteMs);
    }
  }
  const median = (name: string) => quantile(samples.get(name)!, 0.5);
  return (name) => median(name) - median('direct');
}

async function chunks(routes: Route[], rounds: number): Promise<Row[]> {
  const samples = new Map<string, number[]>(routes.map((route) => [route.name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const route of rotated(routes, round)) {
      const sample = await route.post(bodyOf(20_000, round), { chunks: 150, gap: 2 });
      samples.get(route.name)!.push(...sample.chunkMs);
    }
  }
  const added = (name: string, q: number) =>
    quantile(samples.get(name)!, q) - quantile(samples.get('direct')!, q);
  return [
    { q: 0.5, label: 'p50', goal: 0.1 },
    { q: 0.99, label: 'p99', goal: 1 },
  ].map(({ q, label, goal }) =>
    milliseconds(
      `SSE chunk added, ${label}`,
      added('sidecar', q),
      goal,
      `bare pipe ${added('bare', q).toFixed(3)} ms`,
    ),
  );
}
