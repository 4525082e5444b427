import { chainNodes, type ChainPoint } from '../core/chain.ts';
import type { Cut } from '../core/cuts.ts';
import { foldResponseHeaders, unfoldResponseHeaders, type HeaderPairs } from '../core/header-values.ts';
import type { PreparedChain } from '../core/prepare.ts';
import { packResponse } from '../core/stream-pack.ts';
import { unpackCuts, unpackResponse } from '../core/stream-unpack.ts';
import { newBlock, readBlock, type NewBlock } from './blocks.ts';
import { unpackOldCuts } from './cuts.ts';
import { readAfter } from './nodes.ts';
import type { ExchangeTable, Store } from './tables.ts';

/** The columns of an exchange that say what was answered and how it arrived. */
export type ResponseRow = Pick<
  ExchangeTable,
  | 'response_headers'
  | 'response_header_values'
  | 'response_shape'
  | 'response_tip'
  | 'response_packed'
  | 'response_body'
>;

/** A response on its way into the store. */
export interface PreparedResponse {
  blocks: NewBlock[];
  /** The assistant's message, on from the request's last one; null without blocks. Its blocks are of kind `message`. */
  chain: PreparedChain | null;
  row: ResponseRow;
}

/** Claude Code's next request, and every other client's, sends the answer back in this shell. */
const ANSWER_SHELL = Buffer.from('{"role":"assistant","content":\0}');

/**
 * Everything that can be done before the transaction. `headers`: null when there was no response; `upstreamId`:
 * what its row has as `upstream_id`; `content`: null
 * without a body (or with too much of it); `tip`: the last node of the request's messages, when it has one.
 */
export function prepareResponse(
  headers: HeaderPairs | null,
  upstreamId: string | null,
  content: { body: Buffer; cuts: Cut[] } | null,
  tip: ChainPoint | null,
): PreparedResponse {
  const blocks: NewBlock[] = [];
  const row: ResponseRow = {
    response_headers: null,
    response_header_values: null,
    response_shape: null,
    response_tip: null,
    response_packed: null,
    response_body: null,
  };
  const put = (block: NewBlock): Buffer => {
    blocks.push(block);
    return block.hash;
  };
  if (headers !== null) {
    const { shape, values } = foldResponseHeaders(headers, knownOf(upstreamId));
    row.response_headers = put(newBlock('headers', Buffer.from(JSON.stringify(shape))));
    row.response_header_values = values;
  }
  if (content === null) return { blocks, chain: null, row };
  const { content: packedContent, packed } = packResponse(content.body, content.cuts);
  row.response_packed = packed;
  if (packedContent === null) {
    row.response_body = put(newBlock('response', content.body));
    return { blocks, chain: null, row };
  }
  row.response_shape = put(newBlock('shape', packedContent.shape));
  const items = packedContent.blocks.map((block, index) => ({
    shell: index === 0 ? ANSWER_SHELL : null,
    block,
  }));
  const nodes = chainNodes(items, tip);
  row.response_tip = nodes.at(-1)?.key ?? null;
  const chain = nodes.length === 0 ? null : { base: tip, nodes, tip: row.response_tip };
  return { blocks, chain, row };
}

/** What reading a response needs of its row. */
export type StoredResponse = Omit<ResponseRow, 'response_headers' | 'response_header_values'> &
  Pick<ExchangeTable, 'response_cuts' | 'messages_tip'>;

/**
 * The decoded bytes of a response, as they came, and how they arrived; null without a body.
 *
 * @throws Error when its parts do not fit together, which they did when it was stored.
 */
export async function readResponse(
  db: Store,
  tenant: string,
  row: StoredResponse,
  after: typeof readAfter = readAfter,
): Promise<{ bytes: Buffer; cuts: Cut[] } | null> {
  const { response_packed: packed, response_shape: shape, response_body: body } = row;
  if (shape !== null && packed !== null) {
    const { response_tip: tip, messages_tip: start } = row;
    const answer = tip === null ? [] : await after(db, tenant, tip, start);
    const blocks = answer.map(({ block }) => block);
    const response = unpackResponse({ blocks, shape: await readBlock(db, tenant, shape) }, packed);
    if (response === null) throw new Error('A response does not fit its blocks');
    return response;
  }
  if (body === null) return null;
  const bytes = await readBlock(db, tenant, body);
  return { bytes, cuts: packed === null ? unpackOldCuts(row.response_cuts ?? NOTHING) : unpackCuts(packed) };
}

const NOTHING = Buffer.alloc(0);

export async function readResponseHeaders(
  db: Store,
  tenant: string,
  row: Pick<ExchangeTable, 'response_headers' | 'response_header_values' | 'upstream_id'>,
): Promise<HeaderPairs> {
  if (row.response_headers === null) return [];
  const block = await readBlock(db, tenant, row.response_headers);
  const shape = JSON.parse(block.toString()) as [string, string | null][];
  return unfoldResponseHeaders({ shape, values: row.response_header_values }, knownOf(row.upstream_id));
}

/** The upstream's id of the request is a column, and most often a header too. */
const knownOf = (upstreamId: string | null): string[] => (upstreamId === null ? [] : [upstreamId]);
