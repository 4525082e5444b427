import { Agent, createServer, request as send } from 'node:http';

/** The yardstick: the least a Node proxy can do. Usage: `node bare-pipe.ts <upstream url>`. */
const upstream = new URL(process.argv[2] ?? '');
const agent = new Agent({ keepAlive: true });

const server = createServer((request, response) => {
  const onward = send(
    {
      agent,
      host: upstream.hostname,
      port: upstream.port,
      path: request.url ?? '/',
      method: request.method ?? 'GET',
      headers: request.headers,
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.once('error', (error) => response.destroy(error));
  request.pipe(onward);
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as { port: number }).port}` }));
});
