import { describe, expect, test } from 'vitest';
import { createAssembler } from '../../src/sidecar/core/assemble.ts';
import { joinBody } from '../../src/sidecar/core/join.ts';
import { splitBody } from '../../src/sidecar/core/split.ts';
import { MemoryLinker, type MemoryExchange } from './memory-linker.ts';
import { pooledCaptures, type PooledExchange } from './pooled.ts';

const captures = pooledCaptures();

/** Replays exchanges into one store, `pause` milliseconds apart, and says what came out differently. */
function replay(
  exchanges: PooledExchange[],
  pause: number,
): { wrong: string[]; parents: number; linked: number } {
  const linker = new MemoryLinker();
  const wrong: string[] = [];
  const groups = new Map<string, string>();
  let at = Date.UTC(2026, 10, 22, 14);
  let parents = 0;
  let linked = 0;
  for (const exchange of exchanges) {
    at += pause;
    const result = record(linker, exchange, at, pause);
    const { truth } = exchange;
    if (truth.role !== 'side-call') {
      linked++;
      if (result.decision.parentRequestId === truth.parent) parents++;
    }
    for (const difference of differences(exchange, result, groups)) {
      wrong.push(`${exchange.id}: ${difference}`);
    }
  }
  return { wrong, parents, linked };
}

function record(
  linker: MemoryLinker,
  { id, request, response }: PooledExchange,
  at: number,
  pause: number,
): MemoryExchange {
  const body =
    request.body.length === 0 ? undefined : (JSON.parse(request.body.toString()) as { messages?: unknown });
  const exchange = linker.request({ requestId: id, at, ...request, body });
  if (response.status === 0) {
    linker.failed(exchange, at + pause / 2);
    return exchange;
  }
  linker.response(exchange, {
    status: response.status,
    contentType: response.headers['content-type'] ?? null,
    upstreamId: response.headers['request-id'] ?? null,
    bytes: response.body,
    messages: body?.messages,
    at: at + pause / 2,
  });
  return exchange;
}

function differences(
  { truth }: PooledExchange,
  result: MemoryExchange,
  groups: Map<string, string>,
): string[] {
  const { decision, conversationId, branchId } = result;
  if (truth.role === 'side-call') {
    return decision.signal === 'none' ? [] : [`side call ${truth.side ?? ''} linked`];
  }
  const out: string[] = [];
  const say = (what: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted) out.push(`${what} ${String(found)}, not ${String(wanted)} (${decision.signal})`);
  };
  say('parent', decision.parentRequestId, truth.parent);
  const group = truth.group ?? '';
  if (!groups.has(group)) groups.set(group, conversationId ?? '');
  say('conversation', conversationId, groups.get(group));
  say('sub-task', decision.isSubtask, truth.isSubtask);
  say('retry', decision.retryOf !== null, truth.retryOf !== null);
  if (truth.spawnedBy !== null && truth.role !== 'turn') {
    say('call', decision.toolUseId, truth.spawnedBy.toolUseId);
  }
  if (truth.firstAfterCompaction) say('branch', decision.branch.kind, 'compact');
  if (!truth.isBranch) say('opens a branch', decision.branch.kind === 'branch', false);
  if (truth.sameRequestAs !== null) say('opens a branch', decision.branch.kind, 'branch');
  if (truth.isSubtask) say('on a sub-task branch', branchId?.startsWith('subtask_'), true);
  return out;
}

/** One exchange of every scenario in turn: as if all clients ran at once. */
function dealt(): PooledExchange[] {
  const scenarios = [...Map.groupBy(captures, ({ scenario }) => scenario).values()];
  const longest = Math.max(...scenarios.map((list) => list.length));
  return Array.from({ length: longest }, (_, turn) =>
    scenarios.flatMap((list) => list.slice(turn, turn + 1)),
  ).flat();
}

describe('all captures', () => {
  test('pooled in one store in recorded order, every exchange is linked as it was', () => {
    const { wrong, parents, linked } = replay(captures, 1000);
    expect(wrong).toEqual([]);
    expect([parents, linked]).toEqual([259, 259]);
  });

  test('dealt out as if all clients ran at once, only twins in two client versions are confused', () => {
    const { wrong, parents, linked } = replay(dealt(), 20);
    expect(wrong.filter((line) => !line.includes('/model/'))).toEqual([]);
    expect(parents / linked).toBeGreaterThan(0.99);
  });

  test('each scenario alone, too', () => {
    const scenarios = [...Map.groupBy(captures, ({ scenario }) => scenario).values()];
    expect(scenarios.flatMap((list) => replay(list, 1000).wrong)).toEqual([]);
  });

  test('request bodies come back byte for byte', () => {
    const bodies = captures.filter(({ request }) => request.body.length > 0);
    expect(bodies.length).toBeGreaterThan(460);
    for (const { id, request } of bodies) {
      const split = splitBody(request.body);
      expect(split === null ? id : joinBody(split).equals(request.body)).toBe(true);
    }
  });

  test('responses are put together as they were, however they are cut', () => {
    const whole = captures.filter(
      ({ response }) => response.ended === 'complete' && response.status === 200 && !hasError(response.body),
    );
    expect(whole.length).toBeGreaterThan(400);
    for (const { response } of whole) {
      if (typeof response.message === 'string') continue;
      const assembler = createAssembler(response.headers['content-type'] ?? null);
      for (let from = 0; from < response.body.length; from += 97) {
        assembler.push(response.body.subarray(from, from + 97), from);
      }
      const facts = assembler.end();
      expect(facts.message).toEqual(response.message);
      expect(facts.complete).toBe(true);
    }
  });
});

const hasError = (body: Buffer): boolean => body.includes('event: error');
