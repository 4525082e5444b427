import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

/** Names one process so that a later one can prove whether it still lives. Every null means "not known here". */
export const processIdentity = z.object({
  pid: z.number().int().positive(),
  /** Linux: clock ticks since boot (exact). Elsewhere: milliseconds since the epoch (within seconds). */
  startedAt: z.number(),
  bootId: z.string().nullable(),
  /** Linux pid namespace: a pid of another one says nothing here. */
  pidNamespace: z.string().nullable(),
  host: z.string(),
  /** Hash of the machine id: two machines of one name that share a folder are told apart by it. */
  machine: z.string().nullable(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

export type Liveness = 'alive' | 'dead' | 'unknowable';

/** How far a start time read from outside may lie from what the process itself wrote, in milliseconds. */
const CLOCK_TOLERANCE_MS = 10_000;

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    startedAt:
      process.platform === 'linux' ? (linuxProcess(process.pid)?.startTicks ?? 0) : performance.timeOrigin,
    bootId: bootId(),
    pidNamespace: process.platform === 'linux' ? quiet(() => readlinkSync('/proc/self/ns/pid')) : null,
    host: hostname(),
    machine: machine(),
  };
}

/**
 * Whether that process lives, seen from `here`. `dead` only with proof (no such pid, a pid given to a younger
 * process, another boot of this machine), never by age; `unknowable` for another machine or pid namespace.
 */
export function liveness(other: ProcessIdentity, here: ProcessIdentity = ownIdentity()): Liveness {
  const sameBoot = other.bootId !== null && other.bootId === here.bootId;
  if (!sameBoot) {
    if (other.host !== here.host) return 'unknowable';
    if (other.machine !== null && here.machine !== null && other.machine !== here.machine) {
      return 'unknowable';
    }
    if (other.bootId !== null && here.bootId !== null) return 'dead';
  }
  if (other.pidNamespace !== here.pidNamespace) return 'unknowable';
  return processExists(other.pid) ? sameStart(other) : 'dead';
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function sameStart(other: ProcessIdentity): Liveness {
  if (process.platform === 'linux') {
    const found = linuxProcess(other.pid);
    if (found === null) return processExists(other.pid) ? 'alive' : 'dead';
    // A zombie has closed its files: nothing of it can write any more.
    if (found.state === 'Z' || found.state === 'X') return 'dead';
    return found.startTicks === other.startedAt ? 'alive' : 'dead';
  }
  const started = process.platform === 'win32' ? windowsStart(other.pid) : posixStart(other.pid);
  if (started === null) return processExists(other.pid) ? 'alive' : 'dead';
  return Math.abs(started - other.startedAt) <= CLOCK_TOLERANCE_MS ? 'alive' : 'dead';
}

/** Fields 3 and 22 of /proc/<pid>/stat (proc(5)); the name in field 2 may hold spaces and brackets. */
function linuxProcess(pid: number): { state: string; startTicks: number } | null {
  const stat = quiet(() => readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], Number(fields[19])];
  return state === undefined || !Number.isFinite(ticks) ? null : { state, startTicks: ticks };
}

function posixStart(pid: number): number | null {
  const text = output('ps', ['-o', 'lstart=', '-p', String(pid)]);
  const time = text === null ? NaN : Date.parse(text);
  return Number.isFinite(time) ? time : null;
}

function windowsStart(pid: number): number | null {
  const script = `[DateTimeOffset]::new((Get-Process -Id ${String(pid)}).StartTime).ToUnixTimeMilliseconds()`;
  const text = output('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', script]);
  const time = text === null || text === '' ? NaN : Number(text);
  return Number.isFinite(time) ? time : null;
}

function bootId(): string | null {
  if (process.platform === 'linux') {
    return quiet(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  }
  return process.platform === 'darwin' ? output('sysctl', ['-n', 'kern.bootsessionuuid']) : null;
}

function machine(): string | null {
  if (process.platform !== 'linux') return null;
  const id = quiet(() => readFileSync('/etc/machine-id', 'utf8').trim());
  return id === null || id === '' ? null : createHash('sha256').update(id).digest('hex').slice(0, 16);
}

function output(command: string, args: string[]): string | null {
  return quiet(() =>
    execFileSync(command, args, {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000,
      windowsHide: true,
    }).trim(),
  );
}

/** The answer of a system look-up, null where this system has none. */
function quiet(look: () => string): string | null {
  try {
    return look();
  } catch {
    return null;
  }
}
