import { accessSync, constants } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { RUNTIME_ENVIRONMENT, RUNTIME_FLAGS } from '../protocol/runtime.ts';

// Imported first, before any WebAssembly is compiled and before the recorder's thread exists: these are the whole
// process's.
if (wasStartedBare() && canBeReplaced()) {
  // The same process, begun anew: 45 ms, and after 2,000 turns 59 MB less than with what can be set from in here (30 on
  // PostgreSQL).
  const args = [process.execPath, ...RUNTIME_FLAGS, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, args, { ...process.env, ...RUNTIME_ENVIRONMENT });
}
for (const flag of [
  // `--liftoff-only` by its parts: what it implies is worked out only from the command line.
  '--liftoff',
  '--no-wasm-tier-up',
  '--no-wasm-dynamic-tiering',
  '--max-semi-space-size=2',
  // The recorder's thread collects its garbage itself: see `recorder/tidy.ts`.
  '--expose-gc',
]) {
  setFlagsFromString(flag);
}

/** By `serve` on a command line; who starts it otherwise sets both. */
function wasStartedBare(): boolean {
  const command = process.argv[2] ?? 'serve';
  const isShort =
    (command !== 'serve' && !command.startsWith('-')) ||
    process.argv.some((argument) => ['--help', '-h', '--version'].includes(argument));
  return !isShort && Object.keys(RUNTIME_ENVIRONMENT).some((name) => process.env[name] === undefined);
}

/**
 * Not on Windows, not with a channel to a parent (it would be closed), and not where Node's program is gone or may not
 * be run: a failure would end the process.
 */
function canBeReplaced(): boolean {
  try {
    accessSync(process.execPath, constants.X_OK);
    return process.execve !== undefined && process.send === undefined;
  } catch {
    return false; // It works without, only larger.
  }
}
