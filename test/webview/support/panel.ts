import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { HostMessage, PanelTarget, WebviewMessage } from '../../../src/protocol/bridge.ts';
import type { NexusEvent } from '../../../src/protocol/events.ts';
import { darkModern } from '../../fixtures/webview/themes.ts';

const root = path.join(import.meta.dirname, '../../..');
const out = path.join(root, 'out/webview-test');
const shots = path.join(root, 'test-results/webview');

const ELEMENTS = {
  conversations: 'nexus-app',
  requests: 'nexus-requests',
  storage: 'nexus-storage',
};
type PanelName = keyof typeof ELEMENTS;

/** What an `/api/` path answers; undefined: 404. */
export type Answer = { status?: number; body: unknown } | undefined;
export type Routes = (url: URL, request: { method: string; body: unknown }) => Answer | Promise<Answer>;

export interface Panel {
  page: Page;
  /** Every message the panel sent to its host, fetches aside. */
  sent: WebviewMessage[];
  /** Paths that were fetched. */
  fetched: string[];
  /** Errors of the page: exceptions, console errors, requests to anywhere but this server. */
  faults: string[];
  routes: Routes;
  send: (message: HostMessage) => Promise<void>;
  event: (event: NexusEvent) => Promise<void>;
  shot: (name: string) => Promise<void>;
  close: () => Promise<void>;
}

/** Newest change below a folder, in ms since the epoch. */
function newest(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(...names.map((name) => statSync(path.join(folder, name)).mtimeMs));
}

/** Bundles the panel, unless the last bundle is newer than its sources: six test files share one. */
async function bundle(): Promise<void> {
  const stamp = path.join(out, '.built');
  const sources = ['webview', 'client', 'protocol', 'wording'].map((room) =>
    newest(path.join(root, 'src', room)),
  );
  if (existsSync(stamp) && statSync(stamp).mtimeMs > Math.max(...sources)) return;
  await build({
    absWorkingDir: root,
    entryPoints: {
      conversations: 'src/webview/conversations/main.ts',
      requests: 'src/webview/requests/main.ts',
      storage: 'src/webview/storage/main.ts',
    },
    outdir: out,
    chunkNames: 'chunks/[name]-[hash]',
    assetNames: '[name]',
    bundle: true,
    format: 'esm',
    splitting: true,
    platform: 'browser',
    target: ['chrome128'],
    loader: { '.ttf': 'file' },
    logLevel: 'error',
  });
  writeFileSync(stamp, '');
}

/** Bundles as esbuild.mjs does, serves the page on loopback, drives an installed Chromium. */
export class Stage {
  #server: Server | null = null;
  #browser: Browser | null = null;
  origin = '';

  async start(): Promise<void> {
    await bundle();
    this.#server = createServer((request, response) => {
      const { pathname: name, searchParams } = new URL(request.url ?? '/', 'http://page.test');
      const types: Record<string, string> = {
        '.js': 'text/javascript',
        '.css': 'text/css',
        '.ttf': 'font/ttf',
      };
      const type = types[path.extname(name)];
      try {
        const body = type
          ? readFileSync(path.join(out, path.normalize(name)))
          : pageHtml(searchParams.has('inline'), panelOf(name));
        response.writeHead(200, { 'content-type': type ?? 'text/html; charset=utf-8' }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    this.#browser = await chromium.launch({
      executablePath: process.env['NEXUS_CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--no-first-run',
        '--disable-component-update',
      ],
    });
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    this.#server?.close();
  }

