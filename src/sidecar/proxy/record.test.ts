import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isMessagesPath, isTokenEndpoint } from './paths.ts';
import { fingerprint } from './record.ts';

const hmac = (text: string): string => createHmac('sha256', 'salt').update(text).digest('hex');

describe('the fingerprint of a credential', () => {
  it.each([
    [['x-api-key', 'sk-ant-api03-a'], 'api-key', 'sk-ant-api03-a'],
    [['Authorization', 'Bearer sk-ant-oat01-b'], 'bearer', 'sk-ant-oat01-b'],
    [['authorization', 'bearer sk-ant-api03-a'], 'api-key', 'sk-ant-api03-a'],
    [['Authorization', 'Bearer b', 'X-Api-Key', 'a'], 'api-key', 'a'],
    [['X-Api-Key', '', 'Authorization', 'Bearer b'], 'bearer', 'b'],
  ])('of %j', (headers, kind, credential) => {
    expect(fingerprint(headers, 'salt')).toEqual({ kind, fingerprint: hmac(credential) });
    expect(fingerprint(headers, null)).toBeNull();
  });

  it.each([[[]], [['Authorization', 'Basic eA==']], [['cookie', 'x']]])('of %j is none', (headers) => {
    expect(fingerprint(headers, 'salt')).toBeNull();
  });
});

describe('paths', () => {
  it.each([
    '/oauth/token',
    '/v1/oauth/token?x',
    '/v1/oauth/hello',
    '/api/oauth/claude_cli/roles',
    '/api/oauth',
    '/V1/OAuth/token',
    '/v1/x/../oauth/token',
    '/%6fauth/token',
    '/foo/oauth2/v3/token',
    '/login/token',
  ])('%s is a token endpoint', (path) => {
    expect(isTokenEndpoint(path)).toBe(true);
  });
  it.each(['/v1/messages', '/v1/messages/count_tokens', '/v1/models?token=1', '/v1/oauthx', '/%zz'])(
    '%s is none',
    (path) => {
      expect(isTokenEndpoint(path)).toBe(false);
    },
  );
  it.each([
    ['/v1/messages', true],
    ['/v1/messages?beta=true', true],
    ['/v1/messages/count_tokens', true],
    ['/v1//messages/', true],
    ['/v1/messages/batches', false],
    ['/v1/files', false],
  ])('%s is a messages path: %s', (path, expected) => {
    expect(isMessagesPath(path)).toBe(expected);
  });
});
