import { afterAll, beforeAll } from 'vitest';
import { startPostgres, type PostgresServer } from './databases.ts';

/** One real PostgreSQL for the tests of a file, from before the first to after the last; call the answer inside them. */
export function usePostgres(): () => PostgresServer {
  let server: PostgresServer | null = null;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.close());
  return () => {
    if (server === null) {
      throw new Error('PostgreSQL is started before the tests, not while they are collected');
    }
    return server;
  };
}
