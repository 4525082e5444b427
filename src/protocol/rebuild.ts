import { z } from 'zod';
import { linkSignal } from './rows.ts';

/** Linking stored exchanges anew. */

/**
 * Body of `POST /api/rebuild`. What of the store is linked anew: one conversation, what was sent to one domain (with
 * a port: to that one), or everything. Without `apply` nothing is changed: it is tried out on a copy.
 */
export const rebuildBody = z
  .strictObject({
    conversationId: z.guid().optional(),
    domain: z.string().min(1).max(300).optional(),
    apply: z.boolean().default(false),
  })
  .refine(({ conversationId, domain }) => conversationId === undefined || domain === undefined, {
    message: 'either a conversation or a domain',
    path: ['domain'],
  });
export type RebuildBody = z.infer<typeof rebuildBody>;

const place = z.object({
  conversationId: z.string().nullable(),
  branchId: z.string().nullable(),
  parentRequestId: z.string().nullable(),
  signal: linkSignal,
});

/** An exchange that hangs elsewhere than before. */
const rebuildChange = z.object({ requestId: z.string(), before: place, after: place });
export type RebuildChange = z.infer<typeof rebuildChange>;

/**
 * `GET /api/rebuild`: the rebuild under way, or the last one since the sidecar's start. `total`: an estimate in large
 * stores; null while it is not known. `changed` counts the exchanges that hang elsewhere (those that follow a changed
 * one included), `changes` lists the first 100 of them.
 */
export const rebuildState = z.object({
  state: z.enum(['idle', 'waiting', 'running', 'done', 'cancelled', 'failed']),
  apply: z.boolean(),
  conversationId: z.string().nullable(),
  domain: z.string().nullable(),
  /** Exchanges that were looked at. */
  examined: z.number(),
  total: z.number().nullable(),
  changed: z.number(),
  changes: z.array(rebuildChange),
  /** Conversations that are new, and those that are no more. */
  conversations: z.object({ opened: z.number(), gone: z.number() }),
  /** Why it failed. */
  error: z.string().nullable(),
});
export type RebuildState = z.infer<typeof rebuildState>;
