import { afterEach, beforeEach, expect, it } from 'vitest';
import { Connection } from '../../src/sidecar/recorder/connection.ts';
import type { Database } from '../../src/sidecar/store/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/databases.ts';

let made: TestDatabase;
let connection: Connection;
let opened: PromiseWithResolvers<Database>;
const away: string[] = [];

beforeEach(async () => {
  made = await createTestDatabase('pglite', null);
  opened = Promise.withResolvers();
  connection = new Connection(made.options, {
    prepare: () => Promise.resolve(),
    onOpen: (database) => {
      opened.resolve(database);
    },
    onAway: (error) => {
      away.push(error.message);
    },
    onRefused: (error) => {
      opened.reject(error);
    },
  });
});
afterEach(async () => {
  await connection.close();
  await made.remove();
});

it('keeps the database that is open when an earlier one is said to be lost', async () => {
  connection.connect();
  const first = await opened.promise;
  opened = Promise.withResolvers();
  await connection.lost(first, new Error('connection terminated'));
  const second = await opened.promise;
  expect(second).not.toBe(first);
  // A read of the first one that waited for its place in the pool.
  await connection.lost(first, new Error('timeout exceeded when trying to connect'));
  expect(connection.database).toBe(second);
  expect(connection.error).toBeNull();
  expect(away).toHaveLength(1);
});
