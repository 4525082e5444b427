import { PROTOCOL_VERSION, type ReadyLine } from '../protocol/status.ts';
import { NexusFailure, curesItself, troubleOf, type Trouble } from './problems.ts';
import type { Endable } from './sidecar-health.ts';

/** Where the sidecar is, as this window sees it. `retryInMs` null: it waits for the user. */
export type SidecarState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'connected'; readonly ready: ReadyLine }
  | { readonly kind: 'down'; readonly trouble: Trouble; readonly retryInMs: number | null };

/** What the supervisor needs from the world. */
export interface SupervisorPorts {
  /** Starts or attaches; rejects with a `NexusFailure`. */
  launch(signal: AbortSignal): Promise<ReadyLine>;
  /** Whether the sidecar answers at its URL. */
  answers(ready: ReadyLine): Promise<boolean>;
  /** Asks the sidecar's process to end; resolves when it no longer answers. */
  end(sidecar: Endable): Promise<void>;
  /** Resolves after `ms`, or at once when the signal fires. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Milliseconds on a clock that only goes forward. */
  now(): number;
  onState(state: SidecarState): void;
}

/** The version of this extension and whether it may replace an older sidecar that another window started. */
export interface OwnVersion {
  readonly version: string;
  readonly protocolVersion: number;
}

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 60_000;
/** After this long in good health the next failure counts as the first one. */
const HEALTHY_AFTER_MS = 60_000;

/**
 * Keeps one sidecar reachable: starting → connected → down → … It starts again with a growing delay when the sidecar
 * dies or does not start, and waits for the user where trying again cannot help.
 */
export class SidecarSupervisor {
  readonly #ports: SupervisorPorts;
  readonly #own: OwnVersion;
  #state: SidecarState = { kind: 'starting' };
  #run = new AbortController();
  #failures = 0;
  #connectedAt = 0;
  #checking = false;
  /** What is under way; never rejects. */
  #work: Promise<void> = Promise.resolve();
  /** The sidecar a launch has found and nobody has seen dead since: the one a restart ends. */
  #found: ReadyLine | null = null;

  constructor(
    ports: SupervisorPorts,
    own: OwnVersion = { version: '0.0.0', protocolVersion: PROTOCOL_VERSION },
  ) {
    this.#ports = ports;
    this.#own = own;
  }

  get state(): SidecarState {
    return this.#state;
  }

  /** Starts from scratch: a first start, changed settings, or the user asked. Never rejects. */
  async start(): Promise<void> {
    await this.#anew(async (signal) => {
      await this.#keepTrying(signal);
    });
  }

  /** Ends the running sidecar (other windows reconnect by themselves) and starts a new one. Never rejects. */
  async restart(): Promise<void> {
    await this.#anew(async (signal) => {
      const found = this.#found;
      this.#found = null;
      if (found !== null) await this.#ports.end(found);
      await this.#keepTrying(signal);
    });
  }

  /** Somebody lost the connection: look, and start again if the sidecar is really gone. Never rejects. */
  async lost(): Promise<void> {
    const seen = this.#state;
    if (seen.kind !== 'connected' || this.#checking) return;
    this.#checking = true;
    const alive = await this.#ports.answers(seen.ready);
    this.#checking = false;
    if (alive || this.#state !== seen) return;
    // Its process id may belong to another program by now.
    this.#found = null;
    const signal = this.#newRun();
    if (this.#ports.now() - this.#connectedAt >= HEALTHY_AFTER_MS) this.#failures = 0;
    this.#work = this.#failed({ code: 'crashed', detail: 'Its process has ended.' }, signal).then(() =>
      this.#keepTrying(signal),
    );
    await this.#work;
  }

  /** Stops trying, and says why (the user switched it off). A running sidecar is left alone: others may use it. */
  stop(trouble: Trouble): void {
    this.#newRun();
    this.#set({ kind: 'down', trouble, retryInMs: null });
  }

  /** Ends all waiting without a word; the sidecar ends by itself when nobody uses it. */
  dispose(): void {
    this.#run.abort();
  }

  /**
   * Gives up what is under way, waits until it has let go (a launch in its middle would leave a sidecar with the old
   * settings behind, which keeps the port), and begins again.
   */
  async #anew(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const before = this.#work;
    const signal = this.#newRun();
    this.#failures = 0;
    this.#set({ kind: 'starting' });
    const current = before.then(async () => {
      if (!isAborted(signal)) await work(signal);
    });
    this.#work = current;
    await current;
  }

  async #keepTrying(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      try {
        const ready = await this.#reach(signal);
        if (isAborted(signal)) return;
        this.#connectedAt = this.#ports.now();
        this.#set({ kind: 'connected', ready });
        return;
      } catch (error) {
        if (isAborted(signal)) return;
        const more = await this.#failed(troubleOf(error), signal);
        if (!more) return;
      }
    }
  }

  async #reach(signal: AbortSignal): Promise<ReadyLine> {
    let ready = await this.#launch(signal);
    if (isOlder(ready, this.#own)) {
      await this.#ports.end(ready);
      ready = await this.#ports.launch(signal);
    }
    this.#found = ready;
    if (ready.protocolVersion > this.#own.protocolVersion) {
      throw new NexusFailure('newer_sidecar', `Version ${ready.version} is running.`);
    }
    if (!(await this.#ports.answers(ready))) {
      throw new NexusFailure('not_answering', `Nothing answers at ${ready.url}.`);
    }
    return ready;
  }

  /** A sidecar of an older protocol is replaced; it cannot be talked to, and its window finds the new one newer. */
  async #launch(signal: AbortSignal): Promise<ReadyLine> {
    try {
      return await this.#ports.launch(signal);
    } catch (error) {
      const owner = error instanceof NexusFailure ? error.owner : null;
      if (owner === null || isAborted(signal)) throw error;
      if (owner.protocolVersion > this.#own.protocolVersion) {
        throw new NexusFailure('newer_sidecar', (error as NexusFailure).message);
      }
      await this.#ports.end(owner);
      return await this.#ports.launch(signal);
    }
  }

  /** Says what went wrong and waits; false where trying again cannot help. */
  async #failed(trouble: Trouble, signal: AbortSignal): Promise<boolean> {
    this.#failures += 1;
    if (!curesItself(trouble.code)) {
      this.#set({ kind: 'down', trouble, retryInMs: null });
      return false;
    }
    // The first death is followed by a start at once: it is mostly an update or another window's restart.
    const first = trouble.code === 'crashed' && this.#failures === 1;
    const delay = first ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 1), LONGEST_DELAY_MS);
    this.#set({ kind: 'down', trouble, retryInMs: delay });
    if (delay > 0) await this.#ports.wait(delay, signal);
    return true;
  }

  #newRun(): AbortSignal {
    this.#run.abort();
    this.#run = new AbortController();
    return this.#run.signal;
  }

  #set(state: SidecarState): void {
    this.#state = state;
    this.#ports.onState(state);
  }
}

/** Read through a function: what was false before an await may be true after it. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Only an older one is replaced, so two editors with different versions cannot take it from each other for ever. */
function isOlder(ready: ReadyLine, own: OwnVersion): boolean {
  if (!ready.attached || ready.protocolVersion > own.protocolVersion) return false;
  return ready.protocolVersion < own.protocolVersion || compareVersions(ready.version, own.version) < 0;
}

/** By number, part by part; what is not a plain `1.2.3` counts as equal. */
export function compareVersions(a: string, b: string): number {
  const plain = /^\d+\.\d+\.\d+$/;
  if (!plain.test(a) || !plain.test(b)) return 0;
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (const [index, part] of left.entries()) {
    const difference = part - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
