import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { claudeEnvironment, installClaudeCode, seedClaudeHome } from '../support/claude-code.ts';
import { createFakeAnthropic } from '../support/fake-anthropic.mjs';
import { uploadStory, writeStoryProject } from '../support/story.ts';
import { launchBrowser, openWorkbench } from '../support/workbench.ts';
import { freePort, startWorkbenchServer, type WorkbenchServer } from '../support/workbench-server.ts';
import { CLIENT_ID, createFakeTokenEndpoint } from '../support/fake-token-endpoint.ts';
import { accounts } from './accounts.ts';
import { badSettings } from './bad-settings.ts';
import { firstStart } from './first-start.ts';
import { lookingClosely } from './looking-closely.ts';
import { checks, runningSidecar, type Scene } from './scene.ts';
import { themes } from './themes.ts';
import { windowsAndCrashes } from './windows-and-crashes.ts';
import { workInTheTerminal } from './work-in-the-terminal.ts';

/**
 * The product in the real workbench: the built VSIX, a real Claude Code in the integrated terminal, the scripted
 * upstream. `node test/e2e/run.ts [--update-picture] [--keep] [--only=firstStart,accounts]`; pictures go to `test-results/e2e`, the counts to
 * `test-results/e2e.json`. The exit code says whether all checks passed.
 */
const { values: options } = parseArgs({
  options: {
    'update-picture': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    /** Some acts, while one is being written: by name, with commas. */
    only: { type: 'string' },
  },
});
const NOWHERE = 'http://127.0.0.1:9';
const LIMIT_MS = 8 * 60_000;
const root = join(import.meta.dirname, '..', '..');
const out = join(root, 'test-results', 'e2e');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const stage = mkdtempSync(join(tmpdir(), 'nx-'));
const place = (name: string): string => {
  mkdirSync(join(stage, name), { recursive: true });
  return join(stage, name);
};
const workspace = place('uploader');
const otherWorkspace = place('notes');
const home = place('home');
const dataDir = place('data');
const closers: (() => Promise<unknown>)[] = [];
let scene: Scene | undefined;
const { outcomes, check } = checks(
  (file) => scene?.wb.page.screenshot({ path: file }) ?? Promise.resolve(),
  out,
);

const limit = setTimeout(() => {
  void finish(new Error(`the run took over ${LIMIT_MS} ms`));
}, LIMIT_MS);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void finish(new Error(`stopped by ${signal}`)));
}

try {
  scene = await setTheStage();
  const acts = {
    firstStart,
    workInTheTerminal,
    lookingClosely,
    themes,
    accounts,
    windowsAndCrashes,
    badSettings,
  };
  const only = options.only?.split(',');
  for (const [name, act] of Object.entries(acts)) {
    if (only === undefined || only.includes(name)) await act(scene);
  }
  await check('nothing outside this machine was asked for', () => {
    const asked = scene?.wb.offsite ?? [];
    return asked.length === 0 ? Promise.resolve() : Promise.reject(new Error(asked.join('\n')));
  });
  if (options['update-picture']) copyFileSync(join(out, 'panel.png'), join(root, 'media', 'panel.png'));
  await finish(null);
} catch (error) {
  await finish(error instanceof Error ? error : new Error(String(error)));
}

