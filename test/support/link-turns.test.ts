import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LinkCandidates, LinkScope } from '../../src/sidecar/core/facts.ts';
import { decideLink, linkQuery } from '../../src/sidecar/core/linker.ts';
import { readRequest } from '../../src/sidecar/core/read-request.ts';
import { a, check, headersOf, q, result, text, type Step } from './link-story.ts';
import { MemoryLinker } from './memory-linker.ts';

const first: Step = { id: 'A', messages: [q('one')], reply: [text('1')] };
const second: Step = { id: 'B', messages: [q('one'), a('1'), q('two')], reply: [text('2')] };

describe('turns', () => {
  test('each goes on from the one whose answer it holds', () => {
    const third: Step = {
      id: 'C',
      messages: [q('one'), a('1'), q('two'), a('2'), q('three')],
      reply: [text('3')],
    };
    check([first, second, third], {
      A: 'root -@main in A',
      B: 'response-prefix A@main',
      C: 'response-prefix B@main',
    });
  });
  test('requests in between may be missing', () => {
    const late: Step = {
      id: 'D',
      messages: [q('one'), a('1'), q('two'), a('2'), q('three'), a('3'), q('four')],
      reply: [],
    };
    check([first, late], { A: 'root -@main in A', D: 'response-prefix A@main' });
  });
  test('an interrupted turn goes on from its request', () => {
    const cut: Step = { id: 'X', messages: [q('one')], reply: null };
    const next: Step = { id: 'Y', messages: [q('one', '[Request interrupted by user]', 'two')], reply: [] };
    check([cut, next], { X: 'root -@main in X', Y: 'request-prefix X@main' });
  });
  test('a second continuation opens a branch and its followers stay on it', () => {
    const other: Step = { id: 'C', messages: [q('one'), a('1'), q('else')], reply: [text('x')] };
    const on: Step = { id: 'D', messages: [q('one'), a('1'), q('else'), a('x'), q('more')], reply: [] };
    check([first, second, other, on], {
      A: 'root -@main in A',
      B: 'response-prefix A@main',
      C: 'response-prefix A@branch_20261122140003',
      D: 'response-prefix C@branch_20261122140003',
    });
  });
});

describe('the same request again', () => {
  test('after a failure it is a retry, also the third time', () => {
    const failed: Step = { ...second, reply: null };
    check([first, failed, { ...failed, id: 'C' }, { ...second, id: 'D' }], {
      A: 'root -@main in A',
      B: 'response-prefix A@main',
      C: 'retry A@main',
      D: 'retry A@main',
    });
  });
  test('after a whole answer it is a sibling on a branch', () => {
    check([first, second, { ...second, id: 'C', reply: [text('2b')] }], {
      A: 'root -@main in A',
      B: 'response-prefix A@main',
      C: 'request-prefix A@branch_20261122140003',
    });
  });
  test('a first prompt again: one session a branch, two sessions two conversations', () => {
    check([first, { ...first, id: 'B' }, { ...first, id: 'C', session: 's2' }], {
      A: 'root -@main in A',
      B: 'request-prefix -@branch_20261122140002 in A',
      C: 'root -@main in C',
    });
  });
  test('without any session: a failed one is tried again, an answered one starts anew', () => {
    const bare = { ...first, session: null };
    check(
      [
        { ...bare, reply: null },
        { ...bare, id: 'B' },
        { ...bare, id: 'C' },
      ],
      {
        A: 'root -@main in A',
        B: 'retry -@main in A',
        C: 'root -@main in C',
      },
    );
  });
});

describe('calls that look alike', () => {
  test('a program that asks the same thing several times at once starts several conversations', () => {
    const bare: Step = { id: 'A', session: null, messages: [q('one')], retryCount: 0 };
    check([bare, { ...bare, id: 'B' }, { ...bare, id: 'A2', retryCount: 1 }], {
      A: 'root -@main in A',
      B: 'root -@main in B',
      A2: 'retry -@main in B',
    });
  });
  test('equal answers on two branches: each is gone on from once', () => {
    const again: Step = { ...second, id: 'C' };
    const next: Step = { id: 'D', messages: [q('one'), a('1'), q('two'), a('2'), q('x')], reply: [] };
    const other: Step = { id: 'E', messages: [q('one'), a('1'), q('two'), a('2'), q('y')], reply: [] };
    check([first, second, again, next, other], {
      A: 'root -@main in A',
      B: 'response-prefix A@main',
      C: 'request-prefix A@branch_20261122140003',
      D: 'response-prefix C@branch_20261122140003',
      E: 'response-prefix B@main',
    });
  });
});

describe('sessions and projects', () => {
  test('a forked session is a branch, the session it left stays on main', () => {
    const fork: Step = {
      id: 'F',
      session: 's2',
      messages: [q('one'), a('1'), q('fork')],
      reply: [text('f')],
    };
    check([first, fork, second], {
      A: 'root -@main in A',
      F: 'response-prefix A@branch_20261122140002',
      B: 'response-prefix A@main',
    });
  });
  test('clients that open a session on every resume stay on their branch', () => {
    const resumed = { ...second, session: 's2', client: 'claude-cli/1.0.58 (external, cli)' };
    check([first, resumed], { A: 'root -@main in A', B: 'response-prefix A@main' });
  });
  test('two projects never mix', () => {
    check([first, { ...second, project: 'p' }], { A: 'root -@main in A', B: 'root -@main in B' });
  });
  test('twins with nothing else to tell them apart: the shorter conversation goes on', () => {
    const twin: Step = { ...first, id: 'A2', session: 's2' };
    const longer: Step = { ...second, id: 'B2', session: 's2', messages: [q('one'), a('1'), q('other')] };
    const fork: Step = { id: 'F', session: 's3', messages: [q('one'), a('1'), q('fork')], reply: [] };
    check([first, twin, longer, fork], {
      A: 'root -@main in A',
      A2: 'root -@main in A2',
      B2: 'response-prefix A2@main',
      F: 'response-prefix A@branch_20261122140004',
    });
  });
  test('the own session goes on even where a twin elsewhere is deeper', () => {
    const twin: Step[] = [
      { ...first, id: 'A2', session: 's2' },
      { ...second, id: 'B2', session: 's2' },
    ];
    const next: Step = { id: 'C', messages: [q('one'), a('1'), q('two'), a('2'), q('three')], reply: [] };
    check([first, ...twin, next], {
      A: 'root -@main in A',
      A2: 'root -@main in A2',
      B2: 'response-prefix A2@main',
      C: 'response-prefix A@main',
    });
  });
});

