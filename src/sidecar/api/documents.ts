import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import { diffQuery, documentQuery, type RequestComparison } from '../../protocol/compare.ts';
import { notFound } from '../errors.ts';
import type { ReadStore } from '../store/reads.ts';
import { existingId } from './existing-id.ts';
import { foundBytes, isNull } from './json-bytes.ts';
import { refuseBadInput } from './problem.ts';

/** Requests as texts, and side by side. */
export function documentRoutes({ read }: { read: ReadStore }) {
  return new Hono()
    .get('/requests/:id/document', zValidator('query', documentQuery, refuseBadInput), async (c) => {
      const id = existingId(c.req.param('id'), 'request');
      const { part } = c.req.valid('query');
      const bytes = await read('getDocument', id, part);
      // A document may be the four letters too; those bytes are told apart by what is asked next.
      if (isNull(bytes) && isNull(await read('getRequest', id, []))) throw notFound(`Request ${id}`);
      return new Response(bytes as Uint8Array<ArrayBuffer>, {
        headers: {
          // As text, also what was sent as a page: it is shown by an editor.
          'content-type': 'text/plain; charset=utf-8',
          'content-security-policy': "default-src 'none'; sandbox",
          'x-content-type-options': 'nosniff',
          'cache-control': 'no-store',
        },
      });
    })
    .get('/requests/:id/diff', zValidator('query', diffQuery, refuseBadInput), async (c) => {
      const id = existingId(c.req.param('id'), 'request');
      return foundBytes<RequestComparison>(
        await read('getComparison', id, c.req.valid('query').with),
        `Request ${id}`,
      );
    });
}
