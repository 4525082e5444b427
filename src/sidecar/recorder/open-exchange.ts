import { createAssembler, type Assembler } from '../core/assemble.ts';
import type { RequestFacts, ResponseFacts, SpawnCall } from '../core/facts.ts';
import { FrameKind, type EndFrame, type Frame, type RequestHead, type ResponseHead } from '../core/frames.ts';
import { member, parseJson } from '../core/json.ts';
import { prepareRequest, type PreparedRequest } from '../core/prepare.ts';
import type { BodyPolicy } from '../core/redact-edits.ts';
import type { Cut } from '../core/cuts.ts';
import { createDecoder, type ContentDecoder } from './decode.ts';
import type { Prepared, Preparation } from './preparation.ts';
import type { ResponseContent } from '../core/redact-response.ts';
import { redactRequest, redactSpawn, storedResponse } from './redaction.ts';

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
  response: ResponseHead | null = null;
  firstByteAt: number | null = null;
  firstTokenAt: number | null = null;
  lastAt: number;
  responseSize = 0;
  #facts: RequestFacts | null = null;
  #seenTools: ReadonlySet<string> = new Set();
  readonly #content: Content = { parts: [], cuts: [] };
  /** What came, where that is not the content: kept until it is clear that it could be decoded. */
  readonly #coded: Content = { parts: [], cuts: [] };
  #decoder: ContentDecoder | null = null;
  #assembler: Assembler | null = null;
  #begun = false;
  readonly #policy: BodyPolicy;
  #stored: { content: ResponseContent | null; facts: ResponseFacts | null } | null = null;

  /** Nothing that the policy masks leaves this object: facts are read from what is left. */
  constructor(first: Frame, policy: BodyPolicy) {
    this.#policy = policy;
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
        this.#takeBody(frame.payload);
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

  /** The file ends here without an end frame: the sidecar died (`end` null), or gave up recording. */
  cutOff(end: EndFrame | null): Step[] {
    return [...this.#begin(this.startedAt), { kind: 'finish', at: this.lastAt, end }];
  }

  /** Reads the request and takes its body apart, from what `preparation` remembers of others. */
  prepare(preparation: Preparation): Prepared {
    const prepared = preparation.prepare(this.head, this.body);
    this.#keep(prepared);
    return prepared;
  }

  /** The same again, for when what `prepared` goes on from is not stored any more. */
  prepareInFull(preparation: Preparation, prepared: Prepared): Prepared {
    return preparation.prepareInFull(this.head, this.body, prepared);
  }

  /** What the request says; read in full when nobody has prepared it. */
  facts(): RequestFacts {
    return this.#facts ?? this.#keep(prepareRequest(this.head, this.body));
  }

  /** The tool calls and results of the request. */
  seenTools(): ReadonlySet<string> {
    this.facts();
    return this.#seenTools;
  }

  /** The parsed messages. Large: for requests with a message thread only, which hold few. */
  messages(): unknown {
    return this.body === null ? undefined : member(parseJson(this.body.toString()), 'messages');
  }

  /** The request is stored: what is still needed of it is small. */
  dropRequest(): void {
    this.facts();
    this.body = null;
  }

  responseFacts(): ResponseFacts | null {
    return this.#response().facts;
  }

  /**
   * The decoded content of the response and how it arrived; the bytes as they came where they cannot be decoded; null
   * when there was none, or too much of it.
   */
  responseContent(): ResponseContent | null {
    return this.#response().content;
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

  #keep({ facts, seenTools }: PreparedRequest): RequestFacts {
    this.#seenTools = seenTools;
    return (this.#facts = facts);
  }

  #takeBody(payload: Buffer): void {
    const { body, redactions } = redactRequest(payload, this.#policy);
    this.body = body;
    this.head.redactions.push(...redactions);
  }

  /** Once, when nothing more comes. */
  #response(): { content: ResponseContent | null; facts: ResponseFacts | null } {
    if (this.#stored !== null) return this.#stored;
    const whole = ({ parts, cuts }: Content): ResponseContent | null =>
      cuts.length === 0 ? null : { body: Buffer.concat(parts), cuts };
    const { redactions, ...stored } = storedResponse(
      {
        content: whole(this.#content),
        coded: this.damage() === null ? null : whole(this.#coded),
        contentType: this.header('content-type'),
        streaming: this.#facts?.streaming ?? false,
        facts: this.#assembler?.end() ?? null,
      },
      this.#policy,
    );
    this.head.redactions.push(...redactions);
    return (this.#stored = stored);
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

  /** Only without a content type does it matter what was asked for: a backlog prepares its requests in their turn. */
  #createAssembler(): Assembler {
    const type = this.header('content-type');
    return createAssembler(type, type === null && this.facts().streaming);
  }

  async #chunk(frame: Frame): Promise<Step[]> {
    if (this.#assembler === null) {
      this.#decoder = createDecoder(this.header('content-encoding'));
      this.#assembler = this.#createAssembler();
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
    return spawns.length === 0
      ? []
      : [{ kind: 'calls', at: frame.at, calls: spawns.map((call) => redactSpawn(call, this.#policy)) }];
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
