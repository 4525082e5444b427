import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { BRIDGE_BODY_LIMIT, hostMessage, type HostMessage } from '../protocol/bridge.ts';
import { Bridge, apiUrl, type BridgePorts } from './bridge.ts';

const origin = 'http://127.0.0.1:4000';

describe('paths a panel may ask for', () => {
  it.each([
    ['/api/conversations?limit=50', `${origin}/api/conversations?limit=50`],
    ['/api/requests/a%20b', `${origin}/api/requests/a%20b`],
    ['/api/x/../y', `${origin}/api/y`],
  ])('%s', (path, expected) => {
    expect(apiUrl(origin, path)?.href).toBe(expected);
  });

  it.each([
    '/api/../health',
    '/api/..',
    '/api/%2e%2e/v1/messages',
    '/api/..%2fv1/messages',
    '/api/..\\..\\v1',
    '/api/%5c..%5cv1',
    '/api//evil',
    '//evil.example/api/x',
    'http://evil.example/api/x',
    '/v1/messages',
    '/api/events',
    '/api/x#y',
    '/api/%00',
  ])('not %s', (path) => {
    expect(apiUrl(origin, path)).toBeNull();
  });

  it('whatever the text, nothing but the sidecar’s /api/', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('.', '/', '\\', '%2e', '%2F', '%', 'api', '@', ':', 'a', '?', '\t'),
        }),
        (rest) => {
          const url = apiUrl(origin, `/api/${rest}`);
          if (url === null) return;
          expect(url.origin).toBe(origin);
          expect(url.pathname.startsWith('/api/')).toBe(true);
          expect(url.pathname.replaceAll(/%2e/gi, '.').split(/\/|\\|%2f|%5c/i)).not.toContain('..');
        },
      ),
    );
  });
});

let posted: HostMessage[];
let asked: { url: string; init: RequestInit }[];
let answer: (init: RequestInit) => Promise<Response>;
let calls: string[];
let bridge: Bridge;

beforeEach(() => {
  posted = [];
  asked = [];
  calls = [];
  answer = () => Promise.resolve(Response.json({ good: true }));
  const note =
    (name: string) =>
    (...args: unknown[]): void => {
      calls.push([name, ...args].join(' '));
    };
  const ports: BridgePorts = {
    endpoint: () => ({ url: origin, token: 'made-up' }),
    fetch: (input, init = {}) => {
      asked.push({ url: input instanceof Request ? input.url : input.toString(), init });
      return answer(init);
    },
    post: (message) => posted.push(hostMessage.parse(message)),
    ready: note('ready'),
    openJson: note('openJson'),
    openLink: note('openLink'),
    copy: note('copy'),
    title: note('title'),
    restartSidecar: note('restart'),
    export: (what) => {
      note('export')(JSON.stringify(what));
    },
    compare: note('compare'),
    open: ({ conversationId, requestId }) => {
      note('open')(conversationId, requestId);
    },
    refused: note('refused'),
  };
  bridge = new Bridge(ports);
});

const ask = (more: object = {}): void => {
  bridge.receive({ kind: 'fetch', id: 1, method: 'GET', path: '/api/status', ...more });
};
const settled = (count = 1) =>
  vi.waitFor(() => {
    expect(posted).toHaveLength(count);
  });

