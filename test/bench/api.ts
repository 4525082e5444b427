import type { ReadyProcess } from './processes.ts';

/** Asks the control API of a started sidecar; gives how long the whole answer took, in ms, and its text. */
export async function ask(sidecar: ReadyProcess, path: string): Promise<{ ms: number; text: string }> {
  const started = performance.now();
  const response = await fetch(`${String(sidecar.line['url'])}${path}`, {
    headers: { authorization: `Bearer ${String(sidecar.line['token'])}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${String(response.status)}: ${text.slice(0, 300)}`);
  return { ms: performance.now() - started, text };
}

/** The same `rounds` times after a few that do not count: milliseconds of each. */
export async function askOften(sidecar: ReadyProcess, path: string, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = -5; round < rounds; round++) {
    const { ms } = await ask(sidecar, path);
    if (round >= 0) times.push(ms);
  }
  return times;
}

/** How many exchanges the recorder has still to do. */
export async function pending(sidecar: ReadyProcess): Promise<number> {
  const { text } = await ask(sidecar, '/api/status');
  return (JSON.parse(text) as { recorder: { pending: number } }).recorder.pending;
}
