import { join } from 'node:path';
import { clientKeyName } from '../../protocol/credentials.ts';
import { domainName } from '../core/domain-name.ts';
import {
  addClientKey,
  CLIENT_KEYS_FILE,
  generateClientKey,
  type KeptKey,
} from '../credentials/client-keys.ts';
import { nothingRead, readDirectory } from '../credentials/read-directory.ts';
import { makeDirectory } from '../data-dir.ts';
import { invalidOption, NexusError } from '../errors.ts';
import { configOf, credentialsHelp, credentialsOptions, parseCommand, type Command } from './command.ts';

export const generateApiKey: Command = {
  summary: 'make a client API key, and with --domain let it use that domain',
  help: `Usage: claude-nexus generate-api-key [--domain <domain> [--name <name>]]

Prints a new client API key. It is shown this once: with --domain its hash is kept, and clients that send it as
\`Authorization: Bearer …\` or \`x-api-key\` may use that domain's stored credential from now on. Without --domain nothing
is kept; it can be put into a credential file as \`client_api_key\`.

  --domain                           the domain (host name without port) the key opens
  --name                             what \`keys list\` calls it
${credentialsHelp}

Exit code: 0 done, 1 could not be done, 2 not understood.
`,
  async run(args, context) {
    const { values } = parseCommand(args, {
      ...credentialsOptions,
      domain: { type: 'string' },
      name: { type: 'string' },
    });
    const key = generateClientKey();
    if (values.domain === undefined) {
      if (values.name !== undefined) {
        throw invalidOption('--name', 'is for a key that is kept; add --domain.');
      }
      context.out(values.json ? `${JSON.stringify({ key })}\n` : `${key}\n`);
      return 0;
    }
    const domain = domainName(values.domain);
    if (domain === null) throw invalidOption('--domain', 'expected a host name, as team.example');
    const dir = configOf(values, context).credentialsDir;
    makeDirectory(dir, 0o700);
    const path = join(dir, CLIENT_KEYS_FILE);
    const name = wantedName(values.name);
    const kept = await keep(path, key, domain, name);
    context.out(values.json ? `${JSON.stringify({ key, ...kept })}\n` : `${key}\n`);
    context.err(
      `Kept as "${kept.name}" (${kept.id}) for ${domain}. The key itself is shown only this once.\n`,
    );
    if (readDirectory(dir, nothingRead).domains.get(domain)?.file?.type === undefined) {
      context.err(
        `There is no usable credential file for ${domain} yet: the key opens nothing until there is.\n`,
      );
    }
    return 0;
  },
};

/** A name that is taken is a mistake on the command line. */
async function keep(path: string, key: string, domain: string, name: string | null): Promise<KeptKey> {
  try {
    return await addClientKey(path, key, domain, name, new Date());
  } catch (error) {
    const [issue] = error instanceof NexusError ? (error.issues ?? []) : [];
    throw issue?.path === 'name' ? invalidOption('--name', issue.message) : error;
  }
}

function wantedName(given: string | undefined): string | null {
  if (given === undefined) return null;
  const name = clientKeyName.safeParse(given);
  if (!name.success) throw invalidOption('--name', name.error.issues[0]!.message);
  return name.data;
}
