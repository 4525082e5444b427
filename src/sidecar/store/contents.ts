import type { Insertable } from 'kysely';
import type { RequestHead } from '../core/frames.ts';
import { joinBody } from '../core/join.ts';
import type { PreparedBody } from '../core/prepare.ts';
import { newBlock, readBlock, readBlockOrNull, type NewBlock } from './blocks.ts';
import { newEnvelope } from './envelopes.ts';
import type { NewContent } from './new-content.ts';
import { readChain } from './nodes.ts';
import type { BlockKind, ExchangeTable, RequestTable, Store } from './tables.ts';
import { cleanText } from './values.ts';

/** Where a request's content is, beside its envelope: its chain of messages with an overlay, or one raw block. */
export type NewRequestContent = Insertable<
  Pick<RequestTable, 'envelope' | 'request_length' | 'overlay' | 'messages_tip' | 'raw' | 'redactions'>
>;

/** Where the parts of a body are: a template with its chains and overlay, or one raw block; all null without a body. */
export type BodyParts = Pick<
  ExchangeTable,
  'template' | 'overlay' | 'messages_tip' | 'system_tip' | 'tools_tip' | 'raw'
>;

/** What came with the body. */
export interface RequestWrapping extends Pick<
  RequestHead,
  'method' | 'path' | 'httpVersion' | 'headers' | 'redactions'
> {
  /** Of the body as it is recorded, in bytes. */
  bodySize: number;
  systemHash: Buffer | null;
}

export type HeaderPairs = [string, string][];

/** What of a request is to be stored, and where all of it will be. */
export function requestContent(
  wrapping: RequestWrapping,
  body: PreparedBody,
): { row: NewRequestContent; content: NewContent } {
  const { block: headers, length } = foldHeaders(wrapping.headers);
  const blocks = [headers];
  const put = (kind: BlockKind, bytes: Buffer | null): Buffer | null => {
    if (bytes === null) return null;
    const block = newBlock(kind, bytes);
    blocks.push(block);
    return block.hash;
  };
  const parts = body.kind === 'chains' ? body : null;
  const template = put('template', parts?.template ?? null);
  const overlay = put('overlay', parts?.overlay ?? null);
  const raw = put('raw', body.kind === 'raw' ? body.bytes : null);
  const ofHeaders = wrapping.redactions.filter(({ path }) => path.startsWith('requestHeaders'));
  const envelope = newEnvelope({
    request_headers: headers.hash,
    template,
    system_tip: parts?.system.tip ?? null,
    tools_tip: parts?.tools.tip ?? null,
    system_hash: wrapping.systemHash,
    method: cleanText(wrapping.method),
    path: cleanText(wrapping.path),
    http_version: cleanText(wrapping.httpVersion),
    redactions: JSON.stringify(ofHeaders),
  });
  return {
    row: {
      envelope: envelope.key,
      request_length: length === String(wrapping.bodySize) ? null : length,
      overlay,
      messages_tip: parts?.messages.tip ?? null,
      raw,
      redactions:
        ofHeaders.length === wrapping.redactions.length ? null : JSON.stringify(wrapping.redactions),
    },
    content: {
      blocks,
      chains:
        parts === null
          ? []
          : [
              { kind: 'message', chain: parts.messages },
              { kind: 'system', chain: parts.system },
              { kind: 'tools', chain: parts.tools },
            ],
      envelope,
    },
  };
}

/** The request body, byte for byte as it was received; null without one. */
export async function readRequestBody(
  db: Store,
  tenant: string,
  row: BodyParts,
  chainOf: typeof readChain = readChain,
): Promise<Buffer | null> {
  if (row.raw !== null) return readBlock(db, tenant, row.raw);
  if (row.template === null) return null;
  return joinBody({
    template: await readBlock(db, tenant, row.template),
    overlay: await readBlockOrNull(db, tenant, row.overlay),
    messages: await chainOf(db, tenant, row.messages_tip),
    system: await chainOf(db, tenant, row.system_tip),
    tools: await chainOf(db, tenant, row.tools_tip),
  });
}

export async function readHeaders(
  db: Store,
  row: Pick<ExchangeTable, 'tenant' | 'request_headers' | 'request_length' | 'request_size'>,
): Promise<HeaderPairs> {
  const block = await readBlock(db, row.tenant, row.request_headers);
  const pairs = JSON.parse(block.toString()) as [string, string | null][];
  const length = row.request_length ?? String(row.request_size);
  return pairs.map(([name, value]) => [name, value ?? length]);
}

/**
 * Headers as a block. A client sends the same ones all session long but for the content length: without that one, which
 * nearly always is the body's, they are stored once.
 */
function foldHeaders(headers: HeaderPairs): { block: NewBlock; length: string | null } {
  const lengths = headers.filter(([name]) => name.toLowerCase() === 'content-length');
  const length = lengths.length === 1 ? lengths[0]![1] : null;
  const folded = headers.map(([name, value]) => [
    name,
    length !== null && name.toLowerCase() === 'content-length' ? null : value,
  ]);
  return { block: newBlock('headers', Buffer.from(JSON.stringify(folded))), length };
}
