import { Trails } from './trails.ts';

/** Node keys and block hashes that are kept in mind: about 4 MB, more than some hundred sessions have in common. */
const MOST_KEYS = 30_000;

/**
 * What this process knows to be committed in its database, so that it neither asks for it nor sends it again: the
 * system prompt, tools, template and headers of a session are the same on every turn. It may be out of date, when
 * content was deleted: a foreign key then refuses the transaction, and it is done again after `forget()`.
 */
export class Known {
  /** Partitions of `usage` that exist. */
  readonly months = new Set<string>();
  /** What new runs of chains are compressed with. */
  readonly trails = new Trails();
  /** The oldest first. */
  readonly #keys = new Set<string>();

  has(tenant: string, key: Buffer): boolean {
    return this.#keys.has(nameOf(tenant, key));
  }

  /** Only after the commit. */
  add(tenant: string, keys: Iterable<Buffer>): void {
    for (const key of keys) this.#keys.add(nameOf(tenant, key));
    for (const oldest of this.#keys) {
      if (this.#keys.size <= MOST_KEYS) break;
      this.#keys.delete(oldest);
    }
  }

  /** For whoever deletes content, right after it; and when the database says that something is not there. */
  forget(): void {
    this.#keys.clear();
    this.months.clear();
  }
}

/** A tenant's own names: content is never shared among tenants. */
const nameOf = (tenant: string, key: Buffer): string => `${key.toString('latin1')}${tenant}`;
