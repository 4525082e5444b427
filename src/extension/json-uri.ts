import { z } from 'zod';
import { jsonPart, type JsonPart } from '../protocol/bridge.ts';
import type { RequestDetail } from '../protocol/rows.ts';

/** The scheme of read-only documents made from the store. */
export const DOCUMENT_SCHEME = 'claude-nexus';

export interface JsonDocument {
  readonly requestId: string;
  readonly part: JsonPart;
}

/** `/requests/<id>/request.json` */
export function documentPath(document: JsonDocument): string {
  return `/requests/${document.requestId}/${document.part}.json`;
}

/** The document a path means, or null. */
export function parseDocumentPath(path: string): JsonDocument | null {
  const match = /^\/requests\/([^/]+)\/([a-z]+)\.json$/.exec(path);
  const parsed = target.safeParse({ requestId: match?.[1], part: match?.[2] });
  return parsed.success ? parsed.data : null;
}

const target = z.object({ requestId: z.uuid(), part: jsonPart });

/** Which fields of a request's detail a document is made of. */
export const DOCUMENT_FIELDS: Record<JsonPart, readonly (keyof RequestDetail)[]> = {
  request: ['requestBody'],
  response: ['responseBody'],
  headers: ['requestHeaders', 'responseHeaders'],
  chunks: ['streamingChunks'],
};

/** The text of a document: indented JSON; a body that was not JSON as it passed; `null` where there was none. */
export function documentText(part: JsonPart, detail: Partial<RequestDetail>): string {
  const fields = DOCUMENT_FIELDS[part];
  const [first] = fields;
  if (fields.length > 1 || first === undefined) {
    return `${JSON.stringify(Object.fromEntries(fields.map((name) => [name, detail[name]])), null, 2)}\n`;
  }
  const value = detail[first] ?? null;
  return typeof value === 'string' ? value : `${JSON.stringify(value, null, 2)}\n`;
}
