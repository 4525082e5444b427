import type { ProblemCode } from '../protocol/problem.ts';

/** The sidecar's one error class. `detail` says what happened and what to do next, in words a user can act on. */
export class NexusError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly issues: { path: string; message: string }[] | undefined;
  /** For `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ProblemCode,
    status: number,
    title: string,
    detail: string,
    options: {
      cause?: unknown;
      issues?: { path: string; message: string }[];
      retryAfterSeconds?: number;
    } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NexusError';
    this.code = code;
    this.status = status;
    this.title = title;
    this.issues = options.issues;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export const badRequest = (detail: string, issues: { path: string; message: string }[] = []): NexusError =>
  new NexusError('bad_request', 400, 'Bad request', detail, { issues });

export const unauthorized = (): NexusError =>
  new NexusError(
    'unauthorized',
    401,
    'Not authorised',
    'This needs the sidecar token or the dashboard key: send it as `Authorization: Bearer …` or `X-Dashboard-Key`.',
  );

export const tooManyAttempts = (seconds: number): NexusError =>
  new NexusError(
    'too_many_attempts',
    429,
    'Too many attempts',
    `There were too many requests with a wrong key from this address. Wait ${String(seconds)} s, and check the key.`,
    { retryAfterSeconds: seconds },
  );

export const forbiddenHost = (host: string): NexusError =>
  new NexusError(
    'forbidden_host',
    403,
    'Unknown host',
    `The Host header "${host}" is not one of this sidecar's names. Use the base URL it printed, or add the name to ALLOWED_HOSTS.`,
  );

export const forbiddenOrigin = (): NexusError =>
  new NexusError(
    'forbidden_origin',
    403,
    'Foreign origin',
    'Web pages may not use this sidecar. Call it from a program, or open the panels from the sidecar itself.',
  );

export const notFound = (what: string): NexusError =>
  new NexusError('not_found', 404, 'Not found', `${what} is not in the store. It may have been deleted.`);

export const ownKeyForUpstream = (): NexusError =>
  new NexusError(
    'not_found',
    404,
    'Not found',
    "This is not a path of the sidecar's own, and the sidecar's key is not passed on to the Claude API. Check the path, or send the Claude API's own key.",
  );

export const unsupportedMediaType = (): NexusError =>
  new NexusError(
    'unsupported_media_type',
    415,
    'JSON expected',
    'Send the body as `Content-Type: application/json`.',
  );

export const databaseUnavailable = (cause: unknown): NexusError =>
  new NexusError(
    'database_unavailable',
    503,
    'Database unavailable',
    `The database cannot be reached (${reason(cause)}). Traffic goes on and is kept in the journal; check DATABASE_URL or start the database, then this works again by itself.`,
    { cause },
  );

export const embeddedDatabaseUnreadable = (dir: string, cause: unknown): NexusError =>
  new NexusError(
    'database_unavailable',
    503,
    'Database unavailable',
    `The embedded database in ${dir} cannot be used (${reason(cause)}). Traffic goes on and is kept in the journal; check the disk and the rights on that directory, or move it away to start with an empty one.`,
    { cause },
  );

export const databaseNewer = (found: number, known: number): NexusError =>
  new NexusError(
    'database_newer',
    503,
    'Database is newer than this program',
    `The database has schema ${String(found)}, this program knows ${String(known)}. Update Claude Nexus, or point --data-dir or DATABASE_URL somewhere else.`,
  );

export const dataDirNotWritable = (dir: string, cause: unknown): NexusError =>
  new NexusError(
    'data_dir_not_writable',
    500,
    'Data directory is not writable',
    `${dir} cannot be written (${reason(cause)}). Give this user the right to write there, or choose another with --data-dir.`,
    { cause },
  );

export const dataDirOwnedElsewhere = (dir: string, who: string): NexusError =>
  new NexusError(
    'data_dir_owned_elsewhere',
    500,
    'Data directory is in use elsewhere',
    `${dir} is used by ${who}, which this machine cannot look at. Stop that one, or choose another with --data-dir.`,
  );

/** Nobody attaches to a sidecar whose lines and events it may misread. An older one may be replaced, a newer one not. */
export const otherVersion = (
  dir: string,
  other: { pid: number; version: string | null; protocolVersion: number },
  own: { version: string; protocolVersion: number },
): NexusError => {
  const named = (version: string | null, protocol: number): string =>
    `${version === null ? '' : `version ${version}, `}protocol ${String(protocol)}`;
  const way =
    other.protocolVersion > own.protocolVersion
      ? `Update this one, stop process ${String(other.pid)} and start again, or choose another directory with --data-dir.`
      : `Stop process ${String(other.pid)} and start again (VS Code does that by itself), or choose another directory with --data-dir.`;
  return new NexusError(
    'other_version',
    500,
    'Data directory is used by another version',
    `${dir} is used by a Claude Nexus of ${named(other.version, other.protocolVersion)}; this one is ${named(own.version, own.protocolVersion)}. ${way}`,
  );
};

