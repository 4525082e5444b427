import { z } from 'zod';
import { documentPart, type DocumentPart } from '../protocol/compare.ts';

/** The scheme of read-only documents made from the store. */
export const DOCUMENT_SCHEME = 'claude-nexus';

export interface StoredDocument {
  readonly requestId: string;
  readonly part: DocumentPart;
}

/** `/requests/<id>/request.json`; what came as events is no JSON. */
export function documentPath({ requestId, part }: StoredDocument): string {
  return `/requests/${requestId}/${part}.${part === 'stream' ? 'txt' : 'json'}`;
}

/** The document a path means, or null. */
export function parseDocumentPath(path: string): StoredDocument | null {
  const match = /^\/requests\/([^/]+)\/([a-z]+)\.(?:json|txt)$/.exec(path);
  const parsed = target.safeParse({ requestId: match?.[1], part: match?.[2] });
  return parsed.success && documentPath(parsed.data) === path ? parsed.data : null;
}

const target = z.object({ requestId: z.uuid(), part: documentPart });
