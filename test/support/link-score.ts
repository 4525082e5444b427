import { MemoryLinker, type MemoryExchange } from './memory-linker.ts';
import type { PooledExchange, PooledTruth } from './pooled.ts';

/** What is compared of each exchange. */
export const COLUMNS = ['parents', 'retries', 'branches', 'sub-tasks', 'compactions', 'side calls'] as const;
export type Column = (typeof COLUMNS)[number];

/** One scenario: how many of each are right, of how many there are (or were found, where there are none). */
export interface Score {
  scenario: string;
  columns: Record<Column, { right: number; of: number }>;
  /** Conversations as a user would name them; `split` over several, `merged` with another one. */
  conversations: { whole: number; of: number; split: number; merged: number };
  /** One sentence for each thing that differs. */
  wrong: string[];
}

/** Replays exchanges into one store, `pause` milliseconds apart, and scores each scenario in it. */
export function replayAndScore(exchanges: PooledExchange[], pause: number): Score[] {
  return score(replay(exchanges, pause));
}

/** Each exchange with what the linker made of it. */
export function replay(
  exchanges: PooledExchange[],
  pause: number,
  linker = new MemoryLinker(),
): { exchange: PooledExchange; result: MemoryExchange }[] {
  let at = Date.UTC(2026, 10, 22, 14);
  return exchanges.map((exchange) => {
    at += pause;
    return { exchange, result: record(linker, exchange, at, pause) };
  });
}

/** An exchange with what became of it; `MemoryExchange` has more than is needed. */
export interface Told {
  exchange: PooledExchange;
  result: Linked;
}

export type Linked = Pick<MemoryExchange, 'conversationId' | 'branchId'> & {
  facts: Pick<MemoryExchange['facts'], 'requestType'>;
  decision: Pick<
    MemoryExchange['decision'],
    'signal' | 'parentRequestId' | 'retryOf' | 'isSubtask' | 'toolUseId' | 'branch'
  >;
};

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

export function score(told: Told[]): Score[] {
  const conversationsOf = new Map<string, Set<string | null>>();
  const groupsOf = new Map<string | null, Set<string>>();
  for (const { exchange, result } of told) {
    const { group } = exchange.truth;
    if (group === null) continue;
    add(conversationsOf, group, result.conversationId);
    add(groupsOf, result.conversationId, group);
  }
  const truths = new Map(told.map(({ exchange }) => [exchange.id, exchange.truth]));
  return Array.from(
    Map.groupBy(told, ({ exchange }) => exchange.scenario),
    ([scenario, own]) => {
      const columns = emptyColumns();
      const wrong: string[] = [];
      for (const { exchange, result } of own) {
        for (const { column, counts, differs } of checksOf(exchange.truth, result, truths)) {
          if (!counts && differs === null) continue;
          columns[column].of++;
          if (differs === null) columns[column].right++;
          else wrong.push(`${exchange.id}: ${differs} (${result.decision.signal})`);
        }
      }
      const groups = [...new Set(own.flatMap(({ exchange }) => exchange.truth.group ?? []))];
      const split = groups.filter((group) => conversationsOf.get(group)!.size > 1);
      const merged = groups.filter((group) =>
        [...conversationsOf.get(group)!].some((id) => groupsOf.get(id)!.size > 1),
      );
      wrong.push(...split.map((group) => `${group}: split over several conversations`));
      wrong.push(...merged.map((group) => `${group}: merged with another conversation`));
      const whole = groups.filter((group) => !split.includes(group) && !merged.includes(group)).length;
      return {
        scenario,
        columns,
        conversations: { whole, of: groups.length, split: split.length, merged: merged.length },
        wrong,
      };
    },
  );
}

interface Check {
  column: Column;
  /** There is one: it counts also when it is right. */
  counts: boolean;
  differs: string | null;
}

