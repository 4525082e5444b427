import { beforeEach, describe, expect, it } from 'vitest';
import type { ReadyLine } from '../protocol/status.ts';
import { NexusFailure } from './problems.ts';
import { SidecarSupervisor, compareVersions, type SidecarState } from './sidecar-supervisor.ts';

const line = (overrides: Partial<ReadyLine> = {}): ReadyLine => ({
  ready: true,
  url: 'http://127.0.0.1:4000',
  baseUrl: 'http://127.0.0.1:4000/k/key',
  token: 'made-up',
  pid: 1,
  version: '1.0.0',
  protocolVersion: 1,
  attached: false,
  ...overrides,
});

/** A world that follows a script: what each launch gives, what each look finds. */
class World {
  launches: (ReadyLine | NexusFailure)[] = [];
  health: boolean[] = [];
  states: SidecarState[] = [];
  waits: number[] = [];
  ended: number[] = [];
  time = 0;
  supervisor = new SidecarSupervisor(
    {
      launch: () => {
        const next = this.launches.shift();
        if (next === undefined) throw new Error('one launch more than the script has');
        return next instanceof NexusFailure ? Promise.reject(next) : Promise.resolve(next);
      },
      answers: () => Promise.resolve(this.health.shift() ?? true),
      end: (ready) => {
        this.ended.push(ready.pid);
        return Promise.resolve();
      },
      wait: (ms) => {
        this.waits.push(ms);
        return Promise.resolve();
      },
      now: () => this.time,
      onState: (state) => this.states.push(state),
    },
    { version: '1.0.0', protocolVersion: 1 },
  );

