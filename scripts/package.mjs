import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { root } from './stages.mjs';

// One universal VSIX from what is built: dependencies are bundled, so none are packed.
await bootstrap();
const out = path.join(root, 'dist', 'claude-nexus.vsix');
const vsce = path.join(root, 'node_modules/.bin', process.platform === 'win32' ? 'vsce.cmd' : 'vsce');
const ran = spawnSync(
  vsce,
  ['package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', '-o', out],
  {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  },
);
process.exit(ran.status ?? 1);
