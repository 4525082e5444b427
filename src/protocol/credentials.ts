import { z } from 'zod';

/** Accounts and keys over the control API: what is stored for each domain and who may use it, never a secret. */

/**
 * `usable`: nothing to do. `due`: its token has ended; the next request refreshes it. `refused`: the token endpoint
 * wants a new log-in. `invalid`: the file has to be mended.
 */
export const credentialState = z.enum(['usable', 'due', 'refused', 'invalid']);
export type CredentialState = z.infer<typeof credentialState>;

export const credentialRow = z.object({
  domain: z.string(),
  /** `vscode`: handed over by VS Code, kept in memory until the sidecar ends. */
  source: z.enum(['file', 'vscode']),
  /** The file's name in `dir`; null: there is none. */
  file: z.string().nullable(),
  /** null: the file cannot be used. */
  type: z.enum(['api_key', 'oauth']).nullable(),
  accountId: z.string().nullable(),
  state: credentialState,
  /** When the access token of a log-in ends. */
  expiresAt: z.iso.datetime().nullable(),
  /** What the token endpoint answered when it refused the log-in: a status and an error code. */
  lastRefusal: z.object({ at: z.iso.datetime(), answer: z.string() }).nullable(),
  /** What is wrong and what to do. */
  problem: z.string().nullable(),
  /** What is worth knowing although all works: a file is used instead of the key that VS Code has. */
  notice: z.string().nullable(),
});
export type CredentialRow = z.infer<typeof credentialRow>;

export const clientKeyRow = z.object({
  /** null: the `client_api_key` of the domain's credential file, which is taken out of that file. */
  id: z.string().nullable(),
  name: z.string(),
  domain: z.string(),
  createdAt: z.iso.datetime().nullable(),
});
export type ClientKeyRow = z.infer<typeof clientKeyRow>;

/** `GET /api/credentials`. */
export const credentialList = z.object({
  /** The credentials directory. */
  dir: z.string(),
  /** The origin stored credentials are sent to. */
  upstream: z.string(),
  credentials: z.array(credentialRow),
  clientKeys: z.array(clientKeyRow),
  /** Files that belong to no domain or cannot be used, each in a sentence. */
  problems: z.array(z.string()),
  /** What other users of the machine may read or change. */
  warnings: z.array(z.string()),
});
export type CredentialList = z.infer<typeof credentialList>;

/** A domain as people type it: a host name or an IPv4 address. The sidecar is stricter (names of devices, length). */
export const domainText = z
  .string()
  .trim()
  .toLowerCase()
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/,
    'expected a host name without port, as team.example',
  );

/** What goes into a header of every request: no blanks, nothing invisible. */
export const apiKeyText = z
  .string()
  .regex(/^[\x21-\x7e]{16,500}$/, 'expected 16 to 500 characters without blanks')
  .refine((key) => !key.startsWith('cnp_live_'), 'a client key of Claude Nexus, not an API key')
  .refine((key) => !key.startsWith('sk-ant-oat'), 'the token of a log-in, not an API key');

/**
 * Body of `PUT /api/credentials/:domain`: an API key for as long as the sidecar runs. `upstream`: the origin it was
 * entered for; a sidecar that sends elsewhere refuses it.
 */
export const heldKeyBody = z.strictObject({
  type: z.literal('api_key'),
  apiKey: apiKeyText,
  accountId: z.string().min(1).max(200).optional(),
  upstream: z.string().optional(),
});
export type HeldKeyBody = z.infer<typeof heldKeyBody>;

/** What `keys list` and VS Code call a client key. */
export const clientKeyName = z
  .string()
  .trim()
  .regex(/^\P{C}{1,100}$/u, 'expected 1 to 100 visible characters');
export const newKeyBody = z.strictObject({ name: clientKeyName.optional() });

/** The only answer that holds a client key: it is given once and cannot be asked for again. */
export const newClientKey = clientKeyRow.extend({ id: z.string(), key: z.string() });
export type NewClientKey = z.infer<typeof newClientKey>;

/**
 * `loopback`: a browser on the sidecar's machine hands the code over. `paste`: the page shows it. With either, the code
 * (or the address the browser ended at) can be posted.
 */
export const loginWay = z.enum(['loopback', 'paste']);
export type LoginWay = z.infer<typeof loginWay>;
export const loginBody = z.strictObject({ way: loginWay.default('loopback') });

/** `url`: the page to log in at. The attempt ends at `expiresAt`. */
export const startedLogin = z.object({ loginId: z.string(), url: z.string(), expiresAt: z.iso.datetime() });
export type StartedLogin = z.infer<typeof startedLogin>;

export const loginCodeBody = z.strictObject({ code: z.string().min(1).max(8000) });

/** `until`: when the access token ends; it is refreshed by itself. */
export const finishedLogin = z.object({ domain: z.string(), file: z.string(), until: z.iso.datetime() });
export type FinishedLogin = z.infer<typeof finishedLogin>;

/** `GET …/login/:loginId` answers when the log-in has come to its end, else `waiting` after 25 s: ask again. */
export const loginState = z.union([
  z.object({ state: z.literal('waiting') }),
  finishedLogin.extend({ state: z.literal('done') }),
]);
export type LoginState = z.infer<typeof loginState>;
