import { zValidator } from '@hono/zod-validator';
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { heldKeyBody, loginBody, loginCodeBody, newKeyBody } from '../../protocol/credentials.ts';
import { readDomain } from '../core/domain-name.ts';
import type { CredentialWorks } from '../credential-works.ts';
import { badRequest } from '../errors.ts';
import { refuseBadInput } from './problem.ts';

const nothing = zValidator('json', z.strictObject({}), refuseBadInput);

/**
 * `/api/credentials`: accounts and keys by domain. No answer holds a secret but that of a new client key, once. What is
 * put here is held in memory only; log-ins are written to `<domain>.credentials.json`, because the sidecar refreshes
 * them when no VS Code is there.
 */
export function credentialRoutes(works: CredentialWorks) {
  return (
    new Hono()
      .get('/', (c) => c.json(works.list()))
      .delete('/keys/:id{[0-9a-f]{8}}', async (c) => c.json(await works.revokeKey(c.req.param('id'))))
      .put('/:domain', zValidator('json', heldKeyBody, refuseBadInput), (c) => {
        works.hold(domainOf(c), c.req.valid('json'));
        return c.body(null, 204);
      })
      .delete('/:domain', (c) => {
        works.letGo(domainOf(c));
        return c.body(null, 204);
      })
      .delete('/:domain/file', async (c) => {
        await works.removeFile(domainOf(c));
        return c.body(null, 204);
      })
      .post('/:domain/keys', zValidator('json', newKeyBody, refuseBadInput), async (c) =>
        c.json(await works.makeKey(domainOf(c), c.req.valid('json').name ?? null), 201),
      )
      .post('/:domain/refresh', nothing, async (c) => c.json(await works.refresh(domainOf(c))))
      .post('/:domain/login', zValidator('json', loginBody, refuseBadInput), async (c) =>
        c.json(await works.beginLogin(domainOf(c), c.req.valid('json').way), 201),
      )
      .post('/:domain/login/:loginId', zValidator('json', loginCodeBody, refuseBadInput), async (c) =>
        c.json(await works.pasteCode(domainOf(c), c.req.param('loginId'), c.req.valid('json').code)),
      )
      // Answers when there is something to tell: nobody polls.
      .get('/:domain/login/:loginId', async (c) =>
        c.json(await works.awaitLogin(domainOf(c), c.req.param('loginId'))),
      )
      .delete('/:domain/login/:loginId', (c) => {
        works.cancelLogin(domainOf(c), c.req.param('loginId'));
        return c.body(null, 204);
      })
  );
}

function domainOf(context: Context): string {
  const text = context.req.param('domain') ?? '';
  const read = readDomain(text);
  if ('domain' in read) return read.domain;
  const message = `${JSON.stringify(text.slice(0, 100))} ${read.why}`;
  throw badRequest(`The domain cannot be used: ${message}.`, [{ path: 'domain', message }]);
}
