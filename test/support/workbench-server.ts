import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const harness = process.env['VSCODE_HARNESS_HOME'] ?? join(homedir(), '.cache', 'vscode-harness');
const node = join(harness, 'node', 'bin', 'node');
const entry = join(harness, 'code-server', 'out', 'node', 'entry.js');

export interface WorkbenchServer {
  base: string;
  pid: number;
  /** Everything this server wrote: user data, extensions, logs, sockets. */
  dir: string;
  logFile: string;
  urlOf(folder: string): string;
  /** Writes machine settings: the ones it was started with, and these over them. The workbench notices by itself. */
  setMachine(settings: Record<string, unknown>): void;
  stop(): Promise<void>;
}

export interface WorkbenchServerOptions {
  vsix: string[];
  /** A short path: sockets live in it, and their paths end at 107 characters. Made when absent. */
  dir?: string;
  userSettings?: Record<string, unknown>;
  /** Settings with machine scope: on a remote workbench they count only here, never in the user's own file. */
  machineSettings?: Record<string, unknown>;
  env?: Record<string, string>;
}

const quietSettings: Record<string, unknown> = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'update.showReleaseNotes': false,
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'security.workspace.trust.enabled': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.reduceMotion': 'on',
  'workbench.colorTheme': 'Dark Modern',
  'git.openRepositoryInParentFolders': 'never',
  'git.autofetch': false,
  'remote.autoForwardPorts': false,
  'npm.fetchOnlinePackageInfo': false,
  'typescript.disableAutomaticTypeAcquisition': true,
  'chat.commandCenter.enabled': false,
  'chat.setup.signInDialogEnabled': false,
  // With the DOM renderer the terminal's text can be read by a test.
  'terminal.integrated.gpuAcceleration': 'off',
  'window.commandCenter': false,
  'window.autoDetectColorScheme': false,
};

/** Starts the real workbench (code-server) with these extensions on a free loopback port. */
export async function startWorkbenchServer(options: WorkbenchServerOptions): Promise<WorkbenchServer> {
  for (const file of [node, entry]) {
    if (!existsSync(file)) throw new Error(`${file} is missing: run test/setup/workbench.sh first`);
  }
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'wb-'));
  const userData = join(dir, 'user-data');
  const config = join(dir, 'config.yaml');
  const temporary = join(dir, 't');
  for (const path of [
    join(userData, 'User'),
    join(userData, 'Machine'),
    join(dir, 'extensions'),
    temporary,
  ]) {
    mkdirSync(path, { recursive: true });
  }
  const writeSettings = (scope: 'User' | 'Machine', settings: Record<string, unknown>) =>
    writeFileSync(join(userData, scope, 'settings.json'), JSON.stringify(settings, null, 2));
  writeSettings('User', { ...quietSettings, ...options.userSettings });
  writeSettings('Machine', options.machineSettings ?? {});
  writeFileSync(config, 'cert: false\n'); // otherwise it writes one into the user's own configuration folder
  const env = {
    ...cleanEnvironment(),
    TMPDIR: temporary,
    XDG_RUNTIME_DIR: temporary,
    XDG_CONFIG_HOME: join(dir, 'xdg-config'),
    XDG_DATA_HOME: join(dir, 'xdg-data'),
    XDG_CACHE_HOME: join(dir, 'xdg-cache'),
    ...options.env,
  };
  const common = [
    '--config',
    config,
    '--user-data-dir',
    userData,
    '--extensions-dir',
    join(dir, 'extensions'),
  ];
  for (const vsix of options.vsix) installExtension(vsix, common, env);

  const port = await freePort();
  const flags = [
    '--auth',
    'none',
    '--disable-telemetry',
    '--disable-update-check',
    '--disable-workspace-trust',
  ];
  const more = ['--disable-getting-started-override', '--disable-proxy', '--ignore-last-opened'];
  const child = spawn(
    node,
    [
      entry,
      ...common,
      '--bind-addr',
      `127.0.0.1:${port}`,
      ...flags,
      ...more,
      '--reconnection-grace-time',
      '5',
    ],
    { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  const pid = child.pid ?? 0;
  const logFile = join(dir, 'server.log');
  const log = createWriteStream(logFile);
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const base = `http://127.0.0.1:${port}`;
  await untilHealthy(base, () => child.exitCode ?? child.signalCode, logFile);
  return {
    base,
    pid,
    dir,
    logFile,
    urlOf: (folder) => `${base}/?folder=${encodeURIComponent(resolve(folder))}`,
    setMachine: (settings) => {
      writeSettings('Machine', { ...options.machineSettings, ...settings });
    },
    stop: () => stopGroup(pid),
  };
}

/** The outer environment without what belongs to other programs, and without a marketplace. */
function cleanEnvironment(): Record<string, string> {
  const foreign =
    /^(VSCODE_|CODE_SERVER_|CS_|npm_|ELECTRON_|ANTHROPIC_|CLAUDE_)|^(PASSWORD|HASHED_PASSWORD|PORT|NODE_OPTIONS|DATABASE_URL)$/;
  const kept = Object.entries(process.env).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && !foreign.test(pair[0]),
  );
  const path = [dirname(node), process.env['PATH'] ?? ''].join(delimiter);
  return { ...Object.fromEntries(kept), PATH: path, DO_NOT_TRACK: '1', EXTENSIONS_GALLERY: '{}' };
}

function installExtension(vsix: string, common: string[], env: Record<string, string>): void {
  const args = [entry, ...common, '--install-extension', resolve(vsix), '--force'];
  const result = spawnSync(node, args, { env, encoding: 'utf8', timeout: 120_000 });
  if (result.status !== 0 || !result.stdout.includes('successfully installed')) {
    throw new Error(`${vsix} could not be installed:\n${result.stdout}${result.stderr}`);
  }
}

async function untilHealthy(
  base: string,
  ended: () => number | string | null,
  logFile: string,
): Promise<void> {
  const limit = Date.now() + 60_000;
  for (;;) {
    const code = ended();
    if (code !== null) {
      throw new Error(`code-server ended with ${String(code)}\n${readFileSync(logFile, 'utf8')}`);
    }
    const healthy = await fetch(`${base}/healthz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (healthy) return;
    if (Date.now() > limit) {
      throw new Error(`code-server did not answer in 60 s\n${readFileSync(logFile, 'utf8')}`);
    }
    await delay(50);
  }
}

/** Ends the process group that was started here (server, extension host, terminals), by its id. */
async function stopGroup(pid: number): Promise<void> {
  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-pid, name);
    } catch {
      return false; // gone
    }
  };
  for (const name of ['SIGTERM', 'SIGKILL'] as const) {
    if (!signal(name)) return;
    for (const limit = Date.now() + 4000; Date.now() < limit && signal(0);) await delay(50);
  }
}

/** A loopback port nothing listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((settle, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => settle(port));
    });
  });
}
