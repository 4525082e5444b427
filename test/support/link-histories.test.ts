import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normaliseText } from '../../src/sidecar/core/block-form.ts';
import { linkChain } from '../../src/sidecar/core/normalise.ts';
import { spawnsOf } from '../../src/sidecar/core/spawns.ts';
import { command, histories, makeHistories, type MadeExchange } from './histories.ts';
import { choices, interleave, rewrite } from './interleave.ts';
import { a, q, text } from './link-story.ts';
import { dealt, replay } from './link-score.ts';
import { MemoryLinker, type MemoryExchange } from './memory-linker.ts';
import { pooledCaptures } from './pooled.ts';

const START = Date.UTC(2026, 10, 22, 14);

/** Tells the linker of them in this order; each exchange as it was linked. */
function tell(exchanges: MadeExchange[], order: number[], seed: number): Map<string, MemoryExchange> {
  const linker = new MemoryLinker();
  const found = new Map<string, MemoryExchange>();
  interleave(exchanges, order).forEach(({ kind, exchange }, index) => {
    const at = START + index * 10;
    const messages = seed === 0 ? exchange.messages : rewrite(exchange.messages, seed + index);
    const known = found.get(exchange.id);
    if (kind === 'start') {
      const request = { method: 'POST', path: '/v1/messages', headers: headersOf(exchange) };
      const body = {
        model: `m${String(index % 2)}`,
        max_tokens: 100 + index,
        tools: [{ name: 'Read' }],
        messages,
      };
      found.set(exchange.id, linker.request({ requestId: exchange.id, at, ...request, body }));
    } else if (known !== undefined && kind === 'calls') {
      linker.calls(known, spawnsOf({ content: exchange.reply }), at);
    } else if (known !== undefined) {
      const { reply } = exchange;
      const message = { id: `msg_${exchange.id}`, type: 'message', role: 'assistant', content: reply };
      const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
      linker.response(known, {
        status: reply === null ? 529 : 200,
        contentType: 'application/json',
        upstreamId: null,
        bytes: Buffer.from(JSON.stringify(reply === null ? error : message)),
        messages,
        at,
      });
    }
  });
  return found;
}

function headersOf({ session, agent, parentAgent }: MadeExchange): [string, string][] {
  return [
    ['x-claude-code-session-id', session],
    ['x-claude-code-agent-id', agent],
    ['x-claude-code-parent-agent-id', parentAgent],
  ].filter((pair): pair is [string, string] => pair[1] !== null);
}

/** What is not as the clients know it to be. */
function wrong(exchanges: MadeExchange[], found: Map<string, MemoryExchange>): string[] {
  const out: string[] = [];
  for (const { id, truth } of exchanges) {
    const { decision, conversationId, branchId } = found.get(id)!;
    const say = (what: string, is: unknown, should: unknown): void => {
      if (is !== should) out.push(`${id}: ${what} ${String(is)}, not ${String(should)} (${decision.signal})`);
    };
    say('parent', decision.parentRequestId, truth.parent);
    say('conversation', conversationId, truth.conversation);
    say('sub-task', decision.isSubtask, truth.isSubtask);
    if (truth.call !== null) say('on a sub-task branch', /^subtask_\d+$/.test(branchId ?? ''), true);
    if (truth.afterCompaction) say('branch', decision.branch.kind, 'compact');
  }
  return out;
}