describe('named parents and last resorts', () => {
  test('a thread names its parent; the same turn after a failure is a retry', () => {
    const create: Step = { ...first, session: null, thread: { type: 'create' } };
    const next: Step = {
      id: 'B',
      session: null,
      messages: [q('two')],
      reply: null,
      thread: { type: 'continue', previous_message_id: 'msg_A' },
    };
    const replay: Step = {
      id: 'C',
      session: null,
      messages: [q('one'), a('1'), q('two')],
      reply: [],
      thread: { type: 'create' },
    };
    check([create, next, { ...next, id: 'B2' }, replay], {
      A: 'root -@main in A',
      B: 'thread A@main',
      B2: 'retry A@main',
      C: 'retry A@main',
    });
  });
  test('cc_prev_req names the upstream request', () => {
    const billing = [text('x-anthropic-billing-header: cc_version=2.1; cc_prev_req=req_A;')];
    const changed: Step = {
      id: 'B',
      system: billing,
      messages: [q('rewritten'), a('1'), q('two')],
      reply: [],
    };
    check([{ ...first, upstreamId: 'req_A' }, changed], { A: 'root -@main in A', B: 'thread A@main' });
  });
  test('a shared tool call, when nothing else is shared', () => {
    const called: Step = {
      id: 'A',
      messages: [q('one')],
      reply: [text('I look.'), { type: 'tool_use', id: 't', name: 'Read', input: {} }],
    };
    const rewritten: Step = {
      id: 'B',
      messages: [
        q('uno'),
        a('Miro.', { type: 'tool_use', id: 't', name: 'Read', input: {} }),
        q(result('t') as object),
      ],
      reply: [],
    };
    check([called, rewritten], { A: 'root -@main in A', B: 'tool-id A@main' });
    check([called, { ...rewritten, session: 's2' }], { A: 'root -@main in A', B: 'root -@main in B' });
  });
});

test('the decision says which candidates lost, and why', () => {
  const other: Step = { id: 'T', session: 's2', messages: [q('one')], reply: [text('1')] };
  const { exchanges } = check([other, first, second], {
    T: 'root -@main in T',
    A: 'root -@main in A',
    B: 'response-prefix A@main',
  });
  expect(exchanges[2]?.decision.candidates).toEqual([
    {
      requestId: 'T',
      signal: 'response-prefix',
      why: 'belongs to another session, and this session has the history, too',
    },
  ]);
  expect(exchanges[2]?.decision.matched).toBe(2);
});

test('side calls are not linked', () => {
  const facts = readRequest({
    method: 'POST',
    path: '/v1/messages/count_tokens',
    headers: [],
    body: { messages: [q('one')] },
  });
  const scope: LinkScope = {
    tenant: 't',
    project: null,
    sessionId: null,
    agentId: null,
    parentAgentId: null,
  };
  const none: LinkCandidates = {
    named: [],
    prefix: [],
    invocations: [],
    agent: [],
    compactions: [],
    answers: [],
    tool: [],
  };
  expect(decideLink(facts, linkQuery(facts, 'x', 1, scope), none)).toMatchObject({
    signal: 'none',
    conversationId: null,
  });
});

test('a continuation finds its parent, whatever else happened in between', () => {
  const turn = fc.record({
    talk: fc.nat(3),
    words: fc.constantFrom('a', 'b'),
    reply: fc.constantFrom('x', 'y'),
  });
  fc.assert(
    fc.property(fc.array(turn, { minLength: 1, maxLength: 14 }), (turns) => {
      const linker = new MemoryLinker();
      const talks = new Map<number, { history: unknown[]; last: string | null }>();
      turns.forEach(({ talk, words, reply }, index) => {
        const { history, last } = talks.get(talk) ?? { history: [], last: null };
        const messages = [...history, q(words)];
        const id = `r${String(index)}`;
        const step: Step = { id, session: `s${String(talk)}`, messages };
        const exchange = linker.request({
          requestId: id,
          at: index + 1,
          method: 'POST',
          path: '/v1/messages',
          headers: headersOf(step),
          body: { messages },
        });
        const bytes = Buffer.from(
          JSON.stringify({ id: `msg_${id}`, type: 'message', content: [text(reply)] }),
        );
        linker.response(exchange, {
          status: 200,
          contentType: 'application/json',
          upstreamId: null,
          bytes,
          messages,
          at: index + 1,
        });
        expect(exchange.decision.parentRequestId).toBe(last);
        expect(exchange.branchId).toBe('main');
        talks.set(talk, { history: [...messages, a(reply)], last: id });
      });
      return new Set(linker.exchanges.map(({ conversationId }) => conversationId)).size === talks.size;
    }),
    { numRuns: 200 },
  );
});
