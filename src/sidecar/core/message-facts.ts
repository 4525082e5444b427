import { normaliseText, toolKey } from './block-form.ts';
import type { ContentBlock } from './content-block.ts';
import { blocksOf, listOf, member, stringOf } from './json.ts';

/** What is read of one message: small beside its content, so that it can be kept for the requests that follow. */
export interface MessageFacts {
  /** Empty without one. */
  role: string;
  /** Its own text blocks, normalised, without the empty ones. */
  texts: string[];
  /** Which tool calls and results are in it, as `toolKey` says. */
  toolKeys: string[];
  /** The ids of the calls whose results it brings; empty for a result that names none. */
  results: string[];
  /** Names of the tools it calls, by the call's id. */
  names: [id: string, name: string][];
}

export function messageFacts(role: string, blocks: ContentBlock[]): MessageFacts {
  const facts: MessageFacts = { role, texts: [], toolKeys: [], results: [], names: [] };
  for (const { json } of blocks) {
    const type = member(json, 'type');
    if (type === 'text') {
      const text = normaliseText(stringOf(member(json, 'text')) ?? '');
      if (text !== null) facts.texts.push(text);
      continue;
    }
    const key = toolKey(json);
    if (key !== null) facts.toolKeys.push(key);
    if (type === 'tool_result') facts.results.push(stringOf(member(json, 'tool_use_id')) ?? '');
    const id = stringOf(member(json, 'id'));
    const name = stringOf(member(json, 'name'));
    if (id !== null && name !== null) facts.names.push([id, name]);
  }
  return facts;
}

/** The role and the blocks of a parsed message. */
export function readMessage(message: unknown): { role: string; blocks: ContentBlock[] } {
  return {
    role: stringOf(member(message, 'role')) ?? '',
    blocks: blocksOf(member(message, 'content')).map((json) => ({ json })),
  };
}

export function messagesFacts(messages: unknown): MessageFacts[] {
  return listOf(messages).map((message) => {
    const { role, blocks } = readMessage(message);
    return messageFacts(role, blocks);
  });
}

/** The tool calls and results in a request's messages, as `extendChain` wants them. */
export function seenToolsOf(messages: MessageFacts[]): Set<string> {
  return new Set(messages.flatMap(({ role, toolKeys }) => (role === 'system' ? [] : toolKeys)));
}
