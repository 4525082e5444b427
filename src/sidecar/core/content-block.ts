import { isAscii, isUtf8 } from 'node:buffer';
import { normaliseBlock } from './block-form.ts';
import { member, parseJson, stringOf } from './json.ts';

/** A content block, read from a body. */
export interface ContentBlock {
  json: unknown;
  /** The UTF-8 bytes of its normalised form, where that was made on the way; else it is made from `json`. */
  form?: Buffer;
}

/** Below this the detour costs more than it saves. */
const SMALLEST_WIRE = 512;

/** Reads a block's bytes; null for what is no JSON. */
export function readBlock(bytes: Buffer): ContentBlock | null {
  if (isAscii(bytes)) return asBlock(parseJson(bytes.toString('latin1')));
  return readWireResult(bytes) ?? asBlock(parseJson(bytes.toString()));
}

const asBlock = (json: unknown): ContentBlock | null => (json === undefined ? null : { json });

/**
 * Tool results are most of a body, and one letter beyond ASCII makes a text twice as large in memory: decoding such a
 * result and encoding its form again takes four times as long as that of an ASCII one. Read as latin1, each letter is a
 * byte as it was sent, and so is the form. null where that could make a difference: escapes, bytes that are not UTF-8,
 * anything but texts, and texts that end in a letter beyond ASCII, which may be white space.
 */
function readWireResult(bytes: Buffer): ContentBlock | null {
  if (bytes.length < SMALLEST_WIRE || !isUtf8(bytes) || bytes.includes('\\u')) return null;
  const json = parseJson(bytes.toString('latin1'));
  const content = member(json, 'content');
  const id = stringOf(member(json, 'tool_use_id'));
  if (member(json, 'type') !== 'tool_result' || id === null || !isPlain(id)) return null;
  if (member(json, 'name') !== undefined) return null;
  const texts = Array.isArray(content) ? content.map(textOf) : [stringOf(content)];
  if (!texts.every((text) => text !== null && hasPlainEdges(text))) return null;
  const form = normaliseBlock(json);
  return form === null
    ? null
    : { json: { type: 'tool_result', tool_use_id: id }, form: Buffer.from(form, 'latin1') };
}

const textOf = (block: unknown): string | null =>
  member(block, 'type') === 'text' ? stringOf(member(block, 'text')) : null;

const isPlain = (text: string): boolean => /^[\x21-\x7e]*$/.test(text);

/** The normalised text begins and ends in ASCII, or is empty. */
function hasPlainEdges(text: string): boolean {
  const form = normaliseBlock(text);
  if (form === null) return true;
  const head = 'text\n'.length;
  return form.charCodeAt(head) < 0x80 && form.charCodeAt(form.length - 1) < 0x80;
}
