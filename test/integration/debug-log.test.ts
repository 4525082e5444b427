import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { createFakeAnthropic, text } from '../support/fake-anthropic.mjs';
import { engines } from '../support/databases.ts';
import { usePostgres, newDatabase } from '../support/postgres-suite.ts';
import { scriptedUpstream, sendSecrets } from '../support/secret-traffic.ts';
import { startSidecar, type TestSidecar, allRecorded } from '../support/sidecar.ts';

const postgres = usePostgres();
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Line {
  level: number;
  msg: string;
  [field: string]: unknown;
}

function logOf(sidecar: TestSidecar): { whole: string; lines: Line[] } {
  const dir = join(sidecar.dataDir, 'logs');
  const names = readdirSync(dir).sort().reverse();
  const whole = names.map((name) => readFileSync(join(dir, name), 'utf8')).join('');
  const lines = whole
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  return { whole, lines };
}

describe.each(engines)('everything logged, on %s', (engine) => {
  test('no planted secret is in any line', async () => {
    const up = await scriptedUpstream();
    cleanups.push(() => up.close());
    const databaseUrl = await newDatabase(postgres(), engine);
    const sidecar = await startSidecar({
      upstream: up.url,
      pathKey: true,
      env: { DEBUG: 'true', DEBUG_SQL: 'true', SLOW_QUERY_THRESHOLD_MS: '1' },
      ...(databaseUrl === null ? {} : { databaseUrl }),
    });
    cleanups.push(() => sidecar.remove());
    const { planted, own, count } = await sendSecrets(sidecar, up);
    await allRecorded(sidecar, count);
    await sidecar.stop();
    const { whole, lines } = logOf(sidecar);
    const found = [...planted, ...own].filter(({ needle }) => whole.includes(needle));
    expect(found.map(({ name }) => name)).toEqual([]);
    // That it is not empty: the words around the secrets are there, and the masks in their place.
    for (const marker of ['marker-in-a-request', 'marker-in-gzip', 'marker-in-a-header', 'marker-in-a-url']) {
      expect([marker, whole.includes(marker)]).toEqual([marker, true]);
    }
    expect(whole).toContain('sk-ant-****');
    expect(whole).toContain('Bearer ****');
    const messages = new Set(lines.map(({ msg }) => msg));
    for (const message of [
      'Request',
      'Response',
      'Response chunk',
      'Exchange ended',
      'Statement',
      'A slow statement',
    ]) {
      expect([message, messages.has(message)]).toEqual([message, true]);
    }
    const insert = lines.find(({ msg, sql }) => msg === 'Statement' && String(sql).includes('insert into'));
    expect(insert).toMatchObject({
      parameters: expect.any(Array),
      ms: expect.any(Number),
      rows: expect.any(Number),
    });
  });
});

describe('what is logged', () => {
  async function oneExchange(env: Record<string, string>, words: string): Promise<Line[]> {
    const upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('the answer')] } }] });
    cleanups.push(() => upstream.close());
    const sidecar = await startSidecar({ upstream: upstream.url, env });
    cleanups.push(() => sidecar.remove());
    await (await ask(sidecar.baseUrl, words)).arrayBuffer();
    await allRecorded(sidecar, 1);
    await sidecar.stop();
    return logOf(sidecar).lines;
  }
  const bytesOf = (lines: Line[]): number => Math.max(...lines.map((line) => JSON.stringify(line).length));

  test('nothing of an exchange without DEBUG', async () => {
    const lines = await oneExchange({ LOG_LEVEL: 'debug' }, 'a question');
    expect(JSON.stringify(lines)).not.toContain('a question');
    expect(lines.filter(({ msg }) => msg === 'Statement' || msg === 'Request')).toEqual([]);
  });

  test('an exchange with its chunks', async () => {
    const lines = await oneExchange({ DEBUG: 'true' }, 'a question');
    const request = lines.find(({ msg }) => msg === 'Request');
    expect(request).toMatchObject({ method: 'POST', path: '/v1/messages' });
    expect(String(request?.['body'])).toContain('a question');
    expect(lines.find(({ msg }) => msg === 'Response')).toMatchObject({ status: 200, ours: false });
    const chunks = lines.filter(({ msg }) => msg === 'Response chunk').map((line) => String(line['text']));
    expect(chunks.join('')).toContain('event: message_stop');
    expect(lines.find(({ msg }) => msg === 'Exchange ended')).toMatchObject({ reason: 'complete' });
    expect(lines.filter(({ msg }) => msg === 'Statement')).toEqual([]);
  });

  test('no more of a large body than fits', async () => {
    const lines = await oneExchange({ DEBUG: 'true' }, 'word '.repeat(300_000));
    const request = lines.find(({ msg }) => msg === 'Request');
    expect(request?.['bytes']).toBeGreaterThan(1_500_000);
    expect(bytesOf(lines)).toBeLessThan(200_000);
  });
});