describe('the fetch pipe', () => {
  it('adds the token and brings the answer', async () => {
    ask();
    await settled();
    expect(new Headers(asked[0]?.init.headers).get('authorization')).toBe('Bearer made-up');
    expect(posted).toEqual([
      { kind: 'response', id: 1, status: 200, contentType: 'application/json', body: '{"good":true}' },
    ]);
    expect(JSON.stringify(posted)).not.toContain('made-up');
  });

  it('says that writes are JSON', async () => {
    ask({ method: 'POST', body: '{}' });
    await settled();
    expect(new Headers(asked[0]?.init.headers).get('content-type')).toBe('application/json');
    expect(asked[0]?.init.body).toBe('{}');
  });

  it('passes problems on as they are', async () => {
    answer = () => Promise.resolve(new Response('{"code":"not_found"}', { status: 404 }));
    ask();
    await settled();
    expect(posted[0]).toMatchObject({ kind: 'response', status: 404, body: '{"code":"not_found"}' });
  });

  it('refuses other paths without asking anybody', async () => {
    ask({ path: '/api/../v1/messages' });
    await settled();
    expect(posted[0]).toMatchObject({ kind: 'failure', id: 1 });
    expect(asked).toEqual([]);
  });

  it('tells that the sidecar could not be reached', async () => {
    answer = () => Promise.reject(new TypeError('fetch failed'));
    ask();
    await settled();
    expect(posted).toEqual([{ kind: 'failure', id: 1, message: 'fetch failed' }]);
  });

  it('carries four megabytes and not one byte more', async () => {
    answer = () => Promise.resolve(new Response('x'.repeat(BRIDGE_BODY_LIMIT)));
    ask();
    await settled();
    expect(posted[0]?.kind).toBe('response');
    answer = () => Promise.resolve(new Response('x'.repeat(BRIDGE_BODY_LIMIT + 1)));
    ask({ id: 2 });
    await settled(2);
    expect(posted[1]).toMatchObject({ kind: 'failure', id: 2 });
  });

  it('keeps characters that are cut between chunks', async () => {
    const bytes = new TextEncoder().encode('"日本🙂"');
    answer = () =>
      Promise.resolve(new Response(ReadableStream.from([...bytes].map((byte) => Uint8Array.of(byte)))));
    ask();
    await settled();
    expect(posted[0]).toMatchObject({ body: '"日本🙂"' });
  });

  const untilAborted = (init: RequestInit): Promise<Response> =>
    new Promise((_resolve, reject) => {
      init.signal?.addEventListener('abort', () => {
        reject(new Error('aborted'));
      });
    });

  it.each([
    [
      'an abort',
      () => {
        bridge.receive({ kind: 'abort', id: 1 });
      },
    ],
    [
      'the end of the panel',
      () => {
        bridge.dispose();
      },
    ],
    [
      'a page that begins anew',
      () => {
        bridge.receive({ kind: 'ready' });
      },
    ],
  ])('%s ends the request without an answer', async (_name, act) => {
    answer = untilAborted;
    ask();
    act();
    expect(asked[0]?.init.signal?.aborted).toBe(true);
    answer = () => Promise.resolve(Response.json({}));
    ask({ id: 2 });
    await settled();
    expect(posted[0]).toMatchObject({ id: 2 });
  });

  it('does not pile up requests', async () => {
    answer = untilAborted;
    for (let id = 1; id <= 33; id += 1) ask({ id });
    await settled();
    expect(posted[0]).toMatchObject({ kind: 'failure', id: 33 });
  });
});

describe('other messages', () => {
  const id = '0197a000-0000-7000-8000-000000000001';
  it.each([
    [{ kind: 'ready' }, 'ready'],
    [{ kind: 'open-json', requestId: id, part: 'response' }, `openJson ${id} response`],
    [{ kind: 'open-link', url: 'https://example.com/' }, 'openLink https://example.com/'],
    [{ kind: 'copy', text: 'text' }, 'copy text'],
    [{ kind: 'title', title: 'A title' }, 'title A title'],
    [{ kind: 'restart-sidecar' }, 'restart'],
    [{ kind: 'export', what: { requestId: id } }, `export {"requestId":"${id}"}`],
    [{ kind: 'compare', requestId: id, withId: null }, `compare ${id} `],
    [{ kind: 'open', conversationId: id, requestId: id }, `open ${id} ${id}`],
  ])('%j', (message, call) => {
    bridge.receive(message);
    expect(calls).toEqual([call]);
  });

  it.each([
    null,
    'ready',
    { kind: 'eval', code: '1' },
    { kind: 'open-link', url: 'command:workbench.action.quit' },
    { kind: 'open-link', url: 'file:///etc/passwd' },
    { kind: 'open-json', requestId: '../../x', part: 'request' },
    { kind: 'export', what: { requestId: '../../x' } },
    { kind: 'open', conversationId: 'x', requestId: null },
    { kind: 'fetch', id: 1, method: 'GET', path: '/v1/messages' },
    { kind: 'fetch', id: 1, method: 'TRACE', path: '/api/status' },
  ])('%j is refused', (message) => {
    bridge.receive(message);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatch(/^refused /);
    expect(asked).toEqual([]);
  });
});
