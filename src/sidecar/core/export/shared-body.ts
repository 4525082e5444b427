import type { SharedContent } from '../../../protocol/export.ts';
import { isObject } from '../json.ts';
import { isEscaped, newSpacing, OPEN_OBJECT, scanArray, scanObject, skipSpace, skipValue } from '../scan.ts';

/**
 * A body without what `base`, the body of another request, has too: the messages both begin with, `system` and `tools`
 * where they are equal, to the letter. Every turn repeats its history, so a file with whole bodies grows with the square
 * of the turns. `shared` is null, and the body itself returned, where nothing is (or where it is no JSON object).
 */
export function foldBody(
  body: Buffer,
  base: { requestId: string; body: Buffer } | null,
): { body: Buffer; shared: SharedContent | null } {
  const own = base === null ? null : spansOf(body);
  const other = own === null || base === null ? null : spansOf(base.body);
  if (base === null || own === null || other === null) return { body, shared: null };
  const isSame = (a: Span | undefined, b: Span | undefined): boolean =>
    a !== undefined &&
    b !== undefined &&
    a.end - a.start === b.end - b.start &&
    body.compare(base.body, b.start, b.end, a.start, a.end) === 0;
  let messages = 0;
  while (isSame(own.messages[messages], other.messages[messages])) messages++;
  const system = isSame(own.members.get('system')?.value, other.members.get('system')?.value);
  const tools = isSame(own.members.get('tools')?.value, other.members.get('tools')?.value);
  if (messages === 0 && !system && !tools) return { body, shared: null };
  const left = own.messages.slice(messages);
  const kept = [...own.members].flatMap(([name, { key, value }]) => {
    if ((name === 'system' && system) || (name === 'tools' && tools)) return [];
    if (name !== 'messages' || messages === 0) return [body.subarray(key, value.end)];
    const rest = body.subarray(left[0]?.start ?? 0, left.at(-1)?.end ?? 0);
    return [Buffer.concat([Buffer.from('"messages":['), rest, Buffer.from(']')])];
  });
  const pieces = kept.flatMap((member, index) => (index === 0 ? [member] : [Buffer.from(','), member]));
  return {
    body: Buffer.concat([Buffer.from('{'), ...pieces, Buffer.from('}')]),
    shared: { requestId: base.requestId, messages, system, tools },
  };
}

/** The whole body again; `base` is the whole body of the request that `shared` names. Members may be in another order. */
export function unfoldBody(body: unknown, shared: SharedContent | null, base: unknown): unknown {
  if (shared === null || !isObject(body) || !isObject(base)) return body;
  const first = Array.isArray(base['messages']) ? base['messages'].slice(0, shared.messages) : [];
  const rest = Array.isArray(body['messages']) ? body['messages'] : [];
  return {
    ...body,
    ...(shared.messages > 0 ? { messages: [...(first as unknown[]), ...(rest as unknown[])] } : {}),
    ...(shared.system ? { system: base['system'] } : {}),
    ...(shared.tools ? { tools: base['tools'] } : {}),
  };
}

interface Span {
  start: number;
  end: number;
}

interface Spans {
  /** By name: where the key begins, and the value. */
  members: Map<string, { key: number; value: Span }>;
  messages: Span[];
}

/** Of each body they are asked for twice: as one's own, and as the one before. */
const known = new WeakMap<Buffer, Spans | null>();

function spansOf(body: Buffer): Spans | null {
  const found = known.get(body);
  if (found !== undefined) return found;
  const spans = readSpans(body);
  known.set(body, spans);
  return spans;
}

/** null for what is no JSON object, and for one whose members could mean each other. */
function readSpans(body: Buffer): Spans | null {
  const start = skipSpace(body, 0);
  if (body[start] !== OPEN_OBJECT) return null;
  const members: Spans['members'] = new Map();
  const messages: Span[] = [];
  const end = scanObject(body, start, (keyStart, keyEnd, value) => {
    const name = body.toString('latin1', keyStart + 1, keyEnd - 1);
    if (isEscaped(body, keyStart, keyEnd) || members.has(name)) return -1;
    const listed = name === 'messages' ? messagesAt(body, value, messages) : -1;
    const valueEnd = listed < 0 ? skipValue(body, value) : listed;
    members.set(name, { key: keyStart, value: { start: value, end: valueEnd } });
    return valueEnd;
  });
  return end < 0 ? null : { members, messages };
}

/** Where the list ends; -1, and no messages, for one that is spaced unevenly or is none. */
function messagesAt(body: Buffer, at: number, messages: Span[]): number {
  const end = scanArray(body, at, newSpacing(), (start) => {
    const itemEnd = skipValue(body, start);
    if (itemEnd >= 0) messages.push({ start, end: itemEnd });
    return itemEnd;
  });
  if (end < 0) messages.length = 0;
  return end;
}
