import { StringDecoder } from 'node:string_decoder';
import type { LinkExplanation, RequestDetail, StreamingChunk } from '../../protocol/rows.ts';
import { createAssembler } from '../core/assemble.ts';
import type { Cut } from '../core/cuts.ts';
import type { BodyPolicy } from '../core/redact-edits.ts';
import { redactResponse } from '../core/redact-response.ts';
import type { ChainCache } from './chain-cache.ts';
import { contentType } from './compactions.ts';
import { readHeaders, readRequestBody, type HeaderPairs } from './contents.ts';
import { readResponse, readResponseHeaders } from './responses.ts';
import { notDeleted, REQUEST_COLUMNS, toRequestRow } from './rows.ts';
import type { Store } from './tables.ts';

const DETAIL_COLUMNS = [
  ...REQUEST_COLUMNS,
  'exchange.tenant',
  'exchange.request_headers',
  'exchange.request_length',
  'exchange.request_size',
  'exchange.template',
  'exchange.overlay',
  'exchange.messages_tip',
  'exchange.system_tip',
  'exchange.tools_tip',
  'exchange.raw',
  'exchange.request_link',
  'exchange.system_hash',
  'exchange.redactions',
  'exchange.response_headers',
  'exchange.response_header_values',
  'exchange.upstream_id',
  'exchange.response_shape',
  'exchange.response_tip',
  'exchange.response_packed',
  'exchange.response_body',
  'exchange.response_cuts',
] as const;

interface ReadOptions {
  /** What is masked in its response, where a secret may be cut by the ends of chunks; elsewhere nothing is. */
  policy?: BodyPolicy;
  /** For whoever reads a conversation turn by turn. */
  chains?: ChainCache;
}

/**
 * One exchange with what passed. `fields`: only these keys of it (and `requestId`), so that the rest costs nothing.
 */
export async function readExchange(
  db: Store,
  id: string,
  fields?: string[],
  { policy = NOTHING_MASKED, chains }: ReadOptions = {},
): Promise<Partial<RequestDetail> | null> {
  const row = await db
    .selectFrom('exchange')
    .leftJoin('exchange as parent', (join) =>
      join.onRef('parent.tenant', '=', 'exchange.tenant').onRef('parent.id', '=', 'exchange.parent_id'),
    )
    .select(DETAIL_COLUMNS)
    .select('parent.request_link as parent_link')
    .where('exchange.id', '=', id)
    .where(notDeleted)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { tenant } = row;
  const wants = (name: keyof RequestDetail): boolean => fields?.includes(name) ?? true;
  const responseHeaders = await readResponseHeaders(db, tenant, row);
  const wantsResponse = wants('responseBody') || wants('usageData') || wants('streamingChunks');
  const stored = wantsResponse ? await readResponse(db, tenant, row, chains?.after) : null;
  const response = stored === null ? null : masked(stored, contentType(responseHeaders), policy);
  const read = readMessage(responseHeaders, response?.bytes ?? null, row.streaming);
  const detail: RequestDetail = {
    ...toRequestRow(row),
    requestHeaders: wants('requestHeaders') ? await readHeaders(db, row) : [],
    requestBody: wants('requestBody') ? jsonOrText(await readRequestBody(db, tenant, row)) : null,
    responseHeaders,
    responseBody: read.body,
    usageData: read.usage,
    streamingChunks: wants('streamingChunks') ? chunksOf(response) : [],
    currentMessageHash: hex(row.request_link),
    parentMessageHash: hex(row.parent_link),
    systemHash: hex(row.system_hash),
    redactions: row.redactions,
  };
  if (fields === undefined) return detail;
  const wanted = Object.entries(detail).filter(([name]) => name === 'requestId' || fields.includes(name));
  return Object.fromEntries(wanted);
}

const NOTHING_MASKED: BodyPolicy = { mode: 'none', ownSecrets: [] };

