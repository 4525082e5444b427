import { sql } from 'kysely';
import { titleIn } from '../core/titles.ts';
import type { Store } from './tables.ts';
import { cleanText, timestamp } from './values.ts';

const TITLE_LENGTH = 120;
/** A client asks for a title when it sends the prompt; the answer may be there first. */
const BEFORE = 60_000;

/** What a title call and the conversation it names have in common: the session and the prompt. */
export interface Prompt {
  tenant: string;
  sessionId: string | null;
  /** The preview of the request. */
  preview: string;
}

/** The first line with something on it, at most 120 characters. */
export function titleOf(text: string): string {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? '';
  const clean = line.replaceAll(/\s+/g, ' ').trim();
  if (clean === '') return 'Untitled';
  return cleanText(clean.length > TITLE_LENGTH ? `${clean.slice(0, TITLE_LENGTH - 1).trimEnd()}…` : clean);
}

/** The title that the client was answered for a prompt it sends now, in ms since the epoch; null when there is none yet. */
export async function findTitle(db: Store, prompt: Prompt, at: number): Promise<string | null> {
  if (prompt.sessionId === null) return null;
  const { rows } = await sql<{ text: string }>`
    select answer.answer_preview as text
    from request join answer on answer.tenant = request.tenant and answer.id = request.id
    where request.tenant = ${prompt.tenant} and request.conversation_id is null
      and request.started_at >= ${timestamp(at - BEFORE)}::timestamptz
      and request.started_at <= ${timestamp(at)}::timestamptz
      and request.type = 'query_evaluation' and request.session_id = ${prompt.sessionId}
      and request.preview = ${cleanText(prompt.preview)}
    order by request.started_at desc limit 5`.execute(db);
  return rows.map(({ text }) => titleIn(text)).find((title) => title !== null) ?? null;
}

/** Gives it to the conversations of the session that begin with the prompt; their ids. */
export async function nameConversations(db: Store, prompt: Prompt, title: string): Promise<string[]> {
  if (prompt.sessionId === null) return [];
  const { rows } = await sql<{ id: string }>`
    update conversation set title = ${titleOf(title)}
    from request
    where request.tenant = ${prompt.tenant} and request.session_id = ${prompt.sessionId}
      and request.parent_id is null and request.retry_of is null and request.preview = ${cleanText(prompt.preview)}
      and conversation.tenant = request.tenant and conversation.id = request.conversation_id
    returning conversation.id`.execute(db);
  return [...new Set(rows.map(({ id }) => id))];
}
