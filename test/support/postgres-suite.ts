import { afterAll } from 'vitest';
import { postgresServers, type EngineName, type PostgresServers } from './databases.ts';

/** The PostgreSQL servers of a test file, started when a test needs them and stopped after the last. */
export function usePostgres(): () => PostgresServers {
  const servers = postgresServers();
  afterAll(() => servers.close());
  return () => servers;
}

/** A new database of that engine for a sidecar; null: the embedded one of its data directory. */
export async function newDatabase(servers: PostgresServers, engine: EngineName): Promise<string | null> {
  if (engine === 'pglite') return null;
  const server = await servers.of(engine === 'postgresql 15' ? 15 : 18);
  return await server.createDatabase();
}
