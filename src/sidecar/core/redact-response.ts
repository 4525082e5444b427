import type { Cut } from './cuts.ts';
import { listed, redactBody } from './redact-body.ts';
import { movedOffsets, type BodyPolicy, type Edit } from './redact-edits.ts';
import { redactStream } from './redact-stream.ts';
import type { Redaction } from './redact.ts';

/** A response's content and how it arrived. */
export interface ResponseContent {
  body: Buffer;
  cuts: Cut[];
}

/** The decoded content of a response without what the policy masks; its cuts stay where they were in the content. */
export function redactResponse(
  { body, cuts }: ResponseContent,
  contentType: string | null,
  policy: BodyPolicy,
): ResponseContent & { redactions: Redaction[] } {
  const redact = isStream(contentType, body) ? redactStream : redactBody;
  const { body: masked, edits, redactions } = redact(body, policy, 'responseBody');
  return { body: masked, cuts: movedCuts(cuts, edits), redactions: listed(redactions) };
}

function isStream(contentType: string | null, body: Buffer): boolean {
  if (contentType !== null && contentType !== '') return /^\s*text\/event-stream/i.test(contentType);
  return /^(?:event|data|id|retry)?:/.test(body.toString('latin1', 0, 16));
}

function movedCuts(cuts: Cut[], edits: readonly Edit[]): Cut[] {
  if (edits.length === 0) return cuts;
  let end = 0;
  const ends = movedOffsets(
    cuts.map(({ length }) => (end += length)),
    edits,
  );
  return cuts.map(({ offsetMs }, index) => ({ length: ends[index]! - (ends[index - 1] ?? 0), offsetMs }));
}
