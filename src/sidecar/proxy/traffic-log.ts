import { brotliDecompressSync, constants, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { redactBody } from '../core/redact-body.ts';
import { movedOffsets, type BodyPolicy } from '../core/redact-edits.ts';
import { redactStream } from '../core/redact-stream.ts';
import { redactHeaders, redactPath, redactText } from '../core/redact.ts';
import type { Log } from '../log.ts';
import { headerValue, pairs } from './headers.ts';
import { isTokenEndpoint } from './paths.ts';
import type { Arrival } from './record.ts';

/** How much of a body is kept for its line, and how much of it is shown (bytes); the rest is counted. */
const KEPT = 1024 * 1024;
const SHOWN = 64 * 1024;
const MOST_CHUNKS = 500;

/** The log of one exchange: `DEBUG` (SPEC 11.3). */
export interface TrafficLog {
  requestBody(bytes: Buffer): void;
  responseHead(status: number, rawHeaders: readonly string[], ours: boolean): void;
  chunk(bytes: Buffer): void;
  end(reason: string, error: string | null): void;
}

/**
 * Logs requests, responses and chunks in full up to a size, every kind of secret masked whatever `REDACT_BODIES` says.
 * Chunks are written when the response has ended, with their times: only then can a secret that was cut by a chunk's end
 * be told.
 */
export function createTrafficLog(
  log: Log,
  ownSecrets: () => readonly string[],
): (arrival: Arrival) => TrafficLog {
  return (arrival) => new ExchangeLog(log, { mode: 'all', ownSecrets: ownSecrets() }, arrival);
}

class ExchangeLog implements TrafficLog {
  readonly #log: Log;
  readonly #policy: BodyPolicy;
  readonly #arrival: Arrival;
  readonly #startedAt = performance.now();
  readonly #request = new Kept();
  readonly #response = new Kept();
  readonly #times: number[] = [];
  #responseHeaders: readonly string[] = [];
  #requestShown = false;

  constructor(log: Log, policy: BodyPolicy, arrival: Arrival) {
    this.#log = log;
    this.#policy = policy;
    this.#arrival = arrival;
  }

  requestBody(bytes: Buffer): void {
    this.#request.add(bytes);
  }

  responseHead(status: number, rawHeaders: readonly string[], ours: boolean): void {
    this.#showRequest();
    this.#responseHeaders = rawHeaders;
    this.#line('Response', { status, ours, headers: this.#headers(rawHeaders) });
  }

  chunk(bytes: Buffer): void {
    this.#response.add(bytes);
    this.#times.push(performance.now() - this.#startedAt);
  }

  end(reason: string, error: string | null): void {
    this.#showRequest();
    this.#showResponse();
    this.#line('Exchange ended', {
      reason,
      ...(error === null ? {} : { error: this.#text(error) }),
      chunks: this.#times.length,
      bytes: this.#response.size,
      durationMs: Math.round(performance.now() - this.#startedAt),
    });
  }

  #showRequest(): void {
    if (this.#requestShown) return;
    this.#requestShown = true;
    const { method, path, rawHeaders } = this.#arrival;
    this.#line('Request', {
      method,
      path: this.#text(redactPath(path).path),
      headers: this.#headers(rawHeaders),
      ...this.#body(this.#request, rawHeaders),
    });
  }

  #showResponse(): void {
    if (this.#response.size === 0) return;
    const body = this.#response.bytes();
    const headers = this.#responseHeaders;
    if (this.#isHidden() || encodingOf(headers) !== null || !isText(headers)) {
      this.#line('Response body', this.#body(this.#response, headers));
      return;
    }
    const stream = headerValue(headers, 'content-type')?.includes('event-stream') === true;
    const masked = (stream ? redactStream : redactBody)(body, this.#policy, 'responseBody');
    const ends = movedOffsets(this.#response.ends, masked.edits);
    let from = 0;
    for (const [index, to] of ends.entries()) {
      if (index >= MOST_CHUNKS || from >= SHOWN) break;
      this.#line('Response chunk', {
        index,
        offsetMs: Math.round(this.#times[index] ?? 0),
        text: masked.body.toString('utf8', from, Math.min(to, SHOWN)),
      });
      from = to;
    }
  }

  /** A body as fields of a line. */
  #body(kept: Kept, rawHeaders: readonly string[]): Record<string, unknown> {
    if (kept.size === 0) return {};
    if (this.#isHidden()) return { body: '[token endpoint]', bytes: kept.size };
    const encoding = encodingOf(rawHeaders);
    const plain = encoding === null ? kept.bytes() : decoded(kept.bytes(), encoding);
    if (plain === null || !isText(rawHeaders)) return { body: `[${encoding ?? 'binary'}]`, bytes: kept.size };
    const text = redactBody(plain, this.#policy, 'body').body;
    return { body: text.toString('utf8', 0, SHOWN), bytes: kept.size };
  }

  #isHidden(): boolean {
    return isTokenEndpoint(this.#arrival.path);
  }

  #headers(rawHeaders: readonly string[]): Record<string, string>[] {
    const { headers } = redactHeaders(pairs(rawHeaders), '');
    return headers.map(([name, value]) => ({ [name]: this.#text(value) }));
  }

  #text(text: string): string {
    return redactText(redactBody(Buffer.from(text), this.#policy, '').body.toString()).text;
  }

  #line(message: string, fields: Record<string, unknown>): void {
    this.#log.debug(message, { exchange: this.#arrival.id, ...fields });
  }
}

/** The beginning of a body, and how long it is in all. */
class Kept {
  readonly #parts: Buffer[] = [];
  size = 0;
  /** Where each part that is kept ends. */
  readonly ends: number[] = [];

  add(bytes: Buffer): void {
    if (this.size < KEPT) {
      // A copy: a small Buffer would keep the pool it lies in.
      this.#parts.push(Buffer.from(bytes));
      this.ends.push(this.size + bytes.length);
    }
    this.size += bytes.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** The content-encoding, or null for none. */
function encodingOf(rawHeaders: readonly string[]): string | null {
  const encoding = headerValue(rawHeaders, 'content-encoding')?.trim().toLowerCase() ?? '';
  return encoding === '' || encoding === 'identity' ? null : encoding;
}

function isText(rawHeaders: readonly string[]): boolean {
  const type = headerValue(rawHeaders, 'content-type');
  return (
    type === null || /^(?:text\/|application\/(?:[\w.+-]*json|xml|x-www-form-urlencoded))/i.test(type.trim())
  );
}

const maxOutputLength = 4 * KEPT;
const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength };
const DECODERS: Record<string, ((bytes: Buffer) => Buffer) | undefined> = {
  gzip: (bytes) => gunzipSync(bytes, FLUSH),
  deflate: (bytes) => inflateSync(bytes, FLUSH),
  br: (bytes) =>
    brotliDecompressSync(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH, maxOutputLength }),
  zstd: (bytes) => zstdDecompressSync(bytes, { finishFlush: constants.ZSTD_e_flush, maxOutputLength }),
};

/** null for what cannot be decoded: the line then only says how much there was. */
function decoded(bytes: Buffer, encoding: string): Buffer | null {
  try {
    return DECODERS[encoding]?.(bytes) ?? null;
  } catch {
    return null; // Damaged or larger than is worth a line.
  }
}
