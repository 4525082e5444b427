import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { sidecarStatus, type SidecarStatus } from '../../src/protocol/status.ts';
import { openPglite } from '../../src/sidecar/store/pglite.ts';
import { openPostgres } from '../../src/sidecar/store/postgres.ts';
import { startClients, type Sent } from '../durability/clients.ts';
import { plainPlan } from '../durability/plan.ts';
import { startUpstream } from '../durability/upstream.ts';
import { verify } from '../durability/verify.ts';
import { createTestDatabase, type EngineName, type TestDatabase } from '../support/databases.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { databaseOpen, startSidecar, type TestSidecar, stopRecorded } from '../support/sidecar.ts';
import { withStore } from '../support/store-checks.ts';
import { until } from '../support/until.ts';

const server = usePostgres();
const SENTENCE = /^The database has schema 9999, this program knows \d+\. Update Claude Nexus, or /;

const statusOf = async (sidecar: TestSidecar): Promise<SidecarStatus> =>
  sidecarStatus.parse(await (await sidecar.api('/api/status')).json());
const completed = (sent: Sent[]): number => sent.filter((one) => one.completed).length;

/** The ledger as this program knows it. Opened past the check that refuses the database. */
async function withoutTheFuture({ dataDir, databaseUrl }: TestDatabase): Promise<void> {
  const engine = databaseUrl === null ? await openPglite(dataDir, null) : await openPostgres(databaseUrl);
  await engine.exclusively((run) => run('delete from schema_migration where number = 9999'));
  await engine.close();
}

test.each(['pglite', 'postgresql 18'] satisfies EngineName[])(
  'under live traffic, with a database of a newer program: %s',
  async (engine) => {
    const database = await createTestDatabase(engine, server());
    const { dataDir, databaseUrl } = database;
    const upstream = await startUpstream();
    const where = { dataDir, upstream: upstream.url, ...(databaseUrl === null ? {} : { databaseUrl }) };
    const lives: TestSidecar[] = [];
    /** Where the clients send to. */
    let sidecar: TestSidecar | null = null;
    const start = async (): Promise<TestSidecar> => {
      sidecar = await startSidecar(where);
      lives.push(sidecar);
      return sidecar;
    };
    const clients = startClients({
      streams: 4,
      seed: 9999,
      baseUrl: () => sidecar?.baseUrl ?? null,
      plan: plainPlan,
    });
    /** Nobody is there for the clients, and what they have begun has its answer. */
    const pauseTraffic = async (): Promise<void> => {
      sidecar = null;
      await until('the last answers', 60_000, () =>
        Promise.resolve(completed(clients.sent) === clients.sent.length || undefined),
      );
    };
    try {
      const first = await start();
      await databaseOpen(first);
      await until('traffic', 60_000, () => Promise.resolve(completed(clients.sent) > 10 || undefined));
      await pauseTraffic();
      await stopRecorded(first);
      const recorded = clients.sent.length;
      await withStore(database, async (db) => {
        await sql`insert into schema_migration (number, name) values (9999, '9999_of_the_future.sql')`.execute(
          db,
        );
      });

      const second = await start();
      await until('traffic', 60_000, () =>
        Promise.resolve(completed(clients.sent) > recorded + 30 || undefined),
      );
      await pauseTraffic();
      const waiting = clients.sent.length - recorded;
      const status = await until('the sentence, and all that waits', 60_000, async () => {
        const { recorder, database: told } = await statusOf(second);
        return recorder.pending === waiting ? { recorder, version: told.version } : undefined;
      });
      expect(status).toMatchObject({ version: null, recorder: { recorded: 0, failed: 0, dropped: 0 } });
      expect(status.recorder.lastError).toMatch(SENTENCE);
      const answer = await second.api('/api/conversations');
      expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'database_newer' }]);
      expect(readdirSync(join(dataDir, 'journal'))).toHaveLength(waiting);
      expect(await second.stop()).toBe(0);
      expect(readdirSync(join(dataDir, 'journal'))).toHaveLength(waiting);

      // A newer program would find its own schema; here the ledger is put back.
      await withoutTheFuture(database);
      const third = await start();
      await clients.finish();
      await stopRecorded(third);
    } finally {
      // Whatever went wrong: nobody is left behind who works in a directory that is removed.
      for (const life of lives) await life.kill();
      await clients.finish();
      await upstream.close();
    }
    const verdict = await verify(clients.sent, database.options, join(dataDir, 'journal'));
    expect(verdict.problems).toEqual([]);
    expect(verdict).toMatchObject({ found: clients.sent.length, completed: clients.sent.length });
    await database.remove();
  },
);