export const portInUse = (host: string, port: number): NexusError =>
  new NexusError(
    'port_in_use',
    500,
    'Port is taken',
    `${host}:${String(port)} is used by another program. Choose another with --port, or --port 0 for any free one.`,
  );

export const invalidOption = (name: string, message: string): NexusError =>
  new NexusError('invalid_option', 400, 'Invalid option', `${name}: ${message}`, {
    issues: [{ path: name, message }],
  });

export const busy = (detail: string): NexusError => new NexusError('busy', 409, 'Busy', detail);

export const shuttingDown = (): NexusError =>
  new NexusError(
    'shutting_down',
    503,
    'Shutting down',
    'The sidecar is shutting down. Try again once it has started anew.',
  );

export const internalError = (cause: unknown): NexusError =>
  new NexusError(
    'internal',
    500,
    'Internal error',
    'Something went wrong inside the sidecar. Its log says what; traffic is not affected.',
    { cause },
  );

/** The short reason of an unknown error, for a sentence. */
export function reason(cause: unknown): string {
  if (cause instanceof Error) {
    const code = (cause as NodeJS.ErrnoException).code;
    return cause.message === '' && code !== undefined ? code : cause.message;
  }
  return String(cause);
}

/** Everything an unknown error says of itself and its causes, for the log. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : ` | cause: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** `issues`: one for each member that is wrong, never with its value; an empty path is the file itself. */
export const invalidCredentialFile = (
  path: string,
  issues: { path: string; message: string }[],
): NexusError =>
  new NexusError(
    'invalid_credential_file',
    400,
    'Invalid credential file',
    `${path}: ${issues.map((issue) => `${issue.path}${issue.path === '' ? '' : ': '}${issue.message}`).join('; ')}. Nobody is served with it until it is mended; the other credential files work.`,
    { issues },
  );

/** The token endpoint does not accept what the credential file holds. `answer`: status and error code, never its text. */
export const loginRefused = (domain: string, answer: string, loginHelps: boolean): NexusError =>
  new NexusError(
    'login_refused',
    401,
    'Log-in refused',
    loginHelps
      ? `The token endpoint refused the log-in of ${domain} (${answer}): it was used elsewhere, withdrawn or has expired. Log in again: claude-nexus auth login ${domain}`
      : `The token endpoint refused the request for ${domain} (${answer}). Check CLAUDE_OAUTH_CLIENT_ID and CLAUDE_OAUTH_TOKEN_URL; if they are right, log in again: claude-nexus auth login ${domain}`,
  );

export const loginUnreachable = (domain: string, why: string): NexusError =>
  new NexusError(
    'login_unreachable',
    503,
    'Log-in cannot be refreshed now',
    `The log-in of ${domain} cannot be refreshed now: ${why}. The next request tries again; check the network and CLAUDE_OAUTH_TOKEN_URL if this stays.`,
  );

/** A command about log-ins that came to no result; nothing was changed. */
export const noLogin = (
  code: 'bad_request' | 'not_found' | 'login_refused' | 'login_unreachable',
  detail: string,
): NexusError => new NexusError(code, 400, 'Not logged in', detail);

/** Without a place to keep it in, a new token would be lost and the old one used up. */
export const loginNotKept = (domain: string, dir: string, cause: unknown): NexusError =>
  new NexusError(
    'login_unreachable',
    503,
    'Log-in cannot be refreshed now',
    `The log-in of ${domain} cannot be refreshed: ${dir} cannot be written (${reason(cause)}), so new tokens could not be kept. Give this user the right to write there.`,
    { cause },
  );

/** Another process has been changing the file for too long; `cause` says which one. */
export const fileLocked = (path: string, cause: Error): NexusError =>
  new NexusError(
    'data_dir_not_writable',
    503,
    'File is locked',
    `${path} cannot be changed now: ${cause.message}. Nothing was changed; try again.`,
    { cause },
  );

export const noSuchLogin = (): NexusError =>
  new NexusError(
    'not_found',
    404,
    'No such log-in',
    'This log-in has ended or was given up, or the sidecar has been started anew. Begin another one.',
  );

export const noSuchCredential = (detail: string): NexusError =>
  new NexusError('not_found', 404, 'Not found', detail);
