/** Types of the scripted upstream; the rules and replies are described at the top of `fake-anthropic.mjs`. */
export interface FakeExchange {
  n: number;
  ts: string;
  done: boolean;
  request: {
    method: string;
    path: string;
    query: string;
    httpVersion: string;
    rawHeaders: string[];
    bytes: number;
    sha256: string;
    body: unknown;
  };
  response: {
    status: number;
    headers: Record<string, string | number>;
    rule: string | number | null;
    events: unknown[] | undefined;
    body: unknown;
    ended: string | null;
    ms?: number;
  };
}
export interface FakeRequestInfo {
  n: number;
  method: string;
  path: string;
  query: string;
  headers: Record<string, string | string[] | undefined>;
  body: Record<string, unknown> | undefined;
  raw: string;
  lastUserText: string;
  toolResults: Record<string, unknown>[];
}
export interface FakeReply {
  content?: Record<string, unknown>[];
  stop_reason?: string;
  usage?: Record<string, unknown>;
  model?: string;
  id?: string;
  latency?: number;
  chunkDelay?: number;
  chunkChars?: number;
  splitBytes?: number;
  headers?: Record<string, string>;
  status?: number;
  json?: unknown;
  fault?: Record<string, unknown>;
}
export interface FakeRule {
  name?: string;
  when?: {
    path?: RegExp | string;
    method?: string;
    model?: RegExp | string;
    stream?: boolean;
    nth?: number;
    system?: RegExp;
    lastUserText?: RegExp | string;
    anyText?: RegExp;
    lastIsToolResult?: boolean;
    toolResult?: RegExp;
    hasTool?: string;
    messages?: number;
    header?: Record<string, RegExp>;
    fn?: (info: FakeRequestInfo) => boolean;
  };
  times?: number;
  reply: FakeReply | ((info: FakeRequestInfo) => FakeReply | Promise<FakeReply>);
}
export interface FakeAnthropic {
  exchanges: FakeExchange[];
  url: string;
  port: number;
  setScript(rules: FakeRule[]): void;
  waitFor(count: number, ms?: number): Promise<FakeExchange[]>;
  forgetThreads(): void;
  close(): Promise<void>;
}
export interface FakeOptions {
  port?: number;
  script?: FakeRule[];
  latency?: number;
  chunkDelay?: number;
  chunkChars?: number;
  splitBytes?: number;
  gzip?: boolean;
  pingEvery?: number;
  fault?: string | null;
  faultFirst?: number;
  onExchange?: (exchange: FakeExchange) => void;
}
export function createFakeAnthropic(options?: FakeOptions): Promise<FakeAnthropic>;
export function text(text: string, extra?: Record<string, unknown>): Record<string, unknown>;
export function thinking(text: string, signature?: string): Record<string, unknown>;
export function toolUse(name: string, input?: Record<string, unknown>, id?: string): Record<string, unknown>;
export const fault: {
  rateLimit(options?: { retryAfter?: number; message?: string; shouldRetry?: boolean }): FakeReply;
  overloaded(): FakeReply;
  server(): FakeReply;
  auth(): FakeReply;
  badRequest(message?: string): FakeReply;
  tooLong(n?: number, max?: number): FakeReply;
  sseError(afterEvents?: number, error?: { type: string; message: string }): FakeReply;
  disconnect(afterEvents?: number): FakeReply;
  noHead(): FakeReply;
  stall(ms?: number, afterEvents?: number): FakeReply;
  garbage(afterEvents?: number): FakeReply;
  truncate(afterEvents?: number): FakeReply;
};
/** The events of one message as a stream sends them: [event name, data]. */
export function sseEvents(
  message: unknown,
  options?: { chunkChars?: number; pingEvery?: number },
): Generator<[string, unknown]>;
