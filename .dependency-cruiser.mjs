/**
 * The import rule (ARCHITECTURE.md, "Rooms"): protocol <- sidecar <- client (types only) <- extension, webview; in the
 * sidecar core <- store <- { proxy, recorder, api, credentials } <- sidecar.ts <- { cli, main.ts }.
 * @type {import('dependency-cruiser').IConfiguration}
 */
const room = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const tests = String.raw`\.test\.ts$`;

export default {
  forbidden: [
    room(
      'no-cycle',
      'Rooms are layers.',
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    ),
    room(
      'no-orphan-import',
      'An import that resolves to nothing.',
      {},
      { couldNotResolve: true, pathNot: '^vscode$' },
    ),
    room(
      'protocol-is-the-ground',
      'protocol imports nothing of ours.',
      { path: '^src/protocol', pathNot: tests },
      { path: '^src/(?!protocol)' },
    ),
    room(
      'wording-is-apart',
      'wording imports nothing of ours.',
      { path: '^src/wording', pathNot: tests },
      { path: '^src/(?!wording)' },
    ),
    room(
      'sidecar-alone',
      'The sidecar knows protocol only.',
      { path: '^src/sidecar' },
      { path: '^src/(client|extension|webview)' },
    ),
    room(
      'client-types-only',
      'The client knows the sidecar by its types.',
      { path: '^src/client', pathNot: tests },
      { path: '^src/sidecar', dependencyTypesNot: ['type-only'] },
    ),
    room(
      'client-not-up',
      'The client knows neither of its users.',
      { path: '^src/client' },
      { path: '^src/(extension|webview)' },
    ),
    room(
      'extension-alone',
      'The extension talks to the others over contracts.',
      { path: '^src/extension' },
      { path: '^src/(sidecar|webview)' },
    ),
    room(
      'webview-alone',
      'The webview talks to the others over contracts.',
      { path: '^src/webview' },
      { path: '^src/(sidecar|extension)' },
    ),
    room(
      'core-is-pure',
      'core imports only core and protocol.',
      { path: '^src/sidecar/core', pathNot: tests },
      { path: '^src/sidecar/(?!core)' },
    ),
    room(
      'core-does-no-io',
      'core does no IO.',
      { path: '^src/sidecar/core', pathNot: tests },
      { path: '^(node:)?(fs|net|http|https|child_process|worker_threads|os|dns|tls)(/|$)' },
    ),
    room(
      'store-below',
      'store imports core, not its users.',
      { path: '^src/sidecar/store', pathNot: tests },
      { path: '^src/sidecar/(proxy|recorder|api|sidecar|main)' },
    ),
    room(
      'rooms-apart',
      'proxy, recorder, api and credentials share through sidecar.ts.',
      { path: '^src/sidecar/(proxy|recorder|api|credentials)/' },
      {
        path: '^src/sidecar/(proxy|recorder|api|credentials)/',
        pathNot: '^src/sidecar/$1/',
      },
    ),
    room(
      'credentials-apart',
      'credentials knows core; secrets never reach the store.',
      { path: '^src/sidecar/credentials/', pathNot: tests },
      { path: '^src/sidecar/(store|cli)/' },
    ),
    room(
      'cli-on-top',
      'Only main runs commands.',
      { path: '^src/sidecar/(?!cli/|main)' },
      { path: '^src/sidecar/cli/' },
    ),
    room(
      'nobody-imports-main',
      'main and sidecar are the top.',
      { path: '^src/sidecar/(?!main|sidecar)' },
      { path: '^src/sidecar/(main|sidecar)\\.ts$' },
    ),
    room(
      'sql-in-store',
      'Only store talks to a database.',
      { path: '^src', pathNot: `^src/sidecar/store|${tests}` },
      { path: 'node_modules/(pg|kysely|@electric-sql)/' },
    ),
    room(
      'vscode-in-extension',
      'Only the extension imports vscode.',
      { path: '^src', pathNot: '^src/extension' },
      { path: '^vscode$|node_modules/@types/vscode' },
    ),
    room(
      'toolkit-in-one-module',
      'The archived toolkit is imported in one place.',
      { path: '^src', pathNot: '^src/webview/shared/controls\\.ts$' },
      { path: 'node_modules/@vscode/webview-ui-toolkit' },
    ),
    room(
      'src-without-tests',
      'The product does not import its tests.',
      { path: '^src', pathNot: tests },
      { path: '^(test|scripts)/' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|out|test/fixtures)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
};
