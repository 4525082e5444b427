/** What a client sends when only its being answered and recorded matters. */
export function ask(
  baseUrl: string,
  words = 'hi',
  more: { stream?: boolean; messages?: unknown[] } = {},
): Promise<Response> {
  return fetch(`${baseUrl}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'sk-ant-made-up' },
    body: JSON.stringify({
      model: 'claude-opus-5-5',
      max_tokens: 100,
      stream: true,
      messages: [{ role: 'user', content: words }],
      ...more,
    }),
  });
}

/** The same, read to its end; the id of the exchange. Throws where the answer did not come to its end. */
export async function askToTheEnd(...args: Parameters<typeof ask>): Promise<string> {
  const answer = await ask(...args);
  const text = await answer.text();
  if (!text.includes('message_stop')) throw new Error(`${String(answer.status)}: ${text}`);
  return answer.headers.get('x-nexus-request-id') ?? '';
}
