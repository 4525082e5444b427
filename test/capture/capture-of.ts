import type { FakeExchange } from '../support/fake-anthropic.mjs';
import type { OwnCapture } from '../support/own-captures.ts';
import { scrub, scrubTools } from './scrub.ts';
import { lineOfAgent, truthsOf } from './truth.ts';
import type { Scenario } from './scenarios.ts';

/** Of a response: the others are the scripted upstream's own. */
const KEPT_HEADERS = new Set(['content-type', 'request-id']);

/** What passed, as it is kept. `paths`: this machine's, and what stands for them. */
export function captureOf(
  { name: scenario, client, lineOf = lineOfAgent }: Scenario,
  all: FakeExchange[],
  paths: [string, string][],
): OwnCapture {
  const messages: unknown[] = [];
  const values: unknown[] = [];
  const indexIn = (list: unknown[], value: unknown): number => {
    const json = JSON.stringify(value);
    const at = list.findIndex((one) => JSON.stringify(one) === json);
    return at < 0 ? list.push(value) - 1 : at;
  };
  const truths = truthsOf(all, lineOf);
  const exchanges = all.map((exchange, at): OwnCapture['exchanges'][number] => {
    const { request, response } = scrub(exchange, paths);
    const body = request.body as Record<string, unknown> | null | undefined;
    const { query } = request;
    return {
      truth: truths[at]!,
      request: {
        method: request.method,
        path: `${request.path}${query === '' ? '' : `?${query.replace(/^\?/, '')}`}`,
        http: request.httpVersion,
        headers: pairs(request.rawHeaders),
        bytes: request.bytes,
        body:
          body === null || body === undefined
            ? null
            : {
                ...body,
                messages: ((body['messages'] ?? []) as unknown[]).map((one) => indexIn(messages, one)),
                ...('system' in body ? { system: indexIn(values, body['system']) } : {}),
                ...('tools' in body ? { tools: indexIn(values, scrubTools(body['tools'])) } : {}),
                ...('metadata' in body ? { metadata: withoutDevice(body['metadata']) } : {}),
              },
      },
      response: {
        status: response.status,
        ended: response.ended ?? 'complete',
        ms: response.ms ?? 0,
        headers: Object.fromEntries(
          Object.entries(response.headers)
            .filter(([name]) => KEPT_HEADERS.has(name.toLowerCase()))
            .map(([name, value]) => [name, String(value)]),
        ),
        stream: response.events !== undefined,
        body: response.body,
        ...(response.ended === 'complete' ? {} : { events: response.events ?? [] }),
      },
    };
  });
  return { client, scenario, messages, values, exchanges };
}

const pairs = (raw: string[]): [string, string][] =>
  raw.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, raw[at + 1]!]] : []));

function withoutDevice(metadata: unknown): unknown {
  return JSON.parse(JSON.stringify(metadata).replace(/[0-9a-f]{64}/g, '0'.repeat(64)));
}