  /** A page of its own, without VS Code: the panel in a browser tab. */
  async browse(): Promise<Page> {
    if (!this.#browser) throw new Error('The stage has not been started.');
    return this.#browser.newPage();
  }

  /** Opens a panel as VS Code would: theme on the page, a host behind `acquireVsCodeApi`. */
  async open(options: {
    /** Which one; the conversations by default. */
    panel?: PanelName;
    routes: Routes;
    target?: PanelTarget;
    theme?: typeof darkModern;
    size?: { width: number; height: number };
    state?: unknown;
    /** Of the address, as `?domain=x`. */
    query?: string;
    now?: number;
    reducedMotion?: boolean;
    /** As VS Code's panel and /ui allow; without, the page must do without. */
    inlineStyles?: boolean;
  }): Promise<Panel> {
    if (!this.#browser) throw new Error('The stage has not been started.');
    const context = await this.#browser.newContext({
      viewport: options.size ?? { width: 1280, height: 800 },
      timezoneId: 'UTC',
      reducedMotion: options.reducedMotion === false ? 'no-preference' : 'reduce',
    });
    const page = await context.newPage();
    if (options.now !== undefined) await page.clock.setFixedTime(options.now);
    const panel: Panel = {
      page,
      sent: [],
      fetched: [],
      faults: [],
      routes: options.routes,
      send: (message) =>
        page.evaluate((data) => {
          window.postMessage(data, '*');
        }, message),
      event: (event) => panel.send({ kind: 'event', event }),
      shot: async (name) => {
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: path.join(shots, `${name}.png`) });
      },
      close: () => context.close(),
    };
    page.on('pageerror', (error) => panel.faults.push(`exception: ${error.message}`));
    page.on('console', (message) => {
      // The control library adds an empty style element, which the policy refuses and nobody misses.
      const empty =
        message.text().includes('Applying inline style') &&
        message.text().includes('sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
      if (message.type() === 'error' && !empty) panel.faults.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(this.origin) && !/^(data|blob):/.test(request.url())) {
        panel.faults.push(`request: ${request.url()}`);
      }
    });
    await page.exposeFunction('nexusHost', async (message: WebviewMessage): Promise<HostMessage | null> => {
      if (message.kind === 'ready') {
        return { kind: 'show', target: options.target ?? { conversationId: null, requestId: null } };
      }
      if (message.kind !== 'fetch') {
        panel.sent.push(message);
        return null;
      }
      panel.fetched.push(message.path);
      const answer = (await panel.routes(new URL(message.path, 'http://sidecar.test'), {
        method: message.method,
        body: message.body === undefined ? null : JSON.parse(message.body),
      })) ?? {
        status: 404,
        body: {
          type: 'about:blank',
          title: 'Not found',
          status: 404,
          detail: 'No such thing.',
          code: 'not_found',
        },
      };
      if (answer.status === 0) return { kind: 'failure', id: message.id, message: String(answer.body) };
      return {
        kind: 'response',
        id: message.id,
        status: answer.status ?? 200,
        contentType: 'application/json',
        body: JSON.stringify(answer.body),
      };
    });
    await page.addInitScript((state: unknown) => {
      let kept = state;
      const host = (window as unknown as { nexusHost: (message: unknown) => Promise<unknown> }).nexusHost;
      Object.assign(window, {
        acquireVsCodeApi: () => ({
          postMessage: (message: unknown) => {
            void host(JSON.parse(JSON.stringify(message))).then((answer) => {
              if (answer) window.postMessage(answer, '*');
            });
          },
          getState: () => kept,
          setState: (value: unknown) => (kept = value),
        }),
      });
    }, options.state);
    const name = options.panel ?? 'panel';
    await page.goto(`${this.origin}/${name}${options.inlineStyles ? '?inline' : (options.query ?? '')}`);
    const theme = options.theme ?? darkModern;
    await page.evaluate(({ kind, colours }) => {
      document.body.className = kind;
      for (const [name, value] of Object.entries(colours)) {
        document.documentElement.style.setProperty(`--vscode-${name}`, value);
      }
    }, theme);
    return panel;
  }
}

function panelOf(path: string): PanelName {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return Object.hasOwn(ELEMENTS, name) ? (name as PanelName) : 'conversations';
}

/** The page as the extension makes it: the same policy, the bundle, nothing else. */
function pageHtml(inlineStyles: boolean, panel: PanelName): string {
  const element = ELEMENTS[panel];
  const policy = `default-src 'none'; img-src data:; font-src 'self'; style-src 'self'${inlineStyles ? " 'unsafe-inline'" : ''}; script-src 'nonce-test'; connect-src 'self'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="/${panel}.css">
<title>Conversations</title>
</head>
<body class="vscode-dark"><${element}></${element}><script type="module" nonce="test" src="/${panel}.js"></script></body>
</html>`;
}
