import { z } from 'zod';
import { branchKind, exchangeState, requestType } from './rows.ts';

/** Query parameters of the list routes. They arrive as strings; an empty string counts as absent. */
const text = z
  .string()
  .max(500)
  .transform((value) => (value === '' ? undefined : value))
  .optional();
const limit = z.coerce.number().int().min(1).max(200).default(50);
const time = z.iso.datetime({ offset: true }).optional();

export const conversationQuery = z.object({
  project: text,
  domain: text,
  accountId: text,
  model: text,
  branchKind: branchKind.optional(),
  state: exchangeState.optional(),
  search: text,
  dateFrom: time,
  dateTo: time,
  limit,
  cursor: text,
});
export type ConversationQuery = z.infer<typeof conversationQuery>;

export const requestQuery = z.object({
  project: text,
  domain: text,
  accountId: text,
  conversationId: z.uuid().optional(),
  branchId: text,
  model: text,
  type: requestType.optional(),
  state: exchangeState.optional(),
  /** `success`, `error`, or an HTTP status code. */
  status: z.union([z.enum(['success', 'error']), z.coerce.number().int().min(100).max(599)]).optional(),
  dateFrom: time,
  dateTo: time,
  limit,
  cursor: text,
});
export type RequestQuery = z.infer<typeof requestQuery>;

/** Words (all of them), `"phrases"` and `-without`, in what was said and done; the filters are those of the lists. */
export const searchQuery = z.object({
  q: z.string().trim().min(1, 'there is nothing in it to search for').max(500),
  project: text,
  domain: text,
  accountId: text,
  conversationId: z.uuid().optional(),
  branchId: text,
  branchKind: branchKind.optional(),
  model: text,
  state: exchangeState.optional(),
  dateFrom: time,
  dateTo: time,
  limit,
  cursor: text,
});
export type SearchQuery = z.infer<typeof searchQuery>;

export const statsQuery = z.object({ domain: text, since: time });
export type StatsQuery = z.infer<typeof statsQuery>;

/** `fields`: a comma-separated part of a request detail, so that a large exchange is asked for in parts. */
export const requestDetailQuery = z.object({
  fields: z
    .string()
    .transform((value) => value.split(',').filter((name) => name !== ''))
    .optional(),
});
