import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestFacts } from '../core/facts.ts';
import { parseJson } from '../core/json.ts';
import type { BodyPolicy } from '../core/redact-edits.ts';
import { reason } from '../errors.ts';
import type { OpenExchange } from './open-exchange.ts';
import { redactResponse } from '../core/redact-response.ts';
import { redactRequest } from './redaction.ts';

/** Samples whose response is still coming; beyond that a kind waits for its next request. */
const MOST_PENDING = 16;
/** `other` paths are anything a client asks for: their kinds must not fill the disk. */
const MOST_KINDS = 200;

/** One exchange as test input (SPEC 3.9). Secrets are masked whatever `redactBodies` says; headers are since the proxy. */
export interface Sample {
  metadata: {
    kind: string;
    id: string;
    collectedAt: string;
    requestType: RequestFacts['requestType'];
    streaming: boolean;
    model: string | null;
    messageCount: number;
    tools: boolean;
    redactions: { path: string; kind: string }[];
  };
  method: string;
  path: string;
  headers: [string, string][];
  /** The JSON, or the text of a body that is none; null without one. */
  body: unknown;
  /** `body`: the JSON, or text: of a stream its events as they were sent. */
  response: { status: number; headers: [string, string][]; body: unknown } | null;
}

/**
 * Collects one sample for each kind of request into a directory: the first that is seen, so that a test that uses it
 * keeps its input; a file that is deleted is collected anew. Nothing here can disturb recording.
 */
export class Samples {
  readonly #dir: string;
  readonly #policy: BodyPolicy;
  readonly #warn: (message: string, fields: Record<string, unknown>) => void;
  readonly #pending = new Map<
    string,
    { kind: string; facts: RequestFacts; tools: boolean; body: Buffer | null }
  >();
  readonly #kinds = new Set<string>();
  #failed = false;

  constructor(
    dir: string,
    ownSecrets: readonly string[],
    warn: (message: string, fields: Record<string, unknown>) => void,
  ) {
    this.#dir = dir;
    this.#policy = { mode: 'all', ownSecrets };
    this.#warn = warn;
  }

  /** Call while the request is still at hand. */
  begin(exchange: OpenExchange): void {
    this.#safely(() => {
      if (this.#pending.size >= MOST_PENDING) return;
      const facts = exchange.facts();
      const tools = facts.hasTools;
      const kind = kindOf(exchange, facts, tools);
      this.#pending.set(exchange.head.id, { kind, facts, tools, body: exchange.body });
    });
  }

  /** Call when the exchange is over. An answer that failed is a kind of its own. */
  finish(exchange: OpenExchange): void {
    const { head, response } = exchange;
    const begun = this.#pending.get(head.id);
    if (begun === undefined) return;
    this.#pending.delete(head.id);
    this.#safely(() => {
      const status = response?.status ?? null;
      const failed = status === null ? '_no_answer' : status >= 400 ? `_${String(status)}` : '';
      const kind = begun.kind + failed;
      if (!this.#wants(kind)) return;
      const body = begun.body === null ? null : redactRequest(begun.body, this.#policy);
      const content = exchange.responseContent();
      const type = exchange.header('content-type');
      const said = content === null ? null : redactResponse(content, type, this.#policy);
      const { requestType, streaming, model, messageCount } = begun.facts;
      this.#write({
        metadata: {
          kind,
          id: head.id,
          collectedAt: new Date(exchange.startedAt).toISOString(),
          requestType,
          streaming,
          model,
          messageCount,
          tools: begun.tools,
          redactions: [...head.redactions, ...(body?.redactions ?? []), ...(said?.redactions ?? [])],
        },
        method: head.method,
        path: head.path,
        headers: head.headers,
        body: body === null ? null : jsonOrText(body.body),
        response:
          response === null
            ? null
            : {
                status: response.status,
                headers: response.headers,
                body: said === null ? null : jsonOrText(said.body),
              },
      });
    });
  }

  #wants(kind: string): boolean {
    return (this.#kinds.has(kind) || this.#kinds.size < MOST_KINDS) && !existsSync(this.#path(kind));
  }

  /** The whole file or none, for this user alone. */
  #write(sample: Sample): void {
    const { kind, id } = sample.metadata;
    this.#kinds.add(kind);
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const temporary = `${this.#path(kind)}.${id}.tmp`;
    try {
      writeFileSync(temporary, `${JSON.stringify(sample, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
      renameSync(temporary, this.#path(kind));
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  #path(kind: string): string {
    return join(this.#dir, `${kind}.json`);
  }

  #safely(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (this.#failed) return;
      this.#failed = true;
      this.#warn('Samples of traffic cannot be collected', { dir: this.#dir, error: reason(error) });
    }
  }
}

/** `inference_streaming_opus`, `inference_non_streaming_haiku_tools`, `other_get_v1_models`: also the file's name. */
function kindOf(exchange: OpenExchange, facts: RequestFacts, tools: boolean): string {
  const { method, path } = exchange.head;
  if (facts.requestType === 'other') {
    const words = path.replace(/[?#].*/s, '').split('/');
    // Segments with digits or capitals are ids: the kind is what stands before them.
    const stop = words.findIndex((word) => word !== '' && !/^(?:v\d|[a-z_-]{1,30})$/.test(word));
    const named = (stop === -1 ? words : words.slice(0, stop)).filter((word) => word !== '').slice(0, 4);
    return ['other', fileName(method), ...named].join('_');
  }
  const streaming = facts.streaming ? 'streaming' : 'non_streaming';
  return [facts.requestType, streaming, familyOf(facts.model), ...(tools ? ['tools'] : [])].join('_');
}

/** The word that names a model's family; of a model of another kind its whole name. */
function familyOf(model: string | null): string {
  if (model === null) return 'unknown';
  return /opus|sonnet|haiku/i.exec(model)?.[0].toLowerCase() ?? fileName(model);
}

/** Nothing but what is safe in a file's name everywhere. */
function fileName(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40);
  return name.replace(/^-+|-+$/g, '') || 'unknown';
}

function jsonOrText(body: Buffer): unknown {
  const text = body.toString();
  return parseJson(text) ?? text;
}
