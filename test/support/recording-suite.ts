import { afterAll, beforeAll } from 'vitest';
import { createTestDatabase, type EngineName, type PostgresServers, type TestDatabase } from './databases.ts';
import { startRecording, type Recording } from './recording.ts';

/** A recorder on a new database for all tests of a suite; `begun` is given it before the first. */
export function useRecording(
  engine: EngineName,
  server: () => PostgresServers,
  begun: (recording: Recording) => void,
): void {
  let database: TestDatabase;
  let recording: Recording;
  beforeAll(async () => {
    database = await createTestDatabase(engine, server());
    recording = startRecording(database);
    await recording.recorder.ready;
    begun(recording);
  });
  afterAll(async () => {
    await recording.close();
    await database.remove();
  });
}
