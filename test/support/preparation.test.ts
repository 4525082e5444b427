import { describe, expect, test } from 'vitest';
import type { RequestHead } from '../../src/sidecar/core/frames.ts';
import { prepareRequest, type PreparedBody } from '../../src/sidecar/core/prepare.ts';
import { Preparation, type Prepared } from '../../src/sidecar/recorder/preparation.ts';
import { assistant, text, toolResult, turn, user } from './messages.ts';
import { pooledCaptures, type PooledExchange } from './pooled.ts';
import { json } from './recording.ts';

const headOf = (more: Partial<RequestHead> = {}): RequestHead => ({
  id: 'x',
  tenant: 'local',
  project: null,
  domain: '',
  method: 'POST',
  path: '/v1/messages',
  httpVersion: '1.1',
  headers: [],
  credential: null,
  redactions: [],
  ...more,
});

type Chains = Extract<PreparedBody, { kind: 'chains' }>;

/** How many nodes of the whole chains a prepared body goes on from; the rest of it must be the same. */
function reused(prepared: PreparedBody, full: PreparedBody): number {
  if (prepared.kind !== 'chains') {
    expect(prepared).toEqual(full);
    return 0;
  }
  const whole = full as Chains;
  let count = 0;
  for (const part of ['messages', 'system', 'tools'] as const) {
    const { base, nodes, tip } = prepared[part];
    const depth = base?.depth ?? 0;
    expect({ nodes, tip }).toEqual({ nodes: whole[part].nodes.slice(depth), tip: whole[part].tip });
    expect(base?.key).toEqual(whole[part].nodes[depth - 1]?.key);
    count += depth;
  }
  expect([prepared.template, prepared.overlay]).toEqual([whole.template, whole.overlay]);
  return count;
}

/** Prepares exchanges as the recorder does; the share of nodes that were taken over. */
function replay(exchanges: PooledExchange[]): number {
  const preparation = new Preparation({ smallestBody: 0 });
  let nodes = 0;
  let taken = 0;
  for (const { request } of exchanges) {
    const { method, path, headers } = request;
    const head = headOf({ method, path, headers });
    const body = request.body.length === 0 ? null : request.body;
    const full = prepareRequest(head, body);
    const prepared = preparation.prepare(head, body);
    expect(prepared.facts).toEqual(full.facts);
    expect(prepared.seenTools).toEqual(full.seenTools);
    taken += reused(prepared.body, full.body);
    if (full.body.kind === 'chains') {
      nodes += full.body.messages.nodes.length + full.body.system.nodes.length + full.body.tools.nodes.length;
    }
    preparation.committed(prepared);
  }
  return taken / nodes;
}

describe('all captures', () => {
  const captures = pooledCaptures();

  test('in recorded order, prepared from one another as in full', () => {
    expect(replay(captures)).toBeGreaterThan(0.6);
  }, 60_000);

  test('dealt out as if all clients ran at once, too', () => {
    const scenarios = [...Map.groupBy(captures, ({ scenario }) => scenario).values()];
    const longest = Math.max(...scenarios.map((list) => list.length));
    const dealt = Array.from({ length: longest }, (_, turn) =>
      scenarios.flatMap((list) => list.slice(turn, turn + 1)),
    ).flat();
    expect(replay(dealt)).toBeGreaterThan(0.6);
  }, 60_000);
});

