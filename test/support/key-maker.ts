import {
  addClientKey,
  generateClientKey,
  removeClientKey,
} from '../../src/sidecar/credentials/client-keys.ts';

/**
 * A process that, once it is told to, keeps `argv[4]` client keys named after `argv[3]` in the file `argv[2]` and revokes
 * every second one. It says `ready`, then `done`, or what went wrong.
 */
const [path, name, count] = process.argv.slice(2) as [string, string, string];

process.on('message', () => {
  work().then(
    () => process.send?.('done'),
    (error: unknown) => process.send?.(String(error)),
  );
});
process.send?.('ready');

async function work(): Promise<void> {
  for (let index = 0; index < Number(count); index++) {
    const kept = `${name}-${String(index)}`;
    const { id } = await addClientKey(path, generateClientKey(), 'a.example', kept, new Date());
    if (index % 2 === 1) await removeClientKey(path, id);
  }
}
