import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The import rule, and proof that it bites: the tree must be clean, the number of modules plausible (dependency-cruiser
 * exits 0 when it understands no source at all), and a planted violation of each layer must be caught.
 */
const root = path.resolve(import.meta.dirname, '..');
const LEAST_MODULES = 60;

interface Report {
  summary: { totalCruised: number; violations: { rule: { name: string }; from: string; to: string }[] };
}

function cruise(): Report {
  const run = spawnSync(
    path.join(root, 'node_modules/.bin/depcruise'),
    ['src', '--config', '.dependency-cruiser.mjs', '--output-type', 'json'],
    { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, shell: process.platform === 'win32' },
  );
  if (run.stdout === '') throw new Error(`dependency-cruiser said nothing:\n${run.stderr}`);
  return JSON.parse(run.stdout) as Report;
}

const clean = cruise();
const problems = clean.summary.violations.map((v) => `${v.rule.name}: ${v.from} → ${v.to}`);
if (clean.summary.totalCruised < LEAST_MODULES) {
  problems.push(
    `only ${String(clean.summary.totalCruised)} modules were read; expected at least ${String(LEAST_MODULES)}`,
  );
}

const plants: { room: string; line: string; rule: string }[] = [
  { room: 'src/wording', line: "import '../protocol/rows.ts';", rule: 'wording-is-apart' },
  { room: 'src/webview', line: "import '../sidecar/errors.ts';", rule: 'webview-alone' },
  { room: 'src/sidecar/core', line: "import '../store/database.ts';", rule: 'core-is-pure' },
  { room: 'src/sidecar/api', line: "import '../proxy/journal.ts';", rule: 'rooms-apart' },
  { room: 'src/sidecar/credentials', line: "import '../proxy/journal.ts';", rule: 'rooms-apart' },
  { room: 'src/sidecar/credentials', line: "import '../store/database.ts';", rule: 'credentials-apart' },
  { room: 'src/client', line: "import '../sidecar/errors.ts';", rule: 'client-types-only' },
  { room: 'src/sidecar/proxy', line: "import 'pg';", rule: 'sql-in-store' },
];
const planted = plants.map(({ room, line }, index) => {
  const dir = path.join(root, room, 'planted-violation');
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, `planted${String(index)}.ts`), line.replace("'../", "'../../"));
  return dir;
});
try {
  const found = cruise().summary.violations;
  for (const { rule, room } of plants) {
    if (!found.some((v) => v.rule.name === rule && v.from.includes('planted'))) {
      problems.push(`a planted violation of ${rule} in ${room} was not caught`);
    }
  }
} finally {
  for (const dir of planted) rmSync(dir, { recursive: true, force: true });
}

for (const problem of problems) console.error(problem);
console.log(`imports: ${String(clean.summary.totalCruised)} modules, ${String(problems.length)} problems`);
process.exit(problems.length === 0 ? 0 : 1);
