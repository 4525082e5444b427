import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..', '..');
const text = readFileSync(join(root, 'package.json'), 'utf8');
const names = z
  .record(z.string(), z.string())
  .parse(JSON.parse(readFileSync(join(root, 'package.nls.json'), 'utf8')));
const manifest = z
  .object({
    capabilities: z.object({ untrustedWorkspaces: z.object({ supported: z.literal('limited') }) }),
    contributes: z.object({
      commands: z.array(z.object({ command: z.string(), title: z.string() })),
      menus: z.record(z.string(), z.array(z.object({ command: z.string(), icon: z.string().optional() }))),
      viewsWelcome: z.array(z.object({ contents: z.string() })),
      configuration: z.object({ properties: z.record(z.string(), z.looseObject({ scope: z.string() })) }),
    }),
  })
  .parse(JSON.parse(text));
const sources = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  .join('\n');

const contributed = manifest.contributes.commands.map(({ command }) => command);
const registered = [...sources.matchAll(/registerCommand\(\s*'([^']+)'/g)].map(([, name]) => name);

describe('the manifest', () => {
  it('offers every command that is registered, and no other', () => {
    expect(contributed.toSorted()).toEqual(registered.toSorted());
  });

  it('has commands of ours in menus and welcome texts that exist', () => {
    const used = [
      ...Object.values(manifest.contributes.menus).flatMap((items) => items.map(({ command }) => command)),
      ...[...JSON.stringify(names).matchAll(/command:(claudeNexus\.\w+)/g)].map(([, name]) => name),
    ];
    expect(contributed).toEqual(expect.arrayContaining(used));
  });

  it('has a text for every key, and a key for every text', () => {
    const keys = [...text.matchAll(/"%([^"%]+)%"/g)].map(([, key]) => key);
    expect([...new Set(keys)].toSorted()).toEqual(Object.keys(names).toSorted());
  });

  it('lets no workspace change where traffic goes', () => {
    const scopes = Object.values(manifest.contributes.configuration.properties).map(({ scope }) => scope);
    expect(new Set(scopes)).toEqual(new Set(['machine']));
  });

  it('reads only settings that exist', () => {
    const read = [...sources.matchAll(/machine(?:<\w+>)?\(own, '([\w.]+)'/g)].map(
      ([, name]) => `claudeNexus.${name}`,
    );
    expect(Object.keys(manifest.contributes.configuration.properties).toSorted()).toEqual(read.toSorted());
  });
});
