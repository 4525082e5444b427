import { parts } from './parts.ts';

/** One part in this process: `node part.ts <name> [quick]`; prints its rows as the last line. See `run.ts`. */
const [, , name, how] = process.argv;
const part = parts.find((one) => one.name === name);
if (part === undefined) throw new Error(`There is no part ${String(name)}`);
const rows = await part.run(how === 'quick');
console.log(JSON.stringify(rows));
