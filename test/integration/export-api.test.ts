import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requestComparison } from '../../src/protocol/compare.ts';
import { conversationExport, requestExport } from '../../src/protocol/export.ts';
import { problem } from '../../src/protocol/problem.ts';
import { createFakeAnthropic, text, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { databaseOpen, startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 60_000;
const UNKNOWN = '00000000-0000-4000-8000-000000000000';

let upstream: FakeAnthropic;
let sidecar: TestSidecar;
let requestId: string;
let conversationId: string;
beforeAll(async () => {
  upstream = await createFakeAnthropic({ script: [{ reply: { content: [text('hello')] } }] });
  sidecar = await startSidecar({ upstream: upstream.url });
  await databaseOpen(sidecar);
  requestId = await send('Über "uns"; rm -rf /../ \r\n x');
  conversationId = await until('the conversation', LIMIT_MS, async () => {
    const answer = await sidecar.api(`/api/requests/${requestId}?fields=state,conversationId`);
    if (!answer.ok) return undefined;
    const row = (await answer.json()) as { state: string; conversationId: string };
    return row.state === 'running' ? undefined : row.conversationId;
  });
});
afterAll(async () => {
  await sidecar.remove();
  await upstream.close();
});

async function send(content: string): Promise<string> {
  const answer = await fetch(`${sidecar.baseUrl}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'made-up' },
    body: JSON.stringify({ model: 'claude-x', max_tokens: 9, messages: [{ role: 'user', content }] }),
  });
  await answer.arrayBuffer();
  return answer.headers.get('x-nexus-request-id') ?? '';
}

describe('the route', () => {
  it.each([
    ['json', 'application/json'],
    ['md', 'text/markdown; charset=utf-8'],
    ['html', 'text/html; charset=utf-8'],
  ] as const)('answers %s as a file', async (format, type) => {
    const answer = await sidecar.api(`/api/conversations/${conversationId}/export?format=${format}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
    expect(answer.headers.get('content-length')).toBeNull();
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="uber-uns-rm-rf-${conversationId.slice(0, 8)}.${format}"`,
    );
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    const content = await answer.text();
    expect(content).toContain('hello');
    if (format === 'json') expect(conversationExport.parse(JSON.parse(content)).redact).toBe('own');
  });

  it('answers a request as a file', async () => {
    const answer = await sidecar.api(`/api/requests/${requestId}/export?redact=all`);
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="request-${requestId}.json"`,
    );
    const file = requestExport.parse(await answer.json());
    expect([file.request.requestId, file.redact]).toEqual([requestId, 'all']);
  });

  it('answers a request as text, and compared', async () => {
    const text = await sidecar.api(`/api/requests/${requestId}/document?part=comparable`);
    expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(JSON.parse(await text.text())).toMatchObject({ model: 'claude-x', messages: [{ role: 'user' }] });
    const same = await sidecar.api(`/api/requests/${requestId}/diff?with=${requestId}`);
    expect(requestComparison.parse(await same.json()).firstDifference).toBeNull();
  });

  it('says what it does not understand and what is not there', async () => {
    const check = async (path: string, status: number, code: string): Promise<void> => {
      const answer = await sidecar.api(path);
      expect([path, answer.status]).toEqual([path, status]);
      expect(problem.parse(await answer.json()).code).toBe(code);
    };
    for (const kind of ['conversations', 'requests']) {
      await check(`/api/${kind}/${UNKNOWN}/export`, 404, 'not_found');
      await check(`/api/${kind}/nonsense/export`, 404, 'not_found');
      await check(`/api/${kind}/${UNKNOWN}/export?redact=some`, 400, 'bad_request');
    }
    await check(`/api/requests/${UNKNOWN}/document?part=request`, 404, 'not_found');
    await check(`/api/requests/${requestId}/document?part=all`, 400, 'bad_request');
    await check(`/api/requests/${UNKNOWN}/diff`, 404, 'not_found');
    await check(`/api/requests/${requestId}/diff`, 400, 'bad_request');
    await check(`/api/requests/${requestId}/diff?with=${UNKNOWN}`, 404, 'not_found');
    await check(`/api/conversations/${conversationId}/export?format=pdf`, 400, 'bad_request');
    const closed = await fetch(`${sidecar.url}/api/conversations/${conversationId}/export`);
    expect(closed.status).toBe(401);
    await closed.arrayBuffer();
  });
});

describe('the command', () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'nexus-export-'))));
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });
  const run = async (...args: string[]): Promise<{ code: number | null; out: string; err: string }> => {
    const script = fileURLToPath(new URL('../../dist/sidecar.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, 'export', ...args], {
      cwd: dir,
      env: { DATA_DIR: sidecar.dataDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [[code], out, err] = await Promise.all([
      once(child, 'close') as Promise<[number | null]>,
      readAll(child.stdout),
      readAll(child.stderr),
    ]);
    return { code, out, err };
  };

  it('writes to standard output, to a file, and into a directory', async () => {
    const printed = await run('--conversation-id', conversationId, '--format=md');
    expect([printed.code, printed.err]).toEqual([0, '']);
    expect(printed.out).toContain('hello');
    const file = join(dir, 'mine.html');
    const written = await run(
      '--conversation-id',
      conversationId,
      '--format=html',
      `--file=${file}`,
      '--json',
    );
    const content = readFileSync(file);
    expect([written.code, JSON.parse(written.out)]).toEqual([0, { file, bytes: content.length }]);
    const inside = await run('--request-id', requestId, '--file=.');
    expect([inside.code, inside.out, inside.err]).toEqual([0, '', expect.stringContaining('Written: ')]);
    expect(readdirSync(dir).sort()).toEqual(['mine.html', `request-${requestId}.json`]);
  });

  it('says why it cannot, and leaves nothing', async () => {
    const check = async (args: string[], code: number, words: RegExp): Promise<void> => {
      const said = await run(...args);
      expect([args, said.code, said.out]).toEqual([args, code, '']);
      expect(said.err).toMatch(words);
    };
    await check([], 2, /--conversation-id or --request-id/);
    await check(['--conversation-id=7'], 2, /expected an id/);
    await check(['--conversation-id', conversationId, '--format=pdf'], 2, /json, md, html/);
    await check(['--request-id', requestId, '--format=md'], 2, /json only/);
    await check(['--conversation-id', UNKNOWN], 3, /not in the store/);
    await check(['--conversation-id', conversationId, '--file=no/such/place.json'], 1, /ENOENT/);
    await check(['--conversation-id', conversationId, `--data-dir=${dir}`], 1, /serve/);
    writeFileSync(join(dir, 'kept.json'), 'kept');
    await check(['--conversation-id', UNKNOWN, '--file=kept.json'], 3, /not in the store/);
    expect([readdirSync(dir), readFileSync(join(dir, 'kept.json'), 'utf8')]).toEqual([['kept.json'], 'kept']);
  });
});

it('an export that nobody takes any more ends, and others are answered meanwhile', async () => {
  const leave = new AbortController();
  const answer = await sidecar.api(`/api/conversations/${conversationId}/export`, { signal: leave.signal });
  const reader = answer.body!.getReader();
  await reader.read();
  leave.abort();
  await expect(reader.closed).rejects.toThrow();
  expect((await sidecar.api('/api/status')).status).toBe(200);
});
