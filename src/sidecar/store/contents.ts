import { joinBody } from '../core/join.ts';
import type { PreparedBody } from '../core/prepare.ts';
import { newBlock, readBlock, readBlockOrNull, type NewBlock } from './blocks.ts';
import type { NewContent } from './new-content.ts';
import { readChain } from './nodes.ts';
import type { ExchangeTable, Store } from './tables.ts';

/** Where a request's content is: a template with its chains and overlay, or one raw block; all null without a body. */
export type RequestContent = Pick<
  ExchangeTable,
  | 'request_headers'
  | 'request_length'
  | 'template'
  | 'overlay'
  | 'messages_tip'
  | 'system_tip'
  | 'tools_tip'
  | 'raw'
>;

export type HeaderPairs = [string, string][];

/** What of a request is to be stored, and where all of it will be. */
export function requestContent(
  headers: HeaderPairs,
  body: PreparedBody,
): { row: RequestContent; content: NewContent } {
  const { block: headerBlock, length } = foldHeaders(headers);
  const row: RequestContent = {
    request_headers: headerBlock.hash,
    request_length: length,
    template: null,
    overlay: null,
    messages_tip: null,
    system_tip: null,
    tools_tip: null,
    raw: null,
  };
  if (body.kind === 'none') return { row, content: { blocks: [headerBlock], chains: [] } };
  if (body.kind === 'raw') {
    const raw = newBlock('raw', body.bytes);
    return { row: { ...row, raw: raw.hash }, content: { blocks: [headerBlock, raw], chains: [] } };
  }
  const { messages, system, tools } = body;
  const template = newBlock('template', body.template);
  const overlay = body.overlay === null ? null : newBlock('overlay', body.overlay);
  return {
    row: {
      ...row,
      template: template.hash,
      overlay: overlay?.hash ?? null,
      messages_tip: messages.tip,
      system_tip: system.tip,
      tools_tip: tools.tip,
    },
    content: {
      blocks: [headerBlock, template, ...(overlay === null ? [] : [overlay])],
      chains: [
        { kind: 'message', chain: messages },
        { kind: 'system', chain: system },
        { kind: 'tools', chain: tools },
      ],
    },
  };
}

/** The request body, byte for byte as it was received; null without one. */
export async function readRequestBody(
  db: Store,
  tenant: string,
  row: Omit<RequestContent, 'request_headers' | 'request_length'>,
): Promise<Buffer | null> {
  if (row.raw !== null) return readBlock(db, tenant, row.raw);
  if (row.template === null) return null;
  return joinBody({
    template: await readBlock(db, tenant, row.template),
    overlay: await readBlockOrNull(db, tenant, row.overlay),
    messages: await readChain(db, tenant, row.messages_tip),
    system: await readChain(db, tenant, row.system_tip),
    tools: await readChain(db, tenant, row.tools_tip),
  });
}

export async function readHeaders(
  db: Store,
  tenant: string,
  hash: Buffer | null,
  length: string | null,
): Promise<HeaderPairs> {
  if (hash === null) return [];
  const pairs = JSON.parse((await readBlock(db, tenant, hash)).toString()) as [string, string | null][];
  return pairs.map(([name, value]) => [name, value ?? length ?? '']);
}

/**
 * Headers as a block. A client sends the same ones all session long but for the content length: with that one kept in
 * the row they are stored once.
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
