import { sql } from 'kysely';
import { chainNodes, type ChainPoint } from '../core/chain.ts';
import type { Cut } from '../core/cuts.ts';
import { foldResponseHeaders, unfoldResponseHeaders, type HeaderPairs } from '../core/header-values.ts';
import type { PreparedChain } from '../core/prepare.ts';
import { packResponse } from '../core/stream-pack.ts';
import { unpackCuts, unpackResponse } from '../core/stream-unpack.ts';
import { newBlock, readBlock, unpack, type NewBlock } from './blocks.ts';
import { unpackOldCuts } from './cuts.ts';
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
 * Everything that can be done before the transaction. `headers`: null when there was no response; `content`: null
 * without a body (or with too much of it); `tip`: the last node of the request's messages, when it has one.
 */
export function prepareResponse(
  headers: HeaderPairs | null,
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
    const { shape, values } = foldResponseHeaders(headers);
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
): Promise<{ bytes: Buffer; cuts: Cut[] } | null> {
  const { response_packed: packed, response_shape: shape, response_body: body } = row;
  if (shape !== null && packed !== null) {
    const blocks = await readAnswer(db, tenant, row.response_tip, row.messages_tip);
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
  row: Pick<ResponseRow, 'response_headers' | 'response_header_values'>,
): Promise<HeaderPairs> {
  if (row.response_headers === null) return [];
  const block = await readBlock(db, tenant, row.response_headers);
  const shape = JSON.parse(block.toString()) as [string, string | null][];
  return unfoldResponseHeaders({ shape, values: row.response_header_values });
}

/** The blocks of the chain that ends in `tip`, back to the request's messages, first one first. */
async function readAnswer(
  db: Store,
  tenant: string,
  tip: Buffer | null,
  messagesTip: Buffer | null,
): Promise<Buffer[]> {
  if (tip === null) return [];
  const { rows } = await sql<{ codec: number; bytes: Buffer }>`
    with recursive answer as (
      select parent, block, depth from node where tenant = ${tenant} and key = ${tip}
      union all
      select node.parent, node.block, node.depth
      from answer join node on node.tenant = ${tenant} and node.key = answer.parent
      where answer.parent is distinct from ${messagesTip}::bytea
    )
    select block.codec, block.bytes
    from answer join block on block.tenant = ${tenant} and block.hash = answer.block
    order by answer.depth`.execute(db);
  return rows.map((row) => unpack(row.codec, row.bytes));
}
