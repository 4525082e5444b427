import type { Readable, Writable } from 'node:stream';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { ProblemCode } from '../../protocol/problem.ts';
import { toProblem } from '../api/problem.ts';
import { readConfig, type ServeConfig } from '../config.ts';
import { internalError, invalidOption, NexusError, reason } from '../errors.ts';
import type { Log } from '../log.ts';

/** A subcommand of the program. */
export interface Command {
  /** One line for the program's own help. */
  summary: string;
  /** All of `<command> --help`; of a command with several below it, by what was asked for. */
  help: string | ((args: string[]) => string);
  /** The exit code: 0 done, 1 could not be done, 2 not understood. Throws NexusError for the last two. */
  run(args: string[], context: CommandContext): number | Promise<number>;
  /** Failures that a script may want to tell apart; others are 1. */
  exitCodes?: Partial<Record<ProblemCode, number>>;
}

/** The world around a command; tests hand in their own. */
export interface CommandContext {
  env: NodeJS.ProcessEnv;
  cwd: string;
  input: Readable;
  out: (text: string) => void;
  err: (text: string) => void;
  /** What `out` writes to, for those with much to write. */
  output: Writable;
}

/**
 * Runs a command and says what went wrong: a sentence on stderr, and with `--json` the problem on stdout. `--help`
 * anywhere prints its help. Resolves with the exit code.
 */
export async function runCommand(command: Command, args: string[], context: CommandContext): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    context.out(typeof command.help === 'string' ? command.help : command.help(args));
    return 0;
  }
  try {
    return await command.run(args, context);
  } catch (error) {
    const known = error instanceof NexusError ? error : failure(error);
    context.err(`claude-nexus: ${known.message}\n`);
    if (args.includes('--json')) context.out(`${JSON.stringify(toProblem(known))}\n`);
    return command.exitCodes?.[known.code] ?? (known.code === 'invalid_option' ? 2 : 1);
  }
}

/** For someone at the command line the system's own words (no such directory, no rights) say more than "internal". */
function failure(error: unknown): NexusError {
  const { code, status, title } = internalError(error);
  return new NexusError(code, status, title, `This did not work: ${reason(error)}`, { cause: error });
}

/** `parseArgs`, with what it does not understand as `invalid_option`. */
export function parseCommand<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: T,
  allowPositionals = false,
) {
  try {
    return parseArgs({ args, options, allowPositionals, strict: true });
  } catch (error) {
    // Node's message goes on with advice for programmers.
    throw invalidOption('command line', `${reason(error).split('. ')[0]!}; try --help.`);
  }
}

/** Options of every command that works on the credentials directory. */
export const credentialsOptions = {
  'credentials-dir': { type: 'string' },
  'data-dir': { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const credentialsHelp = `  --credentials-dir CREDENTIALS_DIR  where the credential files are (<data-dir>/credentials)
  --data-dir        DATA_DIR         the sidecar's data directory
  --json                             one JSON object on stdout
  --help                             this text`;

/** The settings of a sidecar that is started alike: option, environment, `.env`, default. */
export function configOf(
  values: { 'credentials-dir'?: string | undefined; 'data-dir'?: string | undefined },
  { env, cwd }: CommandContext,
): ServeConfig {
  const args = (['credentials-dir', 'data-dir'] as const).flatMap((name) =>
    values[name] === undefined ? [] : [`--${name}=${values[name]}`],
  );
  return readConfig(args, env, cwd);
}

/** What the sidecar would log: at the command line only what must not be missed, on stderr. */
export function logOf({ err }: Pick<CommandContext, 'err'>): Log {
  const quiet = (): void => undefined;
  return {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (message, fields) => {
      err(`claude-nexus: ${message} ${JSON.stringify(fields)}\n`);
    },
  };
}