describe('what is remembered', () => {
  const bodyOf = (name: string, turns: number): Buffer =>
    json(
      turn(
        name,
        Array.from({ length: turns }, (_, n) => [
          user([text(`${name} ${String(n)} ${'x'.repeat(500)}`)]),
          assistant([text('yes')]),
        ]).flat(),
      ),
    );
  const send = (preparation: Preparation, body: Buffer, head = headOf()): Prepared => {
    const prepared = preparation.prepare(head, body);
    preparation.committed(prepared);
    return prepared;
  };
  const depthOf = ({ body }: Prepared): number => (body as Chains).messages.base?.depth ?? 0;

  test('conversations side by side, each from its own last body, of which one is kept', () => {
    const preparation = new Preparation({ smallestBody: 0 });
    for (let n = 1; n <= 6; n++) {
      for (const name of ['a', 'b', 'c']) {
        expect(depthOf(send(preparation, bodyOf(name, n)))).toBe(2 * (n - 1));
      }
    }
    expect(preparation.held.bodies).toBe(3);
  });

  test('only what was stored is gone on from', () => {
    const preparation = new Preparation({ smallestBody: 0 });
    preparation.prepare(headOf(), bodyOf('a', 3));
    expect(depthOf(send(preparation, bodyOf('a', 4)))).toBe(0);
  });

  test('nothing is taken over between tenants', () => {
    const preparation = new Preparation({ smallestBody: 0 });
    send(preparation, bodyOf('a', 3), headOf({ tenant: 'one' }));
    expect(preparation.prepare(headOf({ tenant: 'two' }), bodyOf('a', 4)).before).toBeNull();
  });

  test('what is remembered keeps no larger memory alive', () => {
    const preparation = new Preparation({ smallestBody: 0 });
    // As from the journal: cut from a larger read.
    for (let n = 1; n <= 4; n++) {
      const body = Buffer.concat([bodyOf('a', n), Buffer.alloc(100_000)]);
      send(preparation, body.subarray(0, body.length - 100_000));
    }
    const { body, messages, links, system, tools } = preparation.prepare(headOf(), bodyOf('a', 5)).before!;
    const points = [...messages.map(({ tip }) => tip), system.tip, tools.tip];
    const digests = [...points.map((point) => point?.key), ...links, system.facts.hash];
    const pools = digests.map((digest) => digest?.buffer.byteLength ?? 0);
    expect(Math.max(...pools)).toBeLessThan(2000);
    expect(body.buffer.byteLength).toBeLessThan(1.25 * body.length + 1);
  });

  test('what is gone from the store is forgotten', () => {
    const preparation = new Preparation({ smallestBody: 0 });
    send(preparation, bodyOf('a', 3));
    const prepared = preparation.prepare(headOf(), bodyOf('a', 4));
    const again = preparation.prepareInFull(headOf(), bodyOf('a', 4), prepared);
    expect([depthOf(prepared), depthOf(again)]).toEqual([6, 0]);
    expect(again.facts).toEqual(prepared.facts);
    expect(preparation.held).toEqual({ bodies: 0, bytes: 0 });
  });

  test('the bodies used last, within the limits', () => {
    const preparation = new Preparation({ smallestBody: 2000, bodies: 3, bytes: 100_000 });
    send(preparation, bodyOf('small', 1));
    expect(preparation.held.bodies).toBe(0);
    for (const name of ['a', 'b', 'c', 'd']) send(preparation, bodyOf(name, 5));
    expect(preparation.held.bodies).toBe(3);
    expect(depthOf(send(preparation, bodyOf('a', 6)))).toBe(0);
    expect(depthOf(send(preparation, bodyOf('d', 6)))).toBe(10);
    send(preparation, bodyOf('e', 60));
    expect(preparation.held.bytes).toBeLessThan(100_000);
    send(preparation, json(turn('f', [user([toolResult('t', 'x'.repeat(200_000))])])));
    expect(preparation.held).toEqual({ bodies: 0, bytes: 0 });
  });

  test('a body cut from a larger read does not keep that in memory', () => {
    const preparation = new Preparation({ smallestBody: 0 });
    const read = Buffer.alloc(1_000_000);
    const body = bodyOf('a', 3);
    body.copy(read, 1000);
    send(preparation, read.subarray(1000, 1000 + body.length));
    const { before } = preparation.prepare(headOf(), bodyOf('a', 4));
    expect(before?.body.equals(body)).toBe(true);
    expect(before?.body.buffer.byteLength).toBeLessThan(100_000);
  });
});
