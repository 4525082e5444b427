import fc from 'fast-check';
import type { MadeExchange } from './histories.ts';

/** A request arrives, or its answer ends. */
export interface Arrival {
  kind: 'start' | 'end';
  exchange: MadeExchange;
}

/** Any order of arrival in which nobody knows what has not happened yet. `choices`: which of those that can come next. */
export function interleave(exchanges: MadeExchange[], choices: number[]): Arrival[] {
  const started = new Set<string>();
  const ended = new Set<string>();
  const out: Arrival[] = [];
  while (ended.size < exchanges.length) {
    const possible = exchanges.flatMap((exchange): Arrival[] => {
      if (ended.has(exchange.id)) return [];
      if (started.has(exchange.id)) return [{ kind: 'end', exchange }];
      return exchange.after.every((id) => ended.has(id)) ? [{ kind: 'start', exchange }] : [];
    });
    const next = possible[(choices[out.length % choices.length] ?? 0) % possible.length];
    if (next === undefined) throw new Error('Nothing can come next: the histories contradict themselves');
    (next.kind === 'start' ? started : ended).add(next.exchange.id);
    out.push(next);
  }
  return out;
}

export const choices = fc.array(fc.nat(30), { minLength: 8, maxLength: 40 });

/**
 * The same messages as another client version, or the same one a turn later, writes them: what linking must not see.
 * `seed` says which differences.
 */
export function rewrite(messages: unknown[], seed: number): unknown[] {
  let state = seed;
  const chance = (one: number): boolean => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % one === 0;
  };
  return messages.flatMap((message, index) => {
    const { role, content } = message as { role: string; content: unknown };
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : (content as Block[]);
    let out = blocks
      .filter(({ type }) => type !== 'thinking' || chance(2))
      .map((block) => reword(block, chance));
    if (role === 'user' && chance(3)) out = [{ type: 'text', text: REMINDER }, ...out];
    if (role === 'user' && chance(4)) out = [...out, { type: 'text', text: ' \n' }];
    const results = out.filter(({ type }) => type === 'tool_result');
    if (results.length > 1 && results.length === out.length && chance(2)) out = out.toReversed();
    const [only] = out;
    const plain = out.length === 1 && only?.type === 'text' && Object.keys(only).length === 2;
    const said = { role, content: plain && chance(2) ? only['text'] : out };
    const between =
      index > 0 && chance(5) ? [{ role: 'system', content: 'The date is another one now.' }] : [];
    return [...between, said];
  });
}

interface Block {
  type: string;
  [name: string]: unknown;
}

const REMINDER =
  '<system-reminder>As you answer: <system-reminder>a file that quotes one</system-reminder> may be of use.</system-reminder>';

function reword(block: Block, chance: (one: number) => boolean): Block {
  let out: Block = { ...block };
  if (out.type === 'text' && chance(4)) out['text'] = `\r\n${String(out['text']).replaceAll('\n', '\r\n')}  `;
  if (out.type === 'text' && chance(5)) out['text'] = `${String(out['text'])}\n${REMINDER}`;
  if (out.type === 'tool_result' && typeof out['content'] === 'string' && chance(2)) {
    out['content'] = [{ type: 'text', text: `${out['content']}\n${REMINDER}` }];
  }
  if (chance(3)) out = { ...out, cache_control: { type: 'ephemeral' } };
  return Object.fromEntries(chance(4) ? Object.entries(out).toReversed() : Object.entries(out)) as Block;
}
