import { parseArgs } from 'node:util';
import { createTestDatabase, engines, postgresServers, type TestDatabase } from '../support/databases.ts';
import { killAtWork } from './kill.ts';
import { postgresAway, type Latency } from './postgres-away.ts';
import { stopOwner } from './stop-owner.ts';
import type { Verdict } from './verify.ts';

/**
 * `npm run kill`: kills a sidecar under load again and again and prints what became of every exchange; `--stop-owner`
 * stops it for a while instead, `--postgres-away` its database. Exit code 1 when an exchange was lost, something is
 * corrupt or a run failed. Works on the built `dist/sidecar.mjs`.
 */
const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'all' },
    kills: { type: 'string', default: '50' },
    streams: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    seconds: { type: 'string', default: '60' },
    'stop-owner': { type: 'boolean', default: false },
    'postgres-away': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run kill -- [--engine all|pglite|postgresql|"postgresql 15"] [--kills 50] [--streams 8] [--seed N]
             [--stop-owner | --postgres-away] [--seconds 60]`);
  process.exit(0);
}
const [kills, streams, seed] = [Number(values.kills), Number(values.streams), Number(values.seed)];
const stopMs = Number(values.seconds) * 1000;
const chosen = engines.filter((engine) => values.engine === 'all' || engine.startsWith(values.engine));
if (chosen.length === 0) throw new Error(`--engine is one of: all, postgresql, ${engines.join(', ')}`);

const servers = postgresServers();
let bad = 0;
try {
  for (const engine of chosen) {
    const database = await createTestDatabase(engine, servers);
    const started = performance.now();
    try {
      await tell(engine, database);
    } catch (error) {
      // At once and with its causes: what is cleaned up after it may fail too, and would be told instead.
      console.error(error);
      bad++;
    }
    await database.remove();
    console.log(`  ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
} finally {
  await servers.close();
}
process.exitCode = bad > 0 ? 1 : 0;

async function tell(engine: (typeof engines)[number], database: TestDatabase): Promise<void> {
  const what = `${engine}, ${String(streams)} streams, seed ${String(seed)}`;
  if (values['stop-owner']) {
    console.log(`${what}: the owner is stopped for ${values.seconds} s`);
    print(await stopOwner({ database, streams, seed, stopMs }));
  } else if (values['postgres-away']) {
    if (engine === 'pglite') return;
    console.log(`${what}: the server is away for ${values.seconds} s`);
    const server = await servers.of(engine === 'postgresql 15' ? 15 : 18);
    const { verdict, latency, during, caughtUp } = await postgresAway({
      database,
      server,
      streams,
      seed,
      awayMs: stopMs,
    });
    print(verdict);
    console.log(`  with the server:  ${lineOf(latency.with)}`);
    console.log(`  without it:       ${lineOf(latency.without)}`);
    console.log(`  in the end ${String(during.pending)} waited: ${String(during.lastError)}`);
    const { reachedMs, ms, exchanges } = caughtUp;
    const rate = (exchanges / (ms / 1000)).toFixed(0);
    const reached = `recorded again ${(reachedMs / 1000).toFixed(1)} s after the server's start`;
    console.log(
      `  ${reached}; ${String(exchanges)} exchanges in ${(ms / 1000).toFixed(1)} s, ${rate} per second`,
    );
  } else {
    console.log(`${what}: ${String(kills)} × kill -9`);
    const onKill = (): boolean => process.stdout.write('.');
    print(await killAtWork({ database, kills, streams, seed, onKill }));
  }
}

function print({ problems, ...counts }: Verdict): void {
  bad += counts.lost + counts.corrupt;
  const told = Object.entries(counts).map(([name, count]) => `${name} ${String(count)}`);
  console.log(`\n  ${told.join(', ')}`);
  for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`);
}

function lineOf(latency: Latency): string {
  const { exchanges, firstByteP50, firstByteP99, totalP50, totalP99 } = latency;
  const [first, total] = [
    [firstByteP50, firstByteP99],
    [totalP50, totalP99],
  ].map((pair) => pair.map((ms) => ms.toFixed(1)).join(' / '));
  return `${String(exchanges)} exchanges, first byte p50 / p99 ${first ?? ''} ms, whole ${total ?? ''} ms`;
}
