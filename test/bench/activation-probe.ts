import childProcess from 'node:child_process';
import { EventEmitter } from 'node:events';
import Module, { createRequire } from 'node:module';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';

/**
 * Loads the bundled extension with a stand-in for `vscode` that accepts everything, calls `activate()`, and prints how
 * long loading and activating took (ms). Nothing is started: `spawn` answers with a process that never says a word.
 * Usage: `node activation-probe.ts <dist/extension.cjs>`.
 */
const bundle = resolve(process.argv[2] ?? '');

/** A value that can be read, called and constructed without end. */
function anything(known: Record<string | symbol, unknown> = {}): unknown {
  return new Proxy(function stub() {}, {
    get: (_target, key) => {
      if (key in known) return known[key];
      if (key === 'then') return undefined;
      if (key === Symbol.toPrimitive) return () => '';
      if (key === Symbol.iterator) return [][Symbol.iterator].bind([]);
      return anything();
    },
    set: (_target, key, value) => {
      known[key] = value;
      return true;
    },
    apply: () => anything(),
    construct: () => anything() as object,
  });
}

const configuration = anything({
  get: (_key: string, fallback: unknown) => fallback,
  inspect: () => undefined,
});
const storage = mkdtempSync(join(tmpdir(), 'nexus-activation-'));
const uri = { fsPath: storage, path: storage, scheme: 'file', toString: () => `file://${storage}` };
const memento = {
  get: (_key: string, fallback: unknown) => fallback,
  update: () => Promise.resolve(),
  keys: () => [],
};

class VscodeEventEmitter {
  event = () => ({ dispose: () => undefined });
  fire = () => undefined;
  dispose = () => undefined;
}
class Plain {
  dispose = () => undefined;
}
// As a prototype: a bundler copies what a module has of its own and keeps the prototype, so everything is found there.
const api = anything({
  EventEmitter: VscodeEventEmitter,
  Disposable: Object.assign(Plain, { from: () => new Plain() }),
  TreeItem: Plain,
  ThemeIcon: Plain,
  ThemeColor: Plain,
  MarkdownString: Plain,
  workspace: anything({
    getConfiguration: () => configuration,
    workspaceFolders: undefined,
    isTrusted: true,
  }),
  env: anything({ appRoot: storage, remoteName: undefined, machineId: 'bench', sessionId: 'bench' }),
});
const vscode = Object.create(api as object) as unknown;

childProcess.spawn = (() =>
  Object.assign(new EventEmitter(), {
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    stdin: new PassThrough(),
    pid: 0,
    kill: () => true,
    unref: () => undefined,
  })) as unknown as typeof childProcess.spawn;

const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
const load = loader._load.bind(loader);
loader._load = (request, ...rest) => (request === 'vscode' ? vscode : load(request, ...rest));

const started = performance.now();
const extension = createRequire(import.meta.url)(bundle) as { activate(context: unknown): unknown };
const loaded = performance.now();
const context = anything({
  subscriptions: [],
  extensionPath: storage,
  extensionUri: uri,
  globalStorageUri: uri,
  storageUri: uri,
  logUri: uri,
  globalState: memento,
  workspaceState: memento,
  extension: { id: 'bench', packageJSON: { version: '0.0.0' } },
  asAbsolutePath: (path: string) => join(storage, path),
});
const answer = extension.activate(context);
const returned = performance.now();
let settledMs: number | null = null;
if (answer instanceof Promise) {
  const limit = new Promise((resolve) => setTimeout(resolve, 1000));
  await Promise.race([answer.then(() => (settledMs = performance.now() - loaded)), limit]);
}
rmSync(storage, { recursive: true, force: true });
console.log(JSON.stringify({ loadMs: loaded - started, activateMs: returned - loaded, settledMs }));
process.exit(0);
