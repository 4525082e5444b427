import type { SharedContent } from '../../../protocol/export.ts';
import { isObject } from '../json.ts';
import { sameJson } from '../same-json.ts';

/**
 * A body without what `base`, the body of another request, has too: the messages both begin with, `system` and `tools`
 * where they are equal. Every turn repeats its history, so a file with whole bodies grows with the square of the turns.
 * `shared` is null, and the body itself returned, where nothing is.
 */
export function foldBody(
  body: unknown,
  base: { requestId: string; body: unknown } | null,
): { body: unknown; shared: SharedContent | null } {
  if (base === null || !isObject(body) || !isObject(base.body)) return { body, shared: null };
  const messages = commonEntries(body['messages'], base.body['messages']);
  const system = isShared(body, base.body, 'system');
  const tools = isShared(body, base.body, 'tools');
  if (messages === 0 && !system && !tools) return { body, shared: null };
  const folded = Object.entries(body)
    .filter(([name]) => !(name === 'system' && system) && !(name === 'tools' && tools))
    .map(([name, value]) =>
      name === 'messages' && messages > 0 ? [name, (value as unknown[]).slice(messages)] : [name, value],
    );
  return {
    body: Object.fromEntries(folded),
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

function isShared(body: Record<string, unknown>, base: Record<string, unknown>, name: string): boolean {
  return Object.hasOwn(body, name) && Object.hasOwn(base, name) && sameJson(body[name], base[name]);
}

/** How many entries two lists begin with alike, to the letter. */
function commonEntries(a: unknown, b: unknown): number {
  if (!Array.isArray(a) || !Array.isArray(b)) return 0;
  const most = Math.min(a.length, b.length);
  let same = 0;
  while (same < most && sameJson(a[same], b[same])) same++;
  return same;
}
