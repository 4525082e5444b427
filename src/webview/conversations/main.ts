import '@vscode/codicons/dist/codicon.css';
import '../shared/base.css';
import { createBrowserHost } from '../shared/browser-host.ts';
import type { Host } from '../shared/host.ts';
import { createVsCodeHost, type VsCodeApi } from '../shared/vscode-host.ts';
import { NexusApp } from './app.ts';

declare global {
  var acquireVsCodeApi: (() => VsCodeApi) | undefined;
}

/** In VS Code the page has `acquireVsCodeApi`; in a browser tab it has a session cookie. */
function createHost(): Host {
  const acquire = globalThis.acquireVsCodeApi;
  return acquire ? createVsCodeHost(acquire()) : createBrowserHost();
}

let app = document.querySelector('nexus-app');
if (!app) {
  app = document.createElement('nexus-app');
  document.body.append(app);
}
if (app instanceof NexusApp) app.host = createHost();
