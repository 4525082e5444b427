import * as vscode from 'vscode';
import { NO_PROXY_ADDITION, noProxyVariables } from './no-proxy.ts';
import { nameProjects, projectBaseUrl, type ProjectNames } from './project-names.ts';
import { readSettings } from './settings.ts';
import type { Sidecar } from './sidecar-process.ts';

/** Whether and how the terminals of this window go through the sidecar. */
export interface Routing {
  /** Whether this workspace wants it; terminals are only routed while the sidecar is there. */
  readonly wanted: boolean;
  readonly onDidChange: vscode.Event<void>;
  /** The projects of the open folders; empty without a folder. */
  projects(): string[];
  /** What a client started here gets as ANTHROPIC_BASE_URL; null while the sidecar is away. */
  baseUrl(): string | null;
}

const PROJECTS_KEY = 'claudeNexus.projects';
const ROUTED_KEY = 'claudeNexus.routed';

/**
 * Gives new terminals the base URL of the sidecar, each folder with its own project. The variables are written only
 * when they change (a change marks open terminals as outdated), are not kept for the next start, and are taken away
 * with the sidecar: a terminal never gets a dead port.
 */
export function registerTerminals(context: vscode.ExtensionContext, sidecar: Sidecar): Routing {
  const changed = new vscode.EventEmitter<void>();
  const writer = new VariableWriter(context.environmentVariableCollection);
  const wanted = (): boolean =>
    context.workspaceState.get<boolean>(ROUTED_KEY) ?? readSettings().routeTerminals;

  const projectNames = (): ProjectNames => {
    const known = context.globalState.get<ProjectNames>(PROJECTS_KEY, {});
    const names = nameProjects(known, folderUris());
    if (names !== known) void context.globalState.update(PROJECTS_KEY, names);
    return names;
  };
  const projectOf = (folder: vscode.WorkspaceFolder): string | null =>
    projectNames()[folder.uri.toString()] ?? null;

  const apply = (): void => {
    const ready = sidecar.ready;
    const routed = ready !== null && wanted();
    void vscode.commands.executeCommand('setContext', 'claudeNexus.routed', wanted());
    const noProxy = noProxyVariables(process.env, readSettings().network.proxy, process.platform);
    writer.write(
      routed
        ? scopes().map((scope) => ({
            scope,
            url: projectBaseUrl(ready.baseUrl, scope === null ? null : projectOf(scope)),
            noProxy,
          }))
        : [],
    );
    changed.fire();
  };
  const setWanted = async (value: boolean): Promise<void> => {
    await context.workspaceState.update(ROUTED_KEY, value);
    apply();
    const text = value
      ? vscode.l10n.t('New terminals in this workspace send Claude through Claude Nexus.')
      : vscode.l10n.t('New terminals in this workspace send Claude to its API directly.');
    vscode.window.setStatusBarMessage(text, 6000);
  };
  const baseUrl = (): string | null => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    if (sidecar.ready === null) return null;
    return projectBaseUrl(sidecar.ready.baseUrl, folder === undefined ? null : projectOf(folder));
  };

  context.subscriptions.push(
    changed,
    writer,
    sidecar.onDidChangeState(apply),
    vscode.workspace.onDidChangeWorkspaceFolders(apply),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (AFFECTING.some((name) => event.affectsConfiguration(name))) apply();
    }),
    vscode.commands.registerCommand('claudeNexus.route', () => setWanted(true)),
    vscode.commands.registerCommand('claudeNexus.unroute', () => setWanted(false)),
    vscode.commands.registerCommand('claudeNexus.copyBaseUrl', async () => {
      await copyBaseUrl(baseUrl());
    }),
  );
  return {
    get wanted() {
      return wanted();
    },
    onDidChange: changed.event,
    projects: () => (vscode.workspace.workspaceFolders ?? []).flatMap((folder) => projectOf(folder) ?? []),
    baseUrl,
  };
}

const AFFECTING = ['claudeNexus.routeTerminals', 'http.proxy'];

/** A folder's terminals, or (null) all terminals of a window without a folder. */
type Scope = vscode.WorkspaceFolder | null;

/** What the terminals of a scope get: the base URL, and the variables that name the proxy's exceptions. */
interface Wanted {
  readonly scope: Scope;
  readonly url: string;
  readonly noProxy: readonly string[];
}

/** Keeps the environment variable collection equal to what is wanted, and touches it only where it differs. */
class VariableWriter {
  readonly #collection: vscode.GlobalEnvironmentVariableCollection;
  readonly #written = new Map<string, Wanted>();

  constructor(collection: vscode.GlobalEnvironmentVariableCollection) {
    this.#collection = collection;
    collection.persistent = false;
    collection.description = vscode.l10n.t('Sends Claude Code through Claude Nexus, which records it.');
  }

  write(wanted: readonly Wanted[]): void {
    const keys = new Set(wanted.map(({ scope }) => keyOf(scope)));
    for (const [key, { scope }] of this.#written) {
      if (keys.has(key)) continue;
      this.#scoped(scope).clear();
      this.#written.delete(key);
    }
    for (const each of wanted) {
      const { scope, url, noProxy } = each;
      const written = this.#written.get(keyOf(scope));
      if (written?.url === url && written.noProxy.join() === noProxy.join()) continue;
      const variables = this.#scoped(scope);
      for (const name of written?.noProxy ?? []) variables.delete(name);
      // Also after the shell's own start files, which may set the variable for other places.
      const always = { applyAtProcessCreation: true, applyAtShellIntegration: true };
      variables.replace('ANTHROPIC_BASE_URL', url, always);
      // Claude Code switches its tool search off behind a base URL that is not Anthropic's.
      variables.replace('ENABLE_TOOL_SEARCH', 'true', always);
      // Claude would else ask the company's proxy for an address of this machine. What the user has there stays.
      for (const name of noProxy) variables.append(name, NO_PROXY_ADDITION, always);
      this.#written.set(keyOf(scope), each);
    }
  }

  dispose(): void {
    this.write([]);
  }

  #scoped(scope: Scope): vscode.EnvironmentVariableCollection {
    return scope === null ? this.#collection : this.#collection.getScoped({ workspaceFolder: scope });
  }
}

const keyOf = (scope: Scope): string => scope?.uri.toString() ?? '';

const folderUris = (): string[] => (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.toString());

function scopes(): Scope[] {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.length === 0 ? [null] : [...folders];
}

async function copyBaseUrl(url: string | null): Promise<void> {
  if (url === null) {
    void vscode.window.showWarningMessage(
      vscode.l10n.t('Claude Nexus is not running, so there is no base URL to copy.'),
    );
    return;
  }
  await vscode.env.clipboard.writeText(url);
  vscode.window.setStatusBarMessage(vscode.l10n.t('Base URL copied.'), 4000);
}
