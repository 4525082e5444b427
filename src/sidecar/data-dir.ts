import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { dataDirNotWritable } from './errors.ts';

/** The places inside one data directory. */
export interface DataDirLayout {
  root: string;
  journal: string;
  /** Journal files that wait for their next exchange; made when they are needed. */
  spare: string;
  logs: string;
  /** Port, path key and token, kept over restarts (0600). */
  state: string;
  /** The running owner's ready line, for a `serve` that attaches (0600). */
  owner: string;
  lock: string;
}

/** The platform's per-user data folder + `claude-nexus`: the same for every editor and terminal of this user. */
export function defaultDataDir(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  home: string = homedir(),
): string {
  const name = 'claude-nexus';
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), name);
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', name);
  const xdg = env['XDG_DATA_HOME'];
  // The XDG specification says that a relative path is invalid and must be ignored.
  return join(xdg?.startsWith('/') === true ? xdg : join(home, '.local', 'share'), name);
}

/**
 * Creates the directories, for this user only; an existing root keeps its mode, since it may hold other things too.
 * Throws `data_dir_not_writable` with the folder's name.
 */
export function prepareDataDir(root: string): DataDirLayout {
  const layout: DataDirLayout = {
    root,
    journal: join(root, 'journal'),
    spare: join(root, 'journal-spare'),
    logs: join(root, 'logs'),
    state: join(root, 'state.json'),
    owner: join(root, 'owner.json'),
    lock: join(root, 'sidecar.lock'),
  };
  let current = root;
  try {
    for (const dir of [root, layout.journal, layout.logs]) {
      current = dir;
      makeDirectory(dir, 0o700);
      accessSync(dir, constants.W_OK | constants.X_OK);
    }
  } catch (cause) {
    throw dataDirNotWritable(current, cause);
  }
  return layout;
}

/**
 * Creates the directory and what is missing above it. Not with `recursive: true`: Node 20 to 24 never come back from that
 * where a file system answers ENOENT below an existing directory (`/proc`).
 */
export function makeDirectory(dir: string, mode: number): void {
  try {
    mkdirSync(dir, { mode });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' && statSync(dir).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(dir))) throw error;
    makeDirectory(dirname(dir), 0o777);
    mkdirSync(dir, { mode });
  }
}
