import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** VS Code's SecretStorage, as far as it is used here. */
export interface SecretStore {
  get(name: string): Thenable<string | undefined>;
  store(name: string, value: string): Thenable<void>;
  delete(name: string): Thenable<void>;
}

const keptKey = z.object({
  apiKey: z.string(),
  /** The origin it was entered for: it is not handed to a sidecar that sends elsewhere. */
  upstream: z.string(),
});
export type KeptKey = z.infer<typeof keptKey>;

/**
 * API keys of domains in VS Code's safe place, one entry for each, and one with their domains' names. SecretStorage
 * belongs to the user's own machine and is the same in windows on others (SSH, containers), so the names hold which
 * machine a key was entered for: no other one's sidecar gets it.
 */
export class ApiKeys {
  readonly #secrets: SecretStore;
  readonly #machine: () => string;

  /** `machine` is asked for when it is needed: activation does not wait for a file. */
  constructor(secrets: SecretStore, machine: () => string) {
    this.#secrets = secrets;
    this.#machine = machine;
  }

  async all(): Promise<Map<string, KeptKey>> {
    const kept = new Map<string, KeptKey>();
    for (const domain of await this.#domains()) {
      const key = keptKey.safeParse(quietJson(await this.#secrets.get(this.#entry(domain))));
      if (key.success) kept.set(domain, key.data);
    }
    return kept;
  }

  async keep(domain: string, key: KeptKey): Promise<void> {
    await this.#secrets.store(this.#entry(domain), JSON.stringify(key));
    const domains = new Set(await this.#domains()).add(domain);
    await this.#secrets.store(this.#index(), JSON.stringify([...domains].sort()));
  }

  async forget(domain: string): Promise<void> {
    const domains = (await this.#domains()).filter((other) => other !== domain);
    await this.#secrets.store(this.#index(), JSON.stringify(domains));
    await this.#secrets.delete(this.#entry(domain));
  }

  /** Whether a change in the SecretStorage, in any window, was one of these keys. */
  has(name: string): boolean {
    return name.startsWith(PREFIX);
  }

  async #domains(): Promise<string[]> {
    return z
      .array(z.string())
      .catch([])
      .parse(quietJson(await this.#secrets.get(this.#index())));
  }

  #entry(domain: string): string {
    return `${PREFIX}:${this.#machine()}:${domain}`;
  }

  #index(): string {
    return `${PREFIX}s:${this.#machine()}`;
  }
}

const PREFIX = 'claudeNexus.apiKey';

/** A random name of the machine this extension runs on, kept in `dir` (which is on that machine). */
export function machineName(dir: string): string {
  const path = join(dir, 'machine-name');
  mkdirSync(dir, { recursive: true });
  try {
    // Of two windows that start at once the first one names it.
    writeFileSync(path, randomUUID(), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(path, 'utf8');
}

function quietJson(text: string | undefined): unknown {
  try {
    return text === undefined ? null : JSON.parse(text);
  } catch {
    // Not ours; the schema refuses it.
    return null;
  }
}
