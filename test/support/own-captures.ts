import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaptureExchange, CaptureTruth } from '../fixtures/captures/load.mjs';

export const OWN_CAPTURES = join(import.meta.dirname, '..', 'fixtures', 'own-captures');

/** One scenario in one file, as `test/capture/run.ts` writes it: what requests share is in it once. */
export interface OwnCapture {
  client: string;
  scenario: string;
  /** All messages that differ; a body's `messages` are indices. */
  messages: unknown[];
  /** The same for `system` and `tools`. */
  values: unknown[];
  exchanges: Omit<CaptureExchange, 'id'>[];
}

/** The captures of our own, in the form of the others. */
export function ownCaptures(): { client: string; scenario: string; exchanges: CaptureExchange[] }[] {
  return readdirSync(OWN_CAPTURES)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => {
      const capture = JSON.parse(readFileSync(join(OWN_CAPTURES, name), 'utf8')) as OwnCapture;
      return {
        client: capture.client,
        scenario: capture.scenario,
        exchanges: capture.exchanges.map((exchange) => whole(capture, exchange)),
      };
    });
}

function whole(
  { messages, values }: OwnCapture,
  exchange: Omit<CaptureExchange, 'id'> & { truth: CaptureTruth },
): CaptureExchange {
  const { request, truth } = exchange;
  const body = request.body ?? null;
  const filled =
    body === null
      ? null
      : Object.fromEntries(
          Object.entries(body).map(([name, value]): [string, unknown] => {
            if (name === 'messages') return [name, (value as number[]).map((at) => messages[at])];
            return name === 'system' || name === 'tools' ? [name, values[value as number]] : [name, value];
          }),
        );
  return { ...exchange, id: truth.id, request: { ...request, body: filled } };
}
