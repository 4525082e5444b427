import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sidecarStatus, type CredentialsStatus } from '../../src/protocol/status.ts';
import type { FakeAnthropic } from './fake-anthropic.mjs';
import { rawRequest, type RawAnswer } from './raw-request.ts';
import { newDataDir, type TestSidecar } from './sidecar.ts';
import { until } from './until.ts';

/** Made-up secrets: stored ones, which only the upstream may see, and keys of clients, which it must not. */
export const made = {
  apiKey: 'sk-ant-api03-made-up-stored-key-0000000000',
  accessToken: 'sk-ant-oat01-made-up-stored-token-00000000',
  /** A user's own choice: nothing in its form says that it is ours. */
  chosenKey: 'made-up-chosen-client-key',
  /** What a client has of its own. */
  own: 'sk-ant-api03-made-up-own-key-000000000000000',
} as const;

export const apiKeyFile = (more: object = {}): object => ({
  type: 'api_key',
  api_key: made.apiKey,
  accountId: 'acc_made_up',
  client_api_key: made.chosenKey,
  ...more,
});

export const oauthFile = (expiresAt: number): object => ({
  type: 'oauth',
  oauth: {
    accessToken: made.accessToken,
    refreshToken: 'made-up-refresh',
    expiresAt,
    scopes: [],
    isMax: true,
  },
  client_api_key: made.chosenKey,
});

/** A new credentials directory with these domains' files. */
export function credentialsDir(files: Record<string, object>): string {
  const dir = newDataDir();
  for (const [domain, file] of Object.entries(files)) saveCredential(dir, domain, file);
  return dir;
}

export function saveCredential(dir: string, domain: string, file: object): void {
  writeFileSync(join(dir, `${domain}.credentials.json`), JSON.stringify(file), { mode: 0o600 });
}

export interface Ask {
  host?: string;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  text?: string;
}

export interface Told extends RawAnswer {
  /** What the upstream saw of it: its raw headers as pairs, names lower-cased; null: nothing. */
  upstream: [string, string][] | null;
}

/** Asks for a message (with GET: for the path alone), and says what came back and what went on. One at a time. */
export async function ask(sidecar: { url: string }, upstream: FakeAnthropic, given: Ask): Promise<Told> {
  const before = upstream.exchanges.length;
  const method = given.method ?? 'POST';
  const messages = [{ role: 'user', content: given.text ?? 'hello' }];
  const answer = await rawRequest({
    url: sidecar.url,
    method,
    path: given.path ?? '/v1/messages',
    ...(given.host === undefined ? {} : { host: given.host }),
    headers: { 'content-type': 'application/json', ...given.headers },
    ...(method === 'POST' ? { body: JSON.stringify({ model: 'm', max_tokens: 1, messages }) } : {}),
  });
  const raw = upstream.exchanges[before]?.request.rawHeaders;
  const pairs = raw?.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? '']] : [],
  );
  return { ...answer, upstream: pairs ?? null };
}

/** Waits until the sidecar has read this from its directory. */
export async function credentialsAre(
  sidecar: TestSidecar,
  condition: (status: CredentialsStatus) => boolean,
): Promise<void> {
  await until('this state of the credentials', 20_000, async () => {
    const { credentials } = sidecarStatus.parse(await (await sidecar.api('/api/status')).json());
    return credentials !== undefined && condition(credentials) ? true : undefined;
  });
}

const script = fileURLToPath(new URL('../../dist/sidecar.mjs', import.meta.url));

/** Runs the built program with these arguments; what it said. Rejects unless it ends with 0. */
export function runProgram(args: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, ...args], { cwd: newDataDir() }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new Error(`${error.message}\n${stdout}`));
    });
  });
}
