import { readDomain } from '../core/domain-name.ts';
import { createTokenEndpoint, type TokenEndpointOptions } from '../credentials/oauth-endpoint.ts';
import { invalidOption } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { createDispatcher } from '../proxy/upstream.ts';
import { wayTo } from '../proxy/upstream-way.ts';
import { login } from './auth-login.ts';
import { refresh } from './auth-refresh.ts';
import { status } from './auth-status.ts';
import {
  configOf,
  logOf,
  credentialsHelp,
  credentialsOptions,
  parseCommand,
  type Command,
  type CommandContext,
} from './command.ts';

/** What all `auth` commands are told. */
export interface AuthCall {
  io: Pick<CommandContext, 'input' | 'out' | 'err'>;
  credentialsDir: string;
  oauth: TokenEndpointOptions;
  json: boolean;
}

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

  --loopback                         the browser is on this machine: it hands the code over by itself
${credentialsHelp}

${EXIT}`,
  refresh: `Usage: claude-nexus auth refresh [domain] [options]

Refreshes although the tokens are still good. A running sidecar uses the new ones at once.

${credentialsHelp}

${EXIT}`,
  status: `Usage: claude-nexus auth status [options]

Domain, type, account, expiry and last refusal of every credential file; never a secret.

${credentialsHelp}

${EXIT}`,
} as const;

const ACTIONS = ['login', 'refresh', 'status'] as const;
const loginOptions = { loopback: { type: 'boolean' } } as const;

/** `auth login|refresh|status`. */
export const auth: Command = {
  summary: 'log in with a Claude account, refresh, see what there is',
  help: ([name]) => HELP[ACTIONS.find((known) => known === name) ?? 'auth'],
  async run([name, ...rest], context) {
    if (name === undefined || name === 'help') {
      (name === undefined ? context.err : context.out)(HELP.auth);
      return name === undefined ? 2 : 0;
    }
    const action = ACTIONS.find((known) => known === name);
    if (action === undefined) {
      const meant = nearest(name, ACTIONS);
      const hint = meant === null ? 'Try auth --help.' : `Did you mean "${meant}"?`;
      throw invalidOption('auth', `there is no command "${name}". ${hint}`);
    }
    const options = action === 'login' ? { ...credentialsOptions, ...loginOptions } : credentialsOptions;
    const { values, positionals } = parseCommand(rest, options, true);
    const domain = domainOf(action, positionals);
    const config = configOf(values, context);
    const call: AuthCall = {
      io: context,
      credentialsDir: config.credentialsDir,
      oauth: {
        clientId: config.oauthClientId,
        tokenUrl: config.oauthTokenUrl,
        // The same way out of a company's network as the sidecar's.
        dispatcher: createDispatcher(wayTo(new URL(config.oauthTokenUrl).origin, config, logOf(context))),
      },
      json: values.json,
    };
    if (action === 'status') return status(call);
    if (action === 'refresh') return await refresh(call, domain);
    const loopback = 'loopback' in values && values.loopback === true;
    return await login(call, domain!, loopback, createTokenEndpoint(call.oauth));
  },
};

/** The domain on the command line, checked; null where none is given and none is needed. */
function domainOf(command: (typeof ACTIONS)[number], positionals: string[]): string | null {
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
