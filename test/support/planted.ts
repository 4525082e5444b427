import { createHash } from 'node:crypto';

/** A made-up secret, and the part of it that a search looks for. */
export interface Planted {
  name: string;
  secret: string;
  needle: string;
}

/** Secrets for one test, each different; put together here so that no scanner of repositories takes them for real. */
export class Planter {
  readonly all: Planted[] = [];
  readonly #salt: string;

  constructor(salt: string) {
    this.#salt = salt;
  }

  /** Letters and digits that look drawn at random. */
  random(length: number): string {
    const name = `${this.#salt} ${String(this.all.length)}`;
    const text = ['a', 'b', 'c']
      .map((part) =>
        createHash('sha256')
          .update(name + part)
          .digest('base64'),
      )
      .join('');
    return `x7${text.replace(/[^A-Za-z0-9]/g, '')}`.slice(0, length);
  }

  /** Plants `before` + something random + `after`, and remembers it under `name`. */
  plant(name: string, before = '', length = 32, after = ''): string {
    const needle = this.random(length);
    const secret = before + needle + after;
    this.all.push({ name, secret, needle });
    return secret;
  }

  aws(name: string): string {
    const needle = this.random(16).toUpperCase();
    this.all.push({ name, secret: `AKIA${needle}`, needle });
    return `AKIA${needle}`;
  }

  pem(name: string): string {
    const line = this.plant(name, '', 64);
    return `-----BEGIN RSA PRIVATE KEY-----\n${line}\n${line}\n-----END RSA PRIVATE KEY-----`;
  }

  jwt(name: string): string {
    const signature = this.plant(name, '', 43);
    return `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYWRlIHVwIn0.${signature}`;
  }
}
