import { z } from 'zod';
import { branchRow, conversationRow, invocationRow, linkExplanation, requestDetail } from './rows.ts';

/** What leaves the store as a file, and the parameters it is asked for with. */

export const exportFormat = z.enum(['json', 'md', 'html']);
export type ExportFormat = z.infer<typeof exportFormat>;

/** Which secrets are masked on the way out: the product's own keys, every kind that is known, nothing. */
export const redactMode = z.enum(['own', 'all', 'none']);
export type RedactMode = z.infer<typeof redactMode>;

export const conversationExportQuery = z.object({
  format: exportFormat.default('json'),
  redact: redactMode.default('own'),
});
export type ConversationExportQuery = z.infer<typeof conversationExportQuery>;

export const requestExportQuery = z.object({ redact: redactMode.default('own') });

/**
 * What of a body is not written again because another request of the same file has it: the first `messages` entries of
 * its `messages`, and all of its `system` and `tools`. The members are then missing from `requestBody` (of `messages`
 * only these entries). The other request stands earlier in the file and may share in its turn.
 */
const sharedContent = z.object({
  requestId: z.string(),
  messages: z.number(),
  system: z.boolean(),
  tools: z.boolean(),
});
export type SharedContent = z.infer<typeof sharedContent>;

/** A request as it is exported: its row, what passed, and why it hangs where it hangs. */
const exportedRequest = requestDetail.extend({ link: linkExplanation });

const header = { exportedAt: z.string(), generator: z.string(), redact: redactMode };

/** `GET /api/requests/:id/export`: one request, its body in full. */
export const requestExport = z.object({
  format: z.literal('claude-nexus-request'),
  version: z.literal(1),
  ...header,
  request: exportedRequest,
});

/** `GET /api/conversations/:id/export?format=json`. Requests are in order of arrival; without sharing it grows with the square of the turns. */
export const conversationExport = z.object({
  format: z.literal('claude-nexus-conversation'),
  version: z.literal(1),
  ...header,
  conversation: conversationRow,
  branches: z.array(branchRow),
  invocations: z.array(invocationRow),
  requests: z.array(exportedRequest.extend({ shared: sharedContent.nullable() })),
  /** Metadata calls of its sessions. */
  sideCalls: z.array(exportedRequest.extend({ shared: sharedContent.nullable() })),
});
export type ConversationExport = z.infer<typeof conversationExport>;
