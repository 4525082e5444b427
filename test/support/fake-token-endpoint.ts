import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What is done with one request instead of answering it as a token endpoint does. */
export type Misbehaviour =
  /** Sent as it is; the tokens stay good. */
  | { status: number; body?: string; headers?: Record<string, string> }
  /** The connection breaks before the tokens are changed, or after: then the old refresh token is used up. */
  | { cut: 'before' | 'after' }
  | { silent: true };

export interface Held {
  /** The request is here, and its answer is decided: an old refresh token is used up by now. */
  arrived: Promise<void>;
  release(): void;
}

/**
 * A token endpoint that speaks Anthropic's wire format: JSON posts with `grant_type` `refresh_token` or
 * `authorization_code`, answers with `access_token`, `refresh_token`, `expires_in` (s), `scope`. Refresh tokens rotate:
 * one that is used twice is refused with 400 `invalid_grant`. All tokens are made up.
 */
export interface FakeTokenEndpoint {
  url: string;
  /** Bodies of all requests, in order of arrival. */
  requests: Record<string, unknown>[];
  /** A refresh token that is good. */
  issue(): string;
  /** A code as the authorisation page would give it, for what the printed URL says. */
  authorize(url: string): string;
  revoke(refreshToken: string): void;
  /** For the next request that has none yet. */
  misbehave(how: Misbehaviour): void;
  /** Keeps the next answer back. */
  hold(): Held;
  /** Of what it gives out, in seconds; undefined: not said. */
  expiresIn: number | undefined;
  rotates: boolean;
  /** What its clock is ahead, in ms, as its `Date` header says. */
  skewMs: number;
  close(): Promise<void>;
}

export const CLIENT_ID = 'made-up-client';

export async function createFakeTokenEndpoint(): Promise<FakeTokenEndpoint> {
  const good = new Set<string>();
  const codes = new Map<string, { challenge: string; redirectUri: string; state: string }>();
  const misbehaviours: Misbehaviour[] = [];
  const holds: { arrived: () => void; released: Promise<void> }[] = [];

  const server = createServer((request, response) => {
    void serve(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const fake: FakeTokenEndpoint = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1/oauth/token`,
    requests: [],
    issue: () => {
      const token = `sk-ant-ort01-made-up-${random()}`;
      good.add(token);
      return token;
    },
    authorize: (text) => {
      const query = new URL(text).searchParams;
      const code = `code-${random()}`;
      codes.set(code, {
        challenge: query.get('code_challenge') ?? '',
        redirectUri: query.get('redirect_uri') ?? '',
        state: query.get('state') ?? '',
      });
      return code;
    },
    revoke: (token) => {
      good.delete(token);
    },
    misbehave: (how) => {
      misbehaviours.push(how);
    },
    hold: () => {
      const arrived = Promise.withResolvers<undefined>();
      const released = Promise.withResolvers<undefined>();
      holds.push({
        arrived: () => {
          arrived.resolve(undefined);
        },
        released: released.promise,
      });
      return {
        arrived: arrived.promise,
        release: () => {
          released.resolve(undefined);
        },
      };
    },
    expiresIn: 28_800,
    rotates: true,
    skewMs: 0,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const isJson = request.method === 'POST' && request.headers['content-type'] === 'application/json';
    const form = isJson ? (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>) : {};
    fake.requests.push(form);

    const how = misbehaviours.shift();
    if (how !== undefined && 'silent' in how) return;
    if (how !== undefined && 'status' in how) {
      response.writeHead(how.status, how.headers).end(how.body ?? '');
      return;
    }
    if (how?.cut === 'before') {
      request.socket.destroy();
      return;
    }
    const { status, body } = answerTo(form);
    const hold = holds.shift();
    hold?.arrived();
    await hold?.released;
    if (how?.cut === 'after') {
      request.socket.destroy();
      return;
    }
    const date = new Date(Date.now() + fake.skewMs).toUTCString();
    response.writeHead(status, { 'content-type': 'application/json', date }).end(JSON.stringify(body));
  }

  function answerTo(form: Record<string, unknown>): { status: number; body: unknown } {
    if (form['client_id'] !== CLIENT_ID) return refuse(401, 'invalid_client');
    if (form['grant_type'] === 'refresh_token') {
      const token = String(form['refresh_token']);
      if (!good.has(token)) return refuse(400, 'invalid_grant');
      if (!fake.rotates) return grant(undefined);
      good.delete(token);
      return grant(fake.issue());
    }
    if (form['grant_type'] !== 'authorization_code') return refuse(400, 'unsupported_grant_type');
    const known = codes.get(String(form['code']));
    codes.delete(String(form['code']));
    const challenge = createHash('sha256').update(String(form['code_verifier'])).digest('base64url');
    const fits =
      known?.challenge === challenge &&
      known.redirectUri === form['redirect_uri'] &&
      known.state === form['state'];
    return fits ? grant(fake.issue()) : refuse(400, 'invalid_grant');
  }

  function grant(refreshToken: string | undefined): { status: number; body: unknown } {
    return {
      status: 200,
      body: {
        token_type: 'Bearer',
        access_token: `sk-ant-oat01-made-up-${random()}`,
        expires_in: fake.expiresIn,
        refresh_token: refreshToken,
        scope: 'user:inference user:profile',
      },
    };
  }
  return fake;
}

function refuse(status: number, error: string): { status: number; body: unknown } {
  return {
    status,
    body: { error, error_description: 'Refresh token not found or invalid: a secret detail' },
  };
}

function random(): string {
  return randomBytes(12).toString('base64url');
}
