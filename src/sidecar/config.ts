import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import type { z } from 'zod';
import { defaultDataDir } from './data-dir.ts';
import { invalidOption, reason } from './errors.ts';
import { nearest } from './nearest.ts';
import { readProxyRules, type ProxyRules } from './proxy/network.ts';
import { settings } from './settings.ts';

type Settings = typeof settings;
type Given = { [K in keyof Settings]: z.output<Settings[K]['shape']> };
export type ServeConfig = Omit<Given, 'dataDir' | 'credentialsDir' | 'collectSamples' | 'samplesDir'> & {
  dataDir: string;
  credentialsDir: string;
  /** Where masked samples of traffic are collected (SPEC 3.9), or null. */
  samplesDir: string | null;
  /** Which HTTP proxy the upstream is reached through: HTTPS_PROXY, NO_PROXY and their like. */
  proxyRules: ProxyRules;
  /** Variables of the old system that are accepted and do nothing. */
  withoutEffect: string[];
};

/** Options that stand alone: `--path-key` means `--path-key=true`. */
const FLAGS = new Set(['path-key', 'idle-exit']);
const WITHOUT_EFFECT = ['STORAGE_ADAPTER_CLEANUP_MS', 'STORAGE_ADAPTER_RETENTION_MS'];

/** Reads the settings of `serve`. Throws `invalid_option` that names the option or variable. */
export function readConfig(args: string[], env: NodeJS.ProcessEnv, cwd: string): ServeConfig {
  const options = readOptions(args);
  const variables: Record<string, string | undefined> = { ...readDotEnv(cwd), ...withoutEmpty(env) };
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings)) {
    const option = setting.option === null ? undefined : options.get(setting.option);
    const given = option ?? emptyAsAbsent(variables[setting.variable]);
    const parsed = setting.shape.safeParse(given);
    if (!parsed.success) {
      const name = option === undefined ? setting.variable : `--${String(setting.option)}`;
      throw invalidOption(name, parsed.error.issues.map((issue) => issue.message).join('; '));
    }
    values[key] = parsed.data;
  }
  const { collectSamples, samplesDir, ...config } = values as unknown as Given;
  const dataDir = resolve(cwd, config.dataDir ?? defaultDataDir(process.platform, env));
  return {
    ...config,
    samplesDir: collectSamples ? resolve(cwd, samplesDir) : null,
    dataDir,
    credentialsDir: resolve(cwd, config.credentialsDir ?? join(dataDir, 'credentials')),
    proxyRules: readProxyRules(variables),
    withoutEffect: WITHOUT_EFFECT.filter((name) => emptyAsAbsent(variables[name]) !== undefined),
  };
}

/** The lines of `serve --help`. */
export function optionLines(): string[] {
  return Object.values(settings).flatMap((setting) =>
    setting.option === null
      ? []
      : [`  --${setting.option.padEnd(15)} ${setting.variable.padEnd(20)} ${setting.help}`],
  );
}

function readOptions(args: string[]): Map<string, string> {
  const names = Object.values(settings).flatMap((setting) => setting.option ?? []);
  const { tokens } = parseArgs({
    args,
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      names.map((name) => [name, { type: FLAGS.has(name) ? 'boolean' : 'string' }]),
    ),
  });
  const options = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      throw invalidOption(token.value, '`serve` takes options only; try --help.');
    }
    const name = token.name;
    if (!names.includes(name as (typeof names)[number])) {
      const meant = nearest(name, names);
      throw invalidOption(
        token.rawName,
        `there is no such option${meant === null ? '' : `; did you mean --${meant}?`}`,
      );
    }
    const value = token.value ?? (FLAGS.has(name) ? 'true' : '');
    if (value === '') throw invalidOption(token.rawName, 'needs a value');
    options.set(name, value);
  }
  return options;
}

function readDotEnv(cwd: string): Record<string, string | undefined> {
  const path = join(cwd, '.env');
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw invalidOption(path, `cannot be read (${reason(error)})`);
  }
}

function withoutEmpty(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, value]],
    ),
  );
}

function emptyAsAbsent(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