async function setTheStage(): Promise<Scene> {
  execFileSync(process.execPath, [join(root, 'scripts', 'package.mjs')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const claude = await installClaudeCode();
  writeStoryProject(workspace);
  writeFileSync(join(otherWorkspace, 'notes.md'), '# Notes\n');
  seedClaudeHome(home, workspace);
  writeFileSync(join(home, '.bashrc'), "PS1='\\W $ '\n");
  const sessionId = randomUUID();
  const story = uploadStory({
    workspace,
    sessionId,
    forkSessionId: randomUUID(),
    latency: 120,
    chunkDelay: 4,
  });
  const fake = await createFakeAnthropic({ script: story.rules });
  closers.push(() => fake.close());
  const tokens = await createFakeTokenEndpoint();
  closers.push(() => tokens.close());
  const environment = claudeEnvironment(home);
  const server = await startWorkbenchServer({
    dir: place('wb'),
    env: {
      CLAUDE_OAUTH_CLIENT_ID: CLIENT_ID,
      CLAUDE_OAUTH_TOKEN_URL: tokens.url,
      // As in a company's network: a client that asked it for the sidecar would get nowhere.
      HTTP_PROXY: NOWHERE,
      http_proxy: NOWHERE,
    },
    vsix: [join(root, 'dist', 'claude-nexus.vsix')],
    userSettings: {
      'terminal.integrated.env.linux': {
        ...environment,
        PATH: `${dirname(claude)}:${environment['PATH'] ?? ''}`,
        // Meant for the sidecar alone.
        CLAUDE_OAUTH_CLIENT_ID: null,
        CLAUDE_OAUTH_TOKEN_URL: null,
      },
      'workbench.editor.empty.hint': 'hidden',
    },
    machineSettings: {
      'claudeNexus.upstream': fake.url,
      'claudeNexus.dataDir': dataDir,
      'claudeNexus.port': await freePort(),
    },
  });
  closers.push(
    () => stopSidecar(),
    () => server.stop(),
  );
  const browser = await launchBrowser();
  closers.push(() => browser.close());
  const wb = await openWorkbench(browser, server, workspace, consoleLog());
  const shot = async (name: string, part = 'body') => {
    await wb.page
      .locator(part)
      .first()
      .screenshot({ path: join(out, `${name}.png`) });
  };
  return {
    server,
    browser,
    wb,
    workspace,
    otherWorkspace,
    home,
    dataDir,
    fake,
    tokens,
    story,
    sessionId,
    out,
    check,
    shot,
  };
}

function consoleLog(): (line: string) => void {
  const lines: string[] = [];
  closers.push(() => {
    writeFileSync(join(out, 'console.log'), lines.join('\n'));
    return Promise.resolve();
  });
  return (line) => lines.push(line);
}

/** The extension starts the sidecar detached, so that it outlives windows; here it must not outlive the run. */
async function stopSidecar(): Promise<void> {
  let pid: number;
  try {
    ({ pid } = runningSidecar(dataDir));
  } catch {
    return; // it is not running
  }
  const alive = () => spawnSync('kill', ['-0', String(pid)]).status === 0;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!alive()) return;
    process.kill(pid, signal);
    for (const end = Date.now() + 8000; Date.now() < end && alive();) await delay(50);
  }
}

async function finish(error: Error | null): Promise<never> {
  clearTimeout(limit);
  if (error !== null) {
    await check('the run came to its end', () => Promise.reject(error));
  }
  keepLogs(scene?.server);
  // Windows first: an extension whose sidecar stops would start another one.
  for (const close of closers.reverse()) {
    await close().catch((reason: unknown) => console.error(String(reason)));
  }
  await stopSidecar();
  if (options.keep) console.log(`kept ${stage}`);
  else rmSync(stage, { recursive: true, force: true });
  const failed = outcomes.filter((outcome) => outcome.error !== null);
  const report = {
    numPassedTests: outcomes.length - failed.length,
    numFailedTests: failed.length,
    checks: outcomes,
  };
  writeFileSync(join(root, 'test-results', 'e2e.json'), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed`);
  process.exit(failed.length === 0 ? 0 : 1);
}

/** What happened inside, beside the pictures: the server's log and the sidecar's. */
function keepLogs(server: WorkbenchServer | undefined): void {
  if (server) copyFileSync(server.logFile, join(out, 'server.log'));
  const logs = spawnSync('sh', ['-c', 'cat "$0"/logs/*', dataDir], { encoding: 'utf8' });
  writeFileSync(join(out, 'sidecar.log'), logs.stdout + logs.stderr);
}
