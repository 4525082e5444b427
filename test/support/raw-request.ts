import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/**
 * One request with exactly these headers: `fetch` sets Host, Origin and fetch metadata itself. A Host given as an array
 * is sent several times; null leaves it out.
 */
export function rawRequest(options: {
  url: string;
  method?: string;
  path: string;
  host?: string | string[];
  headers?: Record<string, string>;
  body?: string;
}): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(options.url);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      hostname,
      port,
      path: options.path,
      method: options.method ?? 'GET',
      setHost: false,
      headers: { ...options.headers, host: options.host ?? host } as OutgoingHttpHeaders,
      agent: false,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    outgoing.end(options.body);
  });
}
