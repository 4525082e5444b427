import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskPathKey, nameProjects, projectBaseUrl, type ProjectNames } from './project-names.ts';

describe('names of projects', () => {
  const check = (known: ProjectNames, folders: string[], expected: ProjectNames): void => {
    expect(nameProjects(known, folders)).toEqual(expected);
  };

  it('takes the name of the folder', () => {
    check({}, ['file:///home/me/my%20app'], { 'file:///home/me/my%20app': 'my app' });
    check({}, ['vscode-remote://wsl%2Bubuntu/src/app'], { 'vscode-remote://wsl%2Bubuntu/src/app': 'app' });
    check({}, ['file:///c%3A/'], { 'file:///c%3A/': 'c:' });
  });

  it('has a name for a folder without one', () => {
    check({}, ['file:///'], { 'file:///': 'workspace' });
  });

  it('counts on where the name is taken, and never gives a name to another folder', () => {
    check({ 'file:///a/app': 'app' }, ['file:///b/app', 'file:///c/app'], {
      'file:///a/app': 'app',
      'file:///b/app': 'app-2',
      'file:///c/app': 'app-3',
    });
  });

  it('returns the same object when nothing is new', () => {
    const known = { 'file:///a/app': 'app' };
    expect(nameProjects(known, ['file:///a/app'])).toBe(known);
  });

  it('gives every folder its own name, and keeps it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.webUrl(), { maxLength: 8 }),
        fc.array(fc.webUrl(), { maxLength: 8 }),
        (first, then) => {
          const before = nameProjects({}, first);
          const after = nameProjects(before, then);
          const names = Object.values(after);
          expect(new Set(names).size).toBe(names.length);
          expect(after).toMatchObject(before);
        },
      ),
    );
  });
});

describe('base URLs', () => {
  it.each([
    ['http://127.0.0.1:4000/k/key', 'my app', 'http://127.0.0.1:4000/k/key/p/my%20app'],
    ['http://127.0.0.1:4000/k/key/', 'a/b', 'http://127.0.0.1:4000/k/key/p/a%2Fb'],
    ['http://127.0.0.1:4000/k/key', null, 'http://127.0.0.1:4000/k/key'],
  ])('%s + %s', (base, project, expected) => {
    expect(projectBaseUrl(base, project)).toBe(expected);
  });

  it('are shown without the path key', () => {
    expect(maskPathKey('http://127.0.0.1:4000/k/s3cret_-/p/app')).toBe('http://127.0.0.1:4000/k/…/p/app');
    expect(maskPathKey('http://127.0.0.1:4000')).toBe('http://127.0.0.1:4000');
  });
});
