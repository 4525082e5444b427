import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { checks, integration, run, webview, workbench } from './stages.mjs';

// Everything that can run here: the checks, the integration suite on both engines, and, where a browser and the
// workbench are found, the panels and the real workbench. What could not run is said last and loudly.
await bootstrap();
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const harness = process.env.VSCODE_HARNESS_HOME ?? path.join(os.homedir(), '.cache', 'vscode-harness');

const steps = [...checks, integration];
const missing = [];
if (existsSync(chromium)) steps.push(webview);
else
  missing.push(`webview tests: no Chromium at ${chromium} (set CHROMIUM, or run .ci/run, which installs it)`);
if (existsSync(chromium) && existsSync(path.join(harness, '.stamp'))) steps.push(workbench);
else missing.push('workbench tests: no VS Code workbench here (run .ci/run, which installs it)');

const total = run(steps);
// In CI nothing may be left out.
const notRun = process.env.CI === 'true' ? missing.length : 0;
for (const what of missing) console.log(`\n!!! NOT RUN: ${what}`);
if (total.broken.length > 0) console.log(`\nfailed: ${total.broken.join(', ')}`);
console.log(`\n${String(total.passed)} passed, ${String(total.failed + notRun)} failed`);
process.exit(total.failed + notRun === 0 ? 0 : 1);
