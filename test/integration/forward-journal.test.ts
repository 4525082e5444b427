import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { journalFiles, type JournalFiles } from '../../src/sidecar/proxy/files.ts';
import { chunk, cleanups, open, post, reply, setUp, streamHead } from '../support/forwarding.ts';
import { eventually, startProxyTarget } from '../support/proxy-target.ts';
import { createRawClient, replyHead, startRawUpstream } from '../support/raw-http.ts';

const secrets = {
  key: 'sk-ant-api03-made-up-made-up-made-up',
  bearer: 'sk-ant-oat01-made-up-made-up-made-up',
  cookie: 'sessionKey=made-up-session-cookie',
  setCookie: 'made-up-set-cookie-value',
  client: 'cnp_live_made-up_client_key_0123456789abcdef',
  pathKey: 'made-up-path-key-0123456789',
  query: 'made-up-query-token',
  refresh: 'made-up-refresh-token',
};

/** Everything the journal directory holds, as text. */
const onDisk = (dir: string): string =>
  readdirSync(dir)
    .map((name) => readFileSync(join(dir, name)).toString('latin1'))
    .join('\n');

describe('what the journal gets', () => {
  it('is what passed, frame by frame, with the secrets taken out of it and only there', async () => {
    const events = [
      'event: message_start\ndata: {}\n\n',
      `data: ${secrets.client}\n\n`,
      'event: message_stop\n\n',
    ];
    const { target, upstream, client } = await setUp(
      () =>
        reply(events.join(''), {
          rawHeaders: ['request-id', 'req_1', 'Set-Cookie', secrets.setCookie],
          cuts: [events[0]!.length, events[0]!.length + events[1]!.length],
        }),
      { pathKey: secrets.pathKey, prefix: `/k/${secrets.pathKey}/p/my%20project` },
    );
    const body = JSON.stringify({
      model: 'm',
      messages: [{ role: 'user', content: `my key is ${secrets.client}` }],
    });
    const response = await client.send(
      target.baseUrl,
      post(body, {
        target: `/v1/messages?beta=true&access_token=${secrets.query}`,
        rawHeaders: [
          ...['x-api-key', secrets.key, 'Authorization', `Bearer ${secrets.bearer}`],
          ...['Cookie', secrets.cookie, 'X-Note', `see ${secrets.key}`, 'anthropic-beta', 'a,b'],
        ],
      }),
    );
    // The client and the upstream see everything.
    expect(response.body.toString()).toBe(events.join(''));
    expect(upstream.requests[0]?.body.toString()).toBe(body);
    expect(upstream.requests[0]?.target).toBe(`/v1/messages?beta=true&access_token=${secrets.query}`);
    expect(upstream.requests[0]?.rawHeaders).toEqual(expect.arrayContaining([secrets.key, secrets.cookie]));
    // The disk does not.
    const disk = onDisk(target.journalDir);
    for (const secret of Object.values(secrets)) expect(disk).not.toContain(secret);

    const [exchange] = target.journaled();
    const id = response.rawHeaders[response.rawHeaders.indexOf('x-nexus-request-id') + 1];
    expect(exchange?.damaged).toBe(false);
    expect(exchange?.head).toMatchObject({
      id,
      tenant: 'local',
      project: 'my project',
      domain: new URL(target.baseUrl).host,
      method: 'POST',
      path: '/v1/messages?beta=true&access_token=[redacted]',
      httpVersion: '1.1',
      credential: { kind: 'api-key' },
    });
    expect(exchange?.head.credential?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(exchange?.head.headers).toEqual(
      expect.arrayContaining([
        ['x-api-key', '[redacted]'],
        ['Authorization', '[redacted]'],
        ['Cookie', '[redacted]'],
        ['X-Note', 'see sk-ant-****'],
        ['anthropic-beta', 'a,b'],
      ]),
    );
    expect(exchange?.head.redactions).toEqual(
      expect.arrayContaining([
        { path: 'requestHeaders.x-api-key', kind: 'credential' },
        { path: 'requestHeaders.x-note', kind: 'anthropic-key' },
        { path: 'path.access_token', kind: 'credential' },
        { path: 'requestBody', kind: 'nexus-key' },
      ]),
    );
    expect(exchange?.end?.redactions).toEqual([
      { path: 'responseHeaders.set-cookie', kind: 'credential' },
      { path: 'responseBody', kind: 'nexus-key' },
    ]);
    // Masked at the same length, so what is recorded is still JSON and still as long as the headers say.
    const masked = `cnp_live_${'*'.repeat(secrets.client.length - 9)}`;
    expect(exchange?.requestBody.toString()).toBe(body.replace(secrets.client, masked));
    expect(exchange?.responseBody.toString()).toBe(events.join('').replace(secrets.client, masked));
    expect(exchange?.responseHead).toMatchObject({ status: 200, statusText: 'OK', ours: false });
    expect(exchange?.end).toMatchObject({ reason: 'complete', error: null, requestBodyNote: null });
  });

  it('is a file of this user only, and told of until its end', async () => {
    const { target, client } = await setUp(() => reply('data: x\n\n'));
    await client.send(target.baseUrl, post('{}'));
    target.journal.flush();
    const [name = ''] = readdirSync(target.journalDir);
    const file = statSync(join(target.journalDir, name));
    if (process.platform !== 'win32') expect(file.mode & 0o777).toBe(0o600);
    expect(target.notes.at(-1)).toEqual({ id: name.replace('.nxj', ''), size: file.size, ended: true });
  });

  it('never holds the bodies of token endpoints', async () => {
    const { target, client } = await setUp(() => reply(`{"refresh_token":"${secrets.refresh}"}`));
    for (const path of [
      '/v1/oauth/token',
      '/oauth/x',
      '/api/oauth/claude_cli/create_api_key',
      '/v1//%6fauth/token',
    ]) {
      const response = await client.send(target.baseUrl, post(`r=${secrets.refresh}`, { target: path }));
      expect(response.body.toString()).toContain(secrets.refresh);
    }
    expect(target.journaled()).toHaveLength(4);
    expect(onDisk(target.journalDir)).not.toContain(secrets.refresh);
  });
});

/** A file system whose synchronous writes seem slow, and whose later ones are in the test's hands. */
function slowFiles(): { files: JournalFiles; clock: () => number; release: () => void } {
  let time = 0;
  let released = false;
  const waiting: (() => void)[] = [];
  return {
    clock: () => time,
    release: () => {
      released = true;
      for (const go of waiting.splice(0)) go();
    },
    files: {
      ...journalFiles,
      write: (...parts) => {
        time += 60;
        return journalFiles.write(...parts);
      },
      writeLater: async (...parts) => {
        if (!released) await new Promise<void>((resolve) => waiting.push(resolve));
        return journalFiles.writeLater(...parts);
      },
    },
  };
}

describe('a disk in trouble', () => {
  it('that hangs holds back no byte, and the end only for the set time', async () => {
    const { files, clock, release } = slowFiles();
    let finish = (): void => undefined;
    const { target } = await setUp(
      (_request, socket) => {
        socket.write(streamHead + chunk('data: one\n\n'));
        finish = () => socket.write(`${chunk('event: message_stop\n\n')}0\r\n\r\n`);
        return null;
      },
      { lastWriteMs: 20, journalOptions: { files, clock } },
    );
    const response = await open(target.baseUrl);
    // The first bytes are here while the journal has nothing but the head of the request.
    const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    expect(String((await pieces.next()).value)).toBe('data: one\n\n');
    expect(target.journaled()[0]?.responseHead).toBeNull();
    finish();
    expect(String((await pieces.next()).value)).toBe('event: message_stop\n\n');
    expect((await pieces.next()).done).toBe(true);
    expect(target.journal.stats()).toMatchObject({ dropped: 0, late: 1 });
    release();
    await eventually(() => target.journaled()[0]?.end?.reason === 'complete');
    expect(target.journaled()[0]?.responseBody.toString()).toBe('data: one\n\nevent: message_stop\n\n');
  });

  it('that catches up in time makes the last chunk wait for it, and is not late', async () => {
    const { files, clock, release } = slowFiles();
    const { target, client } = await setUp(() => reply('event: message_stop\n\n'), {
      lastWriteMs: 60_000,
      journalOptions: { files, clock },
    });
    const answered = client.send(target.baseUrl, post('{}'));
    await eventually(() => target.proxy.active() === 1 && readdirSync(target.journalDir).length === 1);
    release();
    expect((await answered).complete).toBe(true);
    expect(target.journal.stats()).toMatchObject({ dropped: 0, late: 0 });
    expect(target.journaled()[0]?.end?.reason).toBe('complete');
  });

  // Without `undici-guard.ts` the process would end here.
  it.each(['close', 'length'] as const)(
    'that holds the last chunk while the upstream ends its connection costs nothing (%s)',
    async (framing) => {
      const { files, clock, release } = slowFiles();
      const body = 'data: one\n\nevent: message_stop\n\n';
      const { target, client } = await setUp(
        (_request, socket) => {
          // Head, body and the end of the connection in one go.
          socket.end(replyHead(reply(body, { framing, rawHeaders: ['Connection', 'close'] })) + body);
          return null;
        },
        { lastWriteMs: 20, journalOptions: { files, clock } },
      );
      for (const _ of [1, 2, 3]) {
        const response = await client.send(target.baseUrl, post('{}'));
        expect(response.complete).toBe(true);
        expect(response.body.toString()).toBe(body);
      }
      release();
      await eventually(() => target.journaled().every((exchange) => exchange.end?.reason === 'complete'));
    },
  );

  it('that is full stops recording, not traffic, and recording goes on when there is room', async () => {
    let full = false;
    let time = 0;
    const files: JournalFiles = {
      ...journalFiles,
      write: (fd, bytes, offset, position) => {
        if (!full) return journalFiles.write(fd, bytes, offset, position);
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      },
    };
    const upstream = await startRawUpstream(() => reply('data: x\n\nevent: message_stop\n\n'));
    const target = await startProxyTarget(upstream.url, { journalOptions: { files, clock: () => time } });
    const client = createRawClient();
    cleanups.push(
      () => upstream.close(),
      () => target.close(),
      () => {
        client.close();
      },
    );
    const ask = async (): Promise<void> => {
      const response = await client.send(target.baseUrl, post('{}'));
      expect(response).toMatchObject({ status: 200, complete: true });
      expect(response.body.toString()).toContain('message_stop');
    };
    full = true;
    await ask();
    await ask();
    expect(target.journal.stats()).toMatchObject({ dropped: 2 });
    expect(target.journal.stats().lastError).toContain('ENOSPC');
    expect(readdirSync(target.journalDir)).toEqual([]);
    full = false;
    time += 2000;
    await ask();
    expect(target.journal.stats().dropped).toBe(2);
    expect(target.journaled()).toMatchObject([{ end: { reason: 'complete' }, damaged: false }]);
  });
});
