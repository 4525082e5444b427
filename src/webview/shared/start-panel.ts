import '@vscode/codicons/dist/codicon.css';
import './base.css';
import { createBrowserHost } from './browser-host.ts';
import type { Host } from './host.ts';
import { createVsCodeHost, type VsCodeApi } from './vscode-host.ts';

declare global {
  var acquireVsCodeApi: (() => VsCodeApi) | undefined;
}

/** Gives the page's one element (`tag`, made when it is not there) the host of the place it runs in. */
export function startPanel(tag: string, panel: new () => HTMLElement & { host: Host }): void {
  let element = document.querySelector(tag);
  if (!element) {
    element = document.createElement(tag);
    document.body.append(element);
  }
  if (element instanceof panel) element.host = createHost();
}

/** In VS Code the page has `acquireVsCodeApi`; in a browser tab it has a session cookie. */
function createHost(): Host {
  const acquire = globalThis.acquireVsCodeApi;
  return acquire ? createVsCodeHost(acquire()) : createBrowserHost();
}
