import { createTestDatabase, postgresServers, type TestDatabase } from '../support/databases.ts';

/** The two databases a part may be measured on. */
export const benchEngines = ['pglite', 'postgresql'] as const;
export type BenchEngine = (typeof benchEngines)[number];

/** Runs `work` on a new database of the engine, and leaves nothing of it behind, nor of the server. */
export async function withDatabase<T>(
  engine: BenchEngine,
  work: (database: TestDatabase) => Promise<T>,
): Promise<T> {
  const servers = postgresServers();
  try {
    const database = await createTestDatabase(engine, servers);
    try {
      return await work(database);
    } finally {
      await database.remove();
    }
  } finally {
    await servers.close();
  }
}
