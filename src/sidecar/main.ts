// First of all: it sets flags of the whole process.
import './small-memory.ts';
import { auth } from './cli/auth-command.ts';
import { runCommand, type Command } from './cli/command.ts';
import { generateApiKey } from './cli/generate-api-key.ts';
import { keys } from './cli/keys.ts';
import { rebuildConversations } from './cli/rebuild-conversations.ts';
import { optionLines } from './config.ts';
import { nearest } from './nearest.ts';
import { serve } from './serve.ts';
import { startSidecar } from './sidecar.ts';
import { version } from './version.ts';

const COMMANDS = new Map<string, Command>([
  ['auth', auth],
  ['generate-api-key', generateApiKey],
  ['keys', keys],
  ['rebuild-conversations', rebuildConversations],
]);

const HELP = `claude-nexus ${version}: a recording proxy for the Claude API on this machine.

Usage: claude-nexus [serve] [options]
       claude-nexus <command> [options]; each has its own --help

  serve                  forward, record and show Claude traffic (the default)
${[...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(21)}  ${summary}`).join('\n')}

Options of serve, their environment variables and defaults:
${optionLines().join('\n')}

  --help    this text
  --version the version
`;

process.exitCode = await main(process.argv.slice(2));
// Everything is closed by now; a library's leftover timer must not keep the process.
process.exit();

async function main(args: string[]): Promise<number> {
  const [first, ...rest] = args;
  const command = COMMANDS.get(first ?? '');
  if (command !== undefined) {
    if (process.platform !== 'win32') process.umask(0o077);
    return await runCommand(command, rest, {
      env: process.env,
      cwd: process.cwd(),
      input: process.stdin,
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
    });
  }
  if (args.includes('--help') || args.includes('-h') || args[0] === 'help') return print(HELP);
  if (args.includes('--version') || args[0] === 'version') return print(`${version}\n`);
  if (first === undefined || first.startsWith('-')) {
    return await serve(startSidecar, args, process.env, process.cwd());
  }
  if (first === 'serve') return await serve(startSidecar, rest, process.env, process.cwd());
  const meant = nearest(first, ['serve', ...COMMANDS.keys()]);
  const hint = meant === null ? 'Try --help.' : `Did you mean "${meant}"?`;
  process.stderr.write(`claude-nexus: there is no command "${first}". ${hint}\n`);
  return 1;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
