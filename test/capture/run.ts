import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { claudeEnvironment, installClaudeCode, MADE_UP_KEY, seedClaudeHome } from '../support/claude-code.ts';
import { createFakeAnthropic, type FakeAnthropic } from '../support/fake-anthropic.mjs';
import { OWN_CAPTURES, type OwnCapture } from '../support/own-captures.ts';
import { until } from '../support/until.ts';
import { captureOf } from './capture-of.ts';
import { scenarios, type Client, type Scenario } from './scenarios.ts';

/**
 * `node test/capture/run.ts [scenario …]`: plays the scenarios with real clients against the scripted upstream on
 * loopback and writes what passed, with what is true of it, to `test/fixtures/own-captures`.
 */
const wanted = process.argv.slice(2);
for (const scenario of scenarios) {
  if (wanted.length > 0 && !wanted.includes(scenario.name)) continue;
  const capture = await play(scenario);
  const file = join(OWN_CAPTURES, `${scenario.name}.json`);
  mkdirSync(OWN_CAPTURES, { recursive: true });
  writeFileSync(file, `${JSON.stringify(capture)}\n`);
  console.log(`${scenario.name}: ${String(capture.exchanges.length)} exchanges`);
}

async function play(scenario: Scenario): Promise<OwnCapture> {
  const stage = realpathSync(mkdtempSync(join(tmpdir(), 'nexus-capture-')));
  const [workspace, home] = [join(stage, 'project'), join(stage, 'home')];
  mkdirSync(workspace);
  seedClaudeHome(home, workspace);
  const fake = await createFakeAnthropic({ script: scenario.rules(workspace) });
  try {
    await scenario.play(await clientOf(fake, workspace, home), randomUUID());
    return captureOf(scenario, fake.exchanges, [
      [workspace, '/home/dev/project'],
      [home, '/home/dev'],
      [workspace.replaceAll(/[^a-zA-Z0-9]/g, '-'), '-home-dev-project'],
      [MADE_UP_KEY, 'sk-ant-test-fake'],
    ]);
  } finally {
    await fake.close();
    rmSync(stage, { recursive: true, force: true });
  }
}

async function clientOf(fake: FakeAnthropic, workspace: string, home: string): Promise<Client> {
  const program = await installClaudeCode();
  const start = (args: string[], stdin: unknown[]) => {
    const child = spawn(program, args, {
      cwd: workspace,
      env: claudeEnvironment(home, fake.url),
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.stdin.end(stdin.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return { child, ended: new Promise<void>((resolve) => child.once('close', () => resolve())) };
  };
  return {
    workspace,
    sdk: new Anthropic({ baseURL: fake.url, apiKey: MADE_UP_KEY, maxRetries: 0 }),
    run: (args, stdin = []) => start(args, stdin).ended,
    async interrupt(args, rule, times) {
      const { child, ended } = start(args, []);
      await until(`${rule} answered`, 60_000, () => {
        const asked = fake.exchanges.filter((one) => one.response.rule === rule && one.done);
        return Promise.resolve(asked.length >= times ? true : undefined);
      });
      child.kill('SIGINT');
      await ended;
    },
  };
}
