import type { IncomingMessage } from 'node:http';
import type { Gate } from './api/auth.ts';
import { presentedKeys } from './core/presented-keys.ts';
import type { FailedAttempts } from './failed-attempts.ts';

/** `ours`: it carries a key of ours. `waitSeconds`: nobody has looked, there were too many wrong ones. */
export type OwnKeyVerdict = 'pass' | 'ours' | { waitSeconds: number };

/** Looks at what a request for the upstream carries, from this address. */
export type OwnKeyGuard = (
  request: Pick<IncomingMessage, 'headers' | 'rawHeaders'>,
  address: string,
) => OwnKeyVerdict;

/**
 * Keeps our own keys and the cookies of browser sessions from going upstream (a browser that shows the panels asks for
 * `/favicon.ico` by itself), without becoming a way to find the dashboard key: whoever sends strings here learns from
 * the answer which one was it. So a wrong one counts as an attempt, and after too many of them new ones are refused
 * unseen. Clients have keys of their own: what looks like one of the Claude API's is no guess, another one counts once a
 * minute and works on.
 */
export function createOwnKeyGuard(
  gate: Pick<Gate, 'acceptsKey' | 'acceptsToken' | 'couldBeGuess' | 'cookieName'>,
  attempts: FailedAttempts,
  isClientKey: (key: string) => boolean,
): OwnKeyGuard {
  return ({ headers, rawHeaders }, address) => {
    if (headers.cookie?.includes(`${gate.cookieName}=`) === true) return 'ours';
    const keys = presentedKeys(rawHeaders);
    if (keys.some((key) => gate.acceptsToken(key))) return 'ours';
    // A client key is judged where it is used; it does not go upstream either.
    const guesses = keys.filter((key) => gate.couldBeGuess(key) && !isClientKey(key));
    const waitSeconds = attempts.waitOf(address);
    if (waitSeconds !== null && guesses.some((key) => !attempts.wasTried(address, key))) {
      return { waitSeconds };
    }
    if (guesses.some((key) => gate.acceptsKey(key))) return 'ours';
    for (const key of guesses) attempts.triedInVain(address, key);
    return 'pass';
  };
}
