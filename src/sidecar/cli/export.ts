import { once } from 'node:events';
import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { z } from 'zod';
import { exportFormat, redactMode } from '../../protocol/export.ts';
import { problem } from '../../protocol/problem.ts';
import { invalidOption, NexusError, reason } from '../errors.ts';
import { runningSidecar } from '../owner-file.ts';
import { configOf, parseCommand, type Command, type CommandContext } from './command.ts';

export const exportCommand: Command = {
  summary: 'write a conversation or a request to a file',
  help: `Usage: claude-nexus export --conversation-id <id> [options]
       claude-nexus export --request-id <id> [options]

Asks the running sidecar of the data directory.

  --conversation-id  which conversation
  --request-id       which request (JSON only)
  --format           json (all of it), md or html (to read); default: json
  --redact           own (keys of Claude Nexus are masked), all (every secret that is recognised), none; default: own
  --file             where to; a directory takes the file's own name. Default: standard output
  --data-dir         DATA_DIR  the sidecar's data directory
  --json             with --file: one JSON object about the file on stdout
  --help             this text

Exit code: 0 done, 1 could not be done (also: no sidecar is running), 2 not understood, 3 not in the store.
`,
  exitCodes: { not_found: 3 },
  async run(args, context) {
    const { values } = parseCommand(args, options);
    const asked = {
      path: pathOf(values),
      file: values.file === undefined ? null : resolve(context.cwd, values.file),
    };
    if (values.json && asked.file === null) {
      throw invalidOption(
        '--json',
        'tells about a file: give --file too. Without both, the export is the output',
      );
    }
    const { url, token } = runningSidecar(configOf(values, context).dataDir);
    const response = await ask(`${url}${asked.path}`, token);
    if (asked.file === null) {
      const { output } = context;
      // Said by the write that fails (`| head` closes it early), and must not end the process by itself.
      output.on('error', () => undefined);
      await pipe(response, (bytes) => written(output, bytes));
      return 0;
    }
    const file = isDirectory(asked.file) ? join(asked.file, fileName(response)) : asked.file;
    const bytes = await writeFile(response, file);
    told({ file, bytes }, values.json, context);
    return 0;
  },
};

const options = {
  'conversation-id': { type: 'string' },
  'request-id': { type: 'string' },
  format: { type: 'string', default: 'json' },
  redact: { type: 'string', default: 'own' },
  file: { type: 'string' },
  'data-dir': { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

interface Values {
  'conversation-id'?: string | undefined;
  'request-id'?: string | undefined;
  format: string;
  redact: string;
}

function pathOf({ 'conversation-id': conversation, 'request-id': request, ...rest }: Values): string {
  const format = choice('--format', exportFormat, rest.format);
  const redact = choice('--redact', redactMode, rest.redact);
  if ((conversation === undefined) === (request === undefined)) {
    throw invalidOption('export', 'give either --conversation-id or --request-id. Try --help.');
  }
  const id = conversation ?? request ?? '';
  if (!z.guid().safeParse(id).success) {
    throw invalidOption(
      conversation === undefined ? '--request-id' : '--conversation-id',
      'expected an id like 0192f0c1-2b3c-7d4e-8f50-0123456789ab; "Copy link" in a panel has it',
    );
  }
  if (conversation !== undefined) return `/api/conversations/${id}/export?format=${format}&redact=${redact}`;
  if (format !== 'json') throw invalidOption('--format', 'a request is exported as json only');
  return `/api/requests/${id}/export?redact=${redact}`;
}

function choice<T extends string>(name: string, values: z.ZodEnum<Record<T, T>>, given: string): T {
  const parsed = values.safeParse(given);
  if (parsed.success) return parsed.data;
  throw invalidOption(name, `expected ${values.options.join(', ')}`);
}

/** The answer's body, not read yet. @throws NexusError with the sidecar's own words when it is a problem. */
async function ask(url: string, token: string): Promise<Response> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` }, redirect: 'error' });
  if (response.ok) return response;
  const said = problem.safeParse(await response.json().catch(() => null)).data;
  if (said === undefined) throw new Error(`the sidecar answered ${response.status}`);
  throw new NexusError(said.code, said.status, said.title, said.detail);
}

async function pipe(response: Response, write: (bytes: Uint8Array) => Promise<void>): Promise<number> {
  let size = 0;
  try {
    for await (const bytes of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += bytes.byteLength;
      await write(bytes);
    }
  } catch (error) {
    throw new Error(`the export was broken off after ${size} bytes (${reason(error)})`, { cause: error });
  }
  return size;
}

/** Beside the file and then renamed, so that a half is never taken for the whole. Resolves with its size in bytes. */
async function writeFile(response: Response, file: string): Promise<number> {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.part`);
  const stream = createWriteStream(temporary, { flags: 'wx', mode: 0o600 });
  try {
    await once(stream, 'open');
    const size = await pipe(response, (bytes) => written(stream, bytes));
    await new Promise<void>((done, failed) => {
      stream.once('error', failed).end(done);
    });
    renameSync(temporary, file);
    return size;
  } catch (error) {
    stream.destroy();
    rmSync(temporary, { force: true });
    throw error;
  }
}

async function written(stream: Writable, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((done, failed) => {
    stream.write(bytes, (error) => {
      if (error) failed(error);
      else done();
    });
  });
}

function told(written: { file: string; bytes: number }, json: boolean, { out, err }: CommandContext): void {
  if (json) out(`${JSON.stringify(written)}\n`);
  else err(`Written: ${written.file} (${written.bytes} bytes)\n`);
}

const isDirectory = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();

/** The sidecar makes it of letters, digits and dashes; another one could not be trusted with a path. */
function fileName(response: Response): string {
  const given = /filename="([\w-]+\.\w+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1];
  return given ?? 'export.json';
}
