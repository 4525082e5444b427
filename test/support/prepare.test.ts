import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinBody } from '../../src/sidecar/core/join.ts';
import { parseJson } from '../../src/sidecar/core/json.ts';
import {
  prepareRequest,
  type PreparedBody,
  type PreparedChain,
  type PreparedRequest,
  type RememberedBody,
} from '../../src/sidecar/core/prepare.ts';
import { readRequest } from '../../src/sidecar/core/read-request.ts';
import { bodiesOf, bytesOf, messageOf, step, type Step } from './made-up-bodies.ts';

const HEAD = {
  method: 'POST',
  path: '/v1/messages?beta=true',
  headers: [['user-agent', 'claude-cli/2.1.330 (external, cli)']] as [string, string][],
};
type Chains = Extract<PreparedBody, { kind: 'chains' }>;
const PARTS = ['messages', 'system', 'tools'] as const;

/** Prepares a body in full and from what was stored before, and compares all that comes out. */
function check(body: Buffer, before: RememberedBody, stored: Set<string>): PreparedRequest {
  const full = checkFull(body);
  const next = prepareRequest(HEAD, body, before);
  expect(next.facts).toEqual(full.facts);
  expect(next.seenTools).toEqual(full.seenTools);
  expect(wholeOf(next.body, full.body, stored)).toEqual(full.body);
  expect(comparable(next.remembered)).toEqual(comparable(full.remembered));
  return next;
}

/** The full path against the parsed JSON, which it reads in pieces. */
function checkFull(body: Buffer): PreparedRequest {
  const full = prepareRequest(HEAD, body);
  expect(full.facts).toEqual(readRequest({ ...HEAD, body: parseJson(body.toString()) }));
  if (full.body.kind === 'chains') {
    const { template, overlay, messages, system, tools } = full.body;
    const split = { template, overlay, messages: messages.nodes, system: system.nodes, tools: tools.nodes };
    expect(joinBody(split).equals(body)).toBe(true);
  } else expect(full.body).toEqual({ kind: 'raw', bytes: body });
  return full;
}

/** The same body with whole chains; a base must be stored, and stand where the full chain has it. */
function wholeOf(body: PreparedBody, full: PreparedBody, stored: Set<string>): PreparedBody {
  if (body.kind !== 'chains' || full.kind !== 'chains') return body;
  const whole = (part: (typeof PARTS)[number]): PreparedChain => {
    const { base, nodes, tip } = body[part];
    if (base === null) return body[part];
    expect(stored.has(base.key.toString('hex'))).toBe(true);
    const reused = full[part].nodes.slice(0, base.depth);
    expect(reused.at(-1)?.key).toEqual(base.key);
    return { base: null, nodes: [...reused, ...nodes], tip };
  };
  return { ...body, messages: whole('messages'), system: whole('system'), tools: whole('tools') };
}

/** What is remembered but for which spacing has been seen: compact spacing that was seen counts like none. */
function comparable(remembered: RememberedBody | null): unknown {
  return remembered === null ? null : { ...remembered, notes: { ...remembered.notes, spacing: null } };
}

function store({ body }: PreparedRequest, stored: Set<string>): void {
  if (body.kind !== 'chains') return;
  for (const part of PARTS) for (const { key } of body[part].nodes) stored.add(key.toString('hex'));
}

/** Prepares bodies one after the other, each from one of the three before it. */
function checkAll(bodies: Buffer[], pick: (among: number) => number): { incremental: number } {
  const remembered: RememberedBody[] = [];
  const stored = new Set<string>();
  let incremental = 0;
  for (const body of bodies) {
    const before = remembered.at(-1 - pick(3)) ?? remembered.at(-1);
    const prepared = before === undefined ? checkFull(body) : check(body, before, stored);
    if (prepared.body.kind === 'chains' && prepared.body.messages.base !== null) incremental++;
    store(prepared, stored);
    if (prepared.remembered !== null) remembered.push(prepared.remembered);
  }
  return { incremental };
}

const SEND: Step['send'] = {
  order: 0,
  billing: 0,
  strings: 'none',
  marks: 1,
  indent: undefined,
  damage: 'none',
};

describe('from the body before', () => {
  test('any conversation is prepared as it is in full', () => {
    let incremental = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 4, maxLength: 16, size: 'max' }),
        fc.infiniteStream(fc.constantFrom(0, 0, 0, 1, 2)),
        (steps, picks) => {
          incremental += checkAll(bodiesOf(steps), () => picks.next().value as number).incremental;
        },
      ),
      { numRuns: 50 },
    );
    // The test would also pass if nothing were ever taken over.
    expect(incremental).toBeGreaterThan(30);
  }, 60_000);

  test('only what is new is taken apart', () => {
    const history = ['one', 'two', 'three'].map((words) => messageOf({ form: 'prompt', text: words, id: 0 }));
    const before = prepareRequest(HEAD, bytesOf(history.slice(0, 2), 0, SEND)).remembered;
    const { body } = prepareRequest(HEAD, bytesOf(history, 0, { ...SEND, order: 1 }), before);
    const { messages, system, tools } = body as Chains;
    // The second message has lost its mark.
    expect([messages.base?.depth, messages.nodes.length]).toEqual([1, 2]);
    expect([system.base?.depth, system.nodes.length]).toEqual([2, 0]);
    expect([tools.base?.depth, tools.nodes.length]).toEqual([2, 0]);
  });

  test('what is remembered holds no piece of the body', () => {
    const history = ['one', 'two', 'three'].map((words) =>
      messageOf({ form: 'results', text: words.repeat(2000), id: 0 }),
    );
    const body = bytesOf(history, 0, { ...SEND, marks: 2 });
    const { remembered } = prepareRequest(HEAD, body);
    const held = buffersIn({ ...remembered, body: null });
    expect(held.length).toBeGreaterThan(5);
    expect(held.filter(({ buffer }) => buffer === body.buffer)).toEqual([]);
  });
});

function buffersIn(value: unknown): Buffer[] {
  if (Buffer.isBuffer(value)) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(buffersIn) : [];
}
