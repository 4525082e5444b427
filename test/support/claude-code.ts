import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The version the tests were written against; `CLAUDE_CODE_VERSION` tries another one. */
export const CLAUDE_CODE_VERSION = process.env['CLAUDE_CODE_VERSION'] ?? '2.1.330';

/** Made up: it has the shape of a key, so that redaction has something to find. */
export const MADE_UP_KEY = 'sk-ant-api03-made-up-for-tests-0000000000';

export interface ClaudeRun {
  args: string[];
  cwd: string;
  /** What the client gets as ANTHROPIC_BASE_URL; loopback only. */
  baseUrl: string;
  /** Claude Code's own state (sessions, settings) lives here and nowhere else. */
  home: string;
  timeoutMs?: number;
  env?: Record<string, string>;
}

export interface ClaudeResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Path of the native `claude` program, installed from npm into a cache directory when it is not there yet (about
 * 380 MB on disk, 10 s). The package's postinstall only copies the platform package's program over a placeholder, so
 * it is not run: the platform package's own file is used, and nothing needs the network after the install.
 */
export async function installClaudeCode(version = CLAUDE_CODE_VERSION): Promise<string> {
  const cache = process.env['CLAUDE_NEXUS_TEST_CACHE'] ?? join(homedir(), '.cache', 'claude-nexus-tests');
  const dir = join(cache, `claude-code-${version}`);
  const program = join(dir, 'node_modules', ...platformPackage().split('/'), programName());
  const done = join(dir, '.installed');
  if (existsSync(done) && existsSync(program)) return program;
  mkdirSync(dir, { recursive: true });
  await withLock(join(cache, `claude-code-${version}.lock`), () => {
    if (existsSync(done) && existsSync(program)) return;
    writeFileSync(join(dir, 'package.json'), '{"private":true}\n');
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
    const npm = spawnSync(
      'npm',
      ['install', '--prefix', dir, ...flags, `@anthropic-ai/claude-code@${version}`],
      {
        encoding: 'utf8',
        cwd: dir,
        shell: process.platform === 'win32',
      },
    );
    if (npm.status !== 0) {
      throw new Error(`npm could not install Claude Code ${version}:\n${npm.stdout}${npm.stderr}`);
    }
    if (!existsSync(program)) {
      throw new Error(`Claude Code ${version} has no program for this platform: ${program}`);
    }
    writeFileSync(done, new Date().toISOString());
  });
  return program;
}

/**
 * The environment a real client runs with in tests: nothing of ours leaks in, its state is isolated, and nothing but
 * the given base URL is asked.
 */
export function claudeEnvironment(home: string, baseUrl?: string): Record<string, string> {
  return {
    HOME: home,
    PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    LANG: 'C.UTF-8',
    TERM: 'xterm-256color',
    ANTHROPIC_API_KEY: MADE_UP_KEY,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_TELEMETRY: '1',
    DISABLE_AUTOUPDATER: '1',
    ...(baseUrl === undefined ? {} : { ANTHROPIC_BASE_URL: baseUrl }),
  };
}

/** Makes `home` look like the home of someone who has used Claude Code before: no onboarding, the key and the folder trusted. */
export function seedClaudeHome(home: string, workspace: string): void {
  mkdirSync(home, { recursive: true });
  const state = {
    hasCompletedOnboarding: true,
    lastOnboardingVersion: CLAUDE_CODE_VERSION,
    theme: 'dark',
    customApiKeyResponses: { approved: [MADE_UP_KEY.slice(-20)], rejected: [] },
    projects: {
      [workspace]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true, allowedTools: [] },
    },
  };
  writeFileSync(join(home, '.claude.json'), JSON.stringify(state, null, 2));
}

/** Runs `claude` to its end. Rejects when it takes longer than `timeoutMs` (default 60 s); any exit code is a result. */
export async function runClaude(run: ClaudeRun): Promise<ClaudeResult> {
  const program = await installClaudeCode();
  const child = spawn(program, run.args, {
    cwd: run.cwd,
    env: { ...claudeEnvironment(run.home, run.baseUrl), ...run.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const text = () => ({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
  return await new Promise<ClaudeResult>((resolve, reject) => {
    const limit = run.timeoutMs ?? 60_000;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(`claude ${run.args.join(' ')} took over ${limit} ms\n${text().stdout}${text().stderr}`),
      );
    }, limit);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...text() });
    });
  });
}

/**
 * The id Claude Code gave, in its own session file, to the assistant message with a text that starts so: what
 * `--resume-session-at` takes. Throws when there is none.
 */
export function answerId(home: string, sessionId: string, textStart: string): string {
  const projects = join(home, '.claude', 'projects');
  for (const project of readdirSync(projects)) {
    const file = join(projects, project, `${sessionId}.jsonl`);
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const entry = JSON.parse(line) as SessionEntry;
      const content = entry.type === 'assistant' ? entry.message?.content : undefined;
      if (
        entry.uuid &&
        Array.isArray(content) &&
        content.some((block) => block.text?.startsWith(textStart))
      ) {
        return entry.uuid;
      }
    }
  }
  throw new Error(`no answer "${textStart}" in session ${sessionId}`);
}

interface SessionEntry {
  type: string;
  uuid?: string;
  message?: { content: string | { text?: string }[] };
}

function platformPackage(): string {
  const musl = process.platform === 'linux' && !hasGlibc() ? '-musl' : '';
  return `@anthropic-ai/claude-code-${process.platform}-${process.arch}${musl}`;
}

function hasGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}

const programName = (): string => (process.platform === 'win32' ? 'claude.exe' : 'claude');

/** One installer at a time over all test processes; a lock older than ten minutes belongs to nobody. */
async function withLock(file: string, work: () => void): Promise<void> {
  for (;;) {
    try {
      closeSync(openSync(file, 'wx'));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > 600_000) rmSync(file, { force: true });
      else await delay(200);
    }
  }
  try {
    work();
  } finally {
    rmSync(file, { force: true });
  }
}
