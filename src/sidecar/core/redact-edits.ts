import { findSecrets } from './redact-find.ts';
import { findOwn } from './redact-own.ts';

/** What is masked in bodies: the product's own keys, every kind of the table, nothing (SPEC 3.3). */
export type RedactBodies = 'own' | 'all' | 'none';

/** What is masked in bodies, and the own keys (the sidecar's token, the path key). */
export interface BodyPolicy {
  mode: RedactBodies;
  ownSecrets: readonly string[];
}

/** A secret and what is to stand in its place. */
export interface Edit {
  kind: string;
  from: number;
  to: number;
  mask: string;
}

export const MASK = '****';

/**
 * What the policy masks in a text, in order, none over another: own keys at the same length, other kinds as `****`.
 * With `bytes`, `text` is their `latin1` reading and offsets are theirs.
 */
export function findEdits(text: string, policy: BodyPolicy, bytes?: Buffer): Edit[] {
  if (policy.mode === 'none') return [];
  const own = findOwn(bytes ?? text, policy.ownSecrets).map((secret): Edit => ({
    ...secret,
    mask: '*'.repeat(secret.to - secret.from),
  }));
  if (policy.mode === 'own') return withoutOverlaps(own);
  const known = findSecrets(text, bytes).map((secret): Edit => ({ ...secret, mask: MASK }));
  return own.length === 0 ? known : withoutOverlaps([...own, ...known]);
}

/** In order; of two that overlap the later one keeps what the earlier one does not hide. */
export function withoutOverlaps(edits: Edit[]): Edit[] {
  const out: Edit[] = [];
  let free = 0;
  for (const edit of edits.sort((a, b) => a.from - b.from || b.to - a.to)) {
    if (edit.to <= free) continue;
    const from = Math.max(edit.from, free);
    out.push({ ...edit, from, mask: from === edit.from ? edit.mask : '' });
    free = edit.to;
  }
  return out;
}

/** `text` with the edits made, which are in order and do not overlap. */
export function editText(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text;
  let out = '';
  let done = 0;
  for (const { from, to, mask } of edits) {
    out += text.slice(done, from) + mask;
    done = to;
  }
  return out + text.slice(done);
}

/** As `editText`, for bytes: every other byte stays. Without edits the bytes themselves are returned. */
export function editBytes(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  const parts: Buffer[] = [];
  let done = 0;
  for (const { from, to, mask } of edits) {
    parts.push(bytes.subarray(done, from), Buffer.from(mask));
    done = to;
  }
  return Buffer.concat([...parts, bytes.subarray(done)]);
}

/** Where each of `offsets` (ascending) is after the edits; one within a secret is within its mask. */
export function movedOffsets(offsets: readonly number[], edits: readonly Edit[]): number[] {
  let next = 0;
  let shift = 0;
  return offsets.map((offset) => {
    for (let edit = edits[next]; edit !== undefined && edit.to <= offset; edit = edits[++next]) {
      shift += edit.mask.length - (edit.to - edit.from);
    }
    const edit = edits[next];
    if (edit === undefined || offset <= edit.from) return offset + shift;
    return edit.from + shift + Math.min(offset - edit.from, edit.mask.length);
  });
}
