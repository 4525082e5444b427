import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { bootstrap, pinnedNode, root, say, stopWithNpm } from './bootstrap.mjs';
import { findProgram, openInBrowser, panelsLink } from './open.mjs';

// `npm start`: from a fresh clone to a running sidecar that VS Code or a browser shows. Runs on any Node from 20 on.
// `--no-open` opens nothing; every other argument goes to `serve`.
const open = !process.argv.includes('--no-open');
const serveArguments = process.argv.slice(2).filter((argument) => argument !== '--no-open');

await bootstrap();
say('Starting the sidecar …');
const ready = await startSidecar();
say(
  ready.attached ? `A sidecar is running already (process ${String(ready.pid)}).` : `Ready at ${ready.url}`,
);

console.log(`
  Point Claude at it:   ANTHROPIC_BASE_URL=${ready.baseUrl} ENABLE_TOOL_SEARCH=true claude
`);
await show();
if (ready.attached) process.exit(0);
console.log(`  Ctrl-C stops it.${process.stdin.isTTY ? ' Enter gives a new link to the panels.' : ''}\n`);
if (process.stdin.isTTY) {
  createInterface({ input: process.stdin }).on('line', () => {
    void panelsLink(ready).then((link) => console.log(`  ${link}\n`));
  });
}

/** VS Code where it is installed, else the panels in a browser; the link is printed either way. */
async function show() {
  const link = await panelsLink(ready);
  const code = open ? findProgram('code') : null;
  if (code !== null) {
    say('Opening VS Code with the extension …');
    const args = [`--extensionDevelopmentPath=${root}`];
    const editor = spawn(code, args, {
      stdio: 'ignore',
      detached: true,
      shell: process.platform === 'win32',
    });
    editor.on('error', (error) => say(`VS Code could not be opened: ${error.message}`));
    editor.unref();
  } else if (open && (await openInBrowser(link))) {
    say('Opened the panels in a browser.');
  }
  console.log(`  Panels in a browser (this link works once, for a minute):\n  ${link}\n`);
}

/** Runs `serve` and resolves with its ready line; ends this process with its sentence when it cannot start. */
function startSidecar() {
  const port =
    process.env.PORT === undefined && !serveArguments.some((argument) => argument.startsWith('--port'));
  const args = [
    path.join(root, 'dist', 'sidecar.mjs'),
    'serve',
    ...(port ? ['--port=0'] : []),
    ...serveArguments,
  ];
  // They keep it small: see src/protocol/runtime.ts.
  const sidecar = spawn(pinnedNode, ['--liftoff-only', '--max-semi-space-size=2', ...args], {
    env: { MALLOC_TRIM_THRESHOLD_: '131072', ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let firstSignal = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // At a terminal one Ctrl-C arrives here more than once; a later one means that the user is tired of waiting.
      if (firstSignal === 0) say('Stopping …');
      firstSignal ||= Date.now();
      sidecar.kill(Date.now() - firstSignal > 1000 ? 'SIGKILL' : 'SIGTERM');
    });
  }
  stopWithNpm(() => sidecar.kill('SIGTERM'));
  let text = '';
  let attached = false;
  return new Promise((resolve) => {
    sidecar.on('exit', (code) => {
      if (attached) return;
      if (firstSignal !== 0) say('Stopped.');
      process.exit(code ?? 1);
    });
    sidecar.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0) return;
      const line = JSON.parse(text.slice(0, end));
      // A failure has been explained on stderr; the exit follows.
      if (line.ready !== true) return;
      attached = line.attached;
      resolve(line);
    });
  });
}
