import { z } from 'zod';

/** How two requests differ: what one has that the other has not, cache marks aside. */

const change = z.enum(['equal', 'added', 'removed', 'changed']);

/** A part of a body. `index`: its place in the first and in the second request, null where it is not in it. */
const comparedPart = z.object({
  change,
  first: z.number().nullable(),
  second: z.number().nullable(),
  /** `user · text`, `Bash`, `system` …: enough to recognise it. */
  label: z.string(),
});

export const requestComparison = z.object({
  firstId: z.string(),
  secondId: z.string(),
  /** Parameters as `model` and `max_tokens`. */
  parameters: z.array(z.object({ name: z.string(), change })),
  system: z.array(comparedPart),
  tools: z.array(comparedPart),
  /** Content blocks of the messages, in order; `message`: the index of theirs in the second request (else the first). */
  messages: z.array(comparedPart.extend({ message: z.number() })),
  /**
   * Where the two part first, in the order in which the cache reads them (tools, system, messages); null: nowhere. What
   * only adds at the end parts there too.
   */
  firstDifference: z.object({ part: z.enum(['tools', 'system', 'messages']), index: z.number() }).nullable(),
});
export type RequestComparison = z.infer<typeof requestComparison>;
export type ComparedPart = z.infer<typeof comparedPart>;

/** `with`: the other request; default: the one before it. The other one is the first, the one asked for the second. */
export const diffQuery = z.object({ with: z.uuid().optional() });

/** What of a request is given as the text of a document. `comparable`: its canonical form, for a diff editor. */
export const documentPart = z.enum(['request', 'response', 'headers', 'chunks', 'stream', 'comparable']);
export type DocumentPart = z.infer<typeof documentPart>;

export const documentQuery = z.object({ part: documentPart });
