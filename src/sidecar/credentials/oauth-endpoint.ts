import { request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { reason } from '../errors.ts';
import { version } from '../version.ts';
import type { LoginAttempt } from './oauth-client.ts';

/** `expiresAt` in ms since the epoch, by this machine's clock. null: the answer does not say, so the old one stays. */
export interface GrantedTokens {
  accessToken: string;
  refreshToken: string | null;
  expiresAt: number;
  scopes: string[] | null;
}

/**
 * `refused`: asking again with the same tokens cannot help. `failed`: it may, later. Neither `answer` nor `why` holds
 * anything of the endpoint's own text but a status and an error code.
 */
export type TokenAnswer =
  | { kind: 'granted'; tokens: GrantedTokens }
  | { kind: 'refused'; answer: string; loginHelps: boolean }
  | { kind: 'failed'; why: string };

/** The token endpoint (RFC 6749 §3.2, with JSON bodies as Anthropic's takes them). Never throws, never logs. */
export interface TokenEndpoint {
  refresh(refreshToken: string): Promise<TokenAnswer>;
  /** The end of a log-in: the code for tokens. */
  exchange(attempt: LoginAttempt, code: string): Promise<TokenAnswer>;
}

export interface TokenEndpointOptions {
  clientId: string;
  /** Checked by `whyNoTokenUrl`. */
  tokenUrl: string;
  /** For corporate proxies and certificates; undici's own if there is none. */
  dispatcher?: Dispatcher | undefined;
  now?: () => number;
  /** For the whole exchange, in ms. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 15_000;
const LARGEST_ANSWER = 64 * 1024;
/** RFC 6749 only recommends to say how long a token lasts. */
const UNSAID_LIFETIME_S = 3600;
const LONGEST_LIFETIME_S = 10 * 365 * 86_400;

const grant = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).nullish(),
  expires_in: z.number().positive().max(LONGEST_LIFETIME_S).default(UNSAID_LIFETIME_S),
  scope: z.string().nullish(),
});
/** RFC 6749 §5.2, and the form of Anthropic's other errors. */
const refusal = z.object({
  error: z.union([z.string(), z.object({ type: z.string() }).transform(({ type }) => type)]),
});

export function createTokenEndpoint(options: TokenEndpointOptions): TokenEndpoint {
  const { clientId, tokenUrl, dispatcher, now = Date.now, timeoutMs = TIMEOUT_MS } = options;

  const post = async (form: Record<string, string>): Promise<TokenAnswer> => {
    // Before it is sent: the token's life began no earlier, whatever the endpoint's clock says and the way takes.
    const sentAt = now();
    try {
      const { statusCode, body } = await request(tokenUrl, {
        method: 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'user-agent': `claude-nexus/${version}`,
        },
        body: JSON.stringify({ ...form, client_id: clientId }),
        signal: AbortSignal.timeout(timeoutMs),
        // Asked once in hours: a connection kept open would only be one more that may be dead.
        reset: true,
        ...(dispatcher === undefined ? {} : { dispatcher }),
      });
      return answerOf(statusCode, await readAnswer(body), sentAt);
    } catch (error) {
      const late = error instanceof Error && error.name === 'TimeoutError';
      const why = late ? `no answer within ${String(timeoutMs / 1000)} s` : reason(error);
      return { kind: 'failed', why: `the token endpoint cannot be reached (${why})` };
    }
  };

  return {
    refresh: (refreshToken) => post({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    exchange: ({ verifier, state, redirectUri }, code) =>
      post({
        grant_type: 'authorization_code',
        code,
        state,
        redirect_uri: redirectUri,
        code_verifier: verifier,
      }),
  };
}

function answerOf(status: number, text: string | null, sentAt: number): TokenAnswer {
  const json = text === null ? null : quietJson(text);
  if (status === 200) {
    const granted = grant.safeParse(json);
    if (!granted.success) return { kind: 'failed', why: 'the token endpoint answered without tokens' };
    const { access_token, refresh_token, expires_in, scope } = granted.data;
    return {
      kind: 'granted',
      tokens: {
        accessToken: access_token,
        refreshToken: refresh_token ?? null,
        expiresAt: Math.floor(sentAt + expires_in * 1000),
        scopes: scope?.split(' ').filter((name) => name !== '') ?? null,
      },
    };
  }
  const code = refusal.safeParse(json).data?.error ?? '';
  // A word of the protocol may be shown; what else stands there is the endpoint's own business.
  const answer = /^[a-z_]{1,40}$/.test(code) ? `${String(status)} ${code}` : String(status);
  if (status >= 400 && status < 500 && ![408, 425, 429].includes(status)) {
    return { kind: 'refused', answer, loginHelps: status === 401 || code === 'invalid_grant' };
  }
  const redirected = status >= 300 && status < 400 ? ', a redirect, which is not followed' : '';
  return { kind: 'failed', why: `the token endpoint answered ${answer}${redirected}` };
}

/** The body, or null if it is larger than any answer of a token endpoint. */
async function readAnswer(body: AsyncIterable<Uint8Array>): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // Leaving the loop destroys the body and with it the connection.
    if (length > LARGEST_ANSWER) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function quietJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // For the caller it is an answer without what it looks for.
  }
}
