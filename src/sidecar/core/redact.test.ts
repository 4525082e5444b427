import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactHeaders, redactOwn, redactPath, redactText } from './redact.ts';

describe('secrets in text', () => {
  it.each([
    ['key sk-ant-api03-abcdefgh_ij-kl.', 'key sk-ant-****.', 'anthropic-key'],
    ['Authorization: Bearer abcdef.ghijkl-mn', 'Authorization: Bearer ****', 'bearer'],
    ['authorization: bearer  abcdefghijkl', 'authorization: bearer  ****', 'bearer'],
    ['Basic dXNlcjpwYXNzd29yZA==', 'Basic ****', 'basic'],
    ['cnp_live_abcdefgh12345678', 'cnp_live_****', 'nexus-key'],
    ['ghp_abcdefghijklmnop1234', 'ghp_****', 'github-token'],
    ['github_pat_11ABCDEFG0abcdefghij_x', 'github_pat_****', 'github-token'],
    [`AIza${'x'.repeat(35)}`, 'AIza****', 'google-key'],
    ['xoxb-1234567890-abc', 'xoxb-****', 'slack-token'],
    [
      'https://hooks.slack.com/services/T000/B000/xyz',
      'https://hooks.slack.com/services/****',
      'slack-webhook',
    ],
    ['AKIAABCDEFGHIJKLMNOP', 'AKIA****', 'aws-key'],
    [`aws_secret_access_key = ${'a'.repeat(40)}`, 'aws_secret_access_key = ****', 'aws-key'],
    ['postgresql://me:pa55@host/db', 'postgresql://me:****@host/db', 'url-password'],
    [
      'x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y',
      'x -----PRIVATE KEY ****----- y',
      'pem',
    ],
    ['-----BEGIN PRIVATE KEY-----\\nMIIE cut', '-----PRIVATE KEY ****-----', 'pem'],
  ])('%s', (text, expected, kind) => {
    expect(redactText(text)).toEqual({ text: expected, kinds: [kind] });
    expect(redactText(expected)).toEqual({ text: expected, kinds: [] });
  });

  it.each(['Bearer of news', 'the sk-ant- prefix', 'cnp_live_', 'https://host:8080/x@y', 'basic needs', ''])(
    'leaves %j',
    (text) => {
      expect(redactText(text)).toEqual({ text, kinds: [] });
    },
  );

  it('changes nothing the second time, and never throws', () => {
    const parts = fc.constantFrom(
      'sk-ant-',
      'Bearer ',
      '-----BEGIN PRIVATE KEY-----',
      'ghp_',
      '://a:',
      '@',
      'abcdefghijklmnopqrst',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(parts, fc.string({ maxLength: 8 })), { maxLength: 12 }), (list) => {
        const once = redactText(list.join('')).text;
        expect(redactText(once).text).toBe(once);
      }),
    );
  });
});

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

describe("the product's own keys in bytes", () => {
  it('are masked at the same length, in a copy', () => {
    const key = 'cnp_live_abcdefghijklmnop-_12';
    const token = 'the-sidecar-token';
    const text = `{"a":"${key}","b":"${key}","c":"${token}${token}","d":"é"}`;
    const given = Buffer.from(text);
    const { bytes, kinds } = redactOwn(given, [token, 'short']);
    expect(given.toString()).toBe(text);
    expect(bytes).toHaveLength(given.length);
    const stars = (n: number): string => '*'.repeat(n);
    expect(JSON.parse(bytes.toString())).toEqual({
      a: `cnp_live_${stars(key.length - 9)}`,
      b: `cnp_live_${stars(key.length - 9)}`,
      c: stars(2 * token.length),
      d: 'é',
    });
    expect(kinds).toEqual(['nexus-key', 'nexus-token']);
  });

  it('cost no copy where there are none', () => {
    const given = Buffer.from('nothing of cnp_live_ here, and short is too short');
    expect(redactOwn(given, ['short'])).toEqual({ bytes: given, kinds: [] });
    expect(redactOwn(given, ['short']).bytes).toBe(given);
  });
});
