import fc from 'fast-check';
import type { MadeExchange } from './histories.ts';

/** A request arrives, the calls of its answer are known, or that ends. */
export interface Arrival {
  kind: 'start' | 'calls' | 'end';
  exchange: MadeExchange;
}

/** Any order of arrival in which nobody knows what has not happened yet. `choices`: which of those that can come next. */
export function interleave(exchanges: MadeExchange[], choices: number[]): Arrival[] {
  const happened = { start: new Set<string>(), calls: new Set<string>(), end: new Set<string>() };
  const out: Arrival[] = [];
  while (happened.end.size < exchanges.length) {
    const possible = exchanges.flatMap((exchange): Arrival[] => {
      const { id, after, afterCalls } = exchange;
      if (happened.end.has(id)) return [];
      if (happened.start.has(id)) {
        const told = happened.calls.has(id) || !callsAgents(exchange);
        return [{ kind: told ? 'end' : 'calls', exchange }];
      }
      const ready =
        after.every((one) => happened.end.has(one)) && afterCalls.every((one) => happened.calls.has(one));
      return ready ? [{ kind: 'start', exchange }] : [];
    });
    const next = possible[(choices[out.length % choices.length] ?? 0) % possible.length];
    if (next === undefined) throw new Error('Nothing can come next: the histories contradict themselves');
    happened[next.kind].add(next.exchange.id);
    out.push(next);
  }
  return out;
}

const callsAgents = ({ reply }: MadeExchange): boolean =>
  reply?.some((block) => (block as { name?: string }).name === 'Agent') === true;

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
  const written = messages.flatMap((message, index) => {
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
  return chance(3) ? doubled(written) : written;
}

/** As 1.0.58 does: a message that calls tools and the one with their results stand there twice. */
function doubled(messages: { role: string; content: unknown }[]): unknown[] {
  const only = (message: { content: unknown } | undefined, type: string): boolean =>
    Array.isArray(message?.content) && message.content.every((block) => (block as Block).type === type);
  return messages.flatMap((message, index) => {
    const next = messages[index + 1];
    const twice = only(message, 'tool_use') && only(next, 'tool_result');
    return twice ? [message, next!, message] : [message];
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
