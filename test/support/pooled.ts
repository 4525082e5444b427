import {
  listScenarios,
  loadScenario,
  type Capture,
  type CaptureExchange,
  type CaptureTruth,
} from '../fixtures/captures/load.mjs';
import { ownCaptures } from './own-captures.ts';
import { sseEvents } from './fake-anthropic.mjs';

/**
 * All captures prepared for one store: tool, message and upstream request ids get a prefix per scenario, session ids
 * another beginning, so that scenarios cannot be told apart by anything but what real traffic has too. Plain data
 * without a test framework: unit tests replay it into core, the integration suite through a running sidecar.
 */
export interface PooledExchange {
  /** `<client>/<scenario>`. */
  scenario: string;
  /** `<client>/<scenario>/NNN`; truths name other exchanges the same way. */
  id: string;
  request: {
    method: string;
    /** Path and query. */
    path: string;
    /** In the order sent; `content-length` fits `body`, `host` and `connection` are left out. */
    headers: [string, string][];
    /** Empty without a body. */
    body: Buffer;
  };
  response: {
    /** 0: the connection was cut before the head. */
    status: number;
    /** Without `content-length`. */
    headers: Record<string, string>;
    /** The bytes that were sent, up to where the stream was cut. Event streams are made of the recorded events. */
    body: Buffer;
    /** `complete`, `aborted`, `fault:disconnect`, `fault:no-head` or `fault:truncate`. */
    ended: string;
    stream: boolean;
    /** The whole message, also where only a part of it was sent. */
    message: unknown;
  };
  truth: PooledTruth;
}

/** The ground truth of one exchange, with pooled ids. */
export interface PooledTruth {
  role: string;
  side: string | null;
  /** Where the conversation as a user sees it begins: forks, sub-agents and compactions belong to their parent's. */
  group: string | null;
  parent: string | null;
  retryOf: string | null;
  sameRequestAs: string | null;
  spawnedBy: { request: string; toolUseId: string } | null;
  isBranch: boolean;
  firstAfterCompaction: boolean;
  /** In a sub-agent's conversation, its follow-ups included. */
  isSubtask: boolean;
}

/** Every capture in recorded order, scenario after scenario. */
export function pooledCaptures(): PooledExchange[] {
  const given = listScenarios().map(({ client, scenario }) => loadScenario(client, scenario));
  return [...given, ...ownCaptures()].flatMap((capture, index) => pooledScenario(capture, index));
}

/** One scenario, with the ids it has in the pool. */
function pooledScenario(
  { client, scenario, exchanges }: Pick<Capture, 'client' | 'scenario' | 'exchanges'>,
  index: number,
): PooledExchange[] {
  const name = `${client}/${scenario}`;
  const renamed = renamer(exchanges, index);
  const truths = truthsOf(name, exchanges, renamed);
  return exchanges.map((exchange, at) => {
    const request = renamed(exchange.request);
    const response = renamed(exchange.response);
    const body = request.body === null || request.body === undefined ? '' : JSON.stringify(request.body);
    return {
      scenario: name,
      id: `${name}/${exchange.id}`,
      request: {
        method: request.method,
        path: request.path,
        headers: headersFor(request.headers, Buffer.byteLength(body)),
        body: Buffer.from(body),
      },
      response: {
        status: response.status,
        headers: without(response.headers, 'content-length'),
        body: responseBytes(response),
        ended: response.ended,
        stream: isStream(response),
        message: response.body,
      },
      truth: truths[at]!,
    };
  });
}

const isStream = (response: CaptureExchange['response']): boolean =>
  (response.headers['content-type'] ?? '').startsWith('text/event-stream');

function responseBytes(response: CaptureExchange['response']): Buffer {
  if (response.status === 0 || response.body === null || response.body === undefined) return Buffer.alloc(0);
  if (isStream(response)) {
    const events = response.events ?? Array.from(sseEvents(response.body), ([, data]) => data);
    return Buffer.from(events.map(sse).join(''));
  }
  const text = typeof response.body === 'string' ? response.body : JSON.stringify(response.body);
  const bytes = Buffer.from(text);
  return response.ended === 'complete' ? bytes : bytes.subarray(0, bytes.length >> 1);
}

const sse = (data: unknown): string =>
  `event: ${(data as { type: string }).type}\ndata: ${JSON.stringify(data)}\n\n`;

/** Ids are renamed in the JSON text, wherever they stand: texts quote session ids in paths, results quote tool ids. */
function renamer(exchanges: CaptureExchange[], index: number): <T>(value: T) => T {
  const prefix = `s${String(index).padStart(2, '0')}`;
  const sessions = new Set<string>();
  for (const { request } of exchanges) for (const id of sessionIds(request)) sessions.add(id);
  return (value) => {
    if (value === undefined) return value;
    let json = JSON.stringify(value);
    json = json.replace(/\b(toolu|srvtoolu|msg|req)_(?=01)/g, `$1_${prefix}`);
    for (const id of sessions) json = json.replaceAll(id, `${prefix}${id.slice(prefix.length)}`);
    return JSON.parse(json) as typeof value;
  };
}

function sessionIds(request: CaptureExchange['request']): string[] {
  const user = (request.body?.['metadata'] as { user_id?: string } | undefined)?.user_id ?? '';
  const header = request.headers.find(([name]) => name.toLowerCase() === 'x-claude-code-session-id')?.[1];
  const found = /session_(?:id":")?([0-9a-f-]{36})/.exec(user)?.[1];
  return [header, found].filter((id) => id !== undefined);
}

const HOP = new Set(['host', 'connection', 'content-length', 'accept-encoding', 'transfer-encoding']);

function headersFor(headers: [string, string][], length: number): [string, string][] {
  const kept = headers.filter(([name]) => !HOP.has(name.toLowerCase()));
  return length === 0 ? kept : [...kept, ['content-length', String(length)]];
}

function without(headers: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== name));
}

function truthsOf(name: string, exchanges: CaptureExchange[], renamed: <T>(value: T) => T): PooledTruth[] {
  const byId = new Map(exchanges.map(({ truth }) => [truth.id, truth]));
  const full = (id: string | undefined): string | null => (id === undefined ? null : `${name}/${id}`);
  const above = (truth: CaptureTruth): CaptureTruth | undefined =>
    byId.get(truth.parent ?? truth.retry_of ?? '');
  const rootOf = (truth: CaptureTruth): string => {
    const next = above(truth);
    if (next !== undefined) return rootOf(next);
    return truth.same_request_as === undefined ? truth.id : rootOf(byId.get(truth.same_request_as)!);
  };
  const subtasks = new Set(
    exchanges.filter(({ truth }) => truth.spawned_by !== undefined).map(({ truth }) => truth.conversation),
  );
  return exchanges.map(({ truth }) => ({
    role: truth.role,
    side: truth.side ?? null,
    group: truth.role === 'side-call' ? null : full(rootOf(truth)),
    parent: full(truth.parent),
    retryOf: full(truth.retry_of),
    sameRequestAs: full(truth.same_request_as),
    spawnedBy:
      truth.spawned_by === undefined
        ? null
        : { request: full(truth.spawned_by.request)!, toolUseId: renamed(truth.spawned_by.tool_use_id) },
    isBranch: truth.branch === true,
    firstAfterCompaction: truth.first_after_compaction === true,
    isSubtask: subtasks.has(truth.conversation),
  }));
}
