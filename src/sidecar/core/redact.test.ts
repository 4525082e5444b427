import { describe, expect, it } from 'vitest';
import { redactHeaders, redactPath } from './redact.ts';

describe('secrets in headers', () => {
  it.each([
    'Authorization',
    'x-api-key',
    'cookie',
    'Set-Cookie',
    'Proxy-Authorization',
    'X-Dashboard-Key',
    'x-goog-api-key',
    'X-Auth-Token',
    'client-secret',
    'apikey',
  ])('hides %s', (name) => {
    const { headers, redactions } = redactHeaders([[name, 'plain']], 'requestHeaders');
    expect(headers).toEqual([[name, '[redacted]']]);
    expect(redactions).toEqual([{ path: `requestHeaders.${name.toLowerCase()}`, kind: 'credential' }]);
  });

  it.each([
    'anthropic-ratelimit-tokens-remaining',
    'anthropic-beta',
    'request-id',
    'x-claude-code-session-id',
    'etag',
  ])('shows %s', (name) => {
    expect(redactHeaders([[name, 'plain']], 'responseHeaders')).toEqual({
      headers: [[name, 'plain']],
      redactions: [],
    });
  });
});

describe('secrets in paths', () => {
  it.each([
    ['/v1/x?beta=true&limit=5', '/v1/x?beta=true&limit=5', 0],
    ['/x?access_token=abc&b=1', '/x?access_token=[redacted]&b=1', 1],
    ['/x?API_KEY=abc&code=def', '/x?API_KEY=[redacted]&code=[redacted]', 2],
    ['/x?to%6ben=abc', '/x?to%6ben=[redacted]', 1],
    ['/x?token=', '/x?token=', 0],
    ['/x/sk-ant-abcdefghijk?y', '/x/sk-ant-****?y', 1],
    ['/x?max_tokens=5&%zz=1', '/x?max_tokens=5&%zz=1', 0],
  ])('%s', (path, expected, count) => {
    const result = redactPath(path);
    expect(result.path).toBe(expected);
    expect(result.redactions).toHaveLength(count);
  });
});
