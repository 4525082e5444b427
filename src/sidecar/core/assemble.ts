import { createParser } from 'eventsource-parser';
import type { ResponseFacts, SpawnCall } from './facts.ts';
import { blocksOf, member, parseJson, stringOf } from './json.ts';
import { errorOf, MessageBuilder } from './message-builder.ts';
import { answerPreviewOf } from './preview.ts';
import { spawnOf, spawnsOf } from './spawns.ts';
import { readUsage } from './usage.ts';

export interface Assembler {
  /**
   * Takes the next bytes, already content-decoded, cut anywhere. `firstToken`: these bytes brought the first content.
   * `spawns`: sub-agent calls that became complete, so that a fast child finds its parent.
   */
  push(bytes: Uint8Array, at: number): { firstToken: boolean; spawns: SpawnCall[] };
  /** What the response said, whether it was whole or not. */
  end(): ResponseFacts;
}

/**
 * Reads a response as it arrives: an event stream when the content type says so (or, without one, when the request
 * asked for a stream and the bytes look like one), else JSON. Never throws; what is not understood is left out.
 */
export function createAssembler(contentType: string | null, streaming = false): Assembler {
  const type = (contentType ?? '').toLowerCase();
  if (type.startsWith('text/event-stream')) return streamAssembler();
  if (type !== '' || !streaming) return bodyAssembler();
  let chosen: Assembler | null = null;
  return {
    push(bytes, at) {
      if (bytes.length === 0) return { firstToken: false, spawns: [] };
      chosen ??= startsJson(bytes) ? bodyAssembler() : streamAssembler();
      return chosen.push(bytes, at);
    },
    end: () => (chosen ?? bodyAssembler()).end(),
  };
}

const startsJson = (bytes: Uint8Array): boolean =>
  /^\s*[[{]/.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'));

function streamAssembler(): Assembler {
  const builder = new MessageBuilder();
  const decoder = new TextDecoder();
  const spawns: SpawnCall[] = [];
  let fresh: SpawnCall[] = [];
  let token = false;
  let hadToken = false;
  const parser = createParser({
    onEvent: ({ data }) => {
      const event = parseJson(data);
      const taken = builder.take(event);
      token ||= taken.token;
      const call = taken.done === null ? null : spawnOf(taken.done);
      if (call === null || spawns.some((known) => known.toolUseId === call.toolUseId)) return;
      spawns.push(call);
      fresh.push(call);
    },
  });
  return {
    push(bytes) {
      fresh = [];
      parser.feed(decoder.decode(bytes, { stream: true }));
      const firstToken = token && !hadToken;
      hadToken = token;
      return { firstToken, spawns: fresh };
    },
    end: () => factsOf(builder.message(), builder.complete, builder.error, spawns),
  };
}

function bodyAssembler(): Assembler {
  const parts: Buffer[] = [];
  let had = false;
  return {
    push(bytes) {
      parts.push(Buffer.from(bytes));
      const firstToken = !had && bytes.length > 0;
      had ||= firstToken;
      return { firstToken, spawns: [] };
    },
    end() {
      const body = parseJson(Buffer.concat(parts).toString('utf8'));
      return factsOf(body ?? null, body !== undefined, errorOf(body), spawnsOf(body));
    },
  };
}

function factsOf(
  message: unknown,
  complete: boolean,
  error: ResponseFacts['error'],
  spawns: SpawnCall[],
): ResponseFacts {
  const blocks = blocksOf(member(message, 'content'));
  const isMessage = member(message, 'type') === 'message';
  const texts = blocks.filter((block) => member(block, 'type') === 'text');
  return {
    message,
    messageId: isMessage ? stringOf(member(message, 'id')) : null,
    model: isMessage ? stringOf(member(message, 'model')) : null,
    complete: complete && error === null,
    error,
    usage: readUsage(message),
    toolCallCount: blocks.filter((block) => TOOL_CALLS.has(member(block, 'type'))).length,
    spawns,
    text: texts.map((block) => stringOf(member(block, 'text')) ?? '').join(''),
    preview: answerPreviewOf(message),
  };
}

const TOOL_CALLS = new Set<unknown>(['tool_use', 'server_tool_use', 'mcp_tool_use']);
