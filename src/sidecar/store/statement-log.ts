import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely';
import { redactBody } from '../core/redact-body.ts';
import { redactText } from '../core/redact.ts';

/** What is logged of statements (SPEC 11.3). Plain data: it is handed to the recorder's thread. */
export interface StatementLogOptions {
  /** SLOW_QUERY_THRESHOLD_MS: statements that take so long are logged whatever else is set; 0: none. */
  slowMs: number;
  /** DEBUG_SQL: all of them, with parameters, time, rows and failures. */
  all: boolean;
  /** DEBUG: failures with their stack. */
  stacks: boolean;
}

export type WriteStatement = (
  level: 'debug' | 'warn' | 'error',
  message: string,
  fields: Record<string, unknown>,
) => void;

const LONGEST_TEXT = 2000;
const LONGEST_VALUE = 300;
const MOST_VALUES = 50;

/** Writes lines about statements, without a secret in them. */
export class StatementLog {
  readonly #options: StatementLogOptions;
  readonly #ownSecrets: readonly string[];
  readonly #write: WriteStatement;

  constructor(options: StatementLogOptions, ownSecrets: readonly string[], write: WriteStatement) {
    this.#options = options;
    this.#ownSecrets = ownSecrets;
    this.#write = write;
  }

  /** The dialect itself where only slow statements count: those are told of by `slow`. */
  watch(dialect: Dialect): Dialect {
    if (!this.#options.all) return dialect;
    return {
      createAdapter: () => dialect.createAdapter(),
      createDriver: () => watched(dialect.createDriver(), this),
      createIntrospector: (db) => dialect.createIntrospector(db),
      createQueryCompiler: () => dialect.createQueryCompiler(),
    };
  }

  slow(text: string, ms: number): void {
    const { slowMs } = this.#options;
    if (slowMs > 0 && ms >= slowMs) {
      this.#write('warn', 'A slow statement', { sql: this.#text(text), ms: Math.round(ms) });
    }
  }

  done(query: CompiledQuery, ms: number, result: QueryResult<unknown>): void {
    const affected = result.numAffectedRows;
    this.#write('debug', 'Statement', {
      ...this.#statement(query, ms),
      rows: result.rows.length,
      ...(affected === undefined ? {} : { affected: Number(affected) }),
    });
  }

  failed(query: CompiledQuery, ms: number, error: unknown): void {
    const details: Record<string, unknown> = {};
    for (const name of ['code', 'detail', 'hint', 'table', 'column', 'constraint', 'position']) {
      const value = (error as Record<string, unknown> | null)?.[name];
      if (typeof value === 'string') details[name] = this.#text(value);
    }
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    this.#write('error', 'A statement failed', {
      ...this.#statement(query, ms),
      error: this.#text(message),
      ...details,
      ...(this.#options.stacks && stack !== undefined ? { stack: this.#text(stack) } : {}),
    });
  }

  #statement({ sql, parameters }: CompiledQuery, ms: number): Record<string, unknown> {
    // The key of account ids is kept there.
    const isSecret = /\bsetting\b/.test(sql);
    const shown = parameters.slice(0, MOST_VALUES).map((value) => (isSecret ? '****' : this.#value(value)));
    if (parameters.length > MOST_VALUES) shown.push(`… ${String(parameters.length)} in all`);
    return { sql: this.#text(sql), parameters: shown, ms: Math.round(ms * 100) / 100 };
  }

  #value(value: unknown): unknown {
    if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') {
      return value;
    }
    if (value instanceof Uint8Array) return `[${String(value.byteLength)} bytes]`;
    if (typeof value === 'bigint') return value.toString();
    if (Array.isArray(value)) {
      const few = value.slice(0, 5).map((item) => this.#value(item));
      return value.length > 5 ? [...few, `… ${String(value.length)} in all`] : few;
    }
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return this.#text(text, LONGEST_VALUE);
  }

  /** Masked before it is cut: a part of a secret would not be told. */
  #text(text: string, longest = LONGEST_TEXT): string {
    const own = redactBody(
      Buffer.from(text),
      { mode: 'own', ownSecrets: this.#ownSecrets },
      '',
    ).body.toString();
    const line = redactText(own).text.replaceAll(/\s+/g, ' ').trim();
    return line.length > longest ? `${line.slice(0, longest)}…` : line;
  }
}

/** The driver with every statement told. What it hands out is changed in place, so that all else stays the driver's own. */
function watched(driver: Driver, log: StatementLog): Driver {
  const seen = new WeakSet<DatabaseConnection>();
  const acquire = driver.acquireConnection.bind(driver);
  driver.acquireConnection = async (options) => {
    const connection = await acquire(options);
    if (!seen.has(connection)) watchConnection(connection, log);
    seen.add(connection);
    return connection;
  };
  return driver;
}

function watchConnection(connection: DatabaseConnection, log: StatementLog): void {
  const execute = connection.executeQuery.bind(connection);
  connection.executeQuery = async <R>(
    ...[query, options]: Parameters<DatabaseConnection['executeQuery']>
  ): Promise<QueryResult<R>> => {
    const startedAt = performance.now();
    try {
      const result = await execute<R>(query, options);
      log.done(query, performance.now() - startedAt, result);
      return result;
    } catch (error) {
      log.failed(query, performance.now() - startedAt, error);
      throw error;
    }
  };
}
