import { bodyOf, openRoute, quantile, rotated, type Route } from './load.ts';
import type { Row } from './table.ts';

const SIZES = [
  { label: '5 KB', bytes: 5_000, thinkingGoal: 2, rounds: 60 },
  { label: '200 KB', bytes: 200_000, thinkingGoal: 1.5, rounds: 40 },
  { label: '1 MB', bytes: 1_000_000, thinkingGoal: 1.2, rounds: 25 },
];
const INSTANT_GOAL = 2;

/**
 * Added time to first byte and per chunk, each as the median over the direct way. The three ways take turns within each
 * round. The direct way tells what the machine costs; the bare pipe is the unit of the ratios.
 */
export async function measureLatency(
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
      const added = await firstBytes(routes, size.bytes, think, Math.round(size.rounds * effort));
      const goal = think > 0 ? size.thinkingGoal : INSTANT_GOAL;
      const ratio = added.sidecar / added.bare;
      rows.push({
        what: `added time to first byte, ${size.label}, upstream ${think > 0 ? 'thinks 20 ms' : 'instant'}`,
        value: `${ratio.toFixed(2)}× (${added.sidecar.toFixed(2)} ms; bare pipe ${added.bare.toFixed(2)} ms)`,
        goal: `≤ ${goal}×`,
        met: ratio <= goal,
        numbers: { ratio, sidecarMs: added.sidecar, bareMs: added.bare },
      });
    }
  }
  rows.push(...(await chunks(routes, Math.round(6 * effort))));
  for (const route of routes) route.close();
  return rows;
}

async function firstBytes(routes: Route[], bytes: number, think: number, rounds: number) {
  const samples = new Map<string, number[]>(routes.map((route) => [route.name, []]));
  for (let round = -3; round < rounds; round++) {
    const body = bodyOf(bytes, round);
    for (const route of rotated(routes, round + 3)) {
      const sample = await route.post(body, { think });
      if (round >= 0) samples.get(route.name)!.push(sample.firstByteMs);
    }
  }
  const median = (name: string) => quantile(samples.get(name)!, 0.5);
  const floor = 0.001; // below the clock's noise: a ratio of two zeros says nothing
  return {
    bare: Math.max(floor, median('bare') - median('direct')),
    sidecar: Math.max(floor, median('sidecar') - median('direct')),
  };
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
  ].map(({ q, label, goal }) => ({
    what: `SSE chunk added, ${label}`,
    value: `${added('sidecar', q).toFixed(3)} ms (bare pipe ${added('bare', q).toFixed(3)} ms)`,
    goal: `≤ ${goal} ms`,
    met: added('sidecar', q) <= goal,
    numbers: { sidecarMs: added('sidecar', q), bareMs: added('bare', q) },
  }));
}
