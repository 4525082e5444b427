import { sha256 } from './digest.ts';
import type { LinkScope } from './facts.ts';
import { member } from './json.ts';
import { messageFacts, readMessage, type MessageFacts } from './message-facts.ts';

/** An answer as a history quotes it, whatever stands before it. */
export interface Said {
  /** Of its texts and the ids of its calls; what clients drop from answers (thinking) is not in it. */
  digest: Buffer;
  /** Nobody else gives this answer by chance: it calls a tool, or is a text of some length. */
  telling: boolean;
}

/** So many answers of a history are looked for; the newest is nearly always the parent's. */
const MOST_ANSWERS = 4;
/** Letters of a text that nobody repeats by chance. */
const TELLING = 100;
const KEY_BYTES = 8;

/**
 * The newest answers in a history that differ, newest first: its assistant messages. What stands at its very end is the beginning of
 * the next (a prefill).
 */
export function answersIn(messages: MessageFacts[]): Said[] {
  const found: Said[] = [];
  const prefilled = messages.at(-1)?.role === 'assistant';
  for (
    let index = messages.length - (prefilled ? 2 : 1);
    index >= 0 && found.length < MOST_ANSWERS;
    index--
  ) {
    const message = messages[index]!;
    const said = message.role === 'assistant' ? saidIn(message) : null;
    // One that is repeated says no more than once (1.0.58 sends messages with tools twice).
    if (said !== null && !found.some(({ digest }) => digest.equals(said.digest))) found.push(said);
  }
  return found;
}

/** The answer that a response's message is; null for one without text or calls. */
export function answerOf(message: unknown): Said | null {
  const { blocks } = readMessage({ role: 'assistant', content: member(message, 'content') });
  return saidIn(messageFacts('assistant', blocks));
}

/**
 * What an answer is found by when the history before it was cut off: 8 bytes of a hash of the answer and where it was
 * given (project, session, agent), so that it is never looked for elsewhere. null for a short one without a session:
 * "Done." says nothing among all programs.
 */
export function answerKey(
  { project, sessionId, agentId }: Pick<LinkScope, 'project' | 'sessionId' | 'agentId'>,
  said: Said,
): Buffer | null {
  if (sessionId === null && !said.telling) return null;
  const scope = JSON.stringify([project, sessionId, agentId]);
  return sha256(`${scope}\n${said.digest.toString('hex')}`).subarray(0, KEY_BYTES);
}

function saidIn({ texts, toolKeys }: MessageFacts): Said | null {
  if (texts.length + toolKeys.length === 0) return null;
  const letters = texts.reduce((sum, { length }) => sum + length, 0);
  return {
    digest: sha256(JSON.stringify([texts, toolKeys])),
    telling: toolKeys.length > 0 || letters >= TELLING,
  };
}
