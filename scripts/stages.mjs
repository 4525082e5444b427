import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

/** The steps of `npm run check` and `npm test`, and how their results are counted. */
export const root = path.resolve(import.meta.dirname, '..');
const bin = (name) =>
  path.join(root, 'node_modules/.bin', process.platform === 'win32' ? `${name}.cmd` : name);
const results = path.join(root, 'test-results');

/** A step that passes or fails as a whole. */
const tool = (name, command, ...args) => ({ name, command: bin(command), args, report: null });

/** A vitest project: its tests are counted one by one. */
const suite = (name) => ({
  name,
  command: bin('vitest'),
  args: [
    'run',
    '--project',
    name,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${path.join(results, `${name}.json`)}`,
  ],
  report: path.join(results, `${name}.json`),
});

export const checks = [
  tool('types', 'tsc', '-b'),
  tool('lint', 'eslint', '.', '--max-warnings', '0'),
  tool('format', 'prettier', '--check', '--log-level', 'warn', '.'),
  tool('imports', 'node', 'scripts/check-imports.ts'),
  tool('dead code', 'knip'),
  suite('unit'),
];
export const integration = suite('integration');
export const webview = suite('webview');
export const workbench = {
  name: 'workbench',
  command: bin('node'),
  args: ['test/e2e/run.ts'],
  report: path.join(results, 'e2e.json'),
};

/** Runs steps in order, all of them, and returns what passed and failed (tests one by one, tools as one each). */
export function run(steps) {
  mkdirSync(results, { recursive: true });
  const total = { passed: 0, failed: 0, broken: [] };
  for (const step of steps) {
    if (step.report !== null) rmSync(step.report, { force: true });
    const started = Date.now();
    console.log(`\n── ${step.name} ${'─'.repeat(Math.max(0, 70 - step.name.length))}`);
    const ran = spawnSync(step.command, step.args, {
      cwd: root,
      stdio: 'inherit',
      shell: process.platform === 'win32',
    });
    const counted = count(step, ran.status === 0);
    total.passed += counted.passed;
    total.failed += counted.failed;
    if (counted.failed > 0) total.broken.push(step.name);
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`${counted.failed === 0 ? 'ok' : 'FAILED'}   ${step.name} (${seconds} s)`);
  }
  return total;
}

/** A suite that says it passed but counted no test, or left no report, has failed; so has a skipped test. */
function count(step, exitedWell) {
  if (step.report === null) return exitedWell ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  if (!existsSync(step.report)) return { passed: 0, failed: 1 };
  const report = JSON.parse(readFileSync(step.report, 'utf8'));
  const passed = report.numPassedTests ?? 0;
  const failed = (report.numFailedTests ?? 0) + (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
  const sound = exitedWell && passed > 0 && failed === 0;
  return { passed, failed: sound ? 0 : Math.max(1, failed) };
}
