import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import {
  conversationExportQuery,
  requestExportQuery,
  type ConversationExportQuery,
  type ExportFormat,
} from '../../protocol/export.ts';
import { conversationFile } from '../../wording/file-names.ts';
import { notFound, stackOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ExportPlan, ExportStep } from '../store/export.ts';
import type { ReadStore } from '../store/reads.ts';
import { existingId } from './existing-id.ts';
import { found, isNull } from './json-bytes.ts';
import { refuseBadInput } from './problem.ts';

/** The store's content as files. */
export function exportRoutes({ read, log }: { read: ReadStore; log: Log }) {
  return new Hono()
    .get(
      '/conversations/:id/export',
      zValidator('query', conversationExportQuery, refuseBadInput),
      async (c) => {
        const id = existingId(c.req.param('id'), 'conversation');
        const query = c.req.valid('query');
        const plan = found(await read('planExport', id, query), `Conversation ${id}`) as ExportPlan;
        const content = exportStream(plan, (steps) => read('exportSteps', steps, query), log);
        return new Response(content, {
          headers: fileHeaders(conversationFile(plan.title, id), query),
        });
      },
    )
    .get('/requests/:id/export', zValidator('query', requestExportQuery, refuseBadInput), async (c) => {
      const id = existingId(c.req.param('id'), 'request');
      const bytes = await read('exportRequest', id, c.req.valid('query').redact);
      if (isNull(bytes)) throw notFound(`Request ${id}`);
      return new Response(bytes as Uint8Array<ArrayBuffer>, {
        headers: fileHeaders(`request-${id}`, { format: 'json' }),
      });
    });
}

/** How many steps are sent along with each question; a slice seldom holds more. */
const MOST_STEPS = 64;

/**
 * The file, slice by slice: the next one is read when the last one has been taken, so a slow client costs nothing, and
 * one that leaves ends it. An exchange that is deleted meanwhile breaks it off, since a file with a hole would look whole.
 */
function exportStream(
  plan: ExportPlan,
  slice: (steps: ExportStep[]) => Promise<Uint8Array>,
  log: Log,
): ReadableStream<Uint8Array> {
  let at = 0;
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(plan.head));
      },
      async pull(controller) {
        if (at >= plan.steps.length) {
          controller.enqueue(encoder.encode(plan.tail));
          controller.close();
          return;
        }
        try {
          const bytes = await slice(plan.steps.slice(at, at + MOST_STEPS));
          if (isNull(bytes)) throw notFound(`A request of this conversation`);
          const line = bytes.indexOf(0x0a);
          at += Number(Buffer.from(bytes.subarray(0, line)).toString());
          controller.enqueue(bytes.subarray(line + 1));
        } catch (error) {
          log.warn('An export was broken off', { error: stackOf(error) });
          controller.error(error);
        }
      },
    },
    { highWaterMark: 1 },
  );
}

const CONTENT_TYPES: Record<ExportFormat, string> = {
  json: 'application/json',
  md: 'text/markdown; charset=utf-8',
  html: 'text/html; charset=utf-8',
};

/** A file to keep, never a page to show: it is made of other people's text. */
function fileHeaders(
  name: string,
  { format }: Pick<ConversationExportQuery, 'format'>,
): Record<string, string> {
  return {
    'content-type': CONTENT_TYPES[format],
    'content-disposition': `attachment; filename="${name}.${format}"`,
    'cache-control': 'no-store',
    'content-security-policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    'x-content-type-options': 'nosniff',
  };
}