function masked({ bytes, cuts }: StoredBytes, type: string | null, policy: BodyPolicy): StoredBytes {
  if (policy.mode === 'none') return { bytes, cuts };
  const { body, cuts: moved } = redactResponse({ body: bytes, cuts }, type, policy);
  return { bytes: body, cuts: moved };
}

/** The bytes of a request's body; null without one, and for an unknown id. `chainOf`: how its chains are read. */
export async function readBodyOf(
  db: Store,
  id: string,
  chainOf?: Parameters<typeof readRequestBody>[3],
): Promise<Buffer | null> {
  const row = await db
    .selectFrom('exchange')
    .select(['tenant', 'template', 'overlay', 'messages_tip', 'system_tip', 'tools_tip', 'raw'])
    .where('id', '=', id)
    .where(notDeleted)
    .executeTakeFirst();
  return row === undefined ? null : readRequestBody(db, row.tenant, row, chainOf);
}

interface StoredBytes {
  bytes: Buffer;
  cuts: Cut[];
}

export async function readLink(db: Store, id: string): Promise<LinkExplanation | null> {
  const row = await db
    .selectFrom('exchange')
    .select(['link_signal', 'link_matched', 'link_candidates'])
    .where('id', '=', id)
    .where(notDeleted)
    .executeTakeFirst();
  if (row === undefined) return null;
  const places = await readPlaces(
    db,
    row.link_candidates.map(({ requestId }) => requestId),
  );
  return {
    signal: row.link_signal,
    matchedMessages: row.link_matched,
    candidates: row.link_candidates.map((candidate) => ({
      ...candidate,
      ...(places.get(candidate.requestId) ?? { conversationId: null, title: null, timestamp: null }),
    })),
  };
}

type Place = Pick<LinkExplanation['candidates'][number], 'conversationId' | 'title' | 'timestamp'>;

/** Where exchanges lie now; those that were deleted are left out. */
async function readPlaces(db: Store, ids: string[]): Promise<Map<string, Place>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('exchange')
    .innerJoin('conversation', (join) =>
      join
        .onRef('conversation.tenant', '=', 'exchange.tenant')
        .onRef('conversation.id', '=', 'exchange.conversation_id'),
    )
    .select(['exchange.id', 'exchange.conversation_id', 'exchange.started_at', 'conversation.title'])
    .where('exchange.id', 'in', ids)
    .where('conversation.deleted_at', 'is', null)
    .execute();
  return new Map(
    rows.map(({ id, conversation_id: conversationId, started_at: at, title }) => [
      id,
      { conversationId, title, timestamp: new Date(at).toISOString() },
    ]),
  );
}

/** A stream as its message, JSON as JSON, anything else as text. */
export function readMessage(
  headers: HeaderPairs,
  bytes: Buffer | null,
  streaming: boolean,
): { body: unknown; usage: unknown } {
  if (bytes === null) return { body: null, usage: null };
  const assembler = createAssembler(contentType(headers), streaming);
  assembler.push(bytes, 0);
  const facts = assembler.end();
  return { body: facts.message ?? bytes.toString(), usage: facts.usage?.raw ?? null };
}

/** A character cut in two by a chunk's end is shown with the chunk that completes it: joined, they are the body. */
function chunksOf(response: StoredBytes | null): StreamingChunk[] {
  if (response === null) return [];
  const { bytes, cuts } = response;
  const decoder = new StringDecoder('utf8');
  let from = 0;
  const chunks = cuts.map(({ length, offsetMs }, index) => {
    const data = decoder.write(bytes.subarray(from, from + length));
    from += length;
    return { index, offsetMs, data };
  });
  const last = chunks.at(-1);
  if (last !== undefined) last.data += decoder.end();
  return chunks;
}

/** A body as it is shown: JSON, or the text it was. */
export function jsonOrText(body: Buffer | null): unknown {
  if (body === null) return null;
  const text = body.toString();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text; // Not JSON: shown as what it was.
  }
}

const hex = (hash: Buffer | null): string | null => hash?.toString('hex') ?? null;
