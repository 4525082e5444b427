import type { SidecarStatus } from '../../../src/protocol/status.ts';
import type { PruneReport, StorageReport } from '../../../src/protocol/storage.ts';
import type { Routes } from './panel.ts';

export const NOW = Date.UTC(2026, 10, 23, 12);

/** A store after some months; `scale` 1 holds about 45 MB. */
export function storageReport(scale = 1, change: Partial<StorageReport> = {}): StorageReport {
  const times = (value: number): number => Math.round(value * scale);
  return {
    totalBytes: times(45_200_000),
    exchanges: times(12_402),
    blocks: times(61_077),
    bytesPerExchange: 3644,
    estimated: scale > 1,
    byKind: [
      { kind: 'message', rows: times(38_120), bytes: times(17_300_000) },
      { kind: 'response', rows: times(12_390), bytes: times(9_410_000) },
      { kind: 'exchange', rows: times(12_402), bytes: times(7_800_000) },
      { kind: 'node', rows: times(44_010), bytes: times(6_200_000) },
      { kind: 'template', rows: times(4022), bytes: times(1_900_000) },
      { kind: 'headers', rows: times(980), bytes: times(402_000) },
      { kind: 'tools', rows: 41, bytes: 310_400 },
      { kind: 'system', rows: 88, bytes: 190_020 },
      { kind: 'overlay', rows: 312, bytes: 41_000 },
    ],
    growthPerDay: Array.from({ length: 24 }, (_, index) => ({
      date: new Date(NOW - (index + (index > 5 ? 3 : 0)) * 86_400_000).toISOString().slice(0, 10),
      bytes: times(Math.round(900_000 * (1 + Math.sin(index * 1.7)) + 40_000)),
    })).reverse(),
    database: {
      connections: 1,
      slowQueries: [],
      tables: [
        { name: 'block', rows: times(61_077), bytes: times(26_100_000), indexBytes: times(4_400_000) },
        { name: 'request', rows: times(12_402), bytes: times(3_100_000), indexBytes: times(1_700_000) },
        { name: 'answer', rows: times(12_402), bytes: times(2_000_000), indexBytes: times(1_000_000) },
        { name: 'node', rows: times(44_010), bytes: times(3_900_000), indexBytes: times(2_300_000) },
        { name: 'usage', rows: times(12_402), bytes: times(410_000), indexBytes: times(220_000) },
        { name: 'conversation', rows: times(640), bytes: times(120_000), indexBytes: times(49_000) },
        { name: 'setting', rows: 3, bytes: 16_384, indexBytes: 16_384 },
      ],
    },
    search: { indexed: times(11_900), waiting: 0 },
    journal: { waiting: { files: 0, bytes: 0 }, failed: { files: 0, bytes: 0 } },
    housekeeping: { task: null, detail: '', waiting: 0 },
    ...change,
  };
}

export const emptyReport = storageReport(0, {
  totalBytes: 491_520,
  bytesPerExchange: 0,
  byKind: [],
  growthPerDay: [],
});

/** Months of a team, with trouble. */
export const hugeReport = storageReport(1800, {
  journal: { waiting: { files: 1240, bytes: 88_000_000 }, failed: { files: 2, bytes: 91_400 } },
  housekeeping: { task: 'prune', detail: '310 requests deleted', waiting: 1 },
  database: {
    ...storageReport(1800).database,
    connections: 14,
    slowQueries: [
      {
        query:
          'select kind, count(*) as rows, sum(octet_length(bytes)) as bytes from block tablesample system ($1)',
        calls: 1204,
        meanMs: 812,
        maxMs: 14_200,
      },
      { query: 'vacuum (analyze) block', calls: 3, meanMs: 61_000, maxMs: 74_000 },
    ],
  },
});

export function storageRoutes(
  report: () => StorageReport,
  options: { storage?: SidecarStatus['storage']; prune?: PruneReport['removed'] } = {},
): Routes {
  return (url, { method, body }) => {
    if (url.pathname === '/api/storage' && method === 'GET') return { body: report() };
    if (url.pathname === '/api/storage/vacuum' && method === 'POST') {
      return { body: { done: true, tables: [{ name: 'block', bytesBefore: 9e6, bytesAfter: 4e6 }] } };
    }
    if (url.pathname === '/api/storage/prune' && method === 'POST') {
      const removed = options.prune ?? { conversations: 12, exchanges: 340, blocks: 900, bytes: 4_500_000 };
      return {
        body: { done: true, dryRun: (body as { dryRun: boolean }).dryRun, elsewhere: false, removed },
      };
    }
    if (url.pathname === '/api/status') {
      const recorder = { pending: 0, recorded: 1, failed: 0, dropped: 0, lastError: null };
      const status: SidecarStatus = {
        version: '1.0.0',
        uptimeMs: 1,
        storage: options.storage ?? 'kept',
        database: { engine: 'pglite', version: '18.3' },
        upstream: 'https://api.anthropic.com',
        activeRequests: 0,
        windows: 1,
        recorder,
      };
      return { body: status };
    }
    return undefined;
  };
}
