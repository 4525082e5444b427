import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isLoopback } from '../core/loopback.ts';

/** Claude Code's public client: it has no secret, PKCE takes its place. */
export const CLAUDE_CLIENT_ID = '9d1c250a-e61b-44d9-88ed-5944d1962f5e';
export const CLAUDE_TOKEN_URL = 'https://platform.claude.com/v1/oauth/token';
const AUTHORIZE_URL = 'https://claude.ai/oauth/authorize';
/** Shows `code#state` to be copied by hand: works over SSH and in containers too. */
export const PASTE_REDIRECT = 'https://platform.claude.com/oauth/code/callback';
/** What forwarding needs, and no more: Claude Code's own log-in also asks to create API keys. */
const SCOPES = 'user:profile user:inference';

/** Why a URL cannot be the token endpoint's, or null. Tokens go over https, or http to this machine (for tests). */
export function whyNoTokenUrl(text: string): string | null {
  if (!URL.canParse(text)) return 'expected a URL in full';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'may not hold a user name or password';
  if (url.hash !== '') return 'may not have a fragment';
  if (url.protocol === 'https:') return null;
  if (url.protocol === 'http:' && isLoopback(url.hostname)) return null;
  return 'expected https:// (http:// only to this machine)';
}

/** One log-in that has begun: what is shown, and what must be known when the code comes. */
export interface LoginAttempt {
  url: string;
  verifier: string;
  state: string;
  redirectUri: string;
}

/** RFC 7636: the verifier (32 random bytes) stays here, its SHA-256 goes into the URL. */
export function beginLogin(clientId: string, redirectUri: string): LoginAttempt {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(32).toString('base64url');
  const url = new URL(AUTHORIZE_URL);
  for (const [name, value] of [
    // Asks for a code to copy; with a redirect to loopback the page goes there all the same.
    ['code', 'true'],
    ['client_id', clientId],
    ['response_type', 'code'],
    ['redirect_uri', redirectUri],
    ['scope', SCOPES],
    ['code_challenge', hash('sha256', verifier, 'base64url')],
    ['code_challenge_method', 'S256'],
    ['state', state],
  ] as const) {
    url.searchParams.set(name, value);
  }
  return { url: url.href, verifier, state, redirectUri };
}

/** Compared in constant time, whatever their lengths. */
export function isState(attempt: LoginAttempt, given: string): boolean {
  return timingSafeEqual(hash('sha256', attempt.state, 'buffer'), hash('sha256', given, 'buffer'));
}

/** `code#state` as the page shows it, or the whole URL the browser ended at; null when it is neither. */
export function readPasted(text: string): { code: string; state: string } | null {
  const pasted = text.trim();
  if (/^https?:/i.test(pasted)) {
    if (!URL.canParse(pasted)) return null;
    const query = new URL(pasted).searchParams;
    const [code, state] = [query.get('code'), query.get('state')];
    return code === null || code === '' || state === null || state === '' ? null : { code, state };
  }
  const match = /^([^\s#]{1,4096})#([^\s#]{1,1024})$/.exec(pasted);
  return match === null ? null : { code: match[1]!, state: match[2]! };
}
