import { createAssembler, type Assembler } from '../core/assemble.ts';
import type { RequestFacts, ResponseFacts, SpawnCall } from '../core/facts.ts';
import { FrameKind, type EndFrame, type Frame, type RequestHead, type ResponseHead } from '../core/frames.ts';
import { parseJson } from '../core/json.ts';
import { readRequest } from '../core/read-request.ts';
import type { Cut } from '../store/cuts.ts';
import { createDecoder, type ContentDecoder } from './decode.ts';
import { seenTools } from './request-chain.ts';

/** What has to be done in the store for an exchange, in this order. `at`: when it happened. */
export type Step =
  | { kind: 'begin'; at: number }
  | { kind: 'calls'; at: number; calls: SpawnCall[] }
  | { kind: 'finish'; at: number; end: EndFrame | null };

/** Content beyond this is not kept, only counted (SPEC 1.9). */
const CONTENT_LIMIT = 32 * 1024 * 1024;

/** One exchange while its journal file is read: frames go in, steps come out, and the content is kept until stored. */
export class OpenExchange {
  readonly head: RequestHead;
  readonly startedAt: number;
  body: Buffer | null = null;
  /** The parsed body; undefined when it is no JSON. */
  json: unknown = undefined;
  response: ResponseHead | null = null;
  firstByteAt: number | null = null;
  firstTokenAt: number | null = null;
  lastAt: number;
  responseSize = 0;
  #facts: RequestFacts | null = null;
  #seenTools: Set<string> | null = null;
  readonly #content: Content = { parts: [], cuts: [] };
  /** What came, where that is not the content: kept until it is clear that it could be decoded. */
  readonly #coded: Content = { parts: [], cuts: [] };
  #decoder: ContentDecoder | null = null;
  #assembler: Assembler | null = null;
  #begun = false;

  constructor(first: Frame) {
    this.head = parseFrame(first) as RequestHead;
    this.startedAt = first.at;
    this.lastAt = first.at;
  }

  /** Takes the next frame; the first one went into the constructor. */
  async take(frame: Frame): Promise<Step[]> {
    this.lastAt = Math.max(this.lastAt, frame.at);
    switch (frame.kind) {
      case FrameKind.requestHead:
        return [];
      case FrameKind.requestBody:
        this.body = frame.payload;
        return this.#begin(this.startedAt);
      case FrameKind.responseHead:
        this.response = parseFrame(frame) as ResponseHead;
        this.firstByteAt ??= frame.at;
        return this.#begin(this.startedAt);
      case FrameKind.chunk:
        return this.#chunk(frame);
      case FrameKind.end:
        return [
          ...this.#begin(this.startedAt),
          { kind: 'finish', at: frame.at, end: parseFrame(frame) as EndFrame },
        ];
    }
  }

  /** The file ends here without an end frame: the sidecar died, or gave up recording. */
  cutOff(): Step[] {
    return [...this.#begin(this.startedAt), { kind: 'finish', at: this.lastAt, end: null }];
  }

  facts(): RequestFacts {
    if (this.#facts !== null) return this.#facts;
    this.json = this.body === null ? undefined : parseJson(this.body.toString());
    const { method, path, headers } = this.head;
    this.#facts = readRequest({ method, path, headers, body: this.json });
    return this.#facts;
  }

  /** The tool calls and results of the request. */
  seenTools(): Set<string> {
    this.facts();
    return (this.#seenTools ??= seenTools(this.json));
  }

  /** The request is stored: what is still needed of it is small. */
  dropRequest(): void {
    this.seenTools();
    this.body = null;
    this.json = undefined;
  }

  responseFacts(): ResponseFacts | null {
    return this.#assembler?.end() ?? null;
  }

  /**
   * The decoded content of the response and how it arrived; the bytes as they came where they cannot be decoded; null
   * when there was none, or too much of it.
   */
  responseContent(): { body: Buffer; cuts: Cut[] } | null {
    if (this.responseSize > CONTENT_LIMIT) return null;
    const { parts, cuts } = this.damage() === null ? this.#content : this.#coded;
    return cuts.length === 0 ? null : { body: Buffer.concat(parts), cuts };
  }

  header(name: string): string | null {
    return this.response?.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null;
  }

  /** Why the response could not be decoded, or null. */
  damage(): Error | null {
    return this.#decoder?.failed() ?? null;
  }

  close(): void {
    this.#decoder?.close();
    this.#forgetContent();
    this.body = null;
  }

  #forgetContent(): void {
    for (const content of [this.#content, this.#coded]) {
      content.parts.length = 0;
      content.cuts.length = 0;
    }
  }

  #begin(at: number): Step[] {
    if (this.#begun) return [];
    this.#begun = true;
    return [{ kind: 'begin', at }];
  }

  async #chunk(frame: Frame): Promise<Step[]> {
    if (this.#assembler === null) {
      this.#decoder = createDecoder(this.header('content-encoding'));
      this.#assembler = createAssembler(this.header('content-type'), this.facts().streaming);
    }
    const content = this.#decoder === null ? frame.payload : await this.#decoder.push(frame.payload);
    this.responseSize += this.damage() === null ? content.length : frame.payload.length;
    if (this.responseSize > CONTENT_LIMIT) {
      this.#forgetContent();
      return [];
    }
    const offsetMs = frame.at - this.startedAt;
    add(this.#content, content, offsetMs);
    if (this.#decoder !== null) add(this.#coded, frame.payload, offsetMs);
    const { firstToken, spawns } = this.#assembler.push(content, frame.at);
    if (firstToken) this.firstTokenAt = frame.at;
    return spawns.length === 0 ? [] : [{ kind: 'calls', at: frame.at, calls: spawns }];
  }
}

interface Content {
  parts: Buffer[];
  cuts: Cut[];
}

function add(content: Content, bytes: Buffer, offsetMs: number): void {
  content.parts.push(bytes);
  content.cuts.push({ length: bytes.length, offsetMs });
}

/** The crc says that it is what our own proxy wrote. */
function parseFrame(frame: Frame): unknown {
  return JSON.parse(frame.payload.toString());
}
