import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { domainName } from '../core/domain-name.ts';
import { CLIENT_KEYS_FILE, readClientKeys, removeClientKey } from '../credentials/client-keys.ts';
import { nothingRead, readDirectory } from '../credentials/read-directory.ts';
import { invalidOption, NexusError } from '../errors.ts';
import {
  configOf,
  credentialsHelp,
  credentialsOptions,
  parseCommand,
  type Command,
  type CommandContext,
} from './command.ts';

export const keys: Command = {
  summary: 'list the client API keys, revoke one',
  help: `Usage: claude-nexus keys list [--domain <domain>]
       claude-nexus keys revoke <id or name> [--domain <domain>]

  list      every client API key by name, the credential files' own included; never the key itself
  revoke    forget a key: it is refused from the next request on

  --domain                           only keys of this domain
${credentialsHelp}

Exit code: 0 done, 1 could not be done, 2 not understood.
`,
  async run(args, context) {
    const { values, positionals } = parseCommand(
      args,
      { ...credentialsOptions, domain: { type: 'string' } },
      true,
    );
    const [action, which, ...rest] = positionals;
    const domain = values.domain === undefined ? null : domainName(values.domain);
    if (values.domain !== undefined && domain === null) {
      throw invalidOption('--domain', 'expected a host name, as team.example');
    }
    const work = { dir: configOf(values, context).credentialsDir, domain, json: values.json };
    if (action === 'list' && which === undefined) return list(work, context);
    if (action === 'revoke' && which !== undefined && rest.length === 0) {
      return await revoke(which, work, context);
    }
    throw invalidOption('keys', 'expected `list`, or `revoke` with an id or a name. Try --help.');
  },
};

interface Work {
  dir: string;
  domain: string | null;
  json: boolean;
}

/** A key as it is listed. `id` null: the `client_api_key` of a credential file. */
interface ListedKey {
  id: string | null;
  name: string;
  domain: string;
  createdAt: string | null;
}

function list({ dir, domain, json }: Work, { out, err }: CommandContext): number {
  // One that was never made holds nothing; the sidecar makes it.
  const contents = existsSync(dir) ? readDirectory(dir, nothingRead) : nothingRead;
  const listed: ListedKey[] = [
    ...contents.keys.map(({ id, name, domain, createdAt }) => ({ id, name, domain, createdAt })),
    ...[...contents.domains.values()].flatMap((entry) =>
      entry.file?.client_api_key === undefined
        ? []
        : [{ id: null, name: 'client_api_key', domain: entry.domain, createdAt: null }],
    ),
  ].filter((key) => domain === null || key.domain === domain);
  if (json) {
    out(`${JSON.stringify({ keys: listed, problems: contents.problems })}\n`);
  } else if (listed.length === 0) {
    err('There are no client API keys. `claude-nexus generate-api-key --domain <domain>` makes one.\n');
  } else {
    out(table([['ID', 'DOMAIN', 'NAME', 'CREATED'], ...listed.map(row)]));
  }
  for (const problem of contents.problems) err(`claude-nexus: ${problem}\n`);
  return contents.problems.length === 0 ? 0 : 1;
}

async function revoke(
  which: string,
  { dir, domain, json }: Work,
  { out, err }: CommandContext,
): Promise<number> {
  const path = join(dir, CLIENT_KEYS_FILE);
  const found = readClientKeys(path).filter(
    (key) => (key.id === which || key.name === which) && (domain === null || key.domain === domain),
  );
  const [key] = found;
  if (key === undefined) {
    throw new NexusError(
      'not_found',
      404,
      'No such key',
      `There is no client API key "${which}"${domain === null ? '' : ` for ${domain}`} in ${path}. \`claude-nexus keys list\` shows them; one in a credential file (\`client_api_key\`) is taken out of that file.`,
    );
  }
  if (found.length > 1) {
    const ids = found.map(({ id, domain: of }) => `${id} (${of})`).join(', ');
    throw invalidOption('revoke', `"${which}" names several keys: ${ids}. Give one's id`);
  }
  await removeClientKey(path, key.id);
  const { id, name, domain: of } = key;
  if (json) out(`${JSON.stringify({ revoked: { id, name, domain: of } })}\n`);
  else err(`Revoked "${name}" (${id}) of ${of}.\n`);
  return 0;
}

const row = ({ id, domain, name, createdAt }: ListedKey): string[] => [
  id ?? '-',
  domain,
  name,
  createdAt?.slice(0, 10) ?? '-',
];

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows
    .map(
      (cells) =>
        `${cells
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
