import { afterAll } from 'vitest';
import { postgresServers, type PostgresServers } from './databases.ts';

/** The PostgreSQL servers of a test file, started when a test needs them and stopped after the last. */
export function usePostgres(): () => PostgresServers {
  const servers = postgresServers();
  afterAll(() => servers.close());
  return () => servers;
}
