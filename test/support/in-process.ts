import { decodeFrames } from '../../src/sidecar/core/frames.ts';
import { OpenExchange } from '../../src/sidecar/recorder/open-exchange.ts';
import { Preparation } from '../../src/sidecar/recorder/preparation.ts';
import { recordEnd } from '../../src/sidecar/recorder/record-end.ts';
import { recordRequest, type RecordContext } from '../../src/sidecar/recorder/record.ts';
import type { Database } from '../../src/sidecar/store/database.ts';
import { journalOf, type ScriptedExchange } from './recording.ts';

/** What the recorder's thread works with, for tests that call its transactions themselves. */
export function contextOf(database: Database): RecordContext {
  return {
    database,
    salt: 'made-up-salt',
    preparation: new Preparation(),
    pause: () => Promise.resolve(),
  };
}

/** An exchange as it is once its whole journal is read. */
export async function exchangeOf(script: ScriptedExchange): Promise<OpenExchange> {
  const { frames } = decodeFrames(journalOf(script).bytes);
  const exchange = new OpenExchange(frames[0]!, { mode: 'own', ownSecrets: [] });
  for (const frame of frames) await exchange.take(frame);
  return exchange;
}

/** Both transactions of an exchange; its id. */
export async function recordWhole(context: RecordContext, script: ScriptedExchange): Promise<string> {
  const exchange = await exchangeOf(script);
  await recordRequest(context, exchange);
  exchange.dropRequest();
  await finish(context, exchange);
  exchange.close();
  return exchange.head.id;
}

/** Its second transaction. */
export async function finish(context: RecordContext, exchange: OpenExchange): Promise<void> {
  const end = { reason: 'complete' as const, error: null, requestBodyNote: null };
  await recordEnd(context, exchange, end, exchange.lastAt);
}
