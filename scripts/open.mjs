import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** The full path of a program on PATH, or null. */
export function findProgram(name) {
  const extensions = process.platform === 'win32' ? (process.env.PATHEXT ?? '.CMD;.EXE').split(';') : [''];
  for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const extension of extensions) {
      const file = path.join(dir, name + extension);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not in this directory.
      }
    }
  }
  return null;
}

/** A link to the panels with a code that works once, within a minute. */
export async function panelsLink(ready) {
  const response = await fetch(new URL('/ui/code', ready.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${ready.token}`, 'content-type': 'application/json' },
    body: '{}',
  });
  if (!response.ok)
    throw new Error(`The sidecar answered ${String(response.status)} to the request for a link.`);
  return (await response.json()).url;
}

/** True when the desktop's opener took the link. */
export function openInBrowser(link) {
  const opener = openerOf(process.platform);
  if (opener === null) return Promise.resolve(false);
  return new Promise((resolve) => {
    const child = spawn(opener[0], [...opener.slice(1), link], { stdio: 'ignore', detached: true });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

function openerOf(platform) {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  const desktop = (process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY ?? '') !== '';
  return desktop && findProgram('xdg-open') !== null ? ['xdg-open'] : null;
}
