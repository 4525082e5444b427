import { expect, test } from 'vitest';
import { createClient } from './client.ts';
import { ProblemError, unwrap } from './unwrap.ts';

/** A client whose requests are noted and answered with `status` and `body`. */
function clientThatGets(
  status: number,
  body: unknown,
): { client: ReturnType<typeof createClient>; asked: string[] } {
  const asked: string[] = [];
  const client = createClient('http://sidecar.test', (input, init) => {
    asked.push(`${init?.method ?? 'GET'} ${input instanceof Request ? input.url : String(input)}`);
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  return { client, asked };
}

test('routes become requests, answers keep their types', async () => {
  const { client, asked } = clientThatGets(200, {
    conversations: [],
    pagination: { limit: 20, nextCursor: null },
  });
  const page = await unwrap(client.api.conversations.$get({ query: { limit: '20', search: 'a b' } }));
  // Compiles only while the row's type is known here.
  const titles: string[] = page.conversations.map((row) => row.title);
  expect(titles).toEqual([]);
  const id = '0192f0c1-2b3c-7d4e-8f50-0123456789ab';
  await unwrap(client.api.conversations[':id'].$get({ param: { id } }));
  await unwrap(client.api.requests[':id'].$get({ param: { id }, query: { fields: 'requestBody' } }));
  await unwrap(client.api.requests[':id'].link.$get({ param: { id } }));
  await unwrap(client.api.status.$get());
  await unwrap(client.api.shutdown.$post({ json: {} }));
  expect(asked).toEqual([
    'GET http://sidecar.test/api/conversations?limit=20&search=a+b',
    `GET http://sidecar.test/api/conversations/${id}`,
    `GET http://sidecar.test/api/requests/${id}?fields=requestBody`,
    `GET http://sidecar.test/api/requests/${id}/link`,
    'GET http://sidecar.test/api/status',
    'POST http://sidecar.test/api/shutdown',
  ]);
});

test('a problem is thrown with its code and sentence, anything else with its status', async () => {
  const check = async (status: number, body: unknown, expected: object): Promise<void> => {
    const { client } = clientThatGets(status, body);
    const error: unknown = await unwrap(client.api.status.$get()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject(expected);
  };
  const issues = [{ path: 'limit', message: 'too small' }];
  const found = {
    type: 'about:blank',
    title: 'Bad request',
    status: 400,
    detail: 'No.',
    code: 'bad_request',
    issues,
  };
  await check(400, found, { code: 'bad_request', status: 400, detail: 'No.', message: 'No.', issues });
  await check(502, 'gateway', { code: 'internal', status: 502, detail: 'The sidecar answered 502.' });
});
