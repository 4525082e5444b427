import type { Database } from '../store/database.ts';
import { Preparation } from './preparation.ts';
import { recordCalls, recordRequest, type Change, type RecordContext } from './record.ts';
import { recordEnd } from './record-end.ts';
import { Samples } from './samples.ts';
import { Tally } from './tally.ts';
import type { RecorderListener, RecorderOptions } from './thread.ts';
import type { Track } from './track.ts';

/** Puts the steps of exchanges into the store, one at a time, with what is remembered from one to the next. */
export class Steps {
  /** HMAC key of account ids. */
  salt = '';
  readonly #context: Pick<RecordContext, 'pause' | 'late'>;
  readonly #preparation = new Preparation();
  readonly tally = new Tally();
  readonly #samples: Samples | null;

  constructor(
    { samplesDir, ownSecrets }: Pick<RecorderOptions, 'samplesDir' | 'ownSecrets'>,
    context: Pick<RecordContext, 'pause' | 'late'>,
    log: RecorderListener['onLog'],
  ) {
    this.#context = context;
    const warn = (message: string, fields: Record<string, unknown>): void => {
      log('warn', message, fields);
    };
    this.#samples = samplesDir === null ? null : new Samples(samplesDir, ownSecrets, warn);
  }

  /** Records the first step of the track and takes it off. `finished`: it was the exchange's last. */
  async record(database: Database, track: Track): Promise<{ changes: Change[]; finished: boolean }> {
    const step = track.steps[0]!;
    const exchange = track.exchange!;
    const context: RecordContext = {
      database,
      salt: this.salt,
      preparation: this.#preparation,
      ...this.#context,
      tally: this.tally,
    };
    let changes: Change[];
    if (step.kind === 'begin') changes = await recordRequest(context, exchange);
    else if (step.kind === 'calls') changes = await recordCalls(context, exchange, step.calls, step.at);
    else changes = await recordEnd(context, exchange, step.end, step.at);
    track.steps.shift();
    track.attempts = 0;
    const finished = step.kind === 'finish';
    if (step.kind === 'begin') {
      this.#samples?.begin(exchange);
      exchange.dropRequest();
    }
    if (finished) this.#samples?.finish(exchange);
    return { changes, finished };
  }
}
