import { expect, test } from 'vitest';
import { killAtWork } from '../durability/kill.ts';
import { postgresAway } from '../durability/postgres-away.ts';
import { stopOwner } from '../durability/stop-owner.ts';
import type { Verdict } from '../durability/verify.ts';
import { createTestDatabase, type EngineName, type TestDatabase } from '../support/databases.ts';
import { usePostgres } from '../support/postgres-suite.ts';

// The short form of `npm run kill`, which does the same for longer and with a seed of the day.
const SEED = 20_261_123;
const STREAMS = 8;

const server = usePostgres();

async function onDatabase<T>(engine: EngineName, work: (database: TestDatabase) => Promise<T>): Promise<T> {
  const database = await createTestDatabase(engine, server());
  try {
    return await work(database);
  } finally {
    await database.remove();
  }
}

/** Everything that was promised is there; a run in which nothing happened proves nothing. */
function expectNothingLost(verdict: Verdict, leastCompleted: number): void {
  expect(verdict.problems).toEqual([]);
  expect(verdict).toMatchObject({ lost: 0, corrupt: 0, found: verdict.completed });
  expect(verdict.completed).toBeGreaterThanOrEqual(leastCompleted);
}

test.each(['pglite', 'postgresql 15'] as const)('kill -9 five times under load: %s', async (engine) => {
  const verdict = await onDatabase(engine, (database) =>
    killAtWork({ database, kills: 5, streams: STREAMS, seed: SEED }),
  );
  expectNothingLost(verdict, STREAMS);
  expect(verdict.interrupted).toBeGreaterThan(0);
});

test('an owner that is stopped for a while is still the only one', async () => {
  const verdict = await onDatabase('pglite', (database) =>
    stopOwner({ database, streams: STREAMS, seed: SEED, stopMs: 5000 }),
  );
  expectNothingLost(verdict, STREAMS);
});

test('PostgreSQL stopped under load and started again', async () => {
  const { verdict, during } = await onDatabase('postgresql 18', async (database) =>
    postgresAway({
      database,
      server: await server().of(18),
      streams: STREAMS,
      seed: SEED,
      awayMs: 3000,
    }),
  );
  expectNothingLost(verdict, STREAMS);
  expect(verdict.completed).toBe(verdict.sent);
  expect(during.pending).toBeGreaterThan(0);
  expect(during.oldestPendingAt).toBeLessThan(Date.now());
  expect(during.journalBytes).toBeGreaterThan(0);
  expect(during.lastError).toMatch(/database cannot be reached/);
});