  /** The states, short: `down port_in_use 1000`. */
  get story(): string[] {
    return this.states.map((state) => {
      if (state.kind === 'connected') return `connected ${state.ready.pid}`;
      return state.kind === 'down' ? `down ${state.trouble.code} ${state.retryInMs}` : state.kind;
    });
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('starting', () => {
  it('connects', async () => {
    world.launches = [line()];
    await world.supervisor.start();
    expect(world.story).toEqual(['starting', 'connected 1']);
  });

  it('tries again with a growing delay while it may help', async () => {
    const taken = new NexusFailure('port_in_use', 'taken');
    world.launches = [taken, taken, taken, line()];
    await world.supervisor.start();
    expect(world.story).toEqual([
      'starting',
      'down port_in_use 1000',
      'down port_in_use 2000',
      'down port_in_use 4000',
      'connected 1',
    ]);
    expect(world.waits).toEqual([1000, 2000, 4000]);
  });

  it('never waits longer than a minute', async () => {
    world.launches = [...Array.from({ length: 9 }, () => new NexusFailure('spawn_failed', 'no')), line()];
    await world.supervisor.start();
    expect(Math.max(...world.waits)).toBe(60_000);
  });

  it('waits for the user where trying again cannot help', async () => {
    world.launches = [new NexusFailure('invalid_option', '--upstream: no')];
    await world.supervisor.start();
    expect(world.story).toEqual(['starting', 'down invalid_option null']);
  });

  it('does not call it connected while nothing answers', async () => {
    world.launches = [line(), line()];
    world.health = [false, true];
    await world.supervisor.start();
    expect(world.story).toEqual(['starting', 'down not_answering 1000', 'connected 1']);
  });
});

it('a restart in the middle of a launch waits until that has let go, and ends what it had found', async () => {
  const launched: string[] = [];
  const ended: number[] = [];
  const first = Promise.withResolvers<ReadyLine>();
  const supervisor = new SidecarSupervisor({
    launch: () => {
      launched.push(`launch ${launched.length + 1}`);
      return launched.length === 1 ? first.promise : Promise.resolve(line({ pid: 2 }));
    },
    answers: () => Promise.resolve(true),
    end: (ready) => {
      ended.push(ready.pid);
      return Promise.resolve();
    },
    wait: () => Promise.resolve(),
    now: () => 0,
    onState: () => undefined,
  });
  const started = supervisor.start();
  await Promise.resolve();
  const restarted = supervisor.restart();
  await Promise.resolve();
  expect(launched).toEqual(['launch 1']);
  first.resolve(line({ pid: 1 }));
  await Promise.all([started, restarted]);
  expect(ended).toEqual([1]);
  expect(supervisor.state).toMatchObject({ kind: 'connected', ready: { pid: 2 } });
});

describe('attaching to the sidecar of another window', () => {
  it('replaces an older one', async () => {
    world.launches = [line({ attached: true, pid: 7, version: '0.9.3' }), line({ pid: 8 })];
    await world.supervisor.start();
    expect(world.ended).toEqual([7]);
    expect(world.story.at(-1)).toBe('connected 8');
  });

  it.each(['1.0.0', '1.2.0', '0.0.0-source'])('leaves %s alone', async (version) => {
    world.launches = [line({ attached: true, version })];
    await world.supervisor.start();
    expect(world.ended).toEqual([]);
    expect(world.story.at(-1)).toBe('connected 1');
  });

  const inTheWay = (protocolVersion: number): NexusFailure =>
    new NexusFailure('other_version', 'The folder is used by another one.', {
      ...line({ pid: 7, version: '0.9.3' }),
      protocolVersion,
    });

  it('replaces one of an older protocol', async () => {
    world.launches = [inTheWay(0), line({ pid: 8 })];
    await world.supervisor.start();
    expect(world.ended).toEqual([7]);
    expect(world.story).toEqual(['starting', 'connected 8']);
  });

  it('tries again later when somebody starts the older one anew', async () => {
    world.launches = [inTheWay(0), inTheWay(0), line({ attached: true, pid: 8 })];
    await world.supervisor.start();
    expect(world.story).toEqual(['starting', 'down other_version 1000', 'connected 8']);
  });

  it('leaves one of a newer protocol alone, and says so', async () => {
    world.launches = [inTheWay(2)];
    await world.supervisor.start();
    expect(world.ended).toEqual([]);
    expect(world.story).toEqual(['starting', 'down newer_sidecar null']);
    expect(world.states.at(-1)).toMatchObject({ trouble: { detail: 'The folder is used by another one.' } });
  });

  it('does not talk to one with a newer protocol', async () => {
    world.launches = [line({ attached: true, version: '2.0.0', protocolVersion: 2 })];
    await world.supervisor.start();
    expect(world.story.at(-1)).toBe('down newer_sidecar null');
    expect(world.ended).toEqual([]);
  });
});

describe('losing the connection', () => {
  beforeEach(async () => {
    world.launches = [line()];
    await world.supervisor.start();
    world.states = [];
  });

  it('is nothing while the sidecar answers', async () => {
    world.health = [true];
    await world.supervisor.lost();
    expect(world.story).toEqual([]);
  });

  it('starts a new one at once when it has died', async () => {
    world.health = [false];
    world.launches = [line({ pid: 2 })];
    await world.supervisor.lost();
    expect(world.story).toEqual(['down crashed 0', 'connected 2']);
    expect(world.waits).toEqual([]);
  });

  it('slows down when it dies again and again, and forgets after a minute of health', async () => {
    world.launches = [2, 3, 4].map((pid) => line({ pid }));
    world.health = [false, true];
    await world.supervisor.lost();
    world.health = [false, true];
    await world.supervisor.lost();
    expect(world.waits).toEqual([2000]);
    world.time = 60_000;
    world.health = [false, true];
    await world.supervisor.lost();
    expect(world.waits).toEqual([2000]);
    expect(world.story.at(-1)).toBe('connected 4');
  });

  it('does not end a process that was seen dead: its id may be another one’s', async () => {
    world.health = [false];
    world.launches = [new NexusFailure('invalid_option', 'no')];
    await world.supervisor.lost();
    world.launches = [line({ pid: 2 })];
    await world.supervisor.restart();
    expect(world.ended).toEqual([]);
  });
});

describe('the user', () => {
  it('restarts a running one', async () => {
    world.launches = [line(), line({ pid: 2 })];
    await world.supervisor.start();
    await world.supervisor.restart();
    expect(world.ended).toEqual([1]);
    expect(world.story).toEqual(['starting', 'connected 1', 'starting', 'connected 2']);
  });

  it('restarts one that hangs', async () => {
    world.launches = [line(), new NexusFailure('invalid_option', 'no')];
    world.health = [false];
    await world.supervisor.start();
    world.launches = [line({ pid: 2 })];
    await world.supervisor.restart();
    expect(world.ended).toEqual([1]);
  });

  it('switches it off, and a launch under way no longer counts', async () => {
    const slow = Promise.withResolvers<ReadyLine>();
    const states: SidecarState[] = [];
    const supervisor = new SidecarSupervisor({
      launch: () => slow.promise,
      answers: () => Promise.resolve(true),
      end: () => Promise.resolve(),
      wait: () => Promise.resolve(),
      now: () => 0,
      onState: (state) => states.push(state),
    });
    const started = supervisor.start();
    supervisor.stop({ code: 'switched_off', detail: '' });
    slow.resolve(line());
    await started;
    expect(states.map((state) => state.kind)).toEqual(['starting', 'down']);
  });
});

it.each([
  ['1.2.3', '1.2.3', 0],
  ['1.2.3', '1.10.0', -1],
  ['2.0.0', '1.99.99', 1],
  ['1.0.0-beta', '1.0.0', 0],
])('%s against %s', (a, b, expected) => {
  expect(Math.sign(compareVersions(a, b))).toBe(expected);
});
