import { z } from 'zod';

const searchRole = z.enum(['user', 'assistant', 'system']);
const searchKind = z.enum(['text', 'thinking', 'tool_use', 'tool_result']);

/** A turn in which everything was found that was looked for, by the text of it that tells most. */
export const searchHit = z.object({
  requestId: z.string(),
  conversationId: z.string(),
  /** Of the conversation. */
  title: z.string(),
  project: z.string().nullable(),
  branchId: z.string().nullable(),
  role: searchRole,
  kind: searchKind,
  /** What stands around it, on one line, about 240 characters. */
  snippet: z.string(),
  /** Where in the snippet it was found: from and to (exclusive), in UTF-16 units. */
  highlights: z.array(z.tuple([z.number(), z.number()])),
  timestamp: z.string(),
});
export type SearchHit = z.infer<typeof searchHit>;

export const searchPage = z.object({
  hits: z.array(searchHit),
  pagination: z.object({ limit: z.number(), nextCursor: z.string().nullable() }),
  /** True: looking ended before the page was full, since it took long; the next page goes on from there. */
  cut: z.boolean(),
  /** Requests that are not in the index yet and were not looked at. */
  waiting: z.number(),
});
export type SearchPage = z.infer<typeof searchPage>;
