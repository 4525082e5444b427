import type { BenchEngine } from './engines.ts';
import type { Row } from './table.ts';

export interface Part {
  name: string;
  /** What it measures, for `--help`. */
  about: string;
  /** Longest it may take, in s: in full, and quick. */
  limit: { full: number; quick: number };
  /** `quick`: the same rows at smaller sizes. */
  run(quick: boolean): Promise<Row[]>;
}

/**
 * All parts, in the order of the table. Each runs in a process of its own, so that one that fails or hangs costs only
 * its own rows, and none is measured in the heap of another; their modules are loaded there, too.
 */
export const parts: readonly Part[] = [
  {
    name: 'forwarding',
    about: 'time to first byte and SSE chunks, against a bare Node pipe',
    limit: { full: 180, quick: 40 },
    run: async (quick) => (await import('./forwarding.ts')).measureForwarding(quick ? 0.15 : 2),
  },
  {
    name: 'growth',
    about: 'time to first byte as the store grows',
    limit: { full: 180, quick: 40 },
    run: async (quick) => {
      const { measureGrowth } = await import('./growth.ts');
      return quick ? measureGrowth(5_000, 10) : measureGrowth(100_000, 150);
    },
  },
  {
    name: 'loop',
    about: "delay of the proxy thread's loop while 1 MB turns are recorded",
    limit: { full: 60, quick: 30 },
    run: async (quick) => (await import('./loop.ts')).measureLoop(quick ? 1 : 20),
  },
  {
    name: 'storage',
    about: 'bytes per turn in the database, against naive JSONB',
    limit: { full: 240, quick: 60 },
    run: async (quick) => {
      const { measureStorage } = await import('./storage.ts');
      return onEach(quick ? ['pglite'] : ['pglite', 'postgresql'], (engine) => measureStorage(engine, quick));
    },
  },
  {
    name: 'packing',
    about: 'bytes and time of storing a streamed response',
    limit: { full: 60, quick: 30 },
    run: async (quick) => (await import('./packing.ts')).measurePacking(quick ? 0.2 : 5),
  },
  {
    name: 'preparation',
    about: "a request body's way from the journal to the transaction",
    limit: { full: 60, quick: 30 },
    run: async (quick) => (await import('./preparation.ts')).measurePreparation(quick ? 0.3 : 2),
  },
  {
    name: 'commit',
    about: 'transactions of a turn',
    limit: { full: 120, quick: 30 },
    run: async (quick) => {
      const { commitRows } = await import('./commit-rows.ts');
      const effort = quick ? { conversations: 1, turns: 40 } : { conversations: 4, turns: 100 };
      return onEach(['pglite', 'postgresql'], (engine) => commitRows(engine, effort));
    },
  },
  {
    name: 'lookup',
    about: 'linking look-ups as the store grows',
    limit: { full: 420, quick: 40 },
    run: async (quick) => {
      const { lookupRows } = await import('./lookup-rows.ts');
      if (quick) return lookupRows('pglite', [1_000, 5_000], 40);
      return [
        ...(await lookupRows('pglite', [10_000, 100_000], 400)),
        ...(await lookupRows('postgresql', [10_000, 100_000, 1_000_000], 400)),
      ];
    },
  },
  {
    name: 'reads',
    about: 'lists while the recorder drains a backlog',
    limit: { full: 200, quick: 40 },
    run: async (quick) => {
      const { measureReads } = await import('./reads.ts');
      return onEach(quick ? ['pglite'] : ['pglite', 'postgresql'], (engine) =>
        measureReads(engine, quick ? 200 : 2000),
      );
    },
  },
  {
    name: 'queries',
    about: 'the tree of 1,000 turns, lists of 10,000 conversations',
    limit: { full: 120, quick: 40 },
    run: async (quick) => {
      const { measureQueries } = await import('./queries.ts');
      const size = { turns: 1000, conversations: quick ? 1000 : 10_000, rounds: quick ? 10 : 100 };
      return onEach(['pglite', 'postgresql'], (engine) => measureQueries(engine, size));
    },
  },
  {
    name: 'search',
    about: 'full-text search over 100,000 messages',
    limit: { full: 900, quick: 60 },
    run: async (quick) => {
      const { measureSearch } = await import('./search.ts');
      const size = quick
        ? { conversations: 2, copies: 3, rounds: 8 }
        : { conversations: 20, copies: 25, rounds: 60 };
      return onEach(quick ? ['pglite'] : ['pglite', 'postgresql'], (engine) => measureSearch(engine, size));
    },
  },
  {
    name: 'memory',
    about: 'of the whole sidecar after thousands of turns',
    limit: { full: 900, quick: 40 },
    run: async (quick) => (await import('./memory-rows.ts')).memoryRows(quick),
  },
  {
    name: 'start',
    about: 'until the sidecar is ready; `activate()`',
    limit: { full: 90, quick: 30 },
    run: async (quick) => {
      const { measureActivation, measureStart } = await import('./start-up.ts');
      const effort = quick ? 0.25 : 2;
      return [...(await measureStart(effort)), ...(await measureActivation(effort))];
    },
  },
];

async function onEach(
  engines: BenchEngine[],
  measure: (engine: BenchEngine) => Promise<Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of engines) rows.push(...(await measure(engine)));
  return rows;
}
