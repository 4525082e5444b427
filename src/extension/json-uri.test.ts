import { describe, expect, it } from 'vitest';
import { jsonPart } from '../protocol/bridge.ts';
import { documentPath, documentText, parseDocumentPath } from './json-uri.ts';

const requestId = '0197a000-0000-7000-8000-000000000001';

it.each(jsonPart.options)('the path of %s can be read back', (part) => {
  expect(parseDocumentPath(documentPath({ requestId, part }))).toEqual({ requestId, part });
});

it.each([
  '/requests/1/request.json',
  `/requests/${requestId}/secret.json`,
  `/x/requests/${requestId}/request.json`,
  '/',
])('%s is no document', (path) => {
  expect(parseDocumentPath(path)).toBeNull();
});

describe('the text', () => {
  it('is indented JSON', () => {
    expect(documentText('request', { requestBody: { model: 'm', messages: [] } })).toBe(
      '{\n  "model": "m",\n  "messages": []\n}\n',
    );
  });

  it('is a body that was not JSON as it passed', () => {
    expect(documentText('response', { responseBody: '<html>502' })).toBe('<html>502');
  });

  it('is null without a body', () => {
    expect(documentText('response', {})).toBe('null\n');
  });

  it('holds the headers of both directions', () => {
    const text = documentText('headers', { requestHeaders: [['a', '1']], responseHeaders: [] });
    expect(JSON.parse(text)).toEqual({ requestHeaders: [['a', '1']], responseHeaders: [] });
  });
});
