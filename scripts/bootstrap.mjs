import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

// Runs on whatever Node the machine has, so it may only use what Node 20 knows.
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const windows = process.platform === 'win32';
// Kept over the restart on the pinned Node, so that the seconds shown are the user's.
const started = Number(process.env.NEXUS_STARTED_AT ?? Date.now());

/** Says what is being done, with the seconds since the start. */
export function say(text) {
  console.log(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);
}

/**
 * Calls `stop` when the `npm` that started this has gone: a shell between them passes no signal on, and nothing may be
 * left running.
 */
export function stopWithNpm(stop) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop();
  }, 500);
  watch.unref();
}

/** The Node that comes with the dependencies: development and tests run on it, whatever the machine has. */
export const pinnedNode = path.join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');

/**
 * Makes a fresh clone ready: dependencies installed, running on the pinned Node (the calling script is started anew
 * there and this process ends with its code), everything built. Fast when nothing is to do.
 */
export async function bootstrap() {
  if (!supported(process.versions.node) && !existsSync(pinnedNode)) {
    say(`Node ${process.versions.node} is older than the project needs; it brings its own along.`);
  }
  if (installIsStale()) {
    say('Installing dependencies (npm ci) …');
    runOrExit(windows ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], windows);
    writeFileSync(installMark, lockFile());
    say('Dependencies are installed.');
  }
  if (path.resolve(process.execPath) !== pinnedNode) await restartOnPinnedNode();
  if (buildIsStale()) {
    say('Building …');
    runOrExit(pinnedNode, ['esbuild.mjs'], false);
    say('Built.');
  }
}

const installMark = path.join(root, 'node_modules', '.claude-nexus-installed');

function installIsStale() {
  if (!existsSync(path.join(root, 'node_modules', '.package-lock.json'))) return true;
  if (!existsSync(pinnedNode)) return true;
  // An install by hand (npm install) leaves no mark of ours; npm's own record of it is younger than the lock file then.
  if (existsSync(installMark) && readFileSync(installMark, 'utf8') === lockFile()) return false;
  const installed = statSync(path.join(root, 'node_modules', '.package-lock.json')).mtimeMs;
  return installed < statSync(path.join(root, 'package-lock.json')).mtimeMs;
}

function lockFile() {
  return readFileSync(path.join(root, 'package-lock.json'), 'utf8');
}

/** True when a source is younger than what was built from it. */
function buildIsStale() {
  const mark = path.join(root, 'dist', '.built');
  if (!existsSync(mark)) return true;
  const built = statSync(mark).mtimeMs;
  const sources = ['src', 'migrations', 'esbuild.mjs', 'package.json', 'package-lock.json'];
  return sources.some((name) => newest(path.join(root, name)) > built);
}

function newest(entry) {
  if (!existsSync(entry)) return 0;
  const stat = statSync(entry);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(entry).map((name) => newest(path.join(entry, name))));
}

/** Runs the calling script on the pinned Node and ends with its code; never returns. */
function restartOnPinnedNode() {
  const child = spawn(pinnedNode, process.argv.slice(1), {
    stdio: 'inherit',
    // So that `npm`, `npx` and scripts below find it too.
    env: {
      ...process.env,
      NEXUS_STARTED_AT: String(started),
      PATH: `${path.dirname(pinnedNode)}${path.delimiter}${process.env.PATH ?? ''}`,
    },
  });
  // This process only has to outlive its child.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  stopWithNpm(() => child.kill('SIGTERM'));
  child.on('error', (error) => {
    console.error(`The project's Node at ${pinnedNode} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
  return new Promise(() => undefined);
}

function runOrExit(command, args, shell) {
  const ran = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell });
  if (ran.status === 0) return;
  console.error(
    `\n${command} ${args.join(' ')} failed${ran.error === undefined ? '' : `: ${ran.error.message}`}`,
  );
  process.exit(ran.status ?? 1);
}

/** `engines.node`: the first version with zstd in node:zlib. */
function supported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 15);
}
