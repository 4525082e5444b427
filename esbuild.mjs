import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { build, context } from 'esbuild';

// Three builds into dist/: the extension (CommonJS, VS Code loads it), the sidecar with its recorder thread (ESM,
// Node), the panels (ESM, split, a browser). `--watch` rebuilds on change, `--only=sidecar,webview` leaves the rest.
const root = import.meta.dirname;
const from = (...parts) => path.join(root, ...parts);
const manifest = JSON.parse(await readFile(from('package.json'), 'utf8'));

const watch = process.argv.includes('--watch');
const only = process.argv
  .find((argument) => argument.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');

const shared = {
  absWorkingDir: root,
  bundle: true,
  sourcemap: true,
  logLevel: 'warning',
  define: { NEXUS_VERSION: JSON.stringify(manifest.version) },
};

/** Packages in CommonJS call `require` for Node's own modules; an ES module has none. */
const requireBanner =
  "import { createRequire as nexusCreateRequire } from 'node:module'; const require = nexusCreateRequire(import.meta.url);";

const targets = {
  extension: {
    options: {
      ...shared,
      entryPoints: { extension: 'src/extension/extension.ts' },
      outdir: 'dist',
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      platform: 'node',
      target: 'node22',
      // VS Code reads and parses it while the window opens.
      minify: true,
      external: ['vscode'],
    },
  },
  sidecar: {
    options: {
      ...shared,
      entryPoints: { sidecar: 'src/sidecar/main.ts', recorder: 'src/sidecar/recorder/worker.ts' },
      outdir: 'dist',
      outExtension: { '.js': '.mjs' },
      format: 'esm',
      platform: 'node',
      target: 'node22',
      // Smaller and still readable in a stack trace.
      minifySyntax: true,
      minifyWhitespace: true,
      // pg's optional native driver; never installed.
      external: ['pg-native'],
      banner: { js: requireBanner },
    },
    beside: copySidecarFiles,
  },
  webview: {
    options: {
      ...shared,
      entryPoints: {
        conversations: 'src/webview/conversations/main.ts',
        requests: 'src/webview/requests/main.ts',
        storage: 'src/webview/storage/main.ts',
      },
      outdir: 'dist/webview',
      chunkNames: 'chunks/[name]-[hash]',
      assetNames: '[name]',
      format: 'esm',
      splitting: true,
      minify: true,
      platform: 'browser',
      target: ['chrome128', 'firefox128', 'safari17'],
      loader: { '.ttf': 'file', '.svg': 'text' },
    },
  },
};

/** What the sidecar reads at run time: migrations, and the embedded database's own files. */
async function copySidecarFiles() {
  if (existsSync(from('migrations'))) {
    await rm(from('dist/migrations'), { recursive: true, force: true });
    await cp(from('migrations'), from('dist/migrations'), { recursive: true });
  }
  // PGlite loads these from beside the file it is bundled into.
  for (const name of ['pglite.wasm', 'pglite.data', 'initdb.wasm']) {
    await copyFile(from('node_modules/@electric-sql/pglite/dist', name), from('dist', name));
  }
}

// Names of split files change with their content: the old ones would pile up.
if (only === undefined) await rm(from('dist/webview'), { recursive: true, force: true });
await mkdir(from('dist'), { recursive: true });
for (const [name, target] of Object.entries(targets)) {
  if (only !== undefined && !only.includes(name)) continue;
  const missing = Object.values(target.options.entryPoints).filter((entry) => !existsSync(from(entry)));
  for (const entry of missing) console.warn(`esbuild: ${entry} is not there yet and is left out`);
  const entryPoints = Object.fromEntries(
    Object.entries(target.options.entryPoints).filter(([, entry]) => !missing.includes(entry)),
  );
  if (Object.keys(entryPoints).length === 0) continue;
  await target.beside?.();
  if (watch) await (await context({ ...target.options, entryPoints })).watch();
  else await build({ ...target.options, entryPoints });
}
// Written last: `npm start` compares it with the sources to know whether dist is up to date.
if (!watch && only === undefined) await writeFile(from('dist/.built'), `${manifest.version}\n`);
if (watch) console.log('esbuild: watching');
