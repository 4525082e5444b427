import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { toProblem } from '../api/problem.ts';
import { readConfig } from '../config.ts';
import { readDomain } from '../core/domain-name.ts';
import { createTokenEndpoint } from '../credentials/oauth-endpoint.ts';
import { internalError, invalidOption, NexusError, reason } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { login } from './auth-login.ts';
import { refresh } from './auth-refresh.ts';
import { status } from './auth-status.ts';

/** Where a command's words come from and go to. */
export interface CommandIo {
  input: Readable;
  out: (text: string) => void;
  err: (text: string) => void;
}

/** What all `auth` commands are told. */
export interface AuthCall {
  io: CommandIo;
  credentialsDir: string;
  oauth: { clientId: string; tokenUrl: string };
  json: boolean;
}

const WHERE = `  --credentials-dir  CREDENTIALS_DIR      where the credential files are (<data-dir>/credentials)
  --data-dir         DATA_DIR             where everything is kept
  --json                                  the result as JSON on stdout
  --help                                  this text
`;
const EXIT =
  'Exit code: 0 done; 1 it did not work, or a credential needs you; 2 the command line is wrong.\n';

const HELP = {
  auth: `Usage: claude-nexus auth <login|refresh|status> [options]

  login <domain>    log in with a Claude account and keep it for this domain
  refresh [domain]  refresh now the tokens of this domain, or of all
  status            what there is, when it expires, what was refused

Each has --help.
`,
  login: `Usage: claude-nexus auth login <domain> [options]

Prints a page to open. Paste what it shows; the tokens go to <credentials-dir>/<domain>.credentials.json, for this user
only. All else in an existing file stays. The domain is the host name that clients use, for example localhost.

  --loopback                              the browser is on this machine: it hands the code over by itself
${WHERE}
${EXIT}`,
  refresh: `Usage: claude-nexus auth refresh [domain] [options]

Refreshes although the tokens are still good. A running sidecar uses the new ones at once.

${WHERE}
${EXIT}`,
  status: `Usage: claude-nexus auth status [options]

Domain, type, account, expiry and last refusal of every credential file; never a secret.

${WHERE}
${EXIT}`,
} as const;

const COMMANDS = ['login', 'refresh', 'status'] as const;
type Command = (typeof COMMANDS)[number];

const OPTIONS = {
  'credentials-dir': { type: 'string' },
  'data-dir': { type: 'string' },
  json: { type: 'boolean' },
  loopback: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** The commands `auth login|refresh|status`. Resolves with the exit code. */
export async function auth(
  args: string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  io: CommandIo,
): Promise<number> {
  try {
    return await run(args, env, cwd, io);
  } catch (error) {
    const known = error instanceof NexusError ? error : failure(error);
    io.err(`claude-nexus: ${known.message}\n`);
    if (args.includes('--json')) io.out(`${JSON.stringify(toProblem(known))}\n`);
    return known.code === 'invalid_option' ? 2 : 1;
  }
}

/** A full disk, a directory without rights: at the command line the system's own words say more than "internal". */
function failure(error: unknown): NexusError {
  const { code, status, title } = internalError(error);
  return new NexusError(code, status, title, reason(error), { cause: error });
}

async function run(args: string[], env: NodeJS.ProcessEnv, cwd: string, io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || ['help', '--help', '-h'].includes(name)) {
    (name === undefined ? io.err : io.out)(HELP.auth);
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find((known) => known === name);
  if (command === undefined) {
    const meant = nearest(name, COMMANDS);
    const hint = meant === null ? 'Try auth --help.' : `Did you mean "${meant}"?`;
    throw invalidOption('auth', `there is no command "${name}". ${hint}`);
  }
  const { values, positionals } = readArguments(command, rest);
  if (values.help === true) {
    io.out(HELP[command]);
    return 0;
  }
  const domain = domainOf(command, positionals);
  const config = readConfig(
    (['data-dir', 'credentials-dir'] as const).flatMap((option) =>
      values[option] === undefined ? [] : [`--${option}=${values[option]}`],
    ),
    env,
    cwd,
  );
  const call: AuthCall = {
    io,
    credentialsDir: config.credentialsDir,
    oauth: { clientId: config.oauthClientId, tokenUrl: config.oauthTokenUrl },
    json: values.json === true,
  };
  if (command === 'status') return status(call);
  if (command === 'refresh') return await refresh(call, domain);
  return await login(call, domain!, values.loopback === true, createTokenEndpoint(call.oauth));
}

function readArguments(command: Command, args: string[]) {
  const { loopback, ...common } = OPTIONS;
  const options = command === 'login' ? { ...common, loopback } : common;
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { values: values as { [K in keyof typeof OPTIONS]?: string | boolean }, positionals };
  } catch (error) {
    // Node's message goes on with advice for programmers.
    throw invalidOption(`auth ${command}`, `${reason(error).split('. ')[0]!}; try --help.`);
  }
}

/** The domain on the command line, checked; null where none is given and none is needed. */
function domainOf(command: Command, positionals: string[]): string | null {
  const most = command === 'status' ? 0 : 1;
  if (positionals.length > most) {
    throw invalidOption(`auth ${command}`, `"${positionals[most]!}" is one too many.`);
  }
  const [text] = positionals;
  if (text === undefined) {
    if (command !== 'login') return null;
    throw invalidOption('auth login', 'which domain? For example: auth login localhost');
  }
  const read = readDomain(text);
  if ('domain' in read) return read.domain;
  throw invalidOption(`auth ${command}`, `the domain ${JSON.stringify(text.slice(0, 100))} ${read.why}.`);
}
