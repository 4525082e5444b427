import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import { notFound, unauthorized } from '../errors.ts';
import { acceptsFrom, addressOf, isAllowed, requireJson, requireKey, type Gate } from './auth.ts';
import { refuseBadInput } from './problem.ts';
import { loginPage, panelPage, PANELS } from './ui-pages.ts';

const TYPES: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json',
  '.ttf': 'font/ttf',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

const proof = z.union([z.object({ code: z.string().max(200) }), z.object({ key: z.string().max(1000) })]);

/**
 * The panels in a browser. Whoever has a key gets a one-time code, opens `/ui/#code=…` with it (the fragment never
 * leaves the browser) and the page exchanges it for a session cookie. Nothing but the log-in page is open.
 */
export function uiRoutes(deps: { gate: Gate; webviewDir: string; origin: () => string }) {
  const { gate } = deps;
  return new Hono()
    .post('/code', requireKey(gate), requireJson, (c) => {
      const code = gate.issueCode();
      return c.json({ code, url: `${deps.origin()}/ui/#code=${code}` }, 201);
    })
    .post('/session', requireJson, zValidator('json', proof, refuseBadInput), (c) => {
      const proof = c.req.valid('json');
      const wrongKey = 'key' in proof && !acceptsFrom(gate, proof.key, addressOf(c));
      const session = wrongKey ? null : gate.openSession(proof);
      if (session === null) throw unauthorized();
      setCookie(c, gate.cookieName, session, {
        httpOnly: true,
        sameSite: 'Strict',
        path: '/',
        maxAge: gate.sessionSeconds,
      });
      return c.body(null, 204);
    })
    .get('/assets/*', requireKey(gate), async (c) => {
      const name = c.req.path.slice(c.req.path.indexOf('/assets/') + '/assets/'.length);
      const type = TYPES[extname(name)];
      // Built names only: no dot segments, no escapes, nothing hidden.
      if (type === undefined || !/^[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*$/.test(name)) throw notFound(name);
      const bytes = await readFile(join(deps.webviewDir, name)).catch(() => null);
      if (bytes === null) throw notFound(name);
      return c.body(bytes, 200, { 'content-type': type });
    })
    .get('*', (c) => {
      const session = getCookie(c, gate.cookieName);
      const allowed = isAllowed(gate, (name) => c.req.header(name), session, addressOf(c));
      const nonce = randomBytes(16).toString('base64');
      const named = c.req.path.slice('/ui/'.length);
      const panel = Object.hasOwn(PANELS, named) ? (named as keyof typeof PANELS) : 'conversations';
      return c.html(
        allowed ? panelPage(nonce, panel) : loginPage(nonce),
        allowed ? 200 : 401,
        pageHeaders(nonce),
      );
    });
}

function pageHeaders(nonce: string): Record<string, string> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      `script-src 'self' 'nonce-${nonce}'`,
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ].join('; '),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
  };
}
