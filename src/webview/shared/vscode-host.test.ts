import { expect, it } from 'vitest';
import { createVsCodeHost } from './vscode-host.ts';

function setUp(): {
  host: ReturnType<typeof createVsCodeHost>;
  posted: unknown[];
  receive: (data: unknown) => void;
} {
  const posted: unknown[] = [];
  const page = new EventTarget();
  const api = {
    postMessage: (message: unknown) => posted.push(message),
    getState: () => undefined,
    setState: () => undefined,
  };
  const host = createVsCodeHost(api, page as unknown as Window);
  return { host, posted, receive: (data) => page.dispatchEvent(new MessageEvent('message', { data })) };
}

it('answers fetches by id, whatever their order', async () => {
  const { host, posted, receive } = setUp();
  const first = host.fetch('/api/a');
  const second = host.fetch('/api/b', { method: 'post', body: '{}' });
  receive({ kind: 'response', id: 2, status: 201, contentType: 'application/json', body: '{"b":1}' });
  receive({ kind: 'response', id: 1, status: 204, contentType: '', body: '' });
  expect((await first).status).toBe(204);
  expect(await (await second).json()).toEqual({ b: 1 });
  expect(posted).toEqual([
    { kind: 'fetch', id: 1, method: 'GET', path: '/api/a' },
    { kind: 'fetch', id: 2, method: 'POST', path: '/api/b', body: '{}' },
  ]);
});

it('passes an abort on and rejects at once', async () => {
  const { host, posted } = setUp();
  const controller = new AbortController();
  const answer = host.fetch('/api/a', { signal: controller.signal });
  controller.abort();
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  expect(posted.at(-1)).toEqual({ kind: 'abort', id: 1 });
  await expect(host.fetch('/api/a', { signal: controller.signal })).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(posted).toHaveLength(2);
});

it('rejects a failed fetch with the host’s sentence', async () => {
  const { host, receive } = setUp();
  const answer = host.fetch('/api/a');
  receive({ kind: 'failure', id: 1, message: 'The sidecar is away.' });
  await expect(answer).rejects.toThrow('The sidecar is away.');
});

it.each([
  'javascript:alert(1)',
  'file:///etc/passwd',
  'data:text/html,x',
  'command:workbench.action.quit',
  'not a link',
  '',
])('does not open %j', (url) => {
  const { host, posted } = setUp();
  host.openLink(url);
  expect(posted).toEqual([]);
});

it('sends nothing outside the protocol', () => {
  const { host, posted } = setUp();
  expect(() => {
    host.openJson('../../etc/passwd', 'request');
  }).toThrow();
  expect(posted).toEqual([]);
});

it('keeps what is not in the protocol from its listeners', () => {
  const { host, receive } = setUp();
  const seen: unknown[] = [];
  host.onEvent((event) => seen.push(event));
  host.onShow((target) => seen.push(target));
  for (const odd of [
    null,
    'x',
    { kind: 'event', event: { name: 'nonsense', ids: [] } },
    { kind: 'show', target: {} },
  ]) {
    receive(odd);
  }
  receive({ kind: 'event', event: { name: 'resync', ids: [] } });
  expect(seen).toEqual([{ name: 'resync', ids: [] }]);
});
