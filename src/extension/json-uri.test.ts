import { expect, it } from 'vitest';
import { documentPart } from '../protocol/compare.ts';
import { documentPath, parseDocumentPath } from './json-uri.ts';

const requestId = '0197a000-0000-7000-8000-000000000001';

it.each(documentPart.options)('the path of %s can be read back', (part) => {
  expect(parseDocumentPath(documentPath({ requestId, part }))).toEqual({ requestId, part });
});

it.each([
  '/requests/1/request.json',
  `/requests/${requestId}/secret.json`,
  `/requests/${requestId}/stream.json`,
  `/x/requests/${requestId}/request.json`,
  '/',
])('%s is no document', (path) => {
  expect(parseDocumentPath(path)).toBeNull();
});
