import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RequestPage, RequestRow } from '../../src/protocol/rows.ts';
import { ask, askToTheEnd } from '../support/ask.ts';
import { createTestDatabase, engines } from '../support/databases.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { usePostgres } from '../support/postgres-suite.ts';
import { startSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const server = usePostgres();
let upstream: FakeAnthropic;
beforeAll(async () => {
  upstream = await createFakeAnthropic({
    script: [
      {
        when: { lastUserText: /slowly/ },
        reply: { content: [text('word '.repeat(400))], chunkDelay: 50, chunkChars: 5 },
      },
      { reply: { content: [text('done')] } },
    ],
  });
});
afterAll(async () => {
  await upstream.close();
});

/** Reads what is left; rejects where the connection breaks off. */
async function toItsEnd(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
  while (reader !== undefined && !(await reader.read()).done);
}

describe.each(engines)('a sidecar killed with -9 at work: %s', (engine) => {
  test('loses nothing a client got to its end, and shows what was in flight as interrupted', async () => {
    const database = await createTestDatabase(engine, server());
    const { dataDir, databaseUrl } = database;
    const where = databaseUrl === null ? { dataDir } : { dataDir, databaseUrl };
    const first = await startSidecar({ upstream: upstream.url, ...where });

    const slow = await ask(first.baseUrl, 'Count slowly.');
    const reader = slow.body?.getReader();
    const begun = await reader?.read();
    expect(begun?.value?.length).toBeGreaterThan(0);
    const finished: string[] = [];
    for (const words of ['One.', 'Two.', 'Three.']) {
      finished.push(await askToTheEnd(first.baseUrl, words));
    }
    // At once: nobody has asked whether it is recorded.
    await first.kill();
    await expect(toItsEnd(reader)).rejects.toThrow();

    const second = await startSidecar({ upstream: upstream.url, ...where });
    const rows = await until<RequestRow[]>('all four exchanges', 60_000, async () => {
      const answer = await second.api('/api/requests');
      if (!answer.ok) return undefined;
      const { requests } = (await answer.json()) as RequestPage;
      return requests.length === 4 && requests.every((row) => row.state !== 'running') ? requests : undefined;
    });
    const states = new Map(rows.map((row) => [row.requestId, row.state]));
    for (const id of finished) expect([id, states.get(id)]).toEqual([id, 'completed']);
    const interrupted = slow.headers.get('x-nexus-request-id') ?? '';
    expect(states.get(interrupted)).toBe('interrupted');
    const detail = await second.api(`/api/requests/${interrupted}?fields=streamingChunks,responseBody`);
    const { streamingChunks } = (await detail.json()) as { streamingChunks: { data: string }[] };
    expect(streamingChunks[0]?.data).toContain('message_start');
    await second.remove();
    await database.remove();
  });
});