describe('generated histories', () => {
  test('any order of arrival that respects cause and effect gives the tree the clients know', () => {
    fc.assert(
      fc.property(histories, choices, (exchanges, order) => {
        expect(wrong(exchanges, tell(exchanges, order, 0))).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  test('however the messages are written the next time', () => {
    fc.assert(
      fc.property(histories, choices, fc.integer({ min: 1 }), (exchanges, order, seed) => {
        expect(wrong(exchanges, tell(exchanges, order, seed))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('they reach every way in which such clients go on', () => {
    const found = new Set<string>();
    for (const [exchanges, order] of fc.sample(fc.tuple(histories, choices), { seed: 1, numRuns: 300 })) {
      for (const { decision } of tell(exchanges, order, 0).values()) {
        found.add(`${decision.signal} ${decision.branch.kind}`);
      }
    }
    expect([...found].toSorted()).toEqual([
      'compaction compact',
      'last-answer main',
      'last-answer same',
      'request-prefix branch',
      'response-prefix branch',
      'response-prefix main',
      'response-prefix same',
      'retry main',
      'retry same',
      'root main',
      'spawn-prompt subtask',
    ]);
  });

  test('a retry never branches, whatever model or limit it asks for', () => {
    const kinds = new Set(['open', 'turn']);
    const plain = fc.array(
      command.filter(({ kind }) => kinds.has(kind)),
      { minLength: 2, maxLength: 14 },
    );
    fc.assert(
      fc.property(plain, choices, (commands, order) => {
        const exchanges = makeHistories(commands);
        const found = tell(exchanges, order, 0);
        const failed = exchanges.filter(({ reply }) => reply === null);
        for (const { id } of failed) {
          const again = [...found.values()].filter(({ decision }) => decision.retryOf === id);
          expect(again.map(({ decision }) => decision.signal)).toEqual(['retry']);
        }
        expect(new Set(Array.from(found.values(), ({ branchId }) => branchId))).toEqual(new Set(['main']));
      }),
      { numRuns: 200 },
    );
  });

  test('programs without a session: as many conversations as talks, and none merge that differ in a reply', () => {
    const turn = fc.record({
      talk: fc.nat(3),
      prompt: fc.constantFrom('a', 'b'),
      reply: fc.constantFrom(
        'x',
        'y',
        'The stream is read once, so each attempt has to open one of its own. '.repeat(2).trim(),
      ),
    });
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 16 }), (turns) => {
        const talks = new Map<number, unknown[]>();
        const exchanges = turns.map(({ talk, prompt, reply }, index): MadeExchange => {
          const messages = [...(talks.get(talk) ?? []), q(prompt)];
          talks.set(talk, [...messages, a(reply)]);
          const truth = {
            parent: null,
            conversation: '',
            isSubtask: false,
            call: null,
            afterCompaction: false,
          };
          const after = index === 0 ? [] : [`t${String(index - 1)}`];
          const nobody = { session: null, agent: null, parentAgent: null };
          return {
            id: `t${String(index)}`,
            ...nobody,
            messages,
            maxTokens: 9,
            reply: [text(reply)],
            after,
            afterCalls: [],
            truth,
          };
        });
        const found = tell(exchanges, [0], 0);
        const whole = new Map(
          exchanges.map(({ id, messages, reply }) => [
            id,
            [...messages, { role: 'assistant', content: reply }],
          ]),
        );
        for (const { decision, branchId, requestId } of found.values()) {
          expect(branchId).toBe('main');
          const { parentRequestId: parent } = decision;
          if (parent === null) continue;
          const own = whole.get(requestId)!;
          expect(own.slice(0, -2)).toEqual(whole.get(parent));
        }
        expect(new Set(Array.from(found.values(), ({ conversationId }) => conversationId)).size).toBe(
          talks.size,
        );
      }),
      { numRuns: 300 },
    );
  });
});

test('every decision says of the losing candidates, once each and in plain words, why they lost', () => {
  const captured = replay(dealt(pooledCaptures()), 20).map(({ result }) => result);
  const made = fc
    .sample(fc.tuple(histories, choices), { seed: 2, numRuns: 300 })
    .flatMap(([exchanges, order]) => [...tell(exchanges, order, 0).values()]);
  const sentences = new Set<string>();
  for (const { decision, requestId } of [...captured, ...made]) {
    const ids = decision.candidates.map((candidate) => candidate.requestId);
    expect(new Set(ids).size, requestId).toBe(ids.length);
    expect(ids).not.toContain(decision.parentRequestId);
    expect(ids).not.toContain(requestId);
    for (const { why } of decision.candidates) sentences.add(why);
  }
  // Each goes on after the candidate's id: "a1b2c3 shares 2 blocks of the history, the winner 5".
  const plain = /^(?:shares|has|is|belongs|was|begins|gave) [^_{}<>]{10,110}$/;
  expect([...sentences].filter((why) => !plain.test(why) || /hash|null|prefix|chain/.test(why))).toEqual([]);
  expect(sentences.size).toBeGreaterThan(8);
});

describe('normalisation', () => {
  test('the links of a history are the same however it is written', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1 }), (exchanges, seed) => {
        for (const { messages } of exchanges) {
          const links = (all: unknown[]): string[] =>
            linkChain(all).links.map((link) => link.toString('hex'));
          expect(links(rewrite(messages, seed)).at(-1)).toBe(links(messages).at(-1));
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a text that is normalised stays as it is', () => {
    const piece = fc.constantFrom(
      '<system-reminder>',
      '</system-reminder>',
      '<system-',
      'reminder>',
      '\r',
      '\n',
      ' ',
      'a',
      '\u00a0',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const once = normaliseText(pieces.join(''));
        expect(once === null ? null : normaliseText(once)).toBe(once);
      }),
      { numRuns: 3000 },
    );
  });

  test('a block that differs in anything said gives another chain', () => {
    const block = fc.oneof(
      fc.record({ type: fc.constant('text'), text: fc.constantFrom('a', 'b', 'a\nb') }),
      fc.record({
        type: fc.constant('tool_use'),
        id: fc.constantFrom('t1', 't2'),
        name: fc.constantFrom('A', 'B'),
        input: fc.constantFrom({}, { a: 1 }, { a: '1' }),
      }),
      fc.record({
        type: fc.constant('tool_result'),
        tool_use_id: fc.constantFrom('t1', 't2'),
        content: fc.constantFrom('a', 'b'),
        is_error: fc.boolean(),
      }),
      fc.record({
        type: fc.constant('image'),
        source: fc.record({ type: fc.constant('base64'), data: fc.constantFrom('AAAA', 'AAAB') }),
      }),
    );
    const link = (one: unknown): string | undefined =>
      linkChain([{ role: 'user', content: [one] }]).tip?.toString('hex');
    fc.assert(
      fc.property(block, block, (one, other) => {
        expect(link(one) === link(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });
});
