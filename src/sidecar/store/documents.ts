import type { DocumentPart, RequestComparison } from '../../protocol/compare.ts';
import type { RequestDetail } from '../../protocol/rows.ts';
import { comparableText } from '../core/comparable.ts';
import { compareRequests } from '../core/compare-requests.ts';
import { badRequest, notFound } from '../errors.ts';
import { jsonOrText, readBodyOf, readExchange } from './read-exchange.ts';
import { notDeleted } from './rows.ts';
import type { Store } from './tables.ts';

const FIELDS: Record<Exclude<DocumentPart, 'comparable' | 'stream'>, (keyof RequestDetail)[]> = {
  request: ['requestBody'],
  response: ['responseBody'],
  headers: ['requestHeaders', 'responseHeaders'],
  chunks: ['streamingChunks'],
};

/**
 * A part of a request as the text of a document, in UTF-8: indented JSON; what was no JSON as it passed; `stream` as the
 * events that came. Made here, since to indent 10 MB would halt an editor's extensions for a second. null: unknown id.
 */
export async function readDocument(db: Store, id: string, part: DocumentPart): Promise<Uint8Array | null> {
  if (part === 'comparable') {
    if (!(await exists(db, id))) return null;
    return Buffer.from(comparableText(await bodyOf(db, id)));
  }
  const fields = part === 'stream' ? FIELDS.chunks : FIELDS[part];
  const detail = await readExchange(db, id, fields);
  if (detail === null) return null;
  if (part === 'stream') {
    return Buffer.from((detail.streamingChunks ?? []).map(({ data }) => data).join(''));
  }
  const [first] = fields;
  const value =
    fields.length > 1
      ? Object.fromEntries(fields.map((name) => [name, detail[name]]))
      : (detail[first!] ?? null);
  return Buffer.from(typeof value === 'string' ? value : `${JSON.stringify(value, null, 2)}\n`);
}

/** `otherId`: default the request before it. null: unknown id. @throws NexusError when the other one is not there. */
export async function readComparison(
  db: Store,
  id: string,
  otherId: string | undefined,
): Promise<RequestComparison | null> {
  const row = await exists(db, id);
  if (row === null) return null;
  const firstId = otherId ?? row.parent_id;
  if (firstId === null) {
    throw badRequest(
      'This request has no turn before it to compare with. Say with which one by `with=<request id>`.',
      [{ path: 'with', message: 'needed, since there is no turn before it' }],
    );
  }
  if (!(await exists(db, firstId))) throw notFound(`Request ${firstId}`);
  return {
    firstId,
    secondId: id,
    ...compareRequests(await bodyOf(db, firstId), await bodyOf(db, id)),
  };
}

async function exists(db: Store, id: string): Promise<{ parent_id: string | null } | null> {
  const row = await db
    .selectFrom('exchange')
    .select('parent_id')
    .where('id', '=', id)
    .where(notDeleted)
    .executeTakeFirst();
  return row ?? null;
}

async function bodyOf(db: Store, id: string): Promise<unknown> {
  return jsonOrText(await readBodyOf(db, id));
}