function checksOf(truth: PooledTruth, result: Linked, truths: Map<string, PooledTruth>): Check[] {
  const { decision, facts, conversationId, branchId } = result;
  const compare = (column: Column, counts: boolean, what: string, is: unknown, should: unknown): Check => ({
    column,
    counts,
    differs: is === should ? null : `${what} ${String(is)}, not ${String(should)}`,
  });
  if (truth.role === 'side-call') {
    const outside = compare('side calls', true, 'conversation', conversationId, null);
    return [
      outside.differs === null
        ? compare('side calls', true, 'type', facts.requestType, typeOf(truth))
        : outside,
    ];
  }
  const subtask = truth.isSubtask
    ? [
        branchId !== null && /^(?:subtask|compact)_/.test(branchId),
        decision.isSubtask,
        truth.role === 'turn' ? null : decision.toolUseId,
      ]
    : [decision.isSubtask];
  const expected = truth.isSubtask
    ? [true, true, truth.role === 'turn' ? null : (truth.spawnedBy?.toolUseId ?? null)]
    : [false];
  return [
    compare('parents', true, 'parent', decision.parentRequestId, parentOf(truth, truths)),
    compare(
      'retries',
      truth.retryOf !== null,
      'is a retry:',
      decision.retryOf !== null,
      truth.retryOf !== null,
    ),
    compare('sub-tasks', truth.isSubtask, 'sub-task, its call', String(subtask), String(expected)),
    compare(
      'compactions',
      truth.firstAfterCompaction,
      'compact branch:',
      decision.branch.kind === 'compact',
      truth.firstAfterCompaction,
    ),
    ...branchCheck(truth, decision.branch.kind, compare, truths),
  ];
}

/** One that leaves a point where another goes on, or is asked for again, is one; what is none opens none. */
function branchCheck(
  truth: PooledTruth,
  kind: string,
  compare: (column: Column, counts: boolean, what: string, is: unknown, should: unknown) => Check,
  truths: Map<string, PooledTruth>,
): Check[] {
  const continued = [...truths.values()].some(
    (one) =>
      one !== truth &&
      one.parent === truth.parent &&
      one.retryOf === null &&
      one.role === 'turn' &&
      !one.firstAfterCompaction,
  );
  const must = truth.sameRequestAs !== null || (truth.isBranch && continued);
  return truth.isBranch && !must
    ? []
    : [
        compare(
          'branches',
          must || truth.isBranch,
          'opens a branch:',
          kind === 'branch',
          must || truth.isBranch,
        ),
      ];
}

/** A retry has the parent of the first try. */
function parentOf({ parent, retryOf }: PooledTruth, truths: Map<string, PooledTruth>): string | null {
  return parent ?? (retryOf === null ? null : parentOf(truths.get(retryOf)!, truths));
}

function typeOf({ side }: PooledTruth): string {
  if (side === 'count-tokens') return 'count_tokens';
  if (side === 'quota') return 'quota';
  return side === 'models' || side === 'batch-api' ? 'other' : 'query_evaluation';
}

function emptyColumns(): Score['columns'] {
  return Object.fromEntries(COLUMNS.map((name) => [name, { right: 0, of: 0 }])) as Score['columns'];
}

function add<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  map.set(key, (map.get(key) ?? new Set<V>()).add(value));
}

/** One exchange of every scenario in turn: as if all clients ran at once. */
export function dealt(exchanges: PooledExchange[]): PooledExchange[] {
  const scenarios = [...Map.groupBy(exchanges, ({ scenario }) => scenario).values()];
  const longest = Math.max(...scenarios.map((list) => list.length));
  return Array.from({ length: longest }, (_, turn) =>
    scenarios.flatMap((list) => list.slice(turn, turn + 1)),
  ).flat();
}

/** Each scenario in a store of its own. */
export function alone(exchanges: PooledExchange[], pause: number): Score[] {
  const scenarios = [...Map.groupBy(exchanges, ({ scenario }) => scenario).values()];
  return scenarios.flatMap((list) => replayAndScore(list, pause));
}
