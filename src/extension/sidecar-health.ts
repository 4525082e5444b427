import type { OtherOwner, ReadyLine } from '../protocol/status.ts';

const ANSWER_TIMEOUT_MS = 3000;
/** The sidecar lets open streams finish for 10 s; after this long it hangs. Its journal survives a kill. */
const END_TIMEOUT_MS = 15_000;

/** Whether something answers at the sidecar's URL. Never rejects. */
export async function answers(ready: ReadyLine): Promise<boolean> {
  try {
    const response = await fetch(new URL('/health/live', ready.url), {
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Refused, reset or timed out: whatever it is, nobody answers.
    return false;
  }
}

/** What is needed of a sidecar to end it; of another version not all may be known. */
export type Endable = Pick<OtherOwner, 'pid' | 'url' | 'token'>;

/**
 * Asks the sidecar to end (over its API: a signal would end it in the middle on Windows), waits until its process has,
 * and ends it the hard way if it hangs. Never rejects.
 */
export async function endSidecar(ready: Endable, timeoutMs: number = END_TIMEOUT_MS): Promise<void> {
  const started = Date.now();
  let signalled = (await askToStop(ready)) || signal(ready.pid, 'SIGTERM');
  while (signalled && signal(ready.pid, 0)) {
    if (Date.now() - started > timeoutMs) signalled = !signal(ready.pid, 'SIGKILL');
    await pause(50);
  }
}

/** Resolves after `ms`, or at once when the signal fires. */
export function pause(ms: number, stop?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stop?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (stop?.aborted === true) done();
    else stop?.addEventListener('abort', done);
  });
}

async function askToStop(ready: Endable): Promise<boolean> {
  if (ready.url === null || ready.token === null) return false;
  try {
    const response = await fetch(new URL('/api/shutdown', ready.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${ready.token}`, 'content-type': 'application/json' },
      body: '{}',
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // It hangs or has gone already: the signal decides.
    return false;
  }
}

/** False where there is no such process (or it is not ours). */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    // ESRCH or EPERM: there is nothing for us to end.
    return false;
  }
}
