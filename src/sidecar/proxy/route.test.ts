import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRouter, type Route } from './route.ts';

const open = createRouter({ pathKey: null });
const keyed = createRouter({ pathKey: 'the-key' });
const up = (path: string, project: string | null = null, pathKey = false): Route => ({
  kind: 'upstream',
  project,
  path,
  pathKey,
});
const own: Route = { kind: 'own' };

describe('without a path key', () => {
  const check = (line: string, expected: Route): void => {
    const [method = '', target = ''] = line.split(' ');
    expect(open(method, target)).toEqual(expected);
  };
  it.each<[string, Route]>([
    ['GET /', own],
    ['GET /?x', own],
    ['HEAD /', up('/')],
    ['POST /', up('/')],
    ['GET /health', own],
    ['GET /health/live', own],
    ['GET /health/', up('/health/')],
    ['GET /healthy', up('/healthy')],
    ['POST /mcp', own],
    ['GET /ui', own],
    ['GET /ui/requests?domain=x', own],
    ['GET /uix', up('/uix')],
    ['GET /api/status?x=1', own],
    ['GET /api/conversations/abc', own],
    ['DELETE /api/conversations/abc', own],
    ['PUT /api/conversations/abc/pin', own],
    ['GET /api/conversations/abc/other', up('/api/conversations/abc/other')],
    ['POST /api/analyses/c/*/regenerate', own],
    ['HEAD /api/hello', up('/api/hello')],
    ['POST /api/event_logging/batch', up('/api/event_logging/batch')],
    ['POST /api/oauth/token', up('/api/oauth/token')],
    ['GET /%61pi/status', up('/%61pi/status')],
    ['GET //api/status', up('//api/status')],
    ['GET /x/../api/status', up('/x/../api/status')],
    ['POST /v1/messages?beta=true', up('/v1/messages?beta=true')],
    ['POST /p/demo/v1/messages?beta=true', up('/v1/messages?beta=true', 'demo')],
    ['GET /p/demo/api/status', up('/api/status', 'demo')],
    ['GET /p/demo/', up('/', 'demo')],
    ['GET /p/my%20project/%E2%82%AC', up('/%E2%82%AC', 'my project')],
    ['POST /k/any/p/demo/v1/messages', up('/v1/messages', 'demo')],
    ['GET /k/any/health', up('/health')],
    ['POST /p/demo/k/any/v1', up('/k/any/v1', 'demo')],
    ['HEAD /k/x/p/y', up('/', 'y')],
    ['HEAD /k/x/p/y?q', up('/?q', 'y')],
    ['HEAD /k/x', up('/')],
    ['GET /k', up('/k')],
  ])('%s', check);

  it.each([
    '/p//v1',
    '/p/%2e%2e/v1',
    '/p/../v1',
    '/p/a%2fb/v1',
    '/p/a%00b/v1',
    '/p/%ff/v1',
    '/p/%zz/v1',
    `/p/${'a'.repeat(256)}/v1`,
  ])('refuses the project in %s', (target) => {
    expect(open('POST', target)).toMatchObject({ kind: 'refused', status: 400 });
  });
  it.each([
    'http://elsewhere.example/v1',
    'https://x',
    '*',
    '',
    'v1/messages',
    '/a b',
    '/a\u0000',
    '/a\r\nHost: x',
    '/€',
  ])('refuses the target %j', (target) => {
    expect(open('GET', target)).toMatchObject({ kind: 'refused', status: 400 });
  });
});

describe('with a path key', () => {
  it.each<[string, string, Route | number]>([
    ['POST', '/k/the-key/v1/messages', up('/v1/messages', null, true)],
    ['POST', '/k/the-key/p/demo/v1/messages', up('/v1/messages', 'demo', true)],
    ['HEAD', '/k/the-key/p/demo', up('/', 'demo', true)],
    ['GET', '/health', own],
    ['GET', '/api/status', own],
    ['POST', '/v1/messages', 401],
    ['POST', '/p/demo/v1/messages', 401],
    ['POST', '/k/the-ke/v1/messages', 401],
    ['POST', '/k/the-key-/v1/messages', 401],
    ['POST', '/k//v1/messages', 401],
    ['GET', '/k/wrong/health', 401],
    ['POST', '/p/demo/k/the-key/v1/messages', 401],
    ['HEAD', '/', 401],
  ])('%s %s', (method, target, expected) => {
    const route = keyed(method, target);
    if (typeof expected === 'number') expect(route).toMatchObject({ kind: 'refused', status: expected });
    else expect(route).toEqual(expected);
  });

  it('says what to do, and nothing about the key', () => {
    const route = keyed('POST', '/k/guess/v1/messages');
    expect(route).toMatchObject({ message: expect.stringContaining('base URL') as string });
    expect(JSON.stringify(route)).not.toMatch(/the-key|guess/);
  });
});

describe('any target', () => {
  it('goes upstream as a path that is a suffix of what was received', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('/.%?#a2fkp:@\\\u00ff \0')), maxLength: 20 }),
        (text) => {
          for (const target of [text, `/${text}`, `/p/x/${text}`, `/k/y/p/x${text}`]) {
            const route = open('POST', target);
            if (route.kind !== 'upstream') continue;
            expect(route.path.startsWith('/')).toBe(true);
            expect(
              target.endsWith(route.path) ||
                route.path === '/' ||
                route.path.startsWith('/?') ||
                route.path.startsWith('/#'),
            ).toBe(true);
            expect(route.path).toMatch(/^[\x21-\x7e\x80-\xff]+$/);
          }
        },
      ),
    );
  });
});
