import { jsonPathsAt } from './json-paths.ts';
import { editBytes, findEdits, movedOffsets, type BodyPolicy, type Edit } from './redact-edits.ts';
import type { Redaction } from './redact.ts';

/** A secret that every turn of a conversation repeats is listed with every turn: the list must not outgrow the rest. */
const MOST_LISTED = 50;

/**
 * A body without what the policy masks: JSON stays JSON, every other byte stays. `where` begins the noted paths
 * (`requestBody`, then `requestBody.messages[2].content` where the body is JSON). Without a secret the body itself is
 * returned. Never throws.
 */
export function redactBody(
  body: Buffer,
  policy: BodyPolicy,
  where: string,
): { body: Buffer; edits: Edit[]; redactions: Redaction[] } {
  const text = policy.mode === 'all' ? body.toString('latin1') : '';
  const edits = findEdits(text, policy, body);
  if (edits.length === 0) return { body, edits, redactions: [] };
  const masked = editBytes(body, edits);
  // Paths are read from what is left: a member's name may have been a secret.
  const offsets = movedOffsets(
    edits.map(({ from }) => from),
    edits,
  );
  const paths = jsonPathsAt(masked, offsets);
  const noted = edits.map(({ kind }, index) => ({ path: where + paths[index]!, kind }));
  return { body: masked, edits, redactions: listed(noted) };
}

/**
 * One string of a body, masked as it is in the body: what is read from a response while it streams (the prompt of a
 * sub-agent) must equal what the same words become in a request.
 */
export function redactString(text: string, policy: BodyPolicy): string {
  if (policy.mode === 'none') return text;
  const json = Buffer.from(JSON.stringify(text));
  const edits = findEdits(json.toString('latin1'), policy, json);
  return edits.length === 0 ? text : (JSON.parse(editBytes(json, edits).toString()) as string);
}

/** Each path and kind once, and not too many. */
export function listed(redactions: readonly Redaction[]): Redaction[] {
  const distinct = new Map(redactions.map((redaction) => [`${redaction.kind} ${redaction.path}`, redaction]));
  return [...distinct.values()].slice(0, MOST_LISTED);
}
