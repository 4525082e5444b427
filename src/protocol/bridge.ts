import { z } from 'zod';
import { nexusEvent } from './events.ts';

/**
 * Messages between the extension host and a webview. The webview's `fetch` is a pipe to the host, which adds the
 * token and lets only `/api/` paths through; answers over 4 MB are refused, larger things are asked for in parts.
 */
export const BRIDGE_BODY_LIMIT = 4 * 1024 * 1024;

/** What a panel shows first. `conversation: null` shows the list. */
export const panelTarget = z.object({
  conversationId: z.string().nullable(),
  requestId: z.string().nullable(),
});
export type PanelTarget = z.infer<typeof panelTarget>;

/** Which part of a request opens as a read-only JSON document in the editor. */
export const jsonPart = z.enum(['request', 'response', 'headers', 'chunks', 'stream']);
export type JsonPart = z.infer<typeof jsonPart>;

/** What is to be written to a file. */
export const exportTarget = z.union([
  z.object({ conversationId: z.uuid(), title: z.string().max(1000) }),
  z.object({ requestId: z.uuid() }),
]);
export type ExportTarget = z.infer<typeof exportTarget>;

export const connectionState = z.enum(['starting', 'connected', 'down']);
export type ConnectionState = z.infer<typeof connectionState>;

export const webviewMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({
    kind: z.literal('fetch'),
    id: z.number().int(),
    method: z.enum(['GET', 'POST', 'PUT', 'DELETE']),
    path: z.string().max(4000).startsWith('/api/'),
    body: z.string().max(BRIDGE_BODY_LIMIT).optional(),
  }),
  z.object({ kind: z.literal('abort'), id: z.number().int() }),
  z.object({ kind: z.literal('open-json'), requestId: z.uuid(), part: jsonPart }),
  z.object({ kind: z.literal('open-link'), url: z.url({ protocol: /^https?$/ }) }),
  z.object({ kind: z.literal('copy'), text: z.string().max(BRIDGE_BODY_LIMIT) }),
  z.object({ kind: z.literal('title'), title: z.string().max(200) }),
  z.object({ kind: z.literal('restart-sidecar') }),
  z.object({ kind: z.literal('export'), what: exportTarget }),
  /** `withId: null`: with the turn before it. */
  z.object({ kind: z.literal('compare'), requestId: z.uuid(), withId: z.uuid().nullable() }),
  /** Another panel: a conversation, at a turn. */
  z.object({ kind: z.literal('open'), conversationId: z.uuid(), requestId: z.uuid().nullable() }),
]);
export type WebviewMessage = z.infer<typeof webviewMessage>;

export const hostMessage = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('response'),
    id: z.number().int(),
    status: z.number().int(),
    contentType: z.string(),
    body: z.string(),
  }),
  /** The request never got an answer: the sidecar is away, or the answer was over the limit. */
  z.object({ kind: z.literal('failure'), id: z.number().int(), message: z.string() }),
  z.object({ kind: z.literal('event'), event: nexusEvent }),
  z.object({ kind: z.literal('show'), target: panelTarget }),
  z.object({ kind: z.literal('connection'), state: connectionState, detail: z.string().nullable() }),
]);
export type HostMessage = z.infer<typeof hostMessage>;
