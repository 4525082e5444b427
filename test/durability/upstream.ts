import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { constants, createGzip } from 'node:zlib';
import { answerOf, PLAN_HEADER, type Plan } from './plan.ts';

export interface Upstream {
  url: string;
  close(): Promise<void>;
}

/** Does what the plan in each request's header says. */
export async function startUpstream(): Promise<Upstream> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('end', () => {
      const plan = JSON.parse(String(request.headers[PLAN_HEADER])) as Plan;
      const answer = answerOf(plan);
      const head: Record<string, string> = {
        'content-type': answer.type,
        'request-id': `req_durability_${String(plan.n)}`,
        ...(plan.gzip ? { 'content-encoding': 'gzip' } : {}),
      };
      response.writeHead(answer.status, head);
      const gzip = plan.gzip ? createGzip({ flush: constants.Z_SYNC_FLUSH }) : null;
      gzip?.pipe(response);
      const parts = plan.fault === 'break' ? answer.parts.slice(0, -1) : answer.parts;
      const write = async (): Promise<void> => {
        for (const part of parts) {
          if (response.destroyed) return;
          (gzip ?? response).write(part);
          if (plan.gapMs > 0) await wait(plan.gapMs);
        }
        if (plan.fault === 'break') response.destroy();
        else (gzip ?? response).end();
      };
      void write();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
